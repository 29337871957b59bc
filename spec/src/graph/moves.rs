// SPDX-License-Identifier: MIT OR Apache-2.0
//! Options of operators that move elements without changing them. Axes count from the front; sizes that follow from the
//! shapes of operands and results are not here.

use alloc::vec::Vec;

/// Options of PAD and PADV2: one pair per axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// Elements added before, per axis.
    pub before: Vec<usize>,
    /// Elements added after, per axis.
    pub after: Vec<usize>,
    /// Stored value of the added elements (the zero point of a quantised tensor, unless the file gives another).
    pub value: i32,
}

/// Options of MIRROR_PAD: the border repeats the tensor, reflected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MirrorPad {
    /// Elements added before, per axis.
    pub before: Vec<usize>,
    /// Elements added after, per axis.
    pub after: Vec<usize>,
    /// Whether the outermost element itself is repeated (SYMMETRIC) or not (REFLECT).
    pub symmetric: bool,
}

/// Options of CONCATENATION.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Concatenation {
    /// Axis, counted from the front.
    pub axis: usize,
}

/// Options of SPLIT and SPLIT_V. Each result is one part of the operand, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Split {
    /// Axis that is cut.
    pub axis: usize,
}

/// Options of PACK, which joins tensors along a new axis, and of UNPACK, which takes one apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stack {
    /// The axis that the larger tensor has and the smaller ones have not.
    pub axis: usize,
}

/// Options of TRANSPOSE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transpose {
    /// For each axis of the result, the axis of the operand.
    pub permutation: Vec<usize>,
}

/// Options of SLICE and STRIDED_SLICE: a regular part of the operand. Axes that STRIDED_SLICE drops have size 1 here, axes
/// that it adds are not here: the result has the same elements in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// First element, per axis.
    pub begin: Vec<usize>,
    /// Distance of neighbours, per axis; negative runs backwards.
    pub step: Vec<isize>,
    /// Number of elements, per axis.
    pub size: Vec<usize>,
}

/// Options of GATHER. Operands: the tensor, and int32 or int64 indices along `axis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gather {
    /// Axis that the indices count along.
    pub axis: usize,
    /// Outer axes that tensor and indices share.
    pub batch_dims: usize,
}

/// Options of RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resize {
    /// Whether the centres of the corner pixels stay where they are.
    pub align_corners: bool,
    /// Whether positions are those of pixel centres.
    pub half_pixel_centers: bool,
}

/// Options of DEPTH_TO_SPACE and SPACE_TO_DEPTH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// Side of the square block of pixels that becomes one pixel of more channels.
    pub size: usize,
}

/// Options of SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, for the axes behind the batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpaceBatch {
    /// Size of a block, per axis.
    pub block: Vec<usize>,
    /// Elements added (SPACE_TO_BATCH_ND) or cut off (BATCH_TO_SPACE_ND) before, per axis.
    pub before: Vec<usize>,
    /// The same behind.
    pub after: Vec<usize>,
}

/// Options of REVERSE_V2.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reverse {
    /// Axes that run backwards.
    pub axes: Vec<usize>,
}
