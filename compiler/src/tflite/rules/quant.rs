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
            "ABS",
            "BATCH_MATMUL",
            "LEAKY_RELU",
            "MEAN",
            "MUL",
            "PRELU",
            "QUANTIZE",
            "REDUCE_PROD",
            "RELU",
            "RELU6",
            "RELU_N1_TO_1",
            "RSQRT",
            "SUM",
        ],
        sentence: "The factor by which a result is scaled, made of the scales of operands and result, is below 2^30 (for most \
                   operators the product of the operands' scales over that of the result). Convolutions may have any.",
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
        sentence: "Operands and result have the same zero point and, to 1e-6, the same scale; uint8 operands of CONCATENATION \
                   may have others.",
        check: same_quantisation,
    },
    Rule {
        id: "equal-quantisation",
        operators: &["REDUCE_MAX", "REDUCE_MIN"],
        sentence: "Operand and result have the same scale and zero point.",
        check: equal_quantisation,
    },
    Rule {
        id: "square-scale",
        operators: &["SQUARED_DIFFERENCE"],
        sentence: "Four times the square of the larger scale of the operands is below 2^14 times the scale of the result.",
        check: square_scale,
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
    // CAST takes bytes as the numbers that they are.
    if c.kind() == "CAST" {
        return Ok(());
    }
    let maps = c.maps().chain(c.outputs());
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
    let Some(weights) = c.weights() else {
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
    let Some(weights) = c.weights().filter(|slot| slot.dtype() == Some(DType::I8)) else {
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

/// The largest factor that scales a result. Most kernels multiply scales in single precision.
fn largest_multiplier(c: &Candidate<'_>) -> Option<f64> {
    let (output, _) = c.output()?.per_tensor()?;
    let data = c.data_operands();
    let largest = |n: &usize| {
        let quant = c.input(*n)?.quant.as_ref()?;
        Some(quant.scale.iter().copied().fold(0.0, f32::max))
    };
    let scales: Vec<f32> = data.iter().filter_map(largest).collect();
    let input = *scales.first()?;
    Some(match (c.kind(), &scales[..]) {
        ("PRELU", &[_, slope]) => f64::from(input * slope.max(1.0) / output),
        ("LEAKY_RELU", _) => f64::from(input * c.options().alpha.abs().max(1.0) / output),
        ("RSQRT", _) => 1.0 / f64::from(input.sqrt() * output),
        ("REDUCE_PROD", _) => {
            let axes = c.axes()?;
            let count: usize = axes
                .iter()
                .map(|&axis| c.shape(0).map_or(1, |s| s[axis]))
                .product();
            f64::from(input) / f64::from(output).powf(1.0 / count as f64)
        }
        _ => f64::from(scales.iter().product::<f32>()) / f64::from(output),
    })
}

fn multiplier_range(c: &Candidate<'_>) -> Verdict {
    match largest_multiplier(c) {
        Some(multiplier) if multiplier.is_nan() || multiplier >= f64::from(1 << 30) => {
            Err(format!("it is {multiplier:.3e}"))
        }
        _ => Ok(()),
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

fn equal_quantisation(c: &Candidate<'_>) -> Verdict {
    let quantisation = |slot: Option<&Slot>| slot.and_then(Slot::per_tensor);
    match (quantisation(c.input(0)), quantisation(c.output())) {
        (Some(input), Some(output)) if input != output => Err(format!(
            "the operand has scale {:e}, zero point {}; the result {:e}, {}",
            input.0, input.1, output.0, output.1
        )),
        _ => Ok(()),
    }
}

fn square_scale(c: &Candidate<'_>) -> Verdict {
    let scale = |slot: Option<&Slot>| slot.and_then(Slot::per_tensor).map(|(scale, _)| scale);
    let (Some(a), Some(b), Some(output)) =
        (scale(c.input(0)), scale(c.input(1)), scale(c.output()))
    else {
        return Ok(());
    };
    let common = 2.0 * f64::from(a.max(b));
    if common * common < f64::from(1 << 14) * f64::from(output) {
        Ok(())
    } else {
        Err(format!(
            "the scales are {a:e} and {b:e}, that of the result {output:e}"
        ))
    }
}

fn same_quantisation(c: &Candidate<'_>) -> Verdict {
    let rescaled = c.kind() == "CONCATENATION";
    if rescaled && c.output().and_then(Slot::dtype) == Some(DType::U8) {
        return Ok(());
    }
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
    let wanted = match c.kind() {
        "TANH" => (1.0 / 128.0, low + 128),
        _ => (1.0 / 256.0, low),
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
