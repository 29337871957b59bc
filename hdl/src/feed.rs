// SPDX-License-Identifier: MIT OR Apache-2.0
//! # feed — reads a map's pixels one after the other for an expanding layer
//! | port               | dir | data         | note                                                            |
//! |--------------------|-----|--------------|-----------------------------------------------------------------|
//! | start              | in  | 1            | take the command's fields and begin, if it expands              |
//! | hold               | in  | 1            | the activation memory's read port is another's in this cycle    |
//! | pixel_done         | in  | 1            | the pointwise array has left a pixel of the expand buffer       |
//! | r_valid r_addr     | out | word address | activation memory word, `timing::activation_read` before its run    |
//! | run_first run_count| out | bytes        | the run in that word, at its packer                             |
//! | run_last run_valid | out | 1            | it ends a pixel                                                 |
//!
//! Rows are whole words one behind the other; in a row pixels are dense, so a run ends with its word, with its pixel, or after tn
//! bytes. Throughput: one run per cycle; none is lost between pixels and rows. A pixel begins when the expand buffer has room for
//! the whole of it (credits), so that nothing behind ever stalls.

use crate::counter::next_in_batch;
use crate::row_gate::RowGate;
use crate::rtl::{Expr, Module, all, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use sepstream_spec::timing::activation_read;
use sepstream_spec::width::{bits, map_bits};
use std::rc::Rc;

/// The feeder of expanding layers.
pub fn feed(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "feed",
        "Reads a map's pixels one after the other for an expanding layer.",
    );
    let (tn, word) = (config.values().tn, config.word_bytes());
    let memory = address_bits(config.activation_words());
    let place_bits = word.trailing_zeros();
    let start = m.input("start", 1);
    let mut field = |f: Field| m.input(f.name(), f.used_bits(config));
    let in_base = field(Field::InBase);
    let rows = field(Field::ExpandRows);
    let cols = field(Field::ExpandCols);
    let pixel_bytes = field(Field::ExpandBytes);
    let tail = field(Field::ExpandTail);
    let ring_pixels = field(Field::ExpandRing);
    let hold = m.input("hold", 1);
    let pixel_done = m.input("pixel_done", 1);
    let gate = config.runs_ahead().then(|| RowGate::new(&mut m, config));
    let rst = m.unit_reset();
    let ring = ring_pixels.width();
    let map = map_bits(config);
    // what a pixel has left, what a word and a packer beat take
    let size = pixel_bytes.width().max(bits(word.max(tn)));
    let pixel_bytes = pixel_bytes.zext(size);

    let active = m.reg("active", 1);
    let at_start = m.reg("at_start", 1);
    let waiting = m.reg("waiting", 1);
    let (y, x) = (m.reg("y", map), m.reg("x", map));
    let left = m.reg("left", size);
    let address = m.reg("address", memory);
    let place = m.reg("place", place_bits);
    let inflight = m.reg("inflight", ring);
    // the pixels of a batch share their place in the buffer
    let tp = config.values().tp;
    let batch = (tp > 1).then(|| m.reg("in_batch", bits(tp - 1)));
    let opens = batch.as_ref().map_or(lit(1, 1), |batch| !&batch.any());
    let mut may = &inflight.ne(&ring_pixels) | &!&opens;
    if let Some(gate) = &gate {
        // a row's other pixels are there with its first
        may = &may & &(&gate.open(&mut m, gate.row()) | &x.any());
    }
    let credit = m.wire("credit", &may);
    let read = m.wire(
        "read",
        &all(&[active.clone(), !&hold, !&waiting, &!&at_start | &credit]),
    );

    m.note("The run: what the pixel, the word and a packer beat have left, whichever is least.");
    let in_word = m.wire("in_word", &(&lit(word.into(), size) - &place.zext(size)));
    let beat = lit(tn.into(), size);
    let most = m.wire("most", &in_word.lt(&beat).mux(&in_word, &beat));
    let ends = m.wire("ends", &left.le(&most));
    let count = m.wire("count", &ends.mux(&left, &most));
    let spill = m.wire("spill", &tail.zext(size).lt(&count));
    let to = m.wire(
        "to",
        &(&place.zext(place_bits + 1) + &count.fit(place_bits + 1)),
    );
    let pixel_end = m.wire("pixel_end", &(&read & &ends));
    let x_last = m.wire("x_last", &(&x + &lit(1, map)).eq(&cols));
    let y_last = m.wire("y_last", &(&y + &lit(1, map)).eq(&rows));
    let row_end = m.wire("row_end", &(&ends & &x_last));
    // a row's last word is left behind even where its end is not used
    let next_word = m.wire("next_word", &(&to.bit(place_bits) | &row_end));
    m.clocked(|s| {
        s.set(&waiting, &lit(0, 1));
        s.when(&read, |s| {
            s.set(&at_start, &ends);
            s.set(&left, &ends.mux(&pixel_bytes, &(&left - &count)));
            s.set(
                &place,
                &row_end.mux(&lit(0, place_bits), &to.low(place_bits)),
            );
            s.when(&next_word, |s| {
                s.set(&address, &(&address + &lit(1, memory)))
            });
        });
        s.when(&pixel_end, |s| {
            s.set(&waiting, &spill);
            s.set(&x, &x_last.mux(&lit(0, map), &(&x + &lit(1, map))));
            if let Some(batch) = &batch {
                let next = next_in_batch(batch, tp);
                s.set(batch, &x_last.mux(&lit(0, batch.width()), &next));
            }
            s.when(&x_last, |s| s.set(&y, &(&y + &lit(1, map))));
            s.when(&(&x_last & &y_last), |s| s.set(&active, &lit(0, 1)));
        });
        if let Some(gate) = &gate {
            gate.count(s, &start, &(&pixel_end & &x_last));
        }
        let begin = all(&[read.clone(), at_start.clone(), opens]);
        s.when(&(&begin & &!&pixel_done), |s| {
            s.set(&inflight, &(&inflight + &lit(1, ring)))
        });
        s.when(&(&pixel_done & &!&begin), |s| {
            s.set(&inflight, &(&inflight - &lit(1, ring)))
        });
        s.when(&start, |s| {
            s.set(&active, &rows.any());
            s.set(&at_start, &lit(1, 1));
            s.set(&left, &pixel_bytes);
            s.set(&address, &in_base);
            for reg in [&y, &x, &place, &inflight].into_iter().chain(&batch) {
                s.set(reg, &lit(0, reg.width()));
            }
        });
        s.when(&rst, |s| s.set(&active, &lit(0, 1)));
    });
    m.output("r_valid", &read);
    m.output("r_addr", &address);
    let run = [place, count.low(bits(tn)), ends, read];
    run_outputs(&mut m, config, run);
    Rc::new(m)
}

/// The run, as late as its data: place of the first byte, bytes, last of its pixel, valid.
fn run_outputs(m: &mut Module, config: &Config, run: [Expr; 4]) {
    let names = ["run_first", "run_count", "run_last", "run_valid"];
    for (name, value) in names.into_iter().zip(&run) {
        let late = m.delay(name, value, activation_read(config));
        m.output(name, &late);
    }
}
