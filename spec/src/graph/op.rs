// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators with resolved options.

use alloc::vec::Vec;

use super::Opaque;
use super::moves::{
    Block, Concatenation, Gather, MirrorPad, Pad, Resize, Reverse, Slice, SpaceBatch, Split, Stack,
    Transpose,
};

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

/// Options of ADD, SUB, MUL and DIV. Operands broadcast as in numpy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Elementwise {
    /// Fused activation.
    pub activation: Activation,
}

/// Options of MEAN, SUM, REDUCE_MAX, REDUCE_MIN and REDUCE_PROD.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reduce {
    /// Reduced axes, ascending, without duplicates.
    pub axes: Vec<usize>,
    /// Whether reduced axes stay with size 1.
    pub keep_dims: bool,
}

/// Options of ARG_MAX and ARG_MIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arg {
    /// Axis that is searched; the first of equal elements counts.
    pub axis: usize,
}

/// Options of LEAKY_RELU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    /// Slope below 0.
    pub alpha: f32,
}

/// Options of GELU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gelu {
    /// By the hyperbolic tangent instead of the error function.
    pub approximate: bool,
}

/// Options of BATCH_MATMUL. Operands: matrices in the two innermost axes; outer axes broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchMatmul {
    /// Whether the first operand is stored transposed.
    pub adj_x: bool,
    /// Whether the second operand is stored transposed.
    pub adj_y: bool,
}

/// Options of TRANSPOSE_CONV. Operands: input NHWC, weights [out, kh, kw, in], bias `[out]` or absent.
///
/// The window slides over the result: its pads are those of the convolution that this one turns around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransposeConv {
    /// Window, dilation 1.
    pub window: Window,
    /// Fused activation.
    pub activation: Activation,
}

/// Functions of one number that are operators of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Magnitude.
    Abs,
    /// Other sign.
    Neg,
    /// Exponential.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// One over the square root.
    Rsqrt,
    /// Product with itself.
    Square,
    /// Largest whole number that is not above.
    Floor,
    /// Smallest whole number that is not below.
    Ceil,
    /// Nearest whole number, ties to even.
    Round,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Function::Abs,
        Function::Neg,
        Function::Exp,
        Function::Log,
        Function::Sqrt,
        Function::Rsqrt,
        Function::Square,
        Function::Floor,
        Function::Ceil,
        Function::Round,
    ];
    /// Operator name as TensorFlow Lite spells it.
    pub fn kind(self) -> &'static str {
        match self {
            Function::Abs => "ABS",
            Function::Neg => "NEG",
            Function::Exp => "EXP",
            Function::Log => "LOG",
            Function::Sqrt => "SQRT",
            Function::Rsqrt => "RSQRT",
            Function::Square => "SQUARE",
            Function::Floor => "FLOOR",
            Function::Ceil => "CEIL",
            Function::Round => "ROUND",
        }
    }
}

