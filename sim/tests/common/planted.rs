// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dead channels in a random network: constants of every sort, and channels that nothing reads.

use fastrand::Rng;
use sepstream_spec::graph::{
    Activation, Concatenation, Conv2d, Graph, Layer, Op, Pads, Quant, Tensor, TensorId, Window,
};

/// Takes weights away from about half of the layers; now and then the host joins two of the outputs.
pub fn plant(graph: &mut Graph, rng: &mut Rng) {
    for position in 0..graph.layers.len() {
        if graph
            .input(&graph.layers[position], 1)
            .is_some_and(|t| t.as_i8().is_some())
        {
            if rng.bool() {
                constants(graph, position, rng);
            }
            if rng.bool() {
                unread(graph, position, rng);
            }
        }
    }
    if rng.u32(0..6) == 0 {
        join(graph, rng);
    }
}

/// A tenth, half, or nearly all.
fn share(rng: &mut Rng) -> f32 {
    *rng.choice(&[0.1, 0.5, 0.9]).unwrap()
}

/// Output channels without weights: at the zero point, somewhere, or at an end of the clamp.
fn constants(graph: &mut Graph, position: usize, rng: &mut Rng) {
    let layer = &graph.layers[position];
    let depthwise = matches!(layer.op, Op::DepthwiseConv2d(_));
    let (weights, bias) = (layer.input(1).unwrap(), layer.input(2));
    let channels = graph.output(layer).channels();
    let share = share(rng);
    for channel in (0..channels)
        .filter(|_| rng.f32() < share)
        .collect::<Vec<_>>()
    {
        let data = graph.tensors[weights.0].data.as_mut().unwrap();
        let own = data.len() / channels;
        for at in 0..own {
            let at = if depthwise {
                at * channels + channel
            } else {
                channel * own + at
            };
            data[at] = 0;
        }
        if let Some(bias) = bias {
            let value = match rng.u32(0..5) {
                0..=1 => 0,
                2 => i32::MAX,
                _ => rng.i32(-20_000..=20_000),
            };
            let data = graph.tensors[bias.0].data.as_mut().unwrap();
            data[4 * channel..][..4].copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// Input channels that no output channel of a layer has weights for.
fn unread(graph: &mut Graph, position: usize, rng: &mut Rng) {
    let layer = &graph.layers[position];
    if matches!(layer.op, Op::DepthwiseConv2d(_)) {
        return;
    }
    let channels = graph.input(layer, 0).unwrap().channels();
    let weights = layer.input(1).unwrap();
    let share = share(rng);
    let unread: Vec<bool> = (0..channels).map(|_| rng.f32() < share).collect();
    let data = graph.tensors[weights.0].data.as_mut().unwrap();
    for (at, weight) in data.iter_mut().enumerate() {
        if unread[at % channels] {
            *weight = 0;
        }
    }
}

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
    let Some(pixels) = [3, 2].into_iter().find(|pixels| numbers % pixels == 0) else {
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

/// CONCATENATION of an output with itself, which the host runs behind the accelerator.
fn join(graph: &mut Graph, rng: &mut Rng) {
    let from = *rng.choice(&graph.outputs).unwrap();
    let mut shape = graph[from].shape.clone();
    let axis = shape.len() - 1;
    shape[axis] *= 2;
    let output = TensorId(graph.tensors.len());
    let quant: Option<Quant> = graph[from].quant.clone();
    graph.tensors.push(Tensor {
        name: "joined".into(),
        shape,
        quant,
        ..graph[from].clone()
    });
    graph.layers.push(Layer {
        index: graph.layers.len(),
        op: Op::Concatenation(Concatenation { axis }),
        inputs: vec![Some(from); 2],
        outputs: vec![output],
    });
    graph.outputs.retain(|id| *id != from);
    graph.outputs.push(output);
}
