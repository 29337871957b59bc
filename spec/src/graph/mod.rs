// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checked graph that compiler, reference and model share.
//!
//! An importer makes it; every shape is known, every option resolved (explicit pads, axes counted from the front), every
//! index valid, and the layers are in an order in which they can run. Nothing here depends on a file format, except that
//! names are those of TensorFlow Lite. What cannot run is in the graph as well, as an [`Opaque`] layer.

mod moves;
mod op;
mod opaque;
mod tensor;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Index;

use crate::quant::Semantics;

pub use moves::{
    Block, Concatenation, Gather, MirrorPad, Pad, Resize, Reverse, Slice, SpaceBatch, Split, Stack,
    Transpose,
};
pub use op::{
    Activation, Arg, BatchMatmul, Conv2d, DepthwiseConv2d, Elementwise, FullyConnected, Function,
    Gelu, LeakyRelu, Op, Pads, Pool2d, Reduce, Softmax, TransposeConv, Window,
};
pub use opaque::{Missing, Opaque};
pub use tensor::{DType, Quant, Tensor};

/// Position of a tensor in [`Graph::tensors`], equal to its index in the model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub usize);

/// A checked network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Name for reports, usually the stem of the file name.
    pub name: String,
    /// All tensors of the file; some may be used by no layer.
    pub tensors: Vec<Tensor>,
    /// Layers in execution order.
    pub layers: Vec<Layer>,
    /// Tensors that the caller provides.
    pub inputs: Vec<TensorId>,
    /// Tensors that the caller gets.
    pub outputs: Vec<TensorId>,
    /// Why the network as a whole cannot run, whatever its layers are; usually empty.
    pub missing: Vec<Missing>,
    /// The implementation that its outputs must equal.
    pub semantics: Semantics,
}

/// One operator and the tensors it connects.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Operator index in the model file. Shape-only operators are folded away, so this may have gaps.
    pub index: usize,
    /// Operator with resolved options.
    pub op: Op,
    /// Data operands in the order of TensorFlow Lite; `None` is an optional operand left out. Operands that only carry
    /// options (a shape, axes, paddings) are not here, they are resolved into `op`.
    pub inputs: Vec<Option<TensorId>>,
    /// Results.
    pub outputs: Vec<TensorId>,
}

impl Layer {
    /// Operand `n`, unless absent.
    pub fn input(&self, n: usize) -> Option<TensorId> {
        self.inputs.get(n).copied().flatten()
    }
    /// The first result. Every operator that can run has one.
    ///
    /// # Panics
    /// On a layer without outputs, which only an [`Opaque`] one can be.
    pub fn output(&self) -> TensorId {
        self.outputs[0]
    }
    /// Operator name as TensorFlow Lite spells it.
    pub fn kind(&self) -> &str {
        self.op.kind()
    }
    /// Why the layer cannot run: nothing, unless it is [`Opaque`].
    pub fn missing(&self) -> &[Missing] {
        match &self.op {
            Op::Opaque(opaque) => &opaque.missing,
            _ => &[],
        }
    }
}

impl Index<TensorId> for Graph {
    type Output = Tensor;
    fn index(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }
}

impl Graph {
    /// Operand `n` of a layer, unless absent.
    pub fn input(&self, layer: &Layer, n: usize) -> Option<&Tensor> {
        layer.input(n).map(|id| &self[id])
    }
    /// The result of a layer.
    ///
    /// # Panics
    /// As [`Layer::output`].
    pub fn output(&self, layer: &Layer) -> &Tensor {
        &self[layer.output()]
    }
    /// Position in [`Graph::layers`] of the layer that writes a tensor; `None` for inputs and constants.
    pub fn producer(&self, id: TensorId) -> Option<usize> {
        self.layers.iter().position(|l| l.outputs.contains(&id))
    }
    /// Positions in [`Graph::layers`] of the layers that read a tensor.
    pub fn consumers(&self, id: TensorId) -> impl Iterator<Item = usize> + '_ {
        let reads = move |l: &Layer| l.inputs.contains(&Some(id));
        self.layers
            .iter()
            .enumerate()
            .filter(move |(_, l)| reads(l))
            .map(|(n, _)| n)
    }
    /// Multiply-accumulates of one layer: convolutions and fully connected layers, padding counted as TensorFlow Lite's
    /// shape arithmetic sees it (every tap of every output). All other operators have none. Those of an opaque layer are
    /// counted by its kind.
    pub fn macs(&self, layer: &Layer) -> u64 {
        let Some(weights) = self.input(layer, 1) else {
            return 0;
        };
        // A transposed convolution spreads each of its inputs over the window.
        let turned = layer.kind() == "TRANSPOSE_CONV";
        let walked = if turned {
            layer.input(0)
        } else {
            layer.outputs.first().copied()
        };
        let Some(pixels) = walked.map(|id| self[id].elements() as u64) else {
            return 0;
        };
        let shape = |axis: usize| weights.shape.get(axis).copied().unwrap_or(0) as u64;
        let product = |axes: &[usize]| axes.iter().fold(1, |n: u64, &a| n.saturating_mul(shape(a)));
        let taps = match layer.kind() {
            "CONV_2D" => product(&[1, 2, 3]),
            "DEPTHWISE_CONV_2D" => product(&[1, 2]),
            "FULLY_CONNECTED" => product(&[1]),
            "TRANSPOSE_CONV" => product(&[0, 1, 2]),
            _ => 0,
        };
        pixels.saturating_mul(taps)
    }
    /// Multiply-accumulates of all layers.
    pub fn total_macs(&self) -> u64 {
        self.layers
            .iter()
            .map(|l| self.macs(l))
            .fold(0, u64::saturating_add)
    }
    /// Elements in the constant operands of one layer: weights, biases, constants of element-wise operators.
    pub fn parameters(&self, layer: &Layer) -> usize {
        layer
            .inputs
            .iter()
            .flatten()
            .map(|&id| &self[id])
            .filter(|t| t.data.is_some())
            .map(Tensor::elements)
            .sum()
    }
}
