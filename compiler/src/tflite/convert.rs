// SPDX-License-Identifier: MIT OR Apache-2.0
//! An operator that passed every rule to a layer of the graph.

use sepstream_spec::graph::{
    Arg, BatchMatmul, Block, Concatenation, Conv2d, DepthwiseConv2d, Elementwise, FullyConnected,
    Function, Gelu, Layer, LeakyRelu, MirrorPad, Missing, Op, Opaque, Pad, Pool2d, Reduce, Resize,
    Reverse, Softmax, Split, Stack, TensorId, Transpose, TransposeConv,
};

use super::candidate::Candidate;
use super::operator::Operator;

/// The layer; `None` only if a rule that should have refused the operator did not.
pub fn layer(c: &Candidate<'_>) -> Option<Layer> {
    let op = weighted(c).or_else(|| computing(c)).or_else(|| moving(c))?;
    let operand = |n: usize| c.operator.inputs.get(n).copied().flatten();
    let mut inputs: Vec<Option<TensorId>> = c.data_operands().into_iter().map(operand).collect();
    if matches!(
        op,
        Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::FullyConnected(_) | Op::TransposeConv(_)
    ) {
        inputs.resize(3, None);
    }
    Some(Layer {
        index: c.operator.index,
        op,
        inputs,
        outputs: c.operator.outputs.clone(),
    })
}

/// An operator that breaks rules, with all its operands.
pub fn opaque(operator: &Operator, missing: Vec<Missing>) -> Layer {
    Layer {
        index: operator.index,
        op: Op::Opaque(Opaque {
            kind: operator.kind.clone(),
            missing,
        }),
        inputs: operator.inputs.clone(),
        outputs: operator.outputs.clone(),
    }
}

/// Operators with a window or weights.
fn weighted(c: &Candidate<'_>) -> Option<Op> {
    let activation = c.options().activation()?;
    let pool = || {
        Some(Pool2d {
            window: c.window()?.0,
            activation,
        })
    };
    Some(match c.kind() {
        "CONV_2D" => Op::Conv2d(Conv2d {
            window: c.window()?.0,
            activation,
        }),
        "DEPTHWISE_CONV_2D" => {
            let depth_multiplier = c.shape4(1)?[3] / c.shape4(0)?[3];
            Op::DepthwiseConv2d(DepthwiseConv2d {
                window: c.window()?.0,
                depth_multiplier,
                activation,
            })
        }
        "TRANSPOSE_CONV" => Op::TransposeConv(TransposeConv {
            window: c.turned_window()?,
            activation,
        }),
        "FULLY_CONNECTED" => Op::FullyConnected(FullyConnected { activation }),
        "AVERAGE_POOL_2D" => Op::AveragePool2d(pool()?),
        "MAX_POOL_2D" => Op::MaxPool2d(pool()?),
        _ => return None,
    })
}

/// Operators that compute with the elements of their operands.
fn computing(c: &Candidate<'_>) -> Option<Op> {
    let o = c.options();
    let binary = || {
        Some(Elementwise {
            activation: o.activation()?,
        })
    };
    let reduce = || {
        Some(Reduce {
            axes: c.axes()?,
            keep_dims: o.keep_dims,
        })
    };
    let arg = || c.searched_axis().map(|axis| Arg { axis });
    Some(match c.kind() {
        "ADD" => Op::Add(binary()?),
        "SUB" => Op::Sub(binary()?),
        "MUL" => Op::Mul(binary()?),
        "DIV" => Op::Div(binary()?),
        "SQUARED_DIFFERENCE" => Op::SquaredDifference,
        "MAXIMUM" => Op::Maximum,
        "MINIMUM" => Op::Minimum,
        "BATCH_MATMUL" => Op::BatchMatmul(BatchMatmul {
            adj_x: o.adjoint.0,
            adj_y: o.adjoint.1,
        }),
        "MEAN" => Op::Mean(reduce()?),
        "SUM" => Op::Sum(reduce()?),
        "REDUCE_MAX" => Op::ReduceMax(reduce()?),
        "REDUCE_MIN" => Op::ReduceMin(reduce()?),
        "REDUCE_PROD" => Op::ReduceProd(reduce()?),
        "ARG_MAX" => Op::ArgMax(arg()?),
        "ARG_MIN" => Op::ArgMin(arg()?),
        "SOFTMAX" => Op::Softmax(Softmax { beta: o.beta }),
        "LOG_SOFTMAX" => Op::LogSoftmax,
        "PRELU" => Op::Prelu,
        "LEAKY_RELU" => Op::LeakyRelu(LeakyRelu { alpha: o.alpha }),
        "ELU" => Op::Elu,
        "GELU" => Op::Gelu(Gelu {
            approximate: o.approximate,
        }),
        "LOGISTIC" => Op::Logistic,
        "TANH" => Op::Tanh,
        "HARD_SWISH" => Op::HardSwish,
        "RELU" => Op::Relu,
        "RELU6" => Op::Relu6,
        "RELU_N1_TO_1" => Op::ReluN1To1,
        "QUANTIZE" => Op::Quantize,
        "DEQUANTIZE" => Op::Dequantize,
        "CAST" => Op::Cast,
        kind => Op::Function(Function::ALL.into_iter().find(|f| f.kind() == kind)?),
    })
}

