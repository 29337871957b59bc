// SPDX-License-Identifier: MIT OR Apache-2.0
//! # requant — INT32 sums to INT8 outputs
//! out = clamp(zero + rounding_shift(doubling_high_mul((sum + bias) << left, multiplier), right), low, high)
//!     = `spec::quant::requant` (TensorFlow Lite's `MultiplyByQuantizedMultiplier`, two roundings), or `requant_once` where the lanes
//! round either way and the parameters say so
//!
//! Takes the `channels` sums of a group at once, holds them, and sends them through `lanes` lanes in
//! ceil(channels / lanes) beats, one in `cycles` cycles; groups come no faster than that (their engines idle where needed).
//! | port         | dir | data               | note                                                    |
//! |--------------|-----|--------------------|---------------------------------------------------------|
//! | s_sum        | in  | channels x 32 bits |                                                         |
//! | s_valid      | in  | 1                  | a group is here                                         |
//! | s_last       | in  | 1                  | it is the last of its pixel                             |
//! | s_tag        | in  | `tag` bits         | given out with the pixel's last beat                    |
//! | s_context    | in  | 1                  | sort of the group's pixel, where there are two           |
//! | context_beat | out | 1                  | of the beat that param_base and pixel_bytes are for      |
//! | context_out  | out | 1                  | of the outputs that zero, low and high are for           |
//! | m_context    | out | 1                  | of the beat                                             |
//! | param_base   | in  | word address       | parameters of the pixel's first beat                    |
//! | pixel_bytes  | in  | bytes              | outputs of a pixel; lanes behind them are dropped       |
//! | start        | in  | 1                  | a new command: forget counters                          |
//! | zero low high| in  | 8 bits each        |                                                         |
//! | p_addr/p_data|     | parameter memory   | one word per beat, whose address is a cycle late where `spread`: per lane bias, multiplier, shift; where |
//! |              |     |                    | `cycles` > 1 four, with two bytes per lane each         |
//! | m_data       | out | lanes x 8 bits     |                                                         |
//! | m_count      | out | bytes              | valid outputs of the beat, from lane 0                  |
//! | m_tag        | out | `tag` bits         | s_tag in the last beat of a pixel, else 0               |
//! | m_valid      | out | 1                  | with `early`, m_count, m_tag and m_valid come a cycle before m_data |
//!
//! Latency: `timing::requant` to the first beat, a cycle more where `spread`. Throughput: 1 beat in `cycles` cycles. No back-pressure.
//! Bit widths: |sum << left| < 2^31 (wraps like the software), multiplier < 2^31, so the product has 63 bits and its half
//! 32; the rounding shift adds 2^(right - 1) <= 2^30 to 32 signed bits: 33 never wrap; zero point: 34.

mod beats;
mod counts;
mod lanes;
mod words;

use crate::packer::bits_for;
use crate::rtl::{Expr, Module, all};
use beats::{Beats, held_from};
use counts::Counts;
use sepstream_spec::isa::{address_bits, param_bytes, param_parts};
use sepstream_spec::timing;
use std::rc::Rc;

use super::serial::Phase;

/// Shape of a requantiser.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Sums of a group.
    pub channels: u32,
    /// Lanes.
    pub lanes: u32,
    /// Bits of a sum before its bias, in two's complement; those above them are its sign.
    pub acc_bits: u32,
    /// Bits of a sum with its bias: `WIDE_SUM`, or those of `narrow_lane`.
    pub sum_bits: u32,
    /// Cycles in which a lane takes a sum; more than 1: `serial::lane`.
    pub cycles: u32,
    /// Lanes round once where a parameter says so (`quant::Rounding`), else always twice.
    pub either: bool,
    /// Words of the parameter memory.
    pub param_words: u32,
    /// Bits of the count of a pixel's outputs.
    pub byte_bits: u32,
    /// Tag bits.
    pub tag: u32,
    /// Pixels of two sorts may follow one another, each with a parameter base, bytes, zero point and clamp of its own.
    pub contexts: bool,
    /// What a beat is comes a cycle before its bytes.
    pub early: bool,
    /// Its lanes lie far from each other and from what makes the sums (`timing::spread`).
    pub spread: bool,
}

