// SPDX-License-Identifier: MIT OR Apache-2.0
//! # sequencer — fetches the program's commands and starts the units on each
//! | port                 | dir | data          | note                                                       |
//! |----------------------|-----|---------------|------------------------------------------------------------|
//! | run                  | in  | 1             | run the program once; ignored while busy                   |
//! | done                 | in  | 1             | the writer has finished the command; not before its start  |
//! | p_addr / p_data      |     | program memory| `timing::near_read` later                                  |
//! | start                | out | 1             | the fields are valid from now to the next fetch            |
//! | busy finished        | out | 1             | a frame is running; one has finished                       |
//! | cycles               | out | 32            | cycles of the running or last frame                        |
//! | layer_done layer_index | out |             | a command ended; the index of the one at work              |
//! | (fields)             | out |               | one port per field of `spec::isa`, as wide as used         |
//!
//! Cycles of a command: one per fetched word, `timing::fetch`, then until `done`. Configurations that run ahead have the other
//! ports and cycles of `sequencer/ahead.rs`.

mod ahead;

use crate::rtl::{Expr, Module, cat, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits, command_bytes, command_words};
use sepstream_spec::timing::{self, fetch, near_read};
use sepstream_spec::width::bits;
use std::rc::Rc;

/// Bits of `layer_index`, whatever the program memory holds.
const INDEX_BITS: u32 = 16;
/// Bits of the count of a fetch's cycles that most configurations need.
const COUNT_BITS: u32 = 6;

/// Module of the sequencer, with its ports to host and program memory.
struct Base {
    m: Module,
    run: Expr,
    done: Expr,
    data: Expr,
    rst: Expr,
}

impl Base {
    fn new(config: &Config) -> Self {
        let mut m = Module::new(
            "sequencer",
            "Fetches the program's commands and starts the units on each.",
        );
        let run = m.input("run", 1);
        let done = m.input("done", 1);
        let data = m.input("p_data", config.word_bytes() * 8);
        let rst = m.unit_reset();
        Base {
            m,
            run,
            done,
            data,
            rst,
        }
    }
}

/// The sequencer.
pub fn sequencer(config: &Config) -> Rc<Module> {
    match config.runs_ahead() {
        false => in_turn(config),
        true => ahead::ahead(config),
    }
}

/// One command behind the other, all units at once.
fn in_turn(config: &Config) -> Rc<Module> {
    let Base {
        mut m,
        run,
        done,
        data,
        rst,
    } = Base::new(config);
    let word = config.word_bytes() * 8;
    let stride = command_bytes(config) * 8 / word;
    let address = address_bits(config.values().commands * stride);
    let stride_bits = stride.trailing_zeros();
    let words = command_words(config);

    let fetching = m.reg("fetching", 1);
    let working = m.reg("working", 1);
    let count_bits = bits(words + fetch(config)).max(COUNT_BITS);
    let count = m.reg("count", count_bits);
    // behind the last command it is the number of commands
    let index_bits = bits(config.values().commands).min(INDEX_BITS);
    let index = m.reg("index", index_bits);
    let cycles = m.reg("cycles_q", 32);
    let finished = m.reg("finished_q", 1);
    let busy = m.wire("busy_now", &(&fetching | &working));
    // known a cycle ahead: everything starts with it
    let fetched = m.reg("fetched", 1);
    let late = timing::fields(config);
    let before = &fetching & &count.is((words + fetch(config) - late - 2).into());

    let fields = fields(&mut m, config, &fetching, &count, &data);
    let last = last_of(&fields);

    m.note("Idle, fetching, working.");
    let layer_done = m.wire("layer_done_now", &(&working & &done));
    m.clocked(|s| {
        s.set(&fetched, &before);
        s.when(&busy, |s| s.set(&cycles, &(&cycles + &lit(1, 32))));
        s.when(&fetching, |s| {
            s.set(&count, &(&count + &lit(1, count_bits)))
        });
        s.when(&fetched, |s| {
            s.set(&fetching, &lit(0, 1));
            s.set(&working, &lit(1, 1));
        });
        s.when(&layer_done, |s| {
            s.set(&working, &lit(0, 1));
            s.set(&fetching, &!&last);
            s.set(&finished, &last);
            s.set(&count, &lit(0, count_bits));
            s.set(&index, &(&index + &lit(1, index_bits)));
        });
        s.when(&(&run & &!&busy), |s| {
            s.set(&fetching, &lit(1, 1));
            s.set(&finished, &lit(0, 1));
            s.set(&count, &lit(0, count_bits));
            s.set(&index, &lit(0, index_bits));
            s.set(&cycles, &lit(0, 32));
        });
        s.when(&rst, |s| {
            for reg in [&fetching, &fetched, &working, &finished] {
                s.set(reg, &lit(0, 1));
            }
        });
    });
    // a command begins at a multiple of its size, a power of two words; what is read behind its last word is not used
    let word = count.fit(stride_bits);
    let p_addr = match address - stride_bits {
        0 => word, // a memory of one command
        bits => cat(&[m.wire("command_at", &index.fit(bits)), word]),
    };
    m.output("p_addr", &p_addr);
    let start = m.delay("start", &fetched, late);
    m.output("start", &start);
    m.output("busy", &busy);
    m.output("finished", &finished);
    m.output("cycles", &cycles);
    m.output("layer_done", &layer_done);
    m.output("layer_index", &index.zext(INDEX_BITS));
    for (f, value) in fields {
        let value = m.delay(f.name(), &value, late);
        m.output(f.name(), &value);
    }
    Rc::new(m)
}

/// The fields that a configuration uses, each taken from the words that hold it as the fetch brings them.
fn fields(
    m: &mut Module,
    config: &Config,
    fetching: &Expr,
    count: &Expr,
    data: &Expr,
) -> Vec<(Field, Expr)> {
    let word = data.width();
    m.note("Fields, each taken from the words that hold it.");
    let mut fields: Vec<(Field, Expr)> = Vec::new();
    for f in Field::ALL.iter().filter(|f| f.used_bits(config) > 0) {
        let (low, high) = (f.offset(), f.offset() + f.used_bits(config));
        let mut parts = Vec::new();
        for w in low / word..=(high - 1) / word {
            let from = low.max(w * word);
            let to = high.min((w + 1) * word);
            let name = if parts.is_empty() {
                format!("{}_q", f.name())
            } else {
                format!("{}_q{w}", f.name())
            };
            let part = m.reg(&name, to - from);
            m.clocked(|s| {
                let here = fetching & &count.is((w + near_read(config)).into());
                s.when(&here, |s| {
                    s.set(&part, &data.slice(from - w * word, to - from))
                });
            });
            parts.insert(0, part);
        }
        fields.push((*f, cat(&parts)));
    }
    fields
}

/// The command is its program's last.
fn last_of(fields: &[(Field, Expr)]) -> Expr {
    let last = fields.iter().find(|(f, _)| *f == Field::Last);
    last.map_or(lit(1, 1), |(_, e)| e.clone())
}
