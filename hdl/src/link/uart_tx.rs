// SPDX-License-Identifier: MIT OR Apache-2.0
//! # uart_tx — bytes to a serial line
//! | port    | dir | data | note                                |
//! |---------|-----|------|-------------------------------------|
//! | s_data  | in  | 8    |                                     |
//! | s_valid | in  | 1    |                                     |
//! | s_ready | out | 1    | the byte is taken with s_valid      |
//! | tx      | out | 1    | the pin: a register, idle high      |
//!
//! 8 data bits, least significant first, 1 stop bit. Throughput: a byte in ten bits and a cycle. Back-pressure: `s_ready`.

use super::rate::Rate;
use crate::rtl::{Module, cat, lit};
use std::rc::Rc;

/// Start bit, data, stop bit.
const BITS: u64 = 10;

/// The transmitter; `clock_hz` is at least four times `baud`.
pub fn uart_tx(clock_hz: u32, baud: u32) -> Rc<Module> {
    let mut m = Module::new("uart_tx", "Bytes to a serial line.");
    let data = m.input("s_data", 8);
    let valid = m.input("s_valid", 1);
    let rst = m.reset();
    let left = m.reg("left", 4);
    let ready = m.wire("ready", &!&left.any());
    let take = m.wire("take", &(&valid & &ready));
    let tick = Rate::new(clock_hz, u64::from(baud)).ticks(&mut m, &take);
    m.note("The lowest bit is on the line; ones follow the data.");
    let bits = m.reg("bits", 9);
    m.clocked(|s| {
        s.when(&(&tick & &left.any()), |s| {
            s.set(&bits, &cat(&[lit(1, 1), bits.slice(1, 8)]));
            s.set(&left, &(&left - &lit(1, 4)));
        });
        s.when(&take, |s| {
            s.set(&bits, &cat(&[data, lit(0, 1)]));
            s.set(&left, &lit(BITS, 4));
        });
        s.when(&rst, |s| {
            s.set(&bits, &lit(0x1ff, 9));
            s.set(&left, &lit(0, 4));
        });
    });
    m.output("s_ready", &ready);
    m.output("tx", &bits.bit(0));
    Rc::new(m)
}
