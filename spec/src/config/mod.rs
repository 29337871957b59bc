// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parallelism and memory configuration of one accelerator.
//!
//! [`Values`] holds the plain numbers as written by a user; [`Config`] can only be had by passing every rule, and derives
//! all widths and depths. Blocks, compiler and model take a `Config` and nothing else.
//!
//! The rules stand in [`FIELDS`], one row each; `docs/configuration.md` is the table of them.

mod check;
mod draw;
mod fields;
#[cfg(feature = "std")]
mod node;
mod violation;
#[cfg(feature = "std")]
mod yaml;

use core::fmt;

use crate::isa::param_parts;

pub use fields::{FIELDS, Fallback, Field, Limit, REQUANT_CYCLES, SUM_BITS, TABLES};
pub use violation::Violation;
#[cfg(feature = "std")]
pub use yaml::{RawConfig, closest};

/// Every number a user can choose; the file format has the same structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// Input channels per cycle of the pointwise array.
    pub tn: u32,
    /// Output channels per cycle of the pointwise array.
    pub tm: u32,
    /// Pixels that share one weight fetch.
    pub tp: u32,
    /// What multiplies in the pointwise array: the number of a [`Multiplier`].
    pub pw_multiplier: u32,
    /// Output channels, the last ones, that are multiplied in LUTs all the same.
    pub pw_lut_channels: u32,
    /// Requantisation lanes behind the pointwise array, for each of the `tp` pixels, or one for all: see [`Config::shares_requant`].
    pub pw_requant: u32,
    /// Bits to which these clamp a sum with its bias: see [`WIDE_SUM`].
    pub pw_sum_bits: u32,
    /// Cycles in which each takes a sum: with 4 it has one multiplier block, with 8 none.
    pub pw_requant_cycles: u32,
    /// How often each rounds: 0 always twice, 1 as the program says.
    pub pw_rounding: u32,
    /// Tables of functions of an output byte behind these lanes; 0: no such functions.
    pub pw_tables: u32,
    /// Lanes that add a residual map to the outputs: 0, or as many as `pw_requant`.
    pub residual: u32,
    /// Channels per cycle of the depthwise engine.
    pub lanes: u32,
    /// Products per lane and cycle: 1, 3 (one column) or 9 (one window).
    pub taps: u32,
    /// 1: two pixels side by side share the lanes where a pixel has half as many channels.
    pub pairs: u32,
    /// Kernel rows that convolutions of few channels take per cycle: 1, or 3 where the depthwise engine reads as many.
    pub gather_rows: u32,
    /// What multiplies in the depthwise engine: the number of a [`Multiplier`], not `Packed`.
    pub dw_multiplier: u32,
    /// Lanes, the last ones, that are multiplied in LUTs all the same.
    pub dw_lut_lanes: u32,
    /// Requantisation lanes behind the depthwise engine.
    pub dw_requant: u32,
    /// Bits to which these clamp a sum with its bias: see [`WIDE_SUM`].
    pub dw_sum_bits: u32,
    /// Cycles in which each takes a sum, as `pw_requant_cycles`.
    pub dw_requant_cycles: u32,
    /// The depthwise engine takes maxima, too: 0 or 1.
    pub dw_max: u32,
    /// Tables behind the depthwise engine's lanes, as `pw_tables`.
    pub dw_tables: u32,
    /// Activation memory in KiB.
    pub activation_kib: u32,
    /// Pointwise weight memory in KiB.
    pub weight_kib: u32,
    /// Depthwise weight memory in KiB.
    pub depthwise_kib: u32,
    /// Output channels, summed over a program, whose pointwise requantisation parameters fit.
    pub pointwise_channels: u32,
    /// Channels, summed over a program, whose depthwise requantisation parameters fit.
    pub depthwise_channels: u32,
    /// Words in each of the four row banks of the line buffer.
    pub line_words: u32,
    /// Words of `tn` bytes in the pixel buffer.
    pub pixel_words: u32,
    /// Words of `tn` bytes in the pixel buffer of expanding layers; 0: inverted residuals are not fused.
    pub expand_words: u32,
    /// Commands that the program memory holds.
    pub commands: u32,
    /// Most rows or columns of a map, its padding included: as wide as that are the counters of both.
    pub map_size: u32,
    /// Commands that are fetched and begun before the one at work is done: 0 or 1.
    pub commands_ahead: u32,
}

/// A configuration that passed every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config(Values);

/// What multiplies two int8 values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplier {
    /// A multiplier block of the FPGA each.
    Plain,
    /// LUTs and carry chains.
    Lut,
    /// A multiplier block of 18x18 bits for the weights of two output channels, exact for weights from -127 to 127.
    Packed,
}

impl Multiplier {
    /// All kinds in the order of their numbers.
    pub const ALL: [Multiplier; 3] = [Multiplier::Plain, Multiplier::Lut, Multiplier::Packed];
    /// Their names in a configuration file.
    pub const NAMES: [&str; 3] = ["plain", "lut", "packed"];
}

