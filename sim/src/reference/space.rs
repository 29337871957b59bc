// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators that move elements between pixels, channels and batch, and RESIZE_NEAREST_NEIGHBOR.

use sepstream_spec::graph::{Block as Square, Resize, SpaceBatch};

use super::moves::{Axis, Block, Moves, counted, strides};
use super::site::Site;
use super::{Error, Kernel};

/// Dimensions of operand and result, which are of one type.
fn maps(site: &Site) -> Result<([usize; 4], [usize; 4]), Error> {
    let input = site.input(0)?;
    site.require_kept_type(input)?;
    Ok((site.nhwc(input)?, site.nhwc(site.output())?))
}

/// Kernel of DEPTH_TO_SPACE.
pub(super) fn to_space_kernel(site: &Site, options: &Square) -> Result<Box<dyn Kernel>, Error> {
    let ([batch, rows, columns, channels], output) = maps(site)?;
    let (block, depth) = (options.size, output[3]);
    let fits =
        channels == block * block * depth && output[..3] == [batch, rows * block, columns * block];
    site.require(fits, || format!("blocks of {block} do not fit"))?;
    let input = strides(&[batch, rows, columns, block, block, depth]);
    // The result in the order of its memory: rows, rows of a block, columns, columns of a block.
    let axes = [
        (batch, 0),
        (rows, 1),
        (block, 3),
        (columns, 2),
        (block, 4),
        (depth, 5),
    ];
    Ok(Moves::by_axes(
        site,
        axes.map(|(size, axis)| counted(size, input[axis])).to_vec(),
    ))
}

/// Kernel of SPACE_TO_DEPTH.
pub(super) fn to_depth_kernel(site: &Site, options: &Square) -> Result<Box<dyn Kernel>, Error> {
    let (input, [batch, rows, columns, channels]) = maps(site)?;
    let (block, depth) = (options.size, input[3]);
    let fits =
        channels == block * block * depth && input[..3] == [batch, rows * block, columns * block];
    site.require(fits, || format!("blocks of {block} do not fit"))?;
    let input = strides(&[batch, rows, block, columns, block, depth]);
    let axes = [
        (batch, 0),
        (rows, 1),
        (columns, 3),
        (block, 2),
        (block, 4),
        (depth, 5),
    ];
    Ok(Moves::by_axes(
        site,
        axes.map(|(size, axis)| counted(size, input[axis])).to_vec(),
    ))
}

/// The axes behind the batch that have blocks, and those behind them: sizes and strides in the operand.
struct Space {
    blocks: Vec<(usize, usize)>,
    rest: Vec<Axis>,
}

impl Space {
    fn new(site: &Site, options: &SpaceBatch) -> Result<Self, Error> {
        let (input, output) = (site.input(0)?, site.output());
        site.require_kept_type(input)?;
        let count = options.block.len();
        let fits = count < input.shape.len()
            && input.shape.len() == output.shape.len()
            && [options.before.len(), options.after.len()] == [count; 2];
        site.require(fits, || format!("{count} blocks do not fit"))?;
        let mut axes = input
            .shape
            .iter()
            .copied()
            .zip(strides(&input.shape))
            .skip(1);
        let blocks = axes.by_ref().take(count).collect();
        let rest: Vec<Axis> = axes.map(|(size, stride)| counted(size, stride)).collect();
        let inner = rest.iter().map(Vec::len);
        site.require(inner.eq(output.shape[count + 1..].iter().copied()), || {
            "the innermost axes must stay".into()
        })?;
        Ok(Space { blocks, rest })
    }
}

