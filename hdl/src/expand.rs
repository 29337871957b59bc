// SPDX-License-Identifier: MIT OR Apache-2.0
//! # expand — the pixels of an expanding layer: `feed`, a packer, and their pixel buffer
//! | port                    | dir | data         | note                                                       |
//! |-------------------------|-----|--------------|------------------------------------------------------------|
//! | start (fields)          | in  |              | see `feed`                                                 |
//! | hold pixel_done         | in  | 1            | see `feed`                                                 |
//! | rows_pending rows_written | in |            | where commands run ahead: see `row_gate`                   |
//! | r_valid r_addr / r_data |     | one word     | activation memory, `timing::activation_read` later         |
//! | pixel                   | out | 1            | a batch of pixels is complete                              |
//! | p_addr / p_data         |     | tp x tn bytes | of the buffer, `timing::near_read` later                   |
//!
//! Latency: a pixel's last read to `pixel`: `timing::activation_read` + `timing::PACK`.

use crate::rtl::{Module, lit};
use crate::{feed, packer, pixel_buffer};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use sepstream_spec::width::map_bits;
use std::rc::Rc;

/// The reading side of an expanding layer.
pub fn expand(config: &Config) -> Rc<Module> {
    let mut m = Module::new("expand", "The pixels of an expanding layer.");
    let v = config.values();
    let word = config.word_bytes();
    let unit = feed::feed(config);
    let mut inputs = Vec::new();
    for port in ["start", "hold", "pixel_done"] {
        inputs.push((port, m.input(port, 1)));
    }
    if config.runs_ahead() {
        inputs.push(("rows_pending", m.input("rows_pending", 1)));
        inputs.push(("rows_written", m.input("rows_written", map_bits(config))));
    }
    for f in Field::ALL {
        if unit.ports().iter().any(|port| port.name == f.name()) {
            inputs.push((f.name(), m.input(f.name(), f.used_bits(config))));
        }
    }
    let r_data = m.input("r_data", word * 8);
    let p_addr = m.input("p_addr", address_bits(v.expand_words));
    let ring = m.input(
        Field::ExpandRingWords.name(),
        Field::ExpandRingWords.used_bits(config),
    );
    let start = inputs[0].1.clone();
    let cols = inputs
        .iter()
        .find(|(name, _)| *name == Field::ExpandCols.name());
    let cols = cols.map(|(_, value)| value.clone());
    let feed = m.instance("feed", &unit, &inputs);
    let packed = m.instance(
        "packer",
        &packer::packer(word, v.tn),
        &[
            ("s_data", r_data),
            ("s_first", feed.out("run_first")),
            ("s_count", feed.out("run_count")),
            ("s_last", feed.out("run_last")),
            ("s_tag", lit(1, 1)),
            ("s_valid", feed.out("run_valid")),
        ],
    );
    let mut ports = vec![
        ("start", start),
        ("ring_words", ring),
        ("s_data", packed.out("m_data")),
        ("s_valid", packed.out("m_valid")),
        ("s_last", packed.out("m_tag")),
        ("r_addr", p_addr),
    ];
    if v.tp > 1 {
        ports.extend(cols.map(|cols| ("cols", cols)));
    }
    let buffer = m.instance(
        "buffer",
        &pixel_buffer::pixel_buffer("expand_buffer", v.expand_words, config),
        &ports,
    );
    for (name, value) in [
        ("r_valid", feed.out("r_valid")),
        ("r_addr", feed.out("r_addr")),
        ("pixel", buffer.out("pixel")),
        ("p_data", buffer.out("r_data")),
    ] {
        m.output(name, &value);
    }
    Rc::new(m)
}
