// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels' operations in plain Rust, for every processor.

use std::array::from_fn;

use sepstream_spec::quant::Rounding;

use super::simd::{LANES, Range, Scale, Simd};

/// Plain Rust.
#[derive(Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    type Sums = [i32; LANES];
    type Bytes = [u8; 4 * LANES];
    type Weights = [i8; 4 * LANES];
    /// Rounding, multiplier and shift.
    type Scale = [(Rounding, i32, i32); LANES];
    const PIXELS: usize = 4;

    #[inline(always)]
    fn sums(self, sums: &[i32; LANES]) -> Self::Sums {
        *sums
    }
    #[inline(always)]
    fn weights(self, weights: &[i8; 4 * LANES]) -> Self::Weights {
        *weights
    }
    #[inline(always)]
    fn splat(self, bytes: [u8; 4]) -> Self::Bytes {
        from_fn(|i| bytes[i % 4])
    }
    #[inline(always)]
    fn interleave(self, pixels: [&[u8; LANES]; 4]) -> Self::Bytes {
        from_fn(|i| pixels[i % 4][i / 4])
    }
    #[inline(always)]
    fn dot(self, sums: Self::Sums, bytes: Self::Bytes, weights: Self::Weights) -> Self::Sums {
        from_fn(|lane| {
            let product =
                |i: usize| i32::from(bytes[4 * lane + i]) * i32::from(weights[4 * lane + i]);
            // four products of 255 x 128 are less than 2^17
            sums[lane].wrapping_add(product(0) + product(1) + product(2) + product(3))
        })
    }
    #[inline(always)]
    fn scale(self, scale: &Scale) -> Self::Scale {
        from_fn(|i| {
            let rounding = match scale.once[i] {
                0 => Rounding::Twice,
                _ => Rounding::Once,
            };
            (
                rounding,
                scale.multiplier[i],
                scale.left[i] - scale.right[i],
            )
        })
    }
    #[inline(always)]
    fn requant(self, sums: Self::Sums, scale: &Self::Scale) -> Self::Sums {
        from_fn(|i| {
            let (rounding, multiplier, shift) = scale[i];
            rounding.requant(sums[i], multiplier, shift)
        })
    }
    #[inline(always)]
    fn finish(self, sums: Self::Sums, range: Range) -> [u8; LANES] {
        sums.map(|sum| (sum.clamp(range.low, range.high) + range.zero) as u8)
    }
    #[inline(always)]
    fn widen(self, bytes: &[u8; LANES], zero: i32) -> Self::Sums {
        bytes.map(|byte| i32::from(byte) - zero)
    }
    #[inline(always)]
    fn add(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        from_fn(|i| a[i].wrapping_add(b[i]))
    }
}
