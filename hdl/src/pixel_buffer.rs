// SPDX-License-Identifier: MIT OR Apache-2.0
//! # pixel_buffer — a ring of whole pixels in front of the pointwise array
//! | port            | dir | data       | note                                                       |
//! |-----------------|-----|------------|------------------------------------------------------------|
//! | start           | in  | 1          | empty the ring                                             |
//! | ring_words      | in  | words      | where the write pointer wraps: a whole number of pixels    |
//! | cols            | in  | columns    | with tp > 1: pixels of a row                               |
//! | s_data s_valid  | in  | tn bytes   | from `packer`                                              |
//! | s_last          | in  | 1          | last word of its pixel                                     |
//! | pixel           | out | 1          | a batch of pixels is complete                              |
//! | r_addr / r_data |     | tp x tn bytes | the batch's words, `timing::near_read` later |
//!
//! A batch is tp pixels of a row side by side, each in a memory of its own; the last one of a row may have fewer, and old bytes in
//! the place of the others.
//! No back-pressure: the window, or `feed` in front of the expand buffer, holds credits for whole batches. The array reads a batch
//! as often as it has output groups.

use crate::memory;
use crate::packer::bits_for;
use crate::rtl::{Module, lit, pack};
use sepstream_spec::config::Config;
use sepstream_spec::isa::address_bits;
use sepstream_spec::width::map_bits;
use std::rc::Rc;

/// A pixel buffer of `depth` words of `tn` bytes for each of `tp` pixels.
pub fn pixel_buffer(name: &str, depth: u32, config: &Config) -> Rc<Module> {
    let (tn, tp, map) = (config.values().tn, config.values().tp, map_bits(config));
    let words_of_pixel = memory::near(config, depth, tn * 8, false);
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
    let sum = m.wire("sum", &(&at.zext(address + 1) + &lit(1, address + 1)));
    let next = m.wire(
        "next",
        &sum.eq(&ring).mux(&lit(0, address), &sum.low(address)),
    );
    let ends = m.wire("ends", &(&valid & &last));

    let mut batch = None;
    if tp > 1 {
        m.note("Pixel of the batch, and column: a batch ends with its last pixel or with the row.");
        let bits = bits_for(tp - 1);
        let cols = m.input("cols", map);
        let lane = m.reg("lane", bits);
        let x = m.reg("x", map);
        let base = m.reg("base", address);
        let row_end = m.wire("row_end", &(&x + &lit(1, map)).eq(&cols));
        let full = m.wire("batch_end", &(&lane.is((tp - 1).into()) | &row_end));
        m.clocked(|s| {
            s.when(&ends, |s| {
                s.set(&lane, &full.mux(&lit(0, bits), &(&lane + &lit(1, bits))));
                s.set(&x, &row_end.mux(&lit(0, map), &(&x + &lit(1, map))));
            });
            s.when(&(&ends & &full), |s| s.set(&base, &next));
            s.when(&start, |s| {
                for reg in [&lane, &x, &base] {
                    s.set(reg, &lit(0, reg.width()));
                }
            });
        });
        batch = Some((lane, base, full));
    }
    m.clocked(|s| {
        s.when(&valid, |s| s.set(&at, &next));
        // the next pixel of a batch lies at the same addresses
        if let Some((_, base, full)) = &batch {
            s.when(&(&ends & &!full), |s| s.set(&at, base));
        }
        s.when(&start, |s| s.set(&at, &lit(0, address)));
    });
    let mut words = Vec::new();
    for p in 0..tp {
        let we = match &batch {
            None => valid.clone(),
            Some((lane, ..)) => &valid & &lane.is(p.into()),
        };
        let name = if tp == 1 {
            "words".into()
        } else {
            format!("words_{p}")
        };
        let inst = m.instance(
            &name,
            &words_of_pixel,
            &[
                ("we", we),
                ("w_addr", at.clone()),
                ("w_data", data.clone()),
                ("r_addr", r_addr.clone()),
            ],
        );
        words.push(inst.out("r_data"));
    }
    let complete = match &batch {
        None => ends,
        Some((_, _, full)) => &ends & full,
    };
    m.output("pixel", &complete);
    m.output("r_data", &pack(&words));
    Rc::new(m)
}
