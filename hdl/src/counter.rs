// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a loop has come: a counter that knows in a register if it is at its last value, so that loops in loops need no long
//! chains of comparisons.

use crate::rtl::{Expr, Module, Statements, lit};

/// Counts `count` values, one or several at once; knows its last in a register.
pub(crate) struct Counter {
    pub(crate) left: Expr,
    pub(crate) last: Expr,
    pub(crate) count: Expr,
    /// What is left behind the first values; the count has no more than these.
    pub(crate) less: Expr,
    pub(crate) single: Expr,
    step: u32,
}

impl Counter {
    pub(crate) fn new(m: &mut Module, name: &str, count: &Expr) -> Self {
        Counter::by(m, name, count, 1)
    }
    /// Takes `step` values at once, at the end those that are left.
    pub(crate) fn by(m: &mut Module, name: &str, count: &Expr, step: u32) -> Self {
        let less = m.pipe(&format!("{name}_less"), &minus(count, step));
        let single = m.pipe(&format!("{name}_single"), &within(count, step));
        Counter {
            left: m.reg(&format!("{name}_left"), count.width()),
            last: m.reg(&format!("{name}_last"), 1),
            count: count.clone(),
            less,
            single,
            step,
        }
    }
    /// To the next value: back at the first behind the last.
    pub(crate) fn tick(&self, s: &mut Statements) {
        let down = minus(&self.left, self.step);
        s.set(&self.left, &self.last.mux(&self.less, &down));
        let at_last = within(&self.left, self.step);
        s.set(&self.last, &self.last.mux(&self.single, &at_last));
    }
    /// To the first value, a cycle behind the count's own first: for those who tick no sooner.
    pub(crate) fn restart(&self, s: &mut Statements) {
        s.set(&self.left, &self.less);
        s.set(&self.last, &self.single);
    }
    /// To the first value, in the cycle in which the count is there.
    pub(crate) fn start(&self, s: &mut Statements) {
        s.set(&self.left, &minus(&self.count, self.step));
        s.set(&self.last, &within(&self.count, self.step));
    }
}

fn minus(count: &Expr, step: u32) -> Expr {
    count - &lit(step.into(), count.width())
}

/// Of at least one: no more than a step.
fn within(count: &Expr, step: u32) -> Expr {
    match step {
        1 => count.is(1),
        _ => count.le(&lit(step.into(), count.width())),
    }
}

/// Place in its batch of `tp` pixels of the pixel behind that at `place`, in the same row.
pub(crate) fn next_in_batch(place: &Expr, tp: u32) -> Expr {
    let bits = place.width();
    let next = place + &lit(1, bits);
    match tp.is_power_of_two() {
        true => next,
        false => place.is((tp - 1).into()).mux(&lit(0, bits), &next),
    }
}
