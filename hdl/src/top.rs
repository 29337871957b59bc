// SPDX-License-Identifier: MIT OR Apache-2.0
//! # sepstream — the accelerator: instances and wires
//! Data path: activation memory, fill, line_buffer, columns, (depthwise, depthwise_requant | nothing), packer, pixel_buffer,
//! pointwise, pointwise_requant, packer (writer) or shared_requant, byte_writer, activation memory. docs/architecture.md follows one pixel through it.
//! | port            | note                                                                            |
//! |-----------------|---------------------------------------------------------------------------------|
//! | clk rst         | one clock; synchronous reset, active high, for `timing::RESET` cycles at least  |
//! | s_wb_*          | Wishbone registers, see `host`                                                  |
//! | s_axis_* m_axis_* | AXI4-Streams of one activation word                                           |
//! | layer_done layer_index | a command ended; its index                                               |
//! | irq             | a frame has finished; falls with the next start                                 |
//! | busy sending    | a frame is running; words are still to come on m_axis: bits of the status register |

mod array;
mod beats;
mod commands;
mod engine;
mod front;
mod outputs;
mod store;
mod tables;

use crate::rtl::{Expr, Instance, Module};
use crate::{host, sequencer};
use beats::Expanded;
use commands::Commands;
use outputs::Outputs;
use sepstream_spec::config::Config;
use sepstream_spec::regs::Memory;
use sepstream_spec::width::map_bits;
use std::rc::Rc;
use store::{Store, Written};
use tables::Tables;

/// Name of the unit for pixel `p` of a batch of `tp`.
fn of_pixel(name: &str, p: u32, tp: u32) -> String {
    match tp {
        1 => name.to_string(),
        _ => format!("{name}_{p}"),
    }
}

/// Name of the accelerator's module.
pub const NAME: &str = "sepstream";

/// Signals that go round: read by units in front of the one that drives them.
struct Loops {
    done: Expr,
    program_data: Expr,
    activation_data: Expr,
    writer_valid: Expr,
    /// Rows that the window has left.
    released: Expr,
    pixel_done: Expr,
    run: Expr,
    /// The activation memory's read port is not for those who read rows.
    hold: Expr,
    expanded: Option<Expanded>,
    ahead: Option<Ahead>,
}

/// More of them, where commands run ahead.
struct Ahead {
    rows_filled: Expr,
    pixels_taken: Expr,
    /// Rows of the ofm that are written.
    rows_written: Expr,
}

impl Loops {
    fn new(m: &mut Module, config: &Config) -> Self {
        let word = config.word_bytes();
        m.note("Signals that go round.");
        Loops {
            done: m.forward("done", 1),
            program_data: m.forward("program_data", word * 8),
            activation_data: m.forward("activation_data", word * 8),
            writer_valid: m.forward("writer_valid", 1),
            released: m.forward("released", map_bits(config)),
            pixel_done: m.forward("pixel_done", 1),
            run: m.forward("run", 1),
            hold: m.forward("hold", 1),
            expanded: config.expands().then(|| Expanded {
                valid: m.forward("expanded_valid", 1),
                row_last: m.forward("expanded_row_last", 1),
                data: m.forward("expanded_data", word * 8),
            }),
            ahead: config.runs_ahead().then(|| Ahead {
                rows_filled: m.forward("rows_filled", 1),
                pixels_taken: m.forward("pixels_taken", 1),
                rows_written: m.forward("rows_written", map_bits(config)),
            }),
        }
    }
    /// The sequencer.
    fn commands(&self, m: &mut Module, config: &Config) -> Commands {
        let mut inputs = vec![
            ("run", self.run.clone()),
            ("done", self.done.clone()),
            ("p_data", self.program_data.clone()),
        ];
        if let Some(ahead) = &self.ahead {
            inputs.push(("rows_filled", ahead.rows_filled.clone()));
            inputs.push(("pixels_taken", ahead.pixels_taken.clone()));
        }
        let seq = m.instance("sequencer", &sequencer::sequencer(config), &inputs);
        Commands::new(seq, config)
    }
}

