// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fully connected layers of transposed maps: their weights take the order of the map.

use sepstream_spec::graph::{Layer, Op, TensorId};

use super::transpose::{self, Transposed};
use super::{Rewrite, Work};

/// A FULLY_CONNECTED of all of a transposed map, flattened or not, reads the map itself, with its weights in that order.
pub fn permute_weights(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    let (Op::FullyConnected(_), Some(input), Some(weights)) =
        (&layer.op, layer.input(0), layer.input(1))
    else {
        return None;
    };
    let (turned, from) = flattened(work, input)?;
    let matrix = work.tensor(weights);
    let &[outputs, depth] = &matrix.shape[..] else {
        return None;
    };
    // One row, so that the order within it is all there is.
    let shape = work.tensor(turned).shape.clone();
    if shape.iter().product::<usize>() != depth || work.tensor(layer.output()).elements() != outputs
    {
        return None;
    }
    let rows = [&[outputs][..], &shape].concat();
    let order: Vec<usize> = std::iter::once(0)
        .chain(from.permutation.iter().map(|axis| axis + 1))
        .collect();
    let mut moved = transpose::undone_constant(matrix, &rows, &order)?;
    moved.shape = vec![outputs, depth];
    let mut dense = layer.clone();
    dense.inputs[0] = Some(from.source);
    dense.inputs[1] = Some(work.insert(moved));
    Some(Rewrite::Layers(vec![dense]))
}

/// The transposed map that an operand is, seen through a RESHAPE, and the TRANSPOSE.
fn flattened(work: &Work, id: TensorId) -> Option<(TensorId, Transposed)> {
    if let Some(from) = transpose::of(work, id) {
        return Some((id, from));
    }
    let reshape = work.writer(id).filter(|layer| layer.op == Op::Reshape)?;
    let turned = reshape.input(0).filter(|&turned| work.alike(turned, id))?;
    Some((turned, transpose::of(work, turned)?))
}
