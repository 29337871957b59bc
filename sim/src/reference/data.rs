// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators that copy whole runs of bytes: RESHAPE, CONCATENATION, PACK.

use sepstream_spec::graph::{Concatenation, DType, Stack};
use sepstream_spec::quant::{Table, concatenation_table};

use super::site::Site;
use super::{Error, Kernel};

struct Reshape;

/// Kernel of RESHAPE.
pub(super) fn reshape_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    site.require_same_size()?;
    site.require_kept_type(site.input(0)?)?;
    Ok(Box::new(Reshape))
}

impl Kernel for Reshape {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        output.copy_from_slice(operands[0]);
    }
}

struct Concatenate {
    parts: Vec<Part>,
}

/// What an operand adds to the result.
struct Part {
    /// Bytes that the operand has below the axis, the axis included.
    block: usize,
    /// New value of each byte, where the operand is quantised in another way than the result.
    table: Option<Table>,
}

/// Kernel of CONCATENATION.
pub(super) fn concatenation_kernel(
    site: &Site,
    options: &Concatenation,
) -> Result<Box<dyn Kernel>, Error> {
    let (output, axis) = (site.output(), options.axis);
    site.require(axis < output.shape.len(), || format!("has no axis {axis}"))?;
    let (mut parts, mut joined) = (Vec::new(), 0);
    for n in 0..site.layer.inputs.len() {
        let input = site.input(n)?;
        site.require_kept_type(input)?;
        let mut shape = output.shape.clone();
        shape[axis] = input.shape.get(axis).copied().unwrap_or(0);
        site.require(input.shape == shape, || {
            format!("cannot join {:?} into {:?}", input.shape, output.shape)
        })?;
        joined += shape[axis];
        let block = shape[axis..].iter().product::<usize>() * input.dtype.bytes();
        // TensorFlow Lite rescales uint8 only; what it takes as equal in int8 may differ by 1e-6.
        let rescaled = input.dtype == DType::U8 && input.quant != output.quant;
        let table = if rescaled {
            Some(concatenation_table(
                site.affine(input)?,
                site.affine(output)?,
            ))
        } else {
            None
        };
        parts.push(Part { block, table });
    }
    site.require(joined == output.shape[axis], || {
        format!("operands fill {joined} of {}", output.shape[axis])
    })?;
    Ok(Box::new(Concatenate { parts }))
}

/// Kernel of PACK: CONCATENATION along an axis that the operands do not have yet.
pub(super) fn pack_kernel(site: &Site, options: &Stack) -> Result<Box<dyn Kernel>, Error> {
    let (output, count) = (site.output(), site.layer.inputs.len());
    let mut shape = output.shape.clone();
    site.require(shape.get(options.axis) == Some(&count), || {
        format!("has not {count} parts along axis {}", options.axis)
    })?;
    shape.remove(options.axis);
    for n in 0..count {
        let input = site.input(n)?;
        site.require_kept_type(input)?;
        site.require(input.shape == shape, || {
            format!("cannot join {:?} into {:?}", input.shape, output.shape)
        })?;
    }
    let block = shape[options.axis..].iter().product::<usize>() * output.dtype.bytes();
    let part = |_| Part { block, table: None };
    Ok(Box::new(Concatenate {
        parts: (0..count).map(part).collect(),
    }))
}

impl Kernel for Concatenate {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let total: usize = self.parts.iter().map(|part| part.block).sum();
        let mut start = 0;
        for (operand, part) in operands.iter().zip(&self.parts) {
            let rows = output.chunks_exact_mut(total);
            for (from, to) in operand.chunks_exact(part.block).zip(rows) {
                let to = &mut to[start..start + part.block];
                match &part.table {
                    None => to.copy_from_slice(from),
                    Some(table) => to
                        .iter_mut()
                        .zip(from)
                        .for_each(|(to, &from)| *to = table[usize::from(from)]),
                }
            }
            start += part.block;
        }
    }
}
