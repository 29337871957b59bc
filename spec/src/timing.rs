// SPDX-License-Identifier: MIT OR Apache-2.0
//! Latencies and cycle constants of every unit, in one place.
//!
//! RTL and model both take their pipeline depths from here; the co-simulation compares the cycles of each command, so a number
//! that one of them did not follow cannot stay. docs/architecture.md draws the pipelines.

use crate::config::{Config, Multiplier, WIDE_SUM};
use crate::regs::Memory;

/// A memory: address to data, array and output register.
pub const MEMORY_READ: u32 = 2;
/// A memory without an output register, which costs a cell a bit where block RAMs have none: of configurations that are to have few
/// cells.
pub const DIRECT_READ: u32 = 1;
/// A memory whose blocks lie all over the chip ([`far`]): a register in front of them ..
pub const FAR_ADDRESS: u32 = 1;
/// .. and one behind them.
pub const FAR_DATA: u32 = 1;
/// Such a memory: address to data.
pub const FAR_READ: u32 = FAR_ADDRESS + MEMORY_READ + FAR_DATA;
/// Memories of more bits than these are far.
const NEAR_BITS: u64 = 1 << 18;
/// Arrays of more products a cycle reach, with the far memory of their weights, over the whole of the largest FPGAs ([`spread`]).
const NEAR_PRODUCTS: u32 = 128;
/// Such an array: a register more in front of its operands and addresses, and between its sums and the requantiser.
pub const SPREAD: u32 = 1;
/// Line buffer: write of a row's last word to the row counting as filled.
pub const LINE_ROW: u32 = 1;
/// Window: start to the first step, through the stages of its walker.
pub const WINDOW_START: u32 = 6;
/// Window: a row counting as filled to the first step that it can be for.
pub const ROW_READY: u32 = 1;
/// Window: step to the address in the line buffer (request and address registers).
pub const WINDOW_ADDRESS: u32 = 2;
/// Product in a multiplier block: registers of its operands and of its result.
pub const BLOCK_PRODUCT: u32 = 2;
/// LUT multiplier: pairs of rows, their sums, the product.
pub const LUT_PRODUCT: u32 = 3;
/// Packed multiplier: the product of both weights, where they meet, and its parts.
pub const PACKED_PRODUCT: u32 = BLOCK_PRODUCT + 2;
/// Accumulator register of both engines.
pub const ACCUMULATE: u32 = 1;
/// Requantiser: sums to its first lane stage (holding register and lane multiplexer).
pub const REQUANT_LOAD: u32 = 2;
/// Product of up to 18 bits with a multiplier of 31: products in blocks, their sum.
pub const FACTOR_PRODUCT: u32 = BLOCK_PRODUCT + 1;
/// Rounding division by a power of two: sum, shift.
pub const ROUND_SHIFT: u32 = 2;
/// Zero point and saturation to few bits, clamp.
pub const CLAMP: u32 = 2;
/// Requantiser lane: bias, left shift, products of both halves, their sum, high half, right shift, clamp.
pub const REQUANT_LANE: u32 = 2 + FACTOR_PRODUCT + 2 + ROUND_SHIFT + CLAMP;
/// Lane for sums of few bits: bias, clamp, product, rows, both roundings, right shift, clamp.
pub const NARROW_LANE: u32 = 2 + FACTOR_PRODUCT + 1 + ROUND_SHIFT + CLAMP;
/// Table of a function: output byte to its value, through a memory and the choice of a byte of its word.
pub const TABLE: u32 = MEMORY_READ + 1;
/// Byte packer: beat to word.
pub const PACK: u32 = 2;
/// Pixel buffer: word written to its pixel counting as available.
pub const PIXEL_VISIBLE: u32 = 1;
/// Pointwise array: operand registers behind pixel buffer and weight memory ..
pub const OPERAND: u32 = 1;
/// .. which arrays of multiplier blocks alone do without in configurations that are to have few cells: blocks have such themselves.
pub fn operand(config: &Config) -> u32 {
    let blocks =
        config.pw_multiplier() == Multiplier::Plain && config.values().pw_lut_channels == 0;
    let without = config.saves_cells() && blocks;
    if without { 0 } else { OPERAND }
}
/// Residual adder: requantised outputs to sums.
pub const RESIDUAL: u32 = 4 + 2 * FACTOR_PRODUCT + 2 + 2 * ROUND_SHIFT + CLAMP;
/// Pixel order: run read to the run at its output.
pub const ORDER: u32 = MEMORY_READ;
/// Writer: run of bytes that ends a row to the row counting as written for those who read it: its last word, which may be a cycle
/// behind the one that it fills, a register in front of the memory, and the cycle of the write, in which nobody may read it.
pub const ROW_VISIBLE: u32 = PACK + 3;
/// Outputs of a command that begin on their own: start to the first pixel that the array may take.
pub const OUTPUTS_START: u32 = 2;
/// Writer: packed word to the command counting as done.
pub const WRITE_DONE: u32 = 1;

