// SPDX-License-Identifier: MIT OR Apache-2.0
//! A stage's command, weights and requantisation parameters.

mod expand;
mod fields;
mod pair;
mod walk;
mod writer;

use super::layout::Layouts;
use super::plan::takes_largest;
use super::rules::extent;
use super::{Function, Stage, narrow, params};
use crate::error::Error;
use crate::misfit::{Misfit, Setting};
use crate::rule::LayerRef;
use fields::held;
use pair::Element;
use params::Channel;
use sepstream_spec::config::{Config, Multiplier, WIDE_SUM};
use sepstream_spec::graph::{Graph, Layer, Op};
use sepstream_spec::isa::{Command, Field, Param, param_bytes, param_parts};
use sepstream_spec::program::MapPort;
use sepstream_spec::quant::Table;
use sepstream_spec::regs::Memory;
use sepstream_spec::width::{depthwise_sum_bits, pointwise_sum_bits};
use std::ops::Range;
use walk::{Walk, map_size, rows, walk, whole};
use writer::{clamp, writer};

pub use fields::set;
pub use walk::rows_needed;

/// What a stage puts into the memories.
pub struct Lowered {
    /// The command; bases and the last flag are set when all stages are known.
    pub command: Command,
    /// Pointwise weight words.
    pub weights: Vec<u8>,
    /// Depthwise weight words.
    pub dw_weights: Vec<u8>,
    /// Pointwise parameter words.
    pub pw_params: Vec<u8>,
    /// Depthwise parameter words.
    pub dw_params: Vec<u8>,
    /// Products of the network's arithmetic.
    pub macs: u64,
    /// Products that the steps of both engines hold.
    pub slots: u64,
    /// Functions of outputs.
    pub tables: Vec<Needed>,
    /// Words of weights and of parameters in front of those of the expanding layer.
    pub expand_behind: Option<(u32, u32)>,
}

/// A function of outputs that a command needs.
pub struct Needed {
    /// The field that names its table.
    pub field: Field,
    /// The memory that the table lies in.
    pub memory: Memory,
    /// The function.
    pub table: Table,
}

/// Lowers a stage.
///
/// # Errors
/// When a layer needs more rows in the line buffer or more words in the pixel buffer than there are.
pub fn lower(
    graph: &Graph,
    stage: &Stage,
    layouts: &Layouts,
    config: &Config,
) -> Result<Lowered, Error> {
    let first = &graph.layers[stage.layers().next().unwrap_or(0)];
    layouts.rows_fit(graph, stage, config)?;
    let lowered = match &stage.expand {
        None => lower_from(graph, stage, first, layouts, config),
        Some(expand) => expand::expanded(graph, stage, expand, layouts, config),
    };
    lowered.map_err(|error| match error {
        Error::DoesNotFit(mut missing) => {
            for misfit in &mut missing.misfits {
                misfit.place_at(graph, first);
            }
            Error::DoesNotFit(missing)
        }
        error => error,
    })
}

