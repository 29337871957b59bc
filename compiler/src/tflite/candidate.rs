// SPDX-License-Identifier: MIT OR Apache-2.0
//! What rules and conversion see of one operator, and the shape arithmetic of TensorFlow Lite.

use sepstream_spec::graph::{Pads, Window};
use tract_tflite::tflite::Padding;

use super::fold;
use super::operator::{Operator, Options};
use super::slot::{MAX_ELEMENTS, Slot};

/// Largest stride, dilation and pooling window: products of two of them and a dimension stay small.
pub const MAX_STEP: i32 = 65_535;

/// An operator with the tensors of its graph. Shapes of its operands are known, unless an earlier layer is unsupported.
pub struct Candidate<'a> {
    /// The operator.
    pub operator: &'a Operator,
    /// All tensors.
    pub slots: &'a [Slot],
}

impl<'a> Candidate<'a> {
    /// Operator name.
    pub fn kind(&self) -> &'a str {
        &self.operator.kind
    }
    /// Options.
    pub fn options(&self) -> &'a Options {
        &self.operator.options
    }
    /// Operand `n`, unless absent.
    pub fn input(&self, n: usize) -> Option<&'a Slot> {
        let id = self.operator.inputs.get(n).copied().flatten()?;
        Some(&self.slots[id.0])
    }
    /// The first result.
    pub fn output(&self) -> Option<&'a Slot> {
        self.outputs().next()
    }
    /// All results.
    pub fn outputs(&self) -> impl Iterator<Item = &'a Slot> + use<'a> {
        let slots = self.slots;
        self.operator.outputs.iter().map(|id| &slots[id.0])
    }
    /// The first feature map.
    pub fn map(&self) -> Option<&'a Slot> {
        self.input(self.first())
    }
    /// The weights of an operator that has some: the second data operand.
    pub fn weights(&self) -> Option<&'a Slot> {
        self.input(*self.data_operands().get(1)?)
    }
    /// The biases of an operator that has some: the third data operand.
    pub fn biases(&self) -> Option<&'a Slot> {
        self.input(*self.data_operands().get(2)?)
    }
    /// Shape of operand `n`, if known.
    pub fn shape(&self, n: usize) -> Option<&'a [usize]> {
        self.input(n)?.shape.as_deref()
    }
    /// Shape of operand `n` if it has four dimensions, none of them empty.
    pub fn shape4(&self, n: usize) -> Option<[usize; 4]> {
        self.shape(n)?
            .try_into()
            .ok()
            .filter(|dims: &[usize; 4]| !dims.contains(&0))
    }
    /// Positions of the operands that carry data, in the order in which a layer has them. All others are shapes, axes,
    /// paddings: they become options.
    pub fn data_operands(&self) -> Vec<usize> {
        let given = self.operator.inputs.len();
        match self.kind() {
            "SPLIT" => vec![1],
            // The result's shape comes first in the file, then the weights.
            "TRANSPOSE_CONV" => [2, 1, 3].into_iter().filter(|&n| n < given).collect(),
            "ARG_MAX"
            | "ARG_MIN"
            | "BATCH_TO_SPACE_ND"
            | "BROADCAST_TO"
            | "EXPAND_DIMS"
            | "MEAN"
            | "MIRROR_PAD"
            | "PAD"
            | "PADV2"
            | "REDUCE_MAX"
            | "REDUCE_MIN"
            | "REDUCE_PROD"
            | "RESHAPE"
            | "RESIZE_BILINEAR"
            | "RESIZE_NEAREST_NEIGHBOR"
            | "REVERSE_V2"
            | "SLICE"
            | "SPACE_TO_BATCH_ND"
            | "SPLIT_V"
            | "SQUEEZE"
            | "STRIDED_SLICE"
            | "SUM"
            | "TILE"
            | "TRANSPOSE" => vec![0],
            _ => (0..given).collect(),
        }
    }
    /// Position of the operand that holds the first feature map.
    pub fn first(&self) -> usize {
        self.data_operands().first().copied().unwrap_or(0)
    }
    /// Operands that hold values of feature maps: data without weights, biases and indices, and the value that PADV2 fills in.
    pub fn maps(&self) -> impl Iterator<Item = &'a Slot> + '_ {
        let mut maps = self.data_operands();
        match self.kind() {
            "CONV_2D" | "DEPTHWISE_CONV_2D" | "FULLY_CONNECTED" | "GATHER" | "TRANSPOSE_CONV" => {
                maps.truncate(1);
            }
            "PADV2" => maps.push(2),
            _ => {}
        }
        maps.into_iter().filter_map(|n| self.input(n))
    }

    /// Axis counted from the front, from one that may count from the back.
    pub fn axis(axis: i64, rank: usize) -> Option<usize> {
        let from_front = if axis < 0 {
            axis.checked_add(i64::try_from(rank).ok()?)?
        } else {
            axis
        };
        usize::try_from(from_front).ok().filter(|&a| a < rank)
    }
    /// Axis of CONCATENATION.
    pub fn concatenation_axis(&self) -> Option<usize> {
        Self::axis(self.options().axis.into(), self.shape(0)?.len())
    }
    /// Axes that operand 1 names, ascending, without duplicates.
    pub fn axes(&self) -> Option<Vec<usize>> {
        let rank = self.shape(0)?.len();
        let axes = self.input(1)?.integers()?;
        let mut axes: Vec<usize> = axes
            .iter()
            .map(|&a| Self::axis(a, rank))
            .collect::<Option<_>>()?;
        axes.sort_unstable();
        axes.dedup();
        Some(axes)
    }
    /// Paddings of PAD, before and after, one pair for each axis.
    pub fn paddings(&self) -> Option<Vec<(usize, usize)>> {
        let flat = self.input(1)?.integers()?;
        let size = |n: i64| usize::try_from(n).ok().filter(|&n| n <= MAX_ELEMENTS);
        let pairs = flat.chunks(2).map(|pair| match *pair {
            [before, after] => Some((size(before)?, size(after)?)),
            _ => None,
        });
        pairs
            .collect::<Option<Vec<_>>>()
            .filter(|pairs| Some(pairs.len()) == self.shape(0).map(<[usize]>::len))
    }

    /// The sliding window of a convolution or pool, and the rows and columns it gives. `None` if an option is out of range or the window does not fit.
    pub fn window(&self) -> Option<(Window, usize, usize)> {
        let o = self.options();
        let step = |n: i32| {
            usize::try_from(n)
                .ok()
                .filter(|_| (1..=MAX_STEP).contains(&n))
        };
        let pair = |p: (i32, i32)| Some((step(p.0)?, step(p.1)?));
        let kernel = if self.kind().ends_with("POOL_2D") {
            pair(o.pool)?
        } else {
            let [_, height, width, _] = self.shape4(1)?;
            (height, width)
        };
        let (stride, dilation) = (pair(o.stride)?, pair(o.dilation)?);
        let [_, height, width, _] = self.shape4(0)?;
        let (rows, top, bottom) = slide(height, kernel.0, stride.0, dilation.0, o.padding)?;
        let (columns, left, right) = slide(width, kernel.1, stride.1, dilation.1, o.padding)?;
        let pads = Pads {
            top,
            left,
            bottom,
            right,
        };
        Some((
            Window {
                kernel,
                stride,
                dilation,
                pads,
            },
            rows,
            columns,
        ))
    }

    /// Shape of the result as TensorFlow Lite computes it when it prepares the operator; what the file states is not used.
    /// `None` if some rule is broken or a dimension overflows.
    pub fn output_shape(&self) -> Option<Vec<usize>> {
        let input = self.shape(self.first())?;
        match self.kind() {
            "CONV_2D" => {
                let (_, rows, columns) = self.window()?;
                Some(vec![input[0], rows, columns, self.shape4(1)?[0]])
            }
            "DEPTHWISE_CONV_2D" => {
                let (_, rows, columns) = self.window()?;
                Some(vec![input[0], rows, columns, self.shape4(1)?[3]])
            }
            "AVERAGE_POOL_2D" | "MAX_POOL_2D" => {
                let (_, rows, columns) = self.window()?;
                Some(vec![input[0], rows, columns, input[3]])
            }
            "FULLY_CONNECTED" => {
                let &[outputs, depth] = self.shape(1)? else {
                    return None;
                };
                let count: usize = input.iter().product();
                let rows = count
                    .checked_div(depth)
                    .filter(|rows| rows * depth == count)?;
                if !self.options().keep_dims {
                    return Some(vec![rows, outputs]);
                }
                let (&last, outer) = input.split_last()?;
                (last == depth).then(|| [outer, &[outputs]].concat())
            }
            "ADD" | "SUB" | "MUL" | "DIV" | "MAXIMUM" | "MINIMUM" | "SQUARED_DIFFERENCE" => {
                broadcast(input, self.shape(1)?)
            }
            "PRELU" => broadcast(input, self.shape(1)?).filter(|shape| shape == input),
            "MEAN" | "SUM" | "REDUCE_MAX" | "REDUCE_MIN" | "REDUCE_PROD" => {
                let axes = self.axes()?;
                let keep = self.options().keep_dims;
                let dims = input.iter().enumerate();
                Some(
                    dims.filter_map(|(n, &d)| {
                        if !axes.contains(&n) {
                            Some(d)
                        } else {
                            keep.then_some(1)
                        }
                    })
                    .collect(),
                )
            }
            "PAD" | "PADV2" | "MIRROR_PAD" => {
                let sum = |(&d, (before, after)): (&usize, (usize, usize))| {
                    d.checked_add(before)?.checked_add(after)
                };
                input.iter().zip(self.paddings()?).map(sum).collect()
            }
            "RESHAPE" => self.reshaped(input),
            "SQUEEZE" if self.options().dims.len() <= input.len() => {
                let axes = self
                    .options()
                    .dims
                    .iter()
                    .map(|&a| Self::axis(a.into(), input.len()));
                let axes: Vec<usize> = axes.collect::<Option<_>>()?;
                let drop = |n: usize, d: usize| {
                    if axes.is_empty() {
                        d == 1
                    } else {
                        axes.contains(&n)
                    }
                };
                let fits = axes.iter().all(|&a| input[a] == 1);
                fits.then(|| {
                    input
                        .iter()
                        .enumerate()
                        .filter(|&(n, &d)| !drop(n, d))
                        .map(|(_, &d)| d)
                        .collect()
                })
            }
            "SQUEEZE" => None,
            "EXPAND_DIMS" => {
                let &[axis] = self.input(1)?.integers()?.as_slice() else {
                    return None;
                };
                let mut dims = input.to_vec();
                dims.insert(Self::axis(axis, input.len() + 1)?, 1);
                Some(dims)
            }
            "CONCATENATION" => self.concatenated(self.concatenation_axis()?),
            "SHAPE" => Some(fold::evaluate(self)?.shape),
            _ => self.moved_shape(input),
        }
    }

    /// New shape of RESHAPE: the second operand if there is one, else the option; one -1 stands for what is left.
    fn reshaped(&self, input: &[usize]) -> Option<Vec<usize>> {
        let target = match self.input(1) {
            Some(slot) => slot.integers()?,
            None => self.options().dims.iter().map(|&d| d.into()).collect(),
        };
        let count: usize = input.iter().product();
        let known = target
            .iter()
            .filter(|&&d| d != -1)
            .try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?))?;
        let open = target.iter().filter(|&&d| d == -1).count();
        let rest = match open {
            0 if known == count => 1,
            1 => count
                .checked_div(known)
                .filter(|rest| rest * known == count)?,
            _ => return None,
        };
        Some(
            target
                .iter()
                .map(|&d| usize::try_from(d).unwrap_or(rest))
                .collect(),
        )
    }

    fn concatenated(&self, axis: usize) -> Option<Vec<usize>> {
        let mut dims = self.shape(0)?.to_vec();
        for n in 1..self.operator.inputs.len() {
            let other = self.shape(n)?;
            let alike = |(m, (a, b)): (usize, (&usize, &usize))| m == axis || a == b;
            if other.len() != dims.len() || !dims.iter().zip(other).enumerate().all(alike) {
                return None;
            }
            dims[axis] = dims[axis].checked_add(other[axis])?;
        }
        Some(dims)
    }
}

/// Output size, padding before and after, along one axis. The smaller half of an odd padding comes first, as in TensorFlow.
pub fn slide(
    size: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
) -> Option<(usize, usize, usize)> {
    let extent = (kernel - 1) * dilation + 1;
    let count = match padding {
        Padding::SAME => size.div_ceil(stride),
        Padding::VALID => (size + stride).checked_sub(extent)? / stride,
        _ => return None,
    };
    let reach = count.checked_sub(1)? * stride + extent;
    let total = reach.saturating_sub(size);
    Some((count, total / 2, total - total / 2))
}

/// Shape of an element-wise result: dimensions are equal or one of them is 1, missing outer ones are 1.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let dim = |shape: &[usize], n: usize| {
        if n + shape.len() < rank {
            1
        } else {
            shape[n + shape.len() - rank]
        }
    };
    let join = |n| match (dim(a, n), dim(b, n)) {
        (x, y) if x == y || y == 1 => Some(x),
        (1, y) => Some(y),
        _ => None,
    };
    (0..rank).map(join).collect()
}
