// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the requantiser's lanes have in common that take a sum in several cycles: `block_lane` and `serial_lane`
//! out = `narrow_lane`'s of the same sum, bias, multiplier and shift (`quant::narrow_requant`)
//! | port       | dir | data    | note                                                              |
//! |------------|-----|---------|-------------------------------------------------------------------|
//! | early      | in  | 1       | a sum is here, and in the next cycle; then none until that many cycles have passed |
//! | load       | in  | 1       | early, a cycle later                                               |
//! | sum        | in  | 32 bits | those above `acc_bits` are its sign                               |
//! | part       | in  | 16 bits | parameters (`Param::to_serial_bytes`): word after word from the cycle of early on |
//! | zero       | in  | 8 bits  | `timing::CLAMP` cycles before the output                          |
//! | low, high  | in  | 8 bits  | as zero; `settled`: a cycle later, too                            |
//! | m_data     | out | 8 bits  | `timing::requant_lane` cycles behind load                         |
//!
//! The right shift behind the product goes on in the same number of cycles, k bits in each while there are k left, and the rest behind
//! them; what is shifted out leaves a bit that says if it was more than nothing. The second rounding adds the bit below the result, but
//! not in a tie below zero: ties away from zero. Where there is one rounding only, ties go up, and the first adds nothing.
//! Bit widths: a sum of `acc_bits` with a bias of 24 has one bit more than the larger, or wraps at 32 as in the software. The doubled
//! high product is no larger than the clamped sum.

use super::block_lane::block_lane;
use super::lane;
use super::rounding::less_below_zero;
use super::serial_lane::serial_lane;
use crate::rtl::{Expr, Module, cat, lit};
use sepstream_spec::config::WIDE_SUM;
use sepstream_spec::isa::{ROUND_ONCE, SERIAL_BIAS_BITS, param_parts};
use sepstream_spec::timing;
use std::rc::Rc;

/// Bits of the number of a word of a beat's parameters.
pub(crate) const PART_BITS: u32 = param_parts(4).trailing_zeros();
/// Bits of such a word.
const WORD_BITS: u32 = 16;
/// Bits of the result beyond which it is outside every clamp, whatever the zero point.
const NEAR: u32 = 10;

/// What a lane is for.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Bits of a sum before its bias.
    pub acc_bits: u32,
    /// Bits of a sum with its bias.
    pub bits: u32,
    /// Cycles in which it takes a sum.
    pub cycles: u32,
    /// No output is for other ends than the next one.
    pub settled: bool,
    /// It rounds once where the shift byte says so (`quant::requant_once`).
    pub either: bool,
}

impl Kind {
    /// Name of the module; `base` says all but what differs from lane to lane of a sort.
    pub(crate) fn name(self, base: String) -> String {
        let base = match self.settled {
            true => format!("{base}_settled"),
            false => base,
        };
        lane::name(base, self.either)
    }
}

/// The lane of so many cycles.
pub(crate) fn lane(kind: Kind) -> Rc<Module> {
    match kind.cycles {
        timing::BLOCK_CYCLES => block_lane(kind),
        _ => serial_lane(kind),
    }
}

/// Bit of the word with the shift that says `isa::ROUND_ONCE`; the shift itself begins at bit 8.
const ONCE_BIT: u32 = 8 + ROUND_ONCE.trailing_zeros();

/// A lane's ports, and what is common to all behind them.
pub(crate) struct Lane {
    kind: Kind,
    pub(crate) part: Expr,
    zero: Expr,
    low: Expr,
    high: Expr,
    /// `load`, and the same up to the cycle in which the product is there.
    pub(crate) at: Vec<Expr>,
    /// The sum with its bias, clamped, from the cycle behind load until the next load.
    pub(crate) clamped: Expr,
}

impl Lane {
    /// Its ports, and the sum with its bias.
    pub(crate) fn new(m: &mut Module, kind: Kind) -> Self {
        let Kind {
            acc_bits,
            bits,
            cycles,
            ..
        } = kind;
        let [early, load] = ["early", "load"].map(|name| m.input(name, 1));
        let sum = m.input("sum", WIDE_SUM);
        let part = m.input("part", WORD_BITS);
        let [zero, low, high] = ["zero", "low", "high"].map(|name| m.input(name, 8));
        let at = pulses(m, &load, timing::serial_product(cycles));

        m.note("The bias comes in two parts.");
        let wide = (acc_bits.max(SERIAL_BIAS_BITS) + 1).min(WIDE_SUM);
        let lower = &sum.low(WORD_BITS).zext(WORD_BITS + 1) + &part.zext(WORD_BITS + 1);
        let biased_low = m.reg("biased_low", WORD_BITS + 1);
        let upper = sum
            .slice(WORD_BITS, acc_bits - WORD_BITS)
            .sext(wide - WORD_BITS);
        let bias = part
            .low(SERIAL_BIAS_BITS - WORD_BITS)
            .sext(wide - WORD_BITS);
        // one sum with a carry from below
        let carried = &cat(&[upper, lit(1, 1)]) + &cat(&[bias, biased_low.bit(WORD_BITS)]);
        let carried = m.wire("upper_nudged", &carried);
        let biased_high = m.reg("biased_high", wide - WORD_BITS);
        m.clocked(|c| {
            c.when(&early, |c| c.set(&biased_low, &lower));
            c.when(&load, |c| {
                c.set(&biased_high, &carried.slice(1, wide - WORD_BITS))
            });
        });
        let biased = m.wire("biased", &cat(&[biased_high, biased_low.low(WORD_BITS)]));
        let clamped = lane::clamped(m, &biased, bits);
        Lane {
            kind,
            part,
            zero,
            low,
            high,
            at,
            clamped,
        }
    }

