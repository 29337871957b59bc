// SPDX-License-Identifier: MIT OR Apache-2.0
//! Windows over a whole map, taken a slice of the channels at a time where the line buffer does not hold all of the map.
//!
//! A slice reads its channels of every pixel as a row of one pixel, and leaves those of the others out (`Field::RowSkip`); its
//! window is a column of all these rows. The line buffer then holds the slice alone.

use super::plan::{Plan, Stage};
use super::rules::{self, extent};
use sepstream_spec::config::{Config, ROW_BANKS};
use sepstream_spec::graph::{Graph, Op, Pads};
use sepstream_spec::program::MapPort;
use sepstream_spec::width::MOST_WINDOW;

/// Channels of the input that a stage takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first of them, at the begin of a word.
    pub first: u32,
    /// How many.
    pub channels: u32,
}

impl Slice {
    /// What the slice reads: a row of one pixel for each pixel of the map, from its own first word.
    pub(super) fn read(&self, map: &MapPort, word_bytes: u32) -> MapPort {
        MapPort {
            rows: map.rows * map.cols,
            cols: 1,
            ..self.written(map, word_bytes)
        }
    }
    /// What it writes: its channels of the only pixel.
    pub(super) fn written(&self, map: &MapPort, word_bytes: u32) -> MapPort {
        let pixel_bytes = self.channels.div_ceil(map.lanes) * map.pitch;
        MapPort {
            base: map.base + self.first_word(word_bytes),
            channels: self.channels,
            row_words: pixel_bytes.div_ceil(word_bytes),
            pixel_bytes,
            ..*map
        }
    }
    /// Words of a pixel in front of the slice.
    pub(super) fn first_word(&self, word_bytes: u32) -> u32 {
        self.first / word_bytes
    }
}

/// Takes every window over a whole map that does not fit in slices, if those do. What follows the window becomes a stage of its own.
pub fn slice(graph: &Graph, mut plan: Plan, config: &Config) -> Plan {
    if !config.slices() {
        return plan;
    }
    let stages = std::mem::take(&mut plan.stages);
    plan.stages = stages
        .into_iter()
        .flat_map(|stage| match channels(graph, &stage, config) {
            Some(channels) => split(graph, stage, channels),
            None => vec![stage],
        })
        .collect();
    plan
}

/// Channels of a slice, the last of which may have fewer; `None` if the stage is not to be sliced.
fn channels(graph: &Graph, stage: &Stage, config: &Config) -> Option<u32> {
    let (v, word) = (config.values(), config.word_bytes());
    let [_, rows, cols, channels] = graph[stage.input].nhwc()?.map(|n| n as u32);
    let pixels = rows * cols;
    let pixel_bytes = channels.next_multiple_of(v.lanes);
    let pixel_words = pixel_bytes / word;
    let held = |rows: u32, row_words: u32| rows.div_ceil(ROW_BANKS) * row_words <= v.line_words;
    let whole = (pixel_bytes * cols).div_ceil(word);
    // pixels lie one behind the other in whole words, and what a slice leaves out is named by the command
    let sliceable = over_whole_map(graph, stage, (rows, cols))
        && !held(rows, whole)
        && config.lane_pitch() == v.lanes
        && pixel_bytes.is_multiple_of(word)
        && pixel_words <= v.line_words.min(config.activation_words())
        && pixels <= v.map_size.min(MOST_WINDOW);
    if !sliceable {
        return None;
    }
    // pixel buffer and pixel order hold it too
    let fits = |words: &u32| {
        held(pixels, *words)
            && words * word <= v.pixel_words * v.tn
            && 2 * words <= config.order_words()
    };
    let mut sizes = (1..=pixel_words).map(|slices| pixel_words.div_ceil(slices));
    sizes.find(fits).map(|words| words * word)
}

/// One window, all of the input under it, and no padding.
fn over_whole_map(graph: &Graph, stage: &Stage, size: (u32, u32)) -> bool {
    let Some(layer) = stage.window.map(|layer| &graph.layers[layer]) else {
        return false;
    };
    match rules::window(&layer.op) {
        Some(window) => {
            extent(&window) == (size.0 as usize, size.1 as usize)
                && window.dilation == (1, 1)
                && rules::pads(graph, layer, &window) == Pads::default()
        }
        None => matches!(layer.op, Op::Mean(_)),
    }
}

fn split(graph: &Graph, stage: Stage, channels: u32) -> Vec<Stage> {
    let pooled = stage
        .window
        .map_or(stage.output, |layer| graph.layers[layer].output());
    let pooled = stage.window_function.as_ref().map_or(pooled, |f| f.output);
    let all = graph[stage.input].channels() as u32;
    if channels >= all {
        let slice = Slice {
            first: 0,
            channels: all,
        };
        return vec![Stage {
            slice: Some(slice),
            ..stage
        }];
    }
    let window = Stage {
        dense: None,
        function: None,
        add: None,
        residual: None,
        output: pooled,
        ..stage.clone()
    };
    let mut stages: Vec<Stage> = (0..all)
        .step_by(channels as usize)
        .map(|first| Stage {
            slice: Some(Slice {
                first,
                channels: channels.min(all - first),
            }),
            ..window.clone()
        })
        .collect();
    if stage.dense.is_some() || stage.function.is_some() || stage.add.is_some() {
        stages.push(Stage {
            window: None,
            window_function: None,
            input: pooled,
            ..stage
        });
    }
    stages
}
