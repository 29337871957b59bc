// SPDX-License-Identifier: MIT OR Apache-2.0
//! SOFTMAX in gemmlowp's fixed point.
//!
//! The formats are in the types: `I1F31` is gemmlowp's `FixedPoint<int32_t, 0>`, `I3F29` is `<2>`, `I6F26` is `<5>` and
//! `I13F19` is `<12>` (the `fixed` crate counts the sign as an integer bit).

use fixed::types::{I1F31, I3F29, I6F26, I13F19};

use super::{Multiplier, rounding_right_shift, saturating_rounding_doubling_high_mul as high_mul};

/// Integer bits of the scaled difference to the maximum.
const DIFF_INTEGER_BITS: u32 = 5;
/// Integer bits of the sum of exponentials.
const SUM_INTEGER_BITS: i32 = 12;

/// Parameters of `reference_ops::Softmax` from int8 to int8, or from uint8 to uint8. Its output has the scale 1/256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// Of a difference to the maximum, to Q5.26.
    pub multiplier: Multiplier,
    /// Differences below it have the exponential 0.
    pub diff_min: i32,
}

impl Softmax {
    /// `SoftmaxPrepare`; `None` where TensorFlow Lite refuses: logits so fine that a step is below 2^-26.
    pub fn new(beta: f32, input_scale: f32) -> Option<Self> {
        let real =
            f64::from(beta) * f64::from(input_scale) * f64::from(1u32 << (31 - DIFF_INTEGER_BITS));
        if real.is_nan() || real <= 1.0 {
            return None;
        }
        let real = real.min(f64::from(i32::MAX));
        // 2^31 - 1 and its neighbours round up to 2^31, one more than `from_real` takes.
        let multiplier = Multiplier::from_real(real / 2.0).map(|m| Multiplier {
            shift: m.shift + 1,
            ..m
        })?;
        // CalculateInputRadius: differences further down than this would leave Q5.26; their exponential is 0.
        let radius = ((1i64 << DIFF_INTEGER_BITS) - 1) << (31 - DIFF_INTEGER_BITS);
        Some(Softmax {
            multiplier,
            diff_min: -((radius >> multiplier.shift) as i32),
        })
    }
    /// One row of logits (stored values), as the bytes of an output whose smallest value is `min`.
    pub fn row(&self, logits: impl Iterator<Item = i32> + Clone, min: i32, out: &mut [u8]) {
        let max = logits.clone().max().unwrap_or(0);
        let exps = logits.map(|x| self.exp(x - max));
        let sum = exps.clone().fold(I13F19::ZERO, |sum, e| {
            sum.wrapping_add(I13F19::from_bits(rounding_right_shift(
                e.to_bits(),
                SUM_INTEGER_BITS as u32,
            )))
        });
        let (scale, bits_over_unit) = reciprocal(sum);
        // TensorFlow Lite aborts when this is above 31 (a sum of 512 and more); the quotient is 0 from there on.
        let exponent = (bits_over_unit + 31 - 8).max(0) as u32;
        for (byte, exp) in out.iter_mut().zip(exps) {
            let product = high_mul(scale.to_bits(), exp.to_bits());
            *byte = (rounding_right_shift(product, exponent) + min).clamp(min, min + 255) as u8;
        }
    }
    /// Exponential of a difference to the maximum, which is not positive.
    fn exp(&self, diff: i32) -> I1F31 {
        if diff < self.diff_min {
            return I1F31::ZERO;
        }
        let shifted = diff.wrapping_shl(self.multiplier.shift as u32);
        exp_on_negative_values(I6F26::from_bits(high_mul(shifted, self.multiplier.q)))
    }
}

