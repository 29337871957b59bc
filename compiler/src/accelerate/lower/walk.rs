// SPDX-License-Identifier: MIT OR Apache-2.0
//! The window of a stage, and the rows of the map that the line buffer holds for it.

use super::fields::{set, set_signed};
use crate::accelerate::Stage;
use crate::accelerate::layout::Layouts;
use crate::accelerate::plan::spatial;
use crate::accelerate::rules::{self, extent};
use crate::error::Error;
use crate::misfit::{Misfit, Setting};
use crate::rule::LayerRef;
use sepstream_spec::config::{Config, ROW_BANKS};
use sepstream_spec::graph::{Conv2d, DepthwiseConv2d, Graph, Layer, Op, Pads, Window};
use sepstream_spec::isa::{Command, Field};
use sepstream_spec::program::MapPort;

/// The window that the stage moves over its input, and the shape of what it makes of it.
pub(super) struct Walk {
    pub(super) window: Window,
    pub(super) rows: u32,
    pub(super) cols: u32,
}

impl Walk {
    /// Rows of an input of so many that the windows of one row need: all above this one.
    fn needs(&self, out_row: u32, in_rows: u32) -> u32 {
        let Window { stride, pads, .. } = &self.window;
        let (kernel_rows, _) = extent(&self.window);
        let below = (out_row as usize * stride.0 + kernel_rows).saturating_sub(pads.top);
        in_rows.min(below as u32)
    }
}

/// One window, the whole map.
pub(super) fn whole(input: &MapPort) -> Walk {
    let window = Window {
        kernel: (input.rows as usize, input.cols as usize),
        stride: (1, 1),
        dilation: (1, 1),
        pads: Pads::default(),
    };
    Walk {
        window,
        rows: 1,
        cols: 1,
    }
}

/// A window that sees one pixel, that of [`bordering_tap`], of that padding's far end, see `params`.
fn bordered(pads: &Pads) -> Window {
    let (rows, cols) = (pads.top + pads.bottom, pads.left + pads.right);
    Window {
        kernel: (rows + 1, cols + 1),
        stride: (1, 1),
        dilation: (1, 1),
        pads: Pads {
            top: rows,
            left: cols,
            bottom: rows,
            right: cols,
        },
    }
}

pub(super) fn walk(graph: &Graph, layer: &Layer, input: &MapPort) -> Walk {
    let window = match &layer.op {
        Op::Conv2d(Conv2d { window, .. }) | Op::DepthwiseConv2d(DepthwiseConv2d { window, .. }) => {
            Window {
                pads: rules::pads(graph, layer, window),
                ..*window
            }
        }
        Op::AveragePool2d(p) => p.window,
        Op::MaxPool2d(p) => Window {
            pads: rules::pads(graph, layer, &p.window),
            ..p.window
        },
        Op::Pad(_) => bordered(&spatial(&layer.op).unwrap_or_default()),
        Op::FullyConnected(_) | Op::Mean(_) | Op::ReduceMax(_) => return whole(input),
        // an ADD or a function alone takes the map as it is, pixel by pixel
        _ => Window {
            kernel: (1, 1),
            ..whole(input).window
        },
    };
    let [_, rows, cols, _] = graph[layer.output()].nhwc().unwrap_or([1; 4]);
    Walk {
        window,
        rows: rows as u32,
        cols: cols as u32,
    }
}

/// For each row of a stage's windows: the rows of its input that have been read when it begins, all above this one. An expanding
/// layer makes row after row of what it reads.
pub fn rows_needed(graph: &Graph, stage: &Stage, layouts: &Layouts) -> Vec<u32> {
    let input = layouts.port(stage.windowed());
    let walk = walk(graph, &graph.layers[stage.walker()], &input);
    (0..walk.rows)
        .map(|row| walk.needs(row, input.rows))
        .collect()
}

/// Refuses maps with more rows or columns than the units count.
pub(super) fn map_size(
    graph: &Graph,
    layer: &Layer,
    walk: &Walk,
    input: &MapPort,
    config: &Config,
) -> Result<(), Error> {
    let (has, pads) = (config.values().map_size, walk.window.pads);
    let rows = input.rows as usize + pads.top + pads.bottom;
    let cols = input.cols as usize + pads.left + pads.right;
    // the output has no more of them
    let need = rows.max(cols);
    if need <= has as usize {
        return Ok(());
    }
    let need = u32::try_from(need).unwrap_or(u32::MAX);
    Err(Error::from(Misfit {
        what: "map size".into(),
        place: Some(LayerRef::of(graph, layer).to_string()),
        needs: format!("{rows} rows and {cols} columns with the padding"),
        has: has.to_string(),
        setting: Some(Setting::new("memory.map_size", need)),
    }))
}

/// Line buffer rows: how many fit, how many are needed, where the first one lies.
pub(super) fn rows(
    graph: &Graph,
    layer: &Layer,
    walk: &Walk,
    input: &MapPort,
    config: &Config,
    command: &mut Command,
) -> Result<(), Error> {
    let (kernel_rows, _) = extent(&walk.window);
    let kernel_rows = kernel_rows as u32;
    let top = walk.window.pads.top as i32;
    let fill_rows = walk.needs(walk.rows - 1, input.rows).max(1);
    let slots = (config.values().line_words / input.row_words).min(fill_rows.div_ceil(ROW_BANKS));
    let line_rows = slots * ROW_BANKS;
    if kernel_rows.min(fill_rows) > line_rows {
        let need = kernel_rows.min(fill_rows).div_ceil(ROW_BANKS) * input.row_words;
        return Err(Error::from(Misfit {
            what: "line buffer".into(),
            place: Some(LayerRef::of(graph, layer).to_string()),
            needs: format!("{need} words in a bank"),
            has: config.values().line_words.to_string(),
            setting: Some(Setting::new("memory.line_words", need)),
        }));
    }
    // The row above row 0 lies in the last slot, so that the walk down from the padding arrives at slot 0
    let bank = (-top).rem_euclid(ROW_BANKS as i32) as u32;
    let slot = (-top).div_euclid(ROW_BANKS as i32).rem_euclid(slots as i32) as u32;
    set(command, config, Field::FillRows, fill_rows)?;
    set(command, config, Field::LineRows, line_rows)?;
    set(command, config, Field::SlotLimit, slots * input.row_words)?;
    set(command, config, Field::KernelRows, kernel_rows)?;
    set_signed(command, config, Field::FirstRow, -top)?;
    set(command, config, Field::FirstBank, bank)?;
    set(command, config, Field::FirstSlot, slot * input.row_words)?;
    // the pixels of a pair are taken together
    let pixels = command.get(Field::Pairs) + 1;
    let step = walk.window.stride.1 as u32 * input.pixel_bytes * pixels;
    set(
        command,
        config,
        Field::WindowStep,
        if walk.cols == pixels { 0 } else { step },
    )?;
    set_signed(
        command,
        config,
        Field::FirstByte,
        -((walk.window.pads.left as u32 * input.pixel_bytes) as i32),
    )
}
