// SPDX-License-Identifier: MIT OR Apache-2.0
//! The expanding layer of an inverted residual: its pixels as `feed` brings them.

use super::Fields;
use super::rows::{Gate, Turns};
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::timing;

/// Pixels on their way into the expand buffer.
pub struct Feed {
    /// Runs of each pixel of a row.
    runs: Vec<Runs>,
    rows: usize,
    tp: usize,
    /// The pixel at work.
    y: usize,
    x: usize,
    ring: usize,
    turns: Turns,
    /// Last read of a batch to its pixels being complete.
    latency: u32,
    /// First cycle in which the next pixel could begin.
    free: u64,
    /// Cycle from which each batch is complete.
    pub available: Vec<u64>,
}

/// Runs of a pixel.
struct Runs {
    count: u64,
    /// The last one fills one word and begins another.
    spills: bool,
}

impl Feed {
    /// Of a command whose rows begin in cycle `start`.
    pub fn new(f: Fields<'_>, config: &Config, start: u64, turns: Turns) -> Self {
        let (bytes, tail) = (f.get(Field::ExpandBytes), f.get(Field::ExpandTail));
        let (tn, word) = (
            u64::from(config.values().tn),
            u64::from(config.word_bytes()),
        );
        let runs = (0..f.get(Field::ExpandCols)).map(|x| {
            let (mut at, mut rest) = (x * bytes, bytes);
            let (mut count, mut last) = (0, 0);
            while rest > 0 {
                last = rest.min(tn).min(word - at % word);
                (at, rest, count) = (at + last, rest - last, count + 1);
            }
            Runs {
                count,
                spills: last > tail,
            }
        });
        Feed {
            runs: runs.collect(),
            rows: f.get(Field::ExpandRows) as usize,
            latency: timing::activation_read(config) + timing::PACK + timing::PIXEL_VISIBLE,
            tp: config.values().tp as usize,
            y: 0,
            x: 0,
            ring: f.get(Field::ExpandRing) as usize,
            turns,
            free: start + 1,
            available: Vec::new(),
        }
    }
    /// Reads all pixels whose batches there is room for; `done` has the cycle of the last read of each batch that the array has
    /// left.
    pub fn advance(&mut self, done: &[u64], gate: &Gate) {
        while self.y < self.rows {
            let credit = match self.available.len().checked_sub(self.ring) {
                // the pixels of a batch share their place in the buffer
                _ if !self.x.is_multiple_of(self.tp) => 0,
                None => 0,
                Some(before) => match done.get(before) {
                    None => return,
                    Some(cycle) => cycle + 1,
                },
            };
            // a row's other pixels are there with its first
            let there = match self.x {
                0 => gate.of(self.y),
                _ => Some(0),
            };
            let Some(there) = there else {
                return;
            };
            let runs = &self.runs[self.x];
            let begin = self.turns.from(self.free.max(credit).max(there));
            let last = begin + (runs.count - 1) * self.turns.pace;
            let spill = u64::from(runs.spills);
            self.free = last + 1 + spill;
            self.x += 1;
            let row_end = self.x == self.runs.len();
            if self.x.is_multiple_of(self.tp) || row_end {
                self.available.push(last + u64::from(self.latency) + spill);
            }
            if row_end {
                (self.y, self.x) = (self.y + 1, 0);
            }
        }
    }
}
