// SPDX-License-Identifier: MIT OR Apache-2.0
//! # fill — activation memory to line buffer, row by row
//! Reads the ifm's rows in order, one word per cycle, as soon as the line buffer has room for the row. Where the configuration
//! slices, `row_skip` words lie between two rows.
//! | port          | dir | data         | note                                                     |
//! |---------------|-----|--------------|----------------------------------------------------------|
//! | start         | in  | 1            | take the command's fields and begin, unless it expands   |
//! | released      | in  | rows         | rows that the window has left behind                     |
//! | hold          | in  | 1            | the read port is another's this cycle                    |
//! | rows_pending rows_written | in |   | where commands run ahead: see `row_gate`                 |
//! | r_port        | out | 1            | the port is ours, read or not, until the last row; where commands run ahead, only for a read |
//! | r_addr        | out | word address |                                                          |
//! | w_valid w_last | out | 1           | r_data goes to the line buffer this cycle; it ends a row |
//!
//! Throughput: 1 word per cycle while `row < released + line_rows`, a cycle later for a row that waits where commands run ahead. Latency: `timing::fill_row` from a row's last read to the row
//! counting as filled (`line_writer`). Invariant: a row is read only after `released` passed the one in its place.

use crate::counter::Counter;
use crate::row_gate::RowGate;
use crate::rtl::{Module, all, cat, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use sepstream_spec::timing;
use sepstream_spec::width::{map_bits, row_bits};
use std::rc::Rc;

/// The fill unit.
pub fn fill(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "fill",
        "Reads ifm rows out of the activation memory for the line buffer.",
    );
    let memory = address_bits(config.activation_words());
    let start = m.input("start", 1);
    let field = |m: &mut Module, f: Field| m.input(f.name(), f.used_bits(config));
    let in_base = field(&mut m, Field::InBase);
    let fill_rows = field(&mut m, Field::FillRows);
    let row_words = field(&mut m, Field::RowWords);
    let line_rows = field(&mut m, Field::LineRows);
    // the rows of an expanded map come from the pointwise array
    let reads = if config.expands() {
        !&field(&mut m, Field::ExpandRows).any()
    } else {
        lit(1, 1)
    };
    let released = m.input("released", map_bits(config));
    let hold = m.input("hold", 1);
    let gate = config.runs_ahead().then(|| RowGate::new(&mut m, config));
    let rst = m.unit_reset();

    // the row less those that the line buffer holds: its place is free once the window has left that one
    let number = row_bits(config);
    let place = m.reg("place", number);
    let word = Counter::new(&mut m, "word", &row_words);
    let rows = Counter::new(&mut m, "rows", &fill_rows);
    let row_first = m.reg("row_first", 1);
    let address = m.reg("address", memory);
    let active = m.reg("active", 1);
    // one word on, and at the end of a row past those that are left out: the one is the carry into the sum's lowest bit
    let next = if config.slices() {
        let skip = field(&mut m, Field::RowSkip);
        let skip = &skip & &word.last.repeat(skip.width());
        let carry = lit(1, 1);
        let sum = &cat(&[address.clone(), carry.clone()]) + &cat(&[skip.zext(memory), carry]);
        m.wire("address_nudged", &sum).slice(1, memory)
    } else {
        &address + &lit(1, memory)
    };
    m.note("A row begins when its slot is free; its other words follow without asking again.");
    let released = released.zext(number);
    let begins = match &gate {
        None => m.wire("room", &place.lt_s(&released)),
        Some(_) => m.reg("may_begin", 1),
    };
    let may = &!&row_first | &begins;
    let read = m.wire("read", &all(&[active.clone(), may, !&hold]));
    let row_end = m.wire("row_end", &(&read & &word.last));
    if let Some(gate) = &gate {
        // asked a cycle before, for whoever else wants the port is told in the cycle itself
        let next = m.wire("next_place", &(&place + &lit(1, number)));
        let room = row_end.mux(&next, &place).lt_s(&released);
        let there = gate.open(&mut m, &gate.next(&start, &row_end));
        // the first rows have places in any case
        m.clocked(|s| s.set(&begins, &(&there & &(&start | &room))));
    }
    m.clocked(|s| {
        for (tick, counter) in [(&read, &word), (&row_end, &rows)] {
            s.when(tick, |s| counter.tick(s));
        }
        s.when(&read, |s| {
            s.set(&row_first, &word.last);
            s.set(&address, &next);
        });
        s.when(&row_end, |s| {
            s.set(&place, &(&place + &lit(1, number)));
            s.when(&rows.last, |s| s.set(&active, &lit(0, 1)));
        });
        if let Some(gate) = &gate {
            gate.count(s, &start, &row_end);
        }
        s.when(&start, |s| {
            for counter in [&word, &rows] {
                counter.start(s);
            }
            s.set(&active, &reads);
            s.set(&place, &(&lit(0, number) - &line_rows.zext(number)));
            s.set(&row_first, &lit(1, 1));
            s.set(&address, &in_base);
        });
        s.when(&rst, |s| s.set(&active, &lit(0, 1)));
    });
    let port = match &gate {
        None => &active & &!&hold,
        Some(_) => read.clone(),
    };
    m.output("r_port", &port);
    m.output("r_addr", &address);

    let valid = m.delay("valid", &read, timing::activation_read(config));
    let last = m.delay("row_end", &row_end, timing::activation_read(config));
    m.output("w_valid", &valid);
    m.output("w_last", &last);
    Rc::new(m)
}
