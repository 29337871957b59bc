// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask boards`: bitstreams with several seeds each, in `docs/results/board_*.json` and in the table of `docs/boards.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sepstream_compiler::{compile, simplify, tflite};
use sepstream_sim::model;
use sepstream_spec::config::Config;
use sepstream_synth::estimate::{BLOCK_ERROR, Estimate, LUT_ERROR};
use sepstream_synth::flow::{self, Request};
use sepstream_synth::origin::BoardOrigin;
use sepstream_synth::{Board, Cells, board};
use sepstream_toolchain as tools;
use serde_json::Value;

use crate::error::Error;
use crate::markers::replace;
use crate::project::{self, Project};

/// A board, a configuration and a network that runs on it.
struct Point {
    board: &'static str,
    config: &'static str,
    /// Network: title, and file, in the repository or (without a folder) among the shared models.
    network: (&'static str, &'static str),
    mhz: &'static str,
}

/// The design of a point as it is today.
struct Today {
    origin: BoardOrigin,
    /// None where the design is refused.
    estimate: Option<Estimate>,
}

impl Today {
    /// What the figures follow from that is another today.
    fn others(&self, figures: &Value) -> Result<Vec<String>, Error> {
        let today = serde_json::to_value(&self.origin).map_err(|e| Error::json("origin", e))?;
        let fields = today.as_object().into_iter().flatten();
        let changed = fields.filter(|(field, value)| figures["origin"][field] != **value);
        let mut others: Vec<String> = changed.map(|(field, _)| field.clone()).collect();
        let tools = figures["tools"].as_array().into_iter().flatten();
        let banners: Vec<&str> = tools.filter_map(Value::as_str).collect();
        if banners.is_empty() || !banners.iter().all(|banner| tools::is_pinned(banner)) {
            others.push("version of the tools".into());
        }
        Ok(others)
    }
}

