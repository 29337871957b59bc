// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules on operators and their options.

use tract_tflite::tflite::{ActivationFunctionType, FullyConnectedOptionsWeightsFormat, Padding};

use super::ImportRule;
use crate::error::short;
use crate::rule::{Rule, Verdict};
use crate::tflite::candidate::{Candidate, MAX_STEP};
use crate::tflite::operator;
use crate::tflite::slot::Slot;

const ACTIVATED: &[&str] = &[
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "ADD",
    "DIV",
    "SUB",
    "MUL",
    "TRANSPOSE_CONV",
];
const SLIDING: &[&str] = &[
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "TRANSPOSE_CONV",
];

const CONFIGURED: &[&str] = &[
    "ARG_MAX",
    "ARG_MIN",
    "BATCH_TO_SPACE_ND",
    "BROADCAST_TO",
    "EXPAND_DIMS",
    "GATHER",
    "MEAN",
    "MIRROR_PAD",
    "PAD",
    "PADV2",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "REDUCE_PROD",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2",
    "SLICE",
    "SPACE_TO_BATCH_ND",
    "SPLIT",
    "SPLIT_V",
    "STRIDED_SLICE",
    "SUM",
    "TILE",
    "TRANSPOSE",
    "TRANSPOSE_CONV",
];

pub const RULES: &[ImportRule] = &[
    Rule {
        id: "operator",
        operators: &[],
        sentence: "The operator is one of the table in docs/SUPPORTED.md.",
        check: known_operator,
    },
    Rule {
        id: "operands",
        operators: &[],
        sentence: "An operator has the operands and results that its kernel in TensorFlow Lite takes and gives.",
        check: operands,
    },
    Rule {
        id: "fused-activation",
        operators: ACTIVATED,
        sentence: "The fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6.",
        check: fused_activation,
    },
    Rule {
        id: "concatenation-activation",
        operators: &["CONCATENATION"],
        sentence: "CONCATENATION has no fused activation.",
        check: concatenation_activation,
    },
    Rule {
        id: "padding",
        operators: SLIDING,
        sentence: "The padding is SAME or VALID.",
        check: padding,
    },
    Rule {
        id: "window-steps",
        operators: SLIDING,
        sentence: "Strides, dilations and the sizes of pooling windows are 1 to 65535.",
        check: window_steps,
    },
    Rule {
        id: "weights-format",
        operators: &["FULLY_CONNECTED"],
        sentence: "The weights of FULLY_CONNECTED are in the default order, not shuffled.",
        check: weights_format,
    },
    Rule {
        id: "softmax-beta",
        operators: &["SOFTMAX"],
        sentence: "The factor beta of SOFTMAX is a positive number.",
        check: softmax_beta,
    },
    Rule {
        id: "resize-options",
        operators: &["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"],
        sentence: "Only one of the options align_corners and half_pixel_centers is set.",
        check: resize_options,
    },
    Rule {
        id: "constant-options",
        operators: CONFIGURED,
        sentence: "Operands that give a shape, axes, indices, paddings or the padded value are constants, or are computed from \
                   static shapes alone.",
        check: constant_options,
    },
];

fn known_operator(c: &Candidate<'_>) -> Verdict {
    match operator::arity(c.kind()) {
        Some(_) => Ok(()),
        None => Err("the operator is not known here".to_owned()),
    }
}

fn operands(c: &Candidate<'_>) -> Verdict {
    let Some((least, most)) = operator::arity(c.kind()) else {
        return Ok(());
    };
    let (inputs, results) = (&c.operator.inputs, c.operator.outputs.len());
    let given = inputs.len();
    let required = inputs.iter().take(least).all(Option::is_some);
    if given < least || given > most || !required {
        let some = inputs.iter().flatten().count();
        let takes = range(least, most);
        return Err(format!("{some} operands are given, it takes {takes}"));
    }
    match results {
        1 => Ok(()),
        // How many these need depends on their options: the rule `parts`.
        2.. if operator::gives_many(c.kind()) => Ok(()),
        _ => Err(format!("it has {results} results, and gives 1")),
    }
}

fn range(least: usize, most: usize) -> String {
    match most {
        usize::MAX => format!("{least} or more"),
        _ if least == most => format!("{least}"),
        _ => format!("{least} to {most}"),
    }
}

fn activation_name(function: ActivationFunctionType) -> String {
    function
        .variant_name()
        .map_or_else(|| format!("number {}", function.0), str::to_owned)
}

fn fused_activation(c: &Candidate<'_>) -> Verdict {
    let name = || {
        format!(
            "the fused activation is {}",
            activation_name(c.options().activation)
        )
    };
    c.options().activation().map(|_| ()).ok_or_else(name)
}

fn concatenation_activation(c: &Candidate<'_>) -> Verdict {
    match c.options().activation {
        ActivationFunctionType::NONE => Ok(()),
        other => Err(format!(
            "the fused activation is {}",
            activation_name(other)
        )),
    }
}

fn padding(c: &Candidate<'_>) -> Verdict {
    match c.options().padding {
        Padding::SAME | Padding::VALID => Ok(()),
        other => Err(format!("the padding is number {}", other.0)),
    }
}

fn window_steps(c: &Candidate<'_>) -> Verdict {
    let o = c.options();
    let pool = if c.kind().ends_with("POOL_2D") {
        o.pool
    } else {
        (1, 1)
    };
    for (name, (vertical, horizontal)) in [
        ("stride", o.stride),
        ("dilation", o.dilation),
        ("window", pool),
    ] {
        if !(1..=MAX_STEP).contains(&vertical) || !(1..=MAX_STEP).contains(&horizontal) {
            return Err(format!("the {name} is {vertical} x {horizontal}"));
        }
    }
    Ok(())
}

fn weights_format(c: &Candidate<'_>) -> Verdict {
    match c.options().weights_format {
        FullyConnectedOptionsWeightsFormat::DEFAULT => Ok(()),
        other => Err(format!(
            "the order is {}",
            other.variant_name().unwrap_or("unknown")
        )),
    }
}

fn softmax_beta(c: &Candidate<'_>) -> Verdict {
    let beta = c.options().beta;
    if beta.is_finite() && beta > 0.0 {
        Ok(())
    } else {
        Err(format!("beta is {beta}"))
    }
}

fn resize_options(c: &Candidate<'_>) -> Verdict {
    if c.options().align_corners && c.options().half_pixel_centers {
        Err("both are".to_owned())
    } else {
        Ok(())
    }
}

fn constant_options(c: &Candidate<'_>) -> Verdict {
    let data = c.data_operands();
    // Which slices GATHER picks has to be known as well: a wrong index would be an error in the middle of a run.
    let option = |n: &usize| !data.contains(n) || (c.kind() == "GATHER" && *n == 1);
    for n in (0..c.operator.inputs.len()).filter(option) {
        // The padded value is quantised data, and there may be many indices; the others are some integers.
        let known = |slot: &Slot| match (c.kind(), n) {
            ("PADV2", 2) | ("GATHER", 1) => slot.data.is_some() || slot.folded.is_some(),
            _ => slot.integers().is_some(),
        };
        if let Some(slot) = c.input(n).filter(|slot| !known(slot)) {
            let what = if slot.data.is_some() {
                format!("is {}", slot.type_name())
            } else {
                "is computed".to_owned()
            };
            return Err(format!("operand {n} (`{}`) {what}", short(&slot.name)));
        }
    }
    Ok(())
}
