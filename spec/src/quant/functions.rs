// SPDX-License-Identifier: MIT OR Apache-2.0
//! More functions of one byte, as tables: activations that are seldom seen, and functions that are operators of their own.
//!
//! Single precision functions are those of double precision, rounded: the nearest value, whatever the C library of a machine
//! would give.

use super::table::float_table;
use super::{
    Affine, Multiplier, Table, requant, rounding_right_shift,
    saturating_rounding_doubling_high_mul, table,
};

/// `e^x - 1` below 0, else x.
fn elu(x: f32) -> f32 {
    if x < 0.0 {
        libm::expm1(f64::from(x)) as f32
    } else {
        x
    }
}

/// `GeluTransform` and, with a hyperbolic tangent, `GeluTransformApproximate`.
fn gelu(x: f32, approximate: bool) -> f32 {
    let half = 0.5 * x;
    if approximate {
        let root = (core::f64::consts::FRAC_2_SQRT_PI * core::f64::consts::FRAC_1_SQRT_2) as f32;
        let inside = root * (x + 0.044_715 * x * x * x);
        half * (1.0 + libm::tanh(f64::from(inside)) as f32)
    } else {
        half * libm::erfc(f64::from(x * -core::f32::consts::FRAC_1_SQRT_2)) as f32
    }
}

/// ELU: `LUTPopulate` over the float kernel.
pub fn elu_table(input: Affine, output: Affine) -> Table {
    float_table(input, output, elu)
}

/// GELU: `LUTPopulate` over the float kernel.
pub fn gelu_table(input: Affine, output: Affine, approximate: bool) -> Table {
    float_table(input, output, |x| gelu(x, approximate))
}

/// EXP: `LUTPopulate` over the exponential.
pub fn exp_table(input: Affine, output: Affine) -> Table {
    float_table(input, output, |x| libm::exp(f64::from(x)) as f32)
}

/// LOG: `LUTPopulate` over the logarithm; what has none becomes the lowest value.
pub fn log_table(input: Affine, output: Affine) -> Table {
    let lowest = (output.min - output.zero_point) as f32 * output.scale;
    float_table(input, output, |x| {
        if x <= 0.0 {
            lowest
        } else {
            libm::log(f64::from(x)) as f32
        }
    })
}

/// ABS: `AbsEvalQuantized`, which requantises only where the scales differ. `None` if they are too far apart.
pub fn abs_table(input: Affine, output: Affine) -> Option<Table> {
    let multiplier = Multiplier::from_real(f64::from(input.scale / output.scale))?;
    let scaled = |x: i32| {
        if input.scale == output.scale {
            x
        } else {
            multiplier.apply(x)
        }
    };
    Some(table(input, |x| {
        scaled((x - input.zero_point).abs())
            .saturating_add(output.zero_point)
            .clamp(output.min, output.max)
    }))
}

/// NEG, which changes the sign of the stored value, whatever the quantisation: -128 stays.
pub fn neg_table(input: Affine) -> Table {
    table(input, |x| -x)
}

/// LEAKY_RELU: `QuantizeLeakyRelu`. `None` if the scales are too far apart.
pub fn leaky_relu_table(input: Affine, output: Affine, alpha: f32) -> Option<Table> {
    let identity = Multiplier::from_real(f64::from(input.scale / output.scale))?;
    let slope = f64::from(input.scale * alpha / output.scale);
    let magnitude = Multiplier::from_real(slope.abs())?;
    let below = if slope < 0.0 {
        magnitude.negated()
    } else {
        magnitude
    };
    Some(table(input, |x| {
        let x = x - input.zero_point;
        let scaled = if x >= 0 {
            identity.apply(x)
        } else {
            below.apply(x)
        };
        scaled
            .saturating_add(output.zero_point)
            .clamp(output.min, output.max)
    }))
}

/// Bits by which RSQRT shifts its root up.
const RSQRT_SHIFT: i32 = 20;

