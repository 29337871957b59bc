// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a loop has come: a counter that knows in a register if it is at its last value, so that loops in loops need no long
//! chains of comparisons.

use crate::rtl::{Expr, Module, Statements, lit};

/// Counts `count` values; knows its last in a register.
pub(crate) struct Counter {
    pub(crate) left: Expr,
    pub(crate) last: Expr,
    pub(crate) count: Expr,
    /// One less than the count; the count is one.
    pub(crate) less: Expr,
    pub(crate) single: Expr,
}

impl Counter {
    pub(crate) fn new(m: &mut Module, name: &str, count: &Expr) -> Self {
        let bits = count.width();
        let less = m.pipe(&format!("{name}_less"), &(count - &lit(1, bits)));
        let single = m.pipe(&format!("{name}_single"), &count.is(1));
        Counter {
            left: m.reg(&format!("{name}_left"), bits),
            last: m.reg(&format!("{name}_last"), 1),
            count: count.clone(),
            less,
            single,
        }
    }
    /// To the next value: back at the first behind the last.
    pub(crate) fn tick(&self, s: &mut Statements) {
        let down = &self.left - &lit(1, self.left.width());
        s.set(&self.left, &self.last.mux(&self.less, &down));
        s.set(&self.last, &self.last.mux(&self.single, &self.left.is(1)));
    }
    /// To the first value, a cycle behind the count's own first: for those who tick no sooner.
    pub(crate) fn restart(&self, s: &mut Statements) {
        s.set(&self.left, &self.less);
        s.set(&self.last, &self.single);
    }
    /// To the first value, in the cycle in which the count is there.
    pub(crate) fn start(&self, s: &mut Statements) {
        s.set(&self.left, &(&self.count - &lit(1, self.count.width())));
        s.set(&self.last, &self.count.is(1));
    }
}
