// SPDX-License-Identifier: MIT OR Apache-2.0
//! # enframe — a frame as bytes for a link
//! | port     | dir | data | note                                                                        |
//! |----------|-----|------|-----------------------------------------------------------------------------|
//! | start    | in  | 1    | send a frame of these: they stay until `done`                               |
//! | kind number length | in | | 4, 8, 9 bits                                                           |
//! | p_addr / p_data | | 8, 8 | payload byte, `timing::MEMORY_READ` later                                 |
//! | c_start c_data c_valid c_check | out | | to `crc`                                                    |
//! | c_low c_busy | in |   | from there                                                                  |
//! | m_data m_valid m_ready | | 8 | bytes with flags and stuffing                                          |
//! | done     | out | 1    | one cycle: the last byte waits at the output                                |
//!
//! Throughput: a byte in 8 + `SETTLE` cycles: `crc` takes 8, then the next byte passes through its registers. Back-pressure: `m_ready`.

use crate::rtl::{Module, all, cat, lit};
use sepstream_spec::link::{ESCAPE, ESCAPE_XOR, FLAG, VERSION};
use sepstream_spec::timing::MEMORY_READ;
use std::rc::Rc;

/// From a step to the next byte: payload memory, payload, byte, if it is a flag, what stands for it.
const SETTLE: u32 = MEMORY_READ + 5;

/// The frame sender.
pub fn enframe() -> Rc<Module> {
    let mut m = Module::new("enframe", "A frame as bytes for a link.");
    let start = m.input("start", 1);
    let kind = m.input("kind", 4);
    let sequence = m.input("number", 8);
    let length = m.input("length", 9);
    let data = m.input("p_data", 8);
    let low = m.input("c_low", 8);
    let crc_busy = m.input("c_busy", 1);
    let ready = m.input("m_ready", 1);
    let rst = m.reset();

    m.note("Place in the frame: the first flag, the header's four bytes, payload and check, the last flag.");
    let places = ["opening", "header", "body", "closing"];
    let [opening, header, body, closing] = places.map(|place| m.reg(place, 1));
    let step = m.reg("step", 2);
    let count = m.reg("count", 9);
    let data = m.pipe("data", &data);
    let checks = m.pipe("checks", &(&body & &count.eq(&length)));
    let head = {
        let words = [
            cat(&[lit(VERSION.into(), 4), kind]),
            sequence,
            length.low(8),
            length.bit(8).zext(8),
        ];
        crate::select::choose(&words, &step, 1)
    };
    let plain = header.mux(&head, &checks.mux(&low, &data));
    let plain = m.pipe("plain", &plain);

    m.note("Stuffing.");
    let stuffs = m.wire("stuffs", &(&header | &body));
    let escaped = m.reg("escaped", 1);
    let stuffed = m.pipe(
        "stuffed",
        &(&plain.is(FLAG.into()) | &plain.is(ESCAPE.into())),
    );
    let escapes = m.pipe("escapes", &all(&[stuffs.clone(), stuffed, !&escaped]));
    let value = &plain ^ &escaped.mux(&lit(ESCAPE_XOR.into(), 8), &lit(0, 8));
    let value = escapes.mux(&lit(ESCAPE.into(), 8), &value);
    let value = m.pipe("value", &stuffs.mux(&value, &lit(FLAG.into(), 8)));
    let sending = m.pipe("sending", &(&(&stuffs | &opening) | &closing));
    m.note("Ones run out of here once the byte has passed its registers.");
    let settles = m.reg("settles", SETTLE);
    let settled = m.wire("settled", &!&settles.bit(0));
    let valid = m.reg("valid", 1);
    let out = m.reg("out", 8);
    let sent = m.wire("sent", &all(&[sending, settled, !&valid]));
    let moves = m.wire("moves", &(&sent & &!&escapes));
    let step_ends = m.wire("step_ends", &step.is(3));
    let counts = &header | &checks;
    m.clocked(|s| {
        s.set(&settles, &cat(&[crc_busy, settles.slice(1, SETTLE - 1)]));
        s.when(&ready, |s| s.set(&valid, &lit(0, 1)));
        s.when(&sent, |s| {
            s.set(&escaped, &escapes);
            s.set(&out, &value);
            s.set(&valid, &lit(1, 1));
        });
        s.when(&(&sent | &start), |s| {
            s.set(&settles, &lit((1 << SETTLE) - 1, SETTLE))
        });
        s.when(&(&moves & &counts), |s| s.set(&step, &(&step + &lit(1, 2))));
        s.when(&all(&[moves.clone(), body.clone(), !&checks]), |s| {
            s.set(&count, &(&count + &lit(1, 9)))
        });
        let pass = [
            (moves.clone(), &opening, &header),
            (&moves & &step_ends, &header, &body),
            (
                all(&[moves.clone(), step_ends.clone(), checks.clone()]),
                &body,
                &closing,
            ),
        ];
        for (condition, from, to) in &pass {
            s.when(&(condition & from), |s| {
                s.set(from, &lit(0, 1));
                s.set(to, &lit(1, 1));
            });
        }
        s.when(&(&moves & &closing), |s| s.set(&closing, &lit(0, 1)));
        s.when(&start, |s| {
            s.set(&opening, &lit(1, 1));
            s.set(&step, &lit(0, 2));
            s.set(&count, &lit(0, 9));
        });
        s.when(&rst, |s| {
            for reg in [&opening, &header, &body, &closing, &escaped, &valid] {
                s.set(reg, &lit(0, 1));
            }
        });
    });
    m.output("p_addr", &count.low(8));
    m.output("c_start", &opening);
    m.output("c_data", &plain);
    m.output("c_valid", &(&moves & &stuffs));
    m.output("c_check", &checks);
    m.output("m_data", &out);
    m.output("m_valid", &valid);
    m.output("done", &(&moves & &closing));
    Rc::new(m)
}
