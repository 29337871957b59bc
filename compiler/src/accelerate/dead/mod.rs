// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dead channels: those that are constant for every input, and those that nobody reads.
//!
//! A constant channel goes into the biases of the layers behind it where their padding cannot show; then nobody reads it. A
//! channel that nobody reads is not made, and what made it may be read by nobody in its turn. What is left gives the same bytes in
//! every channel that it has, and thus the same outputs.
//!
//! roles (how the channels of a layer's operands and result belong together) -> ranges (which values a channel can have) -> needs
//! (which channels have to be there) -> rewrite (weights, biases and shapes without the others).

mod needs;
mod ranges;
mod rewrite;
mod roles;

use std::collections::BTreeSet;

use needs::Needs;
use ranges::Ranges;
use sepstream_spec::graph::{Graph, Tensor, TensorId};

/// A network without its dead channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Layers and tensors have the positions of the network it was made from; weights and biases that changed are new tensors
    /// behind the others.
    pub graph: Graph,
    /// Channels left of each tensor of the network, ascending.
    kept: Vec<Vec<usize>>,
}

impl Live {
    /// Leaves out every dead channel.
    pub fn of(graph: &Graph) -> Self {
        Live::keeping(graph, &BTreeSet::new())
    }
    /// Leaves out every dead channel, but none of these tensors.
    pub fn keeping(graph: &Graph, whole: &BTreeSet<TensorId>) -> Self {
        let ranges = Ranges::of(graph);
        let needs = Needs::of(graph, &ranges, whole);
        let kept = |(id, tensor): (usize, &Tensor)| {
            let all = 0..tensor.channels();
            all.filter(|c| needs.contains(TensorId(id), *c)).collect()
        };
        let kept: Vec<Vec<usize>> = graph.tensors.iter().enumerate().map(kept).collect();
        Live {
            graph: rewrite::rewrite(graph, &ranges, &kept),
            kept,
        }
    }
    /// The network as it is.
    pub fn all(graph: &Graph) -> Self {
        let kept = graph.tensors.iter().map(|t| (0..t.channels()).collect());
        Live {
            graph: graph.clone(),
            kept: kept.collect(),
        }
    }
    /// Channels of a tensor of the network that are left, ascending.
    pub fn kept(&self, id: TensorId) -> &[usize] {
        &self.kept[id.0]
    }
    /// Channels left out, of all that layers write.
    pub fn left_out(&self, graph: &Graph) -> (usize, usize) {
        let written = graph.layers.iter().flat_map(|layer| &layer.outputs);
        written.fold((0, 0), |(dead, all), id| {
            let channels = graph[*id].channels();
            (dead + channels - self.kept(*id).len(), all + channels)
        })
    }
}