/// Kernel of SPACE_TO_BATCH_ND: each place in a block gives the batch a part of its own.
pub(super) fn to_batch_kernel(site: &Site, options: &SpaceBatch) -> Result<Box<dyn Kernel>, Error> {
    let space = Space::new(site, options)?;
    let (input, output) = (site.input(0)?, site.output());
    let mut places = vec![vec![]];
    for &size in &options.block {
        let next = |place: Vec<usize>| (0..size).map(move |n| [&place[..], &[n]].concat());
        places = places.into_iter().flat_map(next).collect();
    }
    let batch = counted(input.shape[0], strides(&input.shape)[0]);
    let block = |place: Vec<usize>| {
        let axis = |n: usize| {
            let (size, stride) = space.blocks[n];
            let at = |step: usize| {
                let padded = step * options.block[n] + place[n];
                padded
                    .checked_sub(options.before[n])
                    .filter(|&at| at < size)
                    .map(|at| at * stride)
            };
            (0..output.shape[n + 1]).map(at).collect()
        };
        let spread = (0..place.len()).map(axis);
        let axes = [batch.clone()]
            .into_iter()
            .chain(spread)
            .chain(space.rest.iter().cloned());
        Block {
            axes: axes.collect(),
            start: 0,
        }
    };
    let blocks: Vec<Block> = places.into_iter().map(block).collect();
    site.require(output.shape[0] == blocks.len() * input.shape[0], || {
        "the batch does not fit the blocks".into()
    })?;
    let zero_point = output.per_tensor().map_or(0, |(_, zero_point)| zero_point);
    let mut filling = zero_point.to_le_bytes().to_vec();
    filling.resize(output.dtype.bytes(), 0);
    Ok(Moves::filled(site, blocks, filling))
}

/// Kernel of BATCH_TO_SPACE_ND: a row or column comes from the part of the batch that its place in a block names.
pub(super) fn from_batch_kernel(
    site: &Site,
    options: &SpaceBatch,
) -> Result<Box<dyn Kernel>, Error> {
    let space = Space::new(site, options)?;
    let (input, output) = (site.input(0)?, site.output());
    let part = strides(&input.shape)[0];
    let mut parts = output.shape[0];
    let mut steps = vec![0; options.block.len()];
    for (n, &block) in options.block.iter().enumerate().rev() {
        steps[n] = parts;
        parts *= block;
    }
    site.require(parts == input.shape[0], || {
        "the batch does not fit the blocks".into()
    })?;
    let mut axes = vec![counted(output.shape[0], part)];
    for (n, &(size, stride)) in space.blocks.iter().enumerate() {
        let (block, before) = (options.block[n], options.before[n]);
        let reach = before + output.shape[n + 1] + options.after[n];
        site.require(reach == size * block, || {
            format!("crops of axis {} do not fit", n + 1)
        })?;
        let at = |n_out: usize| {
            let whole = n_out + before;
            Some(whole / block * stride + whole % block * steps[n] * part)
        };
        axes.push((0..output.shape[n + 1]).map(at).collect());
    }
    axes.extend(space.rest);
    Ok(Moves::by_axes(site, axes))
}

/// Where RESIZE_NEAREST_NEIGHBOR takes a row or column from: `GetNearestNeighbor`, all in single precision.
fn nearest(n: usize, input: usize, output: usize, options: &Resize) -> usize {
    let scale = if options.align_corners && output > 1 {
        (input - 1) as f32 / (output - 1) as f32
    } else {
        input as f32 / output as f32
    };
    let offset = if options.half_pixel_centers { 0.5 } else { 0.0 };
    let place = (n as f32 + offset) * scale;
    let place = if options.align_corners {
        place.round()
    } else {
        place.floor()
    };
    (place as usize).min(input - 1)
}

/// Kernel of RESIZE_NEAREST_NEIGHBOR.
pub(super) fn nearest_kernel(site: &Site, options: &Resize) -> Result<Box<dyn Kernel>, Error> {
    let (input, output) = maps(site)?;
    site.require(input[0] == output[0] && input[3] == output[3], || {
        "batch and channels must stay".into()
    })?;
    let strides = strides(&input);
    let mut axes = Vec::new();
    for axis in 0..4 {
        let at = |n| Some(nearest(n, input[axis], output[axis], options) * strides[axis]);
        axes.push(match axis {
            1 | 2 => (0..output[axis]).map(at).collect(),
            _ => counted(input[axis], strides[axis]),
        });
    }
    Ok(Moves::by_axes(site, axes))
}
