// SPDX-License-Identifier: MIT OR Apache-2.0
//! Channels for engines with limits: requantisers that take sums of few bits, multipliers that take no weight of -128.
//!
//! A requantiser clamps a sum with its bias to N bits. That changes no output when the sums behind both ends of these bits have the
//! outputs of the ends: requantisation is monotone, so one comparison at each end proves it for every sum that the weights and
//! int8 inputs can make. A channel whose sums go beyond may have the same outputs with other parameters, which are then taken.

use super::params::Channel;
use crate::error::Error;
use crate::misfit::{Misfit, Setting};
use crate::rule::LayerRef;
use sepstream_spec::config::{Multiplier, SUM_BITS, WIDE_SUM};
use sepstream_spec::graph::{Graph, Layer};
use sepstream_spec::isa::{Param, SERIAL_BIAS_BITS};
use sepstream_spec::quant;

/// What an engine's requantisers take.
#[derive(Clone, Copy, Debug)]
pub struct Lanes {
    /// Bits of a sum with its bias.
    pub sum_bits: u32,
    /// Bits of a sum before its bias, where the accumulator has fewer than any sum.
    pub acc_bits: u32,
    /// Cycles for a sum: with more than one a bias has [`SERIAL_BIAS_BITS`] bits.
    pub cycles: u32,
    /// The engine.
    pub engine: &'static str,
    /// The field of a configuration file that `sum_bits` is.
    pub sum_bits_field: &'static str,
}

impl Lanes {
    /// The same for sums of other bits.
    fn with(self, sum_bits: u32) -> Self {
        let acc_bits = (self.acc_bits + sum_bits - self.sum_bits).min(WIDE_SUM);
        Lanes {
            sum_bits,
            acc_bits,
            ..self
        }
    }
    /// Whether a channel gives the right outputs, with other parameters if need be.
    fn take(self, channel: &mut Channel) -> bool {
        adapt(channel, self.sum_bits, self.bias_bits()) && self.accumulate(channel)
    }
    /// Whether no sum of a channel's products has more bits than the accumulator.
    fn accumulate(self, channel: &Channel) -> bool {
        let mut plain = channel.clone();
        plain.param.bias = 0;
        let ends = Sums::of(&plain).map(|sums| [sums.least, sums.most]);
        ends.is_some_and(|ends| ends.iter().all(|end| fits(*end, self.acc_bits)))
    }
    fn bias_bits(self) -> u32 {
        match self.cycles {
            1 => WIDE_SUM,
            _ => SERIAL_BIAS_BITS,
        }
    }
}

/// Makes all channels fit an engine's requantisers.
///
/// # Errors
/// When a channel needs more bits: it names the first that needs the most.
pub fn sums(
    graph: &Graph,
    layer: &Layer,
    channels: &mut [Channel],
    lanes: Lanes,
) -> Result<(), Error> {
    let (bits, engine) = (lanes.sum_bits, lanes.engine);
    if bits == WIDE_SUM {
        return Ok(());
    }
    let mut worst = None;
    for (c, channel) in channels.iter_mut().enumerate() {
        if !lanes.take(channel) {
            let choices = SUM_BITS.into_iter().filter(|more| *more > bits);
            let needs = choices
                .into_iter()
                .find(|more| *more == WIDE_SUM || lanes.with(*more).take(&mut channel.clone()));
            worst = worst.max(needs.map(|needs| (needs, std::cmp::Reverse(c))));
        }
    }
    match worst {
        None => Ok(()),
        Some((needs, c)) => Err(too_small(
            graph,
            layer,
            &format!("{engine} requantiser"),
            format!("sums of {needs} bits in output channel {}", c.0),
            format!("{bits} bits"),
            Setting::new(lanes.sum_bits_field, needs),
        )),
    }
}

