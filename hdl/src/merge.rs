// SPDX-License-Identifier: MIT OR Apache-2.0
//! # merge — runs of up to three kernel rows, one behind the other
//! A merged gather command (`merge_bytes` > 0) takes the runs of three consecutive rows as one run, of which a step takes `tn`
//! bytes. A ring of one word holds them: row r's run lies `run_bytes` behind that of the row above. Since all words are read at
//! one offset, that is a turn by r times `run_bytes`, the same for all of a command; where each row begins is a step's own.
//! | port         | dir | data           | note                                                            |
//! |--------------|-----|----------------|-----------------------------------------------------------------|
//! | s_rows       | in  | three words    | of column 0, from `line_buffer`                                 |
//! | run_at       | in  | byte position  | with the request: where the runs begin in their words           |
//! | run_first    | in  | byte position  | with it: of the step's first byte in the ring                   |
//! | run_skip     | in  | bytes          | with it: merged bytes that the pixel's earlier steps took        |
//! | run_pre      | in  | bytes          | with it: of each run, left of the row; behind them ..           |
//! | run_data     | in  | bytes          | .. so many in the row, the rest right of it                     |
//! | run_pad      | in  | 1              | with it, commands that do not merge: all padding                |
//! | r_row_ok     | in  | 1 per row      | with it: 0: the row is padding                                  |
//! | run_bytes merge_bytes pad_value | in | | fields of the command                                           |
//! | m_run        | out | one word       | the ring; commands that do not merge: the first row's word      |
//!
//! Latency: as `columns`, 1 cycle behind `line_buffer`. Throughput: 1 per cycle.
//! Bit widths: a merged run has at most `Config::merge_run_bytes`, so three of them bound `run_skip`.

use crate::packer::bits_for;
use crate::rtl::{Expr, Module, all, lit, pack};
use crate::select::turn;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::timing::window_bytes;
use std::rc::Rc;

/// Bits of `run_pre` and `run_data`.
pub fn run_bits(config: &Config) -> u32 {
    bits_for(config.merge_run_bytes())
}

/// Bits of `run_skip`.
pub fn skip_bits(config: &Config) -> u32 {
    bits_for(3 * config.merge_run_bytes())
}

/// The merger of kernel rows, for configurations that have one.
pub fn merge(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "merge",
        "Puts the runs of up to three kernel rows one behind the other.",
    );
    let word = config.word_bytes();
    let place = word.trailing_zeros();
    let (run_bits, skip_bits) = (run_bits(config), skip_bits(config));
    let s_rows = m.input("s_rows", 3 * word * 8);
    let run_at = m.input("run_at", place);
    let run_first = m.input("run_first", place);
    let run_skip = m.input("run_skip", skip_bits);
    let run_pre = m.input("run_pre", run_bits);
    let run_data = m.input("run_data", run_bits);
    let run_pad = m.input("run_pad", 1);
    let r_row_ok = m.input("r_row_ok", 3);
    let run_bytes = m.input("run_bytes", run_bits);
    let merge_bytes = m.input("merge_bytes", Field::MergeBytes.used_bits(config));
    let pad_value = m.input("pad_value", 8);
    let merges = m.wire("merges", &merge_bytes.any());

    m.note(
        "Which bytes of a run are in the map: counted from the run's first, then from the word's.",
    );
    // the request came one cycle after the step, the rows come one before the result
    let behind = window_bytes(config) - 2;
    let pre = m.delay("pre", &run_pre, behind - 2);
    let data = m.delay("data", &run_data, behind - 2);
    let pad = m.delay("pad", &run_pad, behind - 2);
    let end = m.wire("data_end", &(&pre + &data));
    let in_map: Vec<Expr> = (0..word)
        .map(|i| {
            let in_run = match i < config.merge_run_bytes() {
                true => {
                    let i = lit(i.into(), run_bits);
                    &pre.le(&i) & &i.lt(&end)
                }
                false => lit(0, 1),
            };
            merges.mux(&in_run, &!&pad)
        })
        .collect();
    let in_map = m.pipe("in_map", &pack(&in_map));
    let at = m.delay("at", &run_at, behind - 2);
    let by = m.pipe("at_merged", &merges.mux(&at, &lit(0, place)));
    let in_map = turn(&mut m, "in_map", &in_map, 1, &by, 0..place);
    let in_map = m.pipe("in_map_word", &in_map);
    let row_ok = m.delay("row_ok", &r_row_ok, behind);
    m.note("The second row turns by its runs' bytes, the third by twice as many: some of the way before the register.");
    let by_1 = m.wire("by_1", &run_bytes.fit(place));
    let by_2 = m.wire("by_2", &(&by_1 + &by_1));
    let half_way = place / 2;
    let turns = [None, Some(by_1), Some(by_2)];
    let rows: Vec<Expr> = (0..3)
        .zip(&turns)
        .map(|(r, by)| {
            let bytes: Vec<Expr> = (0..word)
                .map(|i| {
                    let ok = &row_ok.bit(r) & &in_map.bit(i);
                    ok.mux(&s_rows.byte(r * word + i), &pad_value)
                })
                .collect();
            let row = m.wire(&format!("masked_{r}"), &pack(&bytes));
            let row = match by {
                None => row,
                Some(by) => turn(&mut m, &format!("row_{r}"), &row, 8, by, 0..half_way),
            };
            m.pipe(&format!("row_{r}"), &row)
        })
        .collect();

    m.note("Which bytes of the step are of the second row or below, which of the third.");
    // signed: earlier steps may have taken more than the rows above
    let bits = skip_bits + 1;
    let skip = m.delay("skip", &run_skip, behind - 2);
    let first = m.delay("first", &run_first, behind);
    let run = run_bytes.zext(bits);
    let below: Vec<Expr> = [run.clone(), &run + &run]
        .iter()
        .enumerate()
        .map(|(r, above)| {
            let left = m.pipe(&format!("left_{r}"), &(above - &skip.zext(bits)));
            let below: Vec<Expr> = (0..word)
                .map(|j| all(&[merges.clone(), !&lit(j.into(), bits).lt_s(&left)]))
                .collect();
            let below = m.pipe(&format!("below_{r}"), &pack(&below));
            let below = turn(&mut m, &format!("below_{r}"), &below, 1, &first, 0..place);
            m.pipe(&format!("below_{r}_ring"), &below)
        })
        .collect();

    m.note("The ring.");
    let mut turned = |r: usize| match &turns[r] {
        None => rows[r].clone(),
        Some(by) => turn(
            &mut m,
            &format!("row_{r}"),
            &rows[r],
            8,
            by,
            half_way..place,
        ),
    };
    let [first, second, third] = [0, 1, 2].map(&mut turned);
    let ring: Vec<Expr> = (0..word)
        .map(|i| {
            let upper = below[0].bit(i).mux(&second.byte(i), &first.byte(i));
            below[1].bit(i).mux(&third.byte(i), &upper)
        })
        .collect();
    m.output("m_run", &pack(&ring));
    Rc::new(m)
}
