// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels' operations with AVX2. Its byte products saturate, so bytes are widened to 16 bits: even and odd ones apart.

use std::arch::x86_64::*;

use archmage::{X64V3Token, arcane};
use bytemuck::must_cast;

use super::kernels::{self, Job};
use super::simd::{LANES, Range, Scale, Simd};

/// A processor that has AVX2.
#[derive(Clone, Copy)]
struct Avx2(X64V3Token);

/// Channels 0 to 7 and 8 to 15.
type Halves = [__m256i; 2];

/// Bytes 0 and 2, and bytes 1 and 3, of each channel as 16 bits.
#[derive(Clone, Copy)]
struct Pairs {
    even: Halves,
    odd: Halves,
}

/// The factors of a requantisation and what follows from them, for eight channels.
#[derive(Clone, Copy)]
struct Factors {
    multiplier: __m256i,
    /// The multipliers of odd lanes in even ones.
    odd: __m256i,
    left: __m256i,
    right: __m256i,
    /// The bits that the right shift drops.
    mask: __m256i,
    half: __m256i,
    /// What the first rounding adds to the products of even and of odd lanes.
    nudge: Halves,
    /// All bits where ties below zero go down.
    twice: __m256i,
}

/// Runs a stage.
#[arcane]
pub fn run(token: X64V3Token, job: Job<'_>) {
    kernels::run(Avx2(token), job);
}

#[arcane]
#[inline]
fn unsigned_pairs(_: X64V3Token, halves: Halves) -> Pairs {
    let low = _mm256_set1_epi16(0xff);
    let [a, b] = halves;
    Pairs {
        even: [_mm256_and_si256(a, low), _mm256_and_si256(b, low)],
        odd: [_mm256_srli_epi16::<8>(a), _mm256_srli_epi16::<8>(b)],
    }
}

#[arcane]
#[inline]
fn signed_pairs(_: X64V3Token, weights: &[i8; 4 * LANES]) -> Pairs {
    let [a, b]: Halves = must_cast(*weights);
    let even = [_mm256_slli_epi16::<8>(a), _mm256_slli_epi16::<8>(b)];
    Pairs {
        even: [
            _mm256_srai_epi16::<8>(even[0]),
            _mm256_srai_epi16::<8>(even[1]),
        ],
        odd: [_mm256_srai_epi16::<8>(a), _mm256_srai_epi16::<8>(b)],
    }
}

#[arcane]
#[inline]
fn splat(token: X64V3Token, bytes: [u8; 4]) -> Pairs {
    unsigned_pairs(token, [_mm256_set1_epi32(i32::from_le_bytes(bytes)); 2])
}

#[arcane]
#[inline]
fn interleave(token: X64V3Token, pixels: [&[u8; LANES]; 4]) -> Pairs {
    let [a, b, c, d] = pixels.map(|bytes| must_cast::<[u8; LANES], __m128i>(*bytes));
    let (low_ab, high_ab) = (_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b));
    let (low_cd, high_cd) = (_mm_unpacklo_epi8(c, d), _mm_unpackhi_epi8(c, d));
    let first = _mm256_set_m128i(
        _mm_unpackhi_epi16(low_ab, low_cd),
        _mm_unpacklo_epi16(low_ab, low_cd),
    );
    let second = _mm256_set_m128i(
        _mm_unpackhi_epi16(high_ab, high_cd),
        _mm_unpacklo_epi16(high_ab, high_cd),
    );
    unsigned_pairs(token, [first, second])
}

#[arcane]
#[inline]
fn dot_half(_: X64V3Token, sum: __m256i, even: [__m256i; 2], odd: [__m256i; 2]) -> __m256i {
    let sum = _mm256_add_epi32(sum, _mm256_madd_epi16(even[0], even[1]));
    _mm256_add_epi32(sum, _mm256_madd_epi16(odd[0], odd[1]))
}

#[arcane]
#[inline]
fn factors(_: X64V3Token, scale: &Scale, half: usize) -> Factors {
    let of = |all: &[i32; LANES]| must_cast::<[i32; LANES], Halves>(*all)[half];
    let (multiplier, right, once) = (of(&scale.multiplier), of(&scale.right), of(&scale.once));
    let ones = _mm256_set1_epi32(-1);
    let nudge = _mm256_set1_epi64x(1 << 30);
    let mask = _mm256_andnot_si256(_mm256_sllv_epi32(ones, right), ones);
    Factors {
        multiplier,
        odd: _mm256_srli_epi64::<32>(multiplier),
        left: of(&scale.left),
        right,
        mask,
        half: _mm256_srli_epi32::<1>(mask),
        nudge: [
            _mm256_andnot_si256(once, nudge),
            _mm256_andnot_si256(_mm256_srli_epi64::<32>(once), nudge),
        ],
        twice: _mm256_andnot_si256(once, ones),
    }
}

