// SPDX-License-Identifier: MIT OR Apache-2.0
//! # crc — CRC-32 of a frame, made or checked
//! | port    | dir | data | note                                                                       |
//! |---------|-----|------|----------------------------------------------------------------------------|
//! | start   | in  | 1    | a new frame                                                                |
//! | s_data s_valid | in | 8 | a byte; 10 cycles apart at least                                        |
//! | s_check | in  | 1    | it is one of the four of the check: compared, and the next one comes up    |
//! | low     | out | 8    | the check's next byte                                                      |
//! | busy    | out | 1    | `low` is not ready, or `wrong`                                             |
//! | wrong   | out | 1    | a byte of the check was not as it should be                                |
//!
//! The polynomial of IEEE 802.3, reflected, a bit per cycle: 8 cycles a byte, the shortest byte on a link takes 40. Bytewise it would
//! be three times as large. No back-pressure.

use crate::rtl::{Module, cat, lit};
use std::rc::Rc;

const POLYNOMIAL: u64 = 0xedb8_8320;

/// The CRC unit.
pub fn crc() -> Rc<Module> {
    let mut m = Module::new("crc", "CRC-32 of a frame, made or checked.");
    let start = m.input("start", 1);
    let data = m.input("s_data", 8);
    let valid = m.input("s_valid", 1);
    let check = m.input("s_check", 1);
    m.note("What is left of the byte, below a one that says where it ends.");
    let rest = m.reg("rest", 9);
    let checks = m.reg("checks", 1);
    let busy = m.wire("is_busy", &rest.slice(1, 8).any());
    let crc = m.reg("remainder", 32);
    let wrong = m.reg("is_wrong", 1);
    m.note("The check is the complement of the register: its bits come as they are shifted out.");
    let differs = m.wire("differs", &(&rest.bit(0) ^ &crc.bit(0)));
    let feed = m.wire("feed", &(&differs & &!&checks));
    let shifted = cat(&[lit(0, 1), crc.slice(1, 31)]);
    let next = &shifted ^ &(&feed.repeat(32) & &lit(POLYNOMIAL, 32));
    m.clocked(|s| {
        s.when(&busy, |s| {
            s.set(&rest, &cat(&[lit(0, 1), rest.slice(1, 8)]));
            s.set(&crc, &next);
            s.when(&(&checks & &!&differs), |s| s.set(&wrong, &lit(1, 1)));
        });
        s.when(&valid, |s| {
            s.set(&rest, &cat(&[lit(1, 1), data]));
            s.set(&checks, &check);
        });
        s.when(&start, |s| {
            s.set(&rest, &lit(0, 9));
            s.set(&crc, &lit(0xffff_ffff, 32));
            s.set(&wrong, &lit(0, 1));
        });
    });
    m.output("low", &!&crc.low(8));
    m.output("busy", &busy);
    m.output("wrong", &wrong);
    Rc::new(m)
}
