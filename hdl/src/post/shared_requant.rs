// SPDX-License-Identifier: MIT OR Apache-2.0
//! # shared_requant — one requantiser for the sums of a batch of pixels, one pixel after the other
//! For configurations that are to have few cells (`Config::shares_requant`): a group is one output channel of tp pixels.
//! | port         | dir | data               | note                                                    |
//! |--------------|-----|--------------------|---------------------------------------------------------|
//! | s_sum        | in  | tp x 32 bits       | those above the accumulator's are its sign              |
//! | s_valid      | in  | 1                  | a group is here                                         |
//! | s_last s_end | in  | 1                  | it is the last of its batch; of the command             |
//! | param_base   | in  | word address       | parameters of the batch's first group                   |
//! | start        | in  | 1                  | a new command                                           |
//! | zero low high| in  | 8 bits each        |                                                         |
//! | p_addr/p_data|     | parameter memory   | four words a group, read anew for each pixel            |
//! | m_data m_valid | out | 8 bits           | an output of each of the tp pixels                      |
//! | m_last m_end | out | 1                  | s_last and s_end of its group                           |
//!
//! Latency: `timing::pw_requant` to the first pixel's output, then one in `requant_cycles` cycles. Throughput: a group in tp times as
//! many. No back-pressure: groups come no faster (`Config::pw_group_cycles`).

use super::serial::{self, Phase, held, pulses};
use crate::packer::bits_for;
use crate::rtl::{Expr, Module, all, lit, pack};
use sepstream_spec::config::{Config, WIDE_SUM};
use sepstream_spec::isa::{address_bits, param_bytes, param_parts};
use sepstream_spec::timing;
use sepstream_spec::width::pointwise_sum_bits;
use std::rc::Rc;

/// The requantiser of a configuration that shares one.
pub fn shared_requant(config: &Config) -> Rc<Module> {
    let v = config.values();
    let (tp, cycles) = (v.tp, v.pw_requant_cycles);
    let acc_bits = pointwise_sum_bits(config);
    let mut m = Module::new(
        "shared_requant",
        &format!(
            "Requantises the sums of {tp} pixels one after the other, one in {cycles} cycles."
        ),
    );
    let address = address_bits(config.pw_param_words());
    let sums = m.input("s_sum", tp * WIDE_SUM);
    let s_valid = m.input("s_valid", 1);
    let [s_last, s_end] = ["s_last", "s_end"].map(|name| m.input(name, 1));
    let param_base = m.input("param_base", address);
    let start = m.input("start", 1);
    let ends = ["zero", "low", "high"].map(|name| (name, m.input(name, 8)));
    let params = m.input("p_data", param_bytes(cycles) / param_parts(cycles) * 8);
    let rst = m.unit_reset();

    m.note("Pixel by pixel; the first one's beat is in the cycle of s_valid.");
    let phase = Phase::new(&mut m, cycles);
    let bits = bits_for(tp - 1);
    let pixel = m.reg("pixel", bits);
    let busy = m.reg("busy", 1);
    let active = m.wire("active", &(&s_valid | &(&busy & &phase.idle)));
    let last_pixel = m.wire("last_pixel", &pixel.is((tp - 1).into()));
    let group_ends = m.wire("group_ends", &(&phase.last & &last_pixel));
    let tags = m.reg("tags", 2);
    phase.advance(&mut m, &active);
    m.clocked(|s| {
        s.when(&phase.last, |s| {
            s.set(
                &pixel,
                &last_pixel.mux(&lit(0, bits), &(&pixel + &lit(1, bits))),
            )
        });
        s.when(&group_ends, |s| s.set(&busy, &lit(0, 1)));
        s.when(&s_valid, |s| {
            s.set(&busy, &lit(1, 1));
            s.set(&tags, &pack(&[s_last.clone(), s_end.clone()]));
        });
        s.when(&(&rst | &start), |s| {
            s.set(&busy, &lit(0, 1));
            s.set(&pixel, &lit(0, bits));
        });
    });

    m.note("Parameters: those of the group for each of its pixels.");
    let base = phase.beat_of(&param_base);
    let at = m.reg("param_at", base.width());
    let next = &at + &lit(1, base.width());
    m.clocked(|s| {
        s.when(&group_ends, |s| s.set(&at, &tags.bit(0).mux(&base, &next)));
        s.when(&(&rst | &start), |s| s.set(&at, &base));
    });
    m.output("p_addr", &phase.word(&at));

    m.note("Sums move up, so that the lane always takes the first.");
    let early = m.delay("early", &active, timing::requant_load(cycles) - 1);
    let load = m.pipe("load", &early);
    let hold: Vec<Expr> = (0..tp)
        .map(|p| m.reg(&format!("hold_{p}"), acc_bits))
        .collect();
    m.clocked(|s| {
        for (p, register) in hold.iter().enumerate() {
            let own = sums.slice(WIDE_SUM * p as u32, acc_bits);
            match hold.get(p + 1) {
                None => s.when(&s_valid, |s| s.set(register, &own)),
                Some(next) => s.when(&(&s_valid | &load), |s| {
                    s.set(register, &s_valid.mux(&own, next))
                }),
            }
        }
    });
    let mut inputs = vec![
        ("early", early),
        ("load", load.clone()),
        ("sum", hold[0].sext(WIDE_SUM)),
        ("part", params),
    ];
    inputs.extend(ends);
    // fields of a command stay until its last output is written
    let lane = serial::lane(serial::Kind {
        acc_bits,
        bits: v.pw_sum_bits,
        cycles,
        settled: true,
        either: config.pw_rounds_once(),
    });
    let lane = m.instance("lane", &lane, &inputs);
    let latency = timing::requant_lane(v.pw_sum_bits, cycles);
    let pulses = pulses(&mut m, &load, latency);
    // tags are those of the beat at work until the load of the next one
    let tags = held(&mut m, "tags", &tags, &pulses, cycles, 0, latency);
    let valid = &pulses[latency as usize];
    m.output("m_data", &lane.out("m_data"));
    m.output("m_valid", valid);
    for (name, tag) in [("m_last", 0), ("m_end", 1)] {
        m.output(name, &all(&[valid.clone(), tags.bit(tag)]));
    }
    Rc::new(m)
}
