// SPDX-License-Identifier: MIT OR Apache-2.0
//! # pixel_buffer — a ring of whole pixels between window side and pointwise array
//! | port            | dir | data       | note                                                       |
//! |-----------------|-----|------------|------------------------------------------------------------|
//! | start           | in  | 1          | empty the ring                                             |
//! | ring_words      | in  | words      | where the write pointer wraps: a whole number of pixels    |
//! | s_data s_valid  | in  | tn bytes   | from `packer`                                              |
//! | s_last          | in  | 1          | last word of its pixel                                     |
//! | pixel           | out | 1          | a pixel is complete                                        |
//! | r_addr / r_data |     | tn bytes   | `timing::MEMORY_READ` later                                |
//!
//! No back-pressure: the window, or `feed` in front of the expand buffer, holds credits for whole pixels. The array reads a pixel as often as it has output groups.

use crate::memory::memory;
use crate::rtl::{Module, lit};
use sepstream_spec::isa::address_bits;
use std::rc::Rc;

/// A pixel buffer of `depth` words of `tn` bytes.
pub fn pixel_buffer(name: &str, depth: u32, tn: u32) -> Rc<Module> {
    let mut m = Module::new(
        name,
        &format!("A ring of whole pixels in front of the pointwise array: {depth} words."),
    );
    let address = address_bits(depth);
    let start = m.input("start", 1);
    let ring = m.input("ring_words", address + 1);
    let data = m.input("s_data", tn * 8);
    let valid = m.input("s_valid", 1);
    let last = m.input("s_last", 1);
    let r_addr = m.input("r_addr", address);
    let at = m.reg("at", address);
    let next = m.wire("next", &(&at.zext(address + 1) + &lit(1, address + 1)));
    m.clocked(|s| {
        s.when(&valid, |s| {
            s.set(
                &at,
                &next.eq(&ring).mux(&lit(0, address), &next.low(address)),
            )
        });
        s.when(&start, |s| s.set(&at, &lit(0, address)));
    });
    let words = m.instance(
        "words",
        &memory(depth, tn * 8),
        &[
            ("we", valid.clone()),
            ("w_addr", at),
            ("w_data", data),
            ("r_addr", r_addr),
        ],
    );
    m.output("pixel", &(&valid & &last));
    m.output("r_data", &words.out("r_data"));
    Rc::new(m)
}
