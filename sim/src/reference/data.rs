// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators that only move bytes: RESHAPE, PAD, CONCATENATION.

use sepstream_spec::graph::{Concatenation, Pad};

use super::site::Site;
use super::{Error, Kernel};

struct Reshape;

/// Kernel of RESHAPE.
pub(super) fn reshape_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    site.require_same_size()?;
    let (input, output) = (site.input(0)?.dtype, site.output().dtype);
    site.require(input == output, || {
        format!("cannot turn {} into {}", input.name(), output.name())
    })?;
    Ok(Box::new(Reshape))
}

impl Kernel for Reshape {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        output.copy_from_slice(operands[0]);
    }
}

/// The innermost axis is copied as a whole, all others are walked.
struct PadKernel {
    value: u8,
    row: usize,
    /// Where each row of the input goes.
    starts: Vec<usize>,
}

/// Kernel of PAD and PADV2.
pub(super) fn pad_kernel(site: &Site, options: &Pad) -> Result<Box<dyn Kernel>, Error> {
    let (input, output) = (site.input(0)?, site.output());
    let quantised =
        input.dtype.is_quantised() && input.dtype == output.dtype && input.quant == output.quant;
    site.require(quantised, || {
        "input and output must be 8 bits wide and quantised alike".into()
    })?;
    let rank = input.shape.len();
    let fits = [
        output.shape.len(),
        options.before.len(),
        options.after.len(),
    ] == [rank; 3]
        && (0..rank).all(|axis| {
            input.shape[axis] + options.before[axis] + options.after[axis] == output.shape[axis]
        });
    site.require(fits, || {
        format!(
            "paddings do not turn {:?} into {:?}",
            input.shape, output.shape
        )
    })?;
    let (mut starts, mut stride) = (vec![0], 1);
    for axis in (0..rank).rev() {
        let positions = if axis + 1 == rank {
            0..1
        } else {
            0..input.shape[axis]
        };
        let offset = |n: usize| (n + options.before[axis]) * stride;
        starts = positions
            .flat_map(|n| starts.iter().map(move |start| start + offset(n)))
            .collect();
        stride *= output.shape[axis];
    }
    Ok(Box::new(PadKernel {
        value: options.value as u8,
        row: input.channels(),
        starts,
    }))
}

impl Kernel for PadKernel {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        output.fill(self.value);
        for (row, &start) in operands[0].chunks_exact(self.row).zip(&self.starts) {
            output[start..start + self.row].copy_from_slice(row);
        }
    }
}

struct Concatenate {
    /// Bytes that each operand has below the axis, the axis included.
    blocks: Vec<usize>,
}

/// Kernel of CONCATENATION.
pub(super) fn concatenation_kernel(
    site: &Site,
    options: &Concatenation,
) -> Result<Box<dyn Kernel>, Error> {
    let (output, axis) = (site.output(), options.axis);
    site.require(axis < output.shape.len(), || format!("has no axis {axis}"))?;
    let (mut blocks, mut joined) = (Vec::new(), 0);
    for n in 0..site.layer.inputs.len() {
        let input = site.input(n)?;
        let rule = || "all tensors must be of one type and quantised alike".into();
        site.require(
            input.dtype == output.dtype && input.quant == output.quant,
            rule,
        )?;
        let mut shape = output.shape.clone();
        shape[axis] = input.shape.get(axis).copied().unwrap_or(0);
        site.require(input.shape == shape, || {
            format!("cannot join {:?} into {:?}", input.shape, output.shape)
        })?;
        joined += shape[axis];
        blocks.push(shape[axis..].iter().product::<usize>() * input.dtype.bytes());
    }
    site.require(joined == output.shape[axis], || {
        format!("operands fill {joined} of {}", output.shape[axis])
    })?;
    Ok(Box::new(Concatenate { blocks }))
}

impl Kernel for Concatenate {
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]) {
        let total: usize = self.blocks.iter().sum();
        let mut start = 0;
        for (operand, &block) in operands.iter().zip(&self.blocks) {
            for (from, to) in operand
                .chunks_exact(block)
                .zip(output.chunks_exact_mut(total))
            {
                to[start..start + block].copy_from_slice(from);
            }
            start += block;
        }
    }
}
