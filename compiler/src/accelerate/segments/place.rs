// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which layers the accelerator takes: those of its operators that break none of its rules. The
//! host runs the others.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sepstream_spec::graph::{Graph, Op};

use super::Net;
use crate::accelerate::functions;
use crate::accelerate::plan::{add_operands, folded_pads, is_accelerated, is_alias};
use crate::accelerate::rules::{self, Context};

/// Per layer: whether the accelerator takes it. It does not take those of `refused`, by their
/// indices in the model file.
pub fn place(net: &Net, refused: &BTreeSet<usize>) -> Vec<bool> {
    let graph = net.graph;
    let functions = in_functions(graph);
    let (folds, blocked) = pads_and_blocked(graph, refused);
    let mut taken: Vec<bool> = Vec::new();
    for (n, layer) in graph.layers.iter().enumerate() {
        let inside = net.before(n).any(|p| taken[p]);
        let takes = match &layer.op {
            Op::Pad(_) => folds[n],
            // a map of the host's is renamed there
            Op::Reshape => inside && is_alias(graph, layer),
            // two maps of the host's are added there: one map crosses, not two
            Op::Add(_) => inside && add_operands(graph, layer).is_some(),
            op => is_accelerated(op),
        };
        taken.push((takes || inside && functions[n]) && !blocked[n]);
    }
    taken
}

/// Per layer: whether it is part of a function of one byte that the accelerator looks up, as others
/// of its layers depend on it.
pub fn in_functions(graph: &Graph) -> Vec<bool> {
    let mut between = vec![false; graph.layers.len()];
    for (n, layer) in graph.layers.iter().enumerate().rev() {
        let mut readers = layer.outputs.iter().flat_map(|t| graph.consumers(*t));
        between[n] = readers.any(|r| is_accelerated(&graph.layers[r].op) || between[r]);
    }
    let functions = functions::all(graph);
    let inside = |n: &usize| between[*n] && functions.iter().any(|f| f.layers.contains(n));
    (0..between.len()).map(|n| inside(&n)).collect()
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