fn lower_from(
    graph: &Graph,
    stage: &Stage,
    first: &Layer,
    layouts: &Layouts,
    config: &Config,
) -> Result<Lowered, Error> {
    let word = config.word_bytes();
    let map = layouts.port(stage.input);
    let (input, walk) = match stage.slice {
        Some(slice) => {
            let input = slice.read(&map, word);
            (input, whole(&input))
        }
        None => (map, walk(graph, first, &map)),
    };
    let output = stage.written(&layouts.port(stage.output), word);
    map_size(graph, first, &walk, &input, config)?;
    let pixels_at_once = pair::pixels_at_once(stage, &walk, &input, config);
    let mut command = Command::default();
    let mut put = |field, value: u32| set(&mut command, config, field, value);
    put(Field::OutRows, walk.rows)?;
    put(Field::OutCols, walk.cols / pixels_at_once)?;
    put(Field::Pairs, pixels_at_once - 1)?;
    put(
        Field::StrideRows,
        if walk.rows == 1 {
            1
        } else {
            walk.window.stride.0 as u32
        },
    )?;
    put(Field::InRows, input.rows)?;
    put(Field::RowWords, input.row_words)?;
    if stage.slice.is_some() {
        put(Field::RowSkip, map.pixel_bytes / word - input.row_words)?;
    }
    put(Field::RowBytes, input.cols * input.pixel_bytes)?;
    put(
        Field::OutBytes,
        held(output.pixel_bytes * pixels_at_once, Field::OutBytes, config),
    )?;
    rows(graph, first, &walk, &input, config, &mut command)?;
    let mut lowered = Lowered {
        command,
        weights: Vec::new(),
        dw_weights: Vec::new(),
        pw_params: Vec::new(),
        dw_params: Vec::new(),
        macs: stage.layers().map(|l| stage.macs(graph, l)).sum(),
        slots: 0,
        tables: tables(stage),
        expand_behind: None,
    };
    let pixel_bytes = match stage.window {
        Some(_) => {
            let channel = stage.slice.map_or(0, |slice| slice.first as usize);
            let channels = channel..channel + input.channels as usize;
            let of_pixels = (channels, pixels_at_once);
            depthwise(graph, first, &walk, &input, of_pixels, config, &mut lowered)?
        }
        None => gather(&walk, &input, config, &mut lowered.command)?,
    };
    pixels(graph, first, pixel_bytes, config, &mut lowered.command)?;

    // Which input byte of the pixel vector and which output byte belong to which element
    let dense = stage.dense.map_or(first, |dense| &graph.layers[dense]);
    let mut channels = match stage.dense {
        Some(_) => params::dense(graph, dense)?,
        None => params::identity(output.channels as usize),
    };
    let packed = config.pw_multiplier() == Multiplier::Packed;
    if packed || config.adds_in_blocks() {
        // blocks that add their products take no more
        let plain = !config.saves_cells() || config.values().tn == 1;
        let other = if plain {
            Multiplier::Plain
        } else {
            Multiplier::Lut
        };
        narrow::symmetric(graph, dense, &channels, other)?;
    }
    let v = config.values();
    let (bits, cycles) = (v.pw_sum_bits, v.pw_requant_cycles);
    let engine = ("pointwise", "pointwise.sum_bits");
    let lanes = narrow::Lanes {
        roundings: match config.pw_rounds_once() {
            true => narrow::EITHER,
            false => narrow::TWICE,
        },
        rounding_field: Some("pointwise.rounding"),
        ..lanes(config, engine, bits, cycles, pointwise_sum_bits(config))
    };
    narrow::fit(graph, dense, &mut channels, lanes)?;
    if let Some(add) = stage.add {
        residual(
            graph,
            &graph.layers[add],
            stage,
            layouts,
            config,
            &mut lowered.command,
        )?;
    }
    let sources: Vec<Option<usize>> = match stage.window {
        // lane groups come out of the depthwise engine without gaps
        Some(_) => (0..(pixel_bytes / pixels_at_once) as usize)
            .map(|q| (q < input.channels as usize).then_some(q))
            .collect(),
        None => gather_sources(first, &walk, &input),
    };
    let [sources, outputs] =
        [sources, inverse(&output)].map(|bytes| pair::side_by_side(&bytes, pixels_at_once));
    array(&channels, &sources, &outputs, config, &mut lowered)?;
    let (together, cols) = pair::together(&output, walk.cols, pixels_at_once);
    writer(&channels, &together, cols, config, &mut lowered.command)?;
    let pixels = u64::from(walk.rows) * u64::from(cols);
    lowered.slots *= pixels;
    Ok(lowered)
}

/// The functions behind a stage's own layers.
fn tables(stage: &Stage) -> Vec<Needed> {
    let window = (&stage.window_function, Field::DwTable, Memory::DwTable);
    let own = (&stage.function, Field::Table, Memory::PwTable);
    let needed = |(function, field, memory): (&Option<Function>, Field, Memory)| {
        function.as_ref().map(|function| Needed {
            field,
            memory,
            table: function.table,
        })
    };
    [window, own].into_iter().filter_map(needed).collect()
}

/// An engine's requantisers. Sums may have too many bits for its accumulator where cells are few; other ones hold every sum that fits
/// the memories.
fn lanes(
    config: &Config,
    (engine, sum_bits_field): (&'static str, &'static str),
    sum_bits: u32,
    cycles: u32,
    accumulator: u32,
) -> narrow::Lanes {
    narrow::Lanes {
        roundings: narrow::TWICE,
        sum_bits,
        acc_bits: if config.saves_cells() {
            accumulator
        } else {
            WIDE_SUM
        },
        cycles,
        engine,
        sum_bits_field,
        rounding_field: None,
    }
}

