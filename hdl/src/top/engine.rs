// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the bytes of windows to pixels: through the depthwise engine, or past it.

use super::commands::Commands;
use super::front::Front;
use super::tables::Tables;
use crate::post::requant;
use crate::rtl::{Expr, Instance, Module, lit};
use crate::{depthwise, packer};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, Part};
use sepstream_spec::regs::Memory;
use sepstream_spec::timing;
use sepstream_spec::width::depthwise_sum_bits;

/// What the units behind look at, and what their memories drive.
pub(super) struct Engine {
    pub(super) depthwise: Instance,
    pub(super) requant: Instance,
    pub(super) weight: Expr,
    pub(super) param: Expr,
    pub(super) tables: Option<Tables>,
    /// Packer of words of pixels.
    pub(super) pixels: Instance,
}

impl Engine {
    pub(super) fn join(
        m: &mut Module,
        config: &Config,
        commands: &Commands,
        front: &Front,
    ) -> Self {
        let v = config.values();
        let window = &front.window;
        m.note("Depthwise engine.");
        let weight = m.forward("dw_weight", v.lanes * v.taps * 8);
        let param = m.forward("dw_param", Memory::DwParam.shape(config).bytes * 8);
        let unit = depthwise::depthwise(config);
        let inputs = [
            ("dw_valid", window.out("dw_valid")),
            ("dw_first", window.out("dw_first")),
            ("dw_last", window.out("dw_last")),
            ("dw_pixel_last", window.out("dw_pixel_last")),
            ("s_taps", front.columns.out("m_taps")),
            ("w_data", weight.clone()),
        ];
        let inputs = commands.with_fields(Part::Pixels, &unit, &inputs);
        let depthwise = m.instance("depthwise", &unit, &inputs);
        let requant = requantiser(m, config, commands, &depthwise, &param);
        let tables = Tables::new(m, config, Memory::DwTable, "depthwise_table");
        let outputs = outputs(m, commands, &requant, &tables);
        let pixels = packed(m, config, commands, front, outputs);
        Engine {
            depthwise,
            requant,
            weight,
            param,
            tables,
            pixels,
        }
    }
}

fn requantiser(
    m: &mut Module,
    config: &Config,
    commands: &Commands,
    depthwise: &Instance,
    param: &Expr,
) -> Instance {
    let v = config.values();
    let field = |f| commands.field(Part::Pixels, f);
    let unit = requant::requant(
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
    m.instance(
        "depthwise_requant",
        &unit,
        &[
            ("s_sum", depthwise.out("m_sum")),
            ("s_valid", depthwise.out("m_valid")),
            ("s_last", depthwise.out("m_last")),
            ("s_tag", lit(1, 1)),
            ("param_base", field(Field::DwParamBase)),
            ("pixel_bytes", field(Field::DwBytes)),
            ("start", commands.start(Part::Pixels)),
            ("zero", field(Field::DwZero)),
            ("low", field(Field::DwLow)),
            ("high", field(Field::DwHigh)),
            ("p_data", param.clone()),
        ],
    )
}

/// A beat of outputs, through a table where there are any: data, and valid, count and last.
fn outputs(
    m: &mut Module,
    commands: &Commands,
    requant: &Instance,
    tables: &Option<Tables>,
) -> (Expr, [Expr; 3]) {
    let [data, valid, count, last] =
        ["m_data", "m_valid", "m_count", "m_tag"].map(|port| requant.out(port));
    match tables {
        None => (data, [valid, count, last]),
        Some(tables) => {
            let number = commands.field(Part::Pixels, Field::DwTable);
            let along = [&valid, &count, &last];
            tables.look_up(m, "depthwise_table", &number, &data, along)
        }
    }
}

/// Words of pixels: of depthwise outputs, or of runs of the line buffer.
fn packed(
    m: &mut Module,
    config: &Config,
    commands: &Commands,
    front: &Front,
    (outputs, [dw_valid, dw_count, dw_last]): (Expr, [Expr; 3]),
) -> Instance {
    let (word, tn) = (config.word_bytes(), config.values().tn);
    m.note("Pixels: depthwise outputs or runs of the line buffer, packed into words of tn bytes.");
    let behind = timing::window_bytes(config) - 1;
    let gather = commands.field(Part::Pixels, Field::Gather);
    let count_bits = packer::bits_for(tn);
    // of which sort they are is asked a cycle before they come
    let [valid, count, last] = [
        ("valid", dw_valid),
        ("count", dw_count.zext(count_bits)),
        ("last", dw_last),
    ]
    .map(|(name, of_depthwise)| {
        let port = format!("run_{name}");
        let of_run = m.delay(&port, &front.window.out(&port), behind - 1);
        m.pipe(
            &format!("pixel_{name}"),
            &gather.mux(&of_run, &of_depthwise),
        )
    });
    let run_first = m.delay("run_first", &front.run_first, behind);
    let outputs = outputs.zext(word * 8);
    m.instance(
        "pixel_packer",
        &packer::packer(word, tn),
        &[
            ("s_data", gather.mux(&front.runs, &outputs)),
            (
                "s_first",
                gather.mux(&run_first, &lit(0, word.trailing_zeros())),
            ),
            ("s_count", count),
            ("s_last", last),
            ("s_tag", lit(1, 1)),
            ("s_valid", valid),
        ],
    )
}
