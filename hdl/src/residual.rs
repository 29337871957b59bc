// SPDX-License-Identifier: MIT OR Apache-2.0
//! # residual — adds a second map to the outputs on their way to memory
//! out = clamp(zero + scale(scale_a(a - zero_a) + scale_b(b - zero_b)), low, high), all scales TensorFlow Lite's two roundings
//!     = `spec::quant::AddParams` (ADD on int8, inputs shifted left by 20)
//! | port            | dir | data            | note                                                               |
//! |-----------------|-----|-----------------|--------------------------------------------------------------------|
//! | start           | in  | 1               | a new command                                                      |
//! | s_* / m_*       |     | lanes x 8 bits  | beats of `requant` through to the writer, with count, tag, valid   |
//! | r_valid r_addr  | out | word address    | a read of the residual map this cycle                              |
//! | r_data          | in  | one word        | `timing::activation_read` later                                    |
//! | hold            | out | 1               | the activation memory's read port is ours this cycle               |
//!
//! The residual map lies as the ofm does, so its bytes come in the order of the outputs. While a command adds, every second
//! cycle of the read port is the residual's, used or not, so that the fill unit's timing does not depend on it. The map thus
//! comes at half a word per cycle; the compiler makes groups take `Config::residual_cycles` at least, and the queue covers a
//! group's burst, so it never runs dry. Latency: `timing::RESIDUAL` for commands that add, else none. No back-pressure.
//! Bit widths: (a - zero) has 9 bits; (x << 20) q + 2^30 >> 31 = x q + 2^10 >> 11, 40 bits before and 29 behind; the sum of two 30.

use crate::packer::bits_for;
use crate::rounding::{ROUND_CYCLES, factor_product, half, round_and_clamp, rounding_shift};
use crate::rtl::{Expr, Module, all, lit, pack};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use sepstream_spec::timing::{FACTOR_PRODUCT, RESIDUAL, ROUND_SHIFT, activation_read};
use std::rc::Rc;

/// Words in the queue: a group's burst, the words in flight, and the two that a beat can touch.
fn queue_words(config: &Config) -> u32 {
    (config.values().tm.div_ceil(config.word_bytes()) + activation_read(config) + 5)
        .next_power_of_two()
}

/// One adder lane.
fn lane() -> Rc<Module> {
    let mut m = Module::new(
        "residual_lane",
        "Adds two INT8 values of different scales, a stage per line.",
    );
    let mut ends = Vec::new();
    for name in ["a", "b"] {
        let value = m.input(name, 8);
        let zero = m.input(&format!("zero_{name}"), 8);
        let factor = m.input(&format!("mul_{name}"), 31);
        let right = m.input(&format!("shift_{name}"), 5);
        let value = m.pipe(&format!("{name}_q"), &value);
        let offset = m.pipe(&format!("{name}_offset"), &(&value.sext(9) - &zero.sext(9)));
        let product = factor_product(&mut m, &format!("{name}_product"), &offset, &factor);
        let half = half(&mut m, name, &product, 11, None);
        ends.push(rounding_shift(&mut m, &format!("{name}_scaled"), &half, &right, None).low(30));
    }
    let sum = m.pipe("sum", &(&ends[0].sext(32) + &ends[1].sext(32)));
    let factor = m.input("mul", 31);
    let right = m.input("shift", 5);
    let zero = m.input("zero", 8);
    let low = m.input("low", 8);
    let high = m.input("high", 8);
    let out = round_and_clamp(&mut m, &sum, &factor, (&right, None), &zero, &low, &high);
    m.output("m_data", &out);
    Rc::new(m)
}

