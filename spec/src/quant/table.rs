// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unary 8-bit operators as tables of 256 bytes.

use super::{Affine, HardSwish, Multiplier};
use crate::graph::Activation;

/// Output byte for each input byte; an int8 input indexes by its bits, so -1 is entry 255.
pub type Table = [u8; 256];

/// Table of a function from stored input to stored output.
pub fn table(input: Affine, mut eval: impl FnMut(i32) -> i32) -> Table {
    core::array::from_fn(|byte| eval(input.decode(byte as u8)) as u8)
}

/// HARD_SWISH; `None` as in [`HardSwish::new`].
pub fn hard_swish_table(input: Affine, output: Affine) -> Option<Table> {
    let params = HardSwish::new(input, output)?;
    Some(table(input, |x| params.eval(x)))
}

/// LOGISTIC: `LUTPopulate` over `1 / (1 + exp(-x))`.
pub fn logistic_table(input: Affine, output: Affine) -> Table {
    // A correctly rounded single precision exponential, whatever the C library of the machine would give.
    float_table(input, output, |x| {
        1.0 / (1.0 + libm::exp(f64::from(-x)) as f32)
    })
}

/// TANH: `LUTPopulate` over the hyperbolic tangent.
pub fn tanh_table(input: Affine, output: Affine) -> Table {
    float_table(input, output, |x| libm::tanh(f64::from(x)) as f32)
}

/// RELU, RELU6, RELU_N1_TO_1 as operators of their own: `QuantizedReluX`. `None` if the scales are too far apart.
pub fn relu_table(input: Affine, output: Affine, activation: Activation) -> Option<Table> {
    let multiplier = Multiplier::from_real(f64::from(input.scale / output.scale))?;
    let (low, high) = output.activation_range(activation);
    Some(rescaled(input, output, multiplier, low, high))
}

/// QUANTIZE from one 8-bit quantisation to another: `Requantize`. `None` if the scales are too far apart.
pub fn requantise_table(input: Affine, output: Affine) -> Option<Table> {
    let multiplier = Multiplier::from_real(f64::from(input.scale) / f64::from(output.scale))?;
    Some(rescaled(input, output, multiplier, output.min, output.max))
}

/// A uint8 operand of CONCATENATION that is quantised in another way than the result: `ConcatenationWithScaling`, in single
/// precision.
pub fn concatenation_table(input: Affine, output: Affine) -> Table {
    let scale = input.scale * (1.0 / output.scale);
    let bias = -(input.zero_point as f32) * scale;
    table(input, |x| {
        (libm::roundf(x as f32 * scale + bias) as i32)
            .saturating_add(output.zero_point)
            .clamp(output.min, output.max)
    })
}

fn rescaled(input: Affine, output: Affine, multiplier: Multiplier, low: i32, high: i32) -> Table {
    // Not `clamp`: bounds may cross when the output cannot hold the activation's interval. The order is that of the kernel.
    table(input, |x| {
        multiplier
            .apply(x - input.zero_point)
            .saturating_add(output.zero_point)
            .max(low)
            .min(high)
    })
}

/// `LUTPopulate`: every step in single precision.
pub(super) fn float_table(input: Affine, output: Affine, transform: impl Fn(f32) -> f32) -> Table {
    let inverse_scale = 1.0 / output.scale;
    table(input, |x| {
        let transformed = transform(input.scale * (x - input.zero_point) as f32);
        let rescaled = libm::roundf(transformed * inverse_scale);
        ((rescaled + output.zero_point as f32) as i32).clamp(output.min, output.max)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DType;

    fn int8(scale: f32, zero_point: i32) -> Affine {
        Affine::new(scale, zero_point, DType::I8).unwrap()
    }

    #[test]
    fn entries_are_indexed_by_bits() {
        let identity = requantise_table(int8(0.5, 3), int8(0.5, 3)).unwrap();
        assert!(
            identity
                .iter()
                .enumerate()
                .all(|(n, &byte)| n == usize::from(byte))
        );
        let to_uint8 =
            requantise_table(int8(0.5, -128), Affine::new(0.5, 0, DType::U8).unwrap()).unwrap();
        assert!(
            to_uint8
                .iter()
                .enumerate()
                .all(|(n, &byte)| n as u8 == byte ^ 0x80)
        );
    }

    #[test]
    fn logistic_and_tanh_at_known_points() {
        let l = logistic_table(int8(0.1, 0), int8(1.0 / 256.0, -128));
        assert_eq!([l[0] as i8, l[128] as i8, l[127] as i8], [0, -128, 127]);
        let t = tanh_table(int8(0.1, 0), int8(1.0 / 128.0, 0));
        assert_eq!(
            [t[0] as i8, t[128] as i8, t[127] as i8, t[10] as i8],
            [0, -128, 127, 97]
        );
    }

    #[test]
    fn relu_clamps_and_rescales() {
        let r = relu_table(int8(0.1, 0), int8(0.05, -128), Activation::Relu6).unwrap();
        assert_eq!(
            [r[0xff] as i8, r[0] as i8, r[10] as i8, r[100] as i8],
            [-128, -128, -108, -8]
        );
        assert_eq!(
            relu_table(int8(1e30, 0), int8(1e-5, 0), Activation::Relu),
            None
        );
    }
}
