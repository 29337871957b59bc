// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stages that the requantisers' lanes and the residual adder have in common: product with a multiplier, the two roundings of
//! TensorFlow Lite, zero point and clamp. Each is a chain of registers with one operation between two of them.

use crate::multiplier::{BLOCK_BITS, block};
use crate::rtl::{Expr, Module, cat, lit, pack};
use crate::select::choose;
use sepstream_spec::timing::{CLAMP, FACTOR_PRODUCT, ROUND_SHIFT};

/// Bits of a multiplier's lower part: with a zero before them they are an operand of a block. The upper part has 14.
const FACTOR_LOW: u32 = BLOCK_BITS - 1;

/// `value`, of up to 18 bits, times a factor of 31 that is not negative: two blocks and the sum of what they give,
/// [`FACTOR_PRODUCT`] cycles later, 31 bits more than `value` has.
pub fn factor_product(m: &mut Module, name: &str, value: &Expr, factor: &Expr) -> Expr {
    let bits = value.width();
    let block = block(bits, BLOCK_BITS);
    let mut part = |part: &str, low: u32, width: u32| {
        let operand = factor.slice(low, width).zext(BLOCK_BITS);
        let inputs = [("a", value.clone()), ("b", operand)];
        let name = format!("{name}_{part}");
        let product = m.instance(&format!("{name}_block"), &block, &inputs);
        m.wire(&format!("{name}_full"), &product.out("m_product"))
    };
    let high_bits = factor.width() - FACTOR_LOW;
    let low = part("low", 0, FACTOR_LOW).low(bits + FACTOR_LOW);
    let high = part("high", FACTOR_LOW, high_bits).low(bits + high_bits);
    // the factor's upper part has 14 bits: the sum of all above bit 17 has no more than the upper product's bits
    let low = m.wire(&format!("{name}_low"), &low);
    let above = &low.slice(FACTOR_LOW, bits).sext(bits + high_bits) + &high;
    let above = m.pipe(&format!("{name}_above"), &above);
    let below = m.pipe(&format!("{name}_below"), &low.low(FACTOR_LOW));
    m.wire(name, &cat(&[above, below]))
}

/// `(value * factor + 2^30) >> 31` of up to 32 bits, `FACTOR_PRODUCT + 2` cycles later: the saturating doubling high multiply
/// for every value, as the factor is not negative. Without the 2^30 where `once`, which comes with the value.
pub fn high_product(
    m: &mut Module,
    name: &str,
    value: &Expr,
    factor: &Expr,
    once: Option<&Expr>,
) -> Expr {
    let bits = value.width();
    let upper = value.slice(FACTOR_LOW, bits - FACTOR_LOW);
    let lower = value.low(FACTOR_LOW).zext(BLOCK_BITS);
    let upper = factor_product(m, &format!("{name}_upper"), &upper, factor);
    let lower = factor_product(m, &format!("{name}_lower"), &lower, factor);
    let width = bits + factor.width();
    let sum = &cat(&[upper, lit(0, FACTOR_LOW)]).sext(width) + &lower.sext(width);
    let product = m.pipe(&format!("{name}_product"), &sum);
    let once = once.map(|once| m.delay("once", once, FACTOR_PRODUCT + 1));
    half(m, name, &product, factor.width(), once.as_ref())
}

/// Registered `(product + 2^(shift - 1)) >> shift` of the bits from `shift - 1` on; without what is added where `once`.
pub fn half(m: &mut Module, name: &str, product: &Expr, shift: u32, once: Option<&Expr>) -> Expr {
    let kept = product.slice(shift - 1, product.width() - shift + 1);
    let bits = kept.width();
    // no carry is lost: the largest product is not the largest number of its bits
    let nudge = first_nudge(once, bits);
    let sum = m.wire(&format!("{name}_nudged"), &(&kept + &nudge));
    m.pipe(&format!("{name}_half"), &sum.slice(1, bits - 1))
}

/// What the first of two roundings adds at the bit below its result: 1, and nothing where there is one rounding only; `bits` bits.
pub fn first_nudge(once: Option<&Expr>, bits: u32) -> Expr {
    once.map_or(lit(1, bits), |once| (!once).zext(bits))
}