    /// The bit that says to round once, where the lane has it, from the cycle of load to so many later. `name` for its registers.
    pub(crate) fn once(&self, m: &mut Module, name: &str, until: u32) -> Option<Expr> {
        let bit = self.part.bit(ONCE_BIT);
        let held = |m: &mut Module| held(m, name, &bit, &self.at, self.kind.cycles, 0, until);
        self.kind.either.then(|| held(m))
    }

    /// Shift, zero point and clamp of a product that is there in the last cycle of `at`: the lane's output.
    pub(crate) fn finish(&self, m: &mut Module, product: &Expr) {
        let Kind {
            bits,
            cycles,
            settled,
            ..
        } = self.kind;
        let k = timing::serial_bits(cycles);
        let levels = timing::adder_levels(k);
        let done = self.at.len() as u32 - 1;
        let start = &self.at[done as usize];
        // it comes with the upper half of the bias
        let shift = self.part.slice(8, 5);
        let right = held(m, "right", &shift, &self.at, cycles, 0, done);
        let once = self.once(m, "once", done);
        m.note("The right shift, with one bit below the result.");
        let y = m.reg("shifted", bits + 1);
        let steps = m.reg("steps", 5 - levels);
        let fine = m.reg("fine", levels);
        let sticky = m.reg("sticky", 1);
        let more = m.wire("more", &steps.any());
        let lost = m.wire("lost", &y.low(k).any());
        let product = cat(&[product.clone(), lit(0, 1)]);
        let moved = y.slice(k, bits + 1 - k).sext(bits + 1);
        m.clocked(|c| {
            c.when(&(start | &more), |c| {
                c.set(&y, &start.mux(&product, &moved));
                c.set(&sticky, &(&!start & &(&sticky | &lost)));
                let left = &steps - &lit(1, steps.width());
                c.set(&steps, &start.mux(&right.slice(levels, 5 - levels), &left));
            });
            c.when(start, |c| c.set(&fine, &right.low(levels)));
        });
        let once = once.map(|once| {
            let of_shifted = m.reg("once_of_shifted", 1);
            m.clocked(|c| c.when(start, |c| c.set(&of_shifted, &once)));
            m.pipe("once_of_result", &of_shifted)
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
        let tie = less_below_zero(&negative, once.as_ref());
        let tie = &tie & &!&below;
        let round = m.wire("round", &(&result.bit(0) & &!&tie));
        // one sum with a carry from below
        let width = near + 1;
        let sum = &cat(&[result.slice(1, near).sext(width), lit(1, 1)])
            + &cat(&[self.zero.sext(width), round]);
        let sum = m.wire("placed_nudged", &sum);
        let placed = m.pipe("placed", &sum.slice(1, width));
        let mut late = |name: &str, value: &Expr| m.delay(&format!("{name}_late"), value, 1);
        let [fits, negative] =
            [("few_bits", &fits), ("below_all", &negative)].map(|(n, e)| late(n, e));
        let [low, high] = [("low", &self.low), ("high", &self.high)].map(|(n, e)| match settled {
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
    }
}

/// Where the cycles of a beat are counted, which reads its parameters word by word. It comes to rest by itself.
pub(crate) struct Phase {
    count: Expr,
    /// No beat is at work, or one begins.
    pub(crate) idle: Expr,
    /// The last cycle of a beat.
    pub(crate) last: Expr,
}

impl Phase {
    /// Beats of so many cycles, a power of two, the first of them with `active`.
    pub(crate) fn new(m: &mut Module, cycles: u32) -> Self {
        let count = m.reg("phase", cycles.trailing_zeros());
        Phase {
            idle: m.wire("phase_idle", &!&count.any()),
            last: m.wire("phase_last", &count.is((cycles - 1).into())),
            count,
        }
    }
    pub(crate) fn advance(&self, m: &mut Module, active: &Expr) {
        let next = &self.count + &lit(1, self.count.width());
        m.clocked(|s| s.when(&(active | &!&self.idle), |s| s.set(&self.count, &next)));
    }
    /// Number of the beat whose parameters begin at an address.
    pub(crate) fn beat_of(&self, address: &Expr) -> Expr {
        address.slice(PART_BITS, address.width() - PART_BITS)
    }
    /// Address of the word of a beat's parameters: each in a cycle of its own, and the last one until the beat's end.
    pub(crate) fn word(&self, beat: &Expr) -> Expr {
        let low = self.count.low(PART_BITS);
        let low = match self.count.width() {
            PART_BITS => low,
            more => {
                &low | &self
                    .count
                    .slice(PART_BITS, more - PART_BITS)
                    .any()
                    .repeat(PART_BITS)
            }
        };
        cat(&[beat.clone(), low])
    }
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

/// A value that is there in cycle `from` behind the pulse, as it is in cycle `until`: registers that take it every `cycles` cycles.
pub(crate) fn held(
    m: &mut Module,
    name: &str,
    value: &Expr,
    at: &[Expr],
    cycles: u32,
    from: u32,
    until: u32,
) -> Expr {
    let mut value = value.clone();
    let mut valid_to = from;
    while valid_to < until {
        let register = m.reg(&format!("{name}_{valid_to}"), value.width());
        m.clocked(|c| c.when(&at[valid_to as usize], |c| c.set(&register, &value)));
        value = register;
        valid_to += cycles;
    }
    value
}
