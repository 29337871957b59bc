// SPDX-License-Identifier: MIT OR Apache-2.0
//! Channels for engines with limits: requantisers that take sums of few bits, multipliers that take no weight of -128.
//!
//! A requantiser clamps a sum with its bias to N bits. That changes no output when the sums behind both ends of these bits have the
//! outputs of the ends: requantisation is monotone, so one comparison at each end proves it for every sum that the weights and
//! int8 inputs can make. A channel whose sums go beyond, or whose outputs follow another arithmetic than the requantiser's, may have
//! the same outputs with other parameters, which are then taken ([`crate::requantise`]).

use super::params::Channel;
use crate::error::Error;
use crate::misfit::{Misfit, Setting};
use crate::requantise::{Steps, Takes};
use crate::rule::{LayerRef, Violation};
use sepstream_spec::config::{Multiplier, SUM_BITS, WIDE_SUM};
use sepstream_spec::graph::{Graph, Layer, Missing};
use sepstream_spec::isa::{Param, SERIAL_BIAS_BITS};
use sepstream_spec::quant::{Requantisation, Rounding, Scaling};

/// Roundings of lanes that always round twice.
pub const TWICE: &[Rounding] = &[Rounding::Twice];
/// Roundings of lanes that round as the parameters say.
pub const EITHER: &[Rounding] = &[Rounding::Twice, Rounding::Once];

/// What an engine's requantisers take.
#[derive(Clone, Copy, Debug)]
pub struct Lanes {
    /// Bits of a sum with its bias.
    pub sum_bits: u32,
    /// Bits of a sum before its bias, where the accumulator has fewer than any sum.
    pub acc_bits: u32,
    /// Cycles for a sum: with more than one a bias has [`SERIAL_BIAS_BITS`] bits.
    pub cycles: u32,
    /// How they round.
    pub roundings: &'static [Rounding],
    /// The engine.
    pub engine: &'static str,
    /// The field of a configuration file that `sum_bits` is.
    pub sum_bits_field: &'static str,
    /// The field that lets them round once, where there is one.
    pub rounding_field: Option<&'static str>,
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
    /// What a channel needs that they do not take.
    fn needs(self, channel: &Channel) -> Needs {
        let takes = |lanes: Lanes| lanes.take(&mut channel.clone());
        let once = Lanes {
            roundings: match self.rounding_field {
                Some(_) => EITHER,
                None => self.roundings,
            },
            ..self
        };
        if takes(once) {
            return Needs::Once;
        }
        let more = SUM_BITS.into_iter().filter(|more| *more > self.sum_bits);
        // more bits may come with fewer cycles for a sum, and a longer bias
        let wider = |more: u32| {
            let cycles = if more == WIDE_SUM { 1 } else { self.cycles };
            takes(Lanes { cycles, ..once }.with(more))
        };
        more.into_iter()
            .find(|more| wider(*more))
            .map_or(Needs::More, Needs::Bits)
    }
    /// Gives a channel the right outputs, with other parameters if need be; whether it has them.
    fn take(self, channel: &mut Channel) -> bool {
        adapt(channel, &self) && self.accumulate(channel)
    }
    /// Whether no sum of a channel's products has more bits than the accumulator.
    fn accumulate(self, channel: &Channel) -> bool {
        let mut plain = channel.clone();
        plain.param.bias = 0;
        let ends = Sums::of(&plain).map(|sums| [sums.least, sums.most]);
        let (low, high) = self::ends(self.acc_bits);
        ends.is_some_and(|ends| ends.iter().all(|end| (low..=high).contains(end)))
    }
    /// The same in the terms of a sum with its bias.
    fn takes(self) -> Takes {
        let bias_bits = match self.cycles {
            1 => WIDE_SUM,
            _ => SERIAL_BIAS_BITS,
        };
        Takes {
            sums: ends(self.sum_bits),
            biases: ends(bias_bits),
            roundings: self.roundings,
        }
    }
}

