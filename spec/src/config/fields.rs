// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fields of a configuration file: one row is one field, its default and the one rule that bounds it.
//!
//! Checks, defaults, the written YAML and the table in `docs/configuration.md` all come from [`FIELDS`]. A rule may look at
//! fields in rows above its own, never below: rows are checked and filled in from top to bottom.

use alloc::{format, string::String};

use super::{Multiplier, Values, WIDE_SUM};

/// The numbers that a rule allows.
#[derive(Clone, Copy)]
pub enum Limit {
    /// Every whole number from the first to the second.
    Range(u32, u32),
    /// Only these numbers, in rising order.
    OneOf(&'static [u32]),
    /// From 1 to a number that fields above give; the text names it.
    UpTo(fn(&Values) -> u32, &'static str),
    /// From 0 to a number that fields above give; the text names it.
    AtMost(fn(&Values) -> u32, &'static str),
    /// 0, or the number that fields above give; the text names it.
    NoneOr(fn(&Values) -> u32, &'static str),
    /// 1, or the number that fields above give; the text names it.
    OneOr(fn(&Values) -> u32, &'static str),
    /// The numbers that fields above give, in rising order; the text names all.
    Among(fn(&Values) -> &'static [u32], &'static str),
    /// One of these names, which stand for 0, 1 and so on.
    Named(&'static [&'static str]),
}

/// What a field has when the file does not give it.
#[derive(Clone, Copy)]
pub enum Fallback {
    /// The file must give it.
    Required,
    /// This number.
    Value(u32),
    /// 0: none of what the field is about. Neither a written file nor the fingerprint says so, as those of the time before the field.
    Off,
    /// This number. A fingerprint does not say 0, as those of the time before the field, whose hardware 0 keeps.
    New(u32),
    /// A number that fields above give; the text names it.
    From(fn(&Values) -> u32, &'static str),
}

/// One field: where it stands, what it means, what it may be.
pub struct Field {
    /// Section of the file.
    pub section: &'static str,
    /// Key inside the section.
    pub name: &'static str,
    /// Meaning, in half a line.
    pub meaning: &'static str,
    /// Id of the rule.
    pub rule: &'static str,
    /// What the rule allows.
    pub limit: Limit,
    /// Why the rule is, where that is not plain.
    pub why: &'static str,
    /// Value when absent.
    pub default: Fallback,
    /// A sensible value, shown when the field is missing.
    pub example: u32,
    pub(super) get: fn(&Values) -> u32,
    pub(super) slot: fn(&mut Values) -> &mut u32,
}

impl Limit {
    /// The allowed number that is nearest to `value`: `value` itself exactly when the rule holds.
    pub(super) fn nearest(&self, value: u32, above: &Values) -> u32 {
        match *self {
            Limit::Range(low, high) => value.clamp(low, high),
            Limit::UpTo(high, _) => value.clamp(1, high(above)),
            Limit::AtMost(high, _) => value.min(high(above)),
            Limit::NoneOr(number, _) if value == 0 || number(above) == 0 => 0,
            Limit::NoneOr(number, _) => number(above),
            Limit::OneOr(..) if value <= 1 => 1,
            Limit::OneOr(number, _) => number(above),
            Limit::Named(names) => value.min(names.len() as u32 - 1),
            Limit::OneOf(choices) => nearest_of(choices, value),
            Limit::Among(choices, _) => nearest_of(choices(above), value),
        }
    }

    /// The least and the largest number that the rule allows, with the numbers that fields above give.
    pub fn span(&self, above: &Values) -> (u32, u32) {
        let ends = |choices: &[u32]| match *choices {
            [first, .., last] => (first, last),
            [only] => (only, only),
            [] => (0, 0),
        };
        match *self {
            Limit::Range(low, high) => (low, high),
            Limit::UpTo(high, _) => (1, high(above)),
            Limit::AtMost(high, _) => (0, high(above)),
            Limit::NoneOr(number, _) => (0, number(above)),
            Limit::OneOr(number, _) => (1, number(above)),
            Limit::OneOf(choices) => ends(choices),
            Limit::Among(choices, _) => ends(choices(above)),
            Limit::Named(names) => (0, names.len() as u32 - 1),
        }
    }

    /// The allowed numbers in words, without knowledge of other fields.
    pub fn sentence(&self) -> String {
        match *self {
            Limit::Range(low, high) => format!("a whole number from {low} to {high}"),
            Limit::UpTo(_, name) => format!("a whole number from 1 to {name}"),
            Limit::AtMost(_, name) => format!("a whole number from 0 to {name}"),
            Limit::NoneOr(_, name) => format!("0 or {name}"),
            Limit::OneOr(_, name) => format!("1 or {name}"),
            Limit::Among(_, all) => all.into(),
            Limit::OneOf(choices) => one_of(choices.iter()),
            Limit::Named(names) => one_of(names.iter()),
        }
    }

    /// A value as a configuration file has it.
    pub fn show(&self, value: u32) -> String {
        let name = match *self {
            Limit::Named(names) => names.get(value as usize).copied(),
            _ => None,
        };
        name.map_or_else(|| format!("{value}"), String::from)
    }

    /// The value of a text that is a name.
    #[cfg(feature = "std")]
    pub(super) fn named(&self, text: &str) -> Option<u32> {
        let Limit::Named(names) = *self else {
            return None;
        };
        let at = names.iter().position(|name| *name == text)?;
        Some(at as u32)
    }

    /// The allowed numbers in words, with the numbers that fields above give.
    fn sentence_for(&self, above: &Values) -> String {
        match *self {
            Limit::UpTo(high, name) => {
                format!("a whole number from 1 to {}, which is {name}", high(above))
            }
            Limit::AtMost(high, name) => {
                format!("a whole number from 0 to {}, which is {name}", high(above))
            }
            Limit::NoneOr(number, name) => format!("0, or {}, which is {name}", number(above)),
            Limit::OneOr(number, name) => format!("1, or {}, which is {name}", number(above)),
            _ => self.sentence(),
        }
    }
}

fn nearest_of(choices: &[u32], value: u32) -> u32 {
    let distance = |choice: &u32| choice.abs_diff(value);
    let nearest = choices.iter().copied().min_by_key(distance);
    nearest.unwrap_or(value)
}

/// Choices as `a, b or c`.
fn one_of(choices: impl ExactSizeIterator<Item = impl core::fmt::Display>) -> String {
    let count = choices.len();
    let mut text = String::new();
    for (i, choice) in choices.enumerate() {
        let join = match i {
            0 => "",
            _ if i + 1 == count => " or ",
            _ => ", ",
        };
        text += &format!("{join}{choice}");
    }
    text
}

impl Field {
    /// What the rule allows, and why.
    pub fn sentence(&self) -> String {
        self.explain(self.limit.sentence())
    }

    /// The same, with the numbers that fields above give.
    pub(super) fn sentence_for(&self, above: &Values) -> String {
        self.explain(self.limit.sentence_for(above))
    }

    fn explain(&self, sentence: String) -> String {
        match self.why {
            "" => sentence,
            why => format!("{sentence} ({why})"),
        }
    }

    /// The row of a field by its section and name, as `memory.line_words`.
    pub fn find(path: &str) -> Option<&'static Field> {
        let (section, name) = path.split_once('.')?;
        let is_it = |field: &&Field| field.section == section && field.name == name;
        FIELDS.iter().find(is_it)
    }

    /// The default in words; `required` when there is none.
    pub fn default_text(&self) -> String {
        match self.default {
            Fallback::Required => "required".into(),
            Fallback::Value(value) | Fallback::New(value) => self.limit.show(value),
            Fallback::Off => self.limit.show(0),
            Fallback::From(_, name) => name.into(),
        }
    }

    /// Files have this value of the field.
    pub(super) fn is_written(&self, value: u32) -> bool {
        value != 0 || !matches!(self.default, Fallback::Off)
    }
    /// Fingerprints are older than the field: they have its name, and only where it is not 0.
    pub(super) fn is_newer(&self) -> bool {
        matches!(self.default, Fallback::Off | Fallback::New(_))
    }
}

/// Builds a row; keeps the table below free of accessor noise.
macro_rules! field {
    ($section:literal, $name:literal, $member:ident, $meaning:literal,
     $rule:literal, $limit:expr, $why:expr, $default:expr, $example:expr) => {
        Field {
            section: $section,
            name: $name,
            meaning: $meaning,
            rule: $rule,
            limit: $limit,
            why: $why,
            default: $default,
            example: $example,
            get: |values| values.$member,
            slot: |values| &mut values.$member,
        }
    };
}

use Fallback::{From, New, Off, Required, Value};
use Limit::{Among, AtMost, Named, NoneOr, OneOf, OneOr, Range, UpTo};

/// Bits of sums that requantisers are made for: from 18, two multiplier blocks of 18x18 bits a lane; each further bit is a row of
/// LUTs. 32 takes four blocks.
pub const SUM_BITS: [u32; 8] = [18, 19, 20, 21, 22, 23, 24, WIDE_SUM];
/// Cycles in which a lane takes a sum. More than [`timing::RESET`](crate::timing::RESET) would not outlast.
pub const REQUANT_CYCLES: [u32; 3] = [1, 4, 8];
const REQUANT_CYCLES_WHY: &str = "with 4 a lane takes one DSP block of 16x16 bits; with 8 none, and multiplies by 4 bits in a cycle, in LUTs";

/// What a lane for sums of so many bits may take.
const fn requant_cycles(sum_bits: u32) -> &'static [u32] {
    if sum_bits == WIDE_SUM {
        &[1]
    } else {
        &REQUANT_CYCLES
    }
}

/// What may be chosen, if it may.
const fn choice(may: bool) -> &'static [u32] {
    if may { &[0, 1] } else { &[0] }
}

/// Numbers of tables: one of them is the identity.
pub const TABLES: [u32; 9] = [0, 2, 4, 8, 16, 32, 64, 128, 256];
const TABLES_WHY: &str = "with 0, activations that no clamp makes (hard-swish, sigmoid, ..) do not run on the accelerator; each lane has a memory for all of them, one of which is the identity";

const SUM_BITS_WHY: &str = "below 32 a lane takes two DSP blocks, not four; the compiler checks that the outputs are the same";

/// Every field, in the order of the file.
#[rustfmt::skip]
pub const FIELDS: [Field; 33] = [
    field!("pointwise", "tn", tn, "input channels per cycle of the pointwise array",
        "tn-range", Range(1, 64), "", Required, 16),
    field!("pointwise", "tm", tm, "output channels per cycle of the pointwise array",
        "tm-range", Range(1, 64), "", Required, 8),
    field!("pointwise", "tp", tp, "pixels that share one weight fetch",
        "tp-range", Range(1, 8), "the array is tn x tm x tp products", Value(1), 1),
    field!("pointwise", "multiplier", pw_multiplier, "what multiplies: DSP blocks, LUTs, or DSP blocks for two output channels each",
        "pointwise-multiplier-choice", Named(&Multiplier::NAMES),
        "packed, and plain where both requant_cycles are above 1, take weights from -127 to 127, as TensorFlow Lite makes them", Value(0), 0),
    field!("pointwise", "lut_channels", pw_lut_channels, "output channels, the last ones, that are multiplied in LUTs whatever multiplies the others",
        "pointwise-lut-channels-range", AtMost(|v| v.tm, "pointwise.tm"), "for arrays that DSP blocks do not suffice for; packed takes the others by twos, so an even number is left to it", Off, 0),
    field!("pointwise", "requant", pw_requant, "requantisation lanes behind the pointwise array, for each of the tp pixels",
        "pointwise-requant-range", UpTo(|v| v.tm.min(64 / v.tp.max(1)), "the smaller of pointwise.tm and 64 / pointwise.tp"),
        "more lanes than sums would idle, and a memory word holds at most 64 outputs; where tm is 1, residual and expand_words 0 and both requant_cycles above 1, one lane takes the sums of all tp pixels",
        From(|v| v.tm.min(64 / v.tp.max(1)), "pointwise.tm, at most 64 / pointwise.tp"), 8),
    field!("pointwise", "sum_bits", pw_sum_bits, "bits of a sum with its bias that these lanes take",
        "pointwise-sum-bits-choice", OneOf(&SUM_BITS), SUM_BITS_WHY, Value(WIDE_SUM), WIDE_SUM),
    field!("pointwise", "requant_cycles", pw_requant_cycles, "cycles in which each of these lanes takes a sum",
        "pointwise-requant-cycles-choice",
        Among(|v| requant_cycles(v.pw_sum_bits), "1, 4 or 8, and 1 where pointwise.sum_bits is 32"),
        REQUANT_CYCLES_WHY, Value(1), 1),
    field!("pointwise", "rounding", pw_rounding, "how often each of these lanes rounds: always twice, or once where the program says so",
        "pointwise-rounding-choice", Named(&["twice", "either"]),
        "LiteRT's FULLY_CONNECTED rounds once; either takes a few LUTs a lane, and twice does for what rounds twice and for some of the rest", New(1), 1),
    field!("pointwise", "tables", pw_tables, "functions of an output byte behind these lanes, summed over a program: tables of 256 bytes",
        "pointwise-tables-choice", OneOf(&TABLES), TABLES_WHY, Off, 32),
    field!("pointwise", "residual", residual, "lanes that add a residual map to the outputs",
        "residual-choice", NoneOr(|v| v.pw_requant, "pointwise.requant"),
        "without them a network with ADD does not run", From(|v| v.pw_requant, "pointwise.requant"), 8),
    field!("depthwise", "lanes", lanes, "channels per cycle of the depthwise engine",
        "lanes-range", Range(1, 32), "", Required, 8),
    field!("depthwise", "taps", taps, "products per lane and cycle",
        "taps-choice", OneOf(&[1, 3, 9]),
        "one product, one kernel column or one 3x3 window", Required, 3),
    field!("depthwise", "pairs", pairs, "1: two pixels side by side share the lanes where a pixel has half as many channels",
        "pairs-choice",
        Among(|v| choice(v.lanes > 1 && v.lanes.is_power_of_two()), "0 or 1, and 0 where depthwise.lanes is no power of two from 2 on"),
        "a pair then takes the cycles of a pixel; costs a choice of two in front of each product", Off, 1),
    field!("depthwise", "gather_rows", gather_rows, "kernel rows that convolutions of few channels take per cycle",
        "gather-rows-choice", OneOr(|v| v.taps.min(3), "the smaller of depthwise.taps and 3"),
        "several rows are read at once only where depthwise.taps needs them", Value(1), 3),
    field!("depthwise", "multiplier", dw_multiplier, "what multiplies: DSP blocks or LUTs",
        "depthwise-multiplier-choice", Named(&["plain", "lut"]), "", Value(0), 0),
    field!("depthwise", "lut_lanes", dw_lut_lanes, "lanes, the last ones, that are multiplied in LUTs whatever multiplies the others",
        "depthwise-lut-lanes-range", AtMost(|v| v.lanes, "depthwise.lanes"), "for engines that DSP blocks do not suffice for", Off, 0),
    field!("depthwise", "requant", dw_requant, "requantisation lanes behind the depthwise engine",
        "depthwise-requant-range",
        UpTo(|v| v.lanes.min(v.tn), "the smaller of depthwise.lanes and pointwise.tn"),
        "the pixel buffer takes at most pointwise.tn bytes per cycle",
        From(|v| v.lanes.div_ceil(v.taps).min(v.tn), "ceil(lanes / taps), at most pointwise.tn"), 3),
    field!("depthwise", "sum_bits", dw_sum_bits, "bits of a sum with its bias that these lanes take",
        "depthwise-sum-bits-choice", OneOf(&SUM_BITS), SUM_BITS_WHY, Value(WIDE_SUM), WIDE_SUM),
    field!("depthwise", "requant_cycles", dw_requant_cycles, "cycles in which each of these lanes takes a sum",
        "depthwise-requant-cycles-choice",
        Among(|v| requant_cycles(v.dw_sum_bits), "1, 4 or 8, and 1 where depthwise.sum_bits is 32"),
        REQUANT_CYCLES_WHY, Value(1), 1),
    field!("depthwise", "max", dw_max, "the engine takes the maximum of a window, too",
        "depthwise-max-choice", OneOf(&[0, 1]), "without it a network with MAX_POOL_2D or REDUCE_MAX between layers does not run; it takes a few LUTs a tap", Off, 1),
    field!("depthwise", "tables", dw_tables, "functions of an output byte behind these lanes, summed over a program: tables of 256 bytes",
        "depthwise-tables-choice",
        Among(|v| if v.pw_tables > 0 { &TABLES } else { &[0] }, "0, 2, 4, 8, 16, 32, 64, 128 or 256, and 0 where pointwise.tables is 0"),
        "with 0, functions of a window's outputs are made behind the array, by a command of their own", Off, 32),
    field!("memory", "activation_kib", activation_kib, "activation memory in KiB",
        "activation-kib-range", Range(1, 4096), "", Required, 96),
    field!("memory", "weight_kib", weight_kib, "pointwise weight memory in KiB",
        "weight-kib-range", Range(1, 16384), "", Required, 256),
    field!("memory", "depthwise_kib", depthwise_kib, "depthwise weight memory in KiB",
        "depthwise-kib-range", Range(1, 1024), "", Value(16), 16),
    field!("memory", "pointwise_channels", pointwise_channels,
        "output channels, summed over a program, whose pointwise requantisation parameters fit",
        "pointwise-channels-range", Range(16, 65536), "", Value(4096), 4096),
    field!("memory", "depthwise_channels", depthwise_channels,
        "channels, summed over a program, whose depthwise requantisation parameters fit",
        "depthwise-channels-range", Range(16, 65536), "", Value(2048), 2048),
    field!("memory", "line_words", line_words, "words in each row bank of the line buffer",
        "line-words-range", Range(16, 8192), "", Value(512), 512),
    field!("memory", "pixel_words", pixel_words, "words of tn bytes in the pixel buffer",
        "pixel-words-range", Range(4, 8192), "", Value(512), 512),
    field!("memory", "expand_words", expand_words, "words of tn bytes in the pixel buffer of expanding layers",
        "expand-words-range", Range(0, 8192), "with 0, inverted residuals run layer by layer", Value(64), 64),
    field!("memory", "commands", commands, "commands that the program memory holds",
        "commands-range", Range(1, 4096), "", Value(64), 64),
    field!("memory", "map_size", map_size, "most rows or columns of a map with its padding",
        "map-size-range", Range(4, 65535), "their counters have as many bits as it needs: 63, 127, 255 and so on use all of them", Value(65535), 127),
    field!("memory", "commands_ahead", commands_ahead, "commands that are fetched and begun before the one at work is done",
        "commands-ahead-range",
        Among(|v| choice(v.pw_requant_cycles.min(v.dw_requant_cycles) == 1), "0 or 1, and 0 where both requant_cycles are above 1"),
        "the fields of one more are held, a flip-flop a bit", Off, 1),
];
