// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which function of one byte, or of two, an operator is.

use super::{
    AddParams, Affine, Multiplier, Prelu, SquaredDifference, Table, abs_table, elu_table,
    exp_table, gelu_table, hard_swish_table, leaky_relu_table, log_table, logistic_table,
    mul_multiplier, neg_table, relu_table, requantise_table, rsqrt_table, tanh_table,
};
use crate::graph::{Activation, Function, Op};

/// Whether an operator from 8 bits to 8 bits is a function of one byte.
pub fn is_unary(op: &Op) -> bool {
    matches!(
        op,
        Op::Logistic
            | Op::Tanh
            | Op::HardSwish
            | Op::Relu
            | Op::Relu6
            | Op::ReluN1To1
            | Op::LeakyRelu(_)
            | Op::Elu
            | Op::Gelu(_)
            | Op::Quantize
            | Op::Function(
                Function::Abs | Function::Neg | Function::Exp | Function::Log | Function::Rsqrt
            )
    )
}

/// The table of such an operator; `None` for others, and where the scales are too far apart.
pub fn unary_table(op: &Op, input: Affine, output: Affine) -> Option<Table> {
    match op {
        Op::Logistic => Some(logistic_table(input, output)),
        Op::Tanh => Some(tanh_table(input, output)),
        Op::HardSwish => hard_swish_table(input, output),
        Op::Relu => relu_table(input, output, Activation::Relu),
        Op::Relu6 => relu_table(input, output, Activation::Relu6),
        Op::ReluN1To1 => relu_table(input, output, Activation::ReluN1To1),
        Op::LeakyRelu(leaky) => leaky_relu_table(input, output, leaky.alpha),
        Op::Elu => Some(elu_table(input, output)),
        Op::Gelu(gelu) => Some(gelu_table(input, output, gelu.approximate)),
        Op::Function(Function::Abs) => abs_table(input, output),
        Op::Function(Function::Neg) => Some(neg_table(input)),
        Op::Function(Function::Exp) => Some(exp_table(input, output)),
        Op::Function(Function::Log) => Some(log_table(input, output)),
        Op::Function(Function::Rsqrt) => rsqrt_table(input, output),
        Op::Quantize => requantise_table(input, output),
        _ => None,
    }
}

/// An operator on two int8 values of scales of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// ADD and SUB.
    Sum(AddParams),
    /// MUL.
    Product(Multiplier),
    /// SQUARED_DIFFERENCE.
    SquaredDifference(SquaredDifference),
    /// PRELU: the second value is the slope.
    Prelu(Prelu),
    /// MAXIMUM, of the stored values.
    Maximum,
    /// MINIMUM, of the stored values.
    Minimum,
}

impl Pair {
    /// The operator with its activation; `None` for others, and where the scales are too far apart.
    pub fn of(op: &Op, [a, b]: [Affine; 2], output: Affine) -> Option<(Self, Activation)> {
        let (a, b, out) = (a.scale, b.scale, output.scale);
        Some(match op {
            Op::Add(add) => (Pair::Sum(AddParams::add(a, b, out)?), add.activation),
            Op::Sub(sub) => (Pair::Sum(AddParams::sub(a, b, out)?), sub.activation),
            Op::Mul(mul) => (Pair::Product(mul_multiplier(a, b, out)?), mul.activation),
            Op::SquaredDifference => {
                let params = SquaredDifference::new(a, b, out)?;
                (Pair::SquaredDifference(params), Activation::None)
            }
            Op::Prelu => (Pair::Prelu(Prelu::new(a, b, out)?), Activation::None),
            Op::Maximum => (Pair::Maximum, Activation::None),
            Op::Minimum => (Pair::Minimum, Activation::None),
            _ => return None,
        })
    }

    /// The stored result of two stored values, within the bounds of the activation.
    pub fn eval(
        &self,
        [a, b]: [i32; 2],
        from: [Affine; 2],
        output: Affine,
        activation: Activation,
    ) -> i32 {
        let (x, y) = (a - from[0].zero_point, b - from[1].zero_point);
        let result = match self {
            Pair::Maximum => return a.max(b),
            Pair::Minimum => return a.min(b),
            Pair::Sum(params) => params.eval(x, y),
            Pair::Product(multiplier) => multiplier.apply(x * y),
            Pair::SquaredDifference(params) => params.eval(x, y),
            Pair::Prelu(params) => params.eval(x, y),
        };
        // in the order of the kernels, which take bounds that cross
        let (low, high) = output.activation_range(activation);
        result.saturating_add(output.zero_point).max(low).min(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Elementwise};

    #[test]
    fn a_pair_is_moved_and_clamped() {
        let affine = |scale, zero| Affine::new(scale, zero, DType::I8).unwrap();
        let (a, b, out) = (affine(0.5, 0), affine(0.25, -1), affine(0.5, 3));
        let activation = Activation::Relu6;
        let op = Op::Add(Elementwise { activation });
        let (pair, activation) = Pair::of(&op, [a, b], out).unwrap();
        let sum = |x, y| pair.eval([x, y], [a, b], out, activation);
        // 2 + 1 = 3 is stored as 6 + 3; what is below 0 as 3, what is above 6 as 15
        assert_eq!([sum(4, 3), sum(-9, 3), sum(100, 3)], [9, 3, 15]);
        let (largest, none) = Pair::of(&Op::Maximum, [a, b], out).unwrap();
        assert_eq!(largest.eval([-5, -7], [a, b], out, none), -5);
        assert_eq!(Pair::of(&Op::Logistic, [a, b], out), None);
    }

    #[test]
    fn unary_operators_have_tables() {
        let affine = Affine::new(0.05, 0, DType::I8).unwrap();
        let ops = [
            Op::Relu,
            Op::HardSwish,
            Op::Function(Function::Neg),
            Op::Softmax(crate::graph::Softmax { beta: 1.0 }),
            Op::Function(Function::Round),
        ];
        let found = ops.map(|op| (is_unary(&op), unary_table(&op, affine, affine).is_some()));
        assert_eq!(
            found,
            [
                (true, true),
                (true, true),
                (true, true),
                (false, false),
                (false, false)
            ]
        );
    }
}
