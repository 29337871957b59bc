// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules on shapes.

use super::{ELEMENTWISE, ImportRule, WEIGHTED, WINDOWED, dims};
use crate::error::short;
use crate::rule::{Rule, Verdict};
use crate::tflite::candidate::Candidate;
use crate::tflite::slot::{Slot, elements};

pub const RULES: &[ImportRule] = &[
    Rule {
        id: "known-shape",
        operators: &[],
        sentence: "The shapes of all operands and of the result are known.",
        check: known_shape,
    },
    Rule {
        id: "not-empty",
        operators: &[],
        sentence: "No operand has a dimension of size 0.",
        check: not_empty,
    },
    Rule {
        id: "tensor-size",
        operators: &[],
        sentence: "A tensor has at most 8 dimensions and 67,108,864 elements.",
        check: tensor_size,
    },
    Rule {
        id: "map-shape",
        operators: WINDOWED,
        sentence: "Feature maps under a window have four dimensions (NHWC).",
        check: map_shape,
    },
    Rule {
        id: "window-fits",
        operators: WINDOWED,
        sentence: "The window, dilated, fits at least once on the padded map.",
        check: window_fits,
    },
    Rule {
        id: "conv-weights",
        operators: &["CONV_2D"],
        sentence: "Weights of CONV_2D are [output, height, width, input]; with fewer input channels than the map has, they are \
                   those of groups that divide the channels of input and output.",
        check: conv_weights,
    },
    Rule {
        id: "depthwise-weights",
        operators: &["DEPTHWISE_CONV_2D"],
        sentence: "Weights of DEPTHWISE_CONV_2D are [1, height, width, output], with a whole multiple of the input's channels.",
        check: depthwise_weights,
    },
    Rule {
        id: "fully-connected-weights",
        operators: &["FULLY_CONNECTED"],
        sentence: "Weights of FULLY_CONNECTED are [output, input], and the input is one or more rows of that length.",
        check: fully_connected_weights,
    },
    Rule {
        id: "bias-shape",
        operators: WEIGHTED,
        sentence: "There is one bias for each output channel, or none at all.",
        check: bias_shape,
    },
    Rule {
        id: "sum-length",
        operators: &[
            "CONV_2D",
            "DEPTHWISE_CONV_2D",
            "FULLY_CONNECTED",
            "TRANSPOSE_CONV",
            "BATCH_MATMUL",
            "AVERAGE_POOL_2D",
            "MEAN",
            "SUM",
        ],
        sentence: "A sum has at most 32,768 products or 4,194,304 values: 32 bits hold them.",
        check: sum_length,
    },
    Rule {
        id: "broadcast",
        operators: ELEMENTWISE,
        sentence: "Operands have at most four dimensions, each equal or 1 (missing outer ones count as 1).",
        check: broadcast,
    },
    Rule {
        id: "reduced-axes",
        operators: &["MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM"],
        sentence: "The axes that are reduced exist.",
        check: reduced_axes,
    },
    Rule {
        id: "paddings",
        operators: &["PAD", "PADV2", "MIRROR_PAD"],
        sentence: "Paddings are one pair of sizes, 0 or more, for each dimension.",
        check: paddings,
    },
    Rule {
        id: "same-elements",
        operators: &["RESHAPE", "SQUEEZE", "EXPAND_DIMS"],
        sentence: "The new shape has as many elements as the old one, at most one size of it is open (-1), and removed \
                   dimensions have size 1.",
        check: same_elements,
    },
    Rule {
        id: "concatenation-shapes",
        operators: &["CONCATENATION"],
        sentence: "Operands of CONCATENATION differ only along an axis that they have.",
        check: concatenation_shapes,
    },
    Rule {
        id: "softmax-rows",
        operators: &["SOFTMAX", "LOG_SOFTMAX"],
        sentence: "SOFTMAX and LOG_SOFTMAX work on rows of 1 to 65536 elements.",
        check: softmax_rows,
    },
];

fn known_shape(c: &Candidate<'_>) -> Verdict {
    let mut operands = c.data_operands().into_iter().filter_map(|n| c.input(n));
    match operands.find(|slot| slot.shape.is_none()) {
        Some(slot) => Err(format!("that of `{}` is not", short(&slot.name))),
        None => Ok(()),
    }
}