/// Gives a channel the outputs of its own arithmetic on a processor, which rounds the product of any sum once; whether it has them.
pub fn round_once(channel: &mut Channel) -> bool {
    let processor = Lanes {
        sum_bits: WIDE_SUM,
        acc_bits: WIDE_SUM,
        cycles: 1,
        roundings: &[Rounding::Once],
        engine: "processor",
        sum_bits_field: "",
        rounding_field: None,
    };
    adapt(channel, &processor)
}

/// What channels need that an engine's requantisers do not give, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    /// A single rounding.
    Once,
    /// Sums of so many bits.
    Bits(u32),
    /// What no lanes have.
    More,
}

/// Makes all channels fit an engine's requantisers.
///
/// # Errors
/// When a channel needs more than they give: it names the first that needs the most.
pub fn fit(
    graph: &Graph,
    layer: &Layer,
    channels: &mut [Channel],
    lanes: Lanes,
) -> Result<(), Error> {
    let mut worst = None;
    for (c, channel) in channels.iter_mut().enumerate() {
        if !lanes.take(channel) {
            worst = worst.max(Some((lanes.needs(channel), std::cmp::Reverse(c))));
        }
    }
    let Some((needs, std::cmp::Reverse(c))) = worst else {
        return Ok(());
    };
    let whose = graph.semantics.reference();
    let (needs, has, setting) = match (needs, lanes.rounding_field) {
        (Needs::Bits(bits), _) => (
            format!("sums of {bits} bits in output channel {c}"),
            format!("{} bits", lanes.sum_bits),
            Setting::new(lanes.sum_bits_field, bits),
        ),
        (Needs::Once, Some(field)) => (
            format!("one rounding in output channel {c}, to equal {whose}"),
            "two".into(),
            Setting::new(field, 1),
        ),
        _ => return Err(no_parameters(graph, layer, c)),
    };
    let what = format!("{} requantiser", lanes.engine);
    Err(too_small(graph, layer, &what, needs, has, setting))
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

/// The rule of layers whose channels all have parameters.
pub const PARAMETERS: &str = "requantisation-parameters";

/// No requantiser has parameters for a channel.
fn no_parameters(graph: &Graph, layer: &Layer, channel: usize) -> Error {
    let missing = Missing {
        rule: PARAMETERS,
        found: format!("output channel {channel}"),
        supported: "A layer that rounds once has, for every output channel, a multiplier of 31 bits that gives its outputs for every sum, \
                    and no sum beyond 32 bits; with --semantics tflm layers round twice.",
    };
    Error::Unsupported {
        model: graph.name.clone(),
        violations: vec![Violation::new(LayerRef::of(graph, layer), missing)],
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

/// Gives a channel the right outputs, with other parameters if need be; whether it has them.
fn adapt(channel: &mut Channel, lanes: &Lanes) -> bool {
    let exact = matches!(channel.scaling, Scaling::Fixed(_));
    if exact && lanes.sum_bits == WIDE_SUM {
        return true;
    }
    // what rounds twice has no use for one rounding
    let lanes = &Lanes {
        roundings: if exact { TWICE } else { lanes.roundings },
        ..*lanes
    };
    shift_weights(channel);
    let sums = match Sums::of(channel) {
        Some(sums) => sums,
        // sums that do not fit 32 bits wrap, in the software too: lanes that take all of those do as well, for every one
        None if lanes.sum_bits == WIDE_SUM => Sums::ANY,
        None => return false,
    };
    if exact && sums.fit(channel, lanes.sum_bits) && lanes.takes().bias(channel.param.bias) {
        return true;
    }
    let other = Steps::new(channel.wanted(), sums.least, sums.most).and_then(|steps| {
        match steps.constant() {
            Some(output) => constant(channel, output, lanes),
            None => other(channel, &sums, &steps, lanes),
        }
    });
    let found = other.is_some();
    if let Some(other) = other {
        *channel = other;
    }
    found
}

/// A left shift of the sum is one of weights and bias, where there is room in the weights.
fn shift_weights(channel: &mut Channel) {
    let left = channel.scaling.left();
    let room = |w: &i8| i32::from(*w).abs() << left.min(8) <= 127;
    // left shifts of integers wrap, factors in floating point do not
    let wraps = matches!(channel.scaling, Scaling::Fixed(_));
    let keeps = channel.param.bias << left.min(8) >> left.min(8) == channel.param.bias;
    if (1..8).contains(&left) && (wraps || keeps) && channel.weights.iter().all(room) {
        channel.weights.iter_mut().for_each(|w| *w <<= left);
        channel.param.bias = channel.param.bias.wrapping_shl(left as u32);
        channel.param.shift = 0;
        channel.scaling = channel.scaling.of_shifted(left);
    }
}

/// A channel with one output, whatever its input: without weights, and with a sum that gives the output.
fn constant(channel: &Channel, output: i32, lanes: &Lanes) -> Option<Channel> {
    let value = output - channel.zero;
    let mut constant = channel.clone();
    constant.weights.fill(0);
    // (2 v 2^30 + 2^30) >> 31 = v
    constant.param = Param {
        bias: 2 * value,
        multiplier: 1 << 30,
        ..Param::default()
    };
    lanes.takes().bias(2 * value).then_some(constant)
}

/// The channel with parameters that lanes have for its steps.
fn other(channel: &Channel, sums: &Sums, steps: &Steps, lanes: &Lanes) -> Option<Channel> {
    let mut other = channel.clone();
    let left = channel.scaling.left();
    if left == 0 {
        other.param = steps.parameters(channel.param.bias, &lanes.takes())?;
        return Some(other);
    }
    // wide lanes shift left: the steps of shifted sums, which are some of all
    if lanes.sum_bits < WIDE_SUM {
        return None;
    }
    let shifted = |sum: i32| i32::try_from(i64::from(sum) << left).ok();
    let wanted = Requantisation {
        scaling: channel.scaling.of_shifted(left),
        ..channel.wanted()
    };
    let (least, most) = (shifted(sums.least)?, shifted(sums.most)?);
    let param = Steps::new(wanted, least, most)?.parameters(0, &lanes.takes())?;
    if (param.bias, param.shift) != (0, 0) {
        return None;
    }
    other.param = Param {
        bias: channel.param.bias,
        shift: left,
        ..param
    };
    Some(other)
}

/// The sums with bias that a channel can have.
struct Sums {
    least: i32,
    most: i32,
}

impl Sums {
    /// All of 32 bits.
    const ANY: Sums = Sums {
        least: i32::MIN,
        most: i32::MAX,
    };

    /// `None` when they do not fit 32 bits: then they wrap, in the software too.
    pub fn of(channel: &Channel) -> Option<Self> {
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

    /// Whether clamping to `bits` bits changes no output of a channel whose parameters give the wanted ones without.
    fn fit(&self, channel: &Channel, bits: u32) -> bool {
        let (low, high) = ends(bits);
        let same = |sum: i32| output(channel, sum) == output(channel, sum.clamp(low, high));
        channel.param.shift <= 0 && same(self.least) && same(self.most)
    }
}

/// Smallest and largest number of so many bits, its sign included.
fn ends(bits: u32) -> (i32, i32) {
    (i32::MIN >> (WIDE_SUM - bits), i32::MAX >> (WIDE_SUM - bits))
}

/// Output of a sum with its bias.
fn output(channel: &Channel, sum: i32) -> i32 {
    let value = channel.param.steps(sum);
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
                ..Param::default()
            },
            zero,
        )
    }

    /// Lanes for sums of `sum_bits` bits and a bias of `bias_bits`, which round twice.
    fn lanes(sum_bits: u32, bias_bits: u32) -> Lanes {
        Lanes {
            sum_bits,
            acc_bits: WIDE_SUM,
            cycles: if bias_bits == WIDE_SUM { 1 } else { 4 },
            roundings: TWICE,
            engine: "pointwise",
            sum_bits_field: "pointwise.sum_bits",
            rounding_field: Some("pointwise.rounding"),
        }
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
        assert!(adapt(&mut after, &lanes(18, WIDE_SUM)));
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
            assert!(adapt(&mut after, &lanes(18, WIDE_SUM)));
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
        assert!(!adapt(&mut after.clone(), &lanes(19, WIDE_SUM)));
        assert!(adapt(&mut after, &lanes(23, WIDE_SUM)));
        let all = outputs(&before, 32);
        assert_ne!(all.first(), all.last());
        assert_eq!(outputs(&after, 23), all);
    }

    #[test]
    fn a_channel_with_all_outputs_and_long_sums_is_refused() {
        let before = channel(&[127; 64], 0, 1 << 30, -13, 0);
        assert!(!adapt(&mut before.clone(), &lanes(18, WIDE_SUM)));
        assert!(adapt(&mut before.clone(), &lanes(24, WIDE_SUM)));
    }

    #[test]
    fn left_shifts_go_into_the_weights_or_are_for_wide_sums() {
        let before = channel(&[3, -31], 5, 0x5a82_799a, 2, 0);
        let mut after = before.clone();
        assert!(adapt(&mut after, &lanes(24, WIDE_SUM)));
        assert_eq!(
            (after.weights.as_slice(), after.param.shift),
            (&[12, -124][..], 0)
        );
        for products in -4096..4096 {
            let want = output(&before, before.param.bias + products);
            assert_eq!(output(&after, after.param.bias + 4 * products), want);
        }
        let full = &mut channel(&[3, 32], 0, 1 << 30, 2, 0);
        assert!(!adapt(full, &lanes(24, WIDE_SUM)));
    }

    #[test]
    fn a_bias_that_serial_lanes_have_no_bits_for_is_refused_or_of_one_output() {
        // all sums are beyond the clamp, on one side
        let mut far = channel(&[1, -1], 9_000_000, 1 << 30, -4, 0);
        let want = output(&far, far.param.bias);
        assert!(adapt(&mut far, &lanes(24, SERIAL_BIAS_BITS)));
        assert_eq!(outputs(&far, 24), vec![want; outputs(&far, 24).len()]);
        // sums on both sides of it
        let both = channel(&[127; 600], 9_000_000, 1 << 30, -15, 0);
        assert!(adapt(&mut both.clone(), &lanes(24, WIDE_SUM)));
        assert!(!adapt(&mut both.clone(), &lanes(24, SERIAL_BIAS_BITS)));
    }

    /// Sums that are beyond the clamp at one end only, with another output there.
    #[test]
    fn each_end_of_the_sums_is_looked_at() {
        for bias in [-130_000, 130_000] {
            let before = channel(&[-127; 16], bias, 1 << 30, -10, 0);
            let mut after = before.clone();
            assert!(!adapt(&mut after, &lanes(18, WIDE_SUM)), "bias {bias}");
            assert!(adapt(&mut before.clone(), &lanes(20, WIDE_SUM)));
        }
    }

    /// Far beyond what 32 bits hold, where LiteRT's outputs are all alike; a bias that is shifted left must not wrap into other ones.
    #[test]
    fn a_bias_that_wraps_when_shifted_is_not_shifted() {
        let mut far = channel(&[1], -1_937_775_223, 1_705_258_324, 6, 0);
        far.scaling = Scaling::Double(50.82);
        let want = far.wanted().apply(far.param.bias);
        assert!(adapt(&mut far, &lanes(24, SERIAL_BIAS_BITS)));
        assert_eq!(output(&far, far.param.bias), want);
    }

    #[test]
    fn a_channel_with_sums_beyond_the_accumulator_is_refused() {
        let limited = Lanes {
            sum_bits: 18,
            acc_bits: 20,
            cycles: 4,
            engine: "pointwise",
            sum_bits_field: "pointwise.sum_bits",
            rounding_field: None,
            roundings: TWICE,
        };
        // outputs are at the clamp's ends long before
        let mut longest = channel(&[127; 32], 0, 1 << 30, 0, 0);
        assert!(adapt(&mut longest.clone(), &lanes(18, SERIAL_BIAS_BITS)));
        assert!(limited.take(&mut longest));
        let mut longer = channel(&[127; 33], 0, 1 << 30, 0, 0);
        assert!(adapt(&mut longer.clone(), &lanes(18, SERIAL_BIAS_BITS)));
        assert!(!limited.take(&mut longer));
        assert!(limited.with(19).take(&mut longer));
    }
}
