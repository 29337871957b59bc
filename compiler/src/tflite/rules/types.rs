// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules on element types and on what is constant.

use sepstream_spec::graph::DType;

use super::{ImportRule, WEIGHTED};
use crate::error::short;
use crate::rule::{Rule, Verdict};
use crate::tflite::candidate::Candidate;
use crate::tflite::slot::Slot;

const COMPUTING: &[&str] = &[
    "ADD",
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "HARD_SWISH",
    "LOGISTIC",
    "MAX_POOL_2D",
    "MEAN",
    "MUL",
    "PAD",
    "PADV2",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "SOFTMAX",
    "SUB",
    "TANH",
];

pub const RULES: &[ImportRule] = &[
    Rule {
        id: "stateless",
        operators: &[],
        sentence: "No tensor is a variable that keeps its contents between runs.",
        check: stateless,
    },
    Rule {
        id: "dense",
        operators: &[],
        sentence: "No tensor is stored in a sparse format.",
        check: dense,
    },
    Rule {
        id: "map-type",
        operators: COMPUTING,
        sentence: "Feature maps are int8, or all of a layer are uint8.",
        check: map_type,
    },
    Rule {
        id: "mean-type",
        operators: &["MEAN"],
        sentence: "MEAN works on int8; uint8 has not been compared with the reference kernels.",
        check: mean_type,
    },
    Rule {
        id: "reshape-type",
        operators: &["RESHAPE", "SQUEEZE", "EXPAND_DIMS"],
        sentence: "Reshaped tensors are int8, uint8 or float32, and keep their type.",
        check: reshape_type,
    },
    Rule {
        id: "quantize-type",
        operators: &["QUANTIZE"],
        sentence: "QUANTIZE takes float32, int8 or uint8 and gives int8 or uint8.",
        check: quantize_type,
    },
    Rule {
        id: "dequantize-type",
        operators: &["DEQUANTIZE"],
        sentence: "DEQUANTIZE takes int8 or uint8 and gives float32.",
        check: dequantize_type,
    },
    Rule {
        id: "live-operand",
        operators: &[],
        sentence: "At least one operand of a layer is computed: constants are not folded.",
        check: live_operand,
    },
    Rule {
        id: "constant-weights",
        operators: WEIGHTED,
        sentence: "Weights and biases are constants.",
        check: constant_weights,
    },
    Rule {
        id: "weight-type",
        operators: WEIGHTED,
        sentence: "Weights have the type of the input; biases are int32.",
        check: weight_type,
    },
];

fn operands<'a>(c: &'a Candidate<'_>) -> impl Iterator<Item = &'a Slot> {
    (0..c.operator.inputs.len())
        .filter_map(|n| c.input(n))
        .chain(c.output())
}

fn stateless(c: &Candidate<'_>) -> Verdict {
    match operands(c).find(|slot| slot.variable) {
        Some(slot) => Err(format!("tensor `{}` is a variable", short(&slot.name))),
        None => Ok(()),
    }
}

fn dense(c: &Candidate<'_>) -> Verdict {
    match operands(c).find(|slot| slot.sparse) {
        Some(slot) => Err(format!("tensor `{}` is sparse", short(&slot.name))),
        None => Ok(()),
    }
}

fn map_type(c: &Candidate<'_>) -> Verdict {
    let maps: Vec<&Slot> = c.maps().chain(c.output()).collect();
    for slot in &maps {
        if !slot.dtype().is_some_and(DType::is_quantised) {
            return Err(format!(
                "tensor `{}` is {}",
                short(&slot.name),
                slot.type_name()
            ));
        }
    }
    match maps
        .iter()
        .find(|slot| slot.tensor_type != maps[0].tensor_type)
    {
        Some(slot) => Err(format!(
            "`{}` is {}, others are {}",
            short(&slot.name),
            slot.type_name(),
            maps[0].type_name()
        )),
        None => Ok(()),
    }
}

fn mean_type(c: &Candidate<'_>) -> Verdict {
    match c.input(0).filter(|slot| slot.dtype() == Some(DType::U8)) {
        Some(slot) => Err(format!("tensor `{}` is uint8", short(&slot.name))),
        None => Ok(()),
    }
}

/// The types of the first operand and the result, in words, unless `accept` takes them.
fn conversion(c: &Candidate<'_>, accept: impl Fn(DType, DType) -> bool) -> Verdict {
    let (Some(from), Some(to)) = (c.input(0), c.output()) else {
        return Ok(());
    };
    match (from.dtype(), to.dtype()) {
        (Some(a), Some(b)) if accept(a, b) => Ok(()),
        _ => Err(format!("{} becomes {}", from.type_name(), to.type_name())),
    }
}

fn reshape_type(c: &Candidate<'_>) -> Verdict {
    conversion(c, |from, to| {
        from == to && (from.is_quantised() || from == DType::F32)
    })
}

fn quantize_type(c: &Candidate<'_>) -> Verdict {
    conversion(c, |from, to| {
        (from.is_quantised() || from == DType::F32) && to.is_quantised()
    })
}

fn dequantize_type(c: &Candidate<'_>) -> Verdict {
    conversion(c, |from, to| from.is_quantised() && to == DType::F32)
}

fn live_operand(c: &Candidate<'_>) -> Verdict {
    let live = c.operator.is_shape_chain() || c.maps().any(|slot| slot.data.is_none());
    if live {
        Ok(())
    } else {
        Err("all operands are constants".to_owned())
    }
}

fn constant_weights(c: &Candidate<'_>) -> Verdict {
    let mut parameters = [("the weights", 1), ("the biases", 2)].into_iter();
    match parameters.find(|&(_, n)| c.input(n).is_some_and(|slot| slot.data.is_none())) {
        Some((name, _)) => Err(format!("{name} are computed")),
        None => Ok(()),
    }
}

fn weight_type(c: &Candidate<'_>) -> Verdict {
    let (Some(input), Some(weights)) = (c.input(0), c.input(1)) else {
        return Ok(());
    };
    if weights.tensor_type != input.tensor_type {
        return Err(format!(
            "the weights are {}, the input is {}",
            weights.type_name(),
            input.type_name()
        ));
    }
    match c.input(2) {
        Some(bias) if bias.dtype() != Some(DType::I32) => {
            Err(format!("the biases are {}", bias.type_name()))
        }
        _ => Ok(()),
    }
}
