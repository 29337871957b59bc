// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels' operations with AVX-512 and its four-way byte products (VNNI).

use std::arch::x86_64::*;

use archmage::{X64V4xToken, arcane};
use bytemuck::must_cast;

use super::kernels::{self, Job};
use super::simd::{LANES, Range, Scale, Simd};

/// A processor that has AVX-512 with VNNI and VBMI.
#[derive(Clone, Copy)]
struct Avx512(X64V4xToken);

/// The factors of a requantisation and what follows from them.
#[derive(Clone, Copy)]
struct Factors {
    multiplier: __m512i,
    /// The multipliers of odd lanes in even ones.
    odd: __m512i,
    left: __m512i,
    right: __m512i,
    /// The bits that the right shift drops.
    mask: __m512i,
    half: __m512i,
    /// What the first rounding adds to the products of even and of odd lanes.
    nudge: [__m512i; 2],
    /// All bits where ties below zero go down.
    twice: __m512i,
}

/// Runs a stage.
#[arcane]
pub fn run(token: X64V4xToken, job: Job<'_>) {
    kernels::run(Avx512(token), job);
}

/// Places of the bytes: channel c of pixel p comes from byte `16 p + c` and goes to `4 c + p`.
const INTERLEAVE: [u8; 64] = {
    let mut places = [0; 64];
    let mut i = 0;
    while i < 64 {
        places[i] = (i % 4 * LANES + i / 4) as u8;
        i += 1;
    }
    places
};

#[arcane]
#[inline]
fn splat(_: X64V4xToken, bytes: [u8; 4]) -> __m512i {
    _mm512_set1_epi32(i32::from_le_bytes(bytes))
}

#[arcane]
#[inline]
fn interleave(_: X64V4xToken, pixels: [&[u8; LANES]; 4]) -> __m512i {
    let [a, b, c, d] = pixels.map(|bytes| must_cast::<[u8; LANES], __m128i>(*bytes));
    let all = _mm512_castsi128_si512(a);
    let all = _mm512_inserti32x4::<1>(all, b);
    let all = _mm512_inserti32x4::<2>(all, c);
    let all = _mm512_inserti32x4::<3>(all, d);
    _mm512_permutexvar_epi8(must_cast(INTERLEAVE), all)
}

#[arcane]
#[inline]
fn dot(_: X64V4xToken, sums: __m512i, bytes: __m512i, weights: __m512i) -> __m512i {
    _mm512_dpbusd_epi32(sums, bytes, weights)
}

#[arcane]
#[inline]
fn factors(_: X64V4xToken, scale: &Scale) -> Factors {
    let multiplier: __m512i = must_cast(scale.multiplier);
    let right: __m512i = must_cast(scale.right);
    let ones = _mm512_set1_epi32(-1);
    let (once, nudge): (__m512i, _) = (must_cast(scale.once), _mm512_set1_epi64(1 << 30));
    let mask = _mm512_andnot_si512(_mm512_sllv_epi32(ones, right), ones);
    Factors {
        multiplier,
        odd: _mm512_srli_epi64::<32>(multiplier),
        left: must_cast(scale.left),
        right,
        mask,
        half: _mm512_srli_epi32::<1>(mask),
        nudge: [
            _mm512_andnot_si512(once, nudge),
            _mm512_andnot_si512(_mm512_srli_epi64::<32>(once), nudge),
        ],
        twice: _mm512_andnot_si512(once, ones),
    }
}

/// Two roundings: a tie of the product goes up, a tie of the shift away from zero (`spec::quant::multiplier`); or one, up.
#[arcane]
#[inline]
fn requant(_: X64V4xToken, sums: __m512i, f: &Factors) -> __m512i {
    let sums = _mm512_sllv_epi32(sums, f.left);
    let even = _mm512_add_epi64(_mm512_mul_epi32(sums, f.multiplier), f.nudge[0]);
    let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(sums), f.odd);
    let odd = _mm512_add_epi64(odd, f.nudge[1]);
    // bits 31 to 62 of each product are its high half; those of odd lanes belong into the upper 32
    let high = _mm512_mask_blend_epi32(
        0xaaaa,
        _mm512_srli_epi64::<31>(even),
        _mm512_add_epi64(odd, odd),
    );
    let dropped = _mm512_and_si512(high, f.mask);
    let below_zero = _mm512_and_si512(_mm512_srai_epi32::<31>(high), f.twice);
    let threshold = _mm512_sub_epi32(f.half, below_zero);
    let up = _mm512_cmpgt_epi32_mask(dropped, threshold);
    let shifted = _mm512_srav_epi32(high, f.right);
    _mm512_mask_add_epi32(shifted, up, shifted, _mm512_set1_epi32(1))
}

#[arcane]
#[inline]
fn finish(_: X64V4xToken, sums: __m512i, range: Range) -> [u8; LANES] {
    let sums = _mm512_max_epi32(sums, _mm512_set1_epi32(range.low));
    let sums = _mm512_min_epi32(sums, _mm512_set1_epi32(range.high));
    let sums = _mm512_add_epi32(sums, _mm512_set1_epi32(range.zero));
    must_cast(_mm512_cvtepi32_epi8(sums))
}

#[arcane]
#[inline]
fn widen(_: X64V4xToken, bytes: &[u8; LANES], zero: i32) -> __m512i {
    let wide = _mm512_cvtepu8_epi32(must_cast(*bytes));
    _mm512_sub_epi32(wide, _mm512_set1_epi32(zero))
}

#[arcane]
#[inline]
fn add(_: X64V4xToken, a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(a, b)
}

impl Simd for Avx512 {
    type Sums = __m512i;
    type Bytes = __m512i;
    type Weights = __m512i;
    type Scale = Factors;
    const PIXELS: usize = 8;

    #[inline(always)]
    fn sums(self, sums: &[i32; LANES]) -> __m512i {
        must_cast(*sums)
    }
    #[inline(always)]
    fn weights(self, weights: &[i8; 4 * LANES]) -> __m512i {
        must_cast(*weights)
    }
    #[inline(always)]
    fn splat(self, bytes: [u8; 4]) -> __m512i {
        splat(self.0, bytes)
    }
    #[inline(always)]
    fn interleave(self, pixels: [&[u8; LANES]; 4]) -> __m512i {
        interleave(self.0, pixels)
    }
    #[inline(always)]
    fn dot(self, sums: __m512i, bytes: __m512i, weights: __m512i) -> __m512i {
        dot(self.0, sums, bytes, weights)
    }
    #[inline(always)]
    fn scale(self, scale: &Scale) -> Factors {
        factors(self.0, scale)
    }
    #[inline(always)]
    fn requant(self, sums: __m512i, scale: &Factors) -> __m512i {
        requant(self.0, sums, scale)
    }
    #[inline(always)]
    fn finish(self, sums: __m512i, range: Range) -> [u8; LANES] {
        finish(self.0, sums, range)
    }
    #[inline(always)]
    fn widen(self, bytes: &[u8; LANES], zero: i32) -> __m512i {
        widen(self.0, bytes, zero)
    }
    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        add(self.0, a, b)
    }
}

#[cfg(test)]
mod tests {
    use archmage::SimdToken;

    use super::*;
    use crate::model::fast::simd::tests::check;

    #[test]
    fn operations() {
        match X64V4xToken::summon() {
            Some(token) => check(Avx512(token)),
            None => println!("SKIPPED: the processor has no AVX-512"),
        }
    }
}
