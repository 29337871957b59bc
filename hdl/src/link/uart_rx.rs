// SPDX-License-Identifier: MIT OR Apache-2.0
//! # uart_rx — bytes from a serial line
//! | port    | dir | data | note                                                              |
//! |---------|-----|------|-------------------------------------------------------------------|
//! | rx      | in  | 1    | the pin: idle high, of another clock                              |
//! | m_data  | out | 8    | the byte, with m_valid                                            |
//! | m_valid | out | 1    | one cycle: a byte has come                                        |
//! | m_error | out | 1    | one cycle: something has come that is no byte (no stop bit)       |
//!
//! 8 data bits, least significant first, 1 stop bit. Two flip-flops synchronise the pin. Each bit is sampled at its first, second
//! and third quarter, and is what two of the three are (the stop bit is there if one of the first two is): a glitch of less than a quarter changes no bit (between two bytes it may
//! cost the second). The falling edge of each start bit sets the phase anew, so that clocks may differ by 2 %, or 1 % with less
//! than 8 cycles a bit. No back-pressure: a byte takes 40 cycles at least.

use super::rate::Rate;
use crate::rtl::{Module, all, cat, lit};
use std::rc::Rc;

/// The receiver; `clock_hz` is at least four times `baud`.
pub fn uart_rx(clock_hz: u32, baud: u32) -> Rc<Module> {
    let mut m = Module::new("uart_rx", "Bytes from a serial line.");
    let pin = m.input("rx", 1);
    let rst = m.reset();
    let line = m.delay("line", &pin, 2);
    let before = m.pipe("line_before", &line);

    let active = m.reg("active", 1);
    let start = m.wire("starts", &all(&[!&active, before, !&line]));
    m.note("Four ticks a bit.");
    let tick = Rate::new(clock_hz, 4 * u64::from(baud)).ticks(&mut m, &start);
    let quarter = m.reg("quarter", 2);
    let (first, second) = (m.reg("first", 1), m.reg("second", 1));
    m.note("Bit 0 is the start bit, bit 9 the stop bit.");
    let bit = m.reg("bit_index", 4);
    let data = m.reg("data", 8);
    let stop = m.wire("stop", &bit.is(9));
    m.note("The stop bit is decided in its middle: with clocks that differ, the next start bit may come early.");
    let most = &(&first & &second) | &(&(&first | &second) & &line);
    let value = m.wire("value", &stop.mux(&(&first | &line), &most));
    let quarters = [1, 2].map(|n| quarter.is(n));
    let decided = stop.mux(&quarters[0], &quarters[1]);
    let decides = m.wire("decides", &all(&[active.clone(), tick.clone(), decided]));
    let no_start = &bit.is(0) & &value;
    let ends = m.wire("ends", &(&decides & &(&stop | &no_start)));
    m.clocked(|s| {
        s.when(&(&active & &tick), |s| {
            s.set(&quarter, &(&quarter + &lit(1, 2)));
            s.when(&quarter.is(0), |s| s.set(&first, &line));
            s.when(&quarter.is(1), |s| s.set(&second, &line));
            s.when(&quarter.is(3), |s| s.set(&bit, &(&bit + &lit(1, 4))));
        });
        s.when(&(&decides & &!&stop), |s| {
            s.set(&data, &cat(&[value.clone(), data.slice(1, 7)]))
        });
        s.when(&start, |s| {
            s.set(&active, &lit(1, 1));
            s.set(&quarter, &lit(0, 2));
            s.set(&bit, &lit(0, 4));
        });
        s.when(&(&ends | &rst), |s| s.set(&active, &lit(0, 1)));
    });
    let came = &ends & &stop;
    let valid = m.pipe("valid", &(&came & &value));
    let error = m.pipe("error", &(&came & &!&value));
    m.output("m_data", &data);
    m.output("m_valid", &valid);
    m.output("m_error", &error);
    Rc::new(m)
}