/// The memory is too large to lie in one place: what goes to its blocks and comes from them takes a cycle each way. Not so in
/// configurations that are to have few cells.
pub fn far(config: &Config, memory: Memory) -> bool {
    let shape = memory.shape(config);
    let bits = u64::from(shape.words) * u64::from(shape.bytes) * 8;
    bits > NEAR_BITS && !config.saves_cells()
}

/// The array is so large that no wire reaches all of it in a cycle: what goes to many of its parts has a register in each of them,
/// and one more on the way there.
pub fn spread(config: &Config) -> bool {
    let v = config.values();
    v.tn * v.tm * v.tp > NEAR_PRODUCTS && far(config, Memory::Weight)
}

/// The register more of what is [`spread`]; none for other configurations.
pub fn spread_cycles(config: &Config) -> u32 {
    if spread(config) { SPREAD } else { 0 }
}

fn read(config: &Config, memory: Memory) -> u32 {
    match far(config, memory) {
        true => FAR_READ,
        false => near_read(config),
    }
}

/// Activation memory: address to data.
pub fn activation_read(config: &Config) -> u32 {
    read(config, Memory::Activation)
}

/// Pixel and expand buffers: step to data at the array.
pub fn pixel_read(config: &Config) -> u32 {
    read(config, Memory::Weight)
}

/// Weight memory: step to data. An array that is spread brings its pixel to all of its places in the meantime.
pub fn array_read(config: &Config) -> u32 {
    pixel_read(config) + spread_cycles(config)
}

/// Load stream: registers on its way to the memories that are loaded between frames.
pub fn load(config: &Config) -> u32 {
    2 * spread_cycles(config)
}

/// Memories that are not far, but for those of requantisation parameters and the pixel order: address to data.
pub fn near_read(config: &Config) -> u32 {
    match config.saves_cells() {
        true => DIRECT_READ,
        false => MEMORY_READ,
    }
}

/// Program fetch: start of a fetch to the start pulse, besides one cycle per word of the command.
pub fn fetch(config: &Config) -> u32 {
    near_read(config) + 1 + fields(config)
}

/// Fields of a command and its start pulse on their way to the units: registers behind those of the sequencer.
pub fn fields(config: &Config) -> u32 {
    spread_cycles(config)
}

/// Line buffer: address to rows. Between far memories its own blocks lie far from each other too: a register behind the choice of
/// banks.
pub fn line_read(config: &Config) -> u32 {
    let between = far(config, Memory::Activation) || far(config, Memory::Weight);
    near_read(config) + if between { FAR_DATA } else { 0 }
}

/// Window: step to the bytes, a register behind their choice.
pub fn window_bytes(config: &Config) -> u32 {
    WINDOW_ADDRESS + line_read(config) + 1
}

/// Fill: read of a row's last word to the row counting as filled.
pub fn fill_row(config: &Config) -> u32 {
    activation_read(config) + LINE_ROW
}

/// Depthwise engine: registers of its operands.
pub fn depthwise_operand(config: &Config) -> u32 {
    spread_cycles(config)
}

/// Operands to products of a kind.
const fn product(kind: Multiplier) -> u32 {
    match kind {
        Multiplier::Plain => BLOCK_PRODUCT,
        Multiplier::Lut => LUT_PRODUCT,
        Multiplier::Packed => PACKED_PRODUCT,
    }
}

/// Operands to products of an engine of which so many channels are in LUTs: those of its slower kind.
const fn products(kind: Multiplier, in_luts: u32) -> u32 {
    let luts = if in_luts > 0 { LUT_PRODUCT } else { 0 };
    if luts > product(kind) {
        luts
    } else {
        product(kind)
    }
}

/// Depthwise engine: operands to products.
pub fn depthwise_product(config: &Config) -> u32 {
    products(config.dw_multiplier(), config.values().dw_lut_lanes)
}

/// Pointwise array: operands to products.
pub fn pointwise_product(config: &Config) -> u32 {
    products(config.pw_multiplier(), config.values().pw_lut_channels)
}