/// RSQRT: `RsqrtEvalQuantizedInt8`. TensorFlow Lite refuses to run with values below 0; here they are as 0, which becomes the
/// highest value. `None` if the scales are too far apart.
pub fn rsqrt_table(input: Affine, output: Affine) -> Option<Table> {
    let scale = libm::sqrtf(input.scale) * output.scale;
    let Multiplier { q, shift } = Multiplier::from_real(1.0 / f64::from(scale))?;
    Some(table(input, |x| {
        let x = x - input.zero_point;
        if x <= 0 {
            return output.max;
        }
        let (root, right) = inverse_root(x);
        let data = requant(1, root, RSQRT_SHIFT - right);
        requant(data, q, shift - RSQRT_SHIFT)
            .saturating_add(output.zero_point)
            .clamp(output.min, output.max)
    }))
}

/// `GetInvSqrtQuantizedMultiplierExp` for 1 to 255: one over the root as a multiplier and a right shift. Five steps of Newton's
/// iteration from 1, in gemmlowp's fixed point with 3 integer bits.
fn inverse_root(x: i32) -> (i32, i32) {
    if x == 1 {
        return (i32::MAX, 0);
    }
    let pairs = (x.leading_zeros() as i32 - 1) / 2 - 1;
    let product = saturating_rounding_doubling_high_mul;
    let shifted = |value: i32, left: u32| {
        let wide = i64::from(value) << left;
        wide.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    };
    const HALF_THREE: i32 = (1 << 28) + (1 << 27);
    const HALF_SQRT_2: i32 = 1_518_500_250;
    let half_input = rounding_right_shift((x << (2 * pairs)) >> 1, 1);
    let mut root = 1 << 28;
    for _ in 0..5 {
        let cube = shifted(product(product(root, root), root), 6);
        root = shifted(
            product(HALF_THREE, root).wrapping_sub(product(half_input, cube)),
            3,
        );
    }
    let (root, right) = (product(root, HALF_SQRT_2), 11 - pairs);
    if right < 0 {
        (root.wrapping_shl(right.unsigned_abs()), 0)
    } else {
        (root, right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DType;

    fn int8(scale: f32, zero_point: i32) -> Affine {
        Affine::new(scale, zero_point, DType::I8).unwrap()
    }

    #[test]
    fn activations_at_known_points() {
        let same = int8(0.1, 0);
        let at = |t: Table, x: i8| t[usize::from(x as u8)] as i8;
        assert_eq!([elu(-1.0), elu(2.0)], [-0.632_120_55, 2.0]);
        assert_eq!(
            [
                at(elu_table(same, same), -10),
                at(elu_table(same, same), 20)
            ],
            [-6, 20]
        );
        assert_eq!(
            [gelu(1.0, false), gelu(1.0, true)],
            [0.841_344_7, 0.841_192]
        );
        assert_eq!(at(gelu_table(same, same, false), -128), 0);
        let leaky = leaky_relu_table(same, same, 0.25).unwrap();
        assert_eq!([at(leaky, -100), at(leaky, 100)], [-25, 100]);
        let mirrored = leaky_relu_table(same, same, -0.25).unwrap();
        assert_eq!(at(mirrored, -100), 25);
    }

    #[test]
    fn functions_at_known_points() {
        let same = int8(0.1, 0);
        let at = |t: Table, x: i8| t[usize::from(x as u8)] as i8;
        assert_eq!(
            [at(neg_table(same), 5), at(neg_table(same), -128)],
            [-5, -128]
        );
        let abs = abs_table(same, int8(0.2, 0)).unwrap();
        assert_eq!([at(abs, -128), at(abs, 7)], [64, 4]);
        assert_eq!(
            [at(exp_table(same, same), 10), at(log_table(same, same), 27)],
            [27, 10]
        );
        assert_eq!(at(log_table(same, same), -1), -128);
    }

    #[test]
    fn inverse_roots_are_near() {
        for x in 1..=255 {
            let (root, right) = inverse_root(x);
            let value = f64::from(root) / 2f64.powi(31 + right);
            assert!(
                (value * f64::from(x).sqrt() - 1.0).abs() < 1e-3,
                "{x}: {value}"
            );
        }
        let table = rsqrt_table(int8(1.0, -128), int8(1.0 / 128.0, 0)).unwrap();
        let at = |x: i32| table[(x - 128) as u8 as usize] as i8;
        assert_eq!([at(0), at(1), at(4), at(64)], [127, 127, 64, 16]);
    }
}
