// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sums of products, common to the depthwise engine and the pointwise array.

use crate::multiplier;
use crate::rtl::{Expr, Module, lit};
use sepstream_spec::config::{Multiplier, WIDE_SUM};
use sepstream_spec::timing;
use std::rc::Rc;

/// A product of each operand pair, so many cycles later: 16 bits in two's complement. With kind [`Multiplier::Packed`] they are those of
/// channels that have no partner, a multiplier block each.
pub fn products(
    m: &mut Module,
    name: &str,
    pairs: &[(Expr, Expr)],
    kind: Multiplier,
    cycles: u32,
) -> Vec<Expr> {
    if pairs.is_empty() {
        return Vec::new();
    }
    if kind == Multiplier::Lut {
        let products = alone(m, name, 0, pairs, &multiplier::lut());
        return late(m, name, products, cycles - timing::LUT_PRODUCT);
    }
    let (both, rest) = pairs.split_at(pairs.len() - pairs.len() % 2);
    let module = multiplier::pair();
    let mut products = Vec::new();
    for (i, operands) in both.chunks(2).enumerate() {
        let inputs = [
            ("a_0", operands[0].0.clone()),
            ("b_0", operands[0].1.clone()),
            ("a_1", operands[1].0.clone()),
            ("b_1", operands[1].1.clone()),
        ];
        let pair = m.instance(&format!("{name}_products_{i}"), &module, &inputs);
        products.extend(["m_product_0", "m_product_1"].map(|port| pair.out(port)));
    }
    products.extend(alone(m, name, both.len(), rest, &multiplier::block(8, 8)));
    late(m, name, products, cycles - timing::BLOCK_PRODUCT)
}

fn late(m: &mut Module, name: &str, products: Vec<Expr>, cycles: u32) -> Vec<Expr> {
    let late = |(i, product)| m.delay(&format!("{name}_product_{i}"), product, cycles);
    products.iter().enumerate().map(late).collect()
}

/// Sums of two products each, by blocks that add them, and the last product alone where their number is odd: what the first level of
/// adders gives for [`products`] of so many cycles. No second operand is -128.
pub fn pair_sums(m: &mut Module, name: &str, pairs: &[(Expr, Expr)], cycles: u32) -> Vec<Expr> {
    let module = multiplier::adding();
    let sums = pairs.chunks_exact(2).enumerate().map(|(i, operands)| {
        let inputs = [
            ("a_0", operands[0].0.clone()),
            ("b_0", operands[0].1.clone()),
            ("a_1", operands[1].0.clone()),
            ("b_1", operands[1].1.clone()),
        ];
        let instance = format!("{name}_sums_{i}");
        m.instance(&instance, &module, &inputs).out("m_sum")
    });
    let mut sums: Vec<Expr> = sums.collect();
    if let [last] = &pairs[pairs.len() - pairs.len() % 2..] {
        let last = std::slice::from_ref(last);
        let last = products(m, name, last, Multiplier::Plain, timing::BLOCK_PRODUCT).swap_remove(0);
        sums.push(m.pipe(&format!("{name}_last"), &last));
    }
    late(
        m,
        &format!("{name}_sum"),
        sums,
        cycles - timing::BLOCK_PRODUCT,
    )
}

/// A multiplier for each pair of operands.
fn alone(
    m: &mut Module,
    name: &str,
    first: usize,
    pairs: &[(Expr, Expr)],
    multiplier: &Rc<Module>,
) -> Vec<Expr> {
    let product = |(i, (a, b)): (usize, &(Expr, Expr))| {
        let inputs = [("a", a.clone()), ("b", b.clone())];
        let instance = format!("{name}_multiplier_{}", first + i);
        m.instance(&instance, multiplier, &inputs).out("m_product")
    };
    pairs.iter().enumerate().map(product).collect()
}

/// Sum of terms in two's complement, a register behind each level of a balanced tree of adders: `timing::adder_levels(terms)`
/// cycles later. Each level adds one bit, up to the `most` bits that are wanted of the sum.
pub fn sum(m: &mut Module, name: &str, mut terms: Vec<Expr>, most: u32) -> Expr {
    let mut level = 0;
    while terms.len() > 1 {
        level += 1;
        let width = (terms[0].width() + 1).min(most);
        terms = terms
            .chunks(2)
            .enumerate()
            .map(|(i, pair)| {
                let sum = match pair {
                    [a, b] => &a.fit_s(width) + &b.fit_s(width),
                    _ => pair[0].fit_s(width),
                };
                m.pipe(&format!("{name}_level_{level}_{i}"), &sum)
            })
            .collect();
    }
    terms.swap_remove(0)
}

/// An accumulator of 32 bits, of which a register has the lowest `bits`: no sum has more. It takes `sum` when `valid`, from zero
/// when `first`.
pub fn accumulate(
    m: &mut Module,
    name: &str,
    bits: u32,
    sum: &Expr,
    valid: &Expr,
    first: &Expr,
) -> Expr {
    let acc = m.reg(name, bits);
    let sum = if bits > sum.width() {
        sum.sext(bits)
    } else {
        sum.low(bits)
    };
    m.clocked(|s| {
        s.when(valid, |s| {
            s.set(&acc, &(&first.mux(&lit(0, bits), &acc) + &sum))
        });
    });
    acc.sext(WIDE_SUM)
}
