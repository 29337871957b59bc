// SPDX-License-Identifier: MIT OR Apache-2.0
//! Widths of the counters that a configuration needs: of rows and columns, of what a pixel has, of idle cycles.
//!
//! Every bound here is one that the compiler keeps: maps larger than `map_size` are refused as such, and what belongs to a memory
//! that is too small for it is refused with that memory.

use crate::config::{Config, ROW_BANKS, WIDE_SUM};
use crate::isa::{Field, param_parts};

/// Rows or columns that a window spans at most, dilation included.
pub const MOST_WINDOW: u32 = 255;

/// Bits that hold 0 to `most`; at least 1.
pub const fn bits(most: u32) -> u32 {
    let bits = u32::BITS - most.leading_zeros();
    if bits == 0 { 1 } else { bits }
}

/// Bits of a count of rows or columns of a map, padding included; a batch's pixels have room too.
pub fn map_bits(config: &Config) -> u32 {
    bits(most_columns(config))
}

fn most_columns(config: &Config) -> u32 {
    let v = config.values();
    v.map_size.max(v.tp)
}

/// Bits of the number of a row, in two's complement: from less than a map's rows above it to those of the map and its padding
/// below. Also of a row less those that the line buffer holds: no more than the map's, rounded up to a multiple of [`ROW_BANKS`],
/// which is at most 2 to the power of [`map_bits`], itself such a multiple since `map_size` is at least that.
///
/// `walk` also makes numbers that nobody uses, and which may be larger: the top of the window behind the last row of windows, up to a
/// stride below the map (all rows are filled then, and what is released no longer matters), and rows of the last pass below the
/// kernel (depthwise: their weights are 0; merged: their bytes are not taken).
pub fn row_bits(config: &Config) -> u32 {
    map_bits(config) + 1
}

/// Bits of the idle cycles behind a sum of the depthwise engine: those of its group, and one for a pixel's flush.
pub fn window_idle_bits(config: &Config) -> u32 {
    Field::GroupIdle.used_bits(config) + 1
}

/// Bits of the idle cycles behind a group of the pointwise array: a gap and those behind the group, behind a batch too. Of
/// numbers below 2^n the first makes 2^(n + 1) - 1 of the sum of two others at most.
pub fn array_idle_bits(config: &Config) -> u32 {
    Field::OutIdle
        .used_bits(config)
        .max(Field::PixelIdle.used_bits(config))
        + 1
}

/// Bits of a sum of so many products of INT8, each 2^14 at most; no more than the 32 of the software.
fn sum_bits(products: u32) -> u32 {
    (bits(products) + 14 + 1).min(WIDE_SUM)
}

/// Bits that an accumulator has more than its requantiser's sums in configurations that are to have few cells. The compiler sees to
/// it that no channel's sum has more.
const ABOVE_SUM: u32 = 2;

/// Bits of an accumulator for sums of so many, whose requantiser takes `requantised` of them with the bias.
fn accumulator_bits(config: &Config, sum: u32, requantised: u32) -> u32 {
    match config.saves_cells() {
        true => sum.min(requantised + ABOVE_SUM),
        false => sum,
    }
}

/// Bits of a sum of the pointwise array, before its bias: of the products of a pixel, which its buffer holds.
pub fn pointwise_sum_bits(config: &Config) -> u32 {
    let v = config.values();
    let sum = sum_bits(v.pixel_words.max(v.expand_words) * v.tn);
    accumulator_bits(config, sum, v.pw_sum_bits)
}

/// Bits of a sum of the depthwise engine, before its bias: of the products of all passes that a command can have, each with a word
/// of weights.
pub fn depthwise_sum_bits(config: &Config) -> u32 {
    let passes =
        [Field::RowPasses, Field::ColumnPasses].map(|field| (1 << field.used_bits(config)) - 1);
    let v = config.values();
    let steps = (passes[0] * passes[1]).min(config.depthwise_words());
    accumulator_bits(config, sum_bits(steps * v.taps), v.dw_sum_bits)
}

/// Most groups of a layer's output channels: what the parameter memory holds.
fn most_groups(config: &Config) -> u32 {
    config.pw_param_words() / (config.pw_beats() * param_parts(config.values().pw_requant_cycles))
}

/// Most lane groups of a depthwise layer, likewise.
fn most_lane_groups(config: &Config) -> u32 {
    config.dw_param_words() / (config.dw_beats() * param_parts(config.values().dw_requant_cycles))
}

/// Most idle cycles behind a batch of pixels, see the compiler's `batches`: until the runs of the batch before, whose words are
/// half of those of the pixel order, are out, or until the requantiser is done with the last group.
fn most_pixel_idle(config: &Config) -> u32 {
    let (v, word) = (config.values(), config.word_bytes());
    let runs = match v.residual {
        0 => 1,
        lanes => word.div_ceil(lanes),
    };
    let order = match v.tp {
        1 => 0,
        tp => tp * (config.order_words() / 2) * runs + 1,
    };
    order.max(config.pw_group_cycles() + 1)
}

/// Largest value of a field that counts what a memory or a map of the configuration holds; [`Field::FirstRow`] without its sign.
pub(crate) fn most(field: Field, config: &Config) -> Option<u32> {
    let v = config.values();
    Some(match field {
        Field::FillRows
        | Field::InRows
        | Field::OutRows
        | Field::OutCols
        | Field::ExpandRows
        | Field::ExpandCols => most_columns(config),
        Field::LineRows => v
            .map_size
            .next_multiple_of(ROW_BANKS)
            .min(v.line_words * ROW_BANKS),
        // a window is no larger than the map with its padding, and its padding is less than itself
        Field::KernelRows | Field::RowPasses | Field::ColumnPasses | Field::FirstRow => {
            v.map_size.min(MOST_WINDOW)
        }
        Field::TailBytes | Field::ExpandTail => v.tn,
        Field::MergeBytes => 3 * config.merge_run_bytes(),
        Field::LaneGroups => most_lane_groups(config),
        Field::DwBytes => (most_lane_groups(config) * v.lanes).min(v.pixel_words * v.tn),
        Field::OutGroups | Field::ExpandGroups => most_groups(config),
        Field::OutBytes | Field::ExpandOutBytes => most_groups(config) * v.tm,
        Field::ExpandBytes => v.expand_words * v.tn,
        // a group has a step at least
        Field::GroupIdle => config.dw_group_cycles() - 1,
        Field::OutIdle | Field::ExpandIdle => {
            let least = if v.residual > 0 {
                config.residual_cycles()
            } else {
                0
            };
            config.pw_group_cycles().max(least) - 1
        }
        Field::PixelIdle | Field::ExpandPixelIdle => most_pixel_idle(config),
        _ => return None,
    })
}
