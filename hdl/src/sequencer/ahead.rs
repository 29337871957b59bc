// SPDX-License-Identifier: MIT OR Apache-2.0
//! # sequencer of configurations that run ahead — begins the parts of the next command as soon as they are free
//! The next command is fetched into registers of its own while one is at work. Each `spec::isa::Part` copies its fields from them
//! when it begins; when all parts have begun, the command behind is fetched.
//!
//! | port                 | dir | data | note                                                                            |
//! |----------------------|-----|------|---------------------------------------------------------------------------------|
//! | run done p_addr p_data busy finished cycles layer_done layer_index | | | as in `sequencer`                        |
//! | rows_filled          | in  | 1    | all rows of the command that the rows are at lie in the line buffer             |
//! | pixels_taken         | in  | 1    | the array makes its last step for the last own pixel of a command               |
//! | (part)_start         | out | 1    | the part begins: its fields are valid from now to its next start                |
//! | (part)_(field)       | out |      | one port per part and field of it, as wide as used                              |
//! | rows_ahead           | out | 1    | the rows are at a command whose pixels have not begun                           |
//! | rows_pending         | out | 1    | the command in front of the one that the rows are at is still at work           |
//! | turn                 | out | 1    | 1 in every second cycle: the read port's turn of those who read rows            |
//!
//! A part begins a cycle after it may (`sim::model`'s schedule says when that is). Invariants: parts begin a command in the order
//! of `Part::ALL`; no part is more than one command ahead of the outputs.

use super::{Base, INDEX_BITS, fields, last_of};
use crate::rtl::{Expr, Module, all, cat, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, Part, address_bits, command_bytes, command_words};
use sepstream_spec::timing::near_read;
use sepstream_spec::width::bits;
use std::rc::Rc;

/// The fetch of the next command.
struct Fetch {
    fetching: Expr,
    count: Expr,
    /// Index of the command.
    at: Expr,
    /// All its fields are there.
    got: Expr,
}

impl Fetch {
    fn new(m: &mut Module, config: &Config) -> Self {
        let cycles = command_words(config) + near_read(config);
        Fetch {
            fetching: m.reg("fetching", 1),
            count: m.reg("count", bits(cycles)),
            at: m.reg("fetch_at", bits(config.values().commands).min(INDEX_BITS)),
            got: m.reg("got", 1),
        }
    }
    /// Its registers; `run` fetches the first command, `taken` the one behind.
    fn clocked(&self, m: &mut Module, config: &Config, [run, taken, last, rst]: [&Expr; 4]) {
        let end = command_words(config) + near_read(config) - 1;
        let ends = &self.fetching & &self.count.is(end.into());
        let ends = m.wire("fetch_ends", &ends);
        let zero = |reg: &Expr| lit(0, reg.width());
        let next = |reg: &Expr| reg + &lit(1, reg.width());
        m.clocked(|s| {
            s.set(&self.count, &next(&self.count));
            s.when(&ends, |s| {
                s.set(&self.fetching, &lit(0, 1));
                s.set(&self.got, &lit(1, 1));
            });
            s.when(taken, |s| {
                s.set(&self.fetching, &!last);
                s.set(&self.count, &zero(&self.count));
                s.set(&self.got, &lit(0, 1));
                s.set(&self.at, &next(&self.at));
            });
            s.when(run, |s| {
                s.set(&self.fetching, &lit(1, 1));
                s.set(&self.count, &zero(&self.count));
                s.set(&self.at, &zero(&self.at));
            });
            s.when(rst, |s| {
                s.set(&self.fetching, &lit(0, 1));
                s.set(&self.got, &lit(0, 1));
            });
        });
    }
    /// Address of the word: a command begins at a power of two of them.
    fn address(&self, m: &mut Module, config: &Config) -> Expr {
        let stride = command_bytes(config) / config.word_bytes();
        let address = address_bits(config.values().commands * stride);
        let word = self.count.fit(stride.trailing_zeros());
        match address - stride.trailing_zeros() {
            0 => word, // a memory of one command
            bits => cat(&[m.wire("command_at", &self.at.fit(bits)), word]),
        }
    }
}

/// What is known of the commands at work.
struct Work {
    /// Parts that have begun the fetched command, but for the last, with which the next one is fetched.
    begun: [Expr; 2],
    /// Rows of a command of this run have begun.
    any_rows: Expr,
    /// The array has own pixels left of the command whose pixels have begun.
    pixels_left: Expr,
    /// A command's outputs have begun and are not all written.
    working: Expr,
    /// The command in front of the one that the rows are at is one of these.
    pending: Expr,
}

