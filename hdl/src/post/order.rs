// SPDX-License-Identifier: MIT OR Apache-2.0
//! # order — the outputs of tp pixels, which come side by side, one pixel behind the other
//! | port             | dir | data               | note                                                        |
//! |------------------|-----|--------------------|-------------------------------------------------------------|
//! | start            | in  | 1                  | a new command                                               |
//! | cols             | in  | columns            | pixels of a row                                             |
//! | pixel_bytes      | in  | bytes              | outputs of a pixel                                          |
//! | pieces           | in  | 1                  | with a residual adder: give at most `lanes` bytes at once   |
//! | s_data           | in  | tp x lanes bytes   | beats of tp requantisers                                    |
//! | s_count s_valid  | in  |                    | of each of them                                             |
//! | s_last s_end     | in  | 1                  | the beat ends its pixels; they are the command's last       |
//! | m_data m_first   | out | one word           | a run of outputs in a word                                  |
//! | m_count m_valid  | out | 1 to word bytes    |                                                             |
//! | m_tag            | out | 2                  | the run ends a row; it ends the command                     |
//!
//! Beats are packed into words, pixel by pixel, and wait in a memory for each of the tp pixels. When the batch is complete, its
//! words go out: those of the first pixel, then those of the second, ... Pixels behind a row's end are dropped.
//! Latency: `timing::PACK` to a pixel's last word, then a cycle for each run, then `timing::ORDER`. Throughput: 1 run per cycle.
//! No back-pressure: batches are at least one cycle further apart than the runs of the largest one take (`pixel_idle`), and the
//! memories hold two of them.

use crate::memory::memory;
use crate::packer::{bits_for, packer};
use crate::rtl::{Expr, Module, all, lit, pack};
use crate::select::choose;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use sepstream_spec::timing::ORDER;
use sepstream_spec::width::map_bits;
use std::rc::Rc;

