// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows of the line buffer: when there is room for one, and when one is there.

use super::Fields;
use super::taken::Taken;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, RowsWait};
use sepstream_spec::timing;

/// Room in the line buffer.
pub struct Room {
    line_rows: u64,
    /// Cycle from which each row may be written, as far as the window has come.
    open: Vec<u64>,
}

impl Room {
    /// Of a command whose rows begin in cycle `start`.
    pub fn new(f: Fields<'_>, start: u64) -> Self {
        let line_rows = f.get(Field::LineRows);
        Room {
            line_rows,
            open: vec![start; line_rows as usize],
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
    /// A cycle that is one.
    first: u64,
}

impl Turns {
    /// Of a command whose rows begin in cycle `start`: from then on, or, where commands overlap, the odd cycles of the frame.
    pub fn new(f: Fields<'_>, config: &Config, start: u64) -> Self {
        match config.runs_ahead() {
            false => Turns {
                pace: 1 + f.get(Field::Residual),
                first: start + 1,
            },
            true => Turns {
                pace: 1 + f.get(Field::RowsTurns),
                first: 1,
            },
        }
    }
    /// The first turn from `cycle` on.
    pub fn from(self, cycle: u64) -> u64 {
        self.first + (cycle - self.first).next_multiple_of(self.pace)
    }
}

/// What rows that a command reads wait for while the command before is at work, which may write them.
#[derive(Default)]
pub struct Gate {
    /// Number of a [`RowsWait`].
    wait: u64,
    /// Cycle from which each row that was written so far may be read.
    written: Vec<u64>,
    /// Cycle from which all may.
    open: Option<u64>,
}

impl Gate {
    pub fn new(f: Fields<'_>) -> Self {
        Gate {
            wait: f.get(Field::RowsWait),
            ..Gate::default()
        }
    }
    /// The command before has come so far.
    pub fn follow(&mut self, before: &Taken) {
        if self.wait == RowsWait::Row as u64 {
            let known = self.written.len();
            self.written.extend(before.rows_visible().skip(known));
        }
    }
    /// The command before ends in a cycle.
    pub fn open(&mut self, end: u64) {
        self.open = Some(end + 1);
    }
    /// Cycle from which a row may be read; `None` if that is not known yet.
    pub fn of(&self, row: usize) -> Option<u64> {
        match (self.wait, self.written.get(row), self.open) {
            (0, ..) => Some(0),
            (_, Some(row), Some(open)) => Some(open.min(*row)),
            (_, Some(row), None) => Some(*row),
            (_, None, open) => open,
        }
    }
}

/// The fill unit.
pub struct Fill {
    rows: usize,
    row_words: u64,
    turns: Turns,
    /// Last read of a row to its counting as filled.
    latency: u32,
    /// From the cycle in which a row may be read.
    late: u64,
    /// First cycle after the last read row.
    free: u64,
}

impl Fill {
    /// Of a command whose rows begin in cycle `start`.
    pub fn new(f: Fields<'_>, config: &Config, start: u64, turns: Turns) -> Self {
        Fill {
            latency: timing::fill_row(config),
            late: config.runs_ahead().into(),
            rows: f.get(Field::FillRows) as usize,
            row_words: f.get(Field::RowWords),
            turns,
            free: start + 1,
        }
    }
    /// Reads all rows that there is room for; `filled` has the cycle from which each counts as filled.
    pub fn advance(&mut self, room: &Room, filled: &mut Vec<u64>, gate: &Gate) {
        while filled.len() < self.rows {
            let (Some(open), Some(there)) = (room.of(filled.len()), gate.of(filled.len())) else {
                return;
            };
            let begin = self.free.max(open.max(there) + self.late);
            let begin = self.turns.from(begin);
            self.free = begin + self.row_words * self.turns.pace;
            filled.push(self.free - self.turns.pace + u64::from(self.latency));
        }
    }
}