/// Two roundings: a tie of the product goes up, a tie of the shift away from zero (`spec::quant::multiplier`); or one, up.
#[arcane]
#[inline]
fn requant_half(_: X64V3Token, sums: __m256i, f: &Factors) -> __m256i {
    let sums = _mm256_sllv_epi32(sums, f.left);
    let even = _mm256_add_epi64(_mm256_mul_epi32(sums, f.multiplier), f.nudge[0]);
    let odd = _mm256_mul_epi32(_mm256_srli_epi64::<32>(sums), f.odd);
    let odd = _mm256_add_epi64(odd, f.nudge[1]);
    // bits 31 to 62 of each product are its high half; those of odd lanes belong into the upper 32
    let high =
        _mm256_blend_epi32::<0xaa>(_mm256_srli_epi64::<31>(even), _mm256_add_epi64(odd, odd));
    let dropped = _mm256_and_si256(high, f.mask);
    let below_zero = _mm256_and_si256(_mm256_srai_epi32::<31>(high), f.twice);
    let threshold = _mm256_sub_epi32(f.half, below_zero);
    let up = _mm256_cmpgt_epi32(dropped, threshold);
    _mm256_sub_epi32(_mm256_srav_epi32(high, f.right), up)
}

#[arcane]
#[inline]
fn clamp_half(_: X64V3Token, sums: __m256i, range: Range) -> __m256i {
    let sums = _mm256_max_epi32(sums, _mm256_set1_epi32(range.low));
    let sums = _mm256_min_epi32(sums, _mm256_set1_epi32(range.high));
    _mm256_add_epi32(sums, _mm256_set1_epi32(range.zero))
}

#[arcane]
#[inline]
fn finish(token: X64V3Token, [a, b]: Halves, range: Range) -> [u8; LANES] {
    // both packings work within 128 bits, so that channels come out as 0-3 and 8-11, 4-7 and 12-15
    let (a, b) = (clamp_half(token, a, range), clamp_half(token, b, range));
    let words = _mm256_packs_epi32(a, b);
    let bytes = _mm256_packus_epi16(words, words);
    let order = _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5);
    must_cast(_mm256_castsi256_si128(_mm256_permutevar8x32_epi32(
        bytes, order,
    )))
}

#[arcane]
#[inline]
fn widen(_: X64V3Token, bytes: &[u8; LANES], zero: i32) -> Halves {
    let bytes: __m128i = must_cast(*bytes);
    let zero = _mm256_set1_epi32(zero);
    let low = _mm256_sub_epi32(_mm256_cvtepu8_epi32(bytes), zero);
    let high = _mm256_cvtepu8_epi32(_mm_srli_si128::<8>(bytes));
    let high = _mm256_sub_epi32(high, zero);
    [low, high]
}

#[arcane]
#[inline]
fn add(_: X64V3Token, a: Halves, b: Halves) -> Halves {
    [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
}

impl Simd for Avx2 {
    type Sums = Halves;
    type Bytes = Pairs;
    type Weights = Pairs;
    type Scale = [Factors; 2];
    const PIXELS: usize = 4;

    #[inline(always)]
    fn sums(self, sums: &[i32; LANES]) -> Halves {
        must_cast(*sums)
    }
    #[inline(always)]
    fn weights(self, weights: &[i8; 4 * LANES]) -> Pairs {
        signed_pairs(self.0, weights)
    }
    #[inline(always)]
    fn splat(self, bytes: [u8; 4]) -> Pairs {
        splat(self.0, bytes)
    }
    #[inline(always)]
    fn interleave(self, pixels: [&[u8; LANES]; 4]) -> Pairs {
        interleave(self.0, pixels)
    }
    #[inline(always)]
    fn dot(self, sums: Halves, x: Pairs, w: Pairs) -> Halves {
        let half = |h: usize| {
            let (even, odd) = ([x.even[h], w.even[h]], [x.odd[h], w.odd[h]]);
            dot_half(self.0, sums[h], even, odd)
        };
        [half(0), half(1)]
    }
    #[inline(always)]
    fn scale(self, scale: &Scale) -> [Factors; 2] {
        [0, 1].map(|half| factors(self.0, scale, half))
    }
    #[inline(always)]
    fn requant(self, sums: Halves, scale: &[Factors; 2]) -> Halves {
        let half = |h: usize| requant_half(self.0, sums[h], &scale[h]);
        [half(0), half(1)]
    }
    #[inline(always)]
    fn finish(self, sums: Halves, range: Range) -> [u8; LANES] {
        finish(self.0, sums, range)
    }
    #[inline(always)]
    fn widen(self, bytes: &[u8; LANES], zero: i32) -> Halves {
        widen(self.0, bytes, zero)
    }
    #[inline(always)]
    fn add(self, a: Halves, b: Halves) -> Halves {
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
        match X64V3Token::summon() {
            Some(token) => check(Avx2(token)),
            None => println!("SKIPPED: the processor has no AVX2"),
        }
    }
}
