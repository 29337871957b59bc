// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sums of products, common to the depthwise engine and the pointwise array.

use crate::rtl::{Expr, Module, lit};

/// Operand pairs to a registered sum: a product register per pair, then a register after each level of a balanced tree of
/// adders. Gives the sum and the cycles it takes: `timing::PRODUCT + timing::adder_levels(pairs)`.
/// A product of two int8 has 16 bits; each level adds one.
pub fn products(m: &mut Module, name: &str, pairs: &[(Expr, Expr)]) -> Expr {
    let mut terms: Vec<Expr> = pairs
        .iter()
        .enumerate()
        .map(|(i, (a, b))| m.pipe(&format!("{name}_product_{i}"), &a.mul_s(b)))
        .collect();
    let mut level = 0;
    while terms.len() > 1 {
        level += 1;
        let width = terms[0].width() + 1;
        terms = terms
            .chunks(2)
            .enumerate()
            .map(|(i, pair)| {
                let sum = match pair {
                    [a, b] => &a.sext(width) + &b.sext(width),
                    _ => pair[0].sext(width),
                };
                m.pipe(&format!("{name}_level_{level}_{i}"), &sum)
            })
            .collect();
    }
    terms.swap_remove(0)
}

/// A 32-bit accumulator: takes `sum` when `valid`, from zero when `first`.
pub fn accumulate(m: &mut Module, name: &str, sum: &Expr, valid: &Expr, first: &Expr) -> Expr {
    let acc = m.reg(name, 32);
    m.clocked(|s| {
        s.when(valid, |s| {
            s.set(&acc, &(&first.mux(&lit(0, 32), &acc) + &sum.sext(32)))
        });
    });
    acc
}
