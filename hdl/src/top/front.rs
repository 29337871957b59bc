// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the activation memory to the bytes of windows.

use super::Loops;
use super::commands::Commands;
use crate::rtl::{Expr, Instance, Module, lit};
use crate::{columns, fill, line_buffer, line_writer, merge, window};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, Part};
use std::rc::Rc;

/// What the units behind look at.
pub(super) struct Front {
    pub(super) fill: Instance,
    pub(super) window: Instance,
    pub(super) columns: Instance,
    /// Bytes of a gather command's run, and the place of the first.
    pub(super) runs: Expr,
    pub(super) run_first: Expr,
}

impl Front {
    pub(super) fn join(
        m: &mut Module,
        config: &Config,
        commands: &Commands,
        loops: &Loops,
    ) -> Self {
        m.note("Activation memory to windows.");
        // rows of a command whose windows have not begun have all their places free
        let mut rows_released = loops.released.clone();
        let mut gate = Vec::new();
        if let Some(ahead) = &loops.ahead {
            let not_yet = &commands.out("rows_ahead") | &commands.start(Part::Pixels);
            let none = lit(0, rows_released.width());
            rows_released = m.wire("rows_released", &not_yet.mux(&none, &rows_released));
            gate.push(("rows_pending", commands.out("rows_pending")));
            gate.push(("rows_written", ahead.rows_written.clone()));
        }
        let unit = fill::fill(config);
        let mut inputs = vec![("released", rows_released), ("hold", loops.hold.clone())];
        inputs.extend(gate);
        let inputs = commands.with_fields(Part::Rows, &unit, &inputs);
        let fill = m.instance("fill", &unit, &inputs);
        let line = line(m, commands, loops, &fill);
        let unit = line_writer::line_writer(config);
        let inputs = [("s_valid", line[0].clone()), ("s_last", line[1].clone())];
        let inputs = commands.with_fields(Part::Rows, &unit, &inputs);
        let writer = m.instance("line_writer", &unit, &inputs);
        let window = window_unit(m, config, commands, loops, &writer);
        let lines = m.instance(
            "line_buffer",
            &line_buffer::line_buffer(config),
            &[
                ("w_valid", line[0].clone()),
                ("w_bank", writer.out("w_bank")),
                ("w_addr", writer.out("w_addr")),
                ("w_data", line[2].clone()),
                ("r_byte", window.out("r_byte")),
                ("r_bank", window.out("r_bank")),
                ("r_slot", window.out("r_slot")),
                ("r_slot_next", window.out("r_slot_next")),
            ],
        );
        let columns = columns_unit(m, config, commands, &window, &lines);
        let (runs, run_first) = runs(m, config, commands, &window, &lines, &columns);
        Front {
            fill,
            window,
            columns,
            runs,
            run_first,
        }
    }
}

/// Words for the line buffer: valid, last of its row, data; out of the activation memory, or made by an expanding layer.
fn line(m: &mut Module, commands: &Commands, loops: &Loops, fill: &Instance) -> [Expr; 3] {
    let read = [
        fill.out("w_valid"),
        fill.out("w_last"),
        loops.activation_data.clone(),
    ];
    match &loops.expanded {
        None => read,
        Some(e) => {
            let rows = commands.field(Part::Rows, Field::ExpandRows);
            let expands = m.wire("expands", &rows.any());
            let made = [&e.valid, &e.row_last, &e.data];
            std::array::from_fn(|i| expands.mux(made[i], &read[i]))
        }
    }
}

fn window_unit(
    m: &mut Module,
    config: &Config,
    commands: &Commands,
    loops: &Loops,
    writer: &Instance,
) -> Instance {
    let unit = window::window(config);
    let mut all_filled = writer.out("all_filled");
    if let Some(ahead) = &loops.ahead {
        m.drive(&ahead.rows_filled, &all_filled);
        all_filled = &all_filled | &commands.out("rows_ahead");
    }
    let inputs = [
        ("filled", writer.out("filled")),
        ("all_filled", all_filled),
        ("pixel_done", loops.pixel_done.clone()),
    ];
    let inputs = commands.with_fields(Part::Pixels, &unit, &inputs);
    let window = m.instance("window", &unit, &inputs);
    m.drive(&loops.released, &window.out("released"));
    window
}

fn columns_unit(
    m: &mut Module,
    config: &Config,
    commands: &Commands,
    window: &Instance,
    lines: &Instance,
) -> Instance {
    let pad_value = commands.field(Part::Pixels, Field::PadValue);
    let mut inputs = vec![
        ("s_rows", lines.out("m_rows")),
        ("r_byte", window.out("r_byte")),
        ("r_row_ok", window.out("r_row_ok")),
        ("r_column_ok", window.out("r_column_ok")),
        ("pad_value", pad_value),
    ];
    if !config.merges() {
        inputs.push(("run_pad", window.out("run_pad")));
    }
    m.instance("columns", &columns::columns(config), &inputs)
}

/// Bytes of the runs of gather commands, and the place of the first.
fn runs(
    m: &mut Module,
    config: &Config,
    commands: &Commands,
    window: &Instance,
    lines: &Instance,
    columns: &Instance,
) -> (Expr, Expr) {
    let word = config.word_bytes();
    let place = word.trailing_zeros();
    let at = window.out("r_byte").low(place);
    if !config.merges() {
        return (columns.out("m_run"), at);
    }
    let first = m.wire("run_place", &(&at + &window.out("run_skip").fit(place)));
    let unit: Rc<Module> = merge::merge(config);
    let run_bytes = commands.field(Part::Pixels, Field::RunBytes);
    let mut inputs = vec![
        ("s_rows", lines.out("m_rows").low(3 * word * 8)),
        ("run_at", at),
        ("run_first", first.clone()),
        ("run_bytes", run_bytes.low(merge::run_bits(config))),
    ];
    let same = ["run_skip", "run_pre", "run_data", "run_pad", "r_row_ok"];
    inputs.extend(same.map(|port| (port, window.out(port))));
    let inputs = commands.with_fields(Part::Pixels, &unit, &inputs);
    let runs = m.instance("merge", &unit, &inputs).out("m_run");
    (runs, first)
}
