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

use crate::lane;
use crate::narrow_lane::narrow_lane;
use crate::packer::bits_for;
use crate::rounding::round_and_clamp;
use crate::rtl::{Expr, Module, all, lit, pack};
use crate::serial::{self, PART_BITS, Phase, held, pulses};
use sepstream_spec::config::WIDE_SUM;
use sepstream_spec::isa::{address_bits, param_bytes, param_parts};
use sepstream_spec::timing;
use std::rc::Rc;

/// One lane for sums of 32 bits, `timing::REQUANT_LANE` cycles; `either`: with a port `once`, as [`Shape::either`] wants it.
pub fn lane(either: bool) -> Rc<Module> {
    let mut m = Module::new(
        lane::name("requant_lane".into(), either),
        "One INT32 sum to one INT8 output, a stage per line.",
    );
    let inputs = lane::Inputs::new(&mut m);
    let biased = inputs.biased(&mut m);
    let left = m.input("left", 1);
    let factor = m.delay("multiplier", &inputs.multiplier, 2);
    let shift_d1 = m.delay("shift", &inputs.shift, 1);
    let left_d1 = m.delay("left", &left, 1);
    let scaled = m.pipe("scaled", &left_d1.mux(&biased.shl(&shift_d1), &biased));
    // a left shift leaves nothing to shift right
    let right = m.delay("right", &left_d1.mux(&lit(0, 5), &shift_d1), 1);
    let lane::Inputs {
        zero, low, high, ..
    } = &inputs;
    let once = either.then(|| {
        let once = m.input("once", 1);
        m.delay("once_of_scaled", &once, 2)
    });
    let right = (&right, once.as_ref());
    let out = round_and_clamp(&mut m, &scaled, &factor, right, zero, low, high);
    m.output("m_data", &out);
    Rc::new(m)
}

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

