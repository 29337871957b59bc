// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random inputs: any bytes, the ends of their range, or those that drive sums as far as they go.

use fastrand::Rng;
use sepstream_sim::reference::Value;
use sepstream_spec::graph::{Graph, Op, TensorId};

use super::weights::channel_axis;

/// Random bytes for every input.
pub fn inputs(graph: &Graph, rng: &mut Rng) -> Vec<Value> {
    let value = |id: &TensorId| {
        let tensor = &graph[*id];
        let bytes = match rng.u32(0..8) {
            0 => ends(tensor.elements(), rng),
            1..=3 => driven(graph, *id, rng).unwrap_or_else(|| any(tensor.elements(), rng)),
            _ => any(tensor.elements(), rng),
        };
        Value::new(tensor.dtype, tensor.shape.clone(), bytes).unwrap()
    };
    graph.inputs.iter().map(value).collect()
}

/// The inputs with which the first layer has its largest sums, or its least ones.
pub fn driven_inputs(graph: &Graph, rng: &mut Rng) -> Vec<Value> {
    let value = |id: &TensorId| {
        let tensor = &graph[*id];
        let bytes = driven(graph, *id, rng).unwrap_or_else(|| ends(tensor.elements(), rng));
        Value::new(tensor.dtype, tensor.shape.clone(), bytes).unwrap()
    };
    graph.inputs.iter().map(value).collect()
}

fn any(count: usize, rng: &mut Rng) -> Vec<u8> {
    (0..count).map(|_| rng.u8(..)).collect()
}

fn ends(count: usize, rng: &mut Rng) -> Vec<u8> {
    (0..count)
        .map(|_| *rng.choice(&[0x80, 0x7f]).unwrap())
        .collect()
}

/// A map tiled with what gives an output channel of the layer that reads it its largest sum, or its least: one or the other, and of
/// any channel, for each place of the kernel. `None` if no layer with weights reads it.
fn driven(graph: &Graph, id: TensorId, rng: &mut Rng) -> Option<Vec<u8>> {
    let layer = &graph.layers[graph.consumers(id).next()?];
    let weights = graph.input(layer, 1)?;
    let values = weights.as_i8()?;
    let shape = &graph[id].shape;
    let (kernel, pads, per_channel) = match &layer.op {
        Op::Conv2d(_) if weights.shape[3] < graph[id].channels() => return None,
        Op::Conv2d(c) => (c.window.kernel, c.window.pads, false),
        Op::DepthwiseConv2d(d) => (d.window.kernel, d.window.pads, true),
        Op::FullyConnected(_) => {
            let kernel = match shape[..] {
                [_, rows, cols, _] => (rows, cols),
                _ => (1, 1),
            };
            (kernel, Default::default(), false)
        }
        _ => return None,
    };
    let [rows, cols, channels] = match shape[..] {
        [1, rows, cols, channels] => [rows, cols, channels],
        _ => [1, 1, graph[id].elements()],
    };
    let outputs = weights.shape[channel_axis(&layer.op)];
    let own = values.len() / outputs;
    let mut bytes = vec![0; rows * cols * channels];
    let tiles = |size: usize, before: usize, kernel: usize| (size + before).div_ceil(kernel);
    let across = tiles(cols, pads.left, kernel.1);
    let tiles = across * tiles(rows, pads.top, kernel.0);
    let picked: Vec<(usize, bool)> = (0..tiles)
        .map(|_| (rng.usize(..outputs), rng.bool()))
        .collect();
    for (at, byte) in bytes.iter_mut().enumerate() {
        let (y, x, c) = (at / channels / cols, at / channels % cols, at % channels);
        let (y, x) = (y + pads.top, x + pads.left);
        let (channel, most) = picked[y / kernel.0 * across + x / kernel.1];
        let place = y % kernel.0 * kernel.1 + x % kernel.1;
        let weight = match per_channel {
            // every channel has a kernel of its own
            true => values[place * outputs + c * (outputs / channels)],
            false => values[channel * own + place * channels + c],
        };
        *byte = if (weight > 0) == most { 0x7f } else { 0x80 };
    }
    Some(bytes)
}