/// Value of `sum_bits` of requantisers that take every sum of 32 bits as it is.
pub const WIDE_SUM: u32 = 32;

/// Row banks of the line buffer: any three consecutive rows lie in different banks while a fourth is filled.
pub const ROW_BANKS: u32 = 4;

const fn div_ceil(a: u32, b: u32) -> u32 {
    a.div_ceil(b)
}

impl Config {
    /// The numbers behind the configuration.
    pub fn values(&self) -> &Values {
        &self.0
    }
    /// Bytes in a word of activation memory, line buffer and host streams: the smallest power of two that holds what any unit
    /// takes or gives in one cycle (`tn` bytes, one lane group, a beat of requantised outputs of `tp` pixels), at least 4.
    pub fn word_bytes(&self) -> u32 {
        let v = &self.0;
        let outputs = match self.shares_requant() {
            true => 1,
            false => v.tp * v.pw_requant,
        };
        v.tn.max(v.lanes).max(outputs).max(4).next_power_of_two()
    }
    /// Bytes from one depthwise lane group to the next in memory: `lanes` rounded up to a power of two, so that a group never
    /// straddles words.
    pub fn lane_pitch(&self) -> u32 {
        self.0.lanes.next_power_of_two()
    }
    /// Kernel rows that the depthwise engine takes per cycle.
    pub fn row_taps(&self) -> u32 {
        self.0.taps.min(3)
    }
    /// Kernel columns that the depthwise engine takes per cycle.
    pub fn column_taps(&self) -> u32 {
        self.0.taps / self.row_taps()
    }
    /// 8x8 products per cycle, pointwise and depthwise.
    pub fn multipliers(&self) -> u32 {
        self.0.tn * self.0.tm * self.0.tp + self.0.lanes * self.0.taps
    }
    /// Both requantisers take several cycles for a sum: such a configuration is to have few cells rather than a fast clock, and
    /// units leave out registers that only shorten paths.
    pub fn saves_cells(&self) -> bool {
        self.0.pw_requant_cycles > 1 && self.0.dw_requant_cycles > 1
    }
    /// Bytes of one pixel's part of the lanes where two share them; 0 in configurations in which none do.
    pub fn pair_bytes(&self) -> u32 {
        self.0.lanes / 2 * self.0.pairs
    }
    /// The next command is fetched while one is at work, and its units begin as soon as they are free.
    pub fn runs_ahead(&self) -> bool {
        self.0.commands_ahead > 0
    }
    /// One requantiser takes the sums of all `tp` pixels in turn, and its outputs are written byte by byte: in configurations that are
    /// to have few cells, for one output channel at a time, which nothing is added to.
    pub fn shares_requant(&self) -> bool {
        let v = &self.0;
        v.tp > 1 && v.tm == 1 && v.residual == 0 && !self.expands() && self.saves_cells()
    }
    /// A window over a whole map can be taken a slice of the channels at a time, see `Field::RowSkip`. Configurations of few cells
    /// that take several pixels at once have it: little memory goes with few cells, and a line buffer of whole maps is large.
    pub fn slices(&self) -> bool {
        self.saves_cells() && self.0.tp > 1
    }
    /// Multiplier blocks of the array add their two products, which weights from -127 to 127 allow: in configurations that are to have
    /// few cells.
    pub fn adds_in_blocks(&self) -> bool {
        self.saves_cells() && self.0.tn > 1 && self.pw_multiplier() == Multiplier::Plain
    }
    /// An inverted residual's expanding layer can run under its depthwise one, see `Field::ExpandRows`.
    pub fn expands(&self) -> bool {
        self.0.expand_words > 0
    }
    /// Words of the buffers that put the outputs of `tp` pixels in order: a power of two.
    pub fn order_words(&self) -> u32 {
        1 << self.0.pixel_words.ilog2()
    }
    /// Batches of `tp` pixels in a row.
    pub fn batches(&self, cols: u32) -> u32 {
        cols.div_ceil(self.0.tp)
    }
    /// Gather commands may take three kernel rows at once, see `Field::MergeBytes`.
    pub fn merges(&self) -> bool {
        self.0.gather_rows > 1
    }
    /// Longest kernel row of such a command: what the line buffer gives in one cycle wherever it begins.
    pub fn merge_run_bytes(&self) -> u32 {
        self.word_bytes() / 2 + 1
    }
    /// What multiplies in the pointwise array, but for the `pw_lut_channels` if those are not all.
    pub fn pw_multiplier(&self) -> Multiplier {
        let v = &self.0;
        multiplier(v.pw_multiplier, v.pw_lut_channels == v.tm)
    }
    /// What multiplies in the depthwise engine, but for the `dw_lut_lanes` if those are not all.
    pub fn dw_multiplier(&self) -> Multiplier {
        let v = &self.0;
        multiplier(v.dw_multiplier, v.dw_lut_lanes == v.lanes)
    }
    /// The lanes behind the pointwise array can round once, too: [`Rounding::Once`](crate::quant::Rounding).
    pub fn pw_rounds_once(&self) -> bool {
        self.0.pw_rounding == 1
    }
    /// The depthwise engine can take the maximum of a window, too.
    pub fn takes_maxima(&self) -> bool {
        self.0.dw_max == 1
    }
    /// Beats in which the pointwise requantiser takes the `tm` sums of one group.
    pub fn pw_beats(&self) -> u32 {
        div_ceil(self.0.tm, self.0.pw_requant)
    }
    /// Beats in which the depthwise requantiser takes one lane group.
    pub fn dw_beats(&self) -> u32 {
        div_ceil(self.0.lanes, self.0.dw_requant)
    }
    /// Cycles in which the pointwise requantiser takes a group: one group follows another no sooner.
    pub fn pw_group_cycles(&self) -> u32 {
        let sums = match self.shares_requant() {
            true => self.0.tp,
            false => self.pw_beats(),
        };
        sums * self.0.pw_requant_cycles
    }
    /// Cycles in which the depthwise requantiser takes a lane group.
    pub fn dw_group_cycles(&self) -> u32 {
        self.dw_beats() * self.0.dw_requant_cycles
    }
    /// Cycles that an output group takes at least when a residual map is added: it comes at half a word per cycle.
    pub fn residual_cycles(&self) -> u32 {
        2 * div_ceil(self.0.tm, self.word_bytes())
    }
    /// Words of the activation memory.
    pub fn activation_words(&self) -> u32 {
        self.0.activation_kib * 1024 / self.word_bytes()
    }
    /// Words of the pointwise weight memory, `tn * tm` bytes each.
    pub fn weight_words(&self) -> u32 {
        (self.0.weight_kib * 1024 / (self.0.tn * self.0.tm)).max(1)
    }
    /// Words of the depthwise weight memory, `lanes * taps` bytes each.
    pub fn depthwise_words(&self) -> u32 {
        (self.0.depthwise_kib * 1024 / (self.0.lanes * self.0.taps)).max(1)
    }
    /// Words of the pointwise parameter memory, [`param_parts`] for a beat.
    pub fn pw_param_words(&self) -> u32 {
        let v = &self.0;
        param_words(v.pointwise_channels, v.pw_requant, v.pw_requant_cycles)
    }
    /// Words of the depthwise parameter memory, [`param_parts`] for a beat.
    pub fn dw_param_words(&self) -> u32 {
        let v = &self.0;
        param_words(v.depthwise_channels, v.dw_requant, v.dw_requant_cycles)
    }
    /// CRC-32 (IEEE) of every value in the order of [`FIELDS`], each as four little-endian bytes. Hardware and program images
    /// carry it, so that a program compiled for another configuration is refused. A new field changes every fingerprint, but one that is
    /// [`Fallback::Off`] or [`Fallback::New`], before whose value its name stands where it is not 0.
    pub fn fingerprint(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        for field in &FIELDS {
            let value = (field.get)(&self.0);
            if field.is_newer() {
                if value == 0 {
                    continue;
                }
                crc.update(field.name.as_bytes());
            }
            crc.update(&value.to_le_bytes());
        }
        crc.finalize()
    }
}