fn not_empty(c: &Candidate<'_>) -> Verdict {
    for n in c.data_operands() {
        if let Some(shape) = c.shape(n).filter(|shape| shape.contains(&0)) {
            return Err(format!("operand {n} has shape {}", dims(shape)));
        }
    }
    Ok(())
}

fn tensor_size(c: &Candidate<'_>) -> Verdict {
    let shapes = c.output_shapes().unwrap_or_default();
    match shapes.iter().find(|shape| elements(shape).is_none()) {
        Some(shape) => Err(format!("the result has shape {}", dims(shape))),
        None => Ok(()),
    }
}

fn map_shape(c: &Candidate<'_>) -> Verdict {
    match c.shape(0) {
        None | Some([_, _, _, _]) => Ok(()),
        Some(other) => Err(format!("the input has shape {}", dims(other))),
    }
}

fn window_fits(c: &Candidate<'_>) -> Verdict {
    let in_range = super::options::RULES
        .iter()
        .filter(|r| matches!(r.id, "padding" | "window-steps"));
    let others_pass = in_range.into_iter().all(|rule| (rule.check)(c).is_ok());
    let Some([_, height, width, _]) = c.shape4(0).filter(|_| others_pass && c.window().is_none())
    else {
        return Ok(());
    };
    let (rows, columns) = match (c.kind().ends_with("POOL_2D"), c.shape4(1)) {
        (true, _) => c.options().pool,
        (false, Some([_, rows, columns, _])) => (rows as i32, columns as i32),
        // Weights of another rank: a rule of their own.
        (false, None) => return Ok(()),
    };
    let (down, across) = c.options().dilation;
    Err(format!(
        "the map is {height} x {width}, the window {rows} x {columns}, dilated {down} x {across}"
    ))
}

fn conv_weights(c: &Candidate<'_>) -> Verdict {
    let (Some(weights), Some([.., channels])) = (c.shape(1), c.shape4(0)) else {
        return Ok(());
    };
    match *weights {
        [outputs, _, _, depth]
            if depth > 0
                && channels.is_multiple_of(depth)
                && outputs.is_multiple_of(channels / depth) =>
        {
            Ok(())
        }
        _ => Err(format!(
            "the weights have shape {}, the input has {channels} channels",
            dims(weights)
        )),
    }
}

fn depthwise_weights(c: &Candidate<'_>) -> Verdict {
    let (Some(weights), Some([.., channels])) = (c.shape(1), c.shape4(0)) else {
        return Ok(());
    };
    match *weights {
        [1, _, _, outputs] if outputs % channels == 0 => Ok(()),
        _ => Err(format!(
            "the weights have shape {}, the input has {channels} channels",
            dims(weights)
        )),
    }
}

fn fully_connected_weights(c: &Candidate<'_>) -> Verdict {
    let (Some(weights), Some(input)) = (c.shape(1), c.shape(0)) else {
        return Ok(());
    };
    match c.output_shape() {
        Some(_) => Ok(()),
        None => Err(format!(
            "the weights have shape {}, the input {}",
            dims(weights),
            dims(input)
        )),
    }
}

fn bias_shape<'a>(c: &Candidate<'a>) -> Verdict {
    let shape = |slot: Option<&'a Slot>| slot.and_then(|slot| slot.shape.as_deref());
    let (Some(weights), Some(bias)) = (shape(c.weights()), shape(c.biases())) else {
        return Ok(());
    };
    let outputs = if c.kind() == "DEPTHWISE_CONV_2D" {
        weights.last()
    } else {
        weights.first()
    };
    match (bias, outputs) {
        (&[n], Some(&outputs)) if n == outputs => Ok(()),
        _ => Err(format!(
            "the biases have shape {}, the weights {}",
            dims(bias),
            dims(weights)
        )),
    }
}

