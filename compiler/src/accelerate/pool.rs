// SPDX-License-Identifier: MIT OR Apache-2.0
//! Weight and multiplier of AVERAGE_POOL_2D: a rounding division by the requantiser.

use sepstream_spec::config::WIDE_SUM;
use sepstream_spec::quant::{self, Multiplier};

/// Binary logarithms of the weights of a pixel, in the order of trial. The requantiser rounds twice; more bits in front of the
/// first rounding keep it from making or breaking a tie of the second, fewer make smaller sums.
const WEIGHT_BITS: [u32; 7] = [6, 5, 4, 3, 2, 1, 0];

/// The weight and the multiplier that give, for every sum of `count` int8 values times that weight, TensorFlow Lite's rounded
/// average (ties away from zero), the sums within `sum_bits` bits.
///
/// With q rounded up the product is never short of the quotient, so a tie stays one, and it exceeds it by far less than the
/// distance 1 / (2 count) of a quotient to the next tie. Every possible sum is checked all the same; `None` if one were wrong with
/// every weight, or if the sums are too long with each.
pub fn average(count: u32, sum_bits: u32) -> Option<(i8, Multiplier)> {
    let fits = |bits: &u32| {
        let least = (u64::from(count) * 128) << bits;
        sum_bits == WIDE_SUM || least <= 1 << (sum_bits - 1)
    };
    let weights = WEIGHT_BITS.into_iter().filter(fits);
    weights
        .filter_map(|bits| Some((1 << bits, multiplier(count, bits)?)))
        .next()
}

/// The multiplier for a weight of `2^weight_bits`, if it is right for every sum.
fn multiplier(count: u32, weight_bits: u32) -> Option<Multiplier> {
    let exponent = 31 - count.leading_zeros(); // 2^exponent <= count < 2^(exponent + 1)
    let shift = (exponent + weight_bits) as i32;
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
    all.all(|sum| multiplier.apply(sum << weight_bits) == quant::average(sum, count))
        .then_some(multiplier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_up_to_1024_pixels_has_an_exact_multiplier() {
        for count in 1..=1024 {
            assert!(average(count, WIDE_SUM).is_some(), "{count}");
        }
    }

    #[test]
    fn sums_keep_within_their_bits() {
        for (count, bits) in [(9, 18), (49, 18), (125, 18), (125, 20), (125, 21)] {
            let (weight, _) = average(count, bits).unwrap();
            assert!(i64::from(count) * 128 * i64::from(weight) <= 1 << (bits - 1));
        }
        assert_eq!(average(2048, 18), None);
    }
}
