// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask compare`: the cycles of the accelerator and of soft cores, in Verilator, beside those that others tell, in
//! `docs/results/compare.json` and the table of `docs/results.md`.

use std::fs;
use std::path::Path;

use indicatif::HumanCount;
use serde_json::{Value, json};

use crate::error::Error;
use crate::markers::replace;
use crate::project::{self, Project, finish};

/// A network and a configuration.
struct Case {
    title: &'static str,
    /// In the repository, or (without a folder) among the shared models.
    model: &'static str,
    frames: &'static str,
    config: &'static str,
    /// Stem of the results of `sepstream bench` with the same cycles, which a test compares with the model.
    bench: &'static str,
}

const CASES: [Case; 3] = [
    Case {
        title: "VWW",
        model: "vww_mbv1_025_96.tflite",
        frames: "vww_mbv1_025_96.npz",
        config: "configs/vww_16x8.yaml",
        bench: "vww_16x8",
    },
    Case {
        title: "KWS",
        model: "kws_dscnn_mlperf.tflite",
        frames: "kws_dscnn_mlperf.npz",
        config: "configs/kws_16x8.yaml",
        bench: "kws_16x8",
    },
    Case {
        title: "digits",
        model: "models/digits.tflite",
        frames: "models/digits_test.npz",
        config: "configs/small_4x4.yaml",
        bench: "digits_4x4",
    },
];

/// What depends on the machine, and is not published.
const LOCAL: &str = "wall-clock";
/// Fields of a row that are published.
const FIELDS: [&str; 5] = ["peer", "how", "cycles", "multipliers", "bytes"];
const FILE: &str = "docs/results/compare.json";
const PAGE: &str = "docs/results.md";

/// Runs all networks, and writes their figures.
///
/// # Errors
/// When a model or a peer is missing, a run fails or gives other bytes, or a file cannot be written.
pub fn run(project: &Project) -> Result<(), Error> {
    let mut setup = (project.sepstream)();
    setup.current_dir(project.root);
    finish(setup.args(["setup", "--peers"]))?;
    let (mut networks, mut compiler) = (Vec::new(), Value::Null);
    for case in &CASES {
        println!("{}: soft cores in Verilator", case.title);
        let (model, frames) = (
            project::model(project.root, case.title, case.model)?,
            project::model(project.root, case.title, case.frames)?,
        );
        let mut command = (project.sepstream)();
        command.current_dir(project.root).arg("compare").arg(&model);
        command
            .args(["--config", case.config, "--verify", "--json", "--input"])
            .arg(&frames);
        let output = finish(&mut command)?;
        let report: Value = serde_json::from_str(&output).map_err(|e| Error::json(&model, e))?;
        let rows = rows(case, &report)?;
        compiler = report["soft_core_compiler"].clone();
        networks.push(json!({ "network": case.title, "config": case.config, "macs": report["macs"], "rows": rows }));
    }
    let figures = json!({ "soft_core_compiler": compiler, "networks": networks });
    let write = |name: &str, text: String| {
        let path = project.root.join(name);
        fs::write(&path, text).map_err(|e| Error::io(&path, e))
    };
    write(FILE, format!("{figures:#}\n"))?;
    write(PAGE, page(project.root, &figures)?)
}

/// What the committed figures lack, in words: the accelerator's cycles are those of the other results, the page says the same.
///
/// # Errors
/// When a file cannot be read.
pub fn check(root: &Path) -> Result<Vec<String>, Error> {
    let figures = parsed(root, FILE)?;
    let mut faults = Vec::new();
    for case in &CASES {
        let file = format!("docs/results/{}.json", case.bench);
        let wanted = &parsed(root, &file)?["cycles"];
        let networks = figures["networks"].as_array().into_iter().flatten();
        let own = networks
            .filter(|network| network["network"] == case.title)
            .flat_map(|network| network["rows"].as_array().into_iter().flatten())
            .filter(|row| row["peer"].as_str().is_some_and(is_accelerator));
        let cycles: Vec<_> = own.map(|row| &row["cycles"]).collect();
        if cycles.is_empty() || cycles.iter().any(|cycles| *cycles != wanted) {
            faults.push(format!(
                "{FILE}: {}: the accelerator takes {cycles:?} cycles, in {file} {wanted}",
                case.title
            ));
        }
    }
    if read(root, PAGE)? != page(root, &figures)? {
        faults.push(format!("{PAGE}: another table"));
    }
    Ok(faults)
}

/// Whether a row is of the accelerator: by the model, in Verilator, or driven by a core.
fn is_accelerator(peer: &str) -> bool {
    peer.starts_with("accelerator")
}

fn read(root: &Path, name: &str) -> Result<String, Error> {
    let path = root.join(name);
    fs::read_to_string(&path).map_err(|e| Error::io(&path, e))
}

fn parsed(root: &Path, name: &str) -> Result<Value, Error> {
    serde_json::from_str(&read(root, name)?).map_err(|e| Error::json(root.join(name), e))
}