/// Refuses weights of -128, which multipliers for two products do not take; `other` do.
///
/// # Errors
/// When there is one.
pub fn symmetric(
    graph: &Graph,
    layer: &Layer,
    channels: &[Channel],
    other: Multiplier,
) -> Result<(), Error> {
    match channels.iter().position(|c| c.weights.contains(&-128)) {
        None => Ok(()),
        Some(c) => Err(too_small(
            graph,
            layer,
            "multiplier for two products",
            format!("the weight -128 in output channel {c}"),
            "weights from -127 to 127".into(),
            Setting::new("pointwise.multiplier", other as u32),
        )),
    }
}

fn too_small(
    graph: &Graph,
    layer: &Layer,
    what: &str,
    needs: String,
    has: String,
    setting: Setting,
) -> Error {
    Error::from(Misfit {
        what: what.into(),
        place: Some(LayerRef::of(graph, layer).to_string()),
        needs,
        has,
        setting: Some(setting),
    })
}

/// Whether a channel gives the right outputs with sums of `bits` bits and a bias of `bias_bits`, with other parameters if need be.
fn adapt(channel: &mut Channel, bits: u32, bias_bits: u32) -> bool {
    shift_weights(channel);
    let Some(sums) = Sums::of(channel) else {
        return false;
    };
    let bias_fits = |channel: &Channel| fits(channel.param.bias, bias_bits);
    if sums.fit(channel, bits) && bias_fits(channel) {
        return true;
    }
    let other = sums.constant(channel).or_else(|| sums.finer(channel, bits));
    let other = other.filter(bias_fits);
    if let Some(other) = &other {
        *channel = other.clone();
    }
    other.is_some()
}

/// Whether a value has so many bits, its sign included.
fn fits(value: i32, bits: u32) -> bool {
    value == value << (WIDE_SUM - bits) >> (WIDE_SUM - bits)
}

/// A left shift of the sum is one of weights and bias, where there is room in the weights.
fn shift_weights(channel: &mut Channel) {
    let left = channel.param.shift;
    let room = |w: &i8| i32::from(*w).abs() << left.min(8) <= 127;
    if (1..8).contains(&left) && channel.weights.iter().all(room) {
        channel.weights.iter_mut().for_each(|w| *w <<= left);
        channel.param.bias = channel.param.bias.wrapping_shl(left as u32);
        channel.param.shift = 0;
    }
}

/// The sums with bias that a channel can have.
struct Sums {
    least: i32,
    most: i32,
}

impl Sums {
    /// `None` when they do not fit 32 bits: then they wrap, in the software too.
    fn of(channel: &Channel) -> Option<Self> {
        let part = |end: fn(i64) -> i64| {
            channel
                .weights
                .iter()
                .map(move |w| end((*w).into()))
                .sum::<i64>()
        };
        let (positive, negative) = (part(|w| w.max(0)), part(|w| w.min(0)));
        let bias = i64::from(channel.param.bias);
        let least = bias + positive * -128 + negative * 127;
        let most = bias + positive * 127 + negative * -128;
        Some(Sums {
            least: least.try_into().ok()?,
            most: most.try_into().ok()?,
        })
    }

    /// Whether clamping to `bits` bits changes no output.
    fn fit(&self, channel: &Channel, bits: u32) -> bool {
        let (low, high) = (i32::MIN >> (32 - bits), i32::MAX >> (32 - bits));
        let same = |sum: i32| output(channel, sum) == output(channel, sum.clamp(low, high));
        channel.param.shift <= 0 && same(self.least) && same(self.most)
    }

    /// A channel with one output, whatever its input: without weights, and with a sum that gives the output.
    fn constant(&self, channel: &Channel) -> Option<Channel> {
        if !self.monotone(channel) || output(channel, self.least) != output(channel, self.most) {
            return None;
        }
        let value = output(channel, self.least) - channel.zero;
        let mut constant = channel.clone();
        constant.weights.fill(0);
        // (2 v 2^30 + 2^30) >> 31 = v
        constant.param = Param {
            bias: 2 * value,
            multiplier: 1 << 30,
            shift: 0,
        };
        debug_assert_eq!(output(&constant, 2 * value), output(channel, self.least));
        Some(constant)
    }

