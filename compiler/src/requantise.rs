// SPDX-License-Identifier: MIT OR Apache-2.0
//! A requantiser's parameters for a wanted function of a bounded sum, whoever's arithmetic that is.
//!
//! Between two sums a requantisation is a staircase of at most 255 steps ([`Steps`]). A requantiser that multiplies by m reaches a
//! value exactly where the product of sum and m reaches a bound ([`reached_at`]), so each step allows an interval of multipliers, and
//! all of them the intersection. [`Steps::hold`] then proves what was found: requantisers are monotone too, so it looks at both sides
//! of each step and at both ends.

use sepstream_spec::isa::Param;
use sepstream_spec::quant::{Multiplier, Requantisation, Rounding, Scaling};

/// Largest right shift of a requantiser.
const MOST_RIGHT: u32 = 31;

/// Whose sums they are: the wanted function between the smallest and the largest.
pub struct Steps {
    wanted: Requantisation,
    least: i32,
    most: i32,
    /// Outputs of both.
    first: i32,
    last: i32,
    /// For every output above the first: the least sum with it or a larger one.
    begins: Vec<i32>,
}

/// What a requantiser does to a sum that has its bias: clamps, multiplies, rounds.
#[derive(Clone, Copy, Debug)]
pub struct Takes {
    /// Smallest and largest sum; others become these.
    pub sums: (i32, i32),
    /// Smallest and largest bias.
    pub biases: (i32, i32),
    /// How it rounds; the first is taken where several do.
    pub roundings: &'static [Rounding],
}

impl Takes {
    /// Whether it takes a bias.
    pub fn bias(&self, bias: i32) -> bool {
        (self.biases.0..=self.biases.1).contains(&bias)
    }
}

impl Steps {
    /// Between two sums; `None` where the function is not monotone.
    pub fn new(wanted: Requantisation, least: i32, most: i32) -> Option<Self> {
        if !wanted.scaling.is_monotone(least, most) {
            return None;
        }
        let (first, last) = (wanted.apply(least), wanted.apply(most));
        let mut begins = Vec::new();
        let mut from = least;
        for value in first + 1..=last {
            from = begin(&wanted, value, from, most);
            begins.push(from);
        }
        Some(Steps {
            wanted,
            least,
            most,
            first,
            last,
            begins,
        })
    }

    /// The output, where all sums have one.
    pub fn constant(&self) -> Option<i32> {
        (self.first == self.last).then_some(self.first)
    }

    /// Parameters with which a requantiser has the wanted outputs for sums with a bias of `bias`; the nearest to the factor itself.
    pub fn parameters(&self, bias: i32, takes: &Takes) -> Option<Param> {
        let nominal = self.wanted.scaling.multiplier()?;
        // what shifts left is for the caller to make part of the weights
        let right = u32::try_from(-nominal.shift).ok()?.min(MOST_RIGHT);
        let shifts = || (0..=right).rev().map(|shift| -(shift as i32));
        // where the sums are: as they come, then nearer to zero by narrower steps
        [false, true].into_iter().find_map(|moves| {
            takes.roundings.iter().find_map(|&rounding| {
                shifts().find_map(|shift| {
                    let mut param = Param {
                        bias,
                        multiplier: nominal.q,
                        shift,
                        rounding,
                    };
                    if moves {
                        param.bias = bias.checked_add(self.moved(&param)?)?;
                    }
                    self.solve(param, bias, takes)
                })
            })
        })
    }

    /// How far sums move so that the first step begins where the multiplier would have it.
    fn moved(&self, param: &Param) -> Option<i32> {
        let value = self.first + 1 - self.wanted.zero_point;
        let bound = reached_at(param.rounding, param.shift, value);
        let own = div_ceil(bound, param.multiplier.max(1).into());
        i32::try_from(own - i128::from(*self.begins.first()?)).ok()
    }

    /// The parameters with the multiplier nearest to the scaled one that all steps allow.
    fn solve(&self, mut param: Param, bias: i32, takes: &Takes) -> Option<Param> {
        let moved = param.bias.checked_sub(bias)?;
        let (least, most) = self.multipliers(&param, moved, takes)?;
        let factor = match self.wanted.scaling {
            Scaling::Fixed(Multiplier { q, shift }) => f64::from(q) * 2f64.powi(shift - 31),
            Scaling::Double(factor) => factor,
        };
        let near = (factor * 2f64.powi(31 - param.shift)).round() as i128;
        param.multiplier = near.clamp(least, most) as i32;
        self.hold(&param, bias, takes).then_some(param)
    }

