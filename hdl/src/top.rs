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

mod beats;
mod outputs;
mod store;
mod tables;

use crate::rtl::{Expr, Instance, Module, lit, pack};
use crate::{
    columns, depthwise, expand, fill, host, line_buffer, line_writer, merge, packer, pixel_buffer,
    pointwise, pointwise_control, post::requant, sequencer, window,
};
use beats::Expanded;
use outputs::Outputs;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use sepstream_spec::regs::Memory;
use sepstream_spec::timing;
use sepstream_spec::width::{depthwise_sum_bits, map_bits};
use std::rc::Rc;
use store::{Store, Written};
use tables::Tables;

/// Inputs of a unit: those given, the fields that it has ports for, and the start pulse.
fn with_fields(
    seq: &Instance,
    start: &Expr,
    module: &Module,
    inputs: &[(&'static str, Expr)],
) -> Vec<(&'static str, Expr)> {
    let mut all = inputs.to_vec();
    for f in Field::ALL {
        let open = module.ports().iter().any(|p| p.name == f.name())
            && !inputs.iter().any(|(n, _)| *n == f.name());
        if open {
            all.push((f.name(), seq.out(f.name())));
        }
    }
    if module.ports().iter().any(|p| p.name == "start") {
        all.push(("start", start.clone()));
    }
    all
}

/// Name of the unit for pixel `p` of a batch of `tp`.
fn of_pixel(name: &str, p: u32, tp: u32) -> String {
    match tp {
        1 => name.to_string(),
        _ => format!("{name}_{p}"),
    }
}

/// Name of the accelerator's module.
pub const NAME: &str = "sepstream";

/// The accelerator.
pub fn top(config: &Config) -> Rc<Module> {
    let v = config.values();
    let word = config.word_bytes();
    let mut m = Module::new(NAME, "The accelerator: instances and wires.");
    m.group("s_wb_", "Registers: Wishbone");
    m.group("s_axis_", "Programs and maps that come in: AXI4-Stream");
    m.group("m_axis_", "Maps that go out: AXI4-Stream");

    m.note("Signals that go round.");
    let done = m.forward("done", 1);
    let program_data = m.forward("program_data", word * 8);
    let activation_data = m.forward("activation_data", word * 8);
    let writer_valid = m.forward("writer_valid", 1);
    let released = m.forward("released", map_bits(config));
    let pixel_done = m.forward("pixel_done", 1);
    let run = m.forward("run", 1);
    let hold = m.forward("hold", 1);
    let expanded = config.expands().then(|| Expanded {
        valid: m.forward("expanded_valid", 1),
        row_last: m.forward("expanded_row_last", 1),
        data: m.forward("expanded_data", word * 8),
    });

    let seq = m.instance(
        "sequencer",
        &sequencer::sequencer(config),
        &[
            ("run", run.clone()),
            ("done", done.clone()),
            ("p_data", program_data.clone()),
        ],
    );
    let start = seq.out("start");
    let with_fields = |module: &Rc<Module>, inputs: &[(&'static str, Expr)]| {
        with_fields(&seq, &start, module, inputs)
    };

    m.note("Activation memory to windows.");
    let unit = fill::fill(config);
    let fill = m.instance(
        "fill",
        &unit,
        &with_fields(
            &unit,
            &[("released", released.clone()), ("hold", hold.clone())],
        ),
    );
    let [line_valid, line_last, line_data] = {
        let read = [
            fill.out("w_valid"),
            fill.out("w_last"),
            activation_data.clone(),
        ];
        match &expanded {
            None => read,
            Some(e) => {
                let expands = m.wire("expands", &seq.out(Field::ExpandRows.name()).any());
                let made = [&e.valid, &e.row_last, &e.data];
                std::array::from_fn(|i| expands.mux(made[i], &read[i]))
            }
        }
    };
    let unit = line_writer::line_writer(config);
    let writer = m.instance(
        "line_writer",
        &unit,
        &with_fields(
            &unit,
            &[("s_valid", line_valid.clone()), ("s_last", line_last)],
        ),
    );
    let unit = window::window(config);
    let window = m.instance(
        "window",
        &unit,
        &with_fields(
            &unit,
            &[
                ("filled", writer.out("filled")),
                ("all_filled", writer.out("all_filled")),
                ("pixel_done", pixel_done.clone()),
            ],
        ),
    );
    m.drive(&released, &window.out("released"));
    let lines = m.instance(
        "line_buffer",
        &line_buffer::line_buffer(config),
        &[
            ("w_valid", line_valid),
            ("w_bank", writer.out("w_bank")),
            ("w_addr", writer.out("w_addr")),
            ("w_data", line_data),
            ("r_byte", window.out("r_byte")),
            ("r_bank", window.out("r_bank")),
            ("r_slot", window.out("r_slot")),
            ("r_slot_next", window.out("r_slot_next")),
        ],
    );
    let mut inputs = vec![
        ("s_rows", lines.out("m_rows")),
        ("r_byte", window.out("r_byte")),
        ("r_row_ok", window.out("r_row_ok")),
        ("r_column_ok", window.out("r_column_ok")),
        ("pad_value", seq.out("pad_value")),
    ];
    if !config.merges() {
        inputs.push(("run_pad", window.out("run_pad")));
    }
    let columns = m.instance("columns", &columns::columns(config), &inputs);
    let place = word.trailing_zeros();
    let mut run_first = window.out("r_byte").low(place);
    let runs = if config.merges() {
        let at = run_first.clone();
        run_first = m.wire("run_place", &(&at + &window.out("run_skip").fit(place)));
        let unit = merge::merge(config);
        let run_bytes = seq.out(Field::RunBytes.name());
        let mut inputs = vec![
            ("s_rows", lines.out("m_rows").low(3 * word * 8)),
            ("run_at", at),
            ("run_first", run_first.clone()),
            ("run_bytes", run_bytes.low(merge::run_bits(config))),
        ];
        let same = ["run_skip", "run_pre", "run_data", "run_pad", "r_row_ok"];
        inputs.extend(same.map(|port| (port, window.out(port))));
        m.instance("merge", &unit, &with_fields(&unit, &inputs))
            .out("m_run")
    } else {
        columns.out("m_run")
    };

    m.note("Depthwise engine.");
    let dw_weight = m.forward("dw_weight", v.lanes * v.taps * 8);
    let dw_param = m.forward("dw_param", Memory::DwParam.shape(config).bytes * 8);
    let unit = depthwise::depthwise(config);
    let dw = m.instance(
        "depthwise",
        &unit,
        &with_fields(
            &unit,
            &[
                ("dw_valid", window.out("dw_valid")),
                ("dw_first", window.out("dw_first")),
                ("dw_last", window.out("dw_last")),
                ("dw_pixel_last", window.out("dw_pixel_last")),
                ("s_taps", columns.out("m_taps")),
                ("w_data", dw_weight.clone()),
            ],
        ),
    );
    let dw_requant = requant::requant(
        "depthwise_requant",
        requant::Shape {
            channels: v.lanes,
            lanes: v.dw_requant,
            acc_bits: depthwise_sum_bits(config),
            sum_bits: v.dw_sum_bits,
            cycles: v.dw_requant_cycles,
            either: false,
            param_words: config.dw_param_words(),
            byte_bits: Field::DwBytes.used_bits(config),
            tag: 1,
            contexts: false,
            early: true,
            spread: timing::spread(config),
        },
    );
    let dw_out = m.instance(
        "depthwise_requant",
        &dw_requant,
        &[
            ("s_sum", dw.out("m_sum")),
            ("s_valid", dw.out("m_valid")),
            ("s_last", dw.out("m_last")),
            ("s_tag", lit(1, 1)),
            ("param_base", seq.out("dw_param_base")),
            ("pixel_bytes", seq.out("dw_bytes")),
            ("start", start.clone()),
            ("zero", seq.out("dw_zero")),
            ("low", seq.out("dw_low")),
            ("high", seq.out("dw_high")),
            ("p_data", dw_param.clone()),
        ],
    );

    let dw_tables = Tables::new(&mut m, config, Memory::DwTable, "depthwise_table");
    let [dw_data, dw_valid, dw_count, dw_last] =
        ["m_data", "m_valid", "m_count", "m_tag"].map(|port| dw_out.out(port));
    let (dw_data, [dw_valid, dw_count, dw_last]) = match &dw_tables {
        None => (dw_data, [dw_valid, dw_count, dw_last]),
        Some(tables) => {
            let number = seq.out(Field::DwTable.name());
            let along = [&dw_valid, &dw_count, &dw_last];
            tables.look_up(&mut m, "depthwise_table", &number, &dw_data, along)
        }
    };

    m.note("Pixels: depthwise outputs or runs of the line buffer, packed into words of tn bytes.");
    let behind = timing::window_bytes(config) - 1;
    let gather = seq.out("gather");
    let count_bits = packer::bits_for(v.tn);
    // of which sort they are is asked a cycle before they come
    let [pixel_valid, pixel_count, pixel_last] = [
        ("valid", dw_valid),
        ("count", dw_count.zext(count_bits)),
        ("last", dw_last),
    ]
    .map(|(name, of_depthwise)| {
        let port = format!("run_{name}");
        let of_run = m.delay(&port, &window.out(&port), behind - 1);
        m.pipe(
            &format!("pixel_{name}"),
            &gather.mux(&of_run, &of_depthwise),
        )
    });
    let run_first = m.delay("run_first", &run_first, behind);
    let pixels = m.instance(
        "pixel_packer",
        &packer::packer(word, v.tn),
        &[
            ("s_data", gather.mux(&runs, &dw_data.zext(word * 8))),
            (
                "s_first",
                gather.mux(&run_first, &lit(0, word.trailing_zeros())),
            ),
            ("s_count", pixel_count),
            ("s_last", pixel_last),
            ("s_tag", lit(1, 1)),
            ("s_valid", pixel_valid),
        ],
    );

    m.note("Pointwise array.");
    let weight = m.forward("weight", v.tm * v.tn * 8);
    let pw_param = m.forward("pw_param", Memory::PwParam.shape(config).bytes * 8);
    let unit = pixel_buffer::pixel_buffer("pixel_buffer", v.pixel_words, config);
    let pixel_address = m.forward("pixel_address", address_bits(v.pixel_words));
    let mut inputs = vec![
        ("s_data", pixels.out("m_data")),
        ("s_valid", pixels.out("m_valid")),
        ("s_last", pixels.out("m_tag")),
        ("r_addr", pixel_address.clone()),
    ];
    if v.tp > 1 {
        inputs.push(("cols", seq.out("out_cols")));
    }
    // as long as the weights are on their way
    let (late_address, late_data) = match timing::far(config, Memory::Weight) {
        true => (timing::FAR_ADDRESS, timing::FAR_DATA),
        false => (0, 0),
    };
    let buffer = m.instance("pixel_buffer", &unit, &with_fields(&unit, &inputs));
    let expand = config.expands().then(|| {
        let pixel_done = m.forward("expand_done", 1);
        let address = m.forward("expand_address", address_bits(v.expand_words));
        let unit = expand::expand(config);
        let inputs = [
            ("hold", hold.clone()),
            ("pixel_done", pixel_done.clone()),
            ("r_data", activation_data.clone()),
            ("p_addr", address.clone()),
        ];
        let expand = m.instance("expand", &unit, &with_fields(&unit, &inputs));
        (expand, pixel_done, address)
    });
    let unit = pointwise_control::pointwise_control(config);
    let mut inputs = vec![("pixel", buffer.out("pixel"))];
    if let Some((expand, ..)) = &expand {
        inputs.push(("expand_pixel", expand.out("pixel")));
        inputs.push(("released", released.clone()));
    }
    let control = m.instance("pointwise_control", &unit, &with_fields(&unit, &inputs));
    let address = m.delay("pixel_address", &control.out("p_addr"), late_address);
    m.drive(&pixel_address, &address);
    m.drive(&pixel_done, &control.out("pixel_done"));
    // whoever puts pixels in order counts their rows
    let rows = u32::from(v.tp == 1);
    let mut tags = ["row_last", "command_last", "group_last"][1 - rows as usize..]
        .iter()
        .map(|port| control.out(port))
        .collect::<Vec<_>>();
    let mut pixel = buffer.out("r_data");
    if let Some((expand, pixel_done, address)) = &expand {
        m.drive(pixel_done, &control.out("expand_done"));
        let late = m.delay("expand_address", &control.out("expand_addr"), late_address);
        m.drive(address, &late);
        let of_expand = control.out("of_expand");
        let read = m.delay(
            "of_expand",
            &of_expand,
            timing::pixel_read(config) - late_data,
        );
        pixel = m.wire("pixels_read", &read.mux(&expand.out("p_data"), &pixel));
        tags.push(of_expand);
    }
    let pixel = m.delay("pixels", &pixel, late_data);
    // one for each pixel of a batch, in step
    let arrays: Vec<Instance> = (0..v.tp)
        .map(|p| {
            m.instance(
                &of_pixel("pointwise", p, v.tp),
                &pointwise::pointwise(config, tags.len() as u32),
                &[
                    ("step", control.out("step")),
                    ("step_first", control.out("step_first")),
                    ("step_last", control.out("step_last")),
                    ("s_tag", pack(&tags)),
                    ("s_pixel", pixel.slice(p * v.tn * 8, v.tn * 8)),
                    ("s_weight", weight.clone()),
                ],
            )
        })
        .collect();
    let pw_tables = Tables::new(&mut m, config, Memory::PwTable, "pointwise_table");
    let joined = Outputs {
        config,
        seq: &seq,
        start: &start,
        arrays: &arrays,
        pw_param: &pw_param,
        activation_data: &activation_data,
        expanded: expanded.as_ref(),
        tables: pw_tables.as_ref(),
        hold: &hold,
        writer_valid: &writer_valid,
        done: &done,
    }
    .join(&mut m);

    // at most one of them has the port in a cycle
    let mut readers = vec![(fill.out("r_port"), fill.out("r_addr"))];
    readers.extend(joined.residual_read);
    readers.extend(expand.map(|(e, ..)| (e.out("r_valid"), e.out("r_addr"))));
    let read_taken = readers
        .iter()
        .skip(1)
        .fold(readers[0].0.clone(), |any, (valid, _)| &any | valid);

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
        ("s_axis_tdata", word * 8),
    ]
    .map(|(name, w)| (name, m.input(name, w)));
    let mut inputs = ports.to_vec();
    inputs.extend(wide);
    inputs.extend([
        ("busy_port", writer_valid.clone()),
        ("read_taken", read_taken),
        ("a_data", activation_data.clone()),
        ("busy", seq.out("busy")),
        ("finished", seq.out("finished")),
        ("cycles", seq.out("cycles")),
        ("layer_index", seq.out("layer_index")),
    ]);
    let host = m.instance("host", &host::host(config), &inputs);
    m.drive(&run, &host.out("run"));

    let store = Store::new(&mut m, config, &host);
    let read_addr = readers
        .iter()
        .rev()
        .fold(host.out("a_addr"), |other, (valid, addr)| {
            valid.mux(addr, &other)
        });
    let written = Written {
        valid: &writer_valid,
        bytes: joined.bytes.as_ref(),
        addr: &joined.addr,
        data: &joined.data,
    };
    let activation = store.shared(&mut m, "activation_memory", &written, read_addr);
    let mut loaded = |memory, name, read| store.loaded(&mut m, memory, name, read);
    let program = loaded(Memory::Program, "program_memory", seq.out("p_addr"));
    let weights = loaded(Memory::Weight, "weight_memory", control.out("w_addr"));
    let dw_weights = loaded(Memory::DwWeight, "depthwise_memory", dw.out("w_addr"));
    let pw_params = loaded(Memory::PwParam, "pointwise_params", joined.p_addr);
    let dw_params = loaded(Memory::DwParam, "depthwise_params", dw_out.out("p_addr"));
    for (tables, name) in [
        (&pw_tables, "pointwise_table"),
        (&dw_tables, "depthwise_table"),
    ] {
        if let Some(tables) = tables {
            tables.load(&mut m, &store, name);
        }
    }
    for (wire, instance) in [
        (&activation_data, activation),
        (&program_data, program),
        (&weight, weights),
        (&dw_weight, dw_weights),
        (&pw_param, pw_params),
        (&dw_param, dw_params),
    ] {
        m.drive(wire, &instance.out("r_data"));
    }
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
    m.output("layer_done", &seq.out("layer_done"));
    m.output("layer_index", &seq.out("layer_index"));
    m.output("irq", &seq.out("finished"));
    m.output("busy", &seq.out("busy"));
    m.output("sending", &host.out("sending"));
    Rc::new(m)
}
