// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parameters of quantised operators, from the scales of their tensors.
//!
//! Where TensorFlow Lite multiplies two scales in single and where in double precision differs from operator to operator
//! and decides single output bytes; each function repeats the order of its own.

use super::Multiplier;

/// Bits by which ADD and SUB shift their inputs up before scaling them.
pub const ADD_LEFT_SHIFT: u32 = 20;

/// Factor from the accumulator of an int8 convolution (or a FULLY_CONNECTED with a scale for each channel) to its output:
/// `PopulateConvolutionQuantizationParams`. All in double precision.
pub fn conv_multiplier(input: f32, weights: f32, output: f32) -> Option<Multiplier> {
    Multiplier::unbounded(f64::from(input) * f64::from(weights) / f64::from(output))
}

/// The same for uint8 convolutions, and for FULLY_CONNECTED with one weight scale: `GetQuantizedConvolutionMultipler`. The
/// product of the scales is rounded to single precision.
pub fn legacy_conv_multiplier(input: f32, weights: f32, output: f32) -> Option<Multiplier> {
    Multiplier::unbounded(f64::from(input * weights) / f64::from(output))
}

/// Factor from the product of two MUL inputs to its output: `Prepare` in `mul.cc`, all in single precision.
pub fn mul_multiplier(input1: f32, input2: f32, output: f32) -> Option<Multiplier> {
    Multiplier::from_real(f64::from(input1 * input2 / output))
}

/// Factor from the sum of `count` elements to their mean: `QuantizedMeanOrSum`. The division is part of the multiplier,
/// which is first shifted up so that it keeps its bits; `None` also for a count of 0.
pub fn mean_multiplier(input: f32, output: f32, count: u32) -> Option<Multiplier> {
    let Multiplier { q, shift } = Multiplier::from_real(f64::from(input) / f64::from(output))?;
    let headroom = (count.checked_ilog2()? as i32).min(31 + shift);
    let q = (i64::from(q) << headroom) / i64::from(count);
    Some(Multiplier {
        q: q as i32,
        shift: shift - headroom,
    })
}

/// Factor from one quantisation to another, in double precision: `PrepareMeanOrSum` for SUM, `Requantize`.
pub fn requantise_multiplier(input: f32, output: f32) -> Option<Multiplier> {
    Multiplier::from_real(f64::from(input) / f64::from(output))
}

/// Factor of each step of REDUCE_PROD over `count` elements: `GetQuantProdScaling`. Applied `count` times, it makes the scale
/// of a product that of the result.
pub fn prod_multiplier(input: f32, output: f32, count: usize) -> Option<Multiplier> {
    let root = libm::pow(output.into(), 1.0 / count as f64);
    Multiplier::from_real(f64::from(input) / root)
}

/// Multipliers of SQUARED_DIFFERENCE: both inputs are brought to the scale `2 max(s_1, s_2) / 2^7`, where they are subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquaredDifference {
    input1: Multiplier,
    input2: Multiplier,
    output: Multiplier,
}

impl SquaredDifference {
    /// Bits by which inputs are shifted up before they are scaled.
    const LEFT_SHIFT: u32 = 7;

    /// `Prepare` in `squared_difference.cc`. `None` where TensorFlow Lite refuses: a square that would be scaled up.
    pub fn new(input1: f32, input2: f32, output: f32) -> Option<Self> {
        let common = f64::from(2.0 * input1.max(input2));
        let bits = (1u32 << (2 * Self::LEFT_SHIFT)) as f32;
        let out = common * common / f64::from(bits * output);
        let params = SquaredDifference {
            input1: Multiplier::from_real(f64::from(input1) / common)?,
            input2: Multiplier::from_real(f64::from(input2) / common)?,
            output: Multiplier::from_real(out)?,
        };
        (params.output.shift <= 0).then_some(params)
    }
    /// Square of the difference of two inputs (zero points subtracted), before the output's zero point and clamp.
    #[inline]
    pub fn eval(&self, x1: i32, x2: i32) -> i32 {
        let scaled = |m: Multiplier, x: i32| m.apply(x << Self::LEFT_SHIFT);
        let difference = scaled(self.input1, x1) - scaled(self.input2, x2);
        self.output.apply(difference * difference)
    }
}

/// Multipliers of PRELU: of what is not below 0, and of what is, times its slope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prelu {
    identity: Multiplier,
    slope: Multiplier,
}

impl Prelu {
    /// `PreluPrepare`, all in single precision. `None` if the scales are too far apart.
    pub fn new(input: f32, slope: f32, output: f32) -> Option<Self> {
        Some(Prelu {
            identity: Multiplier::from_real(f64::from(input / output))?,
            slope: Multiplier::from_real(f64::from(input * slope / output))?,
        })
    }
    /// The result for an input and a slope (zero points subtracted), before the output's zero point and clamp.
    #[inline]
    pub fn eval(&self, x: i32, slope: i32) -> i32 {
        if x >= 0 {
            self.identity.apply(x)
        } else {
            self.slope.apply(x * slope)
        }
    }
}

