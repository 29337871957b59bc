// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen channels at once: the operations that the kernels need, and which of their forms this processor has.

use std::fmt;

#[cfg(target_arch = "x86_64")]
use archmage::{SimdToken, X64V3Token, X64V4xToken};

use super::kernels::{self, Job};
use super::portable::Portable;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// Channels that one operation takes.
pub const LANES: usize = 16;

/// Factors of a requantisation, one per channel: `spec::quant::Rounding::requant`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    /// Q31 multiplier, not negative.
    pub multiplier: [i32; LANES],
    /// Left shift before the product, 0 to 30.
    pub left: [i32; LANES],
    /// Right shift after it, 0 to 31.
    pub right: [i32; LANES],
    /// All bits where there is one rounding only (`Rounding::Once`), which has a right shift, else none.
    pub once: [i32; LANES],
}

/// What a requantised sum is brought to: clamped, then moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Smallest sum.
    pub low: i32,
    /// Largest sum.
    pub high: i32,
    /// Added behind the clamp: the byte of a sum of 0.
    pub zero: i32,
}

/// Operations on sixteen channels. Bytes of maps are unsigned, int8 values plus 128, as the four-way products of processors take
/// them; sums wrap at 32 bits.
pub trait Simd: Copy {
    /// Sixteen int32.
    type Sums: Copy;
    /// Four bytes for each channel.
    type Bytes: Copy;
    /// Four weights for each channel.
    type Weights: Copy;
    /// [`Scale`], ready for use.
    type Scale: Copy;
    /// Pixels whose sums stay in registers side by side.
    const PIXELS: usize;

    fn sums(self, sums: &[i32; LANES]) -> Self::Sums;
    /// Weights, channel by channel.
    fn weights(self, weights: &[i8; 4 * LANES]) -> Self::Weights;
    /// The same four bytes for all channels.
    fn splat(self, bytes: [u8; 4]) -> Self::Bytes;
    /// For each channel its byte of each of four pixels.
    fn interleave(self, pixels: [&[u8; LANES]; 4]) -> Self::Bytes;
    /// Adds four products to each sum.
    fn dot(self, sums: Self::Sums, bytes: Self::Bytes, weights: Self::Weights) -> Self::Sums;
    fn scale(self, scale: &Scale) -> Self::Scale;
    /// `spec::quant::Rounding::requant` of each sum.
    fn requant(self, sums: Self::Sums, scale: &Self::Scale) -> Self::Sums;
    fn finish(self, sums: Self::Sums, range: Range) -> [u8; LANES];
    /// `byte - zero`.
    fn widen(self, bytes: &[u8; LANES], zero: i32) -> Self::Sums;
    fn add(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
}

/// The form of the kernels. Having one proves that this processor can run it.
#[derive(Clone, Copy)]
pub struct Level(Form);

#[derive(Clone, Copy)]
enum Form {
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(X64V3Token),
    #[cfg(target_arch = "x86_64")]
    Avx512(X64V4xToken),
}

impl Level {
    /// Every form that this processor can run, the fastest last; the portable one is always there.
    pub fn available() -> Vec<Level> {
        let mut levels = vec![Level(Form::Portable(Portable))];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(X64V3Token::summon().map(|token| Level(Form::Avx2(token))));
            levels.extend(X64V4xToken::summon().map(|token| Level(Form::Avx512(token))));
        }
        levels
    }
    /// The fastest form.
    pub fn best() -> Level {
        let portable = Level(Form::Portable(Portable));
        Level::available().pop().unwrap_or(portable)
    }
    pub(super) fn run(self, job: Job<'_>) {
        match self.0 {
            Form::Portable(portable) => kernels::run(portable, job),
            #[cfg(target_arch = "x86_64")]
            Form::Avx2(token) => avx2::run(token, job),
            #[cfg(target_arch = "x86_64")]
            Form::Avx512(token) => avx512::run(token, job),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Form::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Form::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Form::Avx512(_) => "AVX-512 VNNI",
        })
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
pub mod tests {
    use std::array::from_fn;

    use bytemuck::Pod;
    use fastrand::Rng;
    use sepstream_spec::quant::Rounding;

