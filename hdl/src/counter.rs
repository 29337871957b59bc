// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a loop has come: a counter that knows in a register if it is at its last value, so that loops in loops need no long
//! chains of comparisons.

use crate::rtl::{Expr, Module, lit};

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
    /// Next values: back at the first behind the last.
    pub(crate) fn tick(&self) -> [(&Expr, Expr); 2] {
        let down = &self.left - &lit(1, self.left.width());
        [
            (&self.left, self.last.mux(&self.less, &down)),
            (&self.last, self.last.mux(&self.single, &self.left.is(1))),
        ]
    }
    /// The first value, a cycle behind the count's own first: for those who tick no sooner.
    pub(crate) fn restart(&self) -> [(&Expr, Expr); 2] {
        [
            (&self.left, self.less.clone()),
            (&self.last, self.single.clone()),
        ]
    }
    pub(crate) fn start(&self) -> [(&Expr, Expr); 2] {
        [
            (&self.left, &self.count - &lit(1, self.count.width())),
            (&self.last, self.count.is(1)),
        ]
    }
}
