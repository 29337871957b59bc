// SPDX-License-Identifier: MIT OR Apache-2.0
//! How maps lie in the activation memory.

use super::{Plan, Stage};
use crate::Error;
use crate::error::short;
use crate::misfit::{Misfit, Setting};
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::program::MapPort;
use std::collections::{BTreeMap, BTreeSet};

/// Layouts of all maps of a plan, their places still open.
pub struct Layouts(BTreeMap<TensorId, MapPort>);

impl Layouts {
    /// Lays out every map: rows of whole words; pixels dense, or in lane groups where the depthwise engine reads them.
    pub fn of(graph: &Graph, plan: &Plan, config: &Config) -> Self {
        let mut ports = BTreeMap::new();
        let grouped = grouped(plan);
        // slices take whole words of a pixel
        let sliced = plan.stages.iter().any(|stage| stage.slice.is_some());
        for tensor in plan
            .stages
            .iter()
            .flat_map(|s| s.reads().chain([s.windowed(), s.output]))
        {
            let [_, rows, cols, channels] =
                graph[tensor].nhwc().unwrap_or([1; 4]).map(|n| n as u32);
            let in_groups = grouped.contains(&tensor);
            let (lanes, pitch) = match in_groups {
                false => (1, 1),
                // two pixels lie side by side as the lanes take them
                true if channels == config.pair_bytes() && !sliced => (channels, channels),
                true => (config.values().lanes, config.lane_pitch()),
            };
            let pixel_bytes = channels.div_ceil(lanes) * pitch;
            let row_words = (cols * pixel_bytes).div_ceil(config.word_bytes());
            let reads = |s: &Stage| s.reads().chain([s.windowed()]).any(|t| t == tensor);
            let reader = plan.stages.iter().rposition(reads);
            let writer = plan.stages.iter().position(|s| s.output == tensor);
            let command = writer.or(reader).unwrap_or(0) as u32;
            ports.insert(
                tensor,
                MapPort {
                    base: 0,
                    rows,
                    cols,
                    channels,
                    row_words,
                    pixel_bytes,
                    lanes,
                    pitch,
                    command,
                },
            );
        }
        Layouts(ports)
    }
    /// A line buffer bank holds a row of every map that a stage reads.
    ///
    /// # Errors
    /// When a row is longer.
    pub fn rows_fit(&self, graph: &Graph, stage: &Stage, config: &Config) -> Result<(), Error> {
        if stage.slice.is_some() {
            return Ok(()); // slices take pixels as rows
        }
        let maps = stage.reads().chain([stage.windowed()]);
        let longest = maps.max_by_key(|map| self.port(*map).row_words);
        let words = longest.map_or(0, |map| self.port(map).row_words);
        let has = config.values().line_words;
        match longest {
            Some(map) if words > has => Err(Error::from(Misfit {
                what: "line buffer".into(),
                place: Some(format!("a row of `{}`", short(&graph[map].name))),
                needs: format!("{words} words of {} bytes in a bank", config.word_bytes()),
                has: has.to_string(),
                setting: Some(Setting::new("memory.line_words", words)),
            })),
            _ => Ok(()),
        }
    }
    /// Layout of a stage's map.
    pub fn port(&self, tensor: TensorId) -> MapPort {
        self.0[&tensor]
    }
}

/// Maps in lane groups: those that the depthwise engine reads, and those that are added to or into one of them.
fn grouped(plan: &Plan) -> BTreeSet<TensorId> {
    let mut grouped: BTreeSet<TensorId> = plan
        .stages
        .iter()
        .filter(|s| s.window.is_some())
        .map(Stage::windowed)
        .collect();
    loop {
        let before = grouped.len();
        for stage in &plan.stages {
            let pair = stage
                .residual
                .map(|t| [t, stage.output])
                .unwrap_or([stage.output; 2]);
            if pair.iter().any(|t| grouped.contains(t)) {
                grouped.extend(pair);
            }
        }
        if grouped.len() == before {
            return grouped;
        }
    }
}