    /// A channel with few outputs far from zero: steps narrower by a power of two bring them nearer, and the bias follows. Right
    /// when every output begins at the same sum as before.
    fn finer(&self, channel: &Channel, bits: u32) -> Option<Channel> {
        if !self.monotone(channel) {
            return None;
        }
        let (first, last) = (output(channel, self.least), output(channel, self.most));
        let begins = |c: &Channel, value: i32, moved: i64| {
            let ends = [self.least, self.most].map(|end| i64::from(end) + moved);
            begin(c, value, ends)
        };
        let wanted: Vec<i64> = (first + 1..=last)
            .map(|value| begins(channel, value, 0))
            .collect::<Option<_>>()?;
        (1..=-channel.param.shift).find_map(|finer| {
            let mut other = channel.clone();
            other.param.shift += finer;
            // where the first step would be of its own accord decides the bias
            let own = begin(&other, first + 1, [-(1 << 30), 1 << 30])?;
            let moved = own - wanted.first()?;
            other.param.bias = i32::try_from(i64::from(channel.param.bias) + moved).ok()?;
            let sums = Sums::of(&other)?;
            let ends = [sums.least, sums.most].map(|sum| output(&other, sum));
            let right = ends == [first, last]
                && (first + 1..=last)
                    .zip(&wanted)
                    .all(|(value, want)| begins(&other, value, moved) == Some(want + moved));
            (right && sums.fit(&other, bits)).then_some(other)
        })
    }

    /// Whether outputs rise with the sums: a left shift may wrap.
    fn monotone(&self, channel: &Channel) -> bool {
        let left = channel.param.shift.max(0);
        [self.least, self.most]
            .into_iter()
            .all(|sum| (i64::from(sum) << left) >> 31 == -i64::from(sum < 0))
    }
}

