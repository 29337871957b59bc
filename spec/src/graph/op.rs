// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators with resolved options.

use alloc::vec::Vec;

use super::Opaque;

/// Activation fused into an operator: a clamp of the quantised result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Clamp to the range of the type only.
    #[default]
    None,
    /// At least 0.
    Relu,
    /// -1 to 1.
    ReluN1To1,
    /// 0 to 6.
    Relu6,
}

impl Activation {
    /// Real lower and upper bound, where there is one.
    pub fn bounds(self) -> (Option<f32>, Option<f32>) {
        match self {
            Activation::None => (None, None),
            Activation::Relu => (Some(0.0), None),
            Activation::ReluN1To1 => (Some(-1.0), Some(1.0)),
            Activation::Relu6 => (Some(0.0), Some(6.0)),
        }
    }
}

/// Rows and columns of padding around a feature map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pads {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

/// A window that slides over a feature map. Pairs are vertical, horizontal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows and columns of taps.
    pub kernel: (usize, usize),
    /// Steps between windows.
    pub stride: (usize, usize),
    /// Distance between neighbouring taps; 1 is dense.
    pub dilation: (usize, usize),
    /// Padding that the window sees. Rows or columns at the far end that no window reaches are not counted: `bottom` and
    /// `right` are 0 there.
    pub pads: Pads,
}

/// Options of CONV_2D. Operands: input NHWC, weights [out, kh, kw, in], bias `[out]` or absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2d {
    /// Window.
    pub window: Window,
    /// Fused activation.
    pub activation: Activation,
}

/// Options of DEPTHWISE_CONV_2D. Operands: input NHWC, weights [1, kh, kw, out], bias `[out]` or absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DepthwiseConv2d {
    /// Window.
    pub window: Window,
    /// Output channels per input channel; output channel `o` reads input channel `o / depth_multiplier`.
    pub depth_multiplier: usize,
    /// Fused activation.
    pub activation: Activation,
}

/// Options of FULLY_CONNECTED. Operands: input (any shape, rows of `in`), weights [out, in], bias `[out]` or absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FullyConnected {
    /// Fused activation.
    pub activation: Activation,
}

/// Options of AVERAGE_POOL_2D and MAX_POOL_2D. Padding takes no part in sum, count or maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool2d {
    /// Window, dilation 1.
    pub window: Window,
    /// Fused activation.
    pub activation: Activation,
}

/// Options of ADD, SUB and MUL. Operands broadcast as in numpy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Elementwise {
    /// Fused activation.
    pub activation: Activation,
}

/// Options of MEAN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mean {
    /// Reduced axes, ascending, without duplicates.
    pub axes: Vec<usize>,
    /// Whether reduced axes stay with size 1.
    pub keep_dims: bool,
}

/// Options of PAD and PADV2: one pair per axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// Elements added before, per axis.
    pub before: Vec<usize>,
    /// Elements added after, per axis.
    pub after: Vec<usize>,
    /// Stored value of the added elements (the zero point of a quantised tensor, unless the file gives another).
    pub value: i32,
}

/// Options of SOFTMAX, over the innermost axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softmax {
    /// Factor on the logits.
    pub beta: f32,
}

/// Options of CONCATENATION. All operands are quantised alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Concatenation {
    /// Axis, counted from the front.
    pub axis: usize,
}

/// An operator with its options.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Convolution.
    Conv2d(Conv2d),
    /// Convolution of each channel on its own.
    DepthwiseConv2d(DepthwiseConv2d),
    /// Matrix times vector, for each row of the input.
    FullyConnected(FullyConnected),
    /// Mean over windows.
    AveragePool2d(Pool2d),
    /// Maximum over windows.
    MaxPool2d(Pool2d),
    /// Sum of two tensors.
    Add(Elementwise),
    /// Difference of two tensors.
    Sub(Elementwise),
    /// Product of two tensors.
    Mul(Elementwise),
    /// Mean over axes.
    Mean(Mean),
    /// Border of a constant.
    Pad(Pad),
    /// New shape, same bytes; also what SQUEEZE, EXPAND_DIMS and foldable shape chains become.
    Reshape,
    /// Normalised exponentials over the innermost axis.
    Softmax(Softmax),
    /// Logistic function.
    Logistic,
    /// Hyperbolic tangent.
    Tanh,
    /// `x * relu6(x + 3) / 6`.
    HardSwish,
    /// At least 0.
    Relu,
    /// Clamp to 0..6.
    Relu6,
    /// Clamp to -1..1.
    ReluN1To1,
    /// Float to quantised, or from one quantisation to another.
    Quantize,
    /// Quantised to float.
    Dequantize,
    /// Tensors joined along an axis.
    Concatenation(Concatenation),
    /// Whatever cannot run.
    Opaque(Opaque),
}

impl Op {
    /// Operator name as TensorFlow Lite spells it.
    pub fn kind(&self) -> &str {
        match self {
            Op::Conv2d(_) => "CONV_2D",
            Op::DepthwiseConv2d(_) => "DEPTHWISE_CONV_2D",
            Op::FullyConnected(_) => "FULLY_CONNECTED",
            Op::AveragePool2d(_) => "AVERAGE_POOL_2D",
            Op::MaxPool2d(_) => "MAX_POOL_2D",
            Op::Add(_) => "ADD",
            Op::Sub(_) => "SUB",
            Op::Mul(_) => "MUL",
            Op::Mean(_) => "MEAN",
            Op::Pad(_) => "PAD",
            Op::Reshape => "RESHAPE",
            Op::Softmax(_) => "SOFTMAX",
            Op::Logistic => "LOGISTIC",
            Op::Tanh => "TANH",
            Op::HardSwish => "HARD_SWISH",
            Op::Relu => "RELU",
            Op::Relu6 => "RELU6",
            Op::ReluN1To1 => "RELU_N1_TO_1",
            Op::Quantize => "QUANTIZE",
            Op::Dequantize => "DEQUANTIZE",
            Op::Concatenation(_) => "CONCATENATION",
            Op::Opaque(opaque) => &opaque.kind,
        }
    }
}
