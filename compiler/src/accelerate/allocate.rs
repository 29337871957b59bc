// SPDX-License-Identifier: MIT OR Apache-2.0
//! Places of the maps in the activation memory.

use super::Plan;
use super::layout::Layouts;
use crate::Error;
use crate::error::DoesNotFit;
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::regs::Memory;
use std::collections::BTreeMap;

/// Where every map lies.
pub struct Places {
    /// First word of each map.
    pub base: BTreeMap<TensorId, u32>,
    /// Words in use.
    pub words: u32,
    /// Inputs and outputs share their words with nothing.
    pub overlap: bool,
}

/// A map while it is alive: from the stage that writes it to the last that reads it.
struct Life {
    tensor: TensorId,
    words: u32,
    first: usize,
    last: usize,
}

/// Places all maps, if possible so that the next input can be loaded while a frame runs.
///
/// # Errors
/// When they do not fit either way.
pub fn allocate(
    graph: &Graph,
    plan: &Plan,
    layouts: &Layouts,
    config: &Config,
) -> Result<Places, Error> {
    let room = config.activation_words();
    let mut needed = 0;
    for overlap in [true, false] {
        let places = place(&lives(plan, layouts, overlap), overlap);
        if places.words <= room {
            return Ok(places);
        }
        needed = places.words;
    }
    Err(Error::DoesNotFit(DoesNotFit::memory(
        graph,
        config,
        Memory::Activation,
        needed,
    )))
}

/// Words that a plan's maps need at least, inputs and outputs not kept apart.
pub fn needed(plan: &Plan, layouts: &Layouts) -> u32 {
    place(&lives(plan, layouts, false), false).words
}

fn lives(plan: &Plan, layouts: &Layouts, overlap: bool) -> Vec<Life> {
    let end = plan.stages.len();
    let mut lives: BTreeMap<TensorId, Life> = BTreeMap::new();
    for (n, stage) in plan.stages.iter().enumerate() {
        for tensor in stage.reads().chain([stage.output]) {
            let words = layouts.port(tensor).words();
            let life = lives.entry(tensor).or_insert(Life {
                tensor,
                words,
                first: n,
                last: n,
            });
            life.last = n;
        }
    }
    for tensor in &plan.inputs {
        if let Some(life) = lives.get_mut(tensor) {
            life.first = 0;
            life.last = if overlap { end } else { life.last };
        }
    }
    for tensor in &plan.outputs {
        if let Some(life) = lives.get_mut(tensor) {
            life.first = if overlap { 0 } else { life.first };
            life.last = end;
        }
    }
    lives.into_values().collect()
}

/// First fit, the largest map first: the largest ones decide the need, and the small ones find the gaps.
fn place(lives: &[Life], overlap: bool) -> Places {
    let mut order: Vec<&Life> = lives.iter().collect();
    order.sort_by_key(|l| (std::cmp::Reverse(l.words), l.first));
    let mut placed: Vec<(&Life, u32)> = Vec::new();
    for life in order {
        let mut taken: Vec<(u32, u32)> = placed
            .iter()
            .filter(|(other, _)| other.first <= life.last && life.first <= other.last)
            .map(|(other, base)| (*base, base + other.words))
            .collect();
        taken.sort_unstable();
        let mut base = 0;
        for (from, to) in taken {
            if base + life.words <= from {
                break;
            }
            base = base.max(to);
        }
        placed.push((life, base));
    }
    Places {
        words: placed
            .iter()
            .map(|(life, base)| base + life.words)
            .max()
            .unwrap_or(0),
        base: placed
            .into_iter()
            .map(|(life, base)| (life.tensor, base))
            .collect(),
        overlap,
    }
}
