// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shape arithmetic. Converters write the sizes of a RESHAPE as operators on the shape of a tensor, SHAPE -> STRIDED_SLICE ->
//! PACK for a batch, GATHER, REDUCE_PROD and CONCATENATION for rows; with static shapes the result is a constant, and the
//! operators vanish.

use super::candidate::Candidate;
use super::slot::MAX_INTEGERS;
use sepstream_spec::graph::{Activation, DType};

/// Integers that an operator computes from shapes and constants alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The integers.
    pub values: Vec<i64>,
    /// Their shape.
    pub shape: Vec<usize>,
}

impl Folded {
    fn scalar(value: i64) -> Self {
        Folded {
            values: vec![value],
            shape: Vec::new(),
        }
    }
    fn vector(values: Vec<i64>) -> Self {
        Folded {
            shape: vec![values.len()],
            values,
        }
    }
}

/// Computes an operator on integers, if all that it needs is known. Nothing is folded that 32 bits would not hold where the
/// file has 32.
pub fn evaluate(c: &Candidate<'_>) -> Option<Folded> {
    let range = match c.output()?.dtype()? {
        DType::I32 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        DType::I64 => i64::MIN..=i64::MAX,
        _ => return None,
    };
    let folded = match c.kind() {
        "SHAPE" => {
            let dims = c.shape(0)?.iter().map(|&d| i64::try_from(d).ok());
            Folded::vector(dims.collect::<Option<_>>()?)
        }
        "STRIDED_SLICE" => slice(c)?,
        "PACK" => pack(c)?,
        "GATHER" => gather(c)?,
        "CONCATENATION" => concatenation(c)?,
        "REDUCE_PROD" | "SUM" | "REDUCE_MAX" | "REDUCE_MIN" => reduction(c)?,
        "ADD" | "SUB" | "MUL" | "DIV" | "FLOOR_DIV" | "MAXIMUM" | "MINIMUM" => arithmetic(c)?,
        "CAST" => Folded {
            values: c.input(0)?.integers()?,
            shape: c.shape(0)?.to_vec(),
        },
        "RESHAPE" | "SQUEEZE" | "EXPAND_DIMS" => Folded {
            values: c.input(0)?.integers()?,
            shape: c.output_shape()?,
        },
        _ => return None,
    };
    let fits = folded.values.len() <= MAX_INTEGERS
        && folded.values.len() == folded.shape.iter().product::<usize>()
        && folded.values.iter().all(|value| range.contains(value));
    fits.then_some(folded)
}

/// Elements of a vector, picked by indices.
fn gather(c: &Candidate<'_>) -> Option<Folded> {
    let (source, indices) = (c.input(0)?.integers()?, c.input(1)?.integers()?);
    if c.shape(0)?.len() != 1 || !matches!(c.options().axis, 0 | -1) || c.options().batch_dims != 0
    {
        return None;
    }
    let pick = |&n: &i64| source.get(usize::try_from(n).ok()?).copied();
    Some(Folded {
        values: indices.iter().map(pick).collect::<Option<_>>()?,
        shape: c.shape(1)?.to_vec(),
    })
}

/// Vectors joined to one.
fn concatenation(c: &Candidate<'_>) -> Option<Folded> {
    if !matches!(c.options().axis, 0 | -1) || c.options().activation()? != Activation::None {
        return None;
    }
    let mut values = Vec::new();
    for n in 0..c.operator.inputs.len() {
        if c.shape(n)?.len() != 1 || values.len() > MAX_INTEGERS {
            return None;
        }
        values.extend(c.input(n)?.integers()?);
    }
    Some(Folded::vector(values))
}

/// Product, sum, maximum or minimum of a vector.
fn reduction(c: &Candidate<'_>) -> Option<Folded> {
    let values = c.input(0)?.integers()?;
    if c.shape(0)?.len() != 1 || !matches!(c.input(1)?.integers()?[..], [0 | -1]) {
        return None;
    }
    let join = |a: i64, &b: &i64| operation(c.kind(), a, b);
    let (&first, rest) = values.split_first()?;
    let result = rest.iter().try_fold(first, join)?;
    Some(if c.options().keep_dims {
        Folded::vector(vec![result])
    } else {
        Folded::scalar(result)
    })
}