/// The least sum between two whose output is at least `value`.
fn begin(channel: &Channel, value: i32, [mut low, mut high]: [i64; 2]) -> Option<i64> {
    let reached = |sum: i64| Some(output(channel, i32::try_from(sum).ok()?) >= value);
    if !reached(high)? {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if reached(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// Output of a sum with its bias.
fn output(channel: &Channel, sum: i32) -> i32 {
    let p = &channel.param;
    let value = quant::requant(sum, p.multiplier, p.shift);
    value
        .saturating_add(channel.zero)
        .clamp(channel.low, channel.high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(weights: &[i8], bias: i32, multiplier: i32, shift: i32, zero: i32) -> Channel {
        Channel::plain(
            weights.to_vec(),
            Param {
                bias,
                multiplier,
                shift,
            },
            zero,
        )
    }

    /// Outputs for every sum of products that the weights can make, and some that they cannot.
    fn outputs(channel: &Channel, bits: u32) -> Vec<i32> {
        let reach: i64 = channel
            .weights
            .iter()
            .map(|w| i64::from(*w).abs() * 128)
            .sum();
        let step = (reach / 50_000).max(1) as usize;
        (-reach..=reach)
            .step_by(step)
            .map(|products| {
                // a channel that has become constant has no products
                let sum = i64::from(channel.param.bias) + products;
                let sum = sum.clamp(
                    i64::from(i32::MIN >> (32 - bits)),
                    i64::from(i32::MAX >> (32 - bits)),
                );
                output(channel, sum as i32)
            })
            .collect()
    }

    #[test]
    fn a_channel_that_fits_stays_as_it_is() {
        let before = channel(&[100, -100], 1000, 0x5a82_799a, -7, 3);
        let mut after = before.clone();
        assert!(adapt(&mut after, 18, WIDE_SUM));
        assert_eq!(
            (after.param, &after.weights),
            (before.param, &before.weights)
        );
    }

    #[test]
    fn a_constant_channel_loses_its_weights() {
        for (bias, zero) in [(1 << 29, -128), (-(1 << 29), 5), (1 << 27, 5)] {
            let before = channel(&[1, -1], bias, 0x5a82_799a, -24, zero);
            let mut after = before.clone();
            assert!(adapt(&mut after, 18, WIDE_SUM));
            assert!(after.weights.iter().all(|w| *w == 0));
            let want = output(&before, before.param.bias);
            assert_eq!(output(&after, after.param.bias), want);
            assert_eq!(outputs(&before, 32), vec![want; outputs(&before, 32).len()]);
        }
    }

    /// The depthwise channel of VWW that is so: one step, 26.6 million from zero.
    #[test]
    fn a_step_far_from_zero_comes_nearer() {
        let weights = [68i8; 9];
        let before = channel(&weights, 26_558_476, 1_565_063_334, -20, -128);
        let mut after = before.clone();
        assert!(!adapt(&mut after.clone(), 19, WIDE_SUM));
        assert!(adapt(&mut after, 23, WIDE_SUM));
        let all = outputs(&before, 32);
        assert_ne!(all.first(), all.last());
        assert_eq!(outputs(&after, 23), all);
    }

    #[test]
    fn a_channel_with_all_outputs_and_long_sums_is_refused() {
        let before = channel(&[127; 64], 0, 1 << 30, -13, 0);
        assert!(!adapt(&mut before.clone(), 18, WIDE_SUM));
        assert!(adapt(&mut before.clone(), 24, WIDE_SUM));
    }

    #[test]
    fn left_shifts_go_into_the_weights_or_are_for_wide_sums() {
        let before = channel(&[3, -31], 5, 0x5a82_799a, 2, 0);
        let mut after = before.clone();
        assert!(adapt(&mut after, 24, WIDE_SUM));
        assert_eq!(
            (after.weights.as_slice(), after.param.shift),
            (&[12, -124][..], 0)
        );
        for products in -4096..4096 {
            let want = output(&before, before.param.bias + products);
            assert_eq!(output(&after, after.param.bias + 4 * products), want);
        }
        assert!(!adapt(
            &mut channel(&[3, 32], 0, 1 << 30, 2, 0),
            24,
            WIDE_SUM
        ));
    }

    #[test]
    fn a_bias_that_serial_lanes_have_no_bits_for_is_refused_or_of_one_output() {
        // all sums are beyond the clamp, on one side
        let mut far = channel(&[1, -1], 9_000_000, 1 << 30, -4, 0);
        let want = output(&far, far.param.bias);
        assert!(adapt(&mut far, 24, SERIAL_BIAS_BITS));
        assert_eq!(outputs(&far, 24), vec![want; outputs(&far, 24).len()]);
        // sums on both sides of it
        let both = channel(&[127; 600], 9_000_000, 1 << 30, -15, 0);
        assert!(adapt(&mut both.clone(), 24, WIDE_SUM));
        assert!(!adapt(&mut both.clone(), 24, SERIAL_BIAS_BITS));
    }

    #[test]
    fn a_channel_with_sums_beyond_the_accumulator_is_refused() {
        let lanes = Lanes {
            sum_bits: 18,
            acc_bits: 20,
            cycles: 4,
            engine: "pointwise",
            sum_bits_field: "pointwise.sum_bits",
        };
        // outputs are at the clamp's ends long before
        let mut longest = channel(&[127; 32], 0, 1 << 30, 0, 0);
        assert!(adapt(&mut longest.clone(), 18, SERIAL_BIAS_BITS));
        assert!(lanes.take(&mut longest));
        let mut longer = channel(&[127; 33], 0, 1 << 30, 0, 0);
        assert!(adapt(&mut longer.clone(), 18, SERIAL_BIAS_BITS));
        assert!(!lanes.take(&mut longer));
        assert!(lanes.with(19).take(&mut longer));
    }
}