    use super::*;

    /// Every operation of a form against plain arithmetic, on values around every power of two and at random.
    pub fn check<S: Simd<Sums: Pod>>(simd: S) {
        let mut rng = Rng::with_seed(1);
        let values: Vec<i32> = (0..=31)
            .flat_map(|bit| (-2..=2i64).flat_map(move |d| [(1i64 << bit) + d, -(1i64 << bit) + d]))
            .filter_map(|value| i32::try_from(value).ok())
            .collect();
        let plain = |sums: S::Sums| -> [i32; LANES] { bytemuck::must_cast(sums) };
        let value = |rng: &mut Rng| match rng.bool() {
            true => *rng.choice(&values).unwrap(),
            false => rng.i32(..),
        };
        for _ in 0..200_000 {
            let [sums, multiplier]: [[i32; LANES]; 2] = from_fn(|_| from_fn(|_| value(&mut rng)));
            let multiplier = multiplier.map(|q| q & i32::MAX);
            let shift: [i32; LANES] = from_fn(|_| rng.i32(-31..=30));
            let once: [bool; LANES] = shift.map(|shift| shift < 0 && rng.bool());
            let scale = Scale {
                multiplier,
                left: shift.map(|shift| shift.max(0)),
                right: shift.map(|shift| (-shift).max(0)),
                once: once.map(|once| -i32::from(once)),
            };
            let got = plain(simd.requant(simd.sums(&sums), &simd.scale(&scale)));
            let want = from_fn(|i| {
                let rounding = if once[i] {
                    Rounding::Once
                } else {
                    Rounding::Twice
                };
                rounding.requant(sums[i], multiplier[i], shift[i])
            });
            assert_eq!(got, want, "{sums:?} {scale:?}");
        }
        for _ in 0..10_000 {
            let extreme = rng.bool();
            let mut byte = || match extreme {
                true => *rng.choice(&[0x00, 0x7f, 0x80, 0xff]).unwrap(),
                false => rng.u8(..),
            };
            let pixels: [[u8; LANES]; 4] = from_fn(|_| from_fn(|_| byte()));
            let weights: [i8; 4 * LANES] = from_fn(|_| byte() as i8);
            let [start, other]: [[i32; LANES]; 2] = from_fn(|_| from_fn(|_| value(&mut rng)));
            let sum = |lane: usize, bytes: [u8; 4]| {
                let products =
                    (0..4).map(|i| i32::from(bytes[i]) * i32::from(weights[4 * lane + i]));
                products.fold(start[lane], i32::wrapping_add)
            };
            let (sums, packed) = (simd.sums(&start), simd.weights(&weights));
            let interleaved = simd.interleave([&pixels[0], &pixels[1], &pixels[2], &pixels[3]]);
            assert_eq!(
                plain(simd.dot(sums, interleaved, packed)),
                from_fn(|lane| sum(lane, pixels.map(|pixel| pixel[lane])))
            );
            let four = pixels[0][..4].try_into().unwrap();
            assert_eq!(
                plain(simd.dot(sums, simd.splat(four), packed)),
                from_fn(|lane| sum(lane, four))
            );
            assert_eq!(
                plain(simd.add(sums, simd.sums(&other))),
                from_fn(|lane| start[lane].wrapping_add(other[lane]))
            );
            let zero = rng.i32(0..=255);
            assert_eq!(
                plain(simd.widen(&pixels[1], zero)),
                pixels[1].map(|byte| i32::from(byte) - zero)
            );
            let (low, high) = (rng.i32(0..=zero) - zero, rng.i32(zero..=255) - zero);
            let range = Range { low, high, zero };
            assert_eq!(
                simd.finish(sums, range),
                start.map(|sum| (sum.clamp(low, high) + zero) as u8)
            );
        }
    }

    #[test]
    fn portable_operations() {
        check(Portable);
    }

    #[test]
    fn the_portable_form_is_always_there() {
        let levels = Level::available();
        assert_eq!(levels[0].to_string(), "portable");
        assert_eq!(
            levels.last().unwrap().to_string(),
            Level::best().to_string()
        );
    }
}
