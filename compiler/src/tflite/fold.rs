// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shape chains. Converters write the batch of a RESHAPE as SHAPE -> STRIDED_SLICE -> PACK; with static shapes that is a
//! constant, and the three operators vanish.

use super::candidate::Candidate;
use super::slot::MAX_INTEGERS;

/// Integers that an operator computes from shapes alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The integers.
    pub values: Vec<i64>,
    /// A scalar has one value and no dimensions.
    pub scalar: bool,
}

impl Folded {
    /// Shape of the result.
    pub fn shape(&self) -> Vec<usize> {
        if self.scalar {
            Vec::new()
        } else {
            vec![self.values.len()]
        }
    }
}

/// Computes SHAPE, STRIDED_SLICE or PACK, if all that it needs is known.
pub fn evaluate(c: &Candidate<'_>) -> Option<Folded> {
    let folded = match c.kind() {
        "SHAPE" => {
            let dims = c.shape(0)?.iter().map(|&d| i64::try_from(d).ok());
            Folded {
                values: dims.collect::<Option<_>>()?,
                scalar: false,
            }
        }
        "STRIDED_SLICE" => slice(c)?,
        "PACK" => pack(c)?,
        _ => return None,
    };
    (folded.values.len() <= MAX_INTEGERS).then_some(folded)
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
        return Some(Folded {
            values: vec![value],
            scalar: true,
        });
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
    (stride != 0).then_some(Folded {
        values,
        scalar: false,
    })
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
    Some(Folded {
        values,
        scalar: false,
    })
}
