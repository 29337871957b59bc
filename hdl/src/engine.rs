// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sums of products, common to the depthwise engine and the pointwise array.

use crate::multiplier;
use crate::rtl::{Expr, Module, lit};
use sepstream_spec::config::Multiplier;
use sepstream_spec::timing;

/// A product of each operand pair, `timing::product(kind)` cycles later: 16 bits in two's complement.
pub fn products(m: &mut Module, name: &str, pairs: &[(Expr, Expr)], kind: Multiplier) -> Vec<Expr> {
    let lut = (kind == Multiplier::Lut).then(multiplier::lut);
    let product = |(i, (a, b)): (usize, &(Expr, Expr))| match &lut {
        Some(lut) => {
            let inputs = [("a", a.clone()), ("b", b.clone())];
            let instance = m.instance(&format!("{name}_product_{i}"), lut, &inputs);
            instance.out("m_product")
        }
        None => {
            let cycles = timing::product(kind) - timing::product(Multiplier::Plain);
            let product = m.pipe(&format!("{name}_product_{i}"), &a.mul_s(b));
            m.delay(&format!("{name}_product_{i}"), &product, cycles)
        }
    };
    pairs.iter().enumerate().map(product).collect()
}

/// Sum of terms in two's complement, a register behind each level of a balanced tree of adders: `timing::adder_levels(terms)`
/// cycles later. Each level adds one bit.
pub fn sum(m: &mut Module, name: &str, mut terms: Vec<Expr>) -> Expr {
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
