// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fixed-point multipliers and the two roundings of requantisation.

/// A real factor as `q / 2^31 * 2^shift`: `q` is 0 or lies in `2^30 ..= 2^31 - 1` (negative for the second operand of SUB).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Multiplier {
    /// Q0.31 mantissa.
    pub q: i32,
    /// Power of two: positive shifts left before the product, negative shifts right after it; -31 to 30.
    pub shift: i32,
}

impl Multiplier {
    /// `QuantizeMultiplier`, for factors that are not negative.
    ///
    /// `None` for a factor that is negative, not finite, or 2^30 and more: its left shift would lose every bit.
    pub fn from_real(real: f64) -> Option<Self> {
        Multiplier::unbounded(real).filter(|multiplier| multiplier.shift <= Self::MOST_SHIFT)
    }
    /// Largest left shift that leaves a bit of a sum.
    pub const MOST_SHIFT: i32 = 30;
    /// `QuantizeMultiplier` without an upper bound, as convolutions take it: networks have factors far above 2^30 where sums are
    /// always 0. [`requant`] shifts by the lower 5 bits then, as x86 does; C++ leaves it undefined.
    pub fn unbounded(real: f64) -> Option<Self> {
        if !real.is_finite() || real < 0.0 {
            return None;
        }
        let (fraction, mut shift) = libm::frexp(real);
        let mut q = libm::round(fraction * (1i64 << 31) as f64) as i64;
        if q == 1 << 31 {
            q /= 2;
            shift += 1;
        }
        if q == 0 || shift < -31 {
            return Some(Multiplier { q: 0, shift: 0 });
        }
        Some(Multiplier { q: q as i32, shift })
    }
    /// [`requant`] by this multiplier.
    #[inline]
    pub fn apply(self, acc: i32) -> i32 {
        requant(acc, self.q, self.shift)
    }
    /// The same factor with the other sign.
    pub fn negated(self) -> Self {
        Multiplier { q: -self.q, ..self }
    }
}

/// gemmlowp `SaturatingRoundingDoublingHighMul` on int32.
///
/// Its truncating division with a nudge by sign rounds every tie up, also below zero; an arithmetic shift does the same.
#[inline]
pub fn saturating_rounding_doubling_high_mul(a: i32, b: i32) -> i32 {
    let rounded = (i64::from(a) * i64::from(b) + (1 << 30)) >> 31;
    // Only i32::MIN squared does not fit.
    rounded.min(i64::from(i32::MAX)) as i32
}

/// gemmlowp `RoundingDivideByPOT` on int32: division by `2^exponent`, ties away from zero. From 32 on it is 0.
#[inline]
pub fn rounding_right_shift(x: i32, exponent: u32) -> i32 {
    if exponent == 0 {
        return x;
    }
    let exponent = exponent.min(62);
    // One less than half below zero: the floor of the shift then sends a tie down, away from zero.
    let nudge = (1i64 << (exponent - 1)) + i64::from(x >> 31);
    ((i64::from(x) + nudge) >> exponent) as i32
}

/// `MultiplyByQuantizedMultiplier` (two roundings): the accumulator times `q / 2^31 * 2^shift`.
#[inline]
pub fn requant(acc: i32, q: i32, shift: i32) -> i32 {
    let left = acc.wrapping_shl(shift.max(0) as u32);
    rounding_right_shift(
        saturating_rounding_doubling_high_mul(left, q),
        shift.min(0).unsigned_abs(),
    )
}

/// `MultiplyByQuantizedMultiplier` on int64: a wide product times a multiplier that keeps only its upper 16 bits, rounded once,
/// ties up.
#[inline]
pub fn requant_wide(product: i64, multiplier: Multiplier) -> i32 {
    let reduced = if multiplier.q < 0x7fff_0000 {
        (multiplier.q + (1 << 15)) >> 16
    } else {
        0x7fff
    };
    let shift = (15 - multiplier.shift).clamp(1, 62);
    let sum = product
        .wrapping_mul(reduced.into())
        .wrapping_add(1 << (shift - 1));
    (sum >> shift) as i32
}

/// How often a requantiser rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// After the product and after the right shift: [`requant`].
    #[default]
    Twice,
    /// After both at once: [`requant_once`].
    Once,
}

