// SPDX-License-Identifier: MIT OR Apache-2.0
//! # pointwise — the PE array: tn x tm products per cycle, one sum per output channel
//! | port                | dir | data            | note                                                          |
//! |---------------------|-----|-----------------|---------------------------------------------------------------|
//! | step .. step_last   | in  | 1 each          | from `pointwise_control`                                      |
//! | s_tag               | in  | `tag` bits      | of the step, given out with the sums                          |
//! | s_pixel             | in  | tn bytes        | pixel buffer word, `timing::array_read` after the step        |
//! | s_weight            | in  | tm x tn bytes   | weight memory word, likewise; channel after channel           |
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
    let [pixel, weight] = [("pixel", pixel), ("weight", weight)].map(|(name, operand)| {
        match timing::operand(config) {
            0 => operand,
            _ => m.pipe(name, &operand),
        }
    });
    let to_sum = timing::pointwise_sum(config) - timing::ACCUMULATE;
    let valid = m.delay("valid", &step, to_sum);
    let first = m.delay("first", &first, to_sum);
    let last = m.delay("last", &last, to_sum);
    let tag_d = m.delay("tag", &tag_in, to_sum + timing::ACCUMULATE);
    let kind = config.pw_multiplier();
    let weight_of = |c: u32, i: u32| weight.byte(c * tn + i);
    let mut terms: Vec<Vec<Expr>> = Vec::new();
    if kind == Multiplier::Packed {
        m.note("Pairs of output channels: one multiplier for both weights of an input channel.");
        let packed = multiplier::packed();
        for c in (0..tm - tm % 2).step_by(2) {
            let mut both = [Vec::new(), Vec::new()];
            for i in 0..tn {
                let inputs = [
                    ("a", pixel.byte(i)),
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
        let pairs: Vec<_> = (0..tn).map(|i| (pixel.byte(i), weight_of(c, i))).collect();
        let name = format!("channel_{c}");
        terms.push(match config.adds_in_blocks() {
            true => pair_sums(&mut m, &name, &pairs),
            false => products(&mut m, &name, &pairs, kind),
        });
    }
    let bits = pointwise_sum_bits(config);
    let sums: Vec<_> = terms
        .into_iter()
        .enumerate()
        .map(|(c, terms)| {
            let sum = sum(&mut m, &format!("channel_{c}"), terms);
            accumulate(&mut m, &format!("acc_{c}"), bits, &sum, &valid, &first)
        })
        .collect();
    m.output("m_sum", &pack(&sums));
    let done = m.pipe("done", &(&valid & &last));
    m.output("m_valid", &done);
    m.output("m_tag", &tag_d);
    Rc::new(m)
}
