// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators that take a tensor apart, put it together or turn it: SLICE, SPLIT, TRANSPOSE, TILE, GATHER and their like.

use sepstream_spec::graph::{
    Gather, MirrorPad, Pad, Reverse, Slice, Split, Stack, Tensor, Transpose,
};

use super::moves::{Axis, Block, Moves, counted, strides};
use super::site::Site;
use super::{Error, Kernel};

/// Error unless the result has these sizes; axes of size 1 may be missing or added.
fn require_sizes(site: &Site, axes: &[Axis]) -> Result<(), Error> {
    let more = |&n: &usize| n != 1;
    let got: Vec<usize> = axes.iter().map(Vec::len).filter(more).collect();
    let want: Vec<usize> = site.output().shape.iter().copied().filter(more).collect();
    let name = &site.output().name;
    site.require(got == want, || {
        format!("tensor `{name}` must have the sizes {got:?}, has {want:?}")
    })
}

/// The kernel of an operator whose result is described by its axes.
fn by_axes(site: &Site, axes: Vec<Axis>) -> Result<Box<dyn Kernel>, Error> {
    require_sizes(site, &axes)?;
    Ok(Moves::by_axes(site, axes))
}

/// The operand, which is of the result's type, and its strides.
fn operand<'g>(site: &Site<'g>) -> Result<(&'g Tensor, Vec<usize>), Error> {
    let input = site.input(0)?;
    site.require_kept_type(input)?;
    Ok((input, strides(&input.shape)))
}

/// Kernel of SLICE and STRIDED_SLICE.
pub(super) fn slice_kernel(site: &Site, options: &Slice) -> Result<Box<dyn Kernel>, Error> {
    let (input, strides) = operand(site)?;
    let rank = input.shape.len();
    let Slice { begin, step, size } = options;
    site.require([begin.len(), step.len(), size.len()] == [rank; 3], || {
        format!("must name {rank} axes")
    })?;
    let mut axes = Vec::new();
    for axis in 0..rank {
        let at = |n: usize| {
            let place = step[axis].checked_mul(n as isize)?;
            begin[axis]
                .checked_add_signed(place)
                .filter(|&at| at < input.shape[axis])
        };
        let places: Axis = (0..size[axis]).map(at).collect();
        site.require(places.iter().all(Option::is_some), || {
            format!("reaches outside of axis {axis}")
        })?;
        axes.push(
            places
                .into_iter()
                .map(|at| at.map(|at| at * strides[axis]))
                .collect(),
        );
    }
    by_axes(site, axes)
}

/// Kernel of one result of SPLIT or SPLIT_V.
pub(super) fn split_kernel(site: &Site, options: &Split) -> Result<Box<dyn Kernel>, Error> {
    let size = |n: &usize| {
        site.result(*n)
            .shape
            .get(options.axis)
            .copied()
            .unwrap_or(0)
    };
    let begin = (0..site.number).map(|n| size(&n)).sum();
    part(site, options.axis, begin, size(&site.number))
}

/// Kernel of one result of UNPACK.
pub(super) fn unpack_kernel(site: &Site, options: &Stack) -> Result<Box<dyn Kernel>, Error> {
    part(site, options.axis, site.number, 1)
}

/// A part of the operand along one axis.
fn part(site: &Site, axis: usize, begin: usize, size: usize) -> Result<Box<dyn Kernel>, Error> {
    let shape = &site.input(0)?.shape;
    site.require(axis < shape.len(), || format!("has no axis {axis}"))?;
    let mut slice = Slice {
        begin: vec![0; shape.len()],
        step: vec![1; shape.len()],
        size: shape.clone(),
    };
    (slice.begin[axis], slice.size[axis]) = (begin, size);
    slice_kernel(site, &slice)
}

/// Kernel of TRANSPOSE.
pub(super) fn transpose_kernel(site: &Site, options: &Transpose) -> Result<Box<dyn Kernel>, Error> {
    let (input, strides) = operand(site)?;
    let mut named = options.permutation.clone();
    named.sort_unstable();
    site.require(named.into_iter().eq(0..input.shape.len()), || {
        format!("{:?} is no order of the axes", options.permutation)
    })?;
    let axis = |&axis: &usize| counted(input.shape[axis], strides[axis]);
    by_axes(site, options.permutation.iter().map(axis).collect())
}

/// Kernel of REVERSE_V2.
pub(super) fn reverse_kernel(site: &Site, options: &Reverse) -> Result<Box<dyn Kernel>, Error> {
    let (input, strides) = operand(site)?;
    let axis = |(n, (&size, &stride)): (usize, (&usize, &usize))| {
        let mut axis = counted(size, stride);
        if options.axes.contains(&n) {
            axis.reverse();
        }
        axis
    };
    by_axes(
        site,
        input
            .shape
            .iter()
            .zip(&strides)
            .enumerate()
            .map(axis)
            .collect(),
    )
}

