// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose arithmetic a network follows, where implementations of one operator differ.
//!
//! A requantisation is a monotone function of a sum, whatever its rounding: [`Scaling`] is the rounding, [`Requantisation`] adds
//! zero point and clamp. Another implementation is one more [`Semantics`], and one more [`Scaling`] if it rounds otherwise.

use super::{Multiplier, conv_multiplier, legacy_conv_multiplier};
#[cfg(feature = "alloc")]
use crate::{
    graph::{DType, Graph, Layer, Op},
    quant::Affine,
};

/// The implementation that outputs must equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Semantics {
    /// LiteRT 2.x: FULLY_CONNECTED multiplies in double precision and rounds once.
    #[default]
    LiteRt,
    /// TensorFlow Lite Micro, and TensorFlow Lite before LiteRT 2: FULLY_CONNECTED in integers, with two roundings.
    Tflm,
}

impl Semantics {
    /// All of them.
    pub const ALL: [Semantics; 2] = [Semantics::LiteRt, Semantics::Tflm];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Semantics::LiteRt => "litert",
            Semantics::Tflm => "tflm",
        }
    }
    /// The implementation and the version that outputs were compared with.
    pub const fn reference(self) -> &'static str {
        match self {
            Semantics::LiteRt => "LiteRT 2.3.0",
            Semantics::Tflm => "TensorFlow Lite Micro (as tflite-runtime 2.14.0)",
        }
    }
    /// From the sum of a FULLY_CONNECTED to its output; `one_scale`: all its weights share one. `None` for scales whose quotient
    /// this arithmetic cannot hold.
    pub fn fully_connected(
        self,
        input: f32,
        weights: f32,
        output: f32,
        one_scale: bool,
    ) -> Option<Scaling> {
        match self {
            Semantics::LiteRt => {
                let factor = f64::from(input) * f64::from(weights) / f64::from(output);
                (factor.is_finite() && factor >= 0.0).then_some(Scaling::Double(factor))
            }
            Semantics::Tflm if one_scale => {
                legacy_conv_multiplier(input, weights, output).map(Scaling::Fixed)
            }
            Semantics::Tflm => conv_multiplier(input, weights, output).map(Scaling::Fixed),
        }
    }
}

/// How a sum becomes a number of output steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scaling {
    /// [`Multiplier::apply`]: integers, two roundings.
    Fixed(Multiplier),
    /// Product in double precision, rounded once, ties away from zero: `FullyConnected` in
    /// `integer_ops/fully_connected.h` of LiteRT 2.
    Double(f64),
}

impl Scaling {
    /// Output steps of a sum. What does not fit 32 bits becomes `i32::MIN`: C++ leaves that conversion undefined, and LiteRT's
    /// packages for x86 give this.
    pub fn apply(self, sum: i32) -> i32 {
        match self {
            Scaling::Fixed(multiplier) => multiplier.apply(sum),
            Scaling::Double(factor) => {
                let steps = libm::round(f64::from(sum) * factor);
                let fits = steps >= f64::from(i32::MIN) && steps <= f64::from(i32::MAX);
                if fits { steps as i32 } else { i32::MIN }
            }
        }
    }
    /// The same function of sums that are shifted left by so many bits: no more than [`Scaling::left`].
    pub fn of_shifted(self, left: i32) -> Self {
        match self {
            Scaling::Fixed(Multiplier { q, shift }) => Scaling::Fixed(Multiplier {
                q,
                shift: shift - left,
            }),
            Scaling::Double(factor) => Scaling::Double(libm::scalbn(factor, -left)),
        }
    }
    /// The nearest multiplier; `None` for factors of 2^30 and more.
    pub fn multiplier(self) -> Option<Multiplier> {
        match self {
            Scaling::Fixed(multiplier) => Some(multiplier),
            Scaling::Double(factor) => Multiplier::from_real(factor),
        }
    }
    /// Bits that sums have to be shifted left by for the rest of the factor to be less than 1.
    pub fn left(self) -> i32 {
        self.multiplier()
            .map_or(0, |multiplier| multiplier.shift.max(0))
    }
    /// Whether a larger sum never gives fewer steps, between `least` and `most`: a left shift may wrap, and what does not fit
    /// 32 bits is beyond order.
    pub fn is_monotone(self, least: i32, most: i32) -> bool {
        match self {
            Scaling::Fixed(Multiplier { q, shift }) => {
                let left = shift.max(0);
                let keeps = |sum: i32| (i64::from(sum) << left) >> 31 == -i64::from(sum < 0);
                left <= Multiplier::MOST_SHIFT && q >= 0 && keeps(least) && keeps(most)
            }
            Scaling::Double(factor) => {
                let limit = f64::from(i32::MAX);
                let [low, high] = [least, most].map(|sum| f64::from(sum) * factor);
                // all of them beyond on one side: all alike
                let beyond = low > limit + 1.0 || high < -limit - 2.0;
                beyond || (low.abs() < limit && high.abs() < limit)
            }
        }
    }
}

/// The function from a sum to a stored output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requantisation {
    /// Steps of a sum.
    pub scaling: Scaling,
    /// Stored value of real 0.
    pub zero_point: i32,
    /// Smallest stored output.
    pub low: i32,
    /// Largest stored output.
    pub high: i32,
}

