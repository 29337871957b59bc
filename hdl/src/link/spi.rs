// SPDX-License-Identifier: MIT OR Apache-2.0
//! # spi — bytes over SPI, as the peripheral
//! | port     | dir | data | note                                                                  |
//! |----------|-----|------|-----------------------------------------------------------------------|
//! | sck cs_n copi | in | 1 | the pins, of another clock                                           |
//! | cipo     | out | 1    | the pin; share it with others only through a buffer that cs_n enables |
//! | s_data s_valid s_ready | | 8 | what to send; a flag where there is nothing                      |
//! | m_data m_valid | out | 8 | a byte has come, for one cycle                                       |
//! | m_error  | out | 1    | one cycle: cs_n has cut a byte                                        |
//!
//! Mode 0, most significant bit first. The pins are sampled with `clk`, so half a period of sck takes four of its cycles or more.
//! A byte to send is looked at while sck is low in front of it, and taken with its first rising edge; every frame begins with
//! the flag that is sent in its absence, so it does not matter on which side of that edge it becomes valid.

use crate::rtl::{Module, all, cat, lit};
use sepstream_spec::link::FLAG;
use std::rc::Rc;

/// The peripheral.
pub fn spi() -> Rc<Module> {
    let mut m = Module::new("spi", "Bytes over SPI, as the peripheral.");
    let pins = ["sck", "cs_n", "copi"].map(|pin| m.input(pin, 1));
    let data = m.input("s_data", 8);
    let valid = m.input("s_valid", 1);
    let rst = m.reset();
    let [clock, idle, copi] = ["sck_in", "cs_n_in", "copi_in"];
    let clock = m.delay(clock, &pins[0], 2);
    let idle = m.delay(idle, &pins[1], 2);
    let copi = m.delay(copi, &pins[2], 2);
    let before = m.pipe("sck_before", &clock);
    let rise = m.wire("rise", &all(&[!&idle, clock.clone(), !&before]));
    let fall = m.wire("fall", &(&before & &!&clock));

    let count = m.reg("count", 3);
    let first = m.wire("first", &count.is(0));
    m.note("In: the bits so far.");
    let taken = m.reg("taken", 8);
    let byte = m.pipe("byte_came", &(&rise & &count.is(7)));
    let cut = m.pipe("byte_cut", &(&idle & &!&first));
    m.note("Out: the highest bit is on the pin.");
    let bits = m.reg("bits", 8);
    let loaded = m.reg("loaded", 1);
    m.clocked(|s| {
        s.when(&rise, |s| {
            s.set(&taken, &cat(&[taken.low(7), copi.clone()]));
            s.set(&count, &(&count + &lit(1, 3)));
        });
        s.when(&(&fall & &!&first), |s| {
            s.set(&bits, &cat(&[bits.low(7), lit(1, 1)]))
        });
        s.when(&(&first & &!&clock), |s| {
            s.set(&bits, &valid.mux(&data, &lit(FLAG.into(), 8)));
            s.set(&loaded, &valid);
        });
        s.when(&(&idle | &rst), |s| s.set(&count, &lit(0, 3)));
    });
    m.output("s_ready", &all(&[rise, first, loaded]));
    m.output("cipo", &bits.bit(7));
    m.output("m_data", &taken);
    m.output("m_valid", &byte);
    m.output("m_error", &cut);
    Rc::new(m)
}
