// SPDX-License-Identifier: MIT OR Apache-2.0
//! # line_writer — puts rows into the line buffer, one after the other
//! The rows are those that `fill` reads, or those that an expanding layer makes.
//! | port             | dir | data     | note                                                       |
//! |------------------|-----|----------|------------------------------------------------------------|
//! | start            | in  | 1        | a new command: row 0 comes next                            |
//! | s_valid s_last   | in  | 1        | a word is here; it ends its row                            |
//! | w_bank w_addr    | out |          | where it goes, in the same cycle                           |
//! | filled           | out | rows     | rows that lie complete in the line buffer                  |
//! | all_filled       | out | 1        | no row is missing                                          |
//!
//! Row r goes to bank r mod 4, slot (r / 4) mod slots; the first slot is at the command's `line_base` where commands run ahead, else
//! at 0. Throughput: 1 word per cycle. Latency: `timing::LINE_ROW` from a row's last
//! word to `filled`. No back-pressure: rows come only when `window` has released the one in their place.

use crate::rtl::{Module, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use std::rc::Rc;

/// The writer of the line buffer.
pub fn line_writer(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "line_writer",
        "Puts rows into the line buffer, one after the other.",
    );
    let line = address_bits(config.values().line_words);
    let start = m.input("start", 1);
    let mut field = |f: Field| m.input(f.name(), f.used_bits(config));
    let fill_rows = field(Field::FillRows);
    let row_words = field(Field::RowWords);
    let slot_limit = field(Field::SlotLimit);
    let base = match config.runs_ahead() {
        false => lit(0, line),
        true => field(Field::LineBase),
    };
    let valid = m.input("s_valid", 1);
    let last = m.input("s_last", 1);

    let word = m.reg("word", line);
    let bank = m.reg("bank", 2);
    let slot = m.reg("slot", line);
    let filled = m.reg("filled_q", fill_rows.width());
    let row_end = m.wire("row_end", &(&valid & &last));
    let last_slot = m.pipe("last_slot", &(&slot_limit - &row_words));
    let at_end = slot.zext(line + 1).eq(&last_slot);
    let slot_next = at_end.mux(&base, &(&slot + &row_words.fit(line)));
    m.clocked(|s| {
        s.when(&valid, |s| s.set(&word, &(&word + &lit(1, line))));
        s.when(&row_end, |s| {
            s.set(&word, &lit(0, line));
            s.set(&filled, &(&filled + &lit(1, filled.width())));
            s.set(&bank, &(&bank + &lit(1, 2)));
            s.when(&bank.is(3), |s| s.set(&slot, &slot_next));
        });
        s.when(&start, |s| {
            for (reg, first) in [
                (&word, lit(0, line)),
                (&bank, lit(0, 2)),
                (&slot, base),
                (&filled, lit(0, filled.width())),
            ] {
                s.set(reg, &first);
            }
        });
    });
    m.output("w_bank", &bank);
    m.output("w_addr", &(&slot + &word));
    m.output("filled", &filled);
    m.output("all_filled", &filled.eq(&fill_rows));
    Rc::new(m)
}
