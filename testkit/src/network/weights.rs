// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random weights, biases and scales.

use sepstream_spec::graph::{DType, Op, Quant, TensorId};

use super::Builder;
use super::suit::{Engine, Sums, TYPICAL_STEPS};

/// What a layer has besides its operator. Its output channels lie on the last axis of depthwise weights, on the first of others.
pub(super) struct Weights {
    pub values: Vec<i8>,
    /// One for all channels, or one for each.
    pub scale: Vec<f32>,
    pub bias: Option<Vec<i32>>,
}

impl Builder<'_> {
    /// A layer with weights and bias.
    pub(super) fn weighted(
        &mut self,
        engine: Engine,
        input: TensorId,
        op: Op,
        shape: &[usize],
        output: &[usize],
    ) -> TensorId {
        let channels = shape[channel_axis(&op)];
        let fan_in = shape.iter().product::<usize>() / channels;
        let quant = self.map_quant();
        let steps = self.scale_of(input) / quant.scale[0];
        let output = self.tensor(output, DType::I8, quant);

        let sums = self.suit.sums(engine);
        let small = if self.one_in(6) { 1 } else { 128 };
        let largest = sums.largest_weight(fan_in).min(small);
        let typical = Sums::typical(fan_in, largest);
        let least = self.suit.least_weight(engine);
        let weights = Weights {
            scale: self.scales(channels, typical, sums.is_wide(), steps),
            values: (0..shape.iter().product::<usize>())
                .map(|_| self.rng.i32(-largest..=largest).clamp(least, 127) as i8)
                .collect(),
            bias: self.biases(channels, typical),
        };
        self.layer_with(op, input, shape, weights, output)
    }

    /// Scales of weights with which typical sums spread over the range of a byte, or much larger and smaller ones.
    fn scales(&mut self, channels: usize, typical: f32, wide: bool, steps: f32) -> Vec<f32> {
        let scales = if self.one_in(4) { 1 } else { channels };
        let extreme = self.one_in(8);
        // lanes for sums of few bits have no left shift
        let most = if wide { 40.0 } else { 30.0 };
        (0..scales)
            .map(|_| {
                let multiplier = match extreme {
                    true => 2f32.powf(self.rng.f32() * most - 30.0),
                    false => (TYPICAL_STEPS + 180.0 * self.rng.f32()) / typical,
                };
                multiplier / steps
            })
            .collect()
    }

    fn biases(&mut self, channels: usize, typical: f32) -> Option<Vec<i32>> {
        let kind = self.rng.u32(0..8);
        (kind != 0).then(|| {
            let one = |_| match kind {
                1 => self.rng.i32(..),
                2 => *self.rng.choice(&[0, i32::MIN, i32::MAX]).unwrap(),
                _ => (typical * (2.0 * self.rng.f32() - 1.0)) as i32,
            };
            (0..channels).map(one).collect()
        })
    }

    /// A layer that reads `input` with such weights, and gives `output`.
    pub(super) fn layer_with(
        &mut self,
        op: Op,
        input: TensorId,
        shape: &[usize],
        weights: Weights,
        output: TensorId,
    ) -> TensorId {
        let axis = channel_axis(&op);
        let channels = shape[axis];
        let scales = weights.scale.len();
        let quant = Quant {
            scale: weights.scale,
            zero_point: vec![0; scales],
            axis: if scales == 1 { 0 } else { axis },
        };
        let bytes = weights.values.iter().map(|w| *w as u8).collect();
        let values = self.constant(shape, DType::I8, quant, bytes);
        let bias = weights.bias.map(|bias| {
            let bytes = bias.iter().flat_map(|v| v.to_le_bytes()).collect();
            let quant = Quant {
                scale: vec![1.0],
                zero_point: vec![0],
                axis: 0,
            };
            self.constant(&[channels], DType::I32, quant, bytes)
        });
        self.layer(op, vec![Some(input), Some(values), bias], output)
    }

    pub(super) fn scale_of(&self, map: TensorId) -> f32 {
        self.graph[map].quant.as_ref().unwrap().scale[0]
    }
}

/// The axis of weights that output channels lie on.
pub fn channel_axis(op: &Op) -> usize {
    match op {
        Op::DepthwiseConv2d(_) => 3,
        _ => 0,
    }
}