/// Adder levels over `terms` products.
pub const fn adder_levels(terms: u32) -> u32 {
    terms.next_power_of_two().trailing_zeros()
}

/// Depthwise engine: step to finished sum.
pub fn depthwise_sum(config: &Config) -> u32 {
    window_bytes(config)
        + depthwise_operand(config)
        + depthwise_product(config)
        + adder_levels(config.values().taps)
        + ACCUMULATE
}

/// Pointwise array: step to finished sum.
pub fn pointwise_sum(config: &Config) -> u32 {
    array_read(config)
        + operand(config)
        + pointwise_product(config)
        + adder_levels(config.values().tn)
        + ACCUMULATE
}

/// Bits by which lanes shift to the right in a cycle when a sum takes them several, and of the multiplier that they take if they have
/// no block.
pub const fn serial_bits(cycles: u32) -> u32 {
    32 / cycles
}

/// Cycles for a sum of lanes with a multiplier block: one for each of the four products of its halves.
pub const BLOCK_CYCLES: u32 = 4;

/// Lanes that take several cycles for a sum, from the sum to the product of all bits. With a block: bias, clamp, the block's products
/// and their sums. Without: bias, clamp, the last part of the multiplier, the rows of a cycle added in pairs, one cycle after the other.
pub const fn serial_product(cycles: u32) -> u32 {
    match cycles {
        BLOCK_CYCLES => 2 + BLOCK_PRODUCT + BLOCK_CYCLES,
        _ => 3 + adder_levels(serial_bits(cycles)) + cycles,
    }
}

/// Requantiser lane for sums of `sum_bits` bits, of which it takes one in `cycles` cycles.
pub const fn requant_lane(sum_bits: u32, cycles: u32) -> u32 {
    match (sum_bits, cycles) {
        (WIDE_SUM, _) => REQUANT_LANE,
        (_, 1) => NARROW_LANE,
        // the right shift takes as long as the product
        _ => serial_product(cycles) + cycles + 1 + CLAMP,
    }
}

/// Requantiser: finished sums to the first lane stage; serial lanes wait for the second word of their parameters.
pub const fn requant_load(cycles: u32) -> u32 {
    REQUANT_LOAD + if cycles == 1 { 0 } else { 1 }
}

/// Requantiser: finished sums to the first beat at its output.
pub const fn requant(sum_bits: u32, cycles: u32) -> u32 {
    requant_load(cycles) + requant_lane(sum_bits, cycles)
}

/// The pointwise array's requantiser.
pub fn pw_requant(config: &Config) -> u32 {
    let v = config.values();
    spread_cycles(config) + requant(v.pw_sum_bits, v.pw_requant_cycles)
}

/// The pointwise array: finished sums to outputs, through requantiser and table.
pub fn pw_outputs(config: &Config) -> u32 {
    pw_requant(config) + table(config.values().pw_tables)
}

/// The depthwise engine: the same.
pub fn dw_outputs(config: &Config) -> u32 {
    dw_requant(config) + table(config.values().dw_tables)
}

/// Outputs through one of so many tables.
const fn table(tables: u32) -> u32 {
    if tables > 0 { TABLE } else { 0 }
}

/// The depthwise engine's requantiser.
pub fn dw_requant(config: &Config) -> u32 {
    let v = config.values();
    spread_cycles(config) + requant(v.dw_sum_bits, v.dw_requant_cycles)
}

/// Cycles for which `rst` is held at least: the pipelines have no reset of their own, in this time the longest runs empty.
pub const RESET: u32 = 72;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::REQUANT_CYCLES;

    #[test]
    fn a_reset_outlasts_every_pipeline() {
        // a step of the largest engine, through its requantiser and packer, to the writer's end
        let engine = FAR_READ
            + SPREAD
            + OPERAND
            + LUT_PRODUCT.max(PACKED_PRODUCT)
            + adder_levels(64)
            + ACCUMULATE;
        let window = WINDOW_ADDRESS + MEMORY_READ + FAR_DATA + 1;
        let depthwise = window + SPREAD + LUT_PRODUCT + adder_levels(9) + ACCUMULATE;
        let requant = REQUANT_CYCLES
            .map(|cycles| requant(18, cycles))
            .into_iter()
            .fold(requant(WIDE_SUM, 1), u32::max);
        assert!(
            1 + engine.max(depthwise) + SPREAD + requant + TABLE + RESIDUAL + PACK + WRITE_DONE
                <= RESET
        );
    }
}
