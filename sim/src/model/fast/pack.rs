// SPDX-License-Identifier: MIT OR Apache-2.0
//! Weights and parameters of a program image in the order of the kernels.

use sepstream_spec::isa::Param;
use sepstream_spec::quant::Rounding;

use super::simd::{LANES, Range, Scale};
use super::stage::Block;

/// What a byte of a map is above the int8 value in it.
pub const OFFSET: i32 = 128;

/// A layer's blocks and weights from those of its channels: `weight(channel, input)` for every channel of `params`.
pub fn pack(
    params: &[Param],
    inputs: usize,
    weight: impl Fn(usize, usize) -> i8,
) -> (Vec<Block>, Vec<[i8; 4 * LANES]>) {
    let quads = inputs.div_ceil(4);
    let mut blocks = Vec::new();
    let mut weights = Vec::with_capacity(params.len().div_ceil(LANES) * quads);
    for (b, params) in params.chunks(LANES).enumerate() {
        let channel = |lane: usize| b * LANES + lane;
        let mut block = Block::default();
        for (lane, param) in params.iter().enumerate() {
            let sum = (0..inputs).map(|k| i32::from(weight(channel(lane), k)));
            // the products of the offset in every byte
            let offset = sum.fold(0i32, i32::wrapping_add).wrapping_mul(OFFSET);
            block.bias[lane] = param.bias.wrapping_sub(offset);
            set(&mut block.scale, lane, param.multiplier, param.shift);
            block.scale.once[lane] = -i32::from(param.rounding == Rounding::Once);
        }
        blocks.push(block);
        for quad in 0..quads {
            let mut four = [0; 4 * LANES];
            for (at, to) in four.iter_mut().enumerate() {
                let (lane, k) = (at / 4, 4 * quad + at % 4);
                if lane < params.len() && k < inputs {
                    *to = weight(channel(lane), k);
                }
            }
            weights.push(four);
        }
    }
    (blocks, weights)
}

/// The same factor for all lanes.
pub fn uniform(multiplier: i32, shift: i32) -> Scale {
    let mut scale = Scale::default();
    (0..LANES).for_each(|lane| set(&mut scale, lane, multiplier, shift));
    scale
}

fn set(scale: &mut Scale, lane: usize, multiplier: i32, shift: i32) {
    scale.multiplier[lane] = multiplier;
    scale.left[lane] = shift.max(0);
    scale.right[lane] = (-shift).max(0);
}

/// The range of int8 results with this zero point: clamped before the zero point is added, so that no sum overflows.
pub fn range([zero, low, high]: [i32; 3]) -> Range {
    Range {
        low: low - zero,
        high: high - zero,
        zero: zero + OFFSET,
    }
}

/// An int8 value as a byte of a map.
pub fn byte(value: i32) -> u8 {
    (value + OFFSET) as u8
}
