// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which layers the accelerator takes: those of its operators that break none of its rules. The
//! host runs the others.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sepstream_spec::graph::{Graph, Op};

use super::Net;
use crate::accelerate::functions;
use crate::accelerate::plan::{add_operands, folded_pads, is_accelerated, is_alias, is_inner};
use crate::accelerate::rules::{self, Context};

/// Per layer: whether the accelerator takes it. It does not take those of `refused`, by their
/// indices in the model file.
pub fn place(net: &Net, refused: &BTreeSet<usize>) -> Vec<bool> {
    let graph = net.graph;
    let inner = Inner::of(graph);
    let (folds, blocked) = pads_and_blocked(graph, refused);
    let mut taken: Vec<bool> = Vec::new();
    for (n, layer) in graph.layers.iter().enumerate() {
        let inside = net.before(n).any(|p| taken[p]) || inner.alone;
        let takes = match &layer.op {
            Op::Pad(_) => folds[n] && in_front_of_sums(graph, n),
            // a map of the host's is renamed there
            Op::Reshape => inside && is_alias(graph, layer),
            // two maps of the host's are added there: one map crosses, not two
            Op::Add(_) => inside && add_operands(graph, layer).is_some(),
            op => is_accelerated(op),
        };
        taken.push((takes || inside && inner.layers[n]) && !blocked[n]);
    }
    taken
}

/// What the accelerator makes between its own layers, and the host at the border, which needs no
/// hardware for it.
pub struct Inner {
    /// Per layer: whether it is such, and others of the accelerator's layers depend on it.
    pub layers: Vec<bool>,
    /// The network has no other layers for the accelerator: these are its own.
    pub alone: bool,
}

impl Inner {
    /// Those of a graph.
    pub fn of(graph: &Graph) -> Self {
        let own = |op: &Op| is_accelerated(op);
        let alone = !graph.layers.iter().any(|layer| own(&layer.op));
        let mut between = vec![alone; graph.layers.len()];
        for (n, layer) in graph.layers.iter().enumerate().rev() {
            let mut readers = layer.outputs.iter().flat_map(|t| graph.consumers(*t));
            between[n] |= readers.any(|r| own(&graph.layers[r].op) || between[r]);
        }
        let functions = functions::all(graph);
        let inside = |n: usize| {
            let function = functions.iter().any(|f| f.layers.contains(&n));
            between[n] && (function || is_inner(graph, &graph.layers[n]))
        };
        Inner {
            layers: (0..between.len()).map(inside).collect(),
            alone,
        }
    }
}

/// Whether only layers that the accelerator runs anywhere read what a layer makes.
pub fn in_front_of_sums(graph: &Graph, n: usize) -> bool {
    let mut readers = graph.consumers(graph.layers[n].output());
    readers.all(|reader| is_accelerated(&graph.layers[reader].op))
}

/// Per layer: whether it is a PAD that the windows behind it take over, and whether it breaks a
/// rule of the accelerator. A PAD that some of its readers cannot take over runs on the host, and
/// they without it.
fn pads_and_blocked(graph: &Graph, refused: &BTreeSet<usize>) -> (Vec<bool>, Vec<bool>) {
    let mut view = Cow::Borrowed(graph);
    let mut positions: Vec<usize> = (0..graph.layers.len()).collect();
    loop {
        let stopped = |n: usize| refused.contains(&view.layers[n].index) || breaks(&view, n);
        let stopped: Vec<bool> = (0..positions.len()).map(stopped).collect();
        let folds = |n: usize| folded_pads(&view, &view.layers[n]).is_some();
        let whole = |n: usize| {
            let mut readers = view.consumers(view.layers[n].output());
            !stopped[n] && readers.all(|reader| !stopped[reader])
        };
        let torn: Vec<usize> = (0..positions.len())
            .filter(|n| folds(*n) && !whole(*n))
            .collect();
        if torn.is_empty() {
            let mut result = (
                vec![false; graph.layers.len()],
                vec![false; graph.layers.len()],
            );
            for (n, position) in positions.iter().enumerate() {
                result.0[*position] = folds(n);
                result.1[*position] = stopped[n];
            }
            return result;
        }
        for n in torn.into_iter().rev() {
            view.to_mut().layers.remove(n);
            positions.remove(n);
        }
    }
}

/// Whether a layer breaks a rule of the accelerator.
fn breaks(graph: &Graph, position: usize) -> bool {
    let context = Context {
        graph,
        layer: &graph.layers[position],
        accelerated: true,
        follower: None,
    };
    !context.layer.missing().is_empty() || !rules::check(&context).is_empty()
}
