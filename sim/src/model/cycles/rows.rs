// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows of the line buffer: when there is room for one, and when one is there.

use super::Fields;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::timing;

/// Room in the line buffer.
pub struct Room {
    line_rows: u64,
    /// Cycle from which each row may be written, as far as the window has come.
    open: Vec<u64>,
}

impl Room {
    pub fn new(f: &Fields<'_>) -> Self {
        let line_rows = f.get(Field::LineRows);
        Room {
            line_rows,
            open: vec![1; line_rows as usize],
        }
    }
    /// The window has moved down: rows above `top` are free from `cycle` on.
    pub fn release(&mut self, top: i64, cycle: u64) {
        let rows = top.max(0) as u64 + self.line_rows;
        while (self.open.len() as u64) < rows {
            self.open.push(cycle);
        }
    }
    /// Cycle from which a row may be written; `None` if that depends on windows to come.
    pub fn of(&self, row: usize) -> Option<u64> {
        self.open.get(row).copied()
    }
}

/// Turns at the activation memory's read port: with a residual map, which takes every second cycle, those of the others.
#[derive(Clone, Copy)]
pub struct Turns {
    /// Cycles per word.
    pub pace: u64,
}

impl Turns {
    pub fn new(f: &Fields<'_>) -> Self {
        Turns {
            pace: 1 + f.get(Field::Residual),
        }
    }
    /// The first turn from `cycle` on; cycle 1 is one.
    pub fn from(self, cycle: u64) -> u64 {
        1 + (cycle - 1).next_multiple_of(self.pace)
    }
}

/// The fill unit.
pub struct Fill {
    rows: usize,
    row_words: u64,
    turns: Turns,
    /// Last read of a row to its counting as filled.
    latency: u32,
    /// First cycle after the last read row.
    free: u64,
}

impl Fill {
    pub fn new(f: &Fields<'_>, config: &Config) -> Self {
        Fill {
            latency: timing::fill_row(config),
            rows: f.get(Field::FillRows) as usize,
            row_words: f.get(Field::RowWords),
            turns: Turns::new(f),
            free: 1,
        }
    }
    /// Reads all rows that there is room for; `filled` has the cycle from which each counts as filled.
    pub fn advance(&mut self, room: &Room, filled: &mut Vec<u64>) {
        while filled.len() < self.rows {
            let Some(open) = room.of(filled.len()) else {
                return;
            };
            let begin = self.turns.from(self.free.max(open));
            self.free = begin + self.row_words * self.turns.pace;
            filled.push(self.free - self.turns.pace + u64::from(self.latency));
        }
    }
}