/// Kernel of TILE and BROADCAST_TO: axes of the result start again where the operand ends.
pub(super) fn repeat_kernel(site: &Site) -> Result<Box<dyn Kernel>, Error> {
    let (input, strides) = operand(site)?;
    let shape = &site.output().shape;
    let missing = shape.len().checked_sub(input.shape.len());
    let missing =
        missing.ok_or_else(|| site.unsupported("the operand has more axes than the result"))?;
    let mut axes: Vec<Axis> = shape[..missing]
        .iter()
        .map(|&size| vec![Some(0); size])
        .collect();
    for (n, (&size, &stride)) in input.shape.iter().zip(&strides).enumerate() {
        let result = shape[missing + n];
        site.require(result.is_multiple_of(size), || {
            format!("{size} elements cannot fill {result}")
        })?;
        axes.push((0..result).map(|n| Some(n % size * stride)).collect());
    }
    by_axes(site, axes)
}

/// Error unless there is a padding for each axis.
fn require_paddings(site: &Site, before: &[usize], after: &[usize]) -> Result<(), Error> {
    let rank = site.input(0)?.shape.len();
    site.require([before.len(), after.len()] == [rank; 2], || {
        format!("must have paddings for {rank} axes")
    })
}

/// Kernel of PAD and PADV2.
pub(super) fn pad_kernel(site: &Site, options: &Pad) -> Result<Box<dyn Kernel>, Error> {
    let (input, strides) = operand(site)?;
    site.require(input.quant == site.output().quant, || {
        "input and output must be quantised alike".into()
    })?;
    require_paddings(site, &options.before, &options.after)?;
    let axis = |(n, (&size, &stride)): (usize, (&usize, &usize))| {
        let border = |size| std::iter::repeat_n(None, size);
        let inside = counted(size, stride);
        border(options.before[n])
            .chain(inside)
            .chain(border(options.after[n]))
            .collect()
    };
    let axes: Vec<Axis> = input
        .shape
        .iter()
        .zip(&strides)
        .enumerate()
        .map(axis)
        .collect();
    require_sizes(site, &axes)?;
    let mut filling = options.value.to_le_bytes().to_vec();
    filling.resize(input.dtype.bytes(), 0);
    Ok(Moves::filled(site, vec![Block { axes, start: 0 }], filling))
}

/// Kernel of MIRROR_PAD.
pub(super) fn mirror_kernel(site: &Site, options: &MirrorPad) -> Result<Box<dyn Kernel>, Error> {
    let (input, strides) = operand(site)?;
    require_paddings(site, &options.before, &options.after)?;
    let edge = usize::from(!options.symmetric);
    let mut axes = Vec::new();
    for (n, (&size, &stride)) in input.shape.iter().zip(&strides).enumerate() {
        let (before, after) = (options.before[n], options.after[n]);
        site.require(before.max(after) + edge <= size, || {
            format!("a border of {} does not fit axis {n}", before.max(after))
        })?;
        let front = (0..before).map(|k| before - 1 - k + edge);
        let back = (0..after).map(|k| size - 1 - k - edge);
        let places = front.chain(0..size).chain(back);
        axes.push(places.map(|at| Some(at * stride)).collect());
    }
    by_axes(site, axes)
}

/// Kernel of GATHER. Indices are constants: a wrong one is found here, not in the middle of a run.
pub(super) fn gather_kernel(site: &Site, options: &Gather) -> Result<Box<dyn Kernel>, Error> {
    let (input, strides) = operand(site)?;
    let &Gather { axis, batch_dims } = options;
    let given = site.input(1)?;
    let indices = given.to_i32().or_else(|| {
        let narrow = |n: i64| i32::try_from(n).unwrap_or(-1);
        Some(given.to_i64()?.into_iter().map(narrow).collect())
    });
    let indices = indices.ok_or_else(|| site.unsupported("indices must be constants"))?;
    let shared = axis < input.shape.len()
        && batch_dims <= axis
        && given.shape.get(..batch_dims) == Some(&input.shape[..batch_dims]);
    site.require(shared, || {
        format!("axes {axis} and {batch_dims} do not fit the operands")
    })?;
    let inside = |&n: &i32| usize::try_from(n).is_ok_and(|n| n < input.shape[axis]);
    site.require(indices.iter().all(inside), || {
        format!("an index lies outside of axis {axis}")
    })?;
    let batches: usize = input.shape[..batch_dims].iter().product();
    let axes = |range: std::ops::Range<usize>| range.map(|n| counted(input.shape[n], strides[n]));
    let each: usize = input.shape[batch_dims..].iter().product();
    let block = |(batch, indices): (usize, &[i32])| {
        let picked = indices
            .iter()
            .map(|&n| Some(n as usize * strides[axis]))
            .collect();
        let outer = axes(batch_dims..axis);
        let inner = axes(axis + 1..input.shape.len());
        Block {
            axes: outer.chain([picked]).chain(inner).collect(),
            start: batch * each,
        }
    };
    let per_batch = indices.len() / batches;
    let blocks: Vec<Block> = indices
        .chunks_exact(per_batch)
        .enumerate()
        .map(block)
        .collect();
    let count: usize = blocks
        .iter()
        .map(|b| b.axes.iter().map(Vec::len).product::<usize>())
        .sum();
    site.require(count == site.output().elements(), || {
        format!("the output must have {count} elements")
    })?;
    Ok(Moves::kernel(site, blocks))
}