impl Rounding {
    /// Steps of a sum.
    #[inline]
    pub fn requant(self, acc: i32, q: i32, shift: i32) -> i32 {
        match self {
            Rounding::Twice => requant(acc, q, shift),
            Rounding::Once => requant_once(acc, q, shift),
        }
    }
}

/// The accumulator times `q / 2^31 * 2^shift`, rounded once, ties up. For `q >= 0`. Without a right shift it is [`requant`].
#[inline]
pub fn requant_once(acc: i32, q: i32, shift: i32) -> i32 {
    let left = acc.wrapping_shl(shift.max(0) as u32);
    let right = shift.min(0).unsigned_abs();
    if right > 31 {
        // less than half a step
        return 0;
    }
    ((i64::from(left) * i64::from(q) + (1i64 << (30 + right))) >> (31 + right)) as i32
}

/// [`requant`] as the narrow lane does it: no left shift, both roundings in one sum. For `q >= 0`, `right <= 31`.
///
/// With h the first rounding's result, the second adds 2^(right - 1), one less for h < 0, and shifts. Here the sign of `acc` is
/// taken for that of h. They differ only where acc < 0 and h = 0: then the sum is 2^(right - 1) or one less, which both shift to
/// 0. And h is (acc q >> 31) + bit 30, so all is one sum.
#[inline]
pub fn narrow_requant(acc: i32, q: i32, right: u32) -> i32 {
    let product = i64::from(acc) * i64::from(q);
    let half = match right {
        0 => 0,
        _ => (1i64 << (right - 1)) - i64::from(acc < 0),
    };
    (((product >> 31) + (product >> 30 & 1) + half) >> right) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// gemmlowp's C++, statement by statement.
    fn gemmlowp_high_mul(a: i32, b: i32) -> i32 {
        if a == b && a == i32::MIN {
            return i32::MAX;
        }
        let ab = i64::from(a) * i64::from(b);
        let nudge = if ab >= 0 { 1 << 30 } else { 1 - (1 << 30) };
        ((ab + nudge) / (1 << 31)) as i32
    }

    /// As above, for exponents 0 to 31.
    fn gemmlowp_divide_by_pot(x: i32, exponent: u32) -> i32 {
        let mask = ((1i64 << exponent) - 1) as i32;
        let remainder = x & mask;
        let threshold = (mask >> 1) + i32::from(x < 0);
        (x >> exponent) + i32::from(remainder > threshold)
    }

    fn tflite_requant(acc: i32, q: i32, shift: i32) -> i32 {
        let (left, right) = if shift > 0 { (shift, 0) } else { (0, -shift) };
        gemmlowp_divide_by_pot(
            gemmlowp_high_mul(acc.wrapping_mul(1 << left), q),
            right as u32,
        )
    }

    /// Values around every power of two, of both signs.
    fn corners() -> impl Iterator<Item = i32> {
        (0..=31).flat_map(|bit| {
            (-2..=2i64)
                .flat_map(move |d| [(1i64 << bit) + d, -(1i64 << bit) + d])
                .filter_map(|v| i32::try_from(v).ok())
        })
    }

    #[test]
    fn equals_gemmlowp_at_corners() {
        for a in corners() {
            for e in 0..=31 {
                assert_eq!(
                    rounding_right_shift(a, e),
                    gemmlowp_divide_by_pot(a, e),
                    "{a} >> {e}"
                );
            }
            for b in corners() {
                assert_eq!(
                    saturating_rounding_doubling_high_mul(a, b),
                    gemmlowp_high_mul(a, b),
                    "{a} * {b}"
                );
                for shift in -31..=30 {
                    assert_eq!(
                        requant(a, b, shift),
                        tflite_requant(a, b, shift),
                        "{a} {b} {shift}"
                    );
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]
        #[test]
        fn equals_gemmlowp(acc: i32, q: i32, shift in -31..=30i32) {
            prop_assert_eq!(saturating_rounding_doubling_high_mul(acc, q), gemmlowp_high_mul(acc, q));
            prop_assert_eq!(requant(acc, q, shift), tflite_requant(acc, q, shift));
        }
        #[test]
        fn small_accumulators(acc in -70_000..70_000i32, q in (1 << 30)..i32::MAX, shift in -20..=2i32) {
            prop_assert_eq!(requant(acc, q, shift), tflite_requant(acc, q, shift));
        }
        #[test]
        fn from_real_is_nearest(real in 1e-9..1e9f64) {
            let m = Multiplier::from_real(real).unwrap();
            prop_assert!(m.q >= 1 << 30);
            let back = f64::from(m.q) / 2f64.powi(31 - m.shift);
            prop_assert!((back - real).abs() <= real * 2f64.powi(-31), "{real} became {back}");
        }
    }

    /// Every accumulator of 18 bits, with multipliers at the ends of their ranges and between, and every shift.
    #[test]
    fn one_rounding_is_both() {
        let factors = [
            0,
            1,
            3,
            (1 << 29) + 1,
            (1 << 30) - 1,
            1 << 30,
            0x5a82_799a,
            i32::MAX,
        ];
        for q in factors {
            for right in 0..=31 {
                for acc in -(1 << 17)..1 << 17 {
                    let want = requant(acc, q, -(right as i32));
                    assert_eq!(narrow_requant(acc, q, right), want, "{acc} {q} >> {right}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300_000))]
        #[test]
        fn one_rounding_is_both_for_all(acc: i32, bits in 0u32..32, q in 0..i32::MAX, right in 0u32..=31) {
            let acc = acc >> bits;
            prop_assert_eq!(narrow_requant(acc, q, right), requant(acc, q, -(right as i32)));
        }
    }

    #[test]
    fn once_rounds_ties_up() {
        let steps = |sum| requant_once(sum, 1 << 30, -1);
        assert_eq!(
            [-6, -5, -3, -2, -1, 0, 1, 2, 3, 6].map(steps),
            [-1, -1, -1, 0, 0, 0, 0, 1, 1, 2]
        );
        for (sum, shift) in [(-3, 0), (3, 0), (3, 1), (-5, 2)] {
            let q = 0x5a82_799a;
            assert_eq!(requant_once(sum, q, shift), requant(sum, q, shift));
        }
        // the first of two roundings makes a tie of what is less
        let (sum, q) = (1 << 20, (1 << 30) + (1 << 9));
        assert_eq!([requant(sum, q, -20), requant_once(sum, q, -20)], [1, 1]);
        let q = (1 << 30) - (1 << 9);
        assert_eq!([requant(sum, q, -20), requant_once(sum, q, -20)], [1, 0]);
    }

    #[test]
    fn beyond_31_bits_nothing_is_left() {
        for x in [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX] {
            assert_eq!(rounding_right_shift(x, 33), 0);
            assert_eq!(rounding_right_shift(x, u32::MAX), 0);
            assert_eq!(
                [-32, i32::MIN].map(|shift| requant_once(x, i32::MAX, shift)),
                [0; 2]
            );
        }
    }

    #[test]
    fn from_real_corners() {
        let made = |real| Multiplier::from_real(real).map(|m| (m.q, m.shift));
        assert_eq!(made(0.0), Some((0, 0)));
        assert_eq!(made(0.5), Some((1 << 30, 0)));
        assert_eq!(made(1.0), Some((1 << 30, 1)));
        assert_eq!(
            made(1.0 - f64::EPSILON / 2.0),
            Some((1 << 30, 1)),
            "rounds up to the next power of two"
        );
        assert_eq!(made(2f64.powi(-32)), Some((1 << 30, -31)));
        assert_eq!(made(2f64.powi(-33)), Some((0, 0)), "flushed");
        assert_eq!(made(f64::MIN_POSITIVE / 8.0), Some((0, 0)), "subnormal");
        assert_eq!(made(2f64.powi(29)), Some((1 << 30, 30)));
        for bad in [2f64.powi(30), 1e300, -1.0, f64::INFINITY, f64::NAN] {
            assert_eq!(made(bad), None, "{bad}");
        }
        let wide = Multiplier::unbounded(2f64.powi(30 + 32)).unwrap();
        assert_eq!(
            (wide.q, wide.shift, wide.apply(3)),
            (1 << 30, 63, i32::MIN / 2)
        );
    }
}