/// Channel of every byte of a pixel; `None` for gaps.
fn inverse(map: &MapPort) -> Vec<Option<usize>> {
    let mut out = vec![None; map.pixel_bytes as usize];
    for c in 0..map.channels {
        out[map.position(c) as usize] = Some(c as usize);
    }
    out
}

/// Depthwise fields, weights and parameters of those channels of the layer that `input` has, for so many pixels side by side on the
/// lanes; gives the bytes of a pixel for the pointwise array.
fn depthwise(
    graph: &Graph,
    layer: &Layer,
    walk: &Walk,
    input: &MapPort,
    (of_map, pixels_at_once): (Range<usize>, u32),
    config: &Config,
    lowered: &mut Lowered,
) -> Result<u32, Error> {
    let v = config.values();
    let mut channels = params::window(graph, layer, v.dw_sum_bits)?;
    let (bits, cycles) = (v.dw_sum_bits, v.dw_requant_cycles);
    let engine = ("depthwise", "depthwise.sum_bits");
    let lanes = lanes(config, engine, bits, cycles, depthwise_sum_bits(config));
    let largest = takes_largest(&layer.op);
    if largest {
        require_maxima(graph, layer, config)?;
    } else {
        narrow::fit(graph, layer, &mut channels, lanes)?;
    }
    let of_map = &channels[of_map];
    let channels: Vec<_> = (0..pixels_at_once).flat_map(|_| of_map.to_vec()).collect();
    let (kernel_rows, kernel_cols) = extent(&walk.window);
    let (row_taps, column_taps) = (config.row_taps() as usize, config.column_taps() as usize);
    let (row_passes, column_passes) = (
        kernel_rows.div_ceil(row_taps),
        kernel_cols.div_ceil(column_taps),
    );
    let groups = (channels.len() as u32).div_ceil(v.lanes);
    let beats = config.dw_beats();
    let steps = (row_passes * column_passes) as u32;
    let idle = config.dw_group_cycles().saturating_sub(steps);
    let pixel_bytes = groups * v.lanes;
    // the rest of a spilling last beat needs a free cycle, which idle steps between groups give anyway
    let last_beat = v.lanes - (beats - 1) * v.dw_requant;
    let last_cycle = (beats - 1) * v.dw_requant_cycles;
    let flush = last_beat > tail(pixel_bytes, v.tn) && steps + idle == last_cycle + 1;
    let command = &mut lowered.command;
    let zero = channels.iter().map(|c| c.input_zero).next().unwrap_or(0);
    for (field, value) in [
        (Field::PadValue, zero as u8 as u32),
        (Field::DwMax, largest.into()),
        (Field::RowPasses, row_passes as u32),
        (Field::ColumnPasses, column_passes as u32),
        (Field::PixelBytes, input.pixel_bytes),
        (Field::LaneGroups, held(groups, Field::LaneGroups, config)),
        (Field::GroupIdle, idle),
        (Field::PixelFlush, flush.into()),
        (Field::DwBytes, held(pixel_bytes, Field::DwBytes, config)),
    ] {
        set(command, config, field, value)?;
    }
    clamp(
        &channels,
        [Field::DwZero, Field::DwLow, Field::DwHigh],
        config,
        command,
    )?;
    let dilation = walk.window.dilation;
    for group in 0..groups as usize {
        for row_pass in 0..row_passes {
            for column_pass in 0..column_passes {
                for lane in 0..v.lanes as usize {
                    let channel = channels.get(group * v.lanes as usize + lane);
                    for row in 0..row_taps {
                        for column in 0..column_taps {
                            let (ky, kx) = (
                                row_pass * row_taps + row,
                                column_pass * column_taps + column,
                            );
                            let on_grid =
                                ky.is_multiple_of(dilation.0) && kx.is_multiple_of(dilation.1);
                            let inside = ky < kernel_rows && kx < kernel_cols && on_grid;
                            let at = ky / dilation.0 * walk.window.kernel.1 + kx / dilation.1;
                            let weight = channel.filter(|_| inside).map_or(0, |c| c.weights[at]);
                            lowered.dw_weights.push(weight as u8);
                        }
                    }
                }
            }
        }
        for beat in 0..beats {
            let params = (0..v.dw_requant).map(|lane| {
                let at = beat * v.dw_requant + lane;
                let channel = (at < v.lanes)
                    .then(|| channels.get(group * v.lanes as usize + at as usize))
                    .flatten();
                channel.map_or(Param::default(), |c| c.param)
            });
            let params = beat_params(params, v.dw_requant_cycles);
            lowered.dw_params.extend(params);
        }
    }
    lowered.slots += u64::from(groups * (steps + idle)) * u64::from(v.lanes * v.taps);
    Ok(pixel_bytes)
}

