// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows of the comparison, and the tables for people.

use serde::Serialize;

use crate::report::{Column, Follows, or_dash, short_name, table, thousands};

/// How a figure was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The cycle-exact model of the accelerator.
    Model,
    /// Counted in the RTL, in Verilator.
    Rtl,
    /// Measured on this machine.
    WallClock,
    /// By a tool, without a run.
    Estimate,
    /// By somebody else, on a device.
    Published,
}

impl How {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            How::Model => "exact model",
            How::Rtl => "measured RTL",
            How::WallClock => "wall clock",
            How::Estimate => "estimate",
            How::Published => "published",
        }
    }
}

/// Output bytes against the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// Compared.
    pub compared: usize,
    /// That differ.
    pub differ: usize,
}

impl Bytes {
    /// Counts the bytes that differ; missing ones do.
    pub fn compare(wanted: &[u8], got: &[u8]) -> Self {
        let alike = wanted.iter().zip(got).filter(|(a, b)| a == b).count();
        let compared = wanted.len().max(got.len());
        Bytes {
            compared,
            differ: compared - alike,
        }
    }
    /// Both together.
    pub fn and(self, other: Bytes) -> Self {
        Bytes {
            compared: self.compared + other.compared,
            differ: self.differ + other.differ,
        }
    }
    fn text(self) -> String {
        match self.differ {
            0 => format!("{} equal", self.compared),
            differ => format!("{differ} of {} differ", self.compared),
        }
    }
}

/// A peer.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub peer: String,
    /// How its figures were got.
    pub how: How,
    /// Cycles of a frame.
    pub cycles: Option<u64>,
    /// Clock that milliseconds go with.
    pub clock_mhz: Option<f64>,
    /// Milliseconds of a frame.
    pub milliseconds: Option<f64>,
    /// 8x8 products that it can make per cycle, where that number says something.
    pub multipliers: Option<u32>,
    /// Multiply-accumulates of the network per cycle.
    pub macs_per_cycle: Option<f64>,
    /// The same for each multiplier.
    pub macs_per_cycle_per_multiplier: Option<f64>,
    /// Cycles over those of the accelerator.
    pub times_the_cycles: Option<f64>,
    /// Its output bytes against the reference, where it ran.
    pub bytes: Option<Bytes>,
    /// Cycles of each layer of the table.
    pub layers: Vec<Option<u64>>,
    /// What else one must know.
    pub note: String,
    /// Why there are no figures, and how to get them.
    pub missing: Option<String>,
    /// Must have the reference's bytes.
    #[serde(skip)]
    pub ours: bool,
    /// On the FPGA: the clock is the user's.
    #[serde(skip)]
    pub on_fpga: bool,
}

impl Row {
    /// A row without figures.
    pub fn new(peer: impl Into<String>, how: How) -> Self {
        Row {
            peer: peer.into(),
            how,
            cycles: None,
            clock_mhz: None,
            milliseconds: None,
            multipliers: None,
            macs_per_cycle: None,
            macs_per_cycle_per_multiplier: None,
            times_the_cycles: None,
            bytes: None,
            layers: Vec::new(),
            note: String::new(),
            missing: None,
            ours: false,
            on_fpga: false,
        }
    }
    /// A row that says how to get figures.
    pub fn missing(peer: impl Into<String>, how: How, why: impl Into<String>) -> Self {
        Row {
            missing: Some(why.into()),
            ..Row::new(peer, how)
        }
    }
    /// Fills in what follows from the rest. `base`: cycles of the accelerator; `clock_mhz`: of the FPGA.
    pub fn finish(&mut self, macs: u64, base: Option<u64>, clock_mhz: Option<f64>) {
        if self.on_fpga {
            self.clock_mhz = clock_mhz;
        }
        let Some(cycles) = self.cycles.filter(|cycles| *cycles > 0) else {
            return;
        };
        let per_cycle = macs as f64 / cycles as f64;
        self.macs_per_cycle = Some(per_cycle);
        self.macs_per_cycle_per_multiplier = self.multipliers.map(|n| per_cycle / f64::from(n));
        self.times_the_cycles = base.map(|base| cycles as f64 / base as f64);
        if self.milliseconds.is_none() {
            self.milliseconds = self.clock_mhz.map(|mhz| cycles as f64 / mhz / 1e3);
        }
    }
}

