// SPDX-License-Identifier: MIT OR Apache-2.0
//! A stage of the pipeline.

use crate::rtl::{Expr, Module, lit};

/// A stage of registers, or none where there is to be none.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) valid: Expr,
    pub(super) moves: Expr,
    registers: bool,
}

impl Stage {
    /// `from`: the stage before is valid; `moves`: this one takes what that has; `stop`: forget all.
    pub(super) fn new(
        m: &mut Module,
        name: &'static str,
        from: &Expr,
        moves: &Expr,
        stop: &Expr,
    ) -> Self {
        let valid = m.reg(&format!("valid_{name}"), 1);
        m.clocked(|s| {
            s.when(moves, |s| s.set(&valid, from));
            s.when(stop, |s| s.set(&valid, &lit(0, 1)));
        });
        Stage {
            name,
            valid,
            moves: moves.clone(),
            registers: true,
        }
    }
    /// Nothing but wires.
    pub(super) fn wires(name: &'static str, from: &Stage) -> Self {
        Stage {
            name,
            valid: from.valid.clone(),
            moves: from.moves.clone(),
            registers: false,
        }
    }
    /// A register of the stage.
    pub(super) fn put(&self, m: &mut Module, name: &str, value: &Expr) -> Expr {
        let name = format!("{name}_{}", self.name);
        if !self.registers {
            return m.wire(&name, value);
        }
        let reg = m.reg(&name, value.width());
        m.clocked(|s| s.when(&self.moves, |s| s.set(&reg, value)));
        reg
    }
}
