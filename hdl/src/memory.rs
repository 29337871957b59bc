// SPDX-License-Identifier: MIT OR Apache-2.0
//! # memory — one write port, one read port
//! | port     | dir | data            | note                                  |
//! |----------|-----|-----------------|---------------------------------------|
//! | we       | in  | 1 bit per slice | slices written alone                  |
//! | w_addr   | in  | word address    |                                       |
//! | w_data   | in  | one word        |                                       |
//! | r_addr   | in  | word address    |                                       |
//! | r_data   | out | one word        | `timing::MEMORY_READ` cycles later    |
//!
//! Latency: array register and output register (both inside a block RAM). Throughput: one read and one write per cycle.
//! No back-pressure. A word read in the cycle of its own write is the old one or the new one: no unit does that.

use crate::rtl::Module;
use sepstream_spec::isa::address_bits;
use sepstream_spec::timing::MEMORY_READ;
use std::rc::Rc;

/// A memory of `words` words of `slices` slices of `slice_bits` bits.
pub fn memory(words: u32, slices: u32, slice_bits: u32) -> Rc<Module> {
    let width = slices * slice_bits;
    let mut m = Module::new(
        format!("memory_{words}x{width}"),
        &format!(
            "{words} words of {width} bits; read data comes {MEMORY_READ} cycles after the address."
        ),
    );
    let bits = address_bits(words);
    m.input("we", slices);
    m.input("w_addr", bits);
    m.input("w_data", width);
    m.input("r_addr", bits);
    let array = m.raw_name("array", width);
    let read = m.raw_name("read_q", width);
    let out = m.raw_name("out_q", width);
    let range = format!("[{}:0]", width - 1);
    let mut text = format!(
        "reg {range} {} [0:{}];\nreg {range} {};\nreg {range} {};\n",
        array.text(),
        words - 1,
        read.text(),
        out.text()
    );
    text.push_str("always @(posedge clk) begin\n");
    for s in 0..slices {
        let (low, high) = (s * slice_bits, s * slice_bits + slice_bits - 1);
        let part = if slices == 1 {
            String::new()
        } else {
            format!("[{high}:{low}]")
        };
        let we = if slices == 1 {
            "we".to_string()
        } else {
            format!("we[{s}]")
        };
        text.push_str(&format!(
            "    if ({we}) array[w_addr]{part} <= w_data{part};\n"
        ));
    }
    text.push_str("    read_q <= array[r_addr];\n    out_q <= read_q;\nend");
    m.raw(&text);
    m.output("r_data", &out);
    Rc::new(m)
}
