// SPDX-License-Identifier: MIT OR Apache-2.0
//! An operator that passed every rule to a layer of the graph.

use sepstream_spec::graph::{
    Concatenation, Conv2d, DepthwiseConv2d, Elementwise, FullyConnected, Layer, Mean, Missing, Op,
    Opaque, Pad, Pool2d, Softmax, TensorId,
};

use super::candidate::Candidate;
use super::operator::Operator;

/// The layer; `None` only if a rule that should have refused the operator did not.
pub fn layer(c: &Candidate<'_>) -> Option<Layer> {
    let op = op(c)?;
    let mut inputs: Vec<Option<TensorId>> = c
        .operator
        .inputs
        .iter()
        .take(c.data_inputs())
        .copied()
        .collect();
    if matches!(
        op,
        Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::FullyConnected(_)
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

fn op(c: &Candidate<'_>) -> Option<Op> {
    let o = c.options();
    let activation = o.activation()?;
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
        "FULLY_CONNECTED" => Op::FullyConnected(FullyConnected { activation }),
        "AVERAGE_POOL_2D" => Op::AveragePool2d(Pool2d {
            window: c.window()?.0,
            activation,
        }),
        "MAX_POOL_2D" => Op::MaxPool2d(Pool2d {
            window: c.window()?.0,
            activation,
        }),
        "ADD" => Op::Add(Elementwise { activation }),
        "SUB" => Op::Sub(Elementwise { activation }),
        "MUL" => Op::Mul(Elementwise { activation }),
        "MEAN" => Op::Mean(Mean {
            axes: c.mean_axes()?,
            keep_dims: o.keep_dims,
        }),
        "PAD" | "PADV2" => {
            let (before, after) = c.paddings()?.into_iter().unzip();
            Op::Pad(Pad {
                before,
                after,
                value: pad_value(c)?,
            })
        }
        "RESHAPE" | "SQUEEZE" | "EXPAND_DIMS" => Op::Reshape,
        "SOFTMAX" => Op::Softmax(Softmax { beta: o.beta }),
        "LOGISTIC" => Op::Logistic,
        "TANH" => Op::Tanh,
        "HARD_SWISH" => Op::HardSwish,
        "RELU" => Op::Relu,
        "RELU6" => Op::Relu6,
        "RELU_N1_TO_1" => Op::ReluN1To1,
        "QUANTIZE" => Op::Quantize,
        "DEQUANTIZE" => Op::Dequantize,
        "CONCATENATION" => Op::Concatenation(Concatenation {
            axis: c.concatenation_axis()?,
        }),
        _ => return None,
    })
}

/// Stored value of padded elements: the constant of PADV2, else the zero point of the result.
fn pad_value(c: &Candidate<'_>) -> Option<i32> {
    let Some(value) = c.input(2) else {
        return c.output()?.per_tensor().map(|(_, zero_point)| zero_point);
    };
    let byte = *value.data.as_deref()?.first()?;
    let signed = value.dtype()?.range()?.0 < 0;
    Some(if signed {
        i32::from(byte.cast_signed())
    } else {
        i32::from(byte)
    })
}
