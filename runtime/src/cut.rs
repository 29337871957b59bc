// SPDX-License-Identifier: MIT OR Apache-2.0
//! Part of a network as a network of its own.

use std::collections::HashSet;
use std::ops::Range;

use sepstream_spec::graph::{Graph, TensorId};

use crate::Error;

/// The layers whose index in the model file is in `range`. Inputs are the tensors that they read
/// and others write, outputs those that they write and others read, or nobody.
pub fn cut(graph: &Graph, range: &Range<usize>) -> Result<Graph, Error> {
    let (inside, outside): (Vec<_>, Vec<_>) = graph
        .layers
        .iter()
        .cloned()
        .partition(|layer| range.contains(&layer.index));
    if inside.is_empty() {
        let last = graph.layers.last().map_or(0, |layer| layer.index);
        return Err(Error::Input(format!(
            "no layer in {}..{}; `{}` has layers 0 to {last}",
            range.start, range.end, graph.name
        )));
    }
    let read = |layers: &[sepstream_spec::graph::Layer]| -> HashSet<TensorId> {
        layers
            .iter()
            .flat_map(|layer| layer.inputs.iter().flatten().copied())
            .collect()
    };
    let (read_inside, read_outside) = (read(&inside), read(&outside));
    let written: HashSet<TensorId> = inside
        .iter()
        .flat_map(|layer| layer.outputs.iter().copied())
        .collect();
    let mut inputs = Vec::new();
    for id in inside
        .iter()
        .flat_map(|layer| layer.inputs.iter().flatten())
    {
        if graph[*id].data.is_none() && !written.contains(id) && !inputs.contains(id) {
            inputs.push(*id);
        }
    }
    let leaves = |id: &TensorId| {
        read_outside.contains(id) || graph.outputs.contains(id) || !read_inside.contains(id)
    };
    let outputs = inside
        .iter()
        .flat_map(|layer| layer.outputs.iter().copied())
        .filter(leaves)
        .collect();
    Ok(Graph {
        name: graph.name.clone(),
        tensors: graph.tensors.clone(),
        layers: inside,
        inputs,
        outputs,
        missing: graph.missing.clone(),
        semantics: graph.semantics,
    })
}

#[cfg(test)]
mod tests {
    use sepstream_spec::graph::{DType, Layer, Op, Tensor};

    use super::*;

    /// 0 -relu-> 1 -tanh-> 2 -relu6-> 3, and 1 is read by the last layer 7 too.
    fn graph() -> Graph {
        let tensor = |n: usize| Tensor {
            name: n.to_string(),
            shape: vec![1],
            dtype: DType::I8,
            quant: None,
            data: None,
        };
        let layer = |index, op, inputs: &[usize], output| Layer {
            index,
            op,
            inputs: inputs.iter().map(|&n| Some(TensorId(n))).collect(),
            outputs: vec![TensorId(output)],
        };
        Graph {
            name: "net".into(),
            tensors: (0..5).map(tensor).collect(),
            layers: vec![
                layer(0, Op::Relu, &[0], 1),
                layer(1, Op::Tanh, &[1], 2),
                layer(4, Op::Relu6, &[2], 3),
                layer(
                    7,
                    Op::Add(sepstream_spec::graph::Elementwise {
                        activation: Default::default(),
                    }),
                    &[3, 1],
                    4,
                ),
            ],
            inputs: vec![TensorId(0)],
            outputs: vec![TensorId(4)],
            ..Graph::default()
        }
    }
    fn ends(range: Range<usize>) -> (Vec<usize>, Vec<usize>) {
        let part = cut(&graph(), &range).unwrap();
        let plain = |ids: &[TensorId]| ids.iter().map(|id| id.0).collect();
        (plain(&part.inputs), plain(&part.outputs))
    }

    #[test]
    fn inputs_and_outputs_of_parts() {
        assert_eq!(ends(0..8), (vec![0], vec![4]));
        assert_eq!(ends(0..2), (vec![0], vec![1, 2]));
        assert_eq!(ends(1..5), (vec![1], vec![3]));
        assert_eq!(ends(4..99), (vec![2, 1], vec![4]));
        assert_eq!(ends(3..5), (vec![2], vec![3]));
    }

    #[test]
    fn range_without_layers_is_refused() {
        let message = cut(&graph(), &(5..7)).unwrap_err().to_string();
        assert_eq!(message, "no layer in 5..7; `net` has layers 0 to 7");
    }
}
