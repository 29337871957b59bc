// SPDX-License-Identifier: MIT OR Apache-2.0
//! # deframe — frames out of the bytes of a link
//! | port     | dir | data | note                                                                            |
//! |----------|-----|------|---------------------------------------------------------------------------------|
//! | s_data s_valid | in | 8 | a byte from the link; 10 cycles apart at least                                |
//! | s_error  | in  | 1    | the link has lost one                                                           |
//! | hold     | in  | 1    | drop what comes: everything up to the next flag, and the outputs stay           |
//! | c_start c_data c_valid c_check | out | | to `crc`                                                        |
//! | c_wrong  | in  | 1    | from there                                                                      |
//! | we w_addr w_data | out | | payload bytes to `buffer`, byte n to n mod 256                               |
//! | m_valid  | out | 1    | one cycle: a frame has come whole                                               |
//! | kind number length | out | | of its header: 4, 8, 9 bits                                               |
//! | first    | out | 8    | first byte of its payload                                                       |
//! | second   | out | 2    | of the second: bit 0, and if any other is 1                                     |
//! | damaged  | out | 1    | one cycle: what stood between two flags was no frame                            |
//!
//! A frame is whole when its CRC is right, its length is the one in its header, its version is ours, and nothing was escaped
//! that never is. Throughput: a byte in 10 cycles, which `crc` takes. No back-pressure.

use crate::rtl::{Expr, Module, all, lit, pack};
use sepstream_spec::link::{ESCAPE, ESCAPE_XOR, FLAG, VERSION};
use std::rc::Rc;

/// The frame receiver.
pub fn deframe() -> Rc<Module> {
    let mut m = Module::new("deframe", "Frames out of the bytes of a link.");
    let s_data = m.input("s_data", 8);
    let s_valid = m.input("s_valid", 1);
    let s_error = m.input("s_error", 1);
    let hold = m.input("hold", 1);
    let wrong = m.input("c_wrong", 1);
    let rst = m.reset();

    m.note(
        "Stuffing. Until the first flag, and where bytes were dropped, nothing belongs to a frame.",
    );
    let hunting = m.reg("hunting", 1);
    let escaped = m.reg("escaped", 1);
    let broken = m.reg("broken", 1);
    m.note("A byte rests in registers for three cycles, then it counts; nothing changes before the next one.");
    let come = m.wire("come", &(&s_valid & &!&hold));
    let counts = m.delay("counts", &come, 3);
    let error = m.pipe("error", &(&s_error & &!&hold));
    let data = m.reg("data", 8);
    m.clocked(|s| s.when(&come, |s| s.set(&data, &s_data)));
    let is_flag = m.pipe("is_flag", &data.is(FLAG.into()));
    let is_escape = m.pipe("is_escape", &data.is(ESCAPE.into()));
    let is_plain = m.pipe("is_plain", &!&(&is_flag | &is_escape));
    let flag = m.wire("flag", &(&counts & &is_flag));
    let escape = m.wire("escape", &(&counts & &is_escape));
    let take = m.wire("take", &(&counts & &is_plain));
    let plain = m.pipe(
        "plain",
        &(&data ^ &escaped.mux(&lit(ESCAPE_XOR.into(), 8), &lit(0, 8))),
    );
    let escapable = &plain.is(FLAG.into()) | &plain.is(ESCAPE.into());
    let no_escape = m.pipe("no_escape", &(&escaped & &!&escapable));

    m.note(
        "Place in the frame: the header's four bytes, the payload, the four of the check, the end.",
    );
    let body = m.reg("body", 1);
    let step = m.reg("step", 2);
    let complete = m.reg("complete", 1);
    let count = m.reg("count", 9);
    let kind = m.reg("kind_q", 4);
    let sequence = m.reg("number_q", 8);
    let length = m.reg("length_q", 9);
    let checks = m.pipe("checks", &(&body & &count.eq(&length)));
    let payload = m.wire("payload", &all(&[take.clone(), body.clone(), !&checks]));
    let header = |n| all(&[take.clone(), !&body, step.is(n)]);
    let headers = [0, 1, 2, 3].map(|n| m.wire(&format!("header_{n}"), &header(n)));
    let first = m.reg("first_q", 8);
    let second = m.reg("second_q", 2);
    let step_ends = m.wire("step_ends", &step.is(3));
    let other_version = plain.slice(4, 4).ne(&lit(VERSION.into(), 4));
    let fault = any(&[
        &take & &no_escape,
        &escape & &escaped,
        &take & &complete,
        &headers[0] & &other_version,
        &headers[3] & &plain.slice(1, 7).any(),
        error,
    ]);
    let fault = m.pipe("fault", &fault);
    let whole = all(&[complete.clone(), !&broken, !&escaped, !&wrong]);
    let whole = m.wire("whole", &(&whole & &!&hunting));
    let anything = any(&[step.any(), body.clone(), broken.clone(), escaped.clone()]);
    let anything = m.wire("anything", &(&anything & &!&hunting));
    m.clocked(|s| {
        s.when(&take, |s| {
            s.set(&escaped, &lit(0, 1));
            s.when(&(&!&body | &checks), |s| {
                s.set(&step, &(&step + &lit(1, 2)))
            });
            s.when(&(&checks & &step_ends), |s| s.set(&complete, &lit(1, 1)));
        });
        s.when(&headers[0], |s| s.set(&kind, &plain.low(4)));
        s.when(&headers[1], |s| s.set(&sequence, &plain));
        s.when(&headers[2], |s| {
            s.set(&length, &pack(&[plain.clone(), lit(0, 1)]))
        });
        s.when(&headers[3], |s| {
            s.set(&length, &pack(&[length.low(8), plain.bit(0)]));
            s.set(&body, &lit(1, 1));
        });
        s.when(&payload, |s| {
            s.set(&count, &(&count + &lit(1, 9)));
            s.when(&count.is(0), |s| s.set(&first, &plain));
            s.when(&count.is(1), |s| {
                s.set(&second, &pack(&[plain.bit(0), plain.slice(1, 7).any()]))
            });
        });
        s.when(&escape, |s| s.set(&escaped, &lit(1, 1)));
        s.when(&fault, |s| s.set(&broken, &lit(1, 1)));
        s.when(&flag, |s| {
            for reg in [&hunting, &escaped, &broken, &body, &step, &complete, &count] {
                s.set(reg, &lit(0, reg.width()));
            }
        });
        s.when(&(&rst | &hold), |s| s.set(&hunting, &lit(1, 1)));
    });
    let m_valid = m.pipe("valid_q", &(&flag & &whole));
    let damaged = m.pipe("damaged_q", &all(&[flag.clone(), anything, !&whole]));
    for (name, value) in [
        ("c_start", &flag),
        ("c_data", &plain),
        ("c_valid", &take),
        ("c_check", &checks),
        ("we", &payload),
        ("w_addr", &count.low(8)),
        ("w_data", &plain),
        ("m_valid", &m_valid),
        ("kind", &kind),
        ("number", &sequence),
        ("length", &length),
        ("first", &first),
        ("second", &second),
        ("damaged", &damaged),
    ] {
        m.output(name, value);
    }
    Rc::new(m)
}

/// Any of several bits.
fn any(bits: &[Expr]) -> Expr {
    let (first, rest) = bits.split_first().expect("there are some");
    rest.iter().fold(first.clone(), |any, bit| &any | bit)
}