fn multiplier(number: u32, all_in_luts: bool) -> Multiplier {
    match all_in_luts {
        true => Multiplier::Lut,
        false => Multiplier::ALL[number as usize],
    }
}

/// Words of a parameter memory for so many channels and lanes.
fn param_words(channels: u32, lanes: u32, cycles: u32) -> u32 {
    let parts = param_parts(cycles);
    // a beat's number has a bit at least where it stands above that of a part
    div_ceil(channels, lanes).max(parts.min(2)) * parts
}

/// The configuration as a file that gives every field, but one that is [`Fallback::Off`] and 0; reading it gives the same configuration.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |field, value| field.is_written(value))
    }
}

/// [`Config::hardware`].
pub struct Hardware<'a>(&'a Config);

impl fmt::Display for Hardware<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.0;
        config.write(f, |field, value| value != 0 || !field.is_newer())
    }
}

impl Config {
    /// The fields in which its hardware differs from that of the time before the newest fields, as generated Verilog names them.
    pub fn hardware(&self) -> Hardware<'_> {
        Hardware(self)
    }
    /// Writes the fields that are to be said.
    fn write(&self, f: &mut fmt::Formatter<'_>, said: impl Fn(&Field, u32) -> bool) -> fmt::Result {
        let mut section = "";
        let said = |field: &&Field| said(field, (field.get)(&self.0));
        for field in FIELDS.iter().filter(said) {
            if field.section != section {
                section = field.section;
                writeln!(f, "{section}:")?;
            }
            writeln!(
                f,
                "  {}: {}  # {}",
                field.name,
                field.limit.show((field.get)(&self.0)),
                field.meaning
            )?;
        }
        Ok(())
    }
}