/// Cells of an FPGA.
struct Kind {
    name: &'static str,
    cells: [&'static str; 2],
    of: fn(&Cells) -> u32,
    error: f64,
}

const fn point(
    board: &'static str,
    config: &'static str,
    network: (&'static str, &'static str),
    mhz: &'static str,
) -> Point {
    Point {
        board,
        config,
        network,
        mhz,
    }
}

const DIGITS: (&str, &str) = ("digits", "models/digits.tflite");
const VWW: (&str, &str) = ("VWW", "vww_mbv1_025_96.tflite");
const KWS: (&str, &str) = ("KWS", "kws_dscnn_mlperf.tflite");

/// What is published, small ones first.
const POINTS: [Point; 10] = [
    point("ice40-hx8k", "digits_2x1", DIGITS, "50"),
    point("icebreaker", "digits_2x1_plain", DIGITS, "24"),
    point("icebreaker", "kws_2x1x5", KWS, "24"),
    point("ulx3s-12f", "digits_4x2", DIGITS, "110"),
    point("ulx3s-12f", "vww_8x4", VWW, "100"),
    point("ulx3s-25f", "kws_8x6", KWS, "110"),
    point("ulx3s-25f", "kws_8x8", KWS, "110"),
    point("ulx3s-25f", "vww_8x8", VWW, "100"),
    point("ulx3s-85f", "vww_16x8", VWW, "110"),
    point("ulx3s-85f", "vww_16x16", VWW, "110"),
];
/// Seeds of nextpnr for each.
const SEEDS: usize = 3;
/// What is estimated, as nextpnr names it on both families, and by how much the estimate may miss.
const ESTIMATED: [Kind; 3] = [
    Kind {
        name: "LUTs",
        cells: LUTS,
        of: Cells::sites,
        error: LUT_ERROR,
    },
    Kind {
        name: "DSPs",
        cells: DSPS,
        of: |cells| cells.multipliers,
        error: BLOCK_ERROR,
    },
    Kind {
        name: "block RAMs",
        cells: RAMS,
        of: |cells| cells.block_rams,
        error: BLOCK_ERROR,
    },
];
const LUTS: [&str; 2] = ["TRELLIS_COMB", "ICESTORM_LC"];
const DSPS: [&str; 2] = ["MULT18X18D", "ICESTORM_DSP"];
const RAMS: [&str; 2] = ["DP16KD", "ICESTORM_RAM"];
const PAGE: &str = "docs/boards.md";

impl Point {
    fn name(&self) -> String {
        format!("{}_{}", self.board, self.config)
    }
    fn file(&self, root: &Path) -> PathBuf {
        root.join(format!("docs/results/board_{}.json", self.name()))
    }
    fn config(&self) -> String {
        format!("configs/{}.yaml", self.config)
    }
    /// What its file holds.
    fn configuration(&self, root: &Path) -> Result<Config, Error> {
        let path = root.join(self.config());
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
        Config::from_yaml(&text, self.config).map_err(|violations| {
            let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
            Error::Config(lines.join("\n"))
        })
    }
    /// Cycles of a frame by the model, which is exact.
    fn cycles(&self, root: &Path) -> Result<u64, Error> {
        let (title, file) = self.network;
        let path = project::model(root, title, file)?;
        let bytes = fs::read(&path).map_err(|e| Error::io(&path, e))?;
        let config = self.configuration(root)?;
        let compiled =
            tflite::load(&bytes, title).and_then(|graph| compile(&simplify(&graph), &config));
        let compiled =
            compiled.map_err(|error| Error::Config(format!("{}: {error}", self.name())))?;
        let commands = model::cycles(&compiled.program, &config);
        Ok(commands.iter().map(|command| command.total).sum())
    }
    fn today(&self, root: &Path) -> Result<Today, Error> {
        let config = self.configuration(root)?;
        let refused =
            |error: sepstream_synth::Error| Error::Config(format!("{}: {error}", self.name()));
        let board = Board::find(self.board).map_err(|error| refused(error.into()))?;
        let freq = board::hertz(self.mhz);
        let request = Request {
            freq_hz: freq
                .ok_or_else(|| Error::Config(format!("{}: {} MHz", self.name(), self.mhz)))?,
            ..Request::new(&board, &config, root)
        };
        Ok(Today {
            origin: flow::origin(&request).map_err(refused)?,
            estimate: flow::estimate(&request).ok(),
        })
    }
}

/// Builds the points whose names begin with `prefix`, and writes their figures and the table of all.
///
/// # Errors
/// When a model is missing, a run fails, or a file cannot be written.
pub fn run(project: &Project, prefix: &str) -> Result<(), Error> {
    let chosen = POINTS
        .iter()
        .filter(|point| point.name().starts_with(prefix));
    let mut count = 0;
    for point in chosen {
        count += 1;
        println!("{}", point.name());
        let figures = build(project, point)?;
        let path = point.file(project.root);
        fs::write(&path, format!("{figures:#}\n")).map_err(|e| Error::io(&path, e))?;
    }
    if count == 0 {
        let names: Vec<String> = POINTS.iter().map(Point::name).collect();
        return Err(Error::Field(format!(
            "{prefix}: the points are {}",
            names.join(", ")
        )));
    }
    table(project.root)
}

/// Writes the cycles of today's programs into the figures of designs that are as they were built, and the table anew: what the
/// compiler saves needs no new bitstream.
///
/// # Errors
/// When a model is missing, or a file cannot be read or written.
pub fn cycles(root: &Path) -> Result<(), Error> {
    for point in &POINTS {
        let path = point.file(root);
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
        let mut figures: Value = serde_json::from_str(&text).map_err(|e| Error::json(&path, e))?;
        if let [first, ..] = &*point.today(root)?.others(&figures)? {
            let name = point.name();
            return Err(Error::Field(format!(
                "{name}: its figures are of another {first}; run cargo xtask boards {name}"
            )));
        }
        let cycles = point.cycles(root)?;
        if figures["cycles"] != cycles {
            println!(
                "{}: {} cycles, now {cycles}",
                point.name(),
                figures["cycles"]
            );
            figures["cycles"] = cycles.into();
            fs::write(&path, format!("{figures:#}\n")).map_err(|e| Error::io(&path, e))?;
        }
    }
    table(root)
}

/// Writes the table anew: it has the estimates of today, too.
///
/// # Errors
/// When a file cannot be read or written.
pub fn table(root: &Path) -> Result<(), Error> {
    let (path, page) = (root.join(PAGE), page(root)?);
    fs::write(&path, page).map_err(|e| Error::io(&path, e))
}

/// What the committed figures lack, in words: they are of the design, the tools and the program of today and of all seeds, each
/// of which meets the clock; the estimate is near them; the page says the same.
///
/// # Errors
/// When a file cannot be read.
pub fn check(root: &Path) -> Result<Vec<String>, Error> {
    let mut faults = Vec::new();
    for point in &POINTS {
        let (path, name) = (point.file(root), point.name());
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
        let figures: Value = serde_json::from_str(&text).map_err(|e| Error::json(&path, e))?;
        let today = point.today(root)?;
        for other in today.others(&figures)? {
            faults.push(format!("cargo xtask boards {name}: of another {other}"));
        }
        match point.cycles(root) {
            Ok(cycles) if figures["cycles"] == cycles => (),
            Ok(cycles) => faults.push(format!(
                "cargo xtask boards cycles: {name}: of a program of {} cycles, {cycles} today",
                figures["cycles"]
            )),
            Err(error @ Error::NoModel { .. }) if !project::is_strict() => {
                println!("SKIPPED: {name}: {error}");
            }
            Err(error) => return Err(error),
        }
        let clock = figures["clock_mhz"].as_f64().unwrap_or(f64::INFINITY);
        let runs = figures["runs"].as_array().map_or(&[][..], Vec::as_slice);
        let meets = |run: &&Value| run["fmax_mhz"].as_f64().is_some_and(|mhz| mhz >= clock);
        let met = runs.iter().filter(meets).count();
        if (runs.len(), met) != (SEEDS, SEEDS) {
            faults.push(format!(
                "cargo xtask boards {name}: {} seeds of {SEEDS}, {met} of which meet the clock",
                runs.len()
            ));
        }
        for kind in &ESTIMATED {
            let error = today.estimate.as_ref().map(|e| kind.missed(e, &figures));
            if error.is_none_or(|error| error.abs() > kind.error) {
                let by = error.map_or("it is refused".into(), |e| format!("{:.1} %", 100.0 * e));
                faults.push(format!(
                    "cargo xtask fit: {name}: the estimate of the {} misses nextpnr's: {by}",
                    kind.name
                ));
            }
        }
    }
    let folder = root.join("docs/results");
    for entry in fs::read_dir(&folder).map_err(|e| Error::io(&folder, e))? {
        let path = entry.map_err(|e| Error::io(&folder, e))?.path();
        let is_board = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("board_"));
        if is_board && POINTS.iter().all(|point| point.file(root) != path) {
            faults.push(format!("{}: of no point; remove it", path.display()));
        }
    }
    let path = root.join(PAGE);
    let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
    if text != page(root)? {
        faults.push(format!("cargo xtask boards table: {PAGE} has another one"));
    }
    Ok(faults)
}

