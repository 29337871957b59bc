// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the channels of a layer's result belong to those of its operands.

use sepstream_spec::graph::{DType, Graph, Layer, Op, Pads, TensorId};

use crate::accelerate::plan::add_operands;
use crate::accelerate::rules;

/// What a layer does with channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Every output channel reads every input channel: convolutions and fully connected layers.
    Dense,
    /// Output channel `o` reads input channel `o / multiplier` alone: depthwise convolutions, pools, means over rows and columns,
    /// paddings of rows and columns.
    Each {
        /// Output channels for each input channel.
        multiplier: usize,
    },
    /// Output channel `o` reads channel `o` of both operands.
    Sum,
    /// The same bytes in another shape. With more channels on one side than on the other, channels follow one another as in a
    /// flattened map: channel `c` of the larger is channel `c % channels` of the smaller.
    Reshape,
    /// Anything else: all channels stay.
    Other,
}

/// The role of a layer, [`Role::Other`] where its tensors are not as the accelerator takes them.
pub fn role(graph: &Graph, layer: &Layer) -> Role {
    let (Some(input), [output]) = (layer.input(0), &layer.outputs[..]) else {
        return Role::Other;
    };
    let (from, to) = (&graph[input], &graph[*output]);
    let map = |id: TensorId| {
        let tensor = &graph[id];
        tensor.dtype == DType::I8 && tensor.per_tensor().is_some() && tensor.data.is_none()
    };
    let weights = graph.input(layer, 1);
    let weighted = weights.is_some_and(|w| w.as_i8().is_some());
    if !map(input) || !map(*output) {
        return Role::Other;
    }
    let last = |n: usize| weights.and_then(|w| w.shape.get(n)).copied();
    match &layer.op {
        // as many channels as the input has: no groups
        Op::Conv2d(_) if weighted && last(3) == Some(from.channels()) => Role::Dense,
        Op::FullyConnected(_) if weighted && divides(from.channels(), last(1)) => Role::Dense,
        Op::DepthwiseConv2d(dw) if weighted && last(3) == Some(to.channels()) => Role::Each {
            multiplier: dw.depth_multiplier,
        },
        Op::AveragePool2d(_) | Op::MaxPool2d(_) if from.shape.len() == 4 => {
            Role::Each { multiplier: 1 }
        }
        Op::Mean(mean) if mean.axes == [1, 2] && from.shape.len() == 4 => {
            Role::Each { multiplier: 1 }
        }
        Op::Pad(pad) if pad.before.last() == Some(&0) && pad.after.last() == Some(&0) => {
            Role::Each { multiplier: 1 }
        }
        Op::Add(_) => match add_operands(graph, layer) {
            Some(operands) if operands.iter().all(|id| map(*id)) => Role::Sum,
            _ => Role::Other,
        },
        Op::Reshape
            if divides(from.channels(), Some(to.channels()))
                || divides(to.channels(), Some(from.channels())) =>
        {
            Role::Reshape
        }
        _ => Role::Other,
    }
}

fn divides(part: usize, whole: Option<usize>) -> bool {
    whole.is_some_and(|whole| part > 0 && whole.is_multiple_of(part))
}

/// Whether padding shows at the edges of a layer's input.
pub fn is_padded(layer: &Layer) -> bool {
    rules::window(&layer.op).is_some_and(|w| w.pads != Pads::default())
}
