// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random functions of a byte: activations, operations with a constant, and chains of such.

use sepstream_spec::graph::{
    Activation, DType, Elementwise, Function, Gelu, LeakyRelu, Op, Quant, TensorId,
};
use sepstream_spec::quant::{Affine, Pair, unary_table};

use super::Builder;

impl Builder<'_> {
    /// Now and then a function of a map, for accelerators that have such.
    pub(super) fn perhaps_function(&mut self, map: TensorId) -> TensorId {
        if !self.suit.functions || !self.one_in(3) {
            return map;
        }
        let mut made = map;
        for _ in 0..self.rng.u32(1..=3) {
            // somebody else may read what is between two functions
            if made != map && !self.one_in(4) {
                self.inner.push(made);
            }
            made = match self.rng.u32(0..8) {
                0..=3 => self.unary(made),
                4..=5 => {
                    let op = self.pair();
                    self.with_constant(op, made)
                }
                6 => self.gated_by_itself(made),
                _ => self.hard_swish_in_parts(made),
            };
        }
        made
    }
    fn affine(&self, id: TensorId) -> Affine {
        Affine::of(&self.graph[id]).expect("a map with one scale")
    }
    fn like(&mut self, map: TensorId, quant: Quant) -> TensorId {
        let shape = self.graph[map].shape.clone();
        self.tensor(&shape, DType::I8, quant)
    }
    fn unary(&mut self, map: TensorId) -> TensorId {
        loop {
            let op = match self.rng.u32(0..14) {
                0 => Op::Logistic,
                1 => Op::Tanh,
                2 => Op::HardSwish,
                3 => Op::Relu,
                4 => Op::Relu6,
                5 => Op::ReluN1To1,
                6 => Op::LeakyRelu(LeakyRelu {
                    alpha: self.rng.f32() * 2.0 - 1.0,
                }),
                7 => Op::Elu,
                8 => Op::Gelu(Gelu {
                    approximate: self.rng.bool(),
                }),
                9 => Op::Function(Function::Abs),
                10 => Op::Function(Function::Neg),
                11 => Op::Function(Function::Exp),
                _ => Op::Quantize,
            };
            let quant = self.map_quant();
            let zero = quant.zero_point[0];
            let to = Affine::new(quant.scale[0], zero, DType::I8).expect("a sound scale");
            if unary_table(&op, self.affine(map), to).is_some() {
                let output = self.like(map, quant);
                return self.layer(op, vec![Some(map)], output);
            }
        }
    }
    fn pair(&mut self) -> Op {
        let activation = self.activation();
        let pair = Elementwise { activation };
        match self.rng.u32(0..7) {
            0 => Op::Add(pair),
            1 => Op::Sub(pair),
            2 => Op::Mul(pair),
            3 => Op::Maximum,
            4 => Op::Minimum,
            5 => Op::SquaredDifference,
            _ => Op::Prelu,
        }
    }
    /// An operator of a map and a single constant, in either order where both are the same to it.
    fn with_constant(&mut self, op: Op, map: TensorId) -> TensorId {
        let (quant, value) = (self.map_quant(), self.rng.u8(..));
        let shapes: [&[usize]; 3] = [&[], &[1], &[1, 1, 1, 1]];
        let shape = shapes[self.rng.usize(..3)];
        let constant = self.constant(shape, DType::I8, quant, vec![value]);
        let operands = match matches!(op, Op::Prelu) || self.rng.bool() {
            true => [map, constant],
            false => [constant, map],
        };
        self.joined(op, map, operands)
    }
    /// An operator of two maps that are functions of one.
    pub(super) fn joined(&mut self, op: Op, map: TensorId, operands: [TensorId; 2]) -> TensorId {
        loop {
            let quant = self.map_quant();
            let zero = quant.zero_point[0];
            let to = Affine::new(quant.scale[0], zero, DType::I8).expect("a sound scale");
            if Pair::of(&op, operands.map(|id| self.affine(id)), to).is_some() {
                let output = self.like(map, quant);
                return self.layer(op, operands.map(Some).to_vec(), output);
            }
        }
    }
    /// A map times a function of itself.
    fn gated_by_itself(&mut self, map: TensorId) -> TensorId {
        let gate = self.unary(map);
        self.inner.push(gate);
        let activation = self.activation();
        let operands = match self.rng.bool() {
            true => [map, gate],
            false => [gate, map],
        };
        self.joined(Op::Mul(Elementwise { activation }), map, operands)
    }
    /// A map times the clamped sum of itself and a constant.
    fn hard_swish_in_parts(&mut self, map: TensorId) -> TensorId {
        let activation = Activation::Relu6;
        let sum = self.with_constant(Op::Add(Elementwise { activation }), map);
        self.inner.push(sum);
        let activation = self.activation();
        self.joined(Op::Mul(Elementwise { activation }), map, [map, sum])
    }
}