/// Refuses a maximum where the engine takes none.
fn require_maxima(graph: &Graph, layer: &Layer, config: &Config) -> Result<(), Error> {
    if config.takes_maxima() {
        return Ok(());
    }
    Err(Error::from(Misfit {
        what: "depthwise engine".into(),
        place: Some(LayerRef::of(graph, layer).to_string()),
        needs: "maxima of windows".into(),
        has: "none".into(),
        setting: Some(Setting::new("depthwise.max", 1)),
    }))
}

/// Gather fields; gives the bytes of a pixel for the pointwise array.
fn gather(
    walk: &Walk,
    input: &MapPort,
    config: &Config,
    command: &mut Command,
) -> Result<u32, Error> {
    let (kernel_rows, kernel_cols) = extent(&walk.window);
    let run = kernel_cols as u32 * input.pixel_bytes;
    set(command, config, Field::Gather, 1)?;
    set(command, config, Field::RunBytes, run)?;
    if config.merges() && run <= config.merge_run_bytes() {
        let passes = (kernel_rows as u32).div_ceil(config.row_taps());
        let last_rows = kernel_rows as u32 - (passes - 1) * config.row_taps();
        set(command, config, Field::RowPasses, passes)?;
        set(command, config, Field::MergeBytes, last_rows * run)?;
    }
    set(
        command,
        config,
        Field::TailBytes,
        tail(kernel_rows as u32 * run, config.values().tn),
    )?;
    Ok(kernel_rows as u32 * run)
}

/// For every byte of a gathered pixel vector: index of its weight in (kernel row, kernel column, channel) order.
fn gather_sources(layer: &Layer, walk: &Walk, input: &MapPort) -> Vec<Option<usize>> {
    let (kernel_rows, kernel_cols) = extent(&walk.window);
    let dilation = walk.window.dilation;
    let channel_of = inverse(input);
    // a fully connected layer reads its whole input as one vector, in the same order
    let cols = if matches!(layer.op, Op::FullyConnected(_)) {
        input.cols as usize
    } else {
        walk.window.kernel.1
    };
    let mut out = Vec::new();
    for ky in 0..kernel_rows {
        for kx in 0..kernel_cols {
            let on_grid = ky.is_multiple_of(dilation.0) && kx.is_multiple_of(dilation.1);
            for channel in &channel_of {
                let tap = ky / dilation.0 * cols + kx / dilation.1;
                out.push(
                    channel
                        .filter(|_| on_grid)
                        .map(|c| tap * input.channels as usize + c),
                );
            }
        }
    }
    out
}

/// Bytes in the last word of a pixel.
fn tail(bytes: u32, tn: u32) -> u32 {
    (bytes - 1) % tn + 1
}

/// Pixel buffer fields.
fn pixels(
    graph: &Graph,
    layer: &Layer,
    bytes: u32,
    config: &Config,
    command: &mut Command,
) -> Result<(), Error> {
    let v = config.values();
    let words = bytes.div_ceil(v.tn);
    let ring = v.pixel_words / words;
    if ring == 0 {
        return Err(Error::from(Misfit {
            what: "pixel buffer".into(),
            place: Some(LayerRef::of(graph, layer).to_string()),
            needs: format!("{words} words of {} bytes", v.tn),
            has: v.pixel_words.to_string(),
            setting: Some(Setting::new("memory.pixel_words", words)),
        }));
    }
    set(command, config, Field::PixelWords, words)?;
    set(command, config, Field::RingPixels, ring)?;
    set(command, config, Field::RingWords, ring * words)
}

