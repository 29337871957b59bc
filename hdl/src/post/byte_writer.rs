// SPDX-License-Identifier: MIT OR Apache-2.0
//! # byte_writer — outputs of a batch of pixels to their places in the ofm, byte by byte
//! For configurations whose requantiser gives one output at a time (`Config::shares_requant`): channel by channel, and of each the
//! tp pixels of the batch. Pixels behind a row's end are dropped. Rows are whole words, one behind the other from out_base.
//! | port             | dir | data         | note                                                     |
//! |------------------|-----|--------------|----------------------------------------------------------|
//! | start            | in  | 1            | take the command's fields and begin                      |
//! | out_base         | in  | word address |                                                          |
//! | out_cols out_bytes | in |             | pixels of a row; bytes of a pixel                        |
//! | s_valid          | in  | 1            | an output is here; its byte goes to `m_addr`             |
//! | s_last s_end     | in  | 1            | its channel is the batch's last; the batch the command's last |
//! | m_we             | out | word bytes   | the byte of the word that is written                     |
//! | m_addr           | out | word address |                                                          |
//! | m_done           | out | 1            | the command's last output is here                        |
//!
//! Latency: none, addresses are ready. Throughput: 1 byte per cycle. No back-pressure.
//! Invariant: `at` is the place of the pixel at work, or, behind a row's end, that of the row's last pixel.

use crate::packer::bits_for;
use crate::rtl::{Expr, Module, all, cat, lit, pack};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use sepstream_spec::width::map_bits;
use std::rc::Rc;

/// The byte writer.
pub fn byte_writer(config: &Config) -> Rc<Module> {
    let (tp, word) = (config.values().tp, config.word_bytes());
    let mut m = Module::new(
        "byte_writer",
        "Writes the outputs of a batch of pixels to their places, byte by byte.",
    );
    let address = address_bits(config.activation_words());
    let place = word.trailing_zeros();
    let (byte, map) = (address + place, map_bits(config));
    let start = m.input("start", 1);
    let base = m.input(Field::OutBase.name(), address);
    let cols = m.input(Field::OutCols.name(), map);
    let size = Field::OutBytes.used_bits(config);
    let bytes = m.input(Field::OutBytes.name(), size);
    let [valid, last, end] = ["s_valid", "s_last", "s_end"].map(|name| m.input(name, 1));

    m.note(
        "Which pixel of the batch; pixels of the row from it on, and from the batch's first on.",
    );
    let bits = bits_for(tp - 1);
    let pixel = m.reg("pixel", bits);
    let rest = m.reg("rest", map);
    let left = m.reg("left", map);
    let in_row = m.wire("in_row", &rest.any());
    let more = m.wire("more", &rest.slice(1, map - 1).any());
    let group_ends = m.wire("group_ends", &pixel.is((tp - 1).into()));
    let batch_ends = m.wire("batch_ends", &(&group_ends & &last));
    let row_ends = m.wire("row_ends", &left.le(&lit(tp.into(), map)));
    let further = row_ends.mux(&cols, &(&left - &lit(tp.into(), map)));
    let left_now = m.wire("left_now", &last.mux(&further, &left));

    m.note("To the next pixel, to the next channel of the first one, to the next batch.");
    let at = m.reg("at", byte);
    let first = m.reg("first", byte);
    let from = (&group_ends & &!&last).mux(&first, &at);
    let width = size.max(place + 1).min(byte);
    let gap = row_ends.mux(&lit(word.into(), width), &lit(1, width));
    // a pixel that is larger than the memory's addresses tell has none behind it
    let more = match size.saturating_sub(width) {
        0 => more,
        above => m.wire("another", &(&more & &!&bytes.slice(width, above).any())),
    };
    let across = &bytes.fit(width) & &more.repeat(width);
    let on = (&group_ends & &last).mux(&gap, &group_ends.mux(&lit(1, width), &across));
    let on = m.wire("on", &on);
    let sum = m.wire("sum", &(&from + &on.fit(byte)));
    let whole = &batch_ends & &row_ends;
    let next = cat(&[
        sum.slice(place, address),
        &sum.low(place) & &(!&whole).repeat(place),
    ]);
    let next = m.wire("next", &next);
    m.clocked(|s| {
        s.when(&valid, |s| {
            s.set(&at, &next);
            s.set(
                &pixel,
                &group_ends.mux(&lit(0, bits), &(&pixel + &lit(1, bits))),
            );
            s.set(
                &rest,
                &group_ends.mux(&left_now, &(&rest - &in_row.zext(map))),
            );
        });
        s.when(&(&valid & &group_ends), |s| {
            s.set(&first, &next);
            s.set(&left, &left_now);
        });
        s.when(&start, |s| {
            let begin = cat(&[base.clone(), lit(0, place)]);
            for (register, value) in [
                (&at, &begin),
                (&first, &begin),
                (&pixel, &lit(0, bits)),
                (&rest, &cols),
                (&left, &cols),
            ] {
                s.set(register, value);
            }
        });
    });
    let writes = m.wire("writes", &(&valid & &in_row));
    let enables: Vec<Expr> = (0..word)
        .map(|b| &writes & &at.low(place).is(b.into()))
        .collect();
    m.output("m_we", &pack(&enables));
    m.output("m_addr", &at.slice(place, address));
    m.output("m_done", &all(&[valid, batch_ends, end]));
    Rc::new(m)
}