/// Operators that move elements.
fn moving(c: &Candidate<'_>) -> Option<Op> {
    let o = c.options();
    let resize = Resize {
        align_corners: o.align_corners,
        half_pixel_centers: o.half_pixel_centers,
    };
    let block = || usize::try_from(o.block).ok().map(|size| Block { size });
    let split = || c.cuts().map(|(axis, _)| Split { axis });
    Some(match c.kind() {
        "PAD" | "PADV2" => {
            let (before, after) = c.paddings()?.into_iter().unzip();
            Op::Pad(Pad {
                before,
                after,
                value: pad_value(c)?,
            })
        }
        "MIRROR_PAD" => {
            let (before, after) = c.paddings()?.into_iter().unzip();
            Op::MirrorPad(MirrorPad {
                before,
                after,
                symmetric: o.symmetric,
            })
        }
        "RESHAPE" | "SQUEEZE" | "EXPAND_DIMS" => Op::Reshape,
        "CONCATENATION" => Op::Concatenation(Concatenation {
            axis: c.concatenation_axis()?,
        }),
        "SPLIT" => Op::Split(split()?),
        "SPLIT_V" => Op::SplitV(split()?),
        "PACK" => Op::Pack(Stack {
            axis: c.packed_axis()?,
        }),
        "UNPACK" => Op::Unpack(Stack { axis: c.cuts()?.0 }),
        "TRANSPOSE" => Op::Transpose(Transpose {
            permutation: c.permutation()?,
        }),
        "SLICE" => Op::Slice(c.slice()?),
        "STRIDED_SLICE" => Op::StridedSlice(c.strided_slice()?.0),
        "GATHER" => Op::Gather(c.gather()?),
        "TILE" => Op::Tile,
        "BROADCAST_TO" => Op::BroadcastTo,
        "REVERSE_V2" => Op::ReverseV2(Reverse { axes: c.axes()? }),
        "RESIZE_NEAREST_NEIGHBOR" => Op::ResizeNearestNeighbor(resize),
        "RESIZE_BILINEAR" => Op::ResizeBilinear(resize),
        "DEPTH_TO_SPACE" => Op::DepthToSpace(block()?),
        "SPACE_TO_DEPTH" => Op::SpaceToDepth(block()?),
        "SPACE_TO_BATCH_ND" => Op::SpaceToBatchNd(c.space_batch()?),
        "BATCH_TO_SPACE_ND" => Op::BatchToSpaceNd(c.space_batch()?),
        _ => return None,
    })
}

/// Stored value of padded elements: the constant of PADV2, else the zero point of the result.
fn pad_value(c: &Candidate<'_>) -> Option<i32> {
    let Some(value) = c.input(2) else {
        return Some(
            c.output()?
                .per_tensor()
                .map_or(0, |(_, zero_point)| zero_point),
        );
    };
    let byte = *value.data.as_deref()?.first()?;
    let signed = value.dtype()?.range()?.0 < 0;
    Some(if signed {
        i32::from(byte.cast_signed())
    } else {
        i32::from(byte)
    })
}