/// Options of SOFTMAX, over the innermost axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softmax {
    /// Factor on the logits.
    pub beta: f32,
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
    Mean(Reduce),
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
    /// Convolution turned around: each input pixel is spread over a window.
    TransposeConv(TransposeConv),
    /// Matrix times matrix, both computed.
    BatchMatmul(BatchMatmul),
    /// Quotient of two tensors.
    Div(Elementwise),
    /// Square of the difference of two tensors.
    SquaredDifference,
    /// Larger of two tensors' elements.
    Maximum,
    /// Smaller of two tensors' elements.
    Minimum,
    /// Sum over axes.
    Sum(Reduce),
    /// Largest element over axes.
    ReduceMax(Reduce),
    /// Smallest element over axes.
    ReduceMin(Reduce),
    /// Product over axes.
    ReduceProd(Reduce),
    /// Position of the largest element along an axis.
    ArgMax(Arg),
    /// Position of the smallest element along an axis.
    ArgMin(Arg),
    /// Logarithm of the normalised exponentials over the innermost axis.
    LogSoftmax,
    /// Negative elements times a slope of their own. Operands: input, slopes (broadcast).
    Prelu,
    /// Negative elements times one slope.
    LeakyRelu(LeakyRelu),
    /// `exp(x) - 1` below 0.
    Elu,
    /// `x` times the normal distribution's share below `x`.
    Gelu(Gelu),
    /// A function of one number.
    Function(Function),
    /// Numbers of one type as numbers of another; quantisation does not count.
    Cast,
    /// Border of reflections.
    MirrorPad(MirrorPad),
    /// Equal parts along an axis: several results.
    Split(Split),
    /// Parts of given sizes along an axis: several results.
    SplitV(Split),
    /// Tensors joined along a new axis.
    Pack(Stack),
    /// A tensor taken apart along an axis, which vanishes: several results.
    Unpack(Stack),
    /// Axes in another order.
    Transpose(Transpose),
    /// A block of a tensor.
    Slice(Slice),
    /// A regular part of a tensor.
    StridedSlice(Slice),
    /// Slices along an axis, picked by indices.
    Gather(Gather),
    /// The tensor repeated along its axes until it fills the result.
    Tile,
    /// Axes of size 1 repeated until they fill the result.
    BroadcastTo,
    /// Height and width changed by taking the nearest pixel.
    ResizeNearestNeighbor(Resize),
    /// Height and width changed by mixing four pixels.
    ResizeBilinear(Resize),
    /// Channels of a pixel become a block of pixels.
    DepthToSpace(Block),
    /// Blocks of pixels become channels of one.
    SpaceToDepth(Block),
    /// Every n-th pixel becomes a map of its own in the batch.
    SpaceToBatchNd(SpaceBatch),
    /// Maps of the batch interleaved to one.
    BatchToSpaceNd(SpaceBatch),
    /// Axes run backwards.
    ReverseV2(Reverse),
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
            Op::TransposeConv(_) => "TRANSPOSE_CONV",
            Op::BatchMatmul(_) => "BATCH_MATMUL",
            Op::Div(_) => "DIV",
            Op::SquaredDifference => "SQUARED_DIFFERENCE",
            Op::Maximum => "MAXIMUM",
            Op::Minimum => "MINIMUM",
            Op::Sum(_) => "SUM",
            Op::ReduceMax(_) => "REDUCE_MAX",
            Op::ReduceMin(_) => "REDUCE_MIN",
            Op::ReduceProd(_) => "REDUCE_PROD",
            Op::ArgMax(_) => "ARG_MAX",
            Op::ArgMin(_) => "ARG_MIN",
            Op::LogSoftmax => "LOG_SOFTMAX",
            Op::Prelu => "PRELU",
            Op::LeakyRelu(_) => "LEAKY_RELU",
            Op::Elu => "ELU",
            Op::Gelu(_) => "GELU",
            Op::Function(function) => function.kind(),
            Op::Cast => "CAST",
            Op::MirrorPad(_) => "MIRROR_PAD",
            Op::Split(_) => "SPLIT",
            Op::SplitV(_) => "SPLIT_V",
            Op::Pack(_) => "PACK",
            Op::Unpack(_) => "UNPACK",
            Op::Transpose(_) => "TRANSPOSE",
            Op::Slice(_) => "SLICE",
            Op::StridedSlice(_) => "STRIDED_SLICE",
            Op::Gather(_) => "GATHER",
            Op::Tile => "TILE",
            Op::BroadcastTo => "BROADCAST_TO",
            Op::ResizeNearestNeighbor(_) => "RESIZE_NEAREST_NEIGHBOR",
            Op::ResizeBilinear(_) => "RESIZE_BILINEAR",
            Op::DepthToSpace(_) => "DEPTH_TO_SPACE",
            Op::SpaceToDepth(_) => "SPACE_TO_DEPTH",
            Op::SpaceToBatchNd(_) => "SPACE_TO_BATCH_ND",
            Op::BatchToSpaceNd(_) => "BATCH_TO_SPACE_ND",
            Op::ReverseV2(_) => "REVERSE_V2",
            Op::Opaque(opaque) => &opaque.kind,
        }
    }
}
