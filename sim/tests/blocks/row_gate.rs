// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `fill` and `feed` see of the command before, where commands run ahead.

use super::bench::Bench;
use sepstream_spec::isa::RowsWait;

/// Where commands run ahead: the one before, which may write the rows that are read.
pub struct Before {
    pending: bool,
    written: u32,
    /// Number of a [`RowsWait`].
    pub wait: u32,
    /// How likely it goes on in a cycle.
    pace: f64,
}

impl Before {
    pub fn random(rng: &mut fastrand::Rng) -> Self {
        Before {
            pending: rng.u32(..4) > 0,
            written: rng.u32(..3),
            wait: rng.u32(..=RowsWait::All as u32),
            pace: [0.5, 0.05][rng.usize(..2)],
        }
    }
    /// Sets its ports.
    pub fn set(&self, bench: &mut Bench) {
        bench.set("rows_pending", self.pending);
        bench.set("rows_written", self.written);
    }
    /// A row may be read.
    pub fn open(&self, row: u32) -> bool {
        let nothing = self.wait == RowsWait::Nothing as u32;
        let its_own = self.wait == RowsWait::Row as u32;
        !self.pending || nothing || its_own && row < self.written
    }
    /// What it does until the next cycle, of `rows` that it has in all; when it has ended, another one writes.
    pub fn go_on(&mut self, rows: u32, rng: &mut fastrand::Rng) {
        if !self.pending {
            self.written = rng.u32(..=rows);
        } else if rng.f64() < self.pace {
            self.written = (self.written + 1).min(rows);
            self.pending = self.written < rows || rng.bool();
        }
    }
}
