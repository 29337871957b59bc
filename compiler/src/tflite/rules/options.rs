// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules on operators and their options.

use tract_tflite::tflite::{ActivationFunctionType, FullyConnectedOptionsWeightsFormat, Padding};

use super::{ImportRule, WINDOWED};
use crate::error::short;
use crate::rule::{Rule, Verdict};
use crate::tflite::candidate::{Candidate, MAX_STEP};
use crate::tflite::slot::Slot;
use crate::tflite::{fold, operator};

const ACTIVATED: &[&str] = &[
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "ADD",
    "SUB",
    "MUL",
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
        operators: WINDOWED,
        sentence: "The padding is SAME or VALID.",
        check: padding,
    },
    Rule {
        id: "window-steps",
        operators: WINDOWED,
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
        id: "constant-options",
        operators: &["RESHAPE", "EXPAND_DIMS", "MEAN", "PAD", "PADV2"],
        sentence: "Operands that give a shape, axes, paddings or the padded value are constants, or are computed from static \
                   shapes alone.",
        check: constant_options,
    },
    Rule {
        id: "shape-chain",
        operators: &["SHAPE", "STRIDED_SLICE", "PACK"],
        sentence: "SHAPE, STRIDED_SLICE (of a vector, without ellipsis and new axis) and PACK (of scalars) only compute a shape, \
                   and vanish at import.",
        check: shape_chain,
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

fn constant_options(c: &Candidate<'_>) -> Verdict {
    for n in c.data_inputs()..c.operator.inputs.len() {
        // The padded value is quantised data; the others are integers.
        let known = |slot: &Slot| {
            if n == 2 {
                slot.data.is_some()
            } else {
                slot.integers().is_some()
            }
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

fn shape_chain(c: &Candidate<'_>) -> Verdict {
    if fold::evaluate(c).is_some() {
        return Ok(());
    }
    let computed = (0..c.operator.inputs.len())
        .filter_map(|n| c.input(n))
        .find(|slot| slot.integers().is_none());
    Err(match computed {
        Some(slot) if c.kind() != "SHAPE" => {
            format!("operand `{}` is not known at import", short(&slot.name))
        }
        _ => "its operands or options are of another form".to_owned(),
    })
}
