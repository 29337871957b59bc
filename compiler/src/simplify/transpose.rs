// SPDX-License-Identifier: MIT OR Apache-2.0
//! TRANSPOSEs among themselves.

use sepstream_spec::graph::{Layer, Op, Tensor, TensorId, Transpose};

use super::{Rewrite, Work, single};

/// What a TRANSPOSE does: the tensor that it reads, and for each axis of the result the axis of that one.
pub struct Transposed {
    pub source: TensorId,
    pub permutation: Vec<usize>,
}

/// The TRANSPOSE that writes a tensor, if it changes nothing but the order.
pub fn of(work: &Work, id: TensorId) -> Option<Transposed> {
    let layer = work.writer(id)?;
    let Op::Transpose(Transpose { permutation }) = &layer.op else {
        return None;
    };
    let source = layer.input(0).filter(|&source| work.alike(source, id))?;
    Some(Transposed {
        source,
        permutation: permutation.clone(),
    })
}

/// The layer that transposes.
pub fn layer(of: &Layer, permutation: Vec<usize>, input: TensorId, output: TensorId) -> Layer {
    single(of, Op::Transpose(Transpose { permutation }), input, output)
}

/// The shape from which a permutation makes this one.
pub fn undone<T: Copy>(shape: &[T], permutation: &[usize]) -> Vec<T> {
    let mut source = shape.to_vec();
    for (&axis, &size) in permutation.iter().zip(shape) {
        source[axis] = size;
    }
    source
}

/// For each element of a transposed tensor of this shape, its position in the source.
pub fn positions(shape: &[usize], permutation: &[usize]) -> Vec<usize> {
    let source = undone(shape, permutation);
    let stride = |axis: usize| source[axis + 1..].iter().product::<usize>();
    let mut positions = vec![0];
    for (&size, &axis) in shape.iter().zip(permutation) {
        let step = stride(axis);
        positions = positions
            .into_iter()
            .flat_map(|start| (0..size).map(move |n| start + n * step))
            .collect();
    }
    positions
}

/// The constant from which a permutation makes this one: of its type and quantisation, its elements in the other order.
pub fn undone_constant(tensor: &Tensor, shape: &[usize], permutation: &[usize]) -> Option<Tensor> {
    let data = tensor.data.as_ref()?;
    let width = tensor.dtype.bytes();
    let mut moved = data.clone();
    for (element, at) in data.chunks_exact(width).zip(positions(shape, permutation)) {
        moved[at * width..][..width].copy_from_slice(element);
    }
    Some(Tensor {
        shape: undone(shape, permutation),
        data: Some(moved),
        ..tensor.clone()
    })
}

/// Two TRANSPOSEs behind one another are one, or none.
pub fn join(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    let Op::Transpose(Transpose { permutation }) = &layer.op else {
        return None;
    };
    let before = of(work, layer.input(0)?)?;
    let both: Vec<usize> = permutation
        .iter()
        .map(|&axis| before.permutation[axis])
        .collect();
    let output = layer.output();
    let back = both.iter().copied().eq(0..both.len());
    if back && work.alike(before.source, output) && !work.is_output(output) {
        return Some(Rewrite::Same(before.source));
    }
    let joined = self::layer(layer, both, before.source, output);
    Some(Rewrite::Layers(vec![joined]))
}

/// A TRANSPOSE that keeps the order of all axes with more than one element is a RESHAPE.
pub fn without_moves(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    let (Op::Transpose(Transpose { permutation }), Some(input)) = (&layer.op, layer.input(0))
    else {
        return None;
    };
    let shape = &work.tensor(input).shape;
    let moving = permutation.iter().filter(|&&axis| shape[axis] != 1);
    let kept = moving.is_sorted();
    kept.then(|| Rewrite::Layers(vec![single(layer, Op::Reshape, input, layer.output())]))
}