/// The report of `synth` without its files and times, and the network's cycles.
fn build(project: &Project, point: &Point) -> Result<Value, Error> {
    let config = point.config();
    let (title, file) = point.network;
    let model = project::model(project.root, title, file)?;
    let cycles = point.cycles(project.root)?;
    let folder = project.root.join("target/boards").join(point.name());
    let mut command = (project.sepstream)();
    command
        .current_dir(project.root)
        .arg("synth")
        .arg("--model")
        .arg(&model);
    command.args([
        "--board",
        point.board,
        "--config",
        &config,
        "--freq",
        point.mhz,
    ]);
    command.args(["--seeds", &SEEDS.to_string(), "--json", "-o"]);
    command.arg(folder);
    let output = command
        .output()
        .map_err(|e| Error::io(command.get_program().to_string_lossy().as_ref(), e))?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut figures = match output.status.code() {
        Some(0 | 1) => parse(&String::from_utf8_lossy(&output.stdout), point)?,
        _ => {
            return Err(Error::Run {
                command: format!("{command:?}"),
                log: error,
            });
        }
    };
    if let Some(fields) = figures.as_object_mut() {
        for field in ["files", "bitstream", "map_seconds", "estimate"] {
            fields.remove(field);
        }
        fields.insert("config".into(), point.config.into());
        fields.insert("network".into(), point.network.0.into());
        fields.insert("cycles".into(), cycles.into());
    }
    Ok(figures)
}

fn parse(text: &str, point: &Point) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|e| Error::json(point.name(), e))
}

