// SPDX-License-Identifier: MIT OR Apache-2.0
//! Multiplier of AVERAGE_POOL_2D: a rounding division by the requantiser.

use sepstream_spec::quant::{self, Multiplier};

/// Weight of every pixel. The requantiser rounds twice; six more bits in front of the first rounding keep it from making or
/// breaking a tie of the second.
pub const POOL_WEIGHT: i8 = 64;

/// The multiplier that gives, for every sum of `count` int8 values times [`POOL_WEIGHT`], TensorFlow Lite's rounded average
/// (ties away from zero).
///
/// With q rounded up the product is never short of the quotient, so a tie stays one, and it exceeds it by far less than the
/// distance 1 / (2 count) of a quotient to the next tie. Every possible sum is checked all the same; `None` if one were wrong.
pub fn average_multiplier(count: u32) -> Option<Multiplier> {
    let weight = i32::from(POOL_WEIGHT);
    let exponent = 31 - count.leading_zeros(); // 2^exponent <= count < 2^(exponent + 1)
    let shift = (exponent + weight.trailing_zeros()) as i32;
    let multiplier = if count.is_power_of_two() {
        Multiplier {
            q: 1 << 30,
            shift: 1 - shift,
        }
    } else {
        let q = (1u64 << (31 + exponent)).div_ceil(count.into());
        Multiplier {
            q: i32::try_from(q).ok()?,
            shift: -shift,
        }
    };
    let count = i32::try_from(count).ok()?;
    let mut all = -128 * count..=127 * count;
    all.all(|sum| multiplier.apply(weight * sum) == quant::average(sum, count))
        .then_some(multiplier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_up_to_1024_pixels_has_an_exact_multiplier() {
        for count in 1..=1024 {
            assert!(average_multiplier(count).is_some(), "{count}");
        }
    }
}
