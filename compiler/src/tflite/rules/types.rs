// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules on element types and on what is constant.

use sepstream_spec::graph::DType;

use super::{ImportRule, WEIGHTED};
use crate::error::short;
use crate::rule::{Rule, Verdict};
use crate::tflite::candidate::Candidate;
use crate::tflite::slot::Slot;

const QUANTISED: &[&str] = &[
    "AVERAGE_POOL_2D",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "GELU",
    "HARD_SWISH",
    "MAX_POOL_2D",
    "MEAN",
    "PADV2",
    "RESIZE_BILINEAR",
    "SOFTMAX",
    "SUM",
    "TANH",
    "TRANSPOSE_CONV",
];
const NUMBERS: &[&str] = &[
    "ADD",
    "LEAKY_RELU",
    "LOGISTIC",
    "MAXIMUM",
    "MINIMUM",
    "MUL",
    "PRELU",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "SUB",
];
const SIGNED: &[&str] = &[
    "ABS",
    "ELU",
    "EXP",
    "LOG",
    "NEG",
    "RSQRT",
    "SQUARED_DIFFERENCE",
];
const MOVING: &[&str] = &[
    "BATCH_TO_SPACE_ND",
    "BROADCAST_TO",
    "CONCATENATION",
    "DEPTH_TO_SPACE",
    "EXPAND_DIMS",
    "GATHER",
    "MIRROR_PAD",
    "PACK",
    "PAD",
    "RESHAPE",
    "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2",
    "SLICE",
    "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SPLIT_V",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TILE",
    "TRANSPOSE",
    "UNPACK",
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
        operators: QUANTISED,
        sentence: "Feature maps are int8, or all of a layer are uint8.",
        check: map_type,
    },
    Rule {
        id: "number-type",
        operators: NUMBERS,
        sentence: "All maps of a layer are int8, uint8 or float32.",
        check: number_type,
    },
    Rule {
        id: "signed-type",
        operators: SIGNED,
        sentence: "All maps of a layer are int8 or float32: TensorFlow Lite has no such kernel for uint8.",
        check: signed_type,
    },
    Rule {
        id: "int8-type",
        operators: &["BATCH_MATMUL", "REDUCE_PROD"],
        sentence: "All maps of a layer are int8.",
        check: int8_type,
    },
    Rule {
        id: "float-type",
        operators: &[
            "CEIL",
            "DIV",
            "FLOOR",
            "LOG_SOFTMAX",
            "ROUND",
            "SQRT",
            "SQUARE",
        ],
        sentence: "The maps are float32.",
        check: float_type,
    },
    Rule {
        id: "moved-type",
        operators: MOVING,
        sentence: "What is only moved keeps its type: int8, uint8, int32, int64, float32 or bool.",
        check: moved_type,
    },
    Rule {
        id: "index-type",
        operators: &["GATHER"],
        sentence: "The indices of GATHER are int32 or int64.",
        check: index_type,
    },
    Rule {
        id: "arg-type",
        operators: &["ARG_MAX", "ARG_MIN"],
        sentence: "ARG_MAX and ARG_MIN take int8, uint8, int32 or float32 and give int32 or int64.",
        check: arg_type,
    },
    Rule {
        id: "cast-type",
        operators: &["CAST"],
        sentence: "CAST takes and gives int8, uint8, int32, int64, float32 or bool.",
        check: cast_type,
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
        .chain(c.outputs())
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

/// All maps of a layer have one type, which is one of `types`.
fn one_type(c: &Candidate<'_>, types: &[DType]) -> Verdict {
    let maps: Vec<&Slot> = c.maps().chain(c.outputs()).collect();
    for slot in &maps {
        if !slot.dtype().is_some_and(|dtype| types.contains(&dtype)) {
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

fn map_type(c: &Candidate<'_>) -> Verdict {
    one_type(c, &[DType::I8, DType::U8])
}

fn number_type(c: &Candidate<'_>) -> Verdict {
    one_type(c, &[DType::I8, DType::U8, DType::F32])
}

fn signed_type(c: &Candidate<'_>) -> Verdict {
    one_type(c, &[DType::I8, DType::F32])
}

fn int8_type(c: &Candidate<'_>) -> Verdict {
    one_type(c, &[DType::I8])
}

fn float_type(c: &Candidate<'_>) -> Verdict {
    one_type(c, &[DType::F32])
}

/// Types that elements may have that nothing computes with.
const MOVED: &[DType] = &[
    DType::I8,
    DType::U8,
    DType::I32,
    DType::I64,
    DType::F32,
    DType::Bool,
];

fn moved_type(c: &Candidate<'_>) -> Verdict {
    one_type(c, MOVED)
}

fn index_type(c: &Candidate<'_>) -> Verdict {
    match c.input(1) {
        Some(slot) if !matches!(slot.dtype(), Some(DType::I32 | DType::I64)) => {
            Err(format!("they are {}", slot.type_name()))
        }
        _ => Ok(()),
    }
}

fn arg_type(c: &Candidate<'_>) -> Verdict {
    conversion(c, |from, to| {
        matches!(from, DType::I8 | DType::U8 | DType::I32 | DType::F32)
            && matches!(to, DType::I32 | DType::I64)
    })
}

fn cast_type(c: &Candidate<'_>) -> Verdict {
    conversion(c, |from, to| MOVED.contains(&from) && MOVED.contains(&to))
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

fn quantize_type(c: &Candidate<'_>) -> Verdict {
    conversion(c, |from, to| {
        (from.is_quantised() || from == DType::F32) && to.is_quantised()
    })
}

fn dequantize_type(c: &Candidate<'_>) -> Verdict {
    conversion(c, |from, to| from.is_quantised() && to == DType::F32)
}

fn live_operand(c: &Candidate<'_>) -> Verdict {
    let live = c.maps().any(|slot| slot.data.is_none());
    if live {
        Ok(())
    } else {
        Err("all operands are constants".to_owned())
    }
}

fn constant_weights(c: &Candidate<'_>) -> Verdict {
    let mut parameters = [("the weights", c.weights()), ("the biases", c.biases())].into_iter();
    match parameters.find(|(_, slot)| slot.is_some_and(|slot| slot.data.is_none())) {
        Some((name, _)) => Err(format!("{name} are computed")),
        None => Ok(()),
    }
}

fn weight_type(c: &Candidate<'_>) -> Verdict {
    let (Some(input), Some(weights)) = (c.map(), c.weights()) else {
        return Ok(());
    };
    if weights.tensor_type != input.tensor_type {
        return Err(format!(
            "the weights are {}, the input is {}",
            weights.type_name(),
            input.type_name()
        ));
    }
    match c.biases() {
        Some(bias) if bias.dtype() != Some(DType::I32) => {
            Err(format!("the biases are {}", bias.type_name()))
        }
        _ => Ok(()),
    }
}