/// The accelerator.
pub fn top(config: &Config) -> Rc<Module> {
    let mut m = Module::new(NAME, "The accelerator: instances and wires.");
    m.group("s_wb_", "Registers: Wishbone");
    m.group("s_axis_", "Programs and maps that come in: AXI4-Stream");
    m.group("m_axis_", "Maps that go out: AXI4-Stream");
    let loops = Loops::new(&mut m, config);
    let commands = loops.commands(&mut m, config);

    let front = front::Front::join(&mut m, config, &commands, &loops);
    let engine = engine::Engine::join(&mut m, config, &commands, &front);
    let array = array::Array::join(&mut m, config, &commands, &loops, &engine.pixels);
    let pw_tables = Tables::new(&mut m, config, Memory::PwTable, "pointwise_table");
    let joined = Outputs {
        config,
        commands: &commands,
        loops: &loops,
        arrays: &array.arrays,
        pw_param: &array.param,
        tables: pw_tables.as_ref(),
    }
    .join(&mut m);

    // at most one of them has the port in a cycle
    let mut readers = vec![(front.fill.out("r_port"), front.fill.out("r_addr"))];
    readers.extend(joined.residual_read.clone());
    let expand = array.expand.as_ref();
    readers.extend(expand.map(|e| (e.out("r_valid"), e.out("r_addr"))));
    let read_taken = readers
        .iter()
        .skip(1)
        .fold(readers[0].0.clone(), |any, (valid, _)| &any | valid);
    let host = host_side(&mut m, config, &commands, &loops, read_taken);

    let store = Store::new(&mut m, config, &host);
    let read_addr = readers
        .iter()
        .rev()
        .fold(host.out("a_addr"), |other, (valid, addr)| {
            valid.mux(addr, &other)
        });
    let written = Written {
        valid: &loops.writer_valid,
        bytes: joined.bytes.as_ref(),
        addr: &joined.addr,
        data: &joined.data,
    };
    let activation = store.shared(&mut m, "activation_memory", &written, read_addr);
    let mut loaded = |memory, name, read| store.loaded(&mut m, memory, name, read);
    let program = loaded(Memory::Program, "program_memory", commands.out("p_addr"));
    let weights = loaded(Memory::Weight, "weight_memory", array.control.out("w_addr"));
    let dw_weights = loaded(
        Memory::DwWeight,
        "depthwise_memory",
        engine.depthwise.out("w_addr"),
    );
    let pw_params = loaded(Memory::PwParam, "pointwise_params", joined.p_addr);
    let dw_params = loaded(
        Memory::DwParam,
        "depthwise_params",
        engine.requant.out("p_addr"),
    );
    for (tables, name) in [
        (&pw_tables, "pointwise_table"),
        (&engine.tables, "depthwise_table"),
    ] {
        if let Some(tables) = tables {
            tables.load(&mut m, &store, name);
        }
    }
    for (wire, instance) in [
        (&loops.activation_data, activation),
        (&loops.program_data, program),
        (&array.weight, weights),
        (&engine.weight, dw_weights),
        (&array.param, pw_params),
        (&engine.param, dw_params),
    ] {
        m.drive(wire, &instance.out("r_data"));
    }
    outputs_of_all(&mut m, &commands, &host);
    Rc::new(m)
}

/// The host's block, with the ports of the accelerator.
fn host_side(
    m: &mut Module,
    config: &Config,
    commands: &Commands,
    loops: &Loops,
    read_taken: Expr,
) -> Instance {
    m.note("Host side and the memories that it fills.");
    let ports = [
        "s_wb_cyc",
        "s_wb_stb",
        "s_wb_we",
        "s_axis_tvalid",
        "s_axis_tlast",
        "m_axis_tready",
    ]
    .map(|name| (name, m.input(name, 1)));
    let wide = [
        ("s_wb_adr", 8),
        ("s_wb_dat_w", 32),
        ("s_axis_tdata", config.word_bytes() * 8),
    ]
    .map(|(name, w)| (name, m.input(name, w)));
    let mut inputs = ports.to_vec();
    inputs.extend(wide);
    inputs.extend([
        ("busy_port", loops.writer_valid.clone()),
        ("read_taken", read_taken),
        ("a_data", loops.activation_data.clone()),
    ]);
    let state = ["busy", "finished", "cycles", "layer_index"];
    inputs.extend(state.map(|port| (port, commands.out(port))));
    let host = m.instance("host", &host::host(config), &inputs);
    m.drive(&loops.run, &host.out("run"));
    host
}

/// Outputs of the accelerator.
fn outputs_of_all(m: &mut Module, commands: &Commands, host: &Instance) {
    for name in [
        "s_wb_ack",
        "s_wb_dat_r",
        "s_axis_tready",
        "m_axis_tdata",
        "m_axis_tvalid",
        "m_axis_tlast",
    ] {
        m.output(name, &host.out(name));
    }
    for (name, port) in [
        ("layer_done", "layer_done"),
        ("layer_index", "layer_index"),
        ("irq", "finished"),
        ("busy", "busy"),
    ] {
        m.output(name, &commands.out(port));
    }
    m.output("sending", &host.out("sending"));
}
