// SPDX-License-Identifier: MIT OR Apache-2.0
//! # narrow_lane — the requantiser's lane for sums of few bits: two multiplier blocks, not four
//! out = clamp(zero + ((s multiplier >> 31) + bit 30 + half) >> right, low, high), s = sum + bias clamped to `bits` bits,
//! half = 2^(right - 1), one less for s < 0, and 0 without a shift
//!     = `spec::quant::requant` for every s of `bits` bits, multiplier >= 0 and shift <= 0 (`quant::narrow_requant`)
//! Ports as those of `requant_lane`, without `left`: the compiler gives no channel that shifts left, and none whose outputs the
//! clamp would change. Latency: `timing::NARROW_LANE`. Throughput: 1 sum per cycle. No back-pressure.
//! Bit widths: s has an upper part of 18 bits and lower ones, the multiplier 17 and 14 bits: two products of 18x18. The whole
//! product has bits + 31, of which bit 30 and those above are used; with a half of at most 2^(bits - 1) they make bits + 1.

use crate::rtl::{Expr, Module, cat, lit, lit_s, pack};
use sepstream_spec::config::WIDE_SUM;
use std::rc::Rc;

/// Bits of a multiplier block's operand.
const BLOCK: u32 = 18;

/// The lane for sums of `bits` bits, from 18 to 31.
pub fn narrow_lane(bits: u32) -> Rc<Module> {
    assert!((BLOCK..WIDE_SUM).contains(&bits), "{bits} bits");
    let mut m = Module::new(
        format!("narrow_lane_{bits}"),
        &format!("One sum, clamped to {bits} bits, to one INT8 output, a stage per line."),
    );
    let sum = m.input("sum", 32);
    let bias = m.input("bias", 32);
    let multiplier = m.input("multiplier", 31);
    let shift = m.input("shift", 5);
    let zero = m.input("zero", 8);
    let low = m.input("low", 8);
    let high = m.input("high", 8);

    let biased = m.pipe("biased", &(&sum + &bias));
    let sign = biased.bit(31);
    let above = biased.slice(bits - 1, WIDE_SUM - bits + 1);
    let fits = m.wire("fits", &above.eq(&sign.repeat(above.width())));
    let end = cat(&[sign.clone(), (!&sign).repeat(bits - 1)]);
    let s = m.pipe("clamped", &fits.mux(&biased.low(bits), &end));

    let factor = m.delay("multiplier", &multiplier, 2);
    let upper = m.wire("upper", &s.slice(bits - BLOCK, BLOCK));
    let factor_low = m.wire("factor_low", &factor.low(17).zext(BLOCK));
    let factor_high = m.wire("factor_high", &factor.slice(17, 14).zext(BLOCK));
    let product_low = m.wire("low_full", &upper.mul_s(&factor_low));
    let product_low = m.pipe("product_low", &product_low.low(BLOCK + 17));
    let product_high = m.wire("high_full", &upper.mul_s(&factor_high));
    let product_high = m.pipe("product_high", &product_high.low(BLOCK + 14));
    let rows = rows(&mut m, &s, bits - BLOCK, &factor);
    // the upper part of the lower product, and the upper product: 18 bits and 32
    let blocks = &product_low.slice(17, BLOCK).sext(BLOCK + 14) + &product_high;
    let blocks = m.pipe("blocks", &blocks);
    let lowest = m.pipe("product_lowest", &product_low.low(17));
    let product = match bits - BLOCK {
        0 => cat(&[blocks, lowest]),
        more => cat(&[blocks, lowest, lit(0, more)]),
    };
    let product = match rows {
        Some(rows) => m.pipe("product", &(&product + &rows.zext(bits + 31))),
        None => m.pipe("product", &product),
    };

    m.note("Both roundings in one sum: bit 30 is the carry of the first, half (one less below zero) the second's.");
    let right = m.delay("shift", &shift, 4);
    let negative = m.delay("negative", &s.bit(bits - 1), 2);
    let point = m.wire("half_point", &lit(1, 32).shl(&right));
    // bit i: 2^(right - 1), or for numbers below zero all bits below it
    let half: Vec<Expr> = (0..bits)
        .map(|i| {
            let below = m.wire(&format!("below_{i}"), &lit(i.into(), 5).lt(&right));
            let below = &below & &!&point.bit(i + 1);
            m.wire(
                &format!("half_{i}"),
                &negative.mux(&below, &point.bit(i + 1)),
            )
        })
        .collect();
    let half = m.pipe("half", &pack(&half));
    let kept = product.slice(30, bits + 1);
    // (kept >> 1) + half + the bit that is shifted out, as one sum with a carry from below
    let one = lit(1, 1);
    let sum = m.wire(
        "rounded_nudged",
        &(&kept.sext(bits + 2) + &cat(&[half.zext(bits + 1), one])),
    );
    let rounded = m.pipe("rounded", &sum.slice(1, bits + 1));
    let right = m.delay("right", &right, 2);
    let shifted = m.pipe("shifted", &rounded.shr_s(&right));

    m.note("What has more than 10 bits is beyond every output.");
    let sign = shifted.bit(bits);
    let above = shifted.slice(9, bits - 8);
    let fits = m.wire("few_bits", &above.eq(&sign.repeat(above.width())));
    let ends = sign.mux(&lit_s(-512, 10), &lit(511, 10));
    let value = m.wire("value", &fits.mux(&shifted.low(10), &ends));
    let placed = m.wire("placed", &(&value.sext(11) + &zero.sext(11)));
    let too_low = m.wire("too_low", &placed.lt_s(&low.sext(11)));
    let too_high = m.wire("too_high", &high.sext(11).lt_s(&placed));
    let out = too_low.mux(&low, &too_high.mux(&high, &placed.low(8)));
    let out = m.pipe("out", &out);
    m.output("m_data", &out);
    Rc::new(m)
}

/// The lower `count` bits of `s` times the factor, by rows, two cycles later; nothing for no bits.
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
    for (stage, fold) in [2, 4].into_iter().enumerate() {
        if terms.is_empty() {
            return None;
        }
        terms = terms
            .chunks(fold)
            .enumerate()
            .map(|(i, some)| {
                let sum = some[1..].iter().fold(some[0].clone(), |a, b| &a + b);
                m.pipe(&format!("rows_{stage}_{i}"), &sum)
            })
            .collect();
    }
    // at most 8 rows: four pairs, one sum
    assert_eq!(terms.len(), 1, "{count} rows");
    terms.pop()
}