/// The page with the table as it must be.
fn page(root: &Path, figures: &Value) -> Result<String, Error> {
    let text = read(root, PAGE)?;
    replace(&text, "compare", "cargo xtask compare", &table(figures))
        .map_err(|fault| Error::Marker(format!("{PAGE}: {fault}")))
}

/// The published fields of the rows that are the same on every machine; all of them must have figures.
fn rows(case: &Case, report: &Value) -> Result<Vec<Value>, Error> {
    let mut rows = Vec::new();
    for row in report["rows"].as_array().into_iter().flatten() {
        let peer = row["peer"].as_str().unwrap_or_default();
        if row["how"] == LOCAL || (row["how"] == "published" && !row["missing"].is_null()) {
            continue;
        }
        if let Some(missing) = row["missing"].as_str() {
            let (case, peer) = (case.title, peer.into());
            return Err(Error::NoPeer {
                case,
                peer,
                missing: missing.into(),
            });
        }
        let fields = FIELDS
            .iter()
            .map(|field| ((*field).to_owned(), row[field].clone()));
        rows.push(Value::Object(fields.collect()));
    }
    Ok(rows)
}

/// A row for each peer, a column for each network; multiples are of the accelerator's cycles, which are in the first row.
fn table(figures: &Value) -> String {
    let networks: Vec<&Value> = figures["networks"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let mut peers: Vec<(&str, &str)> = Vec::new();
    for row in networks
        .iter()
        .flat_map(|network| network["rows"].as_array())
        .flatten()
    {
        let peer = (
            row["peer"].as_str().unwrap_or_default(),
            row["how"].as_str().unwrap_or_default(),
        );
        if !peers.contains(&peer) {
            peers.push(peer);
        }
    }
    let titles = networks.iter().map(|network| {
        let config = network["config"].as_str().unwrap_or_default();
        format!(
            " {} on [{}](../{config}) |",
            network["network"].as_str().unwrap_or_default(),
            stem(config)
        )
    });
    let mut text = format!(
        "| cycles of a frame | how |{}\n|---|---|",
        titles.collect::<String>()
    );
    text += &"--:|".repeat(networks.len());
    for (peer, how) in peers {
        let cells = networks.iter().map(|network| {
            let rows = network["rows"].as_array();
            let row = rows.and_then(|rows| rows.iter().find(|row| row["peer"] == peer));
            let cycles = row.and_then(|row| row["cycles"].as_u64());
            match (cycles, network["rows"][0]["cycles"].as_u64()) {
                (Some(cycles), Some(base)) => {
                    let times = cycles as f64 / base as f64;
                    format!(" {}, {} x |", HumanCount(cycles), rounded(times))
                }
                _ => " |".into(),
            }
        });
        text += &format!("\n| {peer} | {} |{}", words(how), cells.collect::<String>());
    }
    text += &format!(
        "\n\nKernels for soft cores are built by {}.\n",
        figures["soft_core_compiler"].as_str().unwrap_or_default()
    );
    text
}

/// How a figure was got, for people.
fn words(how: &str) -> &str {
    match how {
        "model" => "exact model",
        "rtl" => "measured RTL",
        other => other,
    }
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}

/// Three digits.
fn rounded(times: f64) -> String {
    match times {
        100.0.. => HumanCount(times.round() as u64).to_string(),
        10.0.. => format!("{times:.1}"),
        _ => format!("{times:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_rows_and_networks_are_columns() {
        let row = |peer: &str, cycles: u64| json!({ "peer": peer, "how": "rtl", "cycles": cycles });
        let network = |name: &str, rows: Vec<Value>| json!({ "network": name, "config": "configs/a_1x2.yaml", "rows": rows });
        let figures = json!({ "networks": [
            network("A", vec![row("ours", 1000), row("core", 1_234_567)]),
            network("B", vec![row("ours", 10)]),
        ]});
        let text = table(&figures);
        assert!(
            text.contains("| A on [a_1x2](../configs/a_1x2.yaml) | B on"),
            "{text}"
        );
        assert!(
            text.contains("| core | measured RTL | 1,234,567, 1,235 x | |"),
            "{text}"
        );
        assert!(
            text.contains("| ours | measured RTL | 1,000, 1.00 x | 10, 1.00 x |"),
            "{text}"
        );
    }

    #[test]
    fn what_depends_on_the_machine_is_left_out_and_what_is_missing_is_an_error() {
        let report = |rows: Value| json!({ "rows": rows });
        let wall = json!({ "peer": "cpu", "how": "wall-clock", "cycles": 1, "missing": null });
        let core = json!({ "peer": "core", "how": "rtl", "cycles": 2, "missing": null });
        let kept = rows(&CASES[0], &report(json!([wall, core]))).unwrap();
        assert_eq!((kept.len(), &kept[0]["peer"]), (1, &json!("core")));
        let none = json!({ "peer": "core", "how": "rtl", "cycles": null, "missing": "no Rust" });
        assert!(rows(&CASES[0], &report(json!([none]))).is_err());
    }
}
