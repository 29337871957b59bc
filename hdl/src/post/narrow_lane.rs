// SPDX-License-Identifier: MIT OR Apache-2.0
//! # narrow_lane — the requantiser's lane for sums of few bits: two multiplier blocks, not four
//! out = clamp(zero + ((s multiplier >> 31) + bit 30 + half) >> right, low, high), s = sum + bias clamped to `bits` bits,
//! half = 2^(right - 1), one less for s < 0, and 0 without a shift
//!     = `spec::quant::requant` for every s of `bits` bits, multiplier >= 0 and shift <= 0 (`quant::narrow_requant`)
//! Ports as those of `requant_lane`, without `left`: the compiler gives no channel that shifts left, and none whose outputs the
//! clamp would change. Latency: `timing::NARROW_LANE`. Throughput: 1 sum per cycle. No back-pressure.
//! Bit widths: s has an upper part of 18 bits and lower ones, the multiplier 17 and 14 bits: two products of 18x18. The whole
//! product has bits + 31, of which bit 30 and those above are used; with a half of at most 2^(bits - 1) they make bits + 1.

use super::lane;
use super::rounding::{factor_product, first_nudge, less_below_zero, place_and_clamp, tie};
use crate::multiplier::BLOCK_BITS;
use crate::rtl::{Expr, Module, cat, lit};
use sepstream_spec::config::WIDE_SUM;
use sepstream_spec::timing::FACTOR_PRODUCT;
use std::rc::Rc;

/// The lane for sums of `bits` bits, from 18 to 31; `either`: with a port `once`, where it adds neither the carry nor less below zero
/// (`quant::requant_once`).
pub fn narrow_lane(bits: u32, either: bool) -> Rc<Module> {
    assert!((BLOCK_BITS..WIDE_SUM).contains(&bits), "{bits} bits");
    let mut m = Module::new(
        lane::name(format!("narrow_lane_{bits}"), either),
        &format!("One sum, clamped to {bits} bits, to one INT8 output, a stage per line."),
    );
    let inputs = lane::Inputs::new(&mut m);
    let biased = inputs.biased(&mut m);

    let clamped = lane::clamped(&mut m, &biased, bits);
    let s = m.pipe("clamped", &clamped);

    let factor = m.delay("multiplier", &inputs.multiplier, 2);
    let upper = m.wire("upper", &s.slice(bits - BLOCK_BITS, BLOCK_BITS));
    let blocks = factor_product(&mut m, "blocks", &upper, &factor);
    let rows = rows(&mut m, &s, bits - BLOCK_BITS, &factor);
    let product = match bits - BLOCK_BITS {
        0 => blocks,
        more => cat(&[blocks, lit(0, more)]),
    };
    let product = match rows {
        Some(rows) => m.pipe("product", &(&product + &rows.zext(bits + 31))),
        None => m.pipe("product", &product),
    };

    m.note("Both roundings in one sum: bit 30 is the carry of the first, half (one less below zero) the second's.");
    let early = m.delay("shift", &inputs.shift, 1 + FACTOR_PRODUCT);
    let right = m.pipe("right_of_half", &early);
    let once = either.then(|| {
        let once = m.input("once", 1);
        m.delay("once", &once, 2)
    });
    let negative = less_below_zero(&s.bit(bits - 1), once.as_ref());
    let negative = m.delay("negative", &negative, FACTOR_PRODUCT);
    let half = tie(&mut m, "half", bits, &early, &negative, either);
    let half = m.pipe("half", &half);
    let kept = product.slice(30, bits + 1);
    // (kept >> 1) + half + the bit that is shifted out, as one sum with a carry from below
    let once = once.map(|once| m.delay("once_of_product", &once, FACTOR_PRODUCT + 1));
    let one = first_nudge(once.as_ref(), 1);
    let sum = m.wire(
        "rounded_nudged",
        &(&kept.sext(bits + 2) + &cat(&[half.zext(bits + 1), one])),
    );
    let rounded = m.pipe("rounded", &sum.slice(1, bits + 1));
    let right = m.delay("right", &right, 2);
    let shifted = m.pipe("shifted", &rounded.shr_s(&right));

    let lane::Inputs {
        zero, low, high, ..
    } = &inputs;
    let out = place_and_clamp(&mut m, &shifted, zero, low, high);
    m.output("m_data", &out);
    Rc::new(m)
}

/// The lower `count` bits of `s` times the factor, by rows, `FACTOR_PRODUCT` cycles later; nothing for no bits.
fn rows(m: &mut Module, s: &Expr, count: u32, factor: &Expr) -> Option<Expr> {
    let width = factor.width() + count;
    let mut terms: Vec<Expr> = (0..count)
        .map(|i| {
            let row = &s.bit(i).repeat(factor.width()) & factor;
            match i {
                0 => row.zext(width),
                _ => cat(&[row, lit(0, i)]).zext(width),
            }
        })
        .collect();
    for stage in 0..FACTOR_PRODUCT {
        if terms.is_empty() {
            return None;
        }
        terms = terms
            .chunks(2)
            .enumerate()
            .map(|(i, some)| {
                let sum = some[1..].iter().fold(some[0].clone(), |a, b| &a + b);
                m.pipe(&format!("rows_{stage}_{i}"), &sum)
            })
            .collect();
    }
    // at most 8 rows: pairs of pairs of pairs
    assert_eq!(terms.len(), 1, "{count} rows");
    terms.pop()
}
