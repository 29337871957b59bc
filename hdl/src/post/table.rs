// SPDX-License-Identifier: MIT OR Apache-2.0
//! # table — a function of each output byte, looked up in a table of 256 bytes
//! out = table\[byte\] = activations that no clamp makes (hard-swish, sigmoid, ..), and all chains of such
//! | port          | dir | data           | note                                                           |
//! |---------------|-----|----------------|----------------------------------------------------------------|
//! | number        | in  | number         | of the table that the beat's bytes are looked up in            |
//! | s_data/m_data |     | lanes x 8 bits | bytes of a beat; one in two's complement is the place of its bits |
//! | s_along/m_along |   | some bits      | what goes along with them                                      |
//! | t_we t_addr t_data | in | 4 bytes    | a word of a table, the same for all lanes                      |
//!
//! Latency: `timing::TABLE`. Throughput: 1 beat per cycle. No back-pressure. Each lane has a memory of its own with all tables, so that
//! lanes look up different bytes in the same cycle. Tables are loaded between frames.

use crate::memory;
use crate::rtl::{Expr, Module, cat, pack};
use crate::select::choose;
use sepstream_spec::isa::{TABLE_WORD_BYTES, TABLE_WORDS, address_bits};
use sepstream_spec::timing::{MEMORY_READ, TABLE};
use std::rc::Rc;

/// Lanes that look bytes up in one of so many tables, with `along` bits beside them.
pub fn table(name: &str, lanes: u32, tables: u32, along: u32) -> Rc<Module> {
    let mut m = Module::new(
        name,
        &format!("A function of each of {lanes} byte(s), by one of {tables} tables."),
    );
    let words = tables * TABLE_WORDS;
    let in_word = TABLE_WORD_BYTES.trailing_zeros();
    let number = m.input("number", tables.trailing_zeros());
    let data = m.input("s_data", lanes * 8);
    let we = m.input("t_we", 1);
    let w_addr = m.input("t_addr", address_bits(words));
    let w_data = m.input("t_data", TABLE_WORD_BYTES * 8);
    let unit = memory::stored(words, TABLE_WORD_BYTES * 8);
    let found: Vec<Expr> = (0..lanes)
        .map(|l| {
            let byte = data.byte(l);
            let word = byte.slice(in_word, 8 - in_word);
            let inputs = [
                ("we", we.clone()),
                ("w_addr", w_addr.clone()),
                ("w_data", w_data.clone()),
                ("r_addr", cat(&[number.clone(), word])),
            ];
            let read = m
                .instance(&format!("lane_{l}"), &unit, &inputs)
                .out("r_data");
            let bytes: Vec<Expr> = (0..TABLE_WORD_BYTES).map(|b| read.byte(b)).collect();
            let place = m.delay(&format!("place_{l}"), &byte.low(in_word), MEMORY_READ);
            m.pipe(&format!("found_{l}"), &choose(&bytes, &place, in_word - 1))
        })
        .collect();
    m.output("m_data", &pack(&found));
    if along > 0 {
        let beside = m.input("s_along", along);
        let late = m.delay("along", &beside, TABLE);
        m.output("m_along", &late);
    }
    Rc::new(m)
}
