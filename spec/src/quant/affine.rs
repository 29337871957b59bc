// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quantisation of a whole 8-bit tensor.

use crate::graph::{Activation, DType, Tensor};

/// `real = scale * (stored - zero_point)`, with `stored` between `min` and `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Real size of one step.
    pub scale: f32,
    /// Stored value of real 0.
    pub zero_point: i32,
    /// Smallest stored value: -128 or 0.
    pub min: i32,
    /// Largest stored value: 127 or 255.
    pub max: i32,
}

impl Affine {
    /// Quantisation of an int8 or uint8 tensor; `None` for other types.
    pub fn new(scale: f32, zero_point: i32, dtype: DType) -> Option<Self> {
        let (min, max) = dtype.range().filter(|_| dtype.is_quantised())?;
        Some(Affine {
            scale,
            zero_point,
            min,
            max,
        })
    }
    /// Quantisation of an int8 or uint8 tensor that has one scale; `None` for any other.
    pub fn of(tensor: &Tensor) -> Option<Self> {
        let (scale, zero_point) = tensor.per_tensor()?;
        Affine::new(scale, zero_point, tensor.dtype)
    }
    /// True for int8.
    pub fn is_signed(&self) -> bool {
        self.min < 0
    }
    /// A byte of the tensor as a number.
    #[inline]
    pub fn decode(&self, byte: u8) -> i32 {
        if self.is_signed() {
            i32::from(byte as i8)
        } else {
            i32::from(byte)
        }
    }
    /// Clamp of a real interval in stored values: `CalculateActivationRangeQuantized`.
    pub fn activation_range(&self, activation: Activation) -> (i32, i32) {
        let stored = |real: f32| {
            self.zero_point
                .saturating_add(libm::roundf(real / self.scale) as i32)
        };
        let (low, high) = activation.bounds();
        let low = low.map_or(self.min, |real| stored(real).max(self.min));
        let high = high.map_or(self.max, |real| stored(real).min(self.max));
        (low, high)
    }
    /// Nearest stored value of a real one, ties away from zero: `AffineQuantize`.
    pub fn quantise(&self, real: f32) -> i32 {
        let steps = libm::roundf(real / self.scale) as i32;
        steps
            .saturating_add(self.zero_point)
            .clamp(self.min, self.max)
    }
    /// Real value of a stored one: `Dequantize`.
    pub fn dequantise(&self, stored: i32) -> f32 {
        (f64::from(self.scale) * f64::from(stored - self.zero_point)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activation_ranges() {
        let relu6 = Affine::new(6.0 / 255.0, -128, DType::I8).unwrap();
        assert_eq!(relu6.activation_range(Activation::Relu6), (-128, 127));
        assert_eq!(relu6.activation_range(Activation::None), (-128, 127));
        let wide = Affine::new(0.1, 3, DType::U8).unwrap();
        assert_eq!(wide.activation_range(Activation::Relu), (3, 255));
        assert_eq!(wide.activation_range(Activation::Relu6), (3, 63));
        assert_eq!(wide.activation_range(Activation::ReluN1To1), (0, 13));
        let tiny = Affine::new(1e-30, 0, DType::I8).unwrap();
        assert_eq!(
            tiny.activation_range(Activation::Relu6),
            (0, 127),
            "a bound far outside saturates"
        );
    }

    #[test]
    fn quantise_rounds_ties_away_and_saturates() {
        let a = Affine::new(0.5, 1, DType::I8).unwrap();
        assert_eq!(
            [0.25, -0.25, 0.2, 1e9, -1e9, f32::NAN].map(|v| a.quantise(v)),
            [2, 0, 1, 127, -128, 1]
        );
        assert_eq!(a.dequantise(-128), -64.5);
        assert_eq!(a.decode(0xff), -1);
    }

    #[test]
    fn only_eight_bit_types() {
        assert!(Affine::new(1.0, 0, DType::F32).is_none());
        assert!(Affine::new(1.0, 0, DType::I32).is_none());
    }
}