/// A requantiser.
pub fn requant(name: &str, shape: Shape) -> Rc<Module> {
    let Shape {
        channels,
        lanes,
        acc_bits,
        sum_bits,
        cycles,
        either,
        param_words,
        byte_bits,
        tag,
        contexts,
        early,
        spread,
    } = shape;
    // the sums' register, which what goes with them waits for
    let far = if spread { timing::SPREAD } else { 0 };
    let beats = channels.div_ceil(lanes);
    let mut m = Module::new(
        name,
        &format!(
            "Requantises groups of {channels} sums in {beats} beat(s) of {lanes} lane(s), one in {cycles} cycle(s)."
        ),
    );
    let address = address_bits(param_words);
    let count_bits = bits_for(lanes);
    let sums = m.input("s_sum", channels * 32);
    let s_valid = m.input("s_valid", 1);
    let s_last = m.input("s_last", 1);
    let s_tag = m.input("s_tag", tag);
    let param_base = m.input("param_base", address);
    let pixel_bytes = m.input("pixel_bytes", byte_bits);
    let start = m.input("start", 1);
    let zero = m.input("zero", 8);
    let low = m.input("low", 8);
    let high = m.input("high", 8);
    let parts = param_parts(cycles);
    let part = param_bytes(cycles) / parts * 8;
    let params = m.input("p_data", lanes * part);
    let rst = m.unit_reset();

    let phase = (cycles > 1).then(|| Phase::new(&mut m, cycles));
    m.note("Beat counter: beat 0 is in the cycle of s_valid. A pixel's last group ends with the pixel's last byte: a beat behind it");
    m.note("could come under the fetch of the next command, when pixel_bytes is the next one's already.");
    let (beat, active, last_beat, ends) = if beats == 1 {
        (None, s_valid.clone(), lit(1, 1), lit(1, 1))
    } else {
        let bits = bits_for(beats - 1);
        let beat = m.reg("beat", bits);
        let busy = m.reg("busy", 1);
        let goes_on = match &phase {
            None => busy.clone(),
            Some(phase) => &busy & &phase.idle,
        };
        let active = m.wire("active", &(&s_valid | &goes_on));
        let last_beat = m.wire("last_beat", &beat.is((beats - 1).into()));
        let ends = m.forward("group_ends", 1);
        m.clocked(|s| {
            s.when(&active, |s| {
                s.set(&beat, &ends.mux(&lit(0, bits), &(&beat + &lit(1, bits))));
                s.set(&busy, &!&ends);
            });
            s.when(&(&rst | &start), |s| {
                s.set(&beat, &lit(0, bits));
                s.set(&busy, &lit(0, 1));
            });
        });
        (Some(beat), active, last_beat, ends)
    };
    let group_last = if beats == 1 {
        s_last.clone()
    } else {
        let held = m.reg("last_held", 1);
        m.clocked(|s| s.when(&s_valid, |s| s.set(&held, &s_last)));
        m.wire("group_last", &s_valid.mux(&s_last, &held))
    };
    let tag_now = if beats == 1 {
        s_tag.clone()
    } else {
        let held = m.reg("tag_held", tag);
        m.clocked(|s| s.when(&s_valid, |s| s.set(&held, &s_tag)));
        m.wire("tag_now", &s_valid.mux(&s_tag, &held))
    };

    if contexts {
        let context = m.input("s_context", 1);
        let now = if beats == 1 {
            context
        } else {
            let held = m.reg("context_held", 1);
            m.clocked(|s| s.when(&s_valid, |s| s.set(&held, &context)));
            m.wire("context_now", &s_valid.mux(&context, &held))
        };
        let placed = m.delay(
            "context",
            &now,
            far + timing::requant(sum_bits, cycles) - timing::CLAMP,
        );
        let out = m.delay("context_of_out", &placed, timing::CLAMP);
        m.output("context_beat", &now);
        m.output("context_out", &placed);
        m.output("m_context", &out);
    }

    m.note("Parameters: one word per beat, from param_base for every pixel.");
    let pixel_end = m.wire(
        "pixel_end",
        &all(&[active.clone(), ends.clone(), group_last.clone()]),
    );
    let fresh = m.reg("fresh", 1);
    let param_at = m.reg(
        "param_at",
        address - phase.as_ref().map_or(0, |_| PART_BITS),
    );
    let begins = m.wire("begins", &(&(&rst | &start) | &pixel_end));
    let word = match &phase {
        // where pixels are of two sorts, a pixel's base is known with it
        None => {
            let word = match contexts {
                true => fresh.mux(&param_base, &param_at),
                false => param_at.clone(),
            };
            m.clocked(|s| {
                s.when(&active, |s| s.set(&param_at, &(&word + &lit(1, address))));
                if !contexts {
                    s.when(&begins, |s| s.set(&param_at, &param_base));
                }
            });
            word
        }
        Some(phase) => {
            phase.advance(&mut m, &active);
            let base = phase.beat_of(&param_base);
            let at = param_at;
            let next = &at + &lit(1, base.width());
            match contexts {
                true => {
                    let first = m.wire("first_word", &(&fresh & &phase.idle));
                    m.clocked(|s| {
                        s.when(&(&active & &fresh), |s| s.set(&at, &base));
                        s.when(&phase.last, |s| s.set(&at, &next));
                    });
                    phase.word(&first.mux(&base, &at))
                }
                false => {
                    let ended = m.reg("pixel_ended", 1);
                    m.clocked(|s| {
                        s.when(&active, |s| s.set(&ended, &pixel_end));
                        s.when(&phase.last, |s| s.set(&at, &ended.mux(&base, &next)));
                        s.when(&(&rst | &start), |s| s.set(&at, &base));
                    });
                    phase.word(&at)
                }
            }
        }
    };
    let word = m.delay("far_word", &word, far);
    m.output("p_addr", &word);

    m.note("Valid bytes of the beat: what the group has left, and what the pixel has left. The beat that closes the pixel is known");
    m.note("a beat before, from what is left then.");
    // counts of them are compared with those of two groups
    let size = byte_bits.max(bits_for(2 * channels));
    let pixel_bytes = pixel_bytes.zext(size);
    let rest = m.reg("rest", size);
    let left = m.wire("bytes_left", &fresh.mux(&pixel_bytes, &rest));
    let in_last_beat = channels - (beats - 1) * lanes;
    let by_beat = |last: u32, other: u32| match last == other {
        true => lit(last.into(), size),
        false => last_beat.mux(&lit(last.into(), size), &lit(other.into(), size)),
    };
    let in_beat = m.wire("in_beat", &by_beat(in_last_beat, lanes));
    // this beat and the next: of another group behind a last beat
    let mut within = |bytes: u32| {
        let two = lit(bytes.into(), size);
        m.wire(&format!("within_{bytes}"), &left.le(&two))
    };
    let closes_next = match (&beat, beats) {
        (None, _) => within(2 * channels),
        (Some(_), 2) => within(channels),
        _ if in_last_beat == lanes => within(2 * lanes),
        (Some(beat), _) => {
            let inside = within(2 * lanes);
            let around = within(in_last_beat + lanes);
            let turns = &beat.is((beats - 2).into()) | &last_beat;
            turns.mux(&around, &inside)
        }
    };
    let first_closes = pixel_bytes.le(&lit(lanes.min(channels).into(), size));
    // where pixels are of two sorts, a pixel's bytes are known with it
    let first_closes = match contexts {
        true => m.wire("first_closes", &first_closes),
        false => m.pipe("first_closes", &first_closes),
    };
    let rest_closes = m.reg("rest_closes", 1);
    let closes = m.wire("closes", &fresh.mux(&first_closes, &rest_closes));
    if beats > 1 {
        m.drive(&ends, &(&last_beat | &(&closes & &group_last)));
    }
    let count = closes.mux(&left.low(count_bits), &in_beat.low(count_bits));
    let count = m.wire("count", &count);
    m.clocked(|s| {
        s.when(&active, |s| {
            s.set(&fresh, &lit(0, 1));
            s.set(&rest, &(&left - &in_beat));
            s.set(&rest_closes, &closes_next);
        });
        s.when(&begins, |s| s.set(&fresh, &lit(1, 1)));
    });

    m.note("Hold the sums, pick the beat's lanes.");
    let places = if spread { lanes } else { 1 };
    let sums = m.delay("far_sum", &sums, far);
    let takes = match spread {
        true => m.copies("far_valid", &s_valid, places),
        false => vec![s_valid.clone()],
    };
    let hold: Vec<Expr> = (0..channels)
        .map(|c| {
            let hold = m.reg(&format!("hold_{c}"), acc_bits);
            let sum = sums.slice(WIDE_SUM * c, acc_bits);
            let take = &takes[(c % lanes % places) as usize];
            m.clocked(|s| s.when(take, |s| s.set(&hold, &sum)));
            hold
        })
        .collect();
    let late = timing::requant_load(cycles) - 1;
    // a lane of several cycles looks at its sum twice, and the beat's number goes on behind its first cycle
    let beat_cycles = far + late + u32::from(cycles > 1);
    // for the lanes that take sums of a second beat
    let turning = places.min(channels - lanes);
    let beat_d = beat.map(|b| m.delayed_copies("beat", &b, beat_cycles, turning));
    let control = m.delay(
        "control",
        &pack(&[active.clone(), closes.clone(), count, tag_now.clone()]),
        1 + far,
    );
    let mut outputs = Vec::new();
    let wide = sum_bits == WIDE_SUM;
    let lane_module = match cycles {
        1 if wide => lane(either),
        1 => narrow_lane(sum_bits, either),
        // fields of a command stay until its last output is written
        _ => serial::lane(serial::Kind {
            acc_bits,
            bits: sum_bits,
            cycles,
            settled: !contexts,
            either,
        }),
    };
    let load = (cycles > 1).then(|| {
        let early = m.delay("early", &control.bit(0), late - 1);
        let load = m.pipe("load", &early);
        (early, load)
    });
    for l in 0..lanes {
        let mut picked = hold[l as usize].clone();
        for b in 1..beats {
            let channel = b * lanes + l;
            if let (Some(beat), true) = (&beat_d, channel < channels) {
                let beat = &beat[(l % turning) as usize];
                picked = beat.is(b.into()).mux(&hold[channel as usize], &picked);
            }
        }
        // where a lane takes several cycles, it stays until that has taken it
        let sum = match cycles {
            1 => m.pipe(&format!("sum_{l}"), &picked),
            _ => m.wire(&format!("sum_{l}"), &picked),
        };
        let base = l * part;
        let mut inputs = vec![
            ("sum", sum.sext(WIDE_SUM)),
            ("zero", zero.clone()),
            ("low", low.clone()),
            ("high", high.clone()),
        ];
        if let Some((early, load)) = &load {
            inputs.extend([
                ("early", early.clone()),
                ("load", load.clone()),
                ("part", params.slice(base, part)),
            ]);
        } else {
            inputs.extend([
                ("bias", params.slice(base, 32)),
                ("multiplier", params.slice(base + 32, 31)),
                ("shift", params.slice(base + 64, 5)),
            ]);
        }
        if wide {
            inputs.push(("left", params.bit(base + 71)));
        }
        if either && cycles == 1 {
            inputs.push(("once", params.bit(base + 70)));
        }
        let inst = m.instance(&format!("lane_{l}"), &lane_module, &inputs);
        outputs.push(inst.out("m_data"));
    }
    let lane_cycles = timing::requant_lane(sum_bits, cycles);
    let told = lane_cycles - u32::from(early);
    m.output("m_data", &pack(&outputs));
    // the count stands at `first` among the fields, the tag behind it
    let (valid, last, fields, first) = match load {
        None => {
            let control = m.delay("control_lane", &control, 1 + told);
            (control.bit(0), control.bit(1), control, 2)
        }
        Some((_, load)) => {
            let [active, fields] =
                [(0, 1), (1, control.width() - 1)].map(|(low, width)| control.slice(low, width));
            let with_load = m.reg("fields", fields.width());
            m.clocked(|s| s.when(&active, |s| s.set(&with_load, &fields)));
            let at = pulses(&mut m, &load, told);
            let fields = held(&mut m, "fields", &with_load, &at, cycles, cycles - 2, told);
            let valid = at[told as usize].clone();
            (valid.clone(), &fields.bit(0) & &valid, fields, 1)
        }
    };
    m.output("m_valid", &valid);
    m.output("m_count", &fields.slice(first, count_bits));
    let told = fields.slice(first + count_bits, tag);
    m.output("m_tag", &(&last.repeat(tag) & &told));
    Rc::new(m)
}