fn sum_length(c: &Candidate<'_>) -> Verdict {
    const PRODUCTS: usize = 1 << 15;
    const VALUES: usize = 1 << 22;
    let weights = c.weights().and_then(|slot| slot.shape.as_deref());
    let reduced = || {
        c.axes().map(|axes| {
            axes.iter()
                .map(|&a| c.shape(0).map_or(1, |s| s[a]))
                .product()
        })
    };
    let (length, limit) = match (c.kind(), weights.unwrap_or_default()) {
        ("CONV_2D" | "TRANSPOSE_CONV", [_, rest @ ..]) => (rest.iter().product(), PRODUCTS),
        ("BATCH_MATMUL", [.., rows, columns]) => {
            let depth = if c.options().adjoint.1 { columns } else { rows };
            (*depth, PRODUCTS)
        }
        ("DEPTHWISE_CONV_2D", [_, height, width, _]) => (height * width, PRODUCTS),
        ("FULLY_CONNECTED", [_, depth]) => (*depth, PRODUCTS),
        ("AVERAGE_POOL_2D", _) => match c.shape4(0) {
            Some([_, height, width, _]) => (height * width, VALUES),
            None => return Ok(()),
        },
        ("MEAN" | "SUM", _) => (reduced().unwrap_or(1), VALUES),
        _ => return Ok(()),
    };
    if length <= limit {
        Ok(())
    } else {
        Err(format!("a sum has {length} terms"))
    }
}

fn broadcast(c: &Candidate<'_>) -> Verdict {
    let (Some(a), Some(b)) = (c.shape(0), c.shape(1)) else {
        return Ok(());
    };
    let fits = a.len() <= 4 && b.len() <= 4 && c.output_shape().is_some();
    if fits {
        Ok(())
    } else {
        Err(format!(
            "the operands have shapes {} and {}",
            dims(a),
            dims(b)
        ))
    }
}

fn reduced_axes(c: &Candidate<'_>) -> Verdict {
    let (Some(shape), Some(axes)) = (c.shape(0), c.input(1).and_then(|slot| slot.integers()))
    else {
        return Ok(());
    };
    if c.axes().is_some() {
        Ok(())
    } else {
        Err(format!(
            "the shape is {}, the axes are {:?}",
            dims(shape),
            first(&axes)
        ))
    }
}

fn paddings(c: &Candidate<'_>) -> Verdict {
    let (Some(shape), Some(sizes)) = (c.shape(0), c.input(1).and_then(|slot| slot.integers()))
    else {
        return Ok(());
    };
    let table = c.shape(1).is_some_and(|table| *table == [shape.len(), 2]);
    if table && c.paddings().is_some() {
        return Ok(());
    }
    Err(format!(
        "the shape is {}, the paddings are {:?}",
        dims(shape),
        first(&sizes)
    ))
}

fn same_elements(c: &Candidate<'_>) -> Verdict {
    let Some(shape) = c.shape(0).filter(|_| c.output_shape().is_none()) else {
        return Ok(());
    };
    let target = match c.input(1).filter(|_| c.kind() != "SQUEEZE") {
        Some(slot) => slot.integers(),
        None => Some(c.options().dims.iter().map(|&d| d.into()).collect()),
    };
    // An operand that is not known is the business of `constant-options`.
    let Some(target) = target else { return Ok(()) };
    let what = if c.kind() == "RESHAPE" {
        "new shape"
    } else {
        "axes"
    };
    Err(format!(
        "the shape is {}, the {what} {:?}",
        dims(shape),
        first(&target)
    ))
}

fn concatenation_shapes(c: &Candidate<'_>) -> Verdict {
    let shapes: Vec<&[usize]> = (0..c.operator.inputs.len())
        .filter_map(|n| c.shape(n))
        .collect();
    if shapes.len() < c.operator.inputs.len() || c.output_shape().is_some() {
        return Ok(());
    }
    let list: Vec<String> = shapes.iter().take(4).map(|shape| dims(shape)).collect();
    Err(format!(
        "the axis is {}, the shapes are {}",
        c.options().axis,
        list.join(", ")
    ))
}

fn softmax_rows(c: &Candidate<'_>) -> Verdict {
    let Some(shape) = c.shape(0) else {
        return Ok(());
    };
    let fits = shape.last().is_some_and(|&n| (1..=65_536).contains(&n));
    if fits {
        Ok(())
    } else {
        Err(format!("the input has shape {}", dims(shape)))
    }
}

/// The start of a list that a hostile file may have made long.
pub fn first(values: &[i64]) -> &[i64] {
    &values[..values.len().min(8)]
}