impl Shape {
    /// Beats of a group.
    fn beats(&self) -> u32 {
        self.channels.div_ceil(self.lanes)
    }
    /// Cycles to the sums' register, which what goes with them waits for.
    fn far(&self) -> u32 {
        if self.spread { timing::SPREAD } else { 0 }
    }
    /// Bits of a lane in a word of parameters.
    fn part(&self) -> u32 {
        param_bytes(self.cycles) / param_parts(self.cycles) * 8
    }
}

/// The ports that several parts of it look at.
struct Ports {
    sums: Expr,
    valid: Expr,
    last: Expr,
    tag: Expr,
    param_base: Expr,
    pixel_bytes: Expr,
    /// Zero point, low and high end.
    ends: [Expr; 3],
    params: Expr,
    /// A new command, or reset.
    fresh_start: Expr,
}

impl Ports {
    fn new(m: &mut Module, shape: &Shape) -> Self {
        let sums = m.input("s_sum", shape.channels * 32);
        let valid = m.input("s_valid", 1);
        let last = m.input("s_last", 1);
        let tag = m.input("s_tag", shape.tag);
        let param_base = m.input("param_base", address_bits(shape.param_words));
        let pixel_bytes = m.input("pixel_bytes", shape.byte_bits);
        let start = m.input("start", 1);
        let ends = ["zero", "low", "high"].map(|name| m.input(name, 8));
        let params = m.input("p_data", shape.lanes * shape.part());
        let rst = m.unit_reset();
        Ports {
            sums,
            valid,
            last,
            tag,
            param_base,
            pixel_bytes,
            ends,
            params,
            fresh_start: &rst | &start,
        }
    }
}

/// A requantiser.
pub fn requant(name: &str, shape: Shape) -> Rc<Module> {
    let beats = shape.beats();
    let mut m = Module::new(
        name,
        &format!(
            "Requantises groups of {} sums in {beats} beat(s) of {} lane(s), one in {} cycle(s).",
            shape.channels, shape.lanes, shape.cycles
        ),
    );
    let ports = Ports::new(&mut m, &shape);
    let phase = (shape.cycles > 1).then(|| Phase::new(&mut m, shape.cycles));
    let at = Beats::new(&mut m, &shape, &ports, phase.as_ref());
    if shape.contexts {
        contexts(&mut m, &shape, &ports);
    }

    m.note("Parameters: one word per beat, from param_base for every pixel.");
    let pixel_end = m.wire(
        "pixel_end",
        &all(&[at.active.clone(), at.ends.clone(), at.group_last.clone()]),
    );
    let fresh = m.reg("fresh", 1);
    let begins = words::address(&mut m, &shape, &ports, &at, &phase, [&pixel_end, &fresh]);
    let counts = Counts::new(&mut m, &shape, &ports, &at, [&fresh, &begins]);
    lanes::lanes(&mut m, &shape, &ports, at, &counts);
    Rc::new(m)
}

/// Of which sort the pixels are that parameters, outputs and beats belong to.
fn contexts(m: &mut Module, shape: &Shape, ports: &Ports) {
    let context = m.input("s_context", 1);
    let now = held_from(m, shape, ports, &context, ["context_held", "context_now"]);
    let placed = m.delay(
        "context",
        &now,
        shape.far() + timing::requant(shape.sum_bits, shape.cycles) - timing::CLAMP,
    );
    let out = m.delay("context_of_out", &placed, timing::CLAMP);
    m.output("context_beat", &now);
    m.output("context_out", &placed);
    m.output("m_context", &out);
}