/// The sequencer of a configuration that runs ahead.
pub(super) fn ahead(config: &Config) -> Rc<Module> {
    let Base {
        mut m,
        run,
        done,
        data,
        rst,
    } = Base::new(config);
    let filled = m.input("rows_filled", 1);
    let taken = m.input("pixels_taken", 1);
    let running = m.reg("running", 1);
    let first = m.wire("first", &(&run & &!&running));
    let fetch = Fetch::new(&mut m, config);
    let fields = fields(&mut m, config, &fetch.fetching, &fetch.count, &data);
    let last = last_of(&fields);
    let work = Work {
        begun: ["rows_begun", "pixels_begun"].map(|name| m.reg(name, 1)),
        any_rows: m.reg("any_rows", 1),
        pixels_left: m.reg("pixels_left", 1),
        working: m.reg("working", 1),
        pending: m.reg("pending", 1),
    };

    m.note("Which parts begin, a cycle before they do.");
    let layer_done = m.wire("layer_done_now", &(&work.working & &done));
    let early = fields.iter().find(|(f, _)| *f == Field::RowsEarly);
    let early = early.map_or(lit(0, 1), |(_, e)| e.clone());
    let may = [
        all(&[
            !&work.begun[0],
            &!&work.any_rows | &filled,
            &early | &!&work.pixels_left,
        ]),
        all(&[work.begun[0].clone(), !&work.begun[1], !&work.pixels_left]),
        all(&[work.begun[1].clone(), &!&work.working | &done]),
    ];
    let names = Part::ALL.map(Part::name);
    let begins: [Expr; 3] =
        std::array::from_fn(|n| m.wire(&format!("{}_begin", names[n]), &(&fetch.got & &may[n])));
    fetch.clocked(&mut m, config, [&first, &begins[2], &last, &rst]);
    work.clocked(&mut m, &first, &begins, &taken, &layer_done, &rst);

    m.note("The frame.");
    let index_bits = fetch.at.width();
    let index = m.reg("index", index_bits);
    let cycles = m.reg("cycles_q", 32);
    let [finished, at_last] = ["finished_q", "at_last"].map(|name| m.reg(name, 1));
    m.clocked(|s| {
        s.when(&running, |s| s.set(&cycles, &(&cycles + &lit(1, 32))));
        s.when(&layer_done, |s| {
            s.set(&running, &!&at_last);
            s.set(&finished, &at_last);
            s.set(&index, &(&index + &lit(1, index_bits)));
        });
        s.when(&begins[2], |s| s.set(&at_last, &last));
        s.when(&first, |s| {
            s.set(&running, &lit(1, 1));
            s.set(&finished, &lit(0, 1));
            s.set(&index, &lit(0, index_bits));
            s.set(&cycles, &lit(0, 32));
        });
        s.when(&rst, |s| {
            for reg in [&running, &finished] {
                s.set(reg, &lit(0, 1));
            }
        });
    });
    let address = fetch.address(&mut m, config);
    for (name, value) in [
        ("p_addr", address),
        ("busy", running),
        ("finished", finished),
        ("layer_done", layer_done),
        ("layer_index", index.zext(INDEX_BITS)),
        ("turn", cycles.bit(0)),
        ("cycles", cycles),
        ("rows_ahead", &work.begun[0] & &!&work.begun[1]),
        ("rows_pending", work.pending.clone()),
    ] {
        m.output(name, &value);
    }
    for (part, begins) in Part::ALL.into_iter().zip(&begins) {
        copies(&mut m, part, begins, &fields);
    }
    Rc::new(m)
}

impl Work {
    fn clocked(
        &self,
        m: &mut Module,
        first: &Expr,
        begins: &[Expr; 3],
        taken: &Expr,
        layer_done: &Expr,
        rst: &Expr,
    ) {
        let [rows, pixels, outputs] = begins;
        m.clocked(|s| {
            s.when(rows, |s| {
                s.set(&self.begun[0], &lit(1, 1));
                s.set(&self.any_rows, &lit(1, 1));
            });
            s.when(pixels, |s| s.set(&self.begun[1], &lit(1, 1)));
            s.when(outputs, |s| {
                self.begun.iter().for_each(|reg| s.set(reg, &lit(0, 1)));
            });
            s.when(taken, |s| s.set(&self.pixels_left, &lit(0, 1)));
            s.when(pixels, |s| s.set(&self.pixels_left, &lit(1, 1)));
            s.when(rows, |s| s.set(&self.pending, &self.working));
            s.when(layer_done, |s| {
                s.set(&self.working, &lit(0, 1));
                s.set(&self.pending, &lit(0, 1));
            });
            s.when(outputs, |s| s.set(&self.working, &lit(1, 1)));
            s.when(first, |s| s.set(&self.any_rows, &lit(0, 1)));
            s.when(rst, |s| {
                for reg in [
                    &self.begun[0],
                    &self.begun[1],
                    &self.pixels_left,
                    &self.working,
                ] {
                    s.set(reg, &lit(0, 1));
                }
            });
        });
    }
}

/// The fields of a part, from its start on.
fn copies(m: &mut Module, part: Part, begins: &Expr, fields: &[(Field, Expr)]) {
    let start = m.pipe(&format!("{}_start_q", part.name()), begins);
    m.output(&format!("{}_start", part.name()), &start);
    for (field, value) in fields.iter().filter(|(field, _)| field.is_of(part)) {
        let name = format!("{}_{}", part.name(), field.name());
        let copy = m.reg(&format!("{name}_q"), value.width());
        m.clocked(|s| s.when(begins, |s| s.set(&copy, value)));
        m.output(&name, &copy);
    }
}
