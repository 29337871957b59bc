// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inverted residuals: the expanding 1x1 convolution runs in the stage of the window layer that reads its map, row by row, so that
//! the expanded map, the largest of its network, is never stored.

use super::plan::{Expand, Plan, Stage, takes_pixels};
use sepstream_spec::config::Config;
use sepstream_spec::graph::Graph;

/// Joins every expanding stage with the one behind it, where the configuration can.
pub fn fuse(graph: &Graph, mut plan: Plan, config: &Config) -> Plan {
    if !config.expands() {
        return plan;
    }
    let mut at = 0;
    while at < plan.stages.len() {
        match expanding(graph, &plan, at, config) {
            Some(by) => {
                let expand = plan.stages.remove(by);
                at -= usize::from(by < at);
                let stage = &mut plan.stages[at];
                stage.expand = expand.dense.map(|layer| Expand {
                    layer,
                    function: expand.function,
                    map: expand.output,
                });
                stage.input = expand.input;
            }
            None => at += 1,
        }
    }
    plan
}

/// The stage that expands the map which the windows of stage `at` read, and nobody else.
fn expanding(graph: &Graph, plan: &Plan, at: usize, config: &Config) -> Option<usize> {
    let stage = &plan.stages[at];
    let map = stage.input;
    let sliced = stage.slice.is_some();
    if stage.window.is_none() || sliced || stage.expand.is_some() || plan.outputs.contains(&map) {
        return None;
    }
    let read = |s: &Stage| s.reads().filter(|t| *t == map).count();
    let by = plan.stages.iter().position(|s| s.output == map)?;
    let expand = &plan.stages[by];
    let alone = expand.window.is_none() && expand.add.is_none() && expand.expand.is_none();
    let dense = &graph.layers[expand.dense.filter(|_| alone)?];
    let v = config.values();
    // a pixel is largest where it lies in lane groups, because the depthwise engine reads that map too
    let groups = graph[expand.input].channels().div_ceil(v.lanes as usize);
    let words = (groups * config.lane_pitch() as usize).div_ceil(v.tn as usize);
    let fits = words <= v.expand_words.min(v.pixel_words) as usize;
    (fits
        && graph[map].nhwc().is_some_and(|[_, h, w, _]| h * w > 1)
        && takes_pixels(graph, dense, expand.input)
        && plan.stages.iter().map(read).sum::<usize>() == 1)
        .then_some(by)
}
