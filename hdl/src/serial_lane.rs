// SPDX-License-Identifier: MIT OR Apache-2.0
//! # serial_lane — the requantiser's lane without multiplier blocks: a sum in several cycles
//! out = `narrow_lane`'s of the same sum, bias, multiplier and shift (`quant::narrow_requant`)
//! | port       | dir | data    | note                                                              |
//! |------------|-----|---------|-------------------------------------------------------------------|
//! | load       | in  | 1       | a sum is here; then none for `cycles` - 1 cycles                   |
//! | sum        | in  | 32 bits | in the cycle of load                                              |
//! | bias       | in  | 32 bits | in the cycle of load                                              |
//! | multiplier | in  | 31 bits | in the cycle behind load                                          |
//! | shift      | in  | 5 bits  | from the cycle behind load on, for `cycles` - 2 cycles            |
//! | zero       | in  | 8 bits  | `timing::CLAMP` cycles before the output                          |
//! | low, high  | in  | 8 bits  | as zero; `settled`: a cycle later, too                            |
//! | m_data     | out | 8 bits  | `timing::requant_lane` cycles behind load                         |
//!
//! k = 32 / `cycles` bits of the multiplier, lowest first, times s in each cycle: A <- (A >> k) + s digit, so that A ends as the
//! product without its lower 32 - k bits, of which none is wanted. The first rounding's 2^30 comes in through the top row of the
//! last digit, which is empty, as the multiplier has 31 bits. The right shift takes the same number of cycles, k bits in each
//! while there are k left, and the rest behind them; what is shifted out leaves a bit that says if it was more than nothing. The
//! second rounding adds the bit below the result, but not in a tie below zero: ties away from zero.
//! Throughput: 1 sum in `cycles` cycles. No back-pressure.
//! Bit widths: s has `bits`. s times a digit is in [-2^(bits - 1) (2^k - 1), 2^(bits - 1) (2^k - 1)], A in
//! [-2^(bits - 1) 2^k, 2^(bits - 1) 2^k): bits + k. The doubled high product A >> (k - 1) is no larger than s: `bits` again.

use crate::lane;
use crate::rtl::{Expr, Module, cat, lit};
use sepstream_spec::timing;
use std::rc::Rc;

/// Bits of the result beyond which it is outside every clamp, whatever the zero point.
const NEAR: u32 = 10;

