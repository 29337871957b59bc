// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ranges of channels are easily wrong about: sums that wrap, and channels that are several of another map.

use fastrand::Rng;
use sepstream_spec::graph::{
    Activation, Conv2d, Graph, Layer, Op, Pads, Quant, Tensor, TensorId, Window,
};

/// Scales that shift sums to the left, and biases so large that they wrap then: outputs do not rise with such sums.
pub fn wrap(graph: &mut Graph, rng: &mut Rng) {
    for position in 0..graph.layers.len() {
        let layer = &graph.layers[position];
        let (Op::Conv2d(_), Some(weights), Some(bias)) =
            (&layer.op, layer.input(1), layer.input(2))
        else {
            continue;
        };
        let scale = |tensor: &Tensor| tensor.per_tensor().map_or(1.0, |(scale, _)| scale);
        let ends = [graph.input(layer, 0).unwrap(), graph.output(layer)].map(scale);
        for scale in &mut graph.tensors[weights.0].quant.as_mut().unwrap().scale {
            *scale = ends[1] / ends[0] * 2f32.powi(rng.i32(1..=20));
        }
        let data = graph.tensors[bias.0].data.as_mut().unwrap();
        for bytes in data.chunks_exact_mut(4) {
            bytes.copy_from_slice(&(rng.i32(..) | 1 << 24).to_le_bytes());
        }
    }
}

/// A map made of the numbers of a fully connected layer, and a 1x1 convolution that reads it: neighbouring pixels have other
/// constants. Only where such a layer gives an output.
pub fn unflatten(graph: &mut Graph, rng: &mut Rng) {
    let dense = graph
        .layers
        .iter()
        .rev()
        .find(|l| matches!(l.op, Op::FullyConnected(_)));
    let Some(from) = dense
        .map(Layer::output)
        .filter(|id| graph.outputs.contains(id))
    else {
        return;
    };
    let numbers = graph[from].channels();
    let Some(pixels) = [3, 2]
        .into_iter()
        .find(|pixels| numbers.is_multiple_of(*pixels))
    else {
        return;
    };
    let channels = numbers / pixels;
    let flat = graph[from].clone();
    let mut tensor = |shape: &[usize], data: Option<Vec<u8>>| {
        graph.tensors.push(Tensor {
            shape: shape.to_vec(),
            data,
            ..flat.clone()
        });
        TensorId(graph.tensors.len() - 1)
    };
    let map = tensor(&[1, pixels, 1, channels], None);
    let outputs = rng.usize(1..=4);
    let weight = |rng: &mut Rng| {
        if rng.bool() {
            0
        } else {
            rng.i8(-100..=100) as u8
        }
    };
    let weights = (0..outputs * channels).map(|_| weight(rng)).collect();
    let weights = tensor(&[outputs, 1, 1, channels], Some(weights));
    let output = tensor(&[1, pixels, 1, outputs], None);
    graph.tensors[weights.0].quant = Some(Quant {
        scale: vec![0.01],
        zero_point: vec![0],
        axis: 0,
    });
    let window = Window {
        kernel: (1, 1),
        stride: (1, 1),
        dilation: (1, 1),
        pads: Pads::default(),
    };
    let conv = Op::Conv2d(Conv2d {
        window,
        activation: Activation::None,
    });
    for (op, inputs, output) in [
        (Op::Reshape, vec![Some(from)], map),
        (conv, vec![Some(map), Some(weights), None], output),
    ] {
        graph.layers.push(Layer {
            index: graph.layers.len(),
            op,
            inputs,
            outputs: vec![output],
        });
    }
    graph.outputs.retain(|id| *id != from);
    graph.outputs.push(output);
}
