// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a network is cut between host and accelerator, for `compile` and `simulate`.

use sepstream_compiler::accelerate::Side;
use sepstream_runtime::engine::SegmentFigures;
use serde::Serialize;

use crate::report::{Column, or_dash, percent, table, thousands};

/// The segments of a network; with `serde(flatten)` fields of a report.
#[derive(Default, Serialize)]
pub struct Segments {
    /// Multiply-accumulates of the file's layers that the accelerator runs; absent without an
    /// accelerator.
    macs_on_accelerator: Option<u64>,
    /// In the order of execution.
    segments: Vec<Segment>,
    /// Bytes that go into the accelerator and come out of it in a frame.
    bytes_across: Option<u64>,
}

#[derive(Serialize)]
struct Segment {
    /// `host` or `accelerator`.
    kind: &'static str,
    /// Layers by their indices in the model file.
    layers: Vec<usize>,
    macs: u64,
    bytes_in: u64,
    bytes_out: u64,
    /// Cycles by the model; `null` on the host.
    cycles: Option<u64>,
}

impl From<&[SegmentFigures]> for Segments {
    fn from(figures: &[SegmentFigures]) -> Self {
        let runs = || figures.iter().filter(|s| s.side == Side::Accelerator);
        let of_runs = |number: fn(&SegmentFigures) -> u64| {
            (!figures.is_empty()).then(|| runs().map(number).sum())
        };
        Segments {
            macs_on_accelerator: of_runs(|run| run.macs),
            bytes_across: of_runs(|run| run.bytes_in + run.bytes_out),
            segments: figures.iter().map(Segment::new).collect(),
        }
    }
}

impl Segments {
    /// The report for people, of a network of so many multiply-accumulates; nothing where one run
    /// of the accelerator has all of them.
    pub fn text(&self, macs: u64) -> Option<String> {
        use Column::{Number, Text};
        let runs = self.segments.iter().filter(|s| s.cycles.is_some()).count();
        let on_accelerator = self.macs_on_accelerator?;
        if runs < 2 && on_accelerator == macs {
            return None;
        }
        let columns = [
            Text("segment"),
            Text("layers"),
            Number("cycles"),
            Number("MACs"),
            Number("bytes in"),
            Number("bytes out"),
        ];
        let rows = self.segments.iter().map(|segment| {
            vec![
                segment.kind.into(),
                ranges(&segment.layers),
                or_dash(segment.cycles.map(thousands)),
                thousands(segment.macs),
                thousands(segment.bytes_in),
                thousands(segment.bytes_out),
            ]
        });
        Some(format!(
            "{}\n{} of the MACs are on the accelerator, which runs {} in a frame; {} bytes go in and out",
            table(&columns, rows),
            percent(on_accelerator as f64 / macs.max(1) as f64),
            times(runs),
            thousands(self.bytes_across.unwrap_or(0)),
        ))
    }
}

impl Segment {
    fn new(figures: &SegmentFigures) -> Self {
        Segment {
            kind: match figures.side {
                Side::Host => "host",
                Side::Accelerator => "accelerator",
            },
            layers: figures.layers.clone(),
            macs: figures.macs,
            bytes_in: figures.bytes_in,
            bytes_out: figures.bytes_out,
            cycles: figures.cycles,
        }
    }
}

fn times(count: usize) -> String {
    match count {
        1 => "once".into(),
        _ => format!("{count} times"),
    }
}

/// Numbers in a row as their first and last.
fn ranges(numbers: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match parts.last_mut() {
            Some((_, last)) if number == *last + 1 => *last = number,
            _ => parts.push((number, number)),
        }
    }
    let text = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let parts: Vec<String> = parts.iter().map(text).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_one_part() {
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[0, 1, 2, 4, 6, 7]), "0-2, 4, 6-7");
    }
}
