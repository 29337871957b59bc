// SPDX-License-Identifier: MIT OR Apache-2.0
//! # depthwise — lanes x taps products per cycle, one sum per lane
//! | port                   | dir | data               | note                                                    |
//! |------------------------|-----|--------------------|---------------------------------------------------------|
//! | start                  | in  | 1                  | a new command                                           |
//! | dw_valid .. dw_pixel_last | in | 1 each          | from `window`, one cycle after its step                 |
//! | s_taps                 | in  | lanes x taps bytes | from `columns`, `timing::window_bytes` after the step    |
//! | w_addr / w_data        |     | weight memory      | one word per step: lane after lane, taps as in s_taps   |
//! | dw_max                 | in  | 1                  | where it takes maxima: `isa::Field::DwMax`               |
//! | m_sum                  | out | lanes x 32 bits    | with dw_max the window's largest byte, times 2^6        |
//! | m_valid m_last         | out | 1 each             | a group's sums are here; it is the pixel's last         |
//!
//! Latency: `timing::depthwise_sum` from the window's step. Throughput: 1 step per cycle. No back-pressure.
//! Bit widths: sums wrap at 32 bits as in the software, and the accumulator has fewer where no kernel has products for as many;
//! 16 + log2(taps) bits before the accumulator never do.

use crate::engine::{accumulate, products, sum};
use crate::rtl::{Expr, Module, all, cat, lit, pack};
use sepstream_spec::config::{Config, Multiplier, WIDE_SUM};
use sepstream_spec::isa::{Field, MAX_SHIFT, address_bits};
use sepstream_spec::timing;
use sepstream_spec::width::depthwise_sum_bits;
use std::rc::Rc;