/// Fields of an ADD behind the requantiser.
fn residual(
    graph: &Graph,
    layer: &Layer,
    stage: &Stage,
    layouts: &Layouts,
    config: &Config,
    command: &mut Command,
) -> Result<(), Error> {
    let lanes = config.values().pw_requant;
    if config.values().residual == 0 {
        return Err(Error::from(Misfit {
            what: "residual adder".into(),
            place: Some(LayerRef::of(graph, layer).to_string()),
            needs: format!("{lanes} lanes"),
            has: "none".into(),
            setting: Some(Setting::new("pointwise.residual", lanes)),
        }));
    }
    debug_assert_eq!(
        stage.residual.map(|t| layouts.port(t).row_words),
        Some(layouts.port(stage.output).row_words),
        "both maps are laid out alike"
    );
    let add = params::add(graph, layer, stage.residual)?;
    set(command, config, Field::Residual, 1)?;
    for (field, value) in [
        (Field::AddZeroA, add.zero_a),
        (Field::AddZeroB, add.zero_b),
        (Field::AddZero, add.zero),
        (Field::AddLow, add.low),
        (Field::AddHigh, add.high),
    ] {
        set(command, config, field, u32::from(value as u8))?;
    }
    for (mul, shift, m) in [
        (Field::AddMulA, Field::AddShiftA, add.a),
        (Field::AddMulB, Field::AddShiftB, add.b),
        (Field::AddMul, Field::AddShift, add.sum),
    ] {
        set(command, config, mul, m.q as u32)?;
        set(command, config, shift, m.shift.unsigned_abs())?;
    }
    Ok(())
}

/// Pointwise weights and parameters.
fn array(
    channels: &[Channel],
    sources: &[Option<Element>],
    outputs: &[Option<Element>],
    config: &Config,
    lowered: &mut Lowered,
) -> Result<(), Error> {
    let v = config.values();
    let (tn, tm) = (v.tn as usize, v.tm as usize);
    let words = sources.len().div_ceil(tn);
    let groups = outputs.len().div_ceil(tm);
    // with several pixels at once, the residual map is read as their outputs are put in order
    let least = if lowered.command.get(Field::Residual) == 1 && v.tp == 1 {
        config.residual_cycles()
    } else {
        0
    };
    let idle = config
        .pw_group_cycles()
        .max(least)
        .saturating_sub(words as u32);
    set(
        &mut lowered.command,
        config,
        Field::OutGroups,
        held(groups as u32, Field::OutGroups, config),
    )?;
    set(&mut lowered.command, config, Field::OutIdle, idle)?;
    let channel = |group: usize, lane: usize| {
        outputs
            .get(group * tm + lane)
            .copied()
            .flatten()
            .map(|output| (output.pixel, &channels[output.index]))
    };
    for group in 0..groups {
        for word in 0..words {
            for lane in 0..tm {
                for n in 0..tn {
                    let source = sources.get(word * tn + n).copied().flatten();
                    // another pixel of a pair has no part in this one
                    let weight = channel(group, lane)
                        .zip(source)
                        .filter(|((pixel, _), source)| *pixel == source.pixel)
                        .map_or(0, |((_, c), source)| c.weight(source.index));
                    lowered.weights.push(weight as u8);
                }
            }
        }
        for beat in 0..config.pw_beats() {
            let params = (0..v.pw_requant).map(|lane| {
                let at = (beat * v.pw_requant + lane) as usize;
                let channel = (at < tm).then(|| channel(group, at)).flatten();
                channel.map_or(Param::default(), |(_, c)| c.param)
            });
            let params = beat_params(params, v.pw_requant_cycles);
            lowered.pw_params.extend(params);
        }
    }
    lowered.slots += (groups * (words + idle as usize) * tn * tm) as u64;
    Ok(())
}

/// Parameters of a beat's lanes as their memory has them: whole for lanes of one cycle, else a part of each lane's bytes a word.
fn beat_params(lanes: impl Iterator<Item = Param>, cycles: u32) -> Vec<u8> {
    let lanes: Vec<Vec<u8>> = lanes
        .map(|param| match cycles {
            1 => param.to_bytes().to_vec(),
            _ => param.to_serial_bytes().to_vec(),
        })
        .collect();
    let part = (param_bytes(cycles) / param_parts(cycles)) as usize;
    (0..param_parts(cycles) as usize)
        .flat_map(|at| {
            lanes
                .iter()
                .flat_map(move |bytes| &bytes[at * part..][..part])
        })
        .copied()
        .collect()
}
