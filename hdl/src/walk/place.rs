// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a row lies in the line buffer.

use crate::rtl::{Expr, Module};

/// A row's place: number (signed), bank and slot in the line buffer, and the slot of rows behind the turn of the banks.
pub(super) struct Place {
    pub(super) row: Expr,
    pub(super) bank: Expr,
    pub(super) slot: Expr,
    pub(super) next: Expr,
}

impl Place {
    pub(super) fn regs(m: &mut Module, name: &str, row: u32, line: u32) -> Self {
        Place {
            row: m.reg(&format!("{name}_row"), row),
            bank: m.reg(&format!("{name}_bank"), 2),
            slot: m.reg(&format!("{name}_slot"), line),
            next: m.reg(&format!("{name}_next"), line),
        }
    }
    pub(super) fn parts(&self) -> [&Expr; 4] {
        [&self.row, &self.bank, &self.slot, &self.next]
    }
    /// The row `by` rows down: at most 4, so at most one turn of the banks.
    pub(super) fn down(
        &self,
        m: &mut Module,
        name: &str,
        by: &Expr,
        wrap: &dyn Fn(&Expr) -> Expr,
    ) -> Self {
        let bank = m.wire(&format!("{name}_bank_sum"), &(&self.bank.zext(3) + by));
        let turn = bank.bit(2);
        let after = m.wire(&format!("{name}_after"), &wrap(&self.next));
        Place {
            row: m.wire(
                &format!("{name}_row_to"),
                &(&self.row + &by.zext(self.row.width())),
            ),
            bank: bank.low(2),
            slot: m.wire(
                &format!("{name}_slot_to"),
                &turn.mux(&self.next, &self.slot),
            ),
            next: m.wire(&format!("{name}_next_to"), &turn.mux(&after, &self.next)),
        }
    }
}