/// gemmlowp `SaturatingRoundingMultiplyByPOT` for a positive exponent.
fn saturating_left_shift(x: i32, exponent: u32) -> i32 {
    (i64::from(x) << exponent).clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// gemmlowp product of two Q0.31 numbers.
fn mul(a: I1F31, b: I1F31) -> I1F31 {
    I1F31::from_bits(high_mul(a.to_bits(), b.to_bits()))
}

/// gemmlowp `exp_on_negative_values`: a polynomial on [-1/4, 0), then one factor for each higher bit of the argument.
fn exp_on_negative_values(a: I6F26) -> I1F31 {
    // exp(-2^n) for n = -2 ..= 4.
    const FACTORS: [i32; 7] = [
        1_672_461_947,
        1_302_514_674,
        790_015_084,
        290_630_308,
        39_332_535,
        720_401,
        242,
    ];
    if a == I6F26::ZERO {
        return I1F31::MAX;
    }
    let quarter: I6F26 = I6F26::ONE >> 2;
    let fine = (a & (quarter - I6F26::DELTA)) - quarter;
    let coarse = fine.wrapping_sub(a).to_bits();
    let mut result = exp_near_zero(I1F31::from_bits(saturating_left_shift(
        fine.to_bits(),
        DIFF_INTEGER_BITS,
    )));
    for (n, factor) in FACTORS.into_iter().enumerate() {
        if coarse & (quarter.to_bits() << n) != 0 {
            result = mul(result, I1F31::from_bits(factor));
        }
    }
    result
}

/// gemmlowp `exp_on_interval_between_negative_one_quarter_and_0_excl`: Taylor series around -1/8.
fn exp_near_zero(a: I1F31) -> I1F31 {
    const EXP_MINUS_EIGHTH: I1F31 = I1F31::from_bits(1_895_147_668);
    const THIRD: I1F31 = I1F31::from_bits(715_827_883);
    let half_of =
        |x: I1F31, exponent| I1F31::from_bits(rounding_right_shift(x.to_bits(), exponent));
    let x = a + I1F31::from_bits(1 << 28);
    let x2 = mul(x, x);
    let x3 = mul(x2, x);
    let x4 = mul(x2, x2);
    let series = half_of(mul(half_of(x4, 2) + x3, THIRD) + x2, 1);
    EXP_MINUS_EIGHTH + mul(EXP_MINUS_EIGHTH, x + series)
}

/// `GetReciprocal`: 1 / x as a Q0.31 number and the bits by which it has to be shifted right.
fn reciprocal(x: I13F19) -> (I1F31, i32) {
    let headroom = x.to_bits().leading_zeros();
    let fraction = (x.to_bits() as u32)
        .checked_shl(headroom)
        .unwrap_or(0)
        .wrapping_sub(1 << 31);
    (
        one_over_one_plus_x(fraction as i32),
        SUM_INTEGER_BITS - headroom as i32,
    )
}

/// gemmlowp `one_over_one_plus_x_for_x_in_0_1` (Q0.31 in and out): three Newton-Raphson steps.
fn one_over_one_plus_x(a: i32) -> I1F31 {
    const C48_OVER_17: i32 = 1_515_870_810;
    const C_NEG_32_OVER_17: i32 = -1_010_580_540;
    let half_denominator = ((i64::from(a) + i64::from(i32::MAX) + 1) / 2) as i32;
    let mut x = C48_OVER_17.wrapping_add(high_mul(half_denominator, C_NEG_32_OVER_17));
    for _ in 0..3 {
        let error = I3F29::ONE
            .to_bits()
            .wrapping_sub(high_mul(half_denominator, x));
        x = x.wrapping_add(saturating_left_shift(high_mul(x, error), 2));
    }
    I1F31::from_bits(saturating_left_shift(x, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    #[test]
    fn exponentials_are_near_the_real_ones() {
        for bits in (i32::MIN..0).step_by(10_007) {
            let a = I6F26::from_bits(bits);
            let (got, want) = (
                exp_on_negative_values(a).to_num::<f64>(),
                libm::exp(a.to_num::<f64>()),
            );
            assert!((got - want).abs() < 3e-7, "exp({a}) = {got}, want {want}");
        }
    }

    #[test]
    fn reciprocals_are_near_the_real_ones() {
        for bits in (1 << 19..i32::MAX).step_by(1_000_003) {
            let x = I13F19::from_bits(bits);
            let (q, bits_over_unit) = reciprocal(x);
            let got = q.to_num::<f64>() * libm::exp2(f64::from(-bits_over_unit));
            assert!(
                (got * x.to_num::<f64>() - 1.0).abs() < 1e-6,
                "1/{x} = {got}"
            );
        }
    }

    #[test]
    fn rows_sum_to_one() {
        let s = Softmax::new(1.0, 0.1).unwrap();
        for n in [1, 2, 10, 100] {
            let mut out = vec![0; n];
            s.row((0..n as i32).map(|i| i * 37 % 100 - 50), -128, &mut out);
            let sum: i32 = out.iter().map(|&b| i32::from(b as i8) + 128).sum();
            assert!((sum - 256).abs() <= n as i32, "{n}: {sum}");
        }
        let mut out = [0; 1];
        s.row([5].into_iter(), 0, &mut out);
        assert_eq!(out, [255]);
    }

    #[test]
    fn odd_parameters_do_not_panic() {
        assert_eq!(Softmax::new(1.0, 1e-9), None);
        assert_eq!(Softmax::new(-1.0, 1.0), None);
        assert_eq!(Softmax::new(f32::NAN, 1.0), None);
        for scale in [2e-8, 1e-3, 0.5, 31.9, 32.0, 33.0, f32::MAX] {
            let s = Softmax::new(1.0, scale).unwrap();
            for n in [0, 1, 511, 512, 513, 5000] {
                let mut out = vec![0; n];
                s.row(core::iter::repeat_n(3, n), -128, &mut out);
                s.row((0..n as i32).map(|i| i % 256 - 128), -128, &mut out);
            }
        }
    }

    #[test]
    fn many_equal_logits_give_zero() {
        let mut out = vec![0; 600];
        Softmax::new(1.0, 0.1)
            .unwrap()
            .row(core::iter::repeat_n(0, 600), 0, &mut out);
        assert_eq!(out, Vec::from([0; 600]));
    }
}
