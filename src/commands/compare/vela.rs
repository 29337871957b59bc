// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arm Ethos-U55 by the estimate of Arm's compiler, where that is installed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use sepstream_toolchain::{Python, VELA};

use super::Subject;
use super::report::{How, Row};
use crate::error::Error;

/// Multiply-accumulates per cycle of the configurations.
const SIZES: [u32; 4] = [32, 64, 128, 256];
/// A system of Arm's own examples, at 500 MHz, everything in on-chip memory.
const SYSTEM: [&str; 8] = [
    "--config",
    "Arm/vela.ini",
    "--system-config",
    "Ethos_U55_High_End_Embedded",
    "--memory-mode",
    "Sram_Only",
    "--optimise",
    "Performance",
];
const CLOCK_MHZ: f64 = 500.0;

/// A row for each configuration.
pub fn rows(subject: &Subject, model: &Path) -> Result<Vec<Row>, Error> {
    let python = Python::with(&VELA)?;
    let row = |size: &u32| match &python {
        Some(python) => estimate(subject, model, python, *size),
        None => Ok(Row::missing(
            title(*size),
            How::Estimate,
            VELA.way_to_install(),
        )),
    };
    SIZES.iter().map(row).collect()
}

fn title(size: u32) -> String {
    format!("Ethos-U55-{size}")
}

fn estimate(subject: &Subject, model: &Path, python: &Python, size: u32) -> Result<Row, Error> {
    let temporary = std::env::temp_dir();
    let folder = tempfile::tempdir().map_err(|cause| Error::file(&temporary, cause))?;
    let mut command = python.command();
    command
        .args(["-c", "from ethosu.vela.vela import main; main()"])
        .arg(model);
    command
        .arg("--accelerator-config")
        .arg(format!("ethos-u55-{size}"));
    command
        .args(SYSTEM)
        .args(["--verbose-performance", "--output-dir"])
        .arg(folder.path());
    let failed = |why: &str| {
        Row::missing(
            title(size),
            How::Estimate,
            format!("{} gives no estimate: {why}", VELA.package),
        )
    };
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let log = String::from_utf8_lossy(&output.stderr);
            return Ok(failed(log.lines().last().unwrap_or_default()));
        }
        Err(error) => return Ok(failed(&error.to_string())),
    }
    let stem = model.file_stem().unwrap_or_default().to_string_lossy();
    let summary = folder
        .path()
        .join(format!("{stem}_summary_Ethos_U55_High_End_Embedded.csv"));
    let layers = folder.path().join(format!("{stem}_per-layer.csv"));
    let (Ok(summary), Ok(layers)) = (fs::read_to_string(&summary), fs::read_to_string(&layers))
    else {
        return Ok(failed(
            "its tables are not where they were in version 5.2.0",
        ));
    };
    let total = table(&summary)
        .first()
        .and_then(|row| number(row, "cycles_total"));
    let Some(cycles) = total else {
        return Ok(failed("its summary has no column cycles_total"));
    };
    let rows = table(&layers);
    let of_layer = |position: usize| {
        let name = &subject.graph.output(&subject.graph.layers[position]).name;
        let row = rows
            .iter()
            .find(|row| row.get("Name").is_some_and(|found| found == name))?;
        number(row, "Op Cycles")
    };
    Ok(Row {
        cycles: Some(cycles),
        clock_mhz: Some(CLOCK_MHZ),
        multipliers: Some(size),
        layers: subject.by_group(of_layer),
        note: format!(
            "{} {}, {}: its own words are \"internal compiler estimates\"; with the final softmax",
            VELA.package,
            VELA.version,
            SYSTEM.join(" ")
        ),
        ..Row::new(title(size), How::Estimate)
    })
}

/// A table with a header; cells by the name of their column. Names of tensors may hold commas in quotes.
fn table(text: &str) -> Vec<HashMap<String, String>> {
    let mut lines = text.lines().map(cells);
    let header = lines.next().unwrap_or_default();
    lines
        .map(|cells| header.iter().cloned().zip(cells).collect())
        .collect()
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => {
                if let Some(cell) = cells.last_mut() {
                    cell.push(letter);
                }
            }
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

fn number(row: &HashMap<String, String>, column: &str) -> Option<u64> {
    let number: f64 = row.get(column)?.parse().ok()?;
    (number >= 0.0).then_some(number.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_in_quotes_are_one() {
        let rows = table("Name,Op Cycles\n\"a,b\", 12.0\nc,x\n");
        assert_eq!(rows[0]["Name"], "a,b");
        assert_eq!(number(&rows[0], "Op Cycles"), Some(12));
        assert_eq!(number(&rows[1], "Op Cycles"), None);
        assert_eq!(number(&rows[1], "other"), None);
    }
}
