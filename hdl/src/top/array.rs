// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pointwise array between its pixels and its sums.

use super::commands::Commands;
use super::{Loops, of_pixel};
use crate::rtl::{Expr, Instance, Module, pack};
use crate::{expand, pixel_buffer, pointwise, pointwise_control};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, Part, address_bits};
use sepstream_spec::regs::Memory;
use sepstream_spec::timing;

/// What the units behind look at, and what their memories drive.
pub(super) struct Array {
    pub(super) control: Instance,
    pub(super) weight: Expr,
    pub(super) param: Expr,
    /// The pixels of expanding layers.
    pub(super) expand: Option<Instance>,
    /// One for each pixel of a batch, in step.
    pub(super) arrays: Vec<Instance>,
}

/// A buffer of pixels, and the address and token that the control drives.
struct Buffer {
    instance: Instance,
    address: Expr,
}

impl Array {
    pub(super) fn join(
        m: &mut Module,
        config: &Config,
        commands: &Commands,
        loops: &Loops,
        pixels: &Instance,
    ) -> Self {
        let v = config.values();
        m.note("Pointwise array.");
        let weight = m.forward("weight", v.tm * v.tn * 8);
        let param = m.forward("pw_param", Memory::PwParam.shape(config).bytes * 8);
        let buffer = own_buffer(m, config, commands, pixels);
        let expand = config
            .expands()
            .then(|| expand_buffer(m, config, commands, loops));
        let control = control_unit(m, config, commands, loops, &buffer, &expand);
        let (pixel, tags) = pixel_and_tags(m, config, loops, &buffer, &expand, &control);
        let arrays = (0..v.tp)
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
        Array {
            control,
            weight,
            param,
            expand: expand.map(|(buffer, _)| buffer.instance),
            arrays,
        }
    }
}

fn own_buffer(m: &mut Module, config: &Config, commands: &Commands, pixels: &Instance) -> Buffer {
    let v = config.values();
    let unit = pixel_buffer::pixel_buffer("pixel_buffer", v.pixel_words, config);
    let address = m.forward("pixel_address", address_bits(v.pixel_words));
    let mut inputs = vec![
        ("s_data", pixels.out("m_data")),
        ("s_valid", pixels.out("m_valid")),
        ("s_last", pixels.out("m_tag")),
        ("r_addr", address.clone()),
    ];
    if v.tp > 1 {
        inputs.push(("cols", commands.field(Part::Pixels, Field::OutCols)));
    }
    let inputs = commands.with_fields(Part::Pixels, &unit, &inputs);
    Buffer {
        instance: m.instance("pixel_buffer", &unit, &inputs),
        address,
    }
}

/// With the token of a pixel that the array has left.
fn expand_buffer(
    m: &mut Module,
    config: &Config,
    commands: &Commands,
    loops: &Loops,
) -> (Buffer, Expr) {
    let pixel_done = m.forward("expand_done", 1);
    let address = m.forward("expand_address", address_bits(config.values().expand_words));
    let unit = expand::expand(config);
    let mut inputs = vec![
        ("hold", loops.hold.clone()),
        ("pixel_done", pixel_done.clone()),
        ("r_data", loops.activation_data.clone()),
        ("p_addr", address.clone()),
    ];
    if let Some(ahead) = &loops.ahead {
        inputs.push(("rows_pending", commands.out("rows_pending")));
        inputs.push(("rows_written", ahead.rows_written.clone()));
    }
    let inputs = commands.with_fields(Part::Rows, &unit, &inputs);
    let instance = m.instance("expand", &unit, &inputs);
    (Buffer { instance, address }, pixel_done)
}

fn control_unit(
    m: &mut Module,
    config: &Config,
    commands: &Commands,
    loops: &Loops,
    buffer: &Buffer,
    expand: &Option<(Buffer, Expr)>,
) -> Instance {
    let unit = pointwise_control::pointwise_control(config);
    let mut inputs = vec![("pixel", buffer.instance.out("pixel"))];
    if let Some((expand, _)) = expand {
        inputs.push(("expand_pixel", expand.instance.out("pixel")));
        let mut released = loops.released.clone();
        if config.runs_ahead() {
            let not_yet = &commands.out("rows_ahead") | &commands.start(Part::Pixels);
            let none = crate::rtl::lit(0, released.width());
            released = m.wire("expand_released", &not_yet.mux(&none, &released));
            inputs.push(("rows_start", commands.start(Part::Rows)));
            let line_rows = commands.field(Part::Rows, Field::LineRows);
            inputs.push((Field::LineRows.name(), line_rows));
        }
        inputs.push(("released", released));
    }
    if config.runs_ahead() {
        inputs.push(("pixels_start", commands.start(Part::Pixels)));
    }
    let inputs = commands.with_fields(Part::Outputs, &unit, &inputs);
    let control = m.instance("pointwise_control", &unit, &inputs);
    if let Some(ahead) = &loops.ahead {
        m.drive(&ahead.pixels_taken, &control.out("pixels_taken"));
    }
    control
}

/// The pixel at the array, and what goes with its sums.
fn pixel_and_tags(
    m: &mut Module,
    config: &Config,
    loops: &Loops,
    buffer: &Buffer,
    expand: &Option<(Buffer, Expr)>,
    control: &Instance,
) -> (Expr, Vec<Expr>) {
    // as long as the weights are on their way
    let (late_address, late_data) = match timing::far(config, Memory::Weight) {
        true => (timing::FAR_ADDRESS, timing::FAR_DATA),
        false => (0, 0),
    };
    let address = m.delay("pixel_address", &control.out("p_addr"), late_address);
    m.drive(&buffer.address, &address);
    m.drive(&loops.pixel_done, &control.out("pixel_done"));
    // whoever puts pixels in order counts their rows
    let first = usize::from(config.values().tp > 1);
    let mut tags = ["row_last", "command_last", "group_last"][first..]
        .iter()
        .map(|port| control.out(port))
        .collect::<Vec<_>>();
    let mut pixel = buffer.instance.out("r_data");
    if let Some((expand, pixel_done)) = expand {
        m.drive(pixel_done, &control.out("expand_done"));
        let late = m.delay("expand_address", &control.out("expand_addr"), late_address);
        m.drive(&expand.address, &late);
        let of_expand = control.out("of_expand");
        let read = m.delay(
            "of_expand",
            &of_expand,
            timing::pixel_read(config) - late_data,
        );
        let made = expand.instance.out("p_data");
        pixel = m.wire("pixels_read", &read.mux(&made, &pixel));
        tags.push(of_expand);
    }
    (m.delay("pixels", &pixel, late_data), tags)
}
