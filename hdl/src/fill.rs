// SPDX-License-Identifier: MIT OR Apache-2.0
//! # fill — activation memory to line buffer, row by row
//! Reads the ifm's rows in order, one word per cycle, as soon as the line buffer has room for the row.
//! | port          | dir | data         | note                                                     |
//! |---------------|-----|--------------|----------------------------------------------------------|
//! | start         | in  | 1            | take the command's fields and begin                      |
//! | released      | in  | 16           | rows that the window has left behind                     |
//! | hold          | in  | 1            | the read port is another's this cycle                    |
//! | r_valid       | out | 1            | a read this cycle: the port is ours                      |
//! | r_addr        | out | word address |                                                          |
//! | w_valid       | out | 1            | r_data goes to the line buffer this cycle                |
//! | w_bank w_addr | out |              | where to                                                 |
//! | filled        | out | 16           | rows that lie complete in the line buffer                |
//! | all_filled    | out | 1            | no row is missing                                        |
//!
//! Throughput: 1 word per cycle while `filled row < released + line_rows`. Latency: `timing::FILL_ROW` from a row's last read to
//! `filled`. Invariant: a slot is written only after `released` passed the row in it.

use crate::rtl::{Module, all, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use sepstream_spec::timing;
use std::rc::Rc;

/// The fill unit.
pub fn fill(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "fill",
        "Copies ifm rows from the activation memory to the line buffer.",
    );
    let line = address_bits(config.values().line_words);
    let memory = address_bits(config.activation_words());
    let start = m.input("start", 1);
    let field = |m: &mut Module, f: Field| m.input(f.name(), f.used_bits(config));
    let in_base = field(&mut m, Field::InBase);
    let fill_rows = field(&mut m, Field::FillRows);
    let row_words = field(&mut m, Field::RowWords);
    let line_rows = field(&mut m, Field::LineRows);
    let slot_limit = field(&mut m, Field::SlotLimit);
    let released = m.input("released", 16);
    let hold = m.input("hold", 1);
    let rst = m.reset();

    let row = m.reg("row", 16);
    let word = m.reg("word", line + 1);
    let address = m.reg("address", memory);
    let bank = m.reg("bank", 2);
    let slot = m.reg("slot", line);
    let active = m.reg("active", 1);
    m.note("A row begins when its slot is free; its other words follow without asking again.");
    let room = m.wire("room", &row.lt(&(&released + &line_rows)));
    let read = m.wire("read", &all(&[active.clone(), &word.any() | &room, !&hold]));
    let word_next = m.wire("word_next", &(&word + &lit(1, line + 1)));
    let row_end = m.wire("row_end", &(&read & &word_next.eq(&row_words)));
    let row_next = m.wire("row_next", &(&row + &lit(1, 16)));
    let slot_next = m.wire("slot_next", &(&slot.zext(line + 1) + &row_words));
    m.clocked(|s| {
        s.when(&read, |s| {
            s.set(&word, &word_next);
            s.set(&address, &(&address + &lit(1, memory)));
        });
        s.when(&row_end, |s| {
            s.set(&word, &lit(0, line + 1));
            s.set(&row, &row_next);
            s.set(&bank, &(&bank + &lit(1, 2)));
            s.when(&bank.is(3), |s| {
                s.set(
                    &slot,
                    &slot_next
                        .eq(&slot_limit)
                        .mux(&lit(0, line), &slot_next.low(line)),
                )
            });
            s.when(&row_next.eq(&fill_rows), |s| s.set(&active, &lit(0, 1)));
        });
        s.when(&start, |s| {
            s.set(&active, &lit(1, 1));
            s.set(&row, &lit(0, 16));
            s.set(&word, &lit(0, line + 1));
            s.set(&address, &in_base);
            s.set(&bank, &lit(0, 2));
            s.set(&slot, &lit(0, line));
        });
        s.when(&rst, |s| s.set(&active, &lit(0, 1)));
    });
    m.output("r_valid", &read);
    m.output("r_addr", &address);

    let w_addr = m.wire("line_addr", &(&slot + &word.low(line)));
    let valid = m.delay("valid", &read, timing::MEMORY_READ);
    let w_bank = m.delay("bank", &bank, timing::MEMORY_READ);
    let w_addr = m.delay("line_addr", &w_addr, timing::MEMORY_READ);
    let ended = m.delay("row_end", &row_end, timing::MEMORY_READ);
    m.output("w_valid", &valid);
    m.output("w_bank", &w_bank);
    m.output("w_addr", &w_addr);
    let filled = m.reg("filled_q", 16);
    m.clocked(|s| {
        s.when(&ended, |s| s.set(&filled, &(&filled + &lit(1, 16))));
        s.when(&start, |s| s.set(&filled, &lit(0, 16)));
    });
    m.output("filled", &filled);
    m.output("all_filled", &all(&[filled.eq(&fill_rows)]));
    Rc::new(m)
}