/// The residual adder with `tag` bits beside the data.
pub fn residual(config: &Config, tag: u32) -> Rc<Module> {
    let mut m = Module::new(
        "residual",
        "Adds a second map to the outputs on their way to memory.",
    );
    let lanes = config.values().pw_requant;
    let word = config.word_bytes();
    let address = address_bits(config.activation_words());
    let place_bits = word.trailing_zeros();
    let count_bits = bits_for(lanes);
    let depth = queue_words(config);
    let queue_bits = depth.trailing_zeros();
    let start = m.input("start", 1);
    let mut field = |f: Field| m.input(f.name(), f.used_bits(config));
    let adds = field(Field::Residual);
    let base = field(Field::ResidualBase);
    let [zero_a, mul_a, shift_a] =
        [Field::AddZeroA, Field::AddMulA, Field::AddShiftA].map(&mut field);
    let [zero_b, mul_b, shift_b] =
        [Field::AddZeroB, Field::AddMulB, Field::AddShiftB].map(&mut field);
    let [mul, shift, zero] = [Field::AddMul, Field::AddShift, Field::AddZero].map(&mut field);
    let [low, high] = [Field::AddLow, Field::AddHigh].map(&mut field);
    let data = m.input("s_data", lanes * 8);
    let count = m.input("s_count", count_bits);
    let tags = m.input("s_tag", tag);
    let valid = m.input("s_valid", 1);
    let r_data = m.input("r_data", word * 8);
    let rst = m.unit_reset();
    // tag bit 0 closes a row, bit 1 the command
    let (row_last, command_last) = (tags.bit(0), tags.bit(1));

    m.note("Reader: every second cycle, as long as the queue has room for what is on its way.");
    let turn = m.reg("turn", 1);
    let reading = m.reg("reading", 1);
    let addr = m.reg("addr", address);
    let spoken = m.reg("spoken", queue_bits + 1);
    let read = m.wire(
        "read",
        &all(&[
            reading.clone(),
            turn.clone(),
            spoken.ne(&lit(depth.into(), queue_bits + 1)),
        ]),
    );
    let arrives = m.delay("read", &read, activation_read(config));

    m.note("Queue: the word at work and the one behind it.");
    let (head, tail) = (m.reg("head", queue_bits), m.reg("tail", queue_bits));
    let queue: Vec<Expr> = (0..depth)
        .map(|i| m.reg(&format!("queue_{i}"), word * 8))
        .collect();
    let head_next = m.wire("head_next", &(&head + &lit(1, queue_bits)));
    let now = m.wire("now", &crate::select::choose(&queue, &head, queue_bits - 1));
    let next = m.wire(
        "next",
        &crate::select::choose(&queue, &head_next, queue_bits - 1),
    );

    m.note("Place of the beat in its word, as the writer's packer has it; words that the beat finishes.");
    let place = m.reg("place", place_bits);
    let end = m.wire(
        "end_place",
        &(&place.zext(place_bits + 2) + &count.zext(place_bits + 2)),
    );
    let limit = lit(word.into(), place_bits + 2);
    let full = m.wire("full", &limit.le(&end));
    let spill = m.wire("spill", &limit.lt(&end));
    let active = m.wire("active", &(&valid & &adds));
    let two = &row_last & &spill;
    let one = &full | &row_last;
    let pops = m.wire(
        "pops",
        &active.mux(&two.mux(&lit(2, 2), &one.zext(2)), &lit(0, 2)),
    );
    m.clocked(|s| {
        s.set(&turn, &!&turn);
        s.when(&read, |s| s.set(&addr, &(&addr + &lit(1, address))));
        s.set(
            &spoken,
            &(&(&spoken + &read.zext(queue_bits + 1)) - &pops.zext(queue_bits + 1)),
        );
        s.set(&head, &(&head + &pops.fit(queue_bits)));
        s.when(&arrives, |s| {
            s.set(&tail, &(&tail + &lit(1, queue_bits)));
            for (i, slot) in queue.iter().enumerate() {
                s.when(&tail.is(i as u64), |s| s.set(slot, &r_data));
            }
        });
        s.when(&active, |s| {
            s.set(
                &place,
                &row_last.mux(&lit(0, place_bits), &end.low(place_bits)),
            )
        });
        s.when(&(&active & &command_last), |s| s.set(&reading, &lit(0, 1)));
        s.when(&start, |s| {
            s.set(&turn, &lit(0, 1));
            s.set(&reading, &adds);
            s.set(&addr, &base);
            for reg in [&spoken, &head, &tail, &place] {
                s.set(reg, &lit(0, reg.width()));
            }
        });
        s.when(&rst, |s| s.set(&reading, &lit(0, 1)));
    });
    m.output("r_valid", &read);
    m.output("r_addr", &addr);
    m.output("hold", &(&adds & &turn));

    m.note("Lane i adds byte place + i of the two words.");
    let lane_module = lane();
    let bytes: Vec<Expr> = (0..word).map(|i| now.byte(i)).collect();
    let more: Vec<Expr> = (0..word).map(|i| next.byte(i)).collect();
    let mut sums = Vec::new();
    for l in 0..lanes {
        let at = m.wire(
            &format!("at_{l}"),
            &(&place.zext(place_bits + 1) + &lit(l.into(), place_bits + 1)),
        );
        let select = at.low(place_bits);
        let select = m.wire(&format!("select_{l}"), &select);
        let from_now = crate::select::choose(&bytes, &select, place_bits - 1);
        let from_next = crate::select::choose(&more, &select, place_bits - 1);
        let b = m.wire(
            &format!("b_{l}"),
            &at.bit(place_bits).mux(&from_next, &from_now),
        );
        let inst = m.instance(
            &format!("lane_{l}"),
            &lane_module,
            &[
                ("a", data.byte(l)),
                ("zero_a", zero_a.clone()),
                ("mul_a", mul_a.clone()),
                ("shift_a", shift_a.clone()),
                ("b", b),
                ("zero_b", zero_b.clone()),
                ("mul_b", mul_b.clone()),
                ("shift_b", shift_b.clone()),
                ("mul", mul.clone()),
                ("shift", shift.clone()),
                ("zero", zero.clone()),
                ("low", low.clone()),
                ("high", high.clone()),
            ],
        );
        sums.push(inst.out("m_data"));
    }
    // value, offset, product, half, scaled, sum, then the common rounding
    const { assert!(RESIDUAL == 4 + FACTOR_PRODUCT + ROUND_SHIFT + ROUND_CYCLES) };
    let control = m.wire("control", &pack(&[active, count.clone(), tags.clone()]));
    let late = m.delay("control", &control, RESIDUAL);
    m.output("m_data", &adds.mux(&pack(&sums), &data));
    m.output("m_valid", &adds.mux(&late.bit(0), &valid));
    m.output("m_count", &adds.mux(&late.slice(1, count_bits), &count));
    m.output("m_tag", &adds.mux(&late.slice(1 + count_bits, tag), &tags));
    Rc::new(m)
}
