// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules on operators that move elements or take their sizes from an operand: what their options ask for has to exist.

use super::shapes::first;
use super::{ImportRule, dims};
use crate::rule::{Rule, Verdict};
use crate::tflite::candidate::Candidate;
use crate::tflite::slot::MAX_ELEMENTS;

pub const RULES: &[ImportRule] = &[
    Rule {
        id: "axis",
        operators: &["ARG_MAX", "ARG_MIN", "REVERSE_V2"],
        sentence: "The axis exists.",
        check: possible,
    },
    Rule {
        id: "permutation",
        operators: &["TRANSPOSE"],
        sentence: "The axes of TRANSPOSE are those of its operand, each once.",
        check: possible,
    },
    Rule {
        id: "slice",
        operators: &["SLICE", "STRIDED_SLICE"],
        sentence: "A slice lies inside its operand and is not empty; strides are not 0.",
        check: possible,
    },
    Rule {
        id: "parts",
        operators: &["SPLIT", "SPLIT_V", "UNPACK"],
        sentence: "There is one result for each part, and the parts fill the axis that is cut.",
        check: parts,
    },
    Rule {
        id: "pack",
        operators: &["PACK"],
        sentence: "Operands of PACK have one shape, and the axis exists.",
        check: possible,
    },
    Rule {
        id: "gather",
        operators: &["GATHER"],
        sentence: "The axis of GATHER exists behind the axes that its operands share, and all indices lie on it.",
        check: gather,
    },
    Rule {
        id: "repeats",
        operators: &["TILE", "BROADCAST_TO"],
        sentence: "TILE has one number, 1 or more, for each dimension; BROADCAST_TO a shape that the operand broadcasts to.",
        check: possible,
    },
    Rule {
        id: "mirror",
        operators: &["MIRROR_PAD"],
        sentence: "A border of MIRROR_PAD is at most as wide as the tensor, without its outermost element if that is not repeated.",
        check: mirror,
    },
    Rule {
        id: "resize",
        operators: &["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"],
        sentence: "Maps that are resized have four dimensions (NHWC), and the new height and width are 1 or more.",
        check: possible,
    },
    Rule {
        id: "blocks",
        operators: &[
            "BATCH_TO_SPACE_ND",
            "DEPTH_TO_SPACE",
            "SPACE_TO_BATCH_ND",
            "SPACE_TO_DEPTH",
        ],
        sentence: "Blocks divide the map (padded) or its channels or batch, and something is left when crops are cut off.",
        check: possible,
    },
    Rule {
        id: "matrices",
        operators: &["BATCH_MATMUL"],
        sentence: "Operands of BATCH_MATMUL are matrices that fit each other, their outer dimensions equal or 1.",
        check: possible,
    },
    Rule {
        id: "turned-window",
        operators: &["TRANSPOSE_CONV"],
        sentence: "Weights of TRANSPOSE_CONV are [output, height, width, input], with all channels of a map with four dimensions \
                   and batch 1, and the window fits on the result.",
        check: turned_window,
    },
];

/// Shapes of the operands and integers of the options, for a message.
fn given(c: &Candidate<'_>) -> String {
    let data = c.data_operands();
    let mut parts = Vec::new();
    for n in 0..c.operator.inputs.len() {
        let integers = c
            .input(n)
            .filter(|_| !data.contains(&n))
            .and_then(|slot| slot.integers());
        match (integers, c.shape(n)) {
            (Some(values), _) => parts.push(format!("{:?}", first(&values))),
            (None, Some(shape)) => parts.push(dims(shape)),
            (None, None) => {}
        }
    }
    format!("the operands are {}", parts.join(", "))
}

/// Whether shapes and options are known, so that it is up to them what the result is.
fn known(c: &Candidate<'_>) -> bool {
    let data = c.data_operands();
    (0..c.operator.inputs.len())
        .filter_map(|n| Some((n, c.input(n)?)))
        .all(|(n, slot)| {
            if data.contains(&n) {
                slot.shape.is_some()
            } else {
                slot.integers().is_some()
            }
        })
}

fn possible(c: &Candidate<'_>) -> Verdict {
    if known(c) && c.output_shape().is_none() {
        Err(given(c))
    } else {
        Ok(())
    }
}

fn parts(c: &Candidate<'_>) -> Verdict {
    match c.cuts() {
        None if known(c) => Err(format!(
            "{}, and it has {} results",
            given(c),
            c.operator.outputs.len()
        )),
        _ => Ok(()),
    }
}

fn gather(c: &Candidate<'_>) -> Verdict {
    possible(c)?;
    let (Some(gather), Some(shape), Some(indices)) = (
        c.gather(),
        c.shape(0),
        c.input(1)
            .and_then(|slot| slot.integers_within(MAX_ELEMENTS)),
    ) else {
        return Ok(());
    };
    let size = shape[gather.axis];
    let lies = |n: &i64| usize::try_from(*n).is_ok_and(|n| n < size);
    match indices.iter().find(|n| !lies(n)) {
        Some(n) => Err(format!("the axis has {size} elements, an index is {n}")),
        None => Ok(()),
    }
}

fn mirror(c: &Candidate<'_>) -> Verdict {
    let (Some(shape), Some(paddings)) = (c.shape(0), c.paddings()) else {
        return Ok(());
    };
    let edge = usize::from(!c.options().symmetric);
    let fits =
        |(&size, &(before, after)): (&usize, &(usize, usize))| before.max(after) + edge <= size;
    if shape.iter().zip(&paddings).all(fits) {
        Ok(())
    } else {
        Err(given(c))
    }
}

fn turned_window(c: &Candidate<'_>) -> Verdict {
    let batch = c.shape(2).is_none_or(|shape| matches!(shape, [1, _, _, _]));
    if !known(c) || (batch && c.turned_window().is_some()) {
        Ok(())
    } else {
        Err(given(c))
    }
}
