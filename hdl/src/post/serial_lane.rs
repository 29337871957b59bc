// SPDX-License-Identifier: MIT OR Apache-2.0
//! # serial_lane — the requantiser's lane without multiplier blocks: a sum in several cycles
//! Ports as in `serial`.
//!
//! k = 32 / `cycles` bits of the multiplier, lowest first, times s in each cycle: A <- (A >> k) + s digit, so that A ends as the
//! product without its lower 32 - k bits, of which none is wanted. The first rounding's 2^30 comes in through the top row of the
//! last digit, which is empty, as the multiplier has 31 bits.
//! Throughput: 1 sum in `cycles` cycles. No back-pressure.
//! Bit widths: s has `bits`. s times a digit is in [-2^(bits - 1) (2^k - 1), 2^(bits - 1) (2^k - 1)], A in
//! [-2^(bits - 1) 2^k, 2^(bits - 1) 2^k): bits + k. The doubled high product is A >> (k - 1).

use super::serial::{Kind, Lane};
use crate::rtl::{Expr, Module, cat, lit};
use sepstream_spec::timing;
use std::rc::Rc;

/// The lane.
pub fn serial_lane(kind: Kind) -> Rc<Module> {
    let Kind {
        acc_bits,
        bits,
        cycles,
        ..
    } = kind;
    let k = timing::serial_bits(cycles);
    let levels = timing::adder_levels(k);
    let mut m = Module::new(
        kind.name(format!("serial_lane_{acc_bits}_{bits}_{cycles}")),
        &format!(
            "One sum, clamped to {bits} bits, to one INT8 output in {cycles} cycles, {k} bits of the multiplier in each."
        ),
    );
    let lane = Lane::new(&mut m, kind);
    let at = &lane.at;
    m.note("Sum and multiplier, when the last part of that is there.");
    let s = m.reg("clamped", bits);
    let before = m.pipe("part_before", &lane.part);
    let factor = m.reg("factor", 31);
    let next = m.wire("next_digit", &factor.slice(k, 31 - k).zext(31));
    let multiplier = cat(&[lane.part.low(15), before]);
    m.clocked(|c| {
        c.when(&at[2], |c| c.set(&s, &lane.clamped));
        c.set(&factor, &at[2].mux(&multiplier, &next));
    });

    m.note("Rows of a digit, added in pairs; behind the last digit's upper row 2^30.");
    let last = &at[2 + cycles as usize];
    let last = match lane.once(&mut m, "once_of_digits", 2 + cycles) {
        None => last.clone(),
        Some(once) => m.wire("nudged", &(last & &!&once)),
    };
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
    let first = &at[3 + levels as usize];
    let before = digits.slice(k, bits).sext(bits + k);
    let before = m.wire("product_before", &(&before & &(!first).repeat(bits + k)));
    m.clocked(|c| c.set(&digits, &(&before + &terms[0])));

    let product = digits.slice(k - 1, bits);
    lane.finish(&mut m, &product);
    Rc::new(m)
}