/// An operation on two scalars or vectors; one of a single element serves all of the other.
fn arithmetic(c: &Candidate<'_>) -> Option<Folded> {
    let (a, b) = (c.input(0)?.integers()?, c.input(1)?.integers()?);
    let (long, short) = (a.len().max(b.len()), a.len().min(b.len()));
    let ranks = [c.shape(0)?, c.shape(1)?];
    let fits = (short == 1 || short == long) && ranks.iter().all(|shape| shape.len() <= 1);
    if !fits || c.options().activation()? != Activation::None {
        return None;
    }
    let at = |values: &[i64], n: usize| values[if values.len() == 1 { 0 } else { n }];
    let values = (0..long).map(|n| operation(c.kind(), at(&a, n), at(&b, n)));
    let values: Vec<i64> = values.collect::<Option<_>>()?;
    Some(if ranks.iter().all(|shape| shape.is_empty()) {
        Folded::scalar(values[0])
    } else {
        Folded::vector(values)
    })
}

/// Of two integers; `None` where it has no result that fits.
fn operation(kind: &str, a: i64, b: i64) -> Option<i64> {
    match kind {
        "ADD" | "SUM" => a.checked_add(b),
        "SUB" => a.checked_sub(b),
        "MUL" | "REDUCE_PROD" => a.checked_mul(b),
        // The kernel of C++ rounds to zero.
        "DIV" => a.checked_div(b),
        "FLOOR_DIV" => {
            let down = a.checked_rem(b)? != 0 && (a < 0) != (b < 0);
            a.checked_div(b)?.checked_sub(i64::from(down))
        }
        "MAXIMUM" | "REDUCE_MAX" => Some(a.max(b)),
        "MINIMUM" | "REDUCE_MIN" => Some(a.min(b)),
        _ => None,
    }
}

/// One integer, from a scalar or a vector of one.
fn single(c: &Candidate<'_>, n: usize) -> Option<i64> {
    match c.input(n)?.integers()?.as_slice() {
        &[value] => Some(value),
        _ => None,
    }
}

/// A slice of a vector, or one element of it as a scalar.
fn slice(c: &Candidate<'_>) -> Option<Folded> {
    let source = c.input(0)?.integers()?;
    if c.shape(0)?.len() != 1 || c.options().other_masks != (0, 0) {
        return None;
    }
    let (begin_mask, end_mask, shrink_mask) = c.options().masks;
    let (begin, end, stride) = (single(c, 1)?, single(c, 2)?, single(c, 3)?);
    let size = i64::try_from(source.len()).ok()?;
    // Bounds may count from the back, and are clamped to just outside of the vector, as in Python.
    let (lowest, highest) = if stride > 0 {
        (0, size)
    } else {
        (-1, size - 1)
    };
    let bound = |n: i64| (if n < 0 { n.saturating_add(size) } else { n }).clamp(lowest, highest);
    let first = match (begin_mask & 1, stride > 0) {
        (0, _) => bound(begin),
        (_, true) => 0,
        (_, false) => size - 1,
    };
    if shrink_mask & 1 == 1 {
        let value = *source.get(usize::try_from(first).ok()?)?;
        return Some(Folded::scalar(value));
    }
    let last = match (end_mask & 1, stride > 0) {
        (0, _) => bound(end),
        (_, true) => size,
        (_, false) => -1,
    };
    let mut values = Vec::new();
    let mut at = first;
    while stride != 0 && (if stride > 0 { at < last } else { at > last }) {
        values.push(*source.get(usize::try_from(at).ok()?)?);
        at = at.saturating_add(stride);
    }
    (stride != 0).then(|| Folded::vector(values))
}

/// Scalars joined to a vector.
fn pack(c: &Candidate<'_>) -> Option<Folded> {
    let count = c.operator.inputs.len();
    if !matches!(c.options().axis, 0 | -1) || count > MAX_INTEGERS {
        return None;
    }
    let scalar = |n| {
        c.shape(n)
            .filter(|shape| shape.is_empty())
            .and_then(|_| single(c, n))
    };
    let values = (0..count).map(scalar).collect::<Option<_>>()?;
    Some(Folded::vector(values))
}