/// Rounded quotient of a sum and a positive count, ties away from zero: AVERAGE_POOL_2D.
#[inline]
pub fn average(sum: i32, count: i32) -> i32 {
    let half = count / 2;
    (if sum > 0 { sum + half } else { sum - half }) / count
}

/// Multipliers of ADD and SUB: both inputs are brought to the scale `2 max(s_1, s_2) / 2^20`, where they are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddParams {
    /// Of the first input, after the shift by 20.
    pub input1: Multiplier,
    /// Of the second input, after the shift by 20; negative for SUB.
    pub input2: Multiplier,
    /// Of the sum.
    pub output: Multiplier,
}

impl AddParams {
    /// Parameters of ADD: `Prepare` in `add.cc`. `None` where TensorFlow Lite refuses: a sum that would be scaled up.
    pub fn add(input1: f32, input2: f32, output: f32) -> Option<Self> {
        let common = f64::from(2.0 * input1.max(input2));
        let out = common / f64::from((1u32 << ADD_LEFT_SHIFT) as f32 * output);
        let params = AddParams {
            input1: Multiplier::from_real(f64::from(input1) / common)?,
            input2: Multiplier::from_real(f64::from(input2) / common)?,
            output: Multiplier::from_real(out)?,
        };
        (params.output.shift <= 0).then_some(params)
    }
    /// Parameters of SUB: `PrepareGeneralSubOp` in `sub.cc`, which negates the second multiplier and then adds.
    pub fn sub(input1: f32, input2: f32, output: f32) -> Option<Self> {
        let params = AddParams::add(input1, input2, output)?;
        Some(AddParams {
            input2: params.input2.negated(),
            ..params
        })
    }
    /// Sum or difference of two inputs (zero points subtracted), before the output's zero point and clamp: `AddFunc`.
    #[inline]
    pub fn eval(&self, x1: i32, x2: i32) -> i32 {
        let scaled = |m: Multiplier, x: i32| m.apply(x << ADD_LEFT_SHIFT);
        self.output
            .apply(scaled(self.input1, x1).wrapping_add(scaled(self.input2, x2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn average_ties_go_away_from_zero() {
        assert_eq!(
            [5, -5, 4, -4, 0].map(|sum| average(sum, 2)),
            [3, -3, 2, -2, 0]
        );
        assert_eq!([4, 5, -4, -5].map(|sum| average(sum, 9)), [0, 1, 0, -1]);
    }

    #[test]
    fn mean_of_one_is_a_requantisation() {
        assert_eq!(
            mean_multiplier(0.3, 0.7, 1),
            Multiplier::from_real(f64::from(0.3f32) / f64::from(0.7f32))
        );
        assert_eq!(mean_multiplier(1.0, 1.0, 0), None);
        let m = mean_multiplier(1.0, 1.0, 49).unwrap();
        assert_eq!(m.shift, 1 - 5);
        assert_eq!(m.apply(49 * 17), 17);
    }

    #[test]
    fn sums_that_overflow_are_refused() {
        assert_eq!(AddParams::add(1.0, 1.0, 1e-9), None);
        assert_eq!(
            AddParams::add(f32::MAX, 1.0, 1.0),
            None,
            "twice the scale is infinite"
        );
    }

    proptest! {
        #[test]
        fn a_mean_keeps_its_bits(scale in 1e-3..1e3f32, count in 1u32..100_000) {
            let m = mean_multiplier(scale, 1.0, count).unwrap();
            let real = f64::from(m.q) * 2f64.powi(m.shift - 31);
            prop_assert!((real * f64::from(count) / f64::from(scale) - 1.0).abs() < 1e-8);
        }
        #[test]
        fn no_step_of_add_overflows(s1 in 1e-6..1e3f32, s2 in 1e-6..1e3f32, out in 1e-3..1e3f32) {
            let (Some(add), Some(sub)) = (AddParams::add(s1, s2, out), AddParams::sub(s1, s2, out)) else { return Ok(()) };
            for (x1, x2) in [(255, 255), (-255, -255), (255, -255), (0, 255), (1, -1)] {
                let wide = |p: &AddParams| {
                    i64::from(p.input1.apply(x1 << 20)) + i64::from(p.input2.apply(x2 << 20))
                };
                for p in [add, sub] {
                    prop_assert!(i32::try_from(wide(&p)).is_ok());
                    let exact = (f64::from(s1) * f64::from(x1) + f64::from(s2) * f64::from(x2)
                        * f64::from(p.input2.q.signum())) / f64::from(out);
                    if p.input2.q != 0 {
                        prop_assert!((f64::from(p.eval(x1, x2)) - exact).abs() <= 0.51 + exact.abs() * 1e-6, "{exact}");
                    }
                }
            }
        }
    }
}
