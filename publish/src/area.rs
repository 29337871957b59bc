// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask area`: what the configurations for the ECP5-85 take of it, in `docs/results/area_*.json` and in the table of
//! `docs/architecture.md`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use sepstream_spec::config::Config;
use sepstream_synth::Device;
use sepstream_synth::origin::Origin;
use sepstream_toolchain as tools;

use crate::error::Error;
use crate::markers::replace;
use crate::project::{Project, finish};

/// Stems of the configurations, which are also the columns of the table.
const CONFIGS: [&str; 2] = ["vww_16x8", "vww_16x16"];
const DEVICE: &str = "ecp5-85";
const PAGE: &str = "docs/architecture.md";
/// Fields of a row: those of a configuration, and those of the device.
const CELLS: [&str; 3] = ["luts", "multipliers", "block_rams"];

/// Fields of `sepstream area --json`.
type Figures = Map<String, Value>;

/// Synthesises the configurations; writes the figures and the table.
///
/// # Errors
/// When a run fails, or a file cannot be written.
pub fn run(project: &Project) -> Result<(), Error> {
    for name in CONFIGS {
        println!("{name}: Yosys maps the design to cells");
        let mut command = (project.sepstream)();
        command.current_dir(project.root).arg("area");
        command.arg(format!("configs/{name}.yaml"));
        let output = finish(command.args(["--device", DEVICE, "--json"]))?;
        let figures: Value = serde_json::from_str(&output).map_err(|e| Error::json(name, e))?;
        let path = file_of(project.root, name);
        fs::write(&path, format!("{figures:#}\n")).map_err(|e| Error::io(&path, e))?;
    }
    let (path, page) = (project.root.join(PAGE), page(project.root)?);
    fs::write(&path, page).map_err(|e| Error::io(&path, e))
}

/// What the committed figures lack, in words: they are of the design and the tools of today, the designs fit, the page says the same.
///
/// # Errors
/// When a file cannot be read.
pub fn check(root: &Path) -> Result<Vec<String>, Error> {
    let mut faults = Vec::new();
    for name in CONFIGS {
        let figures = committed(root, name)?;
        let file = root.join(format!("configs/{name}.yaml"));
        let text = fs::read_to_string(&file).map_err(|e| Error::io(&file, e))?;
        let config = Config::from_yaml(&text, name).map_err(|violations| {
            let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
            Error::Config(lines.join("\n"))
        })?;
        let device = Device::named(DEVICE).ok_or_else(|| Error::Field(DEVICE.into()))?;
        let design = sepstream_hdl::design(&config, device.technology());
        let origin = Origin::new(&design, device);
        let today = serde_json::to_value(origin).map_err(|e| Error::json(name, e))?;
        let tool = figures.get("tool").and_then(Value::as_str);
        if figures.get("origin") != Some(&today) || !tool.is_some_and(tools::is_pinned) {
            let file = file_of(root, name);
            let file = file.display();
            faults.push(format!("{file}: of another design, script or Yosys"));
        }
        if figures.get("excess") != Some(&Value::Array(Vec::new())) {
            faults.push(format!(
                "configs/{name}.yaml does not fit: {:?}",
                figures.get("excess")
            ));
        }
    }
    let path = root.join(PAGE);
    if fs::read_to_string(&path).map_err(|e| Error::io(&path, e))? != page(root)? {
        faults.push(format!("{PAGE}: another table"));
    }
    Ok(faults)
}

fn file_of(root: &Path, config: &str) -> PathBuf {
    root.join(format!("docs/results/area_{config}.json"))
}

fn committed(root: &Path, config: &str) -> Result<Figures, Error> {
    let path = file_of(root, config);
    let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
    serde_json::from_str(&text).map_err(|e| Error::json(&path, e))
}

/// The page with the table as it must be.
fn page(root: &Path) -> Result<String, Error> {
    let path = root.join(PAGE);
    let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
    let all: Vec<Figures> = CONFIGS
        .iter()
        .map(|config| committed(root, config))
        .collect::<Result<_, _>>()?;
    replace(&text, "area", "cargo xtask area", &table(&all)?)
        .map_err(|fault| Error::Marker(format!("{PAGE}: {fault}")))
}

fn table(all: &[Figures]) -> Result<String, Error> {
    let mut table = String::from("| unit |");
    for config in CONFIGS {
        table += &format!(" {config}: LUTs | DSPs | block RAMs |");
    }
    table += &format!("\n|---|{}\n", "--:|".repeat(CELLS.len() * all.len()));
    let field = |figures: &Figures, name: &str| {
        let value = figures.get(name).cloned();
        value.ok_or_else(|| Error::Field(format!("area: {name}")))
    };
    let mut units: Vec<(String, Vec<Option<Value>>)> = Vec::new();
    for (column, figures) in all.iter().enumerate() {
        for unit in field(figures, "units")?.as_array().into_iter().flatten() {
            let name = unit["name"].as_str().unwrap_or_default();
            let row = units.iter().position(|(known, _)| known == name);
            let row = row.unwrap_or_else(|| {
                units.push((name.to_owned(), vec![None; all.len()]));
                units.len() - 1
            });
            units[row].1[column] = Some(unit.clone());
        }
    }
    for (name, cells) in &units {
        table += &row(name, cells)?;
    }
    let of_all = |name: &str| -> Result<Vec<Option<Value>>, Error> {
        all.iter().map(|f| field(f, name).map(Some)).collect()
    };
    table += &row("**total**", &of_all("total")?)?;
    table += &row(DEVICE, &of_all("device")?)?;
    let shares = all.iter().map(|figures| {
        let luts = |name: &str| figures.get(name).and_then(|value| value["luts"].as_f64());
        let (used, has) = luts("total").zip(luts("device")).unwrap_or((0.0, 1.0));
        format!(" {:.1} % | | |", used / has * 100.0)
    });
    table += &format!("| LUTs of the part |{}\n", shares.collect::<String>());
    let tool = field(&all[0], "tool")?;
    table += &format!(
        "\n{}, `synth_ecp5 -no-rw-check`, units kept apart; a carry cell counts as two LUTs, a LUT memory as six.\n",
        tool.as_str().unwrap_or_default()
    );
    Ok(table)
}

fn row(name: &str, columns: &[Option<Value>]) -> Result<String, Error> {
    let mut text = format!("| {name} |");
    for column in columns {
        for field in CELLS {
            let Some(column) = column else {
                text += " |";
                continue;
            };
            let number = column.get(field).and_then(Value::as_u64);
            let number = number.ok_or_else(|| Error::Field(format!("area: {name}: {field}")))?;
            text += &format!(" {number} |");
        }
    }
    Ok(text + "\n")
}