/// The page with the table as it must be: a row for every point that has been built.
fn page(root: &Path) -> Result<String, Error> {
    let path = root.join(PAGE);
    let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
    let mut table = String::from(
        "| board | configuration | multipliers | LUTs | DSPs | block RAMs | MHz | highest MHz, seeds from 1 | network | cycles | frames/s |\n\
         |---|---|--:|--:|--:|--:|--:|--:|---|--:|--:|\n",
    );
    let mut tools = BTreeSet::new();
    let mut largest = [0.0f64; ESTIMATED.len()];
    for point in &POINTS {
        let path = point.file(root);
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let figures: Value = serde_json::from_str(&text).map_err(|e| Error::json(&path, e))?;
        table += &row(point, &figures)?;
        let all = figures["tools"].as_array().into_iter().flatten();
        tools.extend(all.filter_map(|tool| Some(tool.as_str()?.to_string())));
        if let Some(estimate) = point.today(root)?.estimate {
            for (kind, largest) in ESTIMATED.iter().zip(&mut largest) {
                *largest = largest.max(kind.missed(&estimate, &figures).abs());
            }
        }
    }
    table += "\nLUTs are nextpnr's TRELLIS_COMB or ICESTORM_LC, with the link and the wrapper.";
    table += " Cycles are of the network without its dead channels.";
    let missed = ESTIMATED.iter().zip(largest);
    let missed = missed.map(|(kind, error)| format!("{:.1} % in {}", 100.0 * error, kind.name));
    table += &format!(
        " The estimate before synthesis misses them by at most {}.",
        missed.collect::<Vec<_>>().join(", ")
    );
    let tools: Vec<String> = tools.into_iter().collect();
    table += &format!(" {}.\n", tools.join(", "));
    replace(&text, "boards", "cargo xtask boards", &table)
        .map_err(|fault| Error::Marker(format!("{PAGE}: {fault}")))
}

impl Kind {
    /// By how much of what nextpnr took an estimate is above that.
    fn missed(&self, estimate: &Estimate, figures: &Value) -> f64 {
        let estimated = (self.of)(&estimate.total);
        let placed = resource(figures, &self.cells).and_then(|cells| cells["used"].as_f64());
        match placed {
            Some(placed) => f64::from(estimated) / placed - 1.0,
            None if estimated == 0 => 0.0,
            None => f64::INFINITY,
        }
    }
}

/// What nextpnr took of the first of these.
fn resource<'a>(figures: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let mut all = figures["resources"].as_array().into_iter().flatten();
    all.find(|r| names.iter().any(|name| r["name"] == *name))
}

fn row(point: &Point, figures: &Value) -> Result<String, Error> {
    let lacks = |what: &str| Error::Field(format!("{}: {what}", point.name()));
    let head = format!(
        "| {} | [{config}](../configs/{config}.yaml) | {} |",
        point.board,
        figures["products_per_cycle"],
        config = point.config
    );
    let cycles = figures["cycles"].as_u64().ok_or_else(|| lacks("cycles"))?;
    let used = |names: &[&str]| {
        resource(figures, names).map_or("0".into(), |r| {
            format!("{} of {}", r["used"], r["available"])
        })
    };
    let clock = figures["clock_mhz"]
        .as_f64()
        .ok_or_else(|| lacks("clock_mhz"))?;
    let runs = figures["runs"].as_array().ok_or_else(|| lacks("runs"))?;
    let reached: Vec<String> = runs
        .iter()
        .map(|run| match run["fmax_mhz"].as_f64() {
            Some(mhz) if mhz < clock => format!("{mhz:.1} (missed)"),
            Some(mhz) => format!("{mhz:.1}"),
            None => "not routed".into(),
        })
        .collect();
    let verdict = if figures["met"] == true {
        ""
    } else {
        " (missed)"
    };
    Ok(format!(
        "{head} {} | {} | {} | {clock}{verdict} | {} | {} | {cycles} | {:.0} |\n",
        used(&LUTS),
        used(&DSPS),
        used(&RAMS),
        reached.join(", "),
        point.network.0,
        clock * 1e6 / cycles as f64
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever figures follow from is missed when it changes.
    #[test]
    fn a_change_of_anything_is_seen() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let point = POINTS.last().expect("there are some");
        let today = point.today(&root).unwrap();
        let origin = serde_json::to_value(&today.origin).unwrap();
        let banners = ["Yosys 0.70 (git sha1 0)", "nextpnr-ecp5 0.11.1"];
        let figures = serde_json::json!({ "origin": origin, "tools": banners });
        assert_eq!(today.others(&figures).unwrap(), [""; 0]);
        for field in origin.as_object().unwrap().keys() {
            let mut other = figures.clone();
            other["origin"][field] = "another".into();
            assert_eq!(today.others(&other).unwrap(), [field.as_str()]);
        }
        for tools in [serde_json::json!(["Yosys 0.69"]), serde_json::json!([])] {
            let mut other = figures.clone();
            other["tools"] = tools;
            assert_eq!(today.others(&other).unwrap(), ["version of the tools"]);
        }
    }
}
