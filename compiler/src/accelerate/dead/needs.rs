// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which channels have to be there.
//!
//! Channels that are only there together form a group: those of a depthwise layer's input and output, of the maps of an ADD, of a
//! map and its flattened form. A group is needed when one of its channels is read; the inputs and outputs of the network, and
//! what other operators read and write, always are.

use std::collections::{BTreeMap, BTreeSet};

use sepstream_spec::graph::{Graph, Layer, TensorId};

use super::ranges::Ranges;
use super::roles::{Role, role};

/// The channels that have to be there.
pub struct Needs {
    groups: Groups,
    needed: Vec<bool>,
}

impl Needs {
    /// Marks `whole` and what is read, from the network's outputs to its inputs, until nothing changes.
    pub fn of(graph: &Graph, ranges: &Ranges, whole: &BTreeSet<TensorId>) -> Self {
        let mut groups = Groups::new(graph);
        graph
            .layers
            .iter()
            .for_each(|layer| tie(graph, layer, &mut groups));
        let mut needs = Needs {
            needed: vec![false; groups.parent.len()],
            groups,
        };
        let others = graph
            .layers
            .iter()
            .filter(|l| role(graph, l) == Role::Other);
        let read = others.flat_map(|l| l.inputs.iter().flatten().chain(&l.outputs));
        for &id in graph
            .inputs
            .iter()
            .chain(&graph.outputs)
            .chain(read)
            .chain(whole)
        {
            for channel in 0..graph[id].channels() {
                needs.add(id, channel);
            }
        }
        let dense: Vec<Dense<'_>> = graph
            .layers
            .iter()
            .filter(|layer| role(graph, layer) == Role::Dense)
            .filter_map(|layer| Dense::of(graph, ranges, layer))
            .collect();
        loop {
            let read = |any: bool, layer: &Dense<'_>| layer.read(&mut needs) | any;
            if !dense.iter().rev().fold(false, read) && !needs.fill(graph) {
                return needs;
            }
        }
    }
    /// Whether a channel has to be there; of a constant each.
    pub fn contains(&self, id: TensorId, channel: usize) -> bool {
        match self.groups.first.get(&id) {
            Some(first) => self.needed[self.groups.root(first + channel)],
            None => true,
        }
    }
    /// Marks a channel; tells if it was not marked before.
    fn add(&mut self, id: TensorId, channel: usize) -> bool {
        let Some(first) = self.groups.first.get(&id) else {
            return false;
        };
        let root = self.groups.root(first + channel);
        !std::mem::replace(&mut self.needed[root], true)
    }
    /// A map has at least one channel. Tells if one was missing.
    fn fill(&mut self, graph: &Graph) -> bool {
        let maps: Vec<TensorId> = self.groups.first.keys().copied().collect();
        let mut any = false;
        for id in maps {
            if !(0..graph[id].channels()).any(|c| self.contains(id, c)) {
                any |= self.add(id, 0);
            }
        }
        any
    }
}

/// Joins the channels that a layer lets be there only together.
fn tie(graph: &Graph, layer: &Layer, groups: &mut Groups) {
    let role = role(graph, layer);
    let (Some(input), output) = (layer.input(0), layer.outputs.first().copied()) else {
        return;
    };
    let Some(output) = output.filter(|_| role != Role::Other) else {
        return;
    };
    let (from, to) = (graph[input].channels(), graph[output].channels());
    match role {
        Role::Each { multiplier } => {
            (0..to).for_each(|c| groups.join((input, c / multiplier), (output, c)));
        }
        Role::Sum => {
            for operand in layer.inputs.iter().flatten() {
                (0..to).for_each(|c| groups.join((*operand, c), (output, c)));
            }
        }
        Role::Reshape => {
            (0..from.max(to)).for_each(|c| groups.join((input, c % from), (output, c % to)));
        }
        Role::Dense | Role::Other => {}
    }
}

/// What each output channel of a dense layer reads.
struct Dense<'g> {
    layer: &'g Layer,
    /// Per output channel, the input channels with weights; a constant one reads none.
    reads: Vec<Vec<usize>>,
}

impl<'g> Dense<'g> {
    fn of(graph: &Graph, ranges: &Ranges, layer: &'g Layer) -> Option<Self> {
        let (input, output) = (layer.input(0)?, layer.output());
        let (inputs, outputs) = (graph[input].channels(), graph[output].channels());
        let weights = graph.input(layer, 1)?.as_i8()?;
        let folded: Vec<bool> = (0..inputs)
            .map(|c| ranges.folds(graph, layer, c).is_some())
            .collect();
        let reads = (0..outputs).map(|o| {
            let own = &weights[o * weights.len() / outputs..][..weights.len() / outputs];
            let reads = |c: &usize| own.iter().skip(*c).step_by(inputs).any(|w| *w != 0);
            match ranges.get(output, o).constant() {
                Some(_) => Vec::new(),
                None => (0..inputs).filter(|c| !folded[*c]).filter(reads).collect(),
            }
        });
        Some(Dense {
            layer,
            reads: reads.collect(),
        })
    }
    /// Marks what the needed output channels read; tells if anything was not marked before.
    fn read(&self, needs: &mut Needs) -> bool {
        let Some(input) = self.layer.input(0) else {
            return false;
        };
        let mut any = false;
        for (o, reads) in self.reads.iter().enumerate() {
            if needs.contains(self.layer.output(), o) {
                reads.iter().for_each(|c| any |= needs.add(input, *c));
            }
        }
        any
    }
}

/// Groups of channels: a forest in which each tree is one.
struct Groups {
    /// Number of the first channel of each map.
    first: BTreeMap<TensorId, usize>,
    parent: Vec<usize>,
}

impl Groups {
    /// Each channel of each computed tensor on its own.
    fn new(graph: &Graph) -> Self {
        let mut first = BTreeMap::new();
        let mut count = 0;
        for (id, tensor) in graph.tensors.iter().enumerate() {
            if tensor.data.is_none() {
                first.insert(TensorId(id), count);
                count += tensor.channels();
            }
        }
        Groups {
            first,
            parent: (0..count).collect(),
        }
    }
    fn root(&self, mut node: usize) -> usize {
        while self.parent[node] != node {
            node = self.parent[node];
        }
        node
    }
    fn join(&mut self, a: (TensorId, usize), b: (TensorId, usize)) {
        let node =
            |(id, channel): (TensorId, usize)| self.first.get(&id).map(|first| first + channel);
        if let (Some(a), Some(b)) = (node(a), node(b)) {
            let (a, b) = (self.root(a), self.root(b));
            // the smaller is the root, so that each step of `root` goes down
            self.parent[a.max(b)] = a.min(b);
        }
    }
}
