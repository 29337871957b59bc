// SPDX-License-Identifier: MIT OR Apache-2.0
//! TRANSPOSEs sink: a layer that reads a transposed tensor reads the tensor itself, and its result is transposed instead. So
//! they meet the one that turns them back (networks of PyTorch and ONNX have a pair around every convolution).

use sepstream_spec::graph::{Concatenation, DType, Layer, Op, Pad, Reduce, TensorId};

use super::transpose::{self, Transposed};
use super::{Rewrite, Work};

/// A layer in front of the TRANSPOSE, which gives the result of the layer that it replaces.
fn sunk(
    work: &mut Work,
    layer: &Layer,
    op: Op,
    inputs: Vec<Option<TensorId>>,
    permutation: &[usize],
) -> Rewrite {
    let output = layer.output();
    let shape = transpose::undone(&work.tensor(output).shape, permutation);
    let inner = work.like(output, shape);
    let computed = Layer {
        index: layer.index,
        op,
        inputs,
        outputs: vec![inner],
    };
    let turned = transpose::layer(layer, permutation.to_vec(), inner, output);
    Rewrite::Layers(vec![computed, turned])
}

/// A function of each element on its own.
fn is_of_one(op: &Op) -> bool {
    matches!(
        op,
        Op::Logistic
            | Op::Tanh
            | Op::HardSwish
            | Op::Relu
            | Op::Relu6
            | Op::ReluN1To1
            | Op::Quantize
            | Op::Dequantize
            | Op::LeakyRelu(_)
            | Op::Elu
            | Op::Gelu(_)
            | Op::Function(_)
            | Op::Cast
    )
}

/// Through a function of each element.
pub fn through_one(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    if !is_of_one(&layer.op) {
        return None;
    }
    let from = transpose::of(work, layer.input(0)?)?;
    let inputs = vec![Some(from.source)];
    Some(sunk(
        work,
        layer,
        layer.op.clone(),
        inputs,
        &from.permutation,
    ))
}

/// Through a border of constants.
pub fn through_pad(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    let Op::Pad(pad) = &layer.op else { return None };
    let from = transpose::of(work, layer.input(0)?)?;
    let moved = Op::Pad(Pad {
        before: transpose::undone(&pad.before, &from.permutation),
        after: transpose::undone(&pad.after, &from.permutation),
        value: pad.value,
    });
    Some(sunk(
        work,
        layer,
        moved,
        vec![Some(from.source)],
        &from.permutation,
    ))
}

/// Through a mean, sum, maximum or minimum over axes. Floats are left alone: the order of their sums counts.
pub fn through_reduction(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    let (reduce, make): (&Reduce, fn(Reduce) -> Op) = match &layer.op {
        Op::Mean(reduce) => (reduce, Op::Mean),
        Op::Sum(reduce) => (reduce, Op::Sum),
        Op::ReduceMax(reduce) => (reduce, Op::ReduceMax),
        Op::ReduceMin(reduce) => (reduce, Op::ReduceMin),
        _ => return None,
    };
    let input = layer
        .input(0)
        .filter(|&id| work.tensor(id).dtype != DType::F32)?;
    let Transposed {
        source,
        permutation,
    } = transpose::of(work, input)?;
    let mut axes: Vec<usize> = reduce.axes.iter().map(|&axis| permutation[axis]).collect();
    axes.sort_unstable();
    // Without the reduced axes those that are left count anew.
    let left: Vec<usize> = if reduce.keep_dims {
        permutation
    } else {
        let kept = permutation.iter().filter(|axis| !axes.contains(axis));
        let place = |axis: &usize| axis - axes.iter().filter(|&reduced| reduced < axis).count();
        kept.map(place).collect()
    };
    let op = make(Reduce {
        axes,
        keep_dims: reduce.keep_dims,
    });
    Some(sunk(work, layer, op, vec![Some(source)], &left))
}

/// Through an operation on several tensors of which each is transposed alike, or constant.
pub fn through_several(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    let elementwise = matches!(
        layer.op,
        Op::Add(_)
            | Op::Sub(_)
            | Op::Mul(_)
            | Op::Div(_)
            | Op::Maximum
            | Op::Minimum
            | Op::SquaredDifference
            | Op::Prelu
    );
    if !elementwise {
        return None;
    }
    let operands: Vec<TensorId> = layer.inputs.iter().copied().collect::<Option<_>>()?;
    let permutation = operands
        .iter()
        .find_map(|&id| transpose::of(work, id))?
        .permutation;
    let known = |id: &TensorId| match transpose::of(work, *id) {
        Some(from) => from.permutation == permutation,
        None => is_movable(work, *id, permutation.len()),
    };
    if !operands.iter().all(known) {
        return None;
    }
    let inputs = operands
        .iter()
        .map(|&id| source(work, id, &permutation))
        .collect();
    Some(sunk(work, layer, layer.op.clone(), inputs, &permutation))
}

/// A constant that can be written in another order of axes.
fn is_movable(work: &Work, id: TensorId, rank: usize) -> bool {
    let tensor = work.tensor(id);
    let whole = tensor.quant.is_none() || tensor.per_tensor().is_some();
    tensor.data.is_some() && tensor.shape.len() <= rank && whole && tensor.dtype.bytes() > 0
}

/// What is read in place of a transposed tensor, or of a constant.
fn source(work: &mut Work, id: TensorId, permutation: &[usize]) -> Option<TensorId> {
    if let Some(from) = transpose::of(work, id) {
        return Some(from.source);
    }
    let tensor = work.tensor(id);
    if tensor.elements() == 1 {
        return Some(id);
    }
    let mut shape = vec![1; permutation.len() - tensor.shape.len()];
    shape.extend(&tensor.shape);
    let moved = transpose::undone_constant(tensor, &shape, permutation)?;
    Some(work.insert(moved))
}

/// Through a concatenation of tensors that are all transposed alike.
pub fn through_concatenation(work: &mut Work, layer: &Layer) -> Option<Rewrite> {
    let Op::Concatenation(Concatenation { axis }) = layer.op else {
        return None;
    };
    let operands = layer.inputs.iter().map(|id| transpose::of(work, (*id)?));
    let operands: Vec<Transposed> = operands.collect::<Option<_>>()?;
    let permutation = operands.first()?.permutation.clone();
    if operands.iter().any(|from| from.permutation != permutation) {
        return None;
    }
    let op = Op::Concatenation(Concatenation {
        axis: permutation[axis],
    });
    let inputs = operands.iter().map(|from| Some(from.source)).collect();
    Some(sunk(work, layer, op, inputs, &permutation))
}
