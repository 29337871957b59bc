// SPDX-License-Identifier: MIT OR Apache-2.0
//! # pointwise — the PE array: tn x tm products per cycle, one sum per output channel
//! | port                | dir | data            | note                                                          |
//! |---------------------|-----|-----------------|---------------------------------------------------------------|
//! | step .. step_last   | in  | 1 each          | from `pointwise_control`                                      |
//! | s_tag               | in  | `tag` bits      | of the step, given out with the sums                          |
//! | s_pixel             | in  | tn bytes        | pixel buffer word, `timing::pixel_read` after the step        |
//! | s_weight            | in  | tm x tn bytes   | weight memory word, `timing::array_read` after it; channel after channel |
//! | m_sum m_tag m_valid | out | tm x 32 bits    | a group's sums                                                |
//!
//! Latency: `timing::pointwise_sum`. Throughput: 1 step per cycle. No back-pressure.
//! Bit widths: 16 + log2(tn) bits before the accumulator never wrap; sums wrap at 32 bits as in the software, and where a pixel cannot
//! have products for as many, the accumulator has fewer.

use crate::engine::{accumulate, pair_sums, products, sum};
use crate::multiplier;
use crate::rtl::{Expr, Module, pack};
use sepstream_spec::config::{Config, Multiplier};
use sepstream_spec::timing;
use sepstream_spec::width::pointwise_sum_bits;
use std::rc::Rc;

/// The pointwise array.
pub fn pointwise(config: &Config, tag: u32) -> Rc<Module> {
    let v = config.values();
    let (tn, tm) = (v.tn, v.tm);
    let mut m = Module::new(
        "pointwise",
        &format!("Pointwise array: {tn} input x {tm} output channels per cycle."),
    );
    let step = m.input("step", 1);
    let first = m.input("step_first", 1);
    let last = m.input("step_last", 1);
    let tag_in = m.input("s_tag", tag);
    let pixel = m.input("s_pixel", tn * 8);
    let weight = m.input("s_weight", tm * tn * 8);
    let kind = config.pw_multiplier();
    let cycles = timing::pointwise_product(config);
    // channels before those in LUTs all the same
    let in_blocks = tm - v.pw_lut_channels;
    // channels that have registers of their own for what all channels get
    let place = match (timing::spread(config), kind) {
        (false, _) => tm,
        (true, Multiplier::Packed) => 2,
        (true, _) => 1,
    };
    let places = tm.div_ceil(place);
    let pixels = match (timing::operand(config), timing::spread(config)) {
        (0, _) => vec![pixel],
        (_, false) => vec![m.pipe("pixel", &pixel)],
        (_, true) => {
            m.note("The pixel on its way: a register for every two places, then one in each.");
            let near = m.copies("pixel_near", &pixel, places.div_ceil(2));
            let two = |(n, pixel): (usize, &Expr)| {
                let count = (places - 2 * n as u32).min(2);
                m.copies(&format!("pixel_of_{n}"), pixel, count)
            };
            near.iter().enumerate().flat_map(two).collect()
        }
    };
    let weight = match timing::operand(config) {
        0 => weight,
        _ => m.pipe("weight", &weight),
    };
    let to_sum = timing::pointwise_sum(config) - timing::ACCUMULATE;
    // one for each place, and one for the end of a group, which is at none
    let ends = u32::from(places > 1);
    let valids = m.delayed_copies("valid", &step, to_sum, places + ends);
    let firsts = m.delayed_copies("first", &first, to_sum, places);
    let last = m.delay("last", &last, to_sum);
    let tag_d = m.delay("tag", &tag_in, to_sum + timing::ACCUMULATE);
    let weight_of = |c: u32, i: u32| weight.byte(c * tn + i);
    let pixel_of = |c: u32, i: u32| pixels[(c / place) as usize].byte(i);
    let mut terms: Vec<Vec<Expr>> = Vec::new();
    if kind == Multiplier::Packed {
        m.note("Pairs of output channels: one multiplier for both weights of an input channel.");
        let packed = multiplier::packed();
        for c in (0..in_blocks - in_blocks % 2).step_by(2) {
            let mut both = [Vec::new(), Vec::new()];
            for i in 0..tn {
                let inputs = [
                    ("a", pixel_of(c, i)),
                    ("w_0", weight_of(c, i)),
                    ("w_1", weight_of(c + 1, i)),
                ];
                let pair = m.instance(&format!("pair_{c}_{i}"), &packed, &inputs);
                both[0].push(pair.out("m_product_0"));
                both[1].push(pair.out("m_product_1"));
            }
            terms.extend(both);
        }
    }
    for c in terms.len() as u32..tm {
        let pairs: Vec<_> = (0..tn).map(|i| (pixel_of(c, i), weight_of(c, i))).collect();
        let name = format!("channel_{c}");
        terms.push(match config.adds_in_blocks() {
            _ if c >= in_blocks => products(&mut m, &name, &pairs, Multiplier::Lut, cycles),
            true => pair_sums(&mut m, &name, &pairs, cycles),
            false => products(&mut m, &name, &pairs, kind, cycles),
        });
    }
    let bits = pointwise_sum_bits(config);
    let sums: Vec<_> = terms
        .into_iter()
        .enumerate()
        .map(|(c, terms)| {
            let sum = sum(&mut m, &format!("channel_{c}"), terms, bits);
            let at = c / place as usize;
            let (valid, first) = (&valids[at], &firsts[at]);
            accumulate(&mut m, &format!("acc_{c}"), bits, &sum, valid, first)
        })
        .collect();
    m.output("m_sum", &pack(&sums));
    let done = m.pipe("done", &(&valids[valids.len() - 1] & &last));
    m.output("m_valid", &done);
    m.output("m_tag", &tag_d);
    Rc::new(m)
}
