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
//! | turn            | in  | 1               | instead, where commands run ahead: it is ours                      |
//!
//! The residual map lies as the ofm does, so its bytes come in the order of the outputs. While a command adds, every second
//! cycle of the read port is the residual's, used or not, so that the fill unit's timing does not depend on it. The map thus
//! comes at half a word per cycle; the compiler makes groups take `Config::residual_cycles` at least, and the queue covers a
//! group's burst, so it never runs dry. Latency: `timing::RESIDUAL` for commands that add, else none. No back-pressure.
//! Bit widths: (a - zero) has 9 bits; (x << 20) q + 2^30 >> 31 = x q + 2^10 >> 11, 40 bits before and 29 behind; the sum of two 30.

use super::rounding::{ROUND_CYCLES, factor_product, half, round_and_clamp, rounding_shift};
use crate::packer::bits_for;
use crate::rtl::{Expr, Module, all, lit, pack};
use crate::select::choose;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
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
    let ports = Ports::new(&mut m, config, tag);
    let reader = Reader::new(&mut m, config, &ports);
    let queue = Queue::new(&mut m, config);
    let place = Place::new(&mut m, config, &ports);
    advance(&mut m, &ports, &reader, &queue, &place);
    m.output("r_valid", &reader.read);
    m.output("r_addr", &reader.addr);
    if !config.runs_ahead() {
        m.output("hold", &(&ports.adds & &reader.turn));
    }

    m.note("Lane i adds byte place + i of the two words.");
    let sums = lanes(&mut m, config, &ports, &queue, &place);
    // value, offset, product, half, scaled, sum, then the common rounding
    const { assert!(RESIDUAL == 4 + FACTOR_PRODUCT + ROUND_SHIFT + ROUND_CYCLES) };
    let Ports {
        adds,
        data,
        count,
        tags,
        valid,
        ..
    } = &ports;
    let control = m.wire(
        "control",
        &pack(&[place.active, count.clone(), tags.clone()]),
    );
    let late = m.delay("control", &control, RESIDUAL);
    let count_bits = count.width();
    m.output("m_data", &adds.mux(&sums, data));
    m.output("m_valid", &adds.mux(&late.bit(0), valid));
    m.output("m_count", &adds.mux(&late.slice(1, count_bits), count));
    m.output("m_tag", &adds.mux(&late.slice(1 + count_bits, tag), tags));
    Rc::new(m)
}