/// Division by `2^right` with ties away from zero, [`ROUND_SHIFT`] cycles later; 33 bits, as half of 2^31 has 31. `right` comes a
/// cycle before the value. Where `once`, which comes with the value, ties go up.
pub fn rounding_shift(
    m: &mut Module,
    name: &str,
    value: &Expr,
    right: &Expr,
    once: Option<&Expr>,
) -> Expr {
    const BITS: u32 = 33;
    let negative = less_below_zero(&value.bit(value.width() - 1), once);
    let negative = m.wire(&format!("{name}_negative"), &negative);
    let tie = tie(m, name, BITS - 2, right, &negative, once.is_some());
    let rounded = m.pipe(
        &format!("{name}_rounded"),
        &(&value.sext(BITS) + &tie.zext(BITS)),
    );
    let right = m.delay(&format!("{name}_right"), right, ROUND_SHIFT);
    m.pipe(name, &rounded.shr_s(&right))
}

/// Whether [`tie`] adds one less: below zero, but where there is one rounding only.
pub fn less_below_zero(negative: &Expr, once: Option<&Expr>) -> Expr {
    once.map_or(negative.clone(), |once| negative & &!once)
}

/// What rounding to `2^right` with ties away from zero adds: 2^(right - 1), one less below zero, nothing for no shift. `right` comes a
/// cycle before `negative` and the sum. Shifts by more than `bits` leave nothing of the sum but its sign, which all bits below outweigh; where
/// what is below zero may come as `at` too (`either`), the top bit does.
pub fn tie(
    m: &mut Module,
    name: &str,
    bits: u32,
    right: &Expr,
    negative: &Expr,
    either: bool,
) -> Expr {
    // bit i: 2^(right - 1), or for numbers below zero all bits below it; each a table of the shift
    let mut table = |part: &str, of: &dyn Fn(u32, u32) -> bool| {
        let bits: Vec<Expr> = (0..bits)
            .map(|i| {
                let values: Vec<Expr> = (0..32).map(|r| lit(of(i, r).into(), 1)).collect();
                choose(&values, right, 4)
            })
            .collect();
        m.pipe(&format!("{name}_{part}"), &pack(&bits))
    };
    let top = |i: u32, right: u32| either && i + 1 == bits && right > bits;
    let at = table("at", &|i, right| right == i + 1 || top(i, right));
    let below = table("below", &|i, right| right > i + 1);
    let tie: Vec<Expr> = (0..bits)
        .map(|i| negative.mux(&below.bit(i), &at.bit(i)))
        .collect();
    pack(&tie)
}

/// `clamp(value + zero, low, high)`, `timing::CLAMP` cycles later.
pub fn place_and_clamp(m: &mut Module, value: &Expr, zero: &Expr, low: &Expr, high: &Expr) -> Expr {
    // what has more than 10 bits is beyond every output, whatever the zero point
    let bits = value.width();
    let sign = value.bit(bits - 1);
    let above = value.slice(9, bits - 9);
    let fits = m.pipe("few_bits", &above.eq(&sign.repeat(above.width())));
    let negative = m.pipe("below_all", &sign);
    let placed = &value.low(10).sext(11) + &zero.sext(11);
    let placed = m.pipe("placed", &placed);
    let [low, high] = [("low", low), ("high", high)].map(|(name, end)| m.delay(name, end, 1));
    let too_low = m.wire("too_low", &placed.lt_s(&low.sext(11)));
    let too_high = m.wire("too_high", &high.sext(11).lt_s(&placed));
    let takes_low = m.wire("takes_low", &fits.mux(&too_low, &negative));
    let takes_high = m.wire("takes_high", &fits.mux(&too_high, &!&negative));
    let out = takes_low.mux(&low, &takes_high.mux(&high, &placed.low(8)));
    m.pipe("out", &out)
}

/// Cycles of [`round_and_clamp`].
pub const ROUND_CYCLES: u32 = FACTOR_PRODUCT + 2 + ROUND_SHIFT + CLAMP;

/// `clamp(zero + rounding_shift((value * factor + 2^30) >> 31, right), low, high)` of a value of 32 bits, a factor of 31 and a
/// shift of 5; `quant::requant_once` in place of both roundings where `once`, which comes with the value.
pub fn round_and_clamp(
    m: &mut Module,
    value: &Expr,
    factor: &Expr,
    (right, once): (&Expr, Option<&Expr>),
    zero: &Expr,
    low: &Expr,
    high: &Expr,
) -> Expr {
    let half = high_product(m, "product", value, factor, once);
    let right = m.delay("right_of_half", right, FACTOR_PRODUCT + 1);
    let once = once.map(|once| m.delay("once_of_half", once, FACTOR_PRODUCT + 2));
    let shifted = rounding_shift(m, "shifted", &half, &right, once.as_ref());
    place_and_clamp(m, &shifted, zero, low, high)
}
