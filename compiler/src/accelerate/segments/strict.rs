// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether one run of the accelerator does, with host layers only before and behind it; what stands
//! in the way, if not.

use std::collections::BTreeMap;

use sepstream_spec::graph::Graph;

use super::{Net, first_layer, place};
use crate::accelerate::plan::{add_operands, folded_pads, is_accelerated, is_alias};
use crate::accelerate::rules::{self, Context};
use crate::{Error, blockers};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    Accelerator,
    After,
}

/// # Errors
/// [`Error::Unsupported`] with every layer that the accelerator would have to run and cannot, or if
/// it has nothing to run.
pub fn one_run(net: &Net) -> Result<(), Error> {
    let graph = net.graph;
    let (places, followers) = places(net);
    let mut violations = Vec::new();
    for (n, layer) in graph.layers.iter().enumerate() {
        let context = Context {
            graph,
            layer,
            accelerated: places[n] == Place::Accelerator,
            follower: followers.get(&n).map(|n| &graph.layers[*n]),
        };
        violations.extend(rules::check(&context));
    }
    let computes = |n: usize| places[n] == Place::Accelerator && !renames(graph, n);
    if !(0..places.len()).any(computes) && violations.is_empty() {
        // What keeps layers from being the accelerator's says more than that there are none.
        blockers::runnable(graph)?;
        violations.extend(first_layer(graph).map(rules::nothing_to_do));
    }
    blockers::refuse(graph, violations)
}

/// Where each layer would run, and for layers of the host behind the accelerator the first of its
/// operators that needs them.
fn places(net: &Net) -> (Vec<Place>, BTreeMap<usize, usize>) {
    let graph = net.graph;
    let mut places: Vec<Place> = Vec::new();
    let mut followers = BTreeMap::new();
    let between = place::Inner::of(graph);
    for (n, layer) in graph.layers.iter().enumerate() {
        let from: Vec<Place> = net.before(n).map(|p| places[p]).collect();
        let behind = from.contains(&Place::After);
        let inside = from.contains(&Place::Accelerator);
        let works = add_operands(graph, layer).is_some() || between.layers[n];
        let renamed = inside && is_alias(graph, layer);
        let inner = (inside || between.alone) && works || renamed;
        let folded = folded_pads(graph, layer).is_some() && place::in_front_of_sums(graph, n);
        let taken = is_accelerated(&layer.op) || inner || folded;
        places.push(match (behind, taken, inside) {
            (false, true, _) => Place::Accelerator,
            (true, ..) | (_, _, true) => Place::After,
            _ => Place::Before,
        });
        if behind && is_accelerated(&layer.op) {
            let first = first_behind(net, n, &places);
            followers.entry(first).or_insert(n);
        }
    }
    (places, followers)
}

/// A layer that only gives a map another shape, or the windows behind it their padding.
fn renames(graph: &Graph, n: usize) -> bool {
    let layer = &graph.layers[n];
    is_alias(graph, layer) || folded_pads(graph, layer).is_some()
}

/// The layer on the host at which the operands of a layer leave the accelerator.
fn first_behind(net: &Net, n: usize, places: &[Place]) -> usize {
    let mut at = n;
    loop {
        match net.before(at).find(|p| places[*p] == Place::After) {
            Some(before) => at = before,
            None => return at,
        }
    }
}
