// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which values get a wire of their own: what is used more than once, where that makes the text shorter, and what bits are selected of.

use super::text::{Names, Text, can_be_sliced};
use crate::node::{Expr, Node, Op};
use std::collections::{HashMap, HashSet};

/// How often nodes are used in a module, by identity.
#[derive(Default)]
pub(super) struct Uses {
    counts: HashMap<*const Node, usize>,
    /// Bits of it are selected.
    sliced: HashSet<*const Node>,
}

impl Uses {
    /// Counts a folded value of the module.
    pub(super) fn count(&mut self, value: &Expr) {
        let uses = self.counts.entry(value.id()).or_default();
        *uses += 1;
        if *uses > 1 {
            return;
        }
        let sliced = match value.op() {
            Op::Slice(_) | Op::Sext => &value.args()[..1],
            Op::MulSigned => value.args(),
            _ => &[],
        };
        let to_name = sliced
            .iter()
            .filter(|arg| arg.width() > 1 && !can_be_sliced(arg));
        self.sliced.extend(to_name.map(Expr::id));
        value.args().iter().for_each(|arg| self.count(arg));
    }

    /// Whether it gets a wire; `names` are those that have one.
    pub(super) fn wants_wire(&self, value: &Expr, names: &Names) -> bool {
        /// What a wire's declaration takes beside the value, and its name where it is used.
        const DECLARATION: usize = 24;
        const NAME: usize = 8;
        match value.op() {
            Op::Net(_) | Op::Const(_) => return false,
            Op::Slice(_) if value.args()[0].as_net().is_some() => return false,
            _ => (),
        }
        if self.sliced.contains(&value.id()) {
            return true;
        }
        let uses = self.counts.get(&value.id()).copied().unwrap_or_default();
        let length = || Text { names }.of(value).len();
        uses > 1 && (uses - 1) * length() > DECLARATION + uses * NAME
    }
}
