// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dead channels in a random network: constants of every sort, and channels that nothing reads.

use fastrand::Rng;
use sepstream_spec::graph::{Concatenation, Graph, Layer, Op, Quant, Tensor, TensorId};

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
