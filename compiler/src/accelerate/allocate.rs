// SPDX-License-Identifier: MIT OR Apache-2.0
//! Places of the maps in the activation memory.
//!
//! A stage may write its map over one that it is the last to read: see [`leads`].

use super::layout::Layouts;
use super::lower::rows_needed;
use super::{MemoryUse, Plan, Stage};
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

/// For maps that a stage is the last to read, and the map that it writes: words by which the second must begin in front of the first,
/// so that no word is overwritten before it has been read.
type Leads = BTreeMap<(TensorId, TensorId), i64>;

/// Places all maps, with `apart` and if possible so that the next input can be loaded while a frame runs. Where they do not fit either way, the
/// places are those that take the least.
pub fn allocate(
    graph: &Graph,
    plan: &Plan,
    layouts: &Layouts,
    apart: bool,
    config: &Config,
) -> Places {
    let apart = places(graph, plan, layouts, apart);
    if !apart.overlap || apart.words <= config.activation_words() {
        return apart;
    }
    places(graph, plan, layouts, false)
}

impl Places {
    /// How much of the activation memory the maps use.
    pub fn memory_use(&self, config: &Config) -> MemoryUse {
        MemoryUse {
            memory: Memory::Activation,
            used: self.words,
            shape: Memory::Activation.shape(config),
        }
    }
}

/// Words that a plan's maps need at least, inputs and outputs not kept apart.
pub fn needed(graph: &Graph, plan: &Plan, layouts: &Layouts) -> u32 {
    places(graph, plan, layouts, false).words
}

fn places(graph: &Graph, plan: &Plan, layouts: &Layouts, overlap: bool) -> Places {
    let lives = lives(plan, layouts, overlap);
    place(&lives, &leads(graph, plan, layouts, &lives), overlap)
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

/// How far each stage's map must begin in front of those that end with it.
///
/// All reading and writing of maps goes on in the order of their words. A word of row y is written when the windows of row y
/// have been computed, so after all rows that they need have been read; a word of a residual map is read before its sum is written.
/// Of several slices of a window none both ends the map that they read and begins the one that they write, so these lie apart.
fn leads(graph: &Graph, plan: &Plan, layouts: &Layouts, lives: &[Life]) -> Leads {
    let life = |tensor| lives.iter().find(|life| life.tensor == tensor);
    let mut leads = Leads::new();
    for (n, stage) in plan.stages.iter().enumerate() {
        let written = life(stage.output).filter(|life| life.first == n);
        for read in stage.reads() {
            let ends = life(read).filter(|life| life.last == n);
            let (Some(read), Some(written)) = (ends, written) else {
                continue;
            };
            let mut lead = i64::MIN;
            if read.tensor == stage.input {
                lead = lead.max(window_lead(graph, stage, layouts));
            }
            if stage.residual == Some(read.tensor) {
                lead = lead.max(0);
            }
            let lead = lead.max(-i64::from(read.words));
            leads.insert((read.tensor, written.tensor), lead);
        }
    }
    leads
}

/// The lead that a stage's windows ask for; `i64::MIN` if the first of them needs all rows.
fn window_lead(graph: &Graph, stage: &Stage, layouts: &Layouts) -> i64 {
    let needed = rows_needed(graph, stage, layouts);
    let [read, written] = [stage.input, stage.output].map(|t| layouts.port(t).row_words);
    let all = needed.last().copied();
    (1..)
        .zip(&needed)
        .filter(|(_, rows)| Some(**rows) < all)
        .map(|(row, rows)| i64::from(row * written) - i64::from(rows * read))
        .max()
        .unwrap_or(i64::MIN)
}

/// First fit, the largest map first: the largest ones decide the need, and the small ones find the gaps.
fn place(lives: &[Life], leads: &Leads, overlap: bool) -> Places {
    let mut order: Vec<&Life> = lives.iter().collect();
    order.sort_by_key(|l| (std::cmp::Reverse(l.words), l.first));
    let mut placed: Vec<(&Life, u32)> = Vec::new();
    for life in order {
        // a placed map is in the way of bases between two that are not
        let mut taken: Vec<(i64, i64)> = placed
            .iter()
            .filter(|(other, _)| other.first <= life.last && life.first <= other.last)
            .map(|&(other, base)| {
                let base = i64::from(base);
                let over = leads.get(&(other.tensor, life.tensor));
                let under = leads.get(&(life.tensor, other.tensor));
                let from = base - over.copied().unwrap_or(life.words.into());
                let to = base + under.copied().unwrap_or(other.words.into());
                (from, to)
            })
            .collect();
        taken.sort_unstable();
        let mut base = 0;
        for (from, to) in taken {
            if base <= from {
                break;
            }
            base = base.max(to);
        }
        placed.push((life, base as u32));
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