/// The pixel order of a configuration with `tp` above 1; `pieces` if a residual adder may follow.
pub fn order(config: &Config, pieces: bool) -> Rc<Module> {
    let (v, word) = (config.values(), config.word_bytes());
    let (tp, lanes, depth) = (v.tp, v.pw_requant, config.order_words());
    let mut m = Module::new(
        if pieces { "order_pieces" } else { "order" },
        &format!("Puts the outputs of {tp} pixels one behind the other."),
    );
    let place_bits = word.trailing_zeros();
    let lane_bits = bits_for(tp - 1);
    let address = address_bits(depth);
    let start = m.input("start", 1);
    let map = map_bits(config);
    let cols = m.input("cols", map);
    // of the own outputs as well as of the expanded ones; more than a word's place
    let byte_bits = Field::OutBytes.used_bits(config);
    let pixel_bytes = m.input("pixel_bytes", byte_bits);
    let size = byte_bits.max(place_bits + 1);
    let pixel_bytes = pixel_bytes.zext(size);
    let data = m.input("s_data", tp * lanes * 8);
    let count = m.input("s_count", bits_for(lanes));
    let valid = m.input("s_valid", 1);
    let last = m.input("s_last", 1);
    let end = m.input("s_end", 1);
    let in_pieces = pieces.then(|| m.input("pieces", 1));
    let rst = m.unit_reset();

    m.note("Words of each pixel. The packers run in step; the first carries the pixel's end, the second the command's.");
    let packed: Vec<_> = (0..tp)
        .map(|p| {
            let own = data.slice(p * lanes * 8, lanes * 8);
            let inputs = [
                ("s_data", own.zext(word * 8)),
                ("s_first", lit(0, place_bits)),
                ("s_count", count.zext(bits_for(word))),
                ("s_last", last.clone()),
                ("s_tag", if p == 1 { end.clone() } else { lit(1, 1) }),
                ("s_valid", valid.clone()),
            ];
            m.instance(&format!("packer_{p}"), &packer(word, word), &inputs)
        })
        .collect();
    let word_valid = packed[0].out("m_valid");
    let complete = m.wire("complete", &(&word_valid & &packed[0].out("m_tag")));
    let ends = packed[1].out("m_tag");

    m.note("The batch that goes out: run by run of word by word of pixel by pixel.");
    let active = m.reg("active", 1);
    let closing = m.reg("closing", 1);
    let x = m.reg("x", map);
    let lane = m.reg("lane", lane_bits);
    let at = m.reg("at", size);
    let base = m.reg("base", address);
    let whole = pixel_bytes.slice(place_bits, size - place_bits).zext(size);
    let words = m.wire(
        "words",
        &(&whole + &pixel_bytes.low(place_bits).any().zext(size)),
    );
    let tail = &pixel_bytes.low(place_bits) - &lit(1, place_bits);
    let tail = m.wire("tail", &tail);
    let last_word = m.wire("last_word", &(&at + &lit(1, size)).eq(&words));
    let full = lit(word.into(), place_bits + 1);
    let in_word = &tail.zext(place_bits + 1) + &lit(1, place_bits + 1);
    let in_word = m.wire("in_word", &last_word.mux(&in_word, &full));
    let (piece, first, run, word_ends) = match &in_pieces {
        None => (None, lit(0, place_bits), in_word, lit(1, 1)),
        Some(in_pieces) => {
            let piece = m.reg("piece", place_bits);
            let first = m.reg("first", place_bits);
            let left = m.wire("left", &(&in_word - &first.zext(place_bits + 1)));
            let most = lit(lanes.into(), place_bits + 1);
            let ends = m.wire("word_ends", &(&!in_pieces | &left.le(&most)));
            let run = m.wire("run", &ends.mux(&left, &most));
            (Some(piece), first, run, ends)
        }
    };
    // no pixel behind the row's end is taken
    let x_after = m.wire("x_after", &(&(&x + &lane.zext(map)) + &lit(1, map)));
    let row_end = m.wire("row_end", &x_after.eq(&cols));
    let lane_last = m.wire("lane_last", &(&lane.is((tp - 1).into()) | &row_end));
    let pixel_ends = m.wire("pixel_ends", &(&word_ends & &last_word));
    let batch_ends = m.wire(
        "batch_ends",
        &all(&[active.clone(), pixel_ends.clone(), lane_last.clone()]),
    );
    let write = m.reg("write", address);
    m.clocked(|s| {
        s.when(&word_valid, |s| s.set(&write, &(&write + &lit(1, address))));
        s.when(&active, |s| {
            if let Some(piece) = &piece {
                s.set(
                    piece,
                    &word_ends.mux(&lit(0, place_bits), &(piece + &lit(1, place_bits))),
                );
                s.set(
                    &first,
                    &word_ends.mux(&lit(0, place_bits), &(&first + &run.low(place_bits))),
                );
            }
            s.when(&word_ends, |s| {
                s.set(&at, &last_word.mux(&lit(0, size), &(&at + &lit(1, size))))
            });
            s.when(&pixel_ends, |s| {
                s.set(
                    &lane,
                    &lane_last.mux(&lit(0, lane_bits), &(&lane + &lit(1, lane_bits))),
                )
            });
        });
        s.when(&batch_ends, |s| {
            s.set(&active, &lit(0, 1));
            s.set(&base, &(&base + &words.fit(address)));
            s.set(&x, &row_end.mux(&lit(0, map), &(&x + &lit(tp.into(), map))));
        });
        s.when(&complete, |s| {
            s.set(&active, &lit(1, 1));
            s.set(&closing, &ends);
        });
        s.when(&(&start | &rst), |s| {
            let mut regs = vec![&active, &x, &lane, &at, &base, &write];
            if let Some(piece) = &piece {
                regs.extend([piece, &first]);
            }
            for reg in regs {
                s.set(reg, &lit(0, reg.width()));
            }
        });
    });

    m.note("Its data.");
    let read = &base + &at.fit(address);
    let read = m.wire("read", &read);
    let stored: Vec<Expr> = packed
        .iter()
        .enumerate()
        .map(|(p, packed)| {
            let inputs = [
                ("we", word_valid.clone()),
                ("w_addr", write.clone()),
                ("w_data", packed.out("m_data")),
                ("r_addr", read.clone()),
            ];
            let inst = m.instance(&format!("words_{p}"), &memory(depth, word * 8), &inputs);
            inst.out("r_data")
        })
        .collect();
    let late = |m: &mut Module, name: &str, value: &Expr| m.delay(name, value, ORDER);
    let lane = late(&mut m, "lane", &lane);
    // behind the last pixel's there is anything
    let mut places = stored.clone();
    places.resize(1 << lane_bits, stored[0].clone());
    let out = choose(&places, &lane, lane_bits - 1);
    let mut out = m.wire("word_out", &out);
    let mut m_first = late(&mut m, "first_of_run", &first);
    if let (Some(piece), Some(in_pieces)) = (&piece, &in_pieces) {
        // the adder takes its operands from lane 0 on
        let piece = late(&mut m, "piece", piece);
        let mut moved = out.clone();
        for n in 1..word.div_ceil(lanes) {
            let from = n * lanes * 8;
            let rest = out.slice(from, word * 8 - from).zext(word * 8);
            moved = piece.is(n.into()).mux(&rest, &moved);
        }
        out = in_pieces.mux(&moved, &out);
        m_first = in_pieces.mux(&lit(0, place_bits), &m_first);
    }
    m.output("m_data", &out);
    m.output("m_first", &m_first);
    for (name, value) in [
        ("m_count", run.fit(bits_for(word))),
        ("m_valid", active.clone()),
        (
            "m_tag",
            pack(&[
                &batch_ends & &row_end,
                all(&[batch_ends.clone(), row_end.clone(), closing.clone()]),
            ]),
        ),
    ] {
        let value = late(&mut m, &format!("{name}_now"), &value);
        m.output(name, &value);
    }
    Rc::new(m)
}
