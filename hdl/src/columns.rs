// SPDX-License-Identifier: MIT OR Apache-2.0
//! # columns — picks lanes and padding out of the line buffer's words
//! | port         | dir | data                    | note                                                        |
//! |--------------|-----|-------------------------|-------------------------------------------------------------|
//! | s_rows       | in  | columns x rows words    | from `line_buffer`                                          |
//! | r_byte       | in  | byte offset per column  | of the request, at the time of the request                  |
//! | r_row_ok     | in  | 1 per row               | 0: the row is padding; likewise r_column_ok, where pixels may share the lanes for each of both |
//! | run_pad      | in  | 1                       | gather: all padding; where no `merge` block does it         |
//! | pad_value    | in  | 8                       |                                                             |
//! | m_taps       | out | lanes x taps bytes      | lane after lane, in each row after row                      |
//! | m_run        | out | one word                | gather: the first row's word; likewise                      |
//!
//! Latency: 1 cycle behind `line_buffer`, `timing::window_bytes` behind the window's step. Throughput: 1 per cycle.

use crate::rtl::{Expr, Module, pack};
use crate::select::choose;
use sepstream_spec::config::Config;
use sepstream_spec::isa::address_bits;
use sepstream_spec::timing::window_bytes;
use std::rc::Rc;

/// The column selector.
pub fn columns(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "columns",
        "Picks lanes and padding out of the line buffer's words.",
    );
    let v = config.values();
    let (rows, columns) = (config.row_taps(), config.column_taps());
    let word = config.word_bytes();
    let byte = address_bits(v.line_words) + word.trailing_zeros();
    let s_rows = m.input("s_rows", columns * rows * word * 8);
    let r_byte = m.input("r_byte", columns * byte);
    let r_row_ok = m.input("r_row_ok", rows);
    // where two pixels may share the lanes, those of each
    let halves = 1 + v.pairs;
    let r_column_ok = m.input("r_column_ok", columns * halves);
    let pad_value = m.input("pad_value", 8);

    // the request came one cycle after the step, the rows come one before the result
    let behind = window_bytes(config) - 2;
    let row_ok = m.delay("row_ok", &r_row_ok, behind);
    let column_ok = m.delay("column_ok", &r_column_ok, behind);
    // from one place where lanes may begin in a word to the next
    let pitch = config.lane_pitch() / halves;
    let places = word / pitch;
    let mut taps: Vec<Vec<Expr>> = vec![Vec::new(); v.lanes as usize];
    let oks: Vec<Vec<Expr>> = (0..rows)
        .map(|r| {
            (0..columns * halves)
                .map(|c| {
                    m.wire(
                        &format!("ok_{r}_{c}"),
                        &(&row_ok.bit(r) & &column_ok.bit(c)),
                    )
                })
                .collect()
        })
        .collect();
    let first: Vec<Option<Expr>> = (0..columns)
        .map(|c| {
            let bits = places.trailing_zeros();
            (bits > 0).then(|| {
                m.delay(
                    &format!("group_{c}"),
                    &r_byte.slice(c * byte + pitch.trailing_zeros(), bits),
                    behind,
                )
            })
        })
        .collect();
    for r in 0..rows {
        for c in 0..columns {
            let base = (c * rows + r) * word;
            for (l, lane) in (0..v.lanes).zip(&mut taps) {
                // lanes of a pair may begin in the middle of a group, and end at the word's begin
                let bytes: Vec<Expr> = (0..places)
                    .map(|place| s_rows.byte(base + (place * pitch + l) % word))
                    .collect();
                let picked = match &first[c as usize] {
                    Some(first) => choose(&bytes, first, first.width() - 1),
                    None => bytes[0].clone(),
                };
                let half = l * halves / v.lanes;
                let ok = &oks[r as usize][(half * columns + c) as usize];
                lane.push(ok.mux(&picked, &pad_value));
            }
        }
    }
    let taps = m.pipe("taps", &pack(&taps.concat()));
    m.output("m_taps", &taps);
    if !config.merges() {
        let run_pad = m.input("run_pad", 1);
        let pad = m.delay("pad", &run_pad, behind);
        let run = m.pipe(
            "run",
            &pad.mux(&pad_value.repeat(word), &s_rows.low(word * 8)),
        );
        m.output("m_run", &run);
    }
    Rc::new(m)
}
