// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layers in a random network that only the host runs: in front, between the accelerator's layers,
//! in branches, at the end.

use fastrand::Rng;
use sepstream_spec::graph::{Graph, Layer, Op, Reverse, Tensor, TensorId};

/// Puts a few of them on random maps, each in front of some or of all readers of its map.
pub fn plant(graph: &mut Graph, rng: &mut Rng) {
    for _ in 0..rng.usize(1..=4) {
        let made = graph.layers.iter().flat_map(|layer| &layer.outputs);
        let maps: Vec<TensorId> = graph.inputs.iter().chain(made).copied().collect();
        // maps with several readers are few, and branch
        let branches = |map: &TensorId| graph.consumers(*map).count() > 1;
        let branching: Vec<TensorId> = maps.iter().copied().filter(branches).collect();
        let from = match branching.is_empty() || rng.bool() {
            true => &maps,
            false => &branching,
        };
        if let Some(map) = rng.choice(from).copied() {
            put_behind(graph, map, rng);
        }
    }
    for (index, layer) in graph.layers.iter_mut().enumerate() {
        layer.index = index;
    }
}

/// A REVERSE of a map.
fn put_behind(graph: &mut Graph, map: TensorId, rng: &mut Rng) {
    let axes = 1..graph[map].shape.len();
    if axes.is_empty() {
        return;
    }
    let at = graph.producer(map).map_or(0, |producer| producer + 1);
    let is_output = graph.outputs.contains(&map);
    let readers: Vec<usize> = graph.consumers(map).collect();
    let result = TensorId(graph.tensors.len());
    let name = format!("host {}", result.0);
    let tensor = graph[map].clone();
    graph.tensors.push(Tensor { name, ..tensor });

    // one of the readers at least sees the result, an output of the network perhaps, too
    let ends = readers.len() + usize::from(is_output);
    let sure = rng.usize(0..ends.max(1));
    for (n, reader) in readers.iter().enumerate() {
        if n == sure || rng.bool() {
            let inputs = graph.layers[*reader].inputs.iter_mut().flatten();
            inputs.filter(|id| **id == map).for_each(|id| *id = result);
        }
    }
    if is_output && (sure == readers.len() || rng.bool()) {
        let outputs = graph.outputs.iter_mut();
        outputs.filter(|id| **id == map).for_each(|id| *id = result);
    }
    let axes = vec![rng.usize(axes)];
    graph.layers.insert(
        at,
        Layer {
            index: 0,
            op: Op::ReverseV2(Reverse { axes }),
            inputs: vec![Some(map)],
            outputs: vec![result],
        },
    );
}