    /// The smallest and the largest multiplier that give the wanted outputs, for sums that are `moved`.
    fn multipliers(&self, param: &Param, moved: i32, takes: &Takes) -> Option<(i128, i128)> {
        let (low, high) = (i128::from(takes.sums.0), i128::from(takes.sums.1));
        let place = |sum: i32| (i128::from(sum) + i128::from(moved)).clamp(low, high);
        let mut range = Interval(0, i32::MAX.into());
        let bound =
            |value: i32| reached_at(param.rounding, param.shift, value - self.wanted.zero_point);
        // the ends: not below the first output, not above the last
        if self.first > self.wanted.low {
            range.reach(place(self.least), bound(self.first))?;
        }
        if self.last < self.wanted.high {
            range.miss(place(self.most), bound(self.last + 1))?;
        }
        for (value, begin) in (self.first + 1..).zip(&self.begins) {
            range.reach(place(*begin), bound(value))?;
            range.miss(place(begin - 1), bound(value))?;
        }
        Some((range.0, range.1))
    }

    /// Whether a requantiser with these parameters, which takes sums with the parameters' bias in place of `bias`, has the wanted output
    /// for every sum.
    pub fn hold(&self, param: &Param, bias: i32, takes: &Takes) -> bool {
        if !takes.bias(param.bias) || param.shift > 0 {
            return false;
        }
        let moved = i64::from(param.bias) - i64::from(bias);
        let (low, high) = (i64::from(takes.sums.0), i64::from(takes.sums.1));
        let output = |sum: i32| {
            let taken = (i64::from(sum) + moved).clamp(low, high) as i32;
            let steps = param.steps(taken).saturating_add(self.wanted.zero_point);
            steps.max(self.wanted.low).min(self.wanted.high)
        };
        // sums with their bias do not wrap
        let ends = [self.least, self.most].map(|sum| i64::from(sum) + moved);
        ends.iter().all(|end| i32::try_from(*end).is_ok())
            && output(self.least) == self.first
            && output(self.most) == self.last
            && (self.first + 1..)
                .zip(&self.begins)
                .all(|(value, begin)| output(*begin) >= value && output(begin - 1) < value)
    }
}

