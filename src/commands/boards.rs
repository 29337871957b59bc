// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream boards`: the boards that bitstreams can be made for.

use sepstream_synth::pll::Mhz;
use sepstream_synth::{Board, HostPins};
use serde::Serialize;

use crate::cli;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::report::{Column, json, table};

#[derive(Serialize)]
struct Report {
    boards: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    title: String,
    part: &'static str,
    package: String,
    speed: Option<u32>,
    clock_mhz: f64,
    freq_mhz: f64,
    baud: Option<u32>,
    /// There are pins for an SPI link.
    spi: bool,
    /// What the host link lacks.
    missing: Option<String>,
    config: String,
    memory: String,
    note: String,
}

/// Prints the table.
pub fn run(args: &cli::Boards) -> Result<Outcome, Error> {
    let boards: Result<Vec<Board>, _> = Board::names().map(Board::find).collect();
    let boards = boards.map_err(sepstream_synth::Error::from)?;
    let report = Report {
        boards: boards.iter().map(Row::new).collect(),
    };
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            report.text()
        }
    );
    Ok(Outcome::Ok)
}

impl Row {
    fn new(board: &Board) -> Self {
        Row {
            name: board.id().into(),
            title: board.title().into(),
            part: board.part().name,
            package: board.package().into(),
            speed: board.speed(),
            clock_mhz: f64::from(board.clock_hz()) / 1e6,
            freq_mhz: f64::from(board.freq_hz()) / 1e6,
            baud: board.baud().ok(),
            spi: board.reach(HostPins::Spi).is_ok(),
            missing: board.baud().err().map(String::from),
            config: board.config_file().into(),
            memory: board.memory().into(),
            note: board.note().into(),
        }
    }
}

impl Report {
    fn text(&self) -> String {
        use Column::{Number, Text};
        let columns = [
            Text("board"),
            Text("name"),
            Text("FPGA"),
            Number("speed grade"),
            Number("clock, MHz"),
            Number("baud"),
            Text("SPI"),
            Text("configuration"),
        ];
        let mhz = |mhz: f64| Mhz((mhz * 1e6) as u32).to_string();
        let dash = |number: Option<u32>| number.map_or("-".into(), |n| n.to_string());
        let rows = self.boards.iter().map(|row| {
            vec![
                row.title.clone(),
                row.name.clone(),
                row.part.into(),
                dash(row.speed),
                mhz(row.clock_mhz),
                dash(row.baud),
                if row.spi { "yes" } else { "-" }.into(),
                row.config.clone(),
            ]
        });
        let mut text = table(&columns, rows);
        for row in &self.boards {
            for note in row.missing.iter().chain([&row.note]) {
                if !note.is_empty() {
                    text += &format!("\n{}: {note}", row.name);
                }
            }
        }
        text
    }
}
