// SPDX-License-Identifier: MIT OR Apache-2.0
//! A smaller network that fails as well: without layers behind or in front, with half of the channels.

use sepstream_spec::graph::{Graph, Op, TensorId};

/// The smallest network that still fails, of those that are made of a failing one step by step.
pub fn shrunk(graph: &Graph, fails: impl Fn(&Graph) -> bool) -> Graph {
    let mut smallest = graph.clone();
    while let Some(smaller) = candidates(&smallest).into_iter().find(&fails) {
        smallest = smaller;
    }
    smallest
}

/// Networks one step smaller, the smallest first.
fn candidates(graph: &Graph) -> Vec<Graph> {
    let mut all = Vec::new();
    // a single map in the middle comes out, or goes in
    for position in 0..graph.layers.len() {
        let map = graph.layers[position].output();
        if graph.outputs != [map] {
            let ends = Graph {
                outputs: vec![map],
                ..graph.clone()
            };
            all.extend(needed(ends));
        }
        let begins = Graph {
            inputs: [&graph.inputs[..], &[map]].concat(),
            layers: [&graph.layers[..position], &graph.layers[position + 1..]].concat(),
            ..graph.clone()
        };
        if !graph.outputs.contains(&map) {
            all.extend(needed(begins));
        }
    }
    all.extend(half_the_outputs(graph));
    all
}

/// The network without what its outputs do not need; `None` where they need no layer.
fn needed(mut graph: Graph) -> Option<Graph> {
    let mut read: Vec<TensorId> = graph.outputs.clone();
    let mut kept = Vec::new();
    for layer in graph.layers.iter().rev() {
        if read.contains(&layer.output()) {
            read.extend(layer.inputs.iter().flatten());
            kept.insert(0, layer.clone());
        }
    }
    for (index, layer) in kept.iter_mut().enumerate() {
        layer.index = index;
    }
    graph.inputs.retain(|id| read.contains(id));
    graph.layers = kept;
    // an ADD of nothing but inputs is the host's, as is what only moves bytes
    let works = |op: &Op| !matches!(op, Op::Add(_) | Op::Reshape | Op::Pad(_));
    graph.layers.iter().any(|l| works(&l.op)).then_some(graph)
}

/// The first half of the output channels of a last layer that has weights for each.
fn half_the_outputs(graph: &Graph) -> Option<Graph> {
    let mut graph = graph.clone();
    let layer = graph.layers.last()?.clone();
    if !matches!(layer.op, Op::Conv2d(_) | Op::FullyConnected(_)) {
        return None;
    }
    let (weights, output) = (layer.input(1)?, layer.output());
    let channels = graph[output].channels();
    let half = channels / 2;
    if half == 0 {
        return None;
    }
    for (id, axis) in [(Some(weights), 0), (layer.input(2), 0)] {
        let Some(id) = id else { continue };
        let tensor = &mut graph.tensors[id.0];
        tensor.shape[axis] = half;
        let data = tensor.data.as_mut()?;
        data.truncate(data.len() / channels * half);
        let quant = tensor.quant.as_mut()?;
        if quant.scale.len() == channels {
            quant.scale.truncate(half);
            quant.zero_point.truncate(half);
        }
    }
    *graph.tensors[output.0].shape.last_mut()? = half;
    Some(graph)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::network;
    use crate::seeds;

    /// What fails for a layer alone ends as that layer alone, and what fails for its last channels keeps just these.
    #[test]
    fn the_layer_that_fails_is_left() {
        let convolves = |graph: &Graph| {
            let mut layers = graph.layers.iter();
            layers.any(|l| matches!(l.op, Op::Conv2d(_)) && graph.output(l).channels() > 2)
        };
        let mut shrunken = 0;
        for seed in seeds!(50, 50).one_by_one() {
            let graph = network(&mut fastrand::Rng::with_seed(seed));
            if !convolves(&graph) {
                continue;
            }
            let small = shrunk(&graph, convolves);
            assert!(convolves(&small));
            let [layer] = &small.layers[..] else {
                panic!("{} layers are left", small.layers.len());
            };
            assert!(small.output(layer).channels() <= 5);
            assert_eq!(small.inputs.len(), 1);
            shrunken += usize::from(small.layers.len() < graph.layers.len());
        }
        assert!(shrunken > 0, "no network had more than its one layer");
    }
}
