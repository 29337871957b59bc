// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network cut into segments: layers that run one behind the other on the accelerator, or on the
//! host.
//!
//! place (which layers the accelerator takes) -> order (their segments) -> [`Cut`] (the tensors
//! that go from one to the next). The compiler then makes a run of the accelerator out of each of
//! its segments, as if it were a network of its own.

mod order;
mod place;
mod strict;

use std::collections::{BTreeMap, BTreeSet};

use sepstream_spec::graph::{Graph, TensorId};

use crate::blockers;
use crate::rule::Violation;
use crate::{Error, LayerRef};

/// Who runs a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The host, with the software reference for instance.
    Host,
    /// The accelerator, in one run.
    Accelerator,
}

/// Layers that run one behind the other on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Who runs them.
    pub side: Side,
    /// Their positions in `Graph::layers`, ascending.
    pub layers: Vec<usize>,
    /// Tensors of other segments and of the caller that they read, in the order in which they do.
    pub reads: Vec<TensorId>,
    /// Tensors that they write for other segments and the caller: the caller's first.
    pub writes: Vec<TensorId>,
}

/// A network in segments, in the order of their execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The segments.
    pub segments: Vec<Segment>,
}

impl Cut {
    /// Cuts a network. With `strict`, one run of the accelerator must do: the host then runs layers
    /// before it and behind it only.
    ///
    /// # Errors
    /// [`Error::Network`] if the network cannot run as a whole; [`Error::Unsupported`] with every
    /// layer that keeps the accelerator from running anything, that nobody can run, or, with
    /// `strict`, that the host would have to run in between.
    pub fn of(graph: &Graph, strict: bool) -> Result<Self, Error> {
        Cut::without(graph, &BTreeSet::new(), strict)
    }

    /// The same, without layers that the accelerator turned out not to take, by their indices in
    /// the model file.
    pub(super) fn without(
        graph: &Graph,
        refused: &BTreeSet<usize>,
        strict: bool,
    ) -> Result<Self, Error> {
        blockers::whole(graph)?;
        let net = Net::of(graph);
        let on_accelerator = place::place(&net, refused);
        if strict || !on_accelerator.contains(&true) {
            strict::one_run(&net)?;
        }
        let cut = Cut::by_level(&net, &order::levels(&net, on_accelerator));
        blockers::refuse(graph, cut.unrunnable(graph))?;
        Ok(cut)
    }

    /// Cuts a network of which it is known, per layer, whether the accelerator runs it.
    pub fn of_sides(graph: &Graph, on_accelerator: &[bool]) -> Self {
        let net = Net::of(graph);
        Cut::by_level(&net, &order::lowest(&net, on_accelerator))
    }

    /// The segments of levels: even ones are the host's, odd ones the accelerator's.
    fn by_level(net: &Net, levels: &[usize]) -> Self {
        let mut segments: BTreeMap<usize, Segment> = BTreeMap::new();
        for (n, level) in levels.iter().enumerate() {
            let segment = segments.entry(*level).or_insert(Segment {
                side: order::side(*level),
                layers: Vec::new(),
                reads: Vec::new(),
                writes: Vec::new(),
            });
            segment.layers.push(n);
        }
        let written = |id: &TensorId| net.producer[id.0].map(|p| levels[p]);
        let write = |segments: &mut BTreeMap<usize, Segment>, id: TensorId| {
            let writer = written(&id).and_then(|level| segments.get_mut(&level));
            if let Some(segment) = writer.filter(|segment| !segment.writes.contains(&id)) {
                segment.writes.push(id);
            }
        };
        for id in &net.graph.outputs {
            write(&mut segments, *id);
        }
        for (n, level) in levels.iter().enumerate() {
            for id in data_inputs(net.graph, n) {
                if written(&id) == Some(*level) {
                    continue;
                }
                let reader = segments.get_mut(level);
                if let Some(segment) = reader.filter(|segment| !segment.reads.contains(&id)) {
                    segment.reads.push(id);
                }
                write(&mut segments, id);
            }
        }
        Cut {
            segments: segments.into_values().collect(),
        }
    }

    /// The segments that the accelerator runs.
    pub fn runs(&self) -> impl Iterator<Item = &Segment> {
        let segments = self.segments.iter();
        segments.filter(|segment| segment.side == Side::Accelerator)
    }

    /// Every tensor that a segment reads from outside, or writes for it.
    pub fn crossing(&self) -> BTreeSet<TensorId> {
        let segments = self.segments.iter();
        let ends = segments.flat_map(|segment| segment.reads.iter().chain(&segment.writes));
        ends.copied().collect()
    }

    /// Bytes that go into the accelerator and come out of it in a frame.
    pub fn bytes_across(&self, graph: &Graph) -> u64 {
        let ends = self
            .runs()
            .flat_map(|run| run.reads.iter().chain(&run.writes));
        ends.map(|id| graph[*id].bytes() as u64).sum()
    }

    /// Multiply-accumulates of the layers on the accelerator.
    pub fn macs_on_accelerator(&self, graph: &Graph) -> u64 {
        let layers = self.runs().flat_map(|run| &run.layers);
        layers.map(|n| graph.macs(&graph.layers[*n])).sum()
    }

    /// What the layers that nobody can run lack: those between runs. In front of the first and
    /// behind the last they are left to the caller.
    fn unrunnable(&self, graph: &Graph) -> Vec<Violation> {
        let runs = |s: &Segment| s.side == Side::Accelerator;
        let first = self.segments.iter().position(runs).unwrap_or(0);
        let last = self.segments.iter().rposition(runs).unwrap_or(0);
        let between = self.segments.get(first..last).unwrap_or_default();
        let layers = between.iter().flat_map(|segment| &segment.layers);
        layers
            .flat_map(|n| blockers::missing(graph, &graph.layers[*n]))
            .collect()
    }
}

/// A network, and who writes what.
struct Net<'g> {
    graph: &'g Graph,
    /// Per tensor: the position of the layer that writes it.
    producer: Vec<Option<usize>>,
}

impl<'g> Net<'g> {
    fn of(graph: &'g Graph) -> Self {
        let mut producer = vec![None; graph.tensors.len()];
        for (n, layer) in graph.layers.iter().enumerate() {
            layer.outputs.iter().for_each(|id| producer[id.0] = Some(n));
        }
        Net { graph, producer }
    }

    /// The layers that write what a layer reads.
    fn before(&self, position: usize) -> impl Iterator<Item = usize> + '_ {
        data_inputs(self.graph, position).filter_map(|id| self.producer[id.0])
    }
}

/// Tensors that a layer computes with: neither constant nor absent.
fn data_inputs(graph: &Graph, position: usize) -> impl Iterator<Item = TensorId> + '_ {
    let inputs = graph.layers[position].inputs.iter().flatten().copied();
    inputs.filter(|id| graph[*id].data.is_none())
}

/// The layer that names a violation of a whole network.
fn first_layer(graph: &Graph) -> Option<LayerRef> {
    graph.layers.first().map(|layer| LayerRef::of(graph, layer))
}
