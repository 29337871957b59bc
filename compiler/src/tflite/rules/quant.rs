// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules on quantisation.

use sepstream_spec::graph::DType;

use super::{ImportRule, WEIGHTED};
use crate::error::short;
use crate::rule::{Rule, Verdict};
use crate::tflite::candidate::Candidate;
use crate::tflite::slot::Slot;

pub const RULES: &[ImportRule] = &[
    Rule {
        id: "map-quantisation",
        operators: &[],
        sentence: "Each int8 or uint8 feature map has one scale above 0 and one zero point.",
        check: map_quantisation,
    },
    Rule {
        id: "weight-quantisation",
        operators: WEIGHTED,
        sentence: "Weights have one scale, or (int8) one for each output channel.",
        check: weight_quantisation,
    },
    Rule {
        id: "weights-symmetric",
        operators: WEIGHTED,
        sentence: "The zero point of int8 weights is 0; uint8 weights may have any.",
        check: weights_symmetric,
    },
    Rule {
        id: "multiplier-range",
        operators: &[
            "CONV_2D",
            "DEPTHWISE_CONV_2D",
            "FULLY_CONNECTED",
            "MUL",
            "MEAN",
            "QUANTIZE",
            "RELU",
            "RELU6",
            "RELU_N1_TO_1",
        ],
        sentence: "The product of the scales of all operands over the scale of the result is below 2^30.",
        check: multiplier_range,
    },
    Rule {
        id: "sum-scale",
        operators: &["ADD", "SUB"],
        sentence: "Twice the larger scale of the operands is below 2^20 times the scale of the result.",
        check: sum_scale,
    },
    Rule {
        id: "same-quantisation",
        operators: &["AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION", "PADV2"],
        sentence: "Operands and result have the same zero point and, to 1e-6, the same scale.",
        check: same_quantisation,
    },
    Rule {
        id: "fixed-scale",
        operators: &["SOFTMAX", "LOGISTIC", "TANH"],
        sentence: "The result of SOFTMAX and LOGISTIC has scale 1/256 and the lowest value of its type as zero point; that of \
                   TANH has scale 1/128 and the middle.",
        check: fixed_scale,
    },
    Rule {
        id: "hard-swish-scale",
        operators: &["HARD_SWISH"],
        sentence: "The scale of the input of HARD_SWISH is below 128 times that of its result, and at most 3.",
        check: hard_swish_scale,
    },
];

fn map_quantisation(c: &Candidate<'_>) -> Verdict {
    if c.operator.is_shape_chain() {
        return Ok(());
    }
    let maps = c.maps().chain(c.output());
    for slot in maps.filter(|slot| slot.dtype().is_some_and(DType::is_quantised)) {
        if slot.per_tensor().is_some_and(|(scale, _)| scale == 0.0) {
            return Err(format!("tensor `{}` has scale 0", short(&slot.name)));
        }
        let scales = slot.quant.as_ref().map_or(0, |quant| quant.scale.len());
        if scales != 1 {
            return Err(format!(
                "tensor `{}` has {scales} scales",
                short(&slot.name)
            ));
        }
    }
    Ok(())
}

fn weight_quantisation(c: &Candidate<'_>) -> Verdict {
    let Some(weights) = c.input(1) else {
        return Ok(());
    };
    let Some(quant) = &weights.quant else {
        return Err("the weights have no scale".to_owned());
    };
    let output_axis = if c.kind() == "DEPTHWISE_CONV_2D" {
        3
    } else {
        0
    };
    match (quant.scale.len(), weights.dtype()) {
        (1, _) => Ok(()),
        (_, Some(DType::I8)) if quant.axis == output_axis => Ok(()),
        (n, Some(DType::I8)) => Err(format!(
            "{n} scales lie on axis {} of the weights",
            quant.axis
        )),
        (n, Some(DType::U8)) => Err(format!("uint8 weights have {n} scales")),
        // Other types: a rule of their own.
        _ => Ok(()),
    }
}

fn weights_symmetric(c: &Candidate<'_>) -> Verdict {
    let Some(weights) = c.input(1).filter(|slot| slot.dtype() == Some(DType::I8)) else {
        return Ok(());
    };
    match weights
        .quant
        .iter()
        .flat_map(|quant| &quant.zero_point)
        .find(|&&z| z != 0)
    {
        Some(z) => Err(format!("a zero point of the weights is {z}")),
        None => Ok(()),
    }
}

fn multiplier_range(c: &Candidate<'_>) -> Verdict {
    let Some((output, _)) = c.output().and_then(|slot| slot.per_tensor()) else {
        return Ok(());
    };
    let operands = if WEIGHTED.contains(&c.kind()) {
        2
    } else {
        c.data_inputs()
    };
    // The largest scale decides: one operand may have one per channel. Legacy kernels multiply in single precision.
    let largest = (0..operands).filter_map(|n| c.input(n)?.quant.as_ref());
    let product: f32 = largest
        .map(|quant| quant.scale.iter().copied().fold(0.0, f32::max))
        .product();
    let multiplier = f64::from(product) / f64::from(output);
    if multiplier < f64::from(1 << 30) {
        Ok(())
    } else {
        Err(format!("it is {multiplier:.3e}"))
    }
}

fn sum_scale(c: &Candidate<'_>) -> Verdict {
    let scale = |slot: Option<&Slot>| slot.and_then(Slot::per_tensor).map(|(scale, _)| scale);
    let (Some(a), Some(b), Some(output)) =
        (scale(c.input(0)), scale(c.input(1)), scale(c.output()))
    else {
        return Ok(());
    };
    let multiplier = 2.0 * f64::from(a.max(b)) / (f64::from(1 << 20) * f64::from(output));
    if multiplier < 1.0 {
        Ok(())
    } else {
        Err(format!(
            "the scales are {a:e} and {b:e}, that of the result {output:e}"
        ))
    }
}

fn same_quantisation(c: &Candidate<'_>) -> Verdict {
    let Some((scale, zero_point)) = c.output().and_then(|slot| slot.per_tensor()) else {
        return Ok(());
    };
    for slot in c.maps() {
        let Some((s, z)) = slot.per_tensor() else {
            continue;
        };
        if z != zero_point || (s - scale).abs() > 1e-6 {
            let name = short(&slot.name);
            return Err(format!(
                "`{name}` has scale {s:e}, zero point {z}; the result {scale:e}, {zero_point}"
            ));
        }
    }
    Ok(())
}

fn fixed_scale(c: &Candidate<'_>) -> Verdict {
    let Some(output) = c.output() else {
        return Ok(());
    };
    let (Some((scale, zero_point)), Some((low, _))) =
        (output.per_tensor(), output.dtype().and_then(DType::range))
    else {
        return Ok(());
    };
    let wanted = if c.kind() == "TANH" {
        (1.0 / 128.0, low + 128)
    } else {
        (1.0 / 256.0, low)
    };
    if (scale, zero_point) == wanted {
        Ok(())
    } else {
        Err(format!("it has scale {scale}, zero point {zero_point}"))
    }
}

fn hard_swish_scale(c: &Candidate<'_>) -> Verdict {
    let scale = |slot: Option<&crate::tflite::slot::Slot>| {
        slot.and_then(|slot| slot.per_tensor())
            .map(|(scale, _)| scale)
    };
    let (Some(input), Some(output)) = (scale(c.input(0)), scale(c.output())) else {
        return Ok(());
    };
    if f64::from(input) < 128.0 * f64::from(output) && input <= 3.0 {
        return Ok(());
    }
    Err(format!("the scales are {input:e} and {output:e}"))
}
