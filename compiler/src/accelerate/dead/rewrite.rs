// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network without the channels that are not needed.

use sepstream_spec::graph::{DType, Graph, Layer, Quant, Tensor, TensorId};

use super::ranges::Ranges;
use super::roles::{Role, role};

/// The network with the channels in `kept`, per tensor; weights and biases that change are new tensors.
pub fn rewrite(graph: &Graph, ranges: &Ranges, kept: &[Vec<usize>]) -> Graph {
    let mut live = graph.clone();
    for (position, layer) in graph.layers.iter().enumerate() {
        let ends = [layer.input(0), layer.outputs.first().copied()];
        let all = |id: TensorId| kept[id.0].len() == graph[id].channels();
        if ends.into_iter().flatten().all(all) {
            continue;
        }
        let smaller = match role(graph, layer) {
            Role::Dense => dense(graph, layer, ranges, kept),
            Role::Each { .. } => each(graph, layer, ranges, kept),
            Role::Sum | Role::Reshape | Role::Other => None,
        };
        if let Some(operands) = smaller {
            let new = operands.map(|tensor| {
                live.tensors.push(tensor);
                Some(TensorId(live.tensors.len() - 1))
            });
            live.layers[position].inputs[1..3].copy_from_slice(&new);
        }
    }
    for (tensor, kept) in live.tensors.iter_mut().zip(kept) {
        if let (None, Some(last)) = (&tensor.data, tensor.shape.last_mut()) {
            *last = kept.len();
        }
    }
    live
}

/// Weights and biases of a layer in which every output channel reads every input channel.
fn dense(
    graph: &Graph,
    layer: &Layer,
    ranges: &Ranges,
    kept: &[Vec<usize>],
) -> Option<[Tensor; 2]> {
    let (input, output) = (layer.input(0)?, layer.output());
    let (inputs, outputs) = (graph[input].channels(), graph[output].channels());
    let (_, zero) = graph[input].per_tensor()?;
    let weights = graph.input(layer, 1)?;
    let all = weights.as_i8()?;
    let length = all.len() / outputs;
    let is_kept = mask(inputs, &kept[input.0]);
    let values: Vec<Option<i32>> = (0..inputs)
        .map(|c| ranges.folds(graph, layer, c).filter(|_| !is_kept[c]))
        .collect();
    let mut biases = Biases::of(graph, layer, ranges);
    let mut left = Vec::new();
    for &o in &kept[output.0] {
        let own = all[o * length..][..length].iter().copied();
        let read = own
            .clone()
            .enumerate()
            .filter(|(at, _)| is_kept[at % inputs]);
        if biases.settle(o) {
            left.extend(read.map(|_| 0));
            continue;
        }
        left.extend(read.map(|(_, w)| w as u8));
        for (at, weight) in own.enumerate() {
            if let Some(value) = values[at % inputs] {
                biases.add(o, i32::from(weight).wrapping_mul(value - zero));
            }
        }
    }
    let mut shape = weights.shape.clone();
    let last = shape.len() - 1;
    shape[last] = shape[last] / inputs * kept[input.0].len();
    shape[0] = kept[output.0].len();
    Some([
        smaller(weights, shape, left, &kept[output.0]),
        biases.tensor(&kept[output.0]),
    ])
}

/// Weights and biases of a depthwise layer; `None` for layers without.
fn each(graph: &Graph, layer: &Layer, ranges: &Ranges, kept: &[Vec<usize>]) -> Option<[Tensor; 2]> {
    let weights = graph.input(layer, 1)?;
    let kept = &kept[layer.output().0];
    let mut biases = Biases::of(graph, layer, ranges);
    let settled: Vec<bool> = kept.iter().map(|&o| biases.settle(o)).collect();
    let pixels = weights.as_i8()?.chunks_exact(weights.channels());
    let of_pixel = |pixel: &[i8]| -> Vec<u8> {
        let weight = |(&o, &settled): (&usize, &bool)| if settled { 0 } else { pixel[o] as u8 };
        kept.iter().zip(&settled).map(weight).collect()
    };
    let left = pixels.flat_map(of_pixel).collect();
    let mut shape = weights.shape.clone();
    *shape.last_mut()? = kept.len();
    Some([smaller(weights, shape, left, kept), biases.tensor(kept)])
}

fn mask(count: usize, kept: &[usize]) -> Vec<bool> {
    let mut mask = vec![false; count];
    kept.iter().for_each(|c| mask[*c] = true);
    mask
}

/// Weights of some output channels.
fn smaller(weights: &Tensor, shape: Vec<usize>, data: Vec<u8>, kept: &[usize]) -> Tensor {
    let quant = weights.quant.as_ref().map(|quant| match quant.scale.len() {
        1 => quant.clone(),
        _ => Quant {
            scale: kept.iter().map(|&c| quant.scale_at(c)).collect(),
            zero_point: kept.iter().map(|&c| quant.zero_point_at(c)).collect(),
            axis: quant.axis,
        },
    });
    Tensor {
        shape,
        quant,
        data: Some(data),
        ..weights.clone()
    }
}

/// The biases of a layer, as they change.
struct Biases {
    name: String,
    values: Vec<i32>,
    /// Per output channel that is constant, a sum that gives its value.
    constants: Vec<Option<i32>>,
}

impl Biases {
    fn of(graph: &Graph, layer: &Layer, ranges: &Ranges) -> Self {
        let output = layer.output();
        let tensor = graph.input(layer, 2);
        let constant = |(o, sum)| ranges.get(output, o).constant().map(|_| sum);
        Biases {
            name: tensor.map_or_else(|| graph[output].name.clone(), |t| t.name.clone()),
            values: tensor
                .and_then(Tensor::to_i32)
                .unwrap_or_else(|| vec![0; graph[output].channels()]),
            constants: ranges
                .some_sums(graph, layer)
                .into_iter()
                .enumerate()
                .map(constant)
                .collect(),
        }
    }
    /// Gives a constant channel the bias that makes it without weights; tells if the channel is one.
    fn settle(&mut self, channel: usize) -> bool {
        let sum = self.constants[channel];
        self.values[channel] = sum.unwrap_or(self.values[channel]);
        sum.is_some()
    }
    /// Adds what a constant input contributes, wrapping as sums do.
    fn add(&mut self, channel: usize, part: i32) {
        self.values[channel] = self.values[channel].wrapping_add(part);
    }
    fn tensor(&self, kept: &[usize]) -> Tensor {
        let bytes = kept.iter().flat_map(|&c| self.values[c].to_le_bytes());
        Tensor {
            name: self.name.clone(),
            shape: vec![kept.len()],
            dtype: DType::I32,
            quant: None,
            data: Some(bytes.collect()),
        }
    }
}
