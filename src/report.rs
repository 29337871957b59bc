// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables and JSON.

pub use sepstream_runtime::compare::short_name;

use comfy_table::{CellAlignment, ColumnConstraint, Table, Width, presets};
use indicatif::HumanCount;
use sepstream_spec::quant::Semantics;
use serde::Serialize;

/// A column of a table.
pub enum Column {
    /// Text, aligned left.
    Text(&'static str),
    /// Numbers, aligned right.
    Number(&'static str),
}

/// A table as Markdown, which people and README files can both read.
pub fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(title) | Column::Number(title) => *title,
    }));
    for row in rows {
        table.add_row(row);
    }
    for (column, kind) in table.column_iter_mut().zip(columns) {
        if let Column::Number(_) = kind {
            column.set_cell_alignment(CellAlignment::Right);
        }
        column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(48)));
    }
    table.to_string()
}

/// The implementation that outputs equal; with `serde(flatten)` two fields of a report.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Follows {
    /// Its name on the command line.
    pub semantics: &'static str,
    /// The implementation and the version that outputs were compared with.
    pub reference: &'static str,
}

impl From<Semantics> for Follows {
    fn from(semantics: Semantics) -> Self {
        Follows {
            semantics: semantics.name(),
            reference: semantics.reference(),
        }
    }
}

impl Default for Follows {
    fn default() -> Self {
        Semantics::default().into()
    }
}

/// JSON with line breaks. Reports hold plain numbers and text only, which always have a JSON form.
pub fn json(report: &impl Serialize) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default()
}

/// A whole number with thousands separators.
pub fn thousands(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A number of things, in the plural unless it is 1.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A number that an engine may not know.
pub fn or_dash(number: Option<String>) -> String {
    number.unwrap_or_else(|| "-".into())
}

/// Share of an accelerator's products that a network needs, where both numbers are known.
pub fn utilisation(macs: u64, cycles: Option<u64>, multipliers: Option<u32>) -> Option<f64> {
    let products = cycles? as f64 * f64::from(multipliers?);
    (products > 0.0).then(|| macs as f64 / products)
}

/// What is not made of a network, because nothing depends on it.
pub struct LeftOut {
    /// Channels that layers write.
    pub channels: usize,
    /// Those of them that are left out.
    pub dead_channels: usize,
    /// Multiply-accumulates of the file.
    pub macs: u64,
    /// Those that are left.
    pub live_macs: u64,
    /// Utilisation by those of the file.
    pub utilisation: Option<f64>,
}

impl LeftOut {
    /// In a sentence; `None` where nothing is left out.
    pub fn line(&self) -> Option<String> {
        (self.dead_channels > 0).then(|| {
            let number = |n: usize| thousands(n as u64);
            format!(
                "{} of {} channels are dead and left out: {} of the file's {} MACs remain; utilisation by the file's: {}",
                number(self.dead_channels),
                number(self.channels),
                thousands(self.live_macs),
                thousands(self.macs),
                or_dash(self.utilisation.map(percent)),
            )
        })
    }
}

/// A share in per cent.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Dimensions with crosses.
pub fn shape(dims: &[usize]) -> String {
    let size = |d: &usize| if *d == 0 { "?".into() } else { d.to_string() };
    let dims: Vec<_> = dims.iter().map(size).collect();
    if dims.is_empty() {
        "scalar".into()
    } else {
        dims.join("x")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_shapes() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(7_489_664), "7,489,664");
        assert_eq!(percent(0.7649), "76.5 %");
        assert_eq!(shape(&[1, 96, 96, 3]), "1x96x96x3");
    }
}