/// Its inputs.
struct Ports {
    start: Expr,
    adds: Expr,
    base: Expr,
    /// Inputs of every lane that are fields of the command.
    of_lane: Vec<(&'static str, Expr)>,
    data: Expr,
    count: Expr,
    tags: Expr,
    valid: Expr,
    r_data: Expr,
    rst: Expr,
}

/// Fields that a lane takes: its input, and the field.
const OF_LANE: [(&str, Field); 11] = [
    ("zero_a", Field::AddZeroA),
    ("mul_a", Field::AddMulA),
    ("shift_a", Field::AddShiftA),
    ("zero_b", Field::AddZeroB),
    ("mul_b", Field::AddMulB),
    ("shift_b", Field::AddShiftB),
    ("mul", Field::AddMul),
    ("shift", Field::AddShift),
    ("zero", Field::AddZero),
    ("low", Field::AddLow),
    ("high", Field::AddHigh),
];

impl Ports {
    fn new(m: &mut Module, config: &Config, tag: u32) -> Self {
        let lanes = config.values().pw_requant;
        let start = m.input("start", 1);
        let mut field = |f: Field| m.input(f.name(), f.used_bits(config));
        let [adds, base] = [Field::Residual, Field::ResidualBase].map(&mut field);
        let of_lane = OF_LANE.map(|(port, f)| (port, field(f)));
        Ports {
            start,
            adds,
            base,
            of_lane: of_lane.to_vec(),
            data: m.input("s_data", lanes * 8),
            count: m.input("s_count", bits_for(lanes)),
            tags: m.input("s_tag", tag),
            valid: m.input("s_valid", 1),
            r_data: m.input("r_data", config.word_bytes() * 8),
            rst: m.unit_reset(),
        }
    }
    /// The beat closes a row.
    fn row_last(&self) -> Expr {
        self.tags.bit(0)
    }
}

/// Reads the residual map.
struct Reader {
    turn: Expr,
    /// Its register, where the turns are the reader's own.
    own_turn: Option<Expr>,
    reading: Expr,
    addr: Expr,
    /// Words in the queue or on their way to it.
    spoken: Expr,
    read: Expr,
    arrives: Expr,
}

impl Reader {
    fn new(m: &mut Module, config: &Config, ports: &Ports) -> Self {
        let depth = queue_words(config);
        let bits = depth.trailing_zeros() + 1;
        m.note("Reader: every second cycle, as long as the queue has room for what is on its way.");
        let turn = match config.runs_ahead() {
            false => m.reg("turn", 1),
            true => m.input("turn", 1),
        };
        let reading = m.reg("reading", 1);
        let addr = m.reg("addr", ports.base.width());
        let spoken = m.reg("spoken", bits);
        let read = m.wire(
            "read",
            &all(&[
                reading.clone(),
                turn.clone(),
                spoken.ne(&lit(depth.into(), bits)),
            ]),
        );
        let arrives = m.delay("read", &read, activation_read(config));
        Reader {
            own_turn: (!config.runs_ahead()).then(|| turn.clone()),
            turn,
            reading,
            addr,
            spoken,
            read,
            arrives,
        }
    }
}

/// Words that were read.
struct Queue {
    head: Expr,
    tail: Expr,
    words: Vec<Expr>,
    /// The word at work, and the one behind it.
    now: Expr,
    next: Expr,
}

impl Queue {
    fn new(m: &mut Module, config: &Config) -> Self {
        let depth = queue_words(config);
        let bits = depth.trailing_zeros();
        m.note("Queue: the word at work and the one behind it.");
        let (head, tail) = (m.reg("head", bits), m.reg("tail", bits));
        let words: Vec<Expr> = (0..depth)
            .map(|i| m.reg(&format!("queue_{i}"), config.word_bytes() * 8))
            .collect();
        let head_next = m.wire("head_next", &(&head + &lit(1, bits)));
        let now = m.wire("now", &choose(&words, &head, bits - 1));
        let next = m.wire("next", &choose(&words, &head_next, bits - 1));
        Queue {
            head,
            tail,
            words,
            now,
            next,
        }
    }
}

/// Place of the beat in its word.
struct Place {
    /// The register.
    place: Expr,
    /// The place behind the beat.
    end: Expr,
    /// A beat to be added to.
    active: Expr,
    /// Words that the beat finishes.
    pops: Expr,
}

impl Place {
    fn new(m: &mut Module, config: &Config, ports: &Ports) -> Self {
        let word = config.word_bytes();
        let bits = word.trailing_zeros();
        m.note("Place of the beat in its word, as the writer's packer has it; words that the beat finishes.");
        let place = m.reg("place", bits);
        let end = m.wire(
            "end_place",
            &(&place.zext(bits + 2) + &ports.count.zext(bits + 2)),
        );
        let limit = lit(word.into(), bits + 2);
        let full = m.wire("full", &limit.le(&end));
        let spill = m.wire("spill", &limit.lt(&end));
        let active = m.wire("active", &(&ports.valid & &ports.adds));
        let two = &ports.row_last() & &spill;
        let one = &full | &ports.row_last();
        let pops = m.wire(
            "pops",
            &active.mux(&two.mux(&lit(2, 2), &one.zext(2)), &lit(0, 2)),
        );
        Place {
            place,
            end,
            active,
            pops,
        }
    }
}

/// What the registers of all three take.
fn advance(m: &mut Module, ports: &Ports, reader: &Reader, queue: &Queue, at: &Place) {
    let Reader {
        reading,
        addr,
        spoken,
        read,
        arrives,
        ..
    } = reader;
    let (head, tail, place) = (&queue.head, &queue.tail, &at.place);
    // tag bit 1 closes the command
    let command_last = ports.tags.bit(1);
    m.clocked(|s| {
        if let Some(turn) = &reader.own_turn {
            s.set(turn, &!turn);
        }
        s.when(read, |s| s.set(addr, &(addr + &lit(1, addr.width()))));
        s.set(
            spoken,
            &(&(spoken + &read.zext(spoken.width())) - &at.pops.zext(spoken.width())),
        );
        s.set(head, &(head + &at.pops.fit(head.width())));
        s.when(arrives, |s| {
            s.set(tail, &(tail + &lit(1, tail.width())));
            for (i, slot) in queue.words.iter().enumerate() {
                s.when(&tail.is(i as u64), |s| s.set(slot, &ports.r_data));
            }
        });
        s.when(&at.active, |s| {
            let next = at.end.low(place.width());
            s.set(place, &ports.row_last().mux(&lit(0, place.width()), &next))
        });
        s.when(&(&at.active & &command_last), |s| {
            s.set(reading, &lit(0, 1))
        });
        s.when(&ports.start, |s| {
            if let Some(turn) = &reader.own_turn {
                s.set(turn, &lit(0, 1));
            }
            s.set(reading, &ports.adds);
            s.set(addr, &ports.base);
            for reg in [spoken, head, tail, place] {
                s.set(reg, &lit(0, reg.width()));
            }
        });
        s.when(&ports.rst, |s| s.set(reading, &lit(0, 1)));
    });
}

/// The sums of a beat.
fn lanes(m: &mut Module, config: &Config, ports: &Ports, queue: &Queue, at: &Place) -> Expr {
    let word = config.word_bytes();
    let bits = at.place.width();
    let module = lane();
    let bytes: Vec<Expr> = (0..word).map(|i| queue.now.byte(i)).collect();
    let more: Vec<Expr> = (0..word).map(|i| queue.next.byte(i)).collect();
    let mut sums = Vec::new();
    for l in 0..config.values().pw_requant {
        let at = m.wire(
            &format!("at_{l}"),
            &(&at.place.zext(bits + 1) + &lit(l.into(), bits + 1)),
        );
        let select = m.wire(&format!("select_{l}"), &at.low(bits));
        let from_now = choose(&bytes, &select, bits - 1);
        let from_next = choose(&more, &select, bits - 1);
        let b = m.wire(&format!("b_{l}"), &at.bit(bits).mux(&from_next, &from_now));
        let mut inputs = vec![("a", ports.data.byte(l)), ("b", b)];
        inputs.extend(ports.of_lane.iter().cloned());
        let inst = m.instance(&format!("lane_{l}"), &module, &inputs);
        sums.push(inst.out("m_data"));
    }
    pack(&sums)
}