/// The least sum from `low` to `high` whose output is at least `value`, which that of `high` is.
fn begin(wanted: &Requantisation, value: i32, mut low: i32, mut high: i32) -> i32 {
    while low < high {
        let middle = ((i64::from(low) + i64::from(high)) >> 1) as i32;
        if wanted.apply(middle) >= value {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The least product of sum and multiplier whose requantisation, by a right shift of `-shift`, is at least `value`.
///
/// Rounded once: (p + 2^(30 + r)) >> (31 + r) >= v where p >= (2 v - 1) 2^(30 + r). Rounded twice, h = (p + 2^30) >> 31 comes between:
/// above zero h + 2^(r - 1) >= v 2^r, below zero one less than that is added. Without a shift both are the same.
fn reached_at(rounding: Rounding, shift: i32, value: i32) -> i128 {
    let middle = i128::from(2 * value - 1) << shift.unsigned_abs();
    let nudge = match rounding {
        Rounding::Twice if shift != 0 && value > 0 => -1,
        Rounding::Twice if shift != 0 => 1,
        _ => 0,
    };
    (middle + nudge) << 30
}

/// Multipliers from the first to the second.
struct Interval(i128, i128);

impl Interval {
    /// Those whose product with a sum is at least a bound.
    fn reach(&mut self, sum: i128, bound: i128) -> Option<()> {
        match sum {
            1.. => self.0 = self.0.max(div_ceil(bound, sum)),
            0 if bound > 0 => return None,
            0 => {}
            // a quotient of two numbers below zero
            _ => self.1 = self.1.min((-bound).div_euclid(-sum)),
        }
        (self.0 <= self.1).then_some(())
    }
    /// Those whose product with a sum is less than a bound.
    fn miss(&mut self, sum: i128, bound: i128) -> Option<()> {
        match sum {
            1.. => self.1 = self.1.min((bound - 1).div_euclid(sum)),
            0 if bound <= 0 => return None,
            0 => {}
            _ => self.0 = self.0.max(div_ceil(1 - bound, -sum)),
        }
        (self.0 <= self.1).then_some(())
    }
}

/// The quotient, rounded up; for a positive divisor.
fn div_ceil(value: i128, by: i128) -> i128 {
    -(-value).div_euclid(by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    const EITHER: &[Rounding] = &[Rounding::Twice, Rounding::Once];

    fn takes(bits: u32, roundings: &'static [Rounding]) -> Takes {
        let ends = |bits: u32| (i32::MIN >> (32 - bits), i32::MAX >> (32 - bits));
        Takes {
            sums: ends(bits),
            biases: ends(32),
            roundings,
        }
    }

    fn wanted(factor: f64, zero_point: i32) -> Requantisation {
        Requantisation {
            scaling: Scaling::Double(factor),
            zero_point,
            low: -128,
            high: 127,
        }
    }

    /// The output of a requantiser for a sum that has its wanted bias of 0.
    fn output(param: &Param, takes: &Takes, zero_point: i32, sum: i32) -> i32 {
        let taken = (sum + param.bias).clamp(takes.sums.0, takes.sums.1);
        (param.steps(taken) + zero_point).clamp(-128, 127)
    }

    /// A seed of its own for every run, told when a test fails.
    fn rng() -> Rng {
        let seeds = sepstream_testkit::seeds!(0, 1);
        let seed = seeds.iter().next().expect("one new seed");
        println!("{}", seeds.repeat(seed));
        Rng::with_seed(seed)
    }

    #[test]
    fn parameters_give_the_wanted_output_for_every_sum() {
        let mut rng = rng();
        let mut found = 0;
        for case in 0..400 {
            let bits = rng.u32(18..=20);
            let reach = rng.i32(1..1 << 17);
            let (least, most) = (-reach, rng.i32(-reach..1 << 17));
            let wanted = wanted(2f64.powf(-1.0 - 13.0 * rng.f64()), rng.i32(-128..=127));
            let takes = takes(bits, EITHER);
            let Some(steps) = Steps::new(wanted, least, most) else {
                panic!("{wanted:?} is monotone")
            };
            let Some(param) = steps.parameters(0, &takes) else {
                continue;
            };
            found += 1;
            for sum in least..=most {
                let got = output(&param, &takes, wanted.zero_point, sum);
                assert_eq!(
                    got,
                    wanted.apply(sum),
                    "case {case}, {wanted:?}, {param:?}, {sum}"
                );
            }
        }
        assert!(found > 380, "{found} of 400");
    }

    /// Sums in one half of a tie below zero: the multiplier is not the nearest one.
    #[test]
    fn ties_below_zero_go_down() {
        let wanted = wanted(0.25, 0);
        for roundings in [EITHER, &EITHER[..1], &EITHER[1..]] {
            let takes = takes(18, roundings);
            let param = Steps::new(wanted, -400, 400).unwrap().parameters(0, &takes);
            let param = param.unwrap();
            for (sum, output) in [(-6, -2), (-2, -1), (-1, 0), (1, 0), (2, 1), (6, 2)] {
                assert_eq!(wanted.apply(sum), output);
                assert_eq!(self::output(&param, &takes, 0, sum), output, "{param:?}");
            }
        }
    }

    /// Factors so small that a multiplier without a shift, as two roundings need it, has too few bits.
    #[test]
    fn small_factors_need_one_rounding() {
        let mut rng = rng();
        let mut twice = 0;
        for _ in 0..100 {
            let wanted = wanted(2f64.powf(-12.0 - rng.f64()), rng.i32(-20..=20));
            let steps = Steps::new(wanted, -1_000_000, 1_000_000).unwrap();
            let found = steps.parameters(0, &takes(21, EITHER)).unwrap();
            let only_twice = steps.parameters(0, &takes(21, &EITHER[..1]));
            assert_eq!(only_twice.is_none(), found.rounding == Rounding::Once);
            twice += usize::from(only_twice.is_some());
        }
        assert!(twice < 50, "{twice} of 100");
    }

    /// Each end is looked at: a requantiser that is wrong there only is refused.
    #[test]
    fn a_clamp_at_either_end_is_seen() {
        let multiplier = Multiplier {
            q: 1 << 30,
            shift: -10,
        };
        let wanted = Requantisation {
            scaling: Scaling::Fixed(multiplier),
            ..wanted(0.0, 0)
        };
        let param = Param {
            bias: 0,
            multiplier: multiplier.q,
            shift: multiplier.shift,
            rounding: Rounding::Twice,
        };
        let narrow = takes(18, EITHER);
        for (least, most) in [(-200_000, 100_000), (-100_000, 200_000)] {
            let steps = Steps::new(wanted, least, most).unwrap();
            assert!(steps.hold(&param, 0, &takes(19, EITHER)));
            assert!(!steps.hold(&param, 0, &narrow), "{least}..={most}");
        }
        let steps = Steps::new(wanted, -100_000, 100_000).unwrap();
        assert!(steps.hold(&param, 0, &narrow));
    }

    /// One more or one less than the admissible multipliers is refused, as is a bias of another sum.
    #[test]
    fn what_is_off_by_one_does_not_hold() {
        let mut rng = rng();
        for _ in 0..200 {
            let wanted = wanted(2f64.powf(-4.0 - 6.0 * rng.f64()), rng.i32(-128..=127));
            let takes = takes(24, EITHER);
            let steps = Steps::new(wanted, -150_000, 150_000).unwrap();
            let Some(param) = steps.parameters(0, &takes) else {
                continue;
            };
            let (least, most) = steps.multipliers(&param, 0, &takes).unwrap();
            for (multiplier, holds) in [
                (least - 1, false),
                (least, true),
                (most, true),
                (most + 1, false),
            ] {
                let param = Param {
                    multiplier: multiplier as i32,
                    ..param
                };
                assert_eq!(steps.hold(&param, 0, &takes), holds, "{wanted:?} {param:?}");
            }
            for bias in [-1, 1] {
                assert!(
                    !steps.hold(&Param { bias, ..param }, 0, &takes),
                    "{wanted:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_monotone_has_no_steps() {
        assert!(Steps::new(wanted(2f64.powi(12), 0), 0, 1 << 20).is_none());
        let steps = Steps::new(wanted(0.001, 5), -400, 400).unwrap();
        assert_eq!(steps.constant(), Some(5));
    }
}
