// SPDX-License-Identifier: MIT OR Apache-2.0
//! # line_buffer — the rows that the windows at work need, and the next one
//! Row r lies in bank r mod 4, so that any three consecutive rows can be read while another is filled. Each bank is split in two
//! halves with addresses of their own: together they give any run of bytes that does not pass the end of the second half,
//! wherever it begins. For nine taps there is a copy per kernel column. For one tap, which reads one bank at a time, the banks lie
//! one behind the other in one memory where that takes no more words: a small bank would leave most of its block RAMs empty.
//! | port                | dir | data                     | note                                            |
//! |---------------------|-----|--------------------------|-------------------------------------------------|
//! | w_valid .. w_data   | in  | one word                 | from `fill`                                     |
//! | r_byte              | in  | byte offset per column   | in the row                                      |
//! | r_bank r_slot       | in  |                          | of the first row asked for                      |
//! | r_slot_next         | in  | address                  | of the rows behind the turn of the banks        |
//! | m_rows              | out | columns x rows words     | byte b of a word has offset b modulo word size  |
//!
//! A word may be read two cycles after it came: `ROW_READY` and `WINDOW_ADDRESS` leave four.
//! Latency: request (one cycle after the window's step) to rows: `timing::window_bytes - 2`. Throughput: 1 request per cycle.

use crate::memory;
use crate::rtl::{Expr, Module, cat, lit, pack};
use crate::select::choose;
use sepstream_spec::config::{Config, ROW_BANKS};
use sepstream_spec::isa::address_bits;
use sepstream_spec::timing::{line_read, near_read};
use std::rc::Rc;

/// A bank of `words` words of two halves of `half` bits, which are read one by one. Words come to banks that lie far apart: there are
/// registers in front of the write port, and a word is there a cycle later than it came.
fn bank(words: u32, half: u32, unit: &Rc<Module>) -> Rc<Module> {
    let mut m = Module::new(
        "line_bank",
        "Two halves of a bank, with registers in front of their write ports.",
    );
    let line = address_bits(words);
    let [we, addr, data] =
        [("we", 1), ("w_addr", line), ("w_data", 2 * half)].map(|(name, bits)| {
            let value = m.input(name, bits);
            m.pipe(&format!("{name}_q"), &value)
        });
    let read = [("even", 0), ("odd", half)].map(|(name, low)| {
        let at = m.input(&format!("r_{name}"), line);
        let inputs = [
            ("we", we.clone()),
            ("w_addr", addr.clone()),
            ("w_data", data.slice(low, half)),
            ("r_addr", at),
        ];
        m.instance(name, unit, &inputs).out("r_data")
    });
    m.output("r_data", &pack(&read));
    Rc::new(m)
}

/// The line buffer.
pub fn line_buffer(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "line_buffer",
        "Holds the ifm rows of the windows at work; row r in bank r mod 4.",
    );
    let line = address_bits(config.values().line_words);
    let word = config.word_bytes();
    let word_bits = word.trailing_zeros();
    let byte = line + word_bits;
    let (rows, columns) = (config.row_taps(), config.column_taps());
    let w_valid = m.input("w_valid", 1);
    let w_bank = m.input("w_bank", 2);
    let w_addr = m.input("w_addr", line);
    let w_data = m.input("w_data", word * 8);
    let r_byte = m.input("r_byte", columns * byte);
    let r_bank = m.input("r_bank", 2);
    let r_slot = m.input("r_slot", line);
    let r_slot_next = m.input("r_slot_next", line);
    let words = config.values().line_words;
    let together = rows == 1 && words.is_power_of_two();
    let depth = if together { ROW_BANKS * words } else { words };
    let half = memory::near(config, depth, word * 4, false);

    let behind = line_read(config) - near_read(config);
    if together {
        let bank = m.pipe("bank", &r_bank);
        let odd = m.wire("odd", &r_byte.slice(word_bits, line));
        let even = m.wire("even", &(&odd + &r_byte.bit(word_bits - 1).zext(line)));
        let data = [("even", even, 0), ("odd", odd, word * 4)].map(|(name, at, low)| {
            let at = m.pipe(&format!("{name}_at"), &(&r_slot + &at));
            let inputs = [
                ("we", w_valid.clone()),
                ("w_addr", cat(&[w_bank.clone(), w_addr.clone()])),
                ("w_data", w_data.slice(low, word * 4)),
                ("r_addr", cat(&[bank.clone(), at])),
            ];
            m.instance(&format!("banks_{name}"), &half, &inputs)
                .out("r_data")
        });
        let rows = m.delay("rows", &pack(&data), behind);
        m.output("m_rows", &rows);
        return Rc::new(m);
    }

    let unit = bank(words, word * 4, &half);
    let bank_d = m.delay("bank", &r_bank, 1 + near_read(config));
    m.note("Banks below the first row's hold rows behind the turn; none is below bank 3's.");
    let slots: Vec<Expr> = (0..ROW_BANKS)
        .map(|b| match b + 1 < ROW_BANKS {
            true => {
                let turned = lit(b.into(), 2).lt(&r_bank);
                m.wire(&format!("slot_{b}"), &turned.mux(&r_slot_next, &r_slot))
            }
            false => r_slot.clone(),
        })
        .collect();
    let mut out = Vec::new();
    for c in 0..columns {
        m.note(&format!(
            "Column {c}: word addresses of the two halves, in each bank."
        ));
        let odd = m.wire(
            &format!("odd_{c}"),
            &r_byte.slice(c * byte + word_bits, line),
        );
        let into_odd = r_byte.bit(c * byte + word_bits - 1);
        let even = m.wire(&format!("even_{c}"), &(&odd + &into_odd.zext(line)));
        let banks: Vec<Expr> = (0..ROW_BANKS)
            .map(|b| {
                let [even, odd] = [("even", &even), ("odd", &odd)].map(|(name, at)| {
                    let at = &slots[b as usize] + at;
                    m.pipe(&format!("{name}_{c}_{b}_at"), &at)
                });
                let inputs = [
                    ("we", &w_valid & &w_bank.is(b.into())),
                    ("w_addr", w_addr.clone()),
                    ("w_data", w_data.clone()),
                    ("r_even", even),
                    ("r_odd", odd),
                ];
                let bank = m.instance(&format!("bank_{c}_{b}"), &unit, &inputs);
                bank.out("r_data")
            })
            .collect();
        for r in 0..rows {
            let order: Vec<Expr> = (0..ROW_BANKS)
                .map(|b| banks[((b + r) % ROW_BANKS) as usize].clone())
                .collect();
            out.push(choose(&order, &bank_d, 1));
        }
    }
    let rows = m.delay("rows", &pack(&out), behind);
    m.output("m_rows", &rows);
    Rc::new(m)
}