impl Requantisation {
    /// That of an output channel of a convolution or FULLY_CONNECTED; `None` where the tensors' quantisation does not allow one.
    #[cfg(feature = "alloc")]
    pub fn of_channel(graph: &Graph, layer: &Layer, channel: usize) -> Option<Self> {
        let operand = graph.input(layer, 0)?;
        let (input, output) = (Affine::of(operand)?, Affine::of(graph.output(layer))?);
        let weights = graph.input(layer, 1)?.quant.as_ref()?;
        let (one_scale, scale) = match weights.scale.as_slice() {
            [scale] => (true, *scale),
            scales => (false, *scales.get(channel)?),
        };
        let convolution = match operand.dtype {
            DType::U8 => legacy_conv_multiplier,
            _ => conv_multiplier,
        };
        let fixed = || convolution(input.scale, scale, output.scale).map(Scaling::Fixed);
        let (activation, scaling) = match &layer.op {
            Op::Conv2d(conv) => (conv.activation, fixed()),
            Op::DepthwiseConv2d(conv) => (conv.activation, fixed()),
            Op::TransposeConv(conv) => (conv.activation, fixed()),
            Op::FullyConnected(dense) => (
                dense.activation,
                (graph.semantics).fully_connected(input.scale, scale, output.scale, one_scale),
            ),
            _ => return None,
        };
        let (low, high) = output.activation_range(activation);
        Some(Requantisation {
            scaling: scaling?,
            zero_point: output.zero_point,
            low,
            high,
        })
    }
    /// Stored output of a sum.
    pub fn apply(&self, sum: i32) -> i32 {
        let steps = self.scaling.apply(sum);
        let placed = match self.scaling {
            Scaling::Fixed(_) => steps.saturating_add(self.zero_point),
            // wraps where the conversion did not fit
            Scaling::Double(_) => steps.wrapping_add(self.zero_point),
        };
        placed.max(self.low).min(self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn litert(input: f32, weights: f32, output: f32) -> Scaling {
        Semantics::LiteRt
            .fully_connected(input, weights, output, true)
            .unwrap()
    }

    #[test]
    fn litert_rounds_once_and_ties_away_from_zero() {
        let half = litert(0.5, 1.0, 1.0);
        assert_eq!(
            [-3, -2, -1, 0, 1, 2, 3].map(|sum| half.apply(sum)),
            [-2, -1, -1, 0, 1, 1, 2]
        );
        // 0.4999...: the first of two roundings makes a half of it, the second a one
        let (factor, step) = (0.5f32 - f32::EPSILON / 4.0, 2f32.powi(-20));
        let exact = litert(factor, step, 1.0);
        let twice = Semantics::Tflm.fully_connected(factor, step, 1.0, true);
        let sum = 1 << 20;
        assert_eq!((exact.apply(sum), twice.unwrap().apply(sum)), (0, 1));
    }

    #[test]
    fn litert_multiplies_scales_in_double_precision() {
        let (input, weights, output) = (0.1f32, 0.3f32, 0.7f32);
        let Scaling::Double(factor) = litert(input, weights, output) else {
            panic!("not in double precision")
        };
        assert_eq!(
            factor,
            f64::from(input) * f64::from(weights) / f64::from(output)
        );
        assert_ne!(factor, f64::from(input * weights) / f64::from(output));
    }

    #[test]
    fn steps_that_do_not_fit_are_those_of_x86() {
        let requantisation = |zero_point| Requantisation {
            scaling: litert(64.0, 64.0, 1.0),
            zero_point,
            low: -128,
            high: 127,
        };
        let (most, least) = (1 << 20, -(1 << 20));
        assert_eq!(requantisation(3).apply(most), -128);
        assert_eq!(requantisation(-3).apply(most), 127, "the sum wraps");
        assert_eq!(requantisation(3).apply(least), -128);
        let scaling = requantisation(0).scaling;
        assert!(scaling.is_monotone(1 - (1 << 19), (1 << 19) - 1));
        assert!(!scaling.is_monotone(0, 1 << 19));
        assert!(!scaling.is_monotone(-(1 << 19), 0));
        for (least, most) in [(1 << 20, 1 << 21), (-(1 << 21), -(1 << 20))] {
            assert!(scaling.is_monotone(least, most), "all alike");
            assert_eq!(scaling.apply(least), scaling.apply(most));
        }
        assert!(!scaling.is_monotone((1 << 19) - 1, 1 << 20));
    }

    #[test]
    fn a_left_shift_that_wraps_is_not_monotone() {
        let scaling = Scaling::Fixed(Multiplier {
            q: 1 << 30,
            shift: 4,
        });
        assert!(scaling.is_monotone(-(1 << 27), (1 << 27) - 1));
        assert!(!scaling.is_monotone(0, 1 << 27));
        assert!(!scaling.is_monotone(-(1 << 27) - 1, 0));
    }

    #[test]
    fn scales_that_no_factor_holds_are_refused() {
        for semantics in Semantics::ALL {
            assert_eq!(semantics.fully_connected(1.0, 1.0, 0.0, true), None);
            assert_eq!(semantics.fully_connected(1.0, f32::NAN, 1.0, false), None);
        }
    }
}
