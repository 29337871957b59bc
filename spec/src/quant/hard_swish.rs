// SPDX-License-Identifier: MIT OR Apache-2.0
//! HARD_SWISH in 16-bit fixed point.

use super::{Affine, Multiplier};

/// Bits by which the input is shifted up to fill 16 bits: 255 << 7 fits.
const HIRES_SHIFT: i32 = 7;

/// Parameters of `reference_ops::HardSwish` on int8 and uint8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardSwish {
    input: Affine,
    output: Affine,
    output_multiplier: i16,
    output_shift: u32,
    reluish_multiplier: i16,
    reluish_shift: i32,
}

impl HardSwish {
    /// `HardSwishPrepare`; `None` where TensorFlow Lite refuses: an output scale below 1/128 of the input scale.
    pub fn new(input: Affine, output: Affine) -> Option<Self> {
        let hires_scale = (1.0f32 / 128.0) * input.scale;
        let reluish_scale = 3.0f32 / 32768.0;
        let out = Multiplier::from_real(f64::from(hires_scale / output.scale))?;
        let reluish = Multiplier::from_real(f64::from(hires_scale / reluish_scale))?;
        (out.shift <= 0).then_some(HardSwish {
            input,
            output,
            output_multiplier: upper_half(out.q),
            output_shift: out.shift.unsigned_abs(),
            reluish_multiplier: upper_half(reluish.q),
            reluish_shift: reluish.shift,
        })
    }
    /// Stored output for a stored input.
    pub fn eval(&self, stored: i32) -> i32 {
        let hires = ((stored - self.input.zero_point) << HIRES_SHIFT) as i16;
        let preshift_input = high_mul(hires, self.output_multiplier);
        // The other factor is relu6(x + 3) / 6 in Q0.15: first x / 3 saturated to -1..1, then half of that plus a half.
        let shift = self.reluish_shift;
        let mut reluish = hires;
        if shift > 0 {
            reluish = saturating_left_shift(reluish, shift - 1);
        }
        reluish = high_mul(reluish, self.reluish_multiplier);
        if shift > 0 {
            reluish = saturating_left_shift(reluish, 1);
        }
        if shift < 0 {
            reluish = divide_by_pot(reluish, shift.unsigned_abs());
        }
        let reluish = ((i32::from(reluish) + (1 << 15)) >> 1) as i16;
        let preshift = truncating_high_mul(reluish, preshift_input);
        let result =
            divide_by_pot(preshift, self.output_shift).wrapping_add(self.output.zero_point as i16);
        i32::from(result).clamp(self.output.min, self.output.max)
    }
}

/// `DownScaleInt32ToInt16Multiplier`.
fn upper_half(q: i32) -> i16 {
    const ROUNDING: i32 = 1 << 15;
    if q >= i32::MAX - ROUNDING {
        i16::MAX
    } else {
        ((q + ROUNDING) >> 16) as i16
    }
}

/// gemmlowp `SaturatingRoundingDoublingHighMul` on int16; the multiplier is never -2^15, so nothing saturates.
fn high_mul(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b) + (1 << 14)) >> 15) as i16
}

/// `SaturatingDoublingHighMul` of `hard_swish.h`: like [`high_mul`], but truncating.
fn truncating_high_mul(a: i16, b: i16) -> i16 {
    (i32::from(a) * i32::from(b) / (1 << 15)).min(i32::from(i16::MAX)) as i16
}

/// `SaturatingLeftShift` on int16.
fn saturating_left_shift(value: i16, amount: i32) -> i16 {
    (i64::from(value) << amount).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// gemmlowp `RoundingDivideByPOT` on int16, whose mask is also 16 bits wide: from an exponent of 16 on that is all ones.
fn divide_by_pot(x: i16, exponent: u32) -> i16 {
    let mask = ((1i64 << exponent) - 1) as i16;
    let remainder = x & mask;
    let threshold = (mask >> 1) + i16::from(x < 0);
    (i32::from(x) >> exponent) as i16 + i16::from(remainder > threshold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DType;

    #[test]
    fn is_near_the_real_function() {
        for (scale, zero_point, dtype) in [
            (0.1, -56, DType::I8),
            (0.04, 76, DType::I8),
            (0.02, 128, DType::U8),
        ] {
            let input = Affine::new(scale, zero_point, dtype).unwrap();
            let output = Affine::new(scale * 0.8, zero_point, dtype).unwrap();
            let h = HardSwish::new(input, output).unwrap();
            for stored in input.min..=input.max {
                let x = input.dequantise(stored);
                let want = output.quantise(x * (x + 3.0).clamp(0.0, 6.0) / 6.0);
                assert!(
                    (h.eval(stored) - want).abs() <= 1,
                    "{stored}: {} and {want}",
                    h.eval(stored)
                );
            }
        }
    }

    #[test]
    fn odd_scales_do_not_panic() {
        for exponent in -40..40 {
            for out in -40..40 {
                let affine = |e| Affine::new(libm::ldexpf(0.77, e), 5, DType::I8).unwrap();
                if let Some(h) = HardSwish::new(affine(exponent), affine(out)) {
                    (-128..=127).for_each(|x| assert!((-128..=127).contains(&h.eval(x))));
                }
            }
        }
        let unit = |scale| Affine::new(scale, 0, DType::I8).unwrap();
        assert_eq!(HardSwish::new(unit(1.0), unit(1.0 / 200.0)), None);
    }
}