/// The lane for sums of `bits` bits, one in `cycles` cycles; `settled` where no output is for other ends than the next one.
pub fn serial_lane(bits: u32, cycles: u32, settled: bool) -> Rc<Module> {
    let k = timing::serial_bits(cycles);
    let levels = timing::adder_levels(k);
    let done = timing::serial_product(cycles);
    let mut m = Module::new(
        match settled {
            true => format!("serial_lane_{bits}_{cycles}_settled"),
            false => format!("serial_lane_{bits}_{cycles}"),
        },
        &format!(
            "One sum, clamped to {bits} bits, to one INT8 output in {cycles} cycles, {k} bits of the multiplier in each."
        ),
    );
    let load = m.input("load", 1);
    let inputs = lane::Inputs::new(&mut m);
    let biased = inputs.biased(&mut m);
    let at = pulses(&mut m, &load, done);

    let clamped = lane::clamped(&mut m, &biased, bits);
    let s = m.reg("clamped", bits);
    let factor = m.reg("factor", 32);
    let next = m.wire("next_digit", &factor.slice(k, 32 - k).zext(32));
    m.clocked(|c| {
        c.when(&at[1], |c| c.set(&s, &clamped));
        c.set(&factor, &at[1].mux(&inputs.multiplier.zext(32), &next));
    });

    m.note("Rows of a digit, added in pairs; behind the last digit's upper row 2^30.");
    let last = &at[1 + cycles as usize];
    let mut terms: Vec<Expr> = (0..k / 2)
        .map(|pair| {
            let [even, odd] = [0, 1].map(|i| {
                let row = &s & &factor.bit(2 * pair + i).repeat(bits);
                m.wire(&format!("row_{}", 2 * pair + i), &row)
            });
            let half = if 2 * pair + 2 == k {
                last.clone()
            } else {
                lit(0, 1)
            };
            let sum = &even.sext(bits + 2) + &cat(&[odd.sext(bits + 1), half]);
            m.pipe(&format!("pair_{pair}"), &sum)
        })
        .collect();
    for level in 1..levels {
        let (shift, width) = (1 << level, bits + (2 << level));
        terms = terms
            .chunks(2)
            .enumerate()
            .map(|(i, two)| {
                let upper = cat(&[two[1].sext(width - shift), lit(0, shift)]);
                let sum = &two[0].sext(width) + &upper;
                m.pipe(&format!("rows_{level}_{i}"), &sum)
            })
            .collect();
    }
    let digits = m.reg("product", bits + k);
    let first = &at[2 + levels as usize];
    let before = digits.slice(k, bits).sext(bits + k);
    let before = m.wire("product_before", &(&before & &(!first).repeat(bits + k)));
    m.clocked(|c| c.set(&digits, &(&before + &terms[0])));

    m.note("The right shift, with one bit below the result.");
    let right = held(&mut m, "right", &inputs.shift, &at, cycles, done);
    let y = m.reg("shifted", bits + 1);
    let steps = m.reg("steps", 5 - levels);
    let fine = m.reg("fine", levels);
    let sticky = m.reg("sticky", 1);
    let more = m.wire("more", &steps.any());
    let lost = m.wire("lost", &y.low(k).any());
    let product = cat(&[digits.slice(k - 1, bits), lit(0, 1)]);
    let moved = y.slice(k, bits + 1 - k).sext(bits + 1);
    let start = &at[done as usize];
    m.clocked(|c| {
        c.when(&(start | &more), |c| {
            c.set(&y, &start.mux(&product, &moved));
            c.set(&sticky, &(&!start & &(&sticky | &lost)));
            let left = &steps - &lit(1, steps.width());
            c.set(&steps, &start.mux(&right.slice(levels, 5 - levels), &left));
        });
        c.when(start, |c| c.set(&fine, &right.low(levels)));
    });

    m.note("Of what is left to shift, no more than these bits can be near a byte.");
    let near = (NEAR + k - 1).min(bits);
    let sign = y.bit(bits);
    let above = y.slice(near, bits + 1 - near);
    let fits = m.pipe("few_bits", &above.eq(&sign.repeat(above.width())));
    let negative = m.pipe("below_all", &sign);
    let result = m.pipe("result", &y.low(near + 1).shr_s(&fine));
    let below: Vec<Expr> = (0..k - 1)
        .map(|i| &y.bit(i) & &lit(i.into(), levels).lt(&fine))
        .collect();
    let below = below.iter().fold(sticky, |any, bit| &any | bit);
    let below = m.pipe("below_half", &below);
    let tie = &negative & &!&below;
    let round = m.wire("round", &(&result.bit(0) & &!&tie));
    // one sum with a carry from below
    let width = near + 1;
    let sum = &cat(&[result.slice(1, near).sext(width), lit(1, 1)])
        + &cat(&[inputs.zero.sext(width), round]);
    let sum = m.wire("placed_nudged", &sum);
    let placed = m.pipe("placed", &sum.slice(1, width));
    let mut late = |name: &str, value: &Expr| m.delay(&format!("{name}_late"), value, 1);
    let [fits, negative] = [("few_bits", &fits), ("below_all", &negative)].map(|(n, e)| late(n, e));
    let [low, high] = [("low", &inputs.low), ("high", &inputs.high)].map(|(n, e)| match settled {
        true => e.clone(),
        false => late(n, e),
    });
    let too_low = m.wire("too_low", &placed.lt_s(&low.sext(width)));
    let too_high = m.wire("too_high", &high.sext(width).lt_s(&placed));
    let takes_low = m.wire("takes_low", &fits.mux(&too_low, &negative));
    let takes_high = m.wire("takes_high", &fits.mux(&too_high, &!&negative));
    let out = takes_low.mux(&low, &takes_high.mux(&high, &placed.low(8)));
    let out = m.pipe("out", &out);
    m.output("m_data", &out);
    Rc::new(m)
}

/// A pulse, and the same up to `last` cycles later.
pub(crate) fn pulses(m: &mut Module, load: &Expr, last: u32) -> Vec<Expr> {
    let mut all = vec![load.clone()];
    for cycle in 1..=last {
        let next = m.pipe(&format!("load_{cycle}"), &all[cycle as usize - 1]);
        all.push(next);
    }
    all
}

/// A value that is there up to cycle `cycles` - 2 behind the pulse, as it is in cycle `until`: registers that take it every `cycles`
/// cycles, as late as can be.
pub(crate) fn held(
    m: &mut Module,
    name: &str,
    value: &Expr,
    at: &[Expr],
    cycles: u32,
    until: u32,
) -> Expr {
    let mut value = value.clone();
    let mut valid_to = cycles - 2;
    while valid_to < until {
        let register = m.reg(&format!("{name}_{valid_to}"), value.width());
        m.clocked(|c| c.when(&at[valid_to as usize], |c| c.set(&register, &value)));
        value = register;
        valid_to += cycles;
    }
    value
}
