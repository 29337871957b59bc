// SPDX-License-Identifier: MIT OR Apache-2.0
//! # row_gate — holds reading back from rows that the command before has still to write
//! Part of `fill` and `feed` where commands run ahead. Ports of the unit that it is in:
//! | port         | dir | data | note                                                                                   |
//! |--------------|-----|------|----------------------------------------------------------------------------------------|
//! | rows_pending | in  | 1    | the command before is still at work                                                    |
//! | rows_written | in  | rows | rows of its map that may be read                                                       |
//! | rows_wait    | in  | 2    | field: what to wait for meanwhile, see `isa::RowsWait`                                 |
//!
//! Asked before the first word of a row; no latency. Invariant: a row is read only after its last word has been written, for a
//! word may be read a cycle after it was written, and `rows_written` counts no sooner (`timing::ROW_VISIBLE`).

use crate::rtl::{Expr, Module, Statements, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, RowsWait};
use sepstream_spec::width::map_bits;

/// The gate, at one row after the other.
pub(crate) struct RowGate {
    pending: Expr,
    written: Expr,
    wait: Expr,
    row: Expr,
}

impl RowGate {
    pub(crate) fn new(m: &mut Module, config: &Config) -> Self {
        let map = map_bits(config);
        let wait = Field::RowsWait;
        RowGate {
            pending: m.input("rows_pending", 1),
            written: m.input("rows_written", map),
            wait: m.input(wait.name(), wait.used_bits(config)),
            row: m.reg("gated_row", map),
        }
    }
    /// The row after this cycle: of a new command, the next, or the same.
    pub(crate) fn next(&self, start: &Expr, row_end: &Expr) -> Expr {
        let bits = self.row.width();
        let behind = row_end.mux(&(&self.row + &lit(1, bits)), &self.row);
        start.mux(&lit(0, bits), &behind)
    }
    /// The row at work.
    pub(crate) fn row(&self) -> &Expr {
        &self.row
    }
    /// A row may be read.
    pub(crate) fn open(&self, m: &mut Module, row: &Expr) -> Expr {
        let written = row.lt(&self.written);
        let nothing = self.wait.is(RowsWait::Nothing as u64);
        let row = &self.wait.is(RowsWait::Row as u64) & &written;
        m.wire("row_open", &(&!&self.pending | &(&nothing | &row)))
    }
    /// On to the next row.
    pub(crate) fn count(&self, s: &mut Statements, start: &Expr, row_end: &Expr) {
        let one = lit(1, self.row.width());
        s.when(row_end, |s| s.set(&self.row, &(&self.row + &one)));
        s.when(start, |s| s.set(&self.row, &lit(0, one.width())));
    }
}