/// A layer of the table.
#[derive(Debug, Serialize)]
pub struct LayerTitle {
    /// Index of its first operator in the model file.
    pub index: usize,
    /// Operators in it.
    pub operators: String,
    /// The tensor that it writes.
    pub name: String,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// The comparison.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name of the network.
    pub model: String,
    /// Whose arithmetic it follows.
    #[serde(flatten)]
    pub follows: Follows,
    /// File of the configuration.
    pub config: String,
    /// Multiply-accumulates of a frame.
    pub macs: u64,
    /// Clock of what is on the FPGA, as given.
    pub clock_mhz: Option<f64>,
    /// Seed of the input, if it was noise.
    pub noise_seed: Option<u64>,
    /// What the soft cores' kernels are built by.
    pub soft_core_compiler: Option<String>,
    /// Layers as the accelerator runs them.
    pub layers: Vec<LayerTitle>,
    /// The peers.
    pub rows: Vec<Row>,
}

/// A number with as many digits as say something.
pub fn rounded(number: f64) -> String {
    match number {
        n if n >= 100.0 => thousands(n.round() as u64),
        n if n >= 1.0 => format!("{n:.2}"),
        n => format!("{n:.4}"),
    }
}

impl Report {
    /// Cells of a row of the whole network.
    pub fn cells(row: &Row) -> Vec<String> {
        let number = |number: Option<f64>| or_dash(number.map(rounded));
        vec![
            row.peer.clone(),
            row.how.text().into(),
            or_dash(row.cycles.map(thousands)),
            or_dash(
                row.times_the_cycles
                    .map(|times| format!("{} x", rounded(times))),
            ),
            number(row.milliseconds),
            number(row.macs_per_cycle),
            number(row.macs_per_cycle_per_multiplier),
            or_dash(row.bytes.map(Bytes::text)),
        ]
    }
    /// The rows that have cycles of layers.
    pub fn layered(&self) -> Vec<&Row> {
        let known = |row: &&Row| row.layers.iter().any(Option::is_some);
        self.rows.iter().filter(known).collect()
    }
    /// What must be known of the rows: peers with the same note, and the note.
    pub fn notes(&self) -> Vec<(String, String)> {
        let mut notes: Vec<(String, String)> = Vec::new();
        for row in &self.rows {
            let missing = row.missing.as_ref();
            let note = missing.map_or(row.note.clone(), |why| format!("missing: {why}"));
            match notes.iter_mut().find(|(_, known)| *known == note) {
                _ if note.is_empty() => {}
                Some((peers, _)) => {
                    peers.push_str("; ");
                    peers.push_str(&row.peer);
                }
                None => notes.push((row.peer.clone(), note)),
            }
        }
        notes
    }
    /// Both tables, and what must be known.
    pub fn text(&self) -> String {
        use Column::{Number, Text};
        let columns = [
            Text("peer"),
            Text("how"),
            Number("cycles"),
            Number("x ours"),
            Number("ms"),
            Number("MAC/cycle"),
            Number("per multiplier"),
            Text("output bytes"),
        ];
        let here = self.rows.iter().filter(|row| row.missing.is_none());
        let mut text = format!(
            "{} on {}: {} multiply-accumulates\n\n{}\n",
            self.model,
            self.config,
            thousands(self.macs),
            table(&columns, here.map(Report::cells))
        );
        for (peers, note) in self.notes() {
            text += &format!("\n{peers}: {note}");
        }
        text + "\n\ncycles of layers\n\n" + &self.layer_table()
    }
    /// Titles and rows of the table of layers, a column for each peer that has them; the first three hold text.
    pub fn layer_cells(&self) -> (Vec<&str>, impl Iterator<Item = Vec<String>>) {
        let peers = self.layered();
        let mut titles = vec!["layer", "operators", "writes", "MACs"];
        titles.extend(peers.iter().map(|row| row.peer.as_str()));
        let rows = self.layers.iter().enumerate().map(move |(at, layer)| {
            let mut cells = vec![
                layer.index.to_string(),
                layer.operators.clone(),
                short_name(&layer.name),
                thousands(layer.macs),
            ];
            let cycles = |row: &&Row| or_dash(row.layers.get(at).copied().flatten().map(thousands));
            cells.extend(peers.iter().map(cycles));
            cells
        });
        (titles, rows)
    }
    fn layer_table(&self) -> String {
        let (titles, rows) = self.layer_cells();
        markdown(&titles, rows)
    }
}

/// A Markdown table with as many columns as there are peers.
fn markdown(titles: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    let rule: Vec<String> = titles.iter().map(|_| "--:".to_owned()).collect();
    let body: String = rows.map(|cells| line(&cells)).collect();
    line(&titles) + &line(&rule) + &body
}