/// The depthwise engine.
pub fn depthwise(config: &Config) -> Rc<Module> {
    let v = config.values();
    let (lanes, taps) = (v.lanes, v.taps);
    let mut m = Module::new(
        "depthwise",
        &format!("Depthwise engine: {lanes} lanes of {taps} tap(s)."),
    );
    let address = address_bits(config.depthwise_words());
    let start = m.input("start", 1);
    let base = m.input(Field::DwWeightBase.name(), address);
    let valid = m.input("dw_valid", 1);
    let first = m.input("dw_first", 1);
    let last = m.input("dw_last", 1);
    let pixel_last = m.input("dw_pixel_last", 1);
    let s_taps = m.input("s_taps", lanes * taps * 8);
    let weights = m.input("w_data", lanes * taps * 8);

    m.note("Weights: the same words for every pixel, read so that they meet the taps.");
    // a spread array leaves no wire the time to pass an adder and reach the memory
    let late = timing::spread_cycles(config);
    let lead = timing::window_bytes(config) - timing::near_read(config) - 1 - late;
    let step = m.delay("step", &valid, lead);
    let wrap = m.delay(
        "wrap",
        &all(&[valid.clone(), last.clone(), pixel_last.clone()]),
        lead,
    );
    let offset = m.reg("offset", address);
    m.clocked(|s| {
        s.when(&step, |s| s.set(&offset, &(&offset + &lit(1, address))));
        s.when(&(&wrap | &start), |s| s.set(&offset, &lit(0, address)));
    });
    let mut addr = &base + &offset;
    if late > 0 {
        addr = m.pipe("addr", &addr);
    }
    m.output("w_addr", &addr);

    m.note("Products, adders, accumulators.");
    let operand = timing::depthwise_operand(config);
    let s_taps = m.delay("taps", &s_taps, operand);
    let weights = m.delay("weights", &weights, operand);
    let to_sum = timing::depthwise_sum(config) - timing::ACCUMULATE - 1;
    let places = if timing::spread(config) { lanes } else { 1 };
    // one for each lane, and one for the end of a group, which is in none
    let ends = u32::from(places > 1);
    let valids = m.delayed_copies("valid", &valid, to_sum, places + ends);
    let firsts = m.delayed_copies("first", &first, to_sum, places);
    let last = m.delay("last", &last, to_sum);
    let pixel_last = m.delay("pixel_last", &pixel_last, to_sum);
    let bits = depthwise_sum_bits(config);
    let pairs: Vec<_> = (0..lanes * taps)
        .map(|at| (s_taps.byte(at), weights.byte(at)))
        .collect();
    let (kind, cycles) = (config.dw_multiplier(), timing::depthwise_product(config));
    // lanes before those in LUTs all the same
    let in_blocks = (v.lanes - v.dw_lut_lanes) as usize;
    // where cells are few, two lanes of one tap share a multiplier block that has two products
    let together = match taps {
        1 if lanes > 1 && config.saves_cells() => {
            let (others, luts) = pairs.split_at(in_blocks);
            let mut all = products(&mut m, "lanes", others, kind, cycles);
            all.extend(products(&mut m, "lut_lanes", luts, Multiplier::Lut, cycles));
            all
        }
        _ => Vec::new(),
    };
    let takes_max = config
        .takes_maxima()
        .then(|| m.input(Field::DwMax.name(), 1));
    let sums: Vec<_> = pairs
        .chunks(taps as usize)
        .enumerate()
        .map(|(l, pairs)| {
            let name = format!("lane_{l}");
            let terms = match together.is_empty() {
                true if l >= in_blocks => products(&mut m, &name, pairs, Multiplier::Lut, cycles),
                true => products(&mut m, &name, pairs, kind, cycles),
                false => vec![together[l].clone()],
            };
            let sum = sum(&mut m, &name, terms, bits);
            let at = if places == 1 { 0 } else { l };
            let (valid, first) = (&valids[at], &firsts[at]);
            let sum = accumulate(&mut m, &format!("acc_{l}"), bits, &sum, valid, first);
            match &takes_max {
                None => sum,
                Some(takes_max) => {
                    let most = largest(&mut m, &name, pairs, cycles, [valid, first]);
                    takes_max.mux(&most, &sum)
                }
            }
        })
        .collect();
    m.output("m_sum", &pack(&sums));
    let done = m.pipe("done", &(&valids[valids.len() - 1] & &last));
    let done_last = m.pipe("done_last", &pixel_last);
    m.output("m_valid", &done);
    m.output("m_last", &done_last);
    Rc::new(m)
}

/// The smallest byte: what a tap without weight is, and a lane without any.
const LEAST: u64 = 0x80;

/// The largest byte of the taps that have weights, in the place of a sum of their products: as many cycles for the products, a register
/// behind each level of a balanced tree, one for what was largest in the steps before.
fn largest(
    m: &mut Module,
    name: &str,
    pairs: &[(Expr, Expr)],
    cycles: u32,
    [valid, first]: [&Expr; 2],
) -> Expr {
    let least = lit(LEAST, 8);
    let mut terms: Vec<Expr> = (pairs.iter().enumerate())
        .map(|(i, (byte, weight))| {
            let part = weight.any().mux(byte, &least);
            m.delay(&format!("{name}_part_{i}"), &part, cycles)
        })
        .collect();
    let larger = |a: &Expr, b: &Expr| a.lt_s(b).mux(b, a);
    let mut level = 0;
    while terms.len() > 1 {
        level += 1;
        let pairs = terms.chunks(2).enumerate();
        terms = pairs
            .map(|(i, pair)| {
                let most = match pair {
                    [a, b] => larger(a, b),
                    _ => pair[0].clone(),
                };
                m.pipe(&format!("{name}_most_{level}_{i}"), &most)
            })
            .collect();
    }
    let now = terms.swap_remove(0);
    let most = m.reg(&format!("{name}_most"), 8);
    let before = first.mux(&least, &most);
    m.clocked(|s| s.when(valid, |s| s.set(&most, &larger(&before, &now))));
    cat(&[most, lit(0, MAX_SHIFT)]).sext(WIDE_SUM)
}
