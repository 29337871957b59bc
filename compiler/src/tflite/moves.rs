// SPDX-License-Identifier: MIT OR Apache-2.0
//! Options and result shapes of operators that move elements, or take their sizes from an operand. `None` where operands
//! and options contradict each other; rules tell how.

use sepstream_spec::graph::{Gather, Pads, Slice, SpaceBatch, Window};

use super::candidate::{Candidate, MAX_STEP, broadcast, slide};
use super::slot::MAX_ELEMENTS;

/// A size that a tensor may have.
fn size(n: i64) -> Option<usize> {
    usize::try_from(n).ok().filter(|&n| n <= MAX_ELEMENTS)
}

impl Candidate<'_> {
    /// Sizes that operand `n` holds, each 1 or more.
    fn sizes(&self, n: usize) -> Option<Vec<usize>> {
        let integers = self.input(n)?.integers()?;
        let positive = |&n: &i64| size(n).filter(|&n| n > 0);
        integers.iter().map(positive).collect()
    }
    /// The only integer that operand `n` holds.
    fn integer(&self, n: usize) -> Option<i64> {
        match self.input(n)?.integers()?[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Shape of the result of an operator that is not a convolution, pool or sum; `input` is that of the first feature map.
    pub fn moved_shape(&self, input: &[usize]) -> Option<Vec<usize>> {
        match self.kind() {
            "ARG_MAX" | "ARG_MIN" => {
                let mut shape = input.to_vec();
                shape.remove(self.searched_axis()?);
                Some(shape)
            }
            "TRANSPOSE" => Some(
                self.permutation()?
                    .iter()
                    .map(|&axis| input[axis])
                    .collect(),
            ),
            "SLICE" => Some(self.slice()?.size),
            "STRIDED_SLICE" => Some(self.strided_slice()?.1),
            "SPLIT" | "SPLIT_V" | "UNPACK" => self.parts()?.into_iter().next(),
            "PACK" => self.packed(input),
            "GATHER" => self.gathered(input),
            "TILE" => {
                let multiples = self.sizes(1).filter(|m| m.len() == input.len())?;
                let product = |(&d, &m): (&usize, &usize)| d.checked_mul(m);
                input.iter().zip(&multiples).map(product).collect()
            }
            "BROADCAST_TO" => {
                let target = self.sizes(1)?;
                broadcast(input, &target).filter(|shape| *shape == target)
            }
            "RESIZE_BILINEAR" | "RESIZE_NEAREST_NEIGHBOR" => match (input, &self.sizes(1)?[..]) {
                (&[batch, _, _, channels], &[rows, columns]) => {
                    Some(vec![batch, rows, columns, channels])
                }
                _ => None,
            },
            "DEPTH_TO_SPACE" | "SPACE_TO_DEPTH" => self.block_shape(input),
            "SPACE_TO_BATCH_ND" | "BATCH_TO_SPACE_ND" => self.space_batch_shape(input),
            "BATCH_MATMUL" => self.matmul_shape(input),
            "TRANSPOSE_CONV" => self.sizes(0).filter(|shape| shape.len() == 4),
            "REVERSE_V2" => self.axes().map(|_| input.to_vec()),
            _ => Some(input.to_vec()),
        }
    }

    /// Shapes of all results.
    pub fn output_shapes(&self) -> Option<Vec<Vec<usize>>> {
        match self.kind() {
            "SPLIT" | "SPLIT_V" | "UNPACK" => self.parts(),
            _ => Some(vec![self.output_shape()?]),
        }
    }

    /// Axis of ARG_MAX and ARG_MIN.
    pub fn searched_axis(&self) -> Option<usize> {
        Self::axis(self.integer(1)?, self.shape(0)?.len())
    }

    /// The axes of TRANSPOSE's operand in the order of its result.
    pub fn permutation(&self) -> Option<Vec<usize>> {
        let rank = self.shape(0)?.len();
        let axes = self.input(1)?.integers()?;
        let axes: Option<Vec<usize>> = axes.iter().map(|&a| Self::axis(a, rank)).collect();
        let axes = axes.filter(|axes| axes.len() == rank)?;
        (0..rank).all(|axis| axes.contains(&axis)).then_some(axes)
    }

    /// The block that SLICE takes; a size of -1 reaches to the end.
    pub fn slice(&self) -> Option<Slice> {
        let input = self.shape(0)?;
        let (begin, sizes) = (self.input(1)?.integers()?, self.input(2)?.integers()?);
        if [begin.len(), sizes.len()] != [input.len(); 2] {
            return None;
        }
        let begin: Vec<usize> = begin.into_iter().map(size).collect::<Option<_>>()?;
        let mut taken = Vec::new();
        for ((&dim, &first), &n) in input.iter().zip(&begin).zip(&sizes) {
            let rest = dim.checked_sub(first)?;
            taken.push(if n == -1 { rest } else { size(n)? });
            if *taken.last()? > rest || taken.ends_with(&[0]) {
                return None;
            }
        }
        Some(Slice {
            step: vec![1; begin.len()],
            begin,
            size: taken,
        })
    }

    /// Axis and lengths of the parts of SPLIT, SPLIT_V and UNPACK.
    pub fn cuts(&self) -> Option<(usize, Vec<usize>)> {
        let input = self.shape(self.first())?;
        let parts = self.operator.outputs.len();
        let axis = match self.kind() {
            "SPLIT" => self.integer(0)?,
            "SPLIT_V" => self.integer(2)?,
            _ => self.options().axis.into(),
        };
        let axis = Self::axis(axis, input.len())?;
        if self.kind() != "SPLIT_V" {
            let length = input[axis].checked_div(parts)?;
            let fits = length * parts == input[axis] && (self.kind() == "SPLIT" || length == 1);
            return fits.then(|| (axis, vec![length; parts]));
        }
        let lengths = self.input(1)?.integers()?;
        let known: usize = lengths
            .iter()
            .filter(|&&n| n != -1)
            .try_fold(0usize, |sum, &n| sum.checked_add(size(n)?))?;
        let open = lengths.iter().filter(|&&n| n == -1).count();
        let rest = input[axis].checked_sub(known)?;
        let lengths: Vec<usize> = lengths.iter().map(|&n| size(n).unwrap_or(rest)).collect();
        let fits = lengths.len() == parts && open <= 1 && (open == 1 || rest == 0);
        (fits && !lengths.contains(&0)).then_some((axis, lengths))
    }
    fn parts(&self) -> Option<Vec<Vec<usize>>> {
        let (axis, lengths) = self.cuts()?;
        let input = self.shape(self.first())?;
        let part = |length| {
            let mut shape = input.to_vec();
            if self.kind() == "UNPACK" {
                shape.remove(axis);
            } else {
                shape[axis] = length;
            }
            shape
        };
        Some(lengths.into_iter().map(part).collect())
    }

    /// Axis of PACK, in the result.
    pub fn packed_axis(&self) -> Option<usize> {
        Self::axis(self.options().axis.into(), self.shape(0)?.len() + 1)
    }
    fn packed(&self, input: &[usize]) -> Option<Vec<usize>> {
        let count = self.operator.inputs.len();
        let alike = (1..count).all(|n| self.shape(n) == Some(input));
        let mut shape = input.to_vec();
        shape.insert(self.packed_axis()?, count);
        alike.then_some(shape)
    }

    /// Axes of GATHER.
    pub fn gather(&self) -> Option<Gather> {
        let (input, indices) = (self.shape(0)?, self.shape(1)?);
        let batch_dims = i64::from(self.options().batch_dims);
        let batch_dims = match batch_dims {
            0.. => usize::try_from(batch_dims).ok()?,
            _ => Self::axis(batch_dims, indices.len())?,
        };
        let axis = Self::axis(self.options().axis.into(), input.len())?;
        let shared = batch_dims <= axis
            && batch_dims <= indices.len()
            && input[..batch_dims] == indices[..batch_dims];
        shared.then_some(Gather { axis, batch_dims })
    }
    fn gathered(&self, input: &[usize]) -> Option<Vec<usize>> {
        let Gather { axis, batch_dims } = self.gather()?;
        let indices = &self.shape(1)?[batch_dims..];
        Some([&input[..axis], indices, &input[axis + 1..]].concat())
    }

    fn block_shape(&self, input: &[usize]) -> Option<Vec<usize>> {
        let block = usize::try_from(self.options().block).ok()?;
        let &[batch, rows, columns, channels] = input else {
            return None;
        };
        let square = block.checked_mul(block)?;
        if self.kind() == "DEPTH_TO_SPACE" {
            let channels_out = channels.checked_div(square)?;
            let fits = channels_out * square == channels;
            return fits.then(|| vec![batch, rows * block, columns * block, channels_out]);
        }
        let (down, across) = (rows.checked_div(block)?, columns.checked_div(block)?);
        let fits = down * block == rows && across * block == columns;
        fits.then(|| vec![batch, down, across, channels.saturating_mul(square)])
    }

    /// Blocks and paddings or crops of SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND.
    pub fn space_batch(&self) -> Option<SpaceBatch> {
        let block = self.sizes(1)?;
        let flat = self.input(2)?.integers()?;
        let flat: Vec<usize> = flat.into_iter().map(size).collect::<Option<_>>()?;
        let fits = flat.len() == 2 * block.len() && block.len() < self.shape(0)?.len();
        fits.then(|| SpaceBatch {
            block,
            before: flat.iter().step_by(2).copied().collect(),
            after: flat.iter().skip(1).step_by(2).copied().collect(),
        })
    }
    fn space_batch_shape(&self, input: &[usize]) -> Option<Vec<usize>> {
        let blocks = self.space_batch()?;
        let all: usize = blocks
            .block
            .iter()
            .try_fold(1usize, |n, &b| n.checked_mul(b))?;
        let mut shape = input.to_vec();
        let to_space = self.kind() == "BATCH_TO_SPACE_ND";
        shape[0] = if to_space {
            Some(input[0] / all).filter(|n| n * all == input[0])?
        } else {
            input[0].checked_mul(all)?
        };
        for (n, &block) in blocks.block.iter().enumerate() {
            let (before, after, dim) = (blocks.before[n], blocks.after[n], input[n + 1]);
            shape[n + 1] = if to_space {
                dim.checked_mul(block)?.checked_sub(before + after)?
            } else {
                let padded = dim + before + after;
                Some(padded / block).filter(|n| n * block == padded)?
            };
        }
        (!shape.contains(&0)).then_some(shape)
    }

    fn matmul_shape(&self, a: &[usize]) -> Option<Vec<usize>> {
        let matrix = |shape: &[usize], adjoint: bool| match *shape {
            [.., rows, columns] if adjoint => Some((columns, rows)),
            [.., rows, columns] => Some((rows, columns)),
            _ => None,
        };
        let b = self.shape(1)?;
        let (adj_x, adj_y) = self.options().adjoint;
        let ((rows, depth), (depth_b, columns)) = (matrix(a, adj_x)?, matrix(b, adj_y)?);
        let mut shape = broadcast(&a[..a.len() - 2], &b[..b.len() - 2])?;
        shape.extend([rows, columns]);
        (depth == depth_b).then_some(shape)
    }

    /// The window that TRANSPOSE_CONV turns around: it slides over the result.
    pub fn turned_window(&self) -> Option<Window> {
        let shape = self.sizes(0)?;
        let &[_, rows, columns, outputs] = &shape[..] else {
            return None;
        };
        let [_, .., channels] = self.shape4(2)?;
        let [weights, height, width, depth] = self.shape4(1)?;
        let step = |n: i32| {
            usize::try_from(n)
                .ok()
                .filter(|_| (1..=MAX_STEP).contains(&n))
        };
        let stride = (
            step(self.options().stride.0)?,
            step(self.options().stride.1)?,
        );
        let padding = self.options().padding;
        let (_, top, bottom) = slide(rows, height, stride.0, 1, padding)?;
        let (_, left, right) = slide(columns, width, stride.1, 1, padding)?;
        (outputs == weights && depth == channels).then_some(Window {
            kernel: (height, width),
            stride,
            dilation: (1, 1),
            pads: Pads {
                top,
                left,
                bottom,
                right,
            },
        })
    }
}
