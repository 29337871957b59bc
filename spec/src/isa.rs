// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command format: what one layer tells every unit.
//!
//! A command is its fields, packed from bit 0 in the order of [`Field::ALL`], little-endian; of these bytes the program memory
//! holds the first [`command_bytes`], behind which a configuration uses none. The
//! sequencer copies it from the program memory into the command register, whose slices the units read directly; a unit whose
//! counters are narrower than a field takes the low bits, which the compiler guarantees to be all that is used.

mod param;
mod part;

pub use param::{
    PARAM_BYTES, Param, ROUND_ONCE, SERIAL_BIAS_BITS, SERIAL_PARAM_BYTES, SHIFT_LEFT, param_bytes,
    param_parts,
};
pub use part::{Part, RowsWait};

use crate::config::Config;
use crate::width;

/// Bytes of one command with all its fields.
pub const COMMAND_BYTES: usize = 256;
/// Bytes that a command has in the program memory at least; a multiple of every word size.
const LEAST_COMMAND_BYTES: u32 = 128;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident : $bits:literal as $text:literal),* $(,)?) => {
        /// A field of a command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $($(#[$doc])* $name),* }
        impl Field {
            /// All fields in the order of their bits.
            pub const ALL: &'static [Field] = &[$(Field::$name),*];
            /// Width in bits.
            pub const fn bits(self) -> u32 { match self { $(Field::$name => $bits),* } }
            /// Name in the RTL and in listings.
            pub const fn name(self) -> &'static str { match self { $(Field::$name => $text),* } }
        }
    };
}

fields! {
    /// 1: the last command of the program.
    Last: 1 as "last",
    /// 0: line buffer, depthwise engine, pointwise array. 1: line buffer, gather (im2col), pointwise array.
    Gather: 1 as "gather",
    /// First word of the ifm in the activation memory.
    InBase: 24 as "in_base",
    /// Rows of the ifm that the line buffer takes, from row 0.
    FillRows: 16 as "fill_rows",
    /// Words of one ifm row, in memory and line buffer.
    RowWords: 16 as "row_words",
    /// Rows that the line buffer may hold at once.
    LineRows: 16 as "line_rows",
    /// The word of a line buffer bank behind those in use: `line_base` and slots times `row_words`.
    SlotLimit: 16 as "slot_limit",
    /// Rows of the ifm; rows outside `0..in_rows` are padding.
    InRows: 16 as "in_rows",
    /// Valid bytes of an ifm row; bytes outside `0..row_bytes` are padding.
    RowBytes: 21 as "row_bytes",
    /// Padding value: the zero point of the ifm.
    PadValue: 8 as "pad_value",
    /// Rows of the ofm.
    OutRows: 16 as "out_rows",
    /// Columns of the ofm.
    OutCols: 16 as "out_cols",
    /// Vertical stride, 1 to 4.
    StrideRows: 3 as "stride_rows",
    /// Row of the ifm at the top of the first window, signed: minus the padding above.
    FirstRow: 16 as "first_row",
    /// Line buffer bank of that row.
    FirstBank: 2 as "first_bank",
    /// Slot address of that row.
    FirstSlot: 16 as "first_slot",
    /// Kernel rows (for row readiness; gather also walks them).
    KernelRows: 8 as "kernel_rows",
    /// Byte offset in the row of the first window, signed: minus the padding at the left.
    FirstByte: 21 as "first_byte",
    /// Bytes from one window to the next.
    WindowStep: 21 as "window_step",
    /// Depthwise and merged gather: passes over kernel rows, `row_taps` rows each.
    RowPasses: 8 as "row_passes",
    /// Depthwise: passes over kernel columns, `column_taps` columns each.
    ColumnPasses: 8 as "column_passes",
    /// Depthwise: bytes of one ifm pixel, from one kernel column to the next.
    PixelBytes: 16 as "pixel_bytes",
    /// Depthwise: lane groups of a pixel.
    LaneGroups: 12 as "lane_groups",
    /// Depthwise: idle cycles after each group, so that the requantiser keeps up.
    GroupIdle: 8 as "group_idle",
    /// Depthwise: 1 if the pixel's last beat leaves bytes for one more word.
    PixelFlush: 1 as "pixel_flush",
    /// Depthwise: bytes that a pixel gives, `lane_groups * lanes`.
    DwBytes: 16 as "dw_bytes",
    /// Gather: bytes of one kernel row in the ifm row.
    RunBytes: 21 as "run_bytes",
    /// Gather: bytes of a pixel in its last word of the pixel buffer, 1 to `tn`.
    TailBytes: 8 as "tail_bytes",
    /// Gather: 0: kernel rows are taken one by one. Else three rows at once, and these are the bytes of the pixel's last pass.
    MergeBytes: 8 as "merge_bytes",
    /// Pixel buffer: words of one pixel.
    PixelWords: 16 as "pixel_words",
    /// Pixel buffer: pixels that it may hold.
    RingPixels: 16 as "ring_pixels",
    /// Pixel buffer: `ring_pixels * pixel_words`, where its pointers wrap.
    RingWords: 16 as "ring_words",
    /// First word in the depthwise weight memory.
    DwWeightBase: 20 as "dw_weight_base",
    /// First word in the depthwise parameter memory.
    DwParamBase: 18 as "dw_param_base",
    /// Zero point of the depthwise output.
    DwZero: 8 as "dw_zero",
    /// Smallest depthwise output.
    DwLow: 8 as "dw_low",
    /// Largest depthwise output.
    DwHigh: 8 as "dw_high",
    /// Groups of `tm` output channels.
    OutGroups: 12 as "out_groups",
    /// Idle cycles after each output group, so that the requantiser keeps up.
    OutIdle: 9 as "out_idle",
    /// 1: one idle cycle after each ofm row, for a row's last bytes to be written.
    RowGap: 1 as "row_gap",
    /// First word in the pointwise weight memory.
    WeightBase: 24 as "weight_base",
    /// First word in the pointwise parameter memory.
    ParamBase: 18 as "param_base",
    /// Zero point of the output.
    OutZero: 8 as "out_zero",
    /// Smallest output.
    OutLow: 8 as "out_low",
    /// Largest output.
    OutHigh: 8 as "out_high",
    /// First word of the ofm in the activation memory.
    OutBase: 24 as "out_base",
    /// Bytes of one ofm pixel.
    OutBytes: 16 as "out_bytes",
    /// 1: add a residual map, laid out as the ofm, to the requantised outputs.
    Residual: 1 as "add_residual",
    /// First word of the residual map.
    ResidualBase: 24 as "residual_base",
    /// Zero point of the requantised outputs.
    AddZeroA: 8 as "add_zero_a",
    /// Multiplier of the requantised outputs.
    AddMulA: 31 as "add_mul_a",
    /// Right shift of the requantised outputs.
    AddShiftA: 5 as "add_shift_a",
    /// Zero point of the residual map.
    AddZeroB: 8 as "add_zero_b",
    /// Multiplier of the residual map.
    AddMulB: 31 as "add_mul_b",
    /// Right shift of the residual map.
    AddShiftB: 5 as "add_shift_b",
    /// Multiplier of the sum.
    AddMul: 31 as "add_mul",
    /// Right shift of the sum.
    AddShift: 5 as "add_shift",
    /// Zero point of the ofm.
    AddZero: 8 as "add_zero",
    /// Smallest value of the ofm.
    AddLow: 8 as "add_low",
    /// Largest value of the ofm.
    AddHigh: 8 as "add_high",
    /// Idle cycles after each batch of pixels, besides those behind its last group: the outputs of a batch need a cycle for each
    /// word of each pixel, and the requantiser may still be at the batch's last group when a shorter one comes.
    PixelIdle: 16 as "pixel_idle",
    /// Rows of the expanded map that this command makes itself, by a 1x1 convolution of the map at `in_base`, instead of
    /// reading them; 0: none. All fields from here to `expand_pixel_idle` belong to that convolution.
    ExpandRows: 16 as "expand_rows",
    /// Columns of both its maps.
    ExpandCols: 16 as "expand_cols",
    /// Bytes of one pixel of the map at `in_base`.
    ExpandBytes: 16 as "expand_bytes",
    /// Its bytes in the pixel's last word of the expand buffer, 1 to `tn`.
    ExpandTail: 8 as "expand_tail",
    /// Expand buffer: words of one pixel.
    ExpandWords: 16 as "expand_words",
    /// Expand buffer: pixels that it may hold.
    ExpandRing: 16 as "expand_ring",
    /// Expand buffer: `expand_ring * expand_words`, where its pointers wrap.
    ExpandRingWords: 16 as "expand_ring_words",
    /// Groups of `tm` expanded channels.
    ExpandGroups: 12 as "expand_groups",
    /// Idle cycles after each group, so that the requantiser keeps up.
    ExpandIdle: 9 as "expand_idle",
    /// 1: one idle cycle after each expanded row, for its last bytes to be written.
    ExpandGap: 1 as "expand_gap",
    /// First word in the pointwise weight memory.
    ExpandWeightBase: 24 as "expand_weight_base",
    /// First word in the pointwise parameter memory.
    ExpandParamBase: 18 as "expand_param_base",
    /// Zero point of the expanded map.
    ExpandZero: 8 as "expand_zero",
    /// Smallest value of the expanded map.
    ExpandLow: 8 as "expand_low",
    /// Largest value of the expanded map.
    ExpandHigh: 8 as "expand_high",
    /// Bytes of one pixel of the expanded map.
    ExpandOutBytes: 16 as "expand_out_bytes",
    /// Idle cycles after each batch of expanded pixels, as `pixel_idle`.
    ExpandPixelIdle: 16 as "expand_pixel_idle",
    /// Words of the ifm that are left out behind each row: those of the channels that the command does not read.
    RowSkip: 13 as "row_skip",
    /// Table of the function that the requantised outputs become.
    Table: 8 as "out_table",
    /// The same of the expanded map.
    ExpandTable: 8 as "expand_table",
    /// The same of the depthwise output.
    DwTable: 8 as "dw_table",
    /// First word of the command's rows in each line buffer bank.
    LineBase: 13 as "line_base",
    /// 1: the command before has its rows elsewhere in the line buffer, and its windows may still be at work.
    RowsEarly: 1 as "rows_early",
    /// What reading rows waits for while the command before is at work: the number of a [`RowsWait`].
    RowsWait: 2 as "rows_wait",
    /// 1: a residual adder is at work meanwhile, which has the memory's read port in every second cycle.
    RowsTurns: 1 as "rows_turns",
    /// Depthwise: 1: a pixel of this command is two of the map side by side, each on half of the lanes.
    Pairs: 1 as "pairs",
    /// Depthwise: 1: the maximum of the window in place of the sum of its products; a tap whose weight is 0 takes no part.
    DwMax: 1 as "dw_max",
}

/// Bits by which a maximum comes to its requantiser shifted up, so that one without a left shift gives it back.
pub const MAX_SHIFT: u32 = 6;
/// Bytes of a word of tables.
pub const TABLE_WORD_BYTES: u32 = 4;
/// Words of a table.
pub const TABLE_WORDS: u32 = 256 / TABLE_WORD_BYTES;

/// Bits of the number of one of so many tables, a power of two, if there are any.
fn table_bits(tables: u32) -> u32 {
    if tables == 0 {
        0
    } else {
        tables.trailing_zeros()
    }
}

/// Address bits of a memory.
pub const fn address_bits(words: u32) -> u32 {
    let bits = words.next_power_of_two().trailing_zeros();
    if bits == 0 { 1 } else { bits }
}

/// Bits of byte offsets in an ifm row: what a line buffer bank holds, plus padding at both sides and a sign.
pub fn offset_bits(config: &Config) -> u32 {
    address_bits(config.values().line_words) + config.word_bytes().trailing_zeros() + 2
}

/// Bytes from one command to the next in the program memory: a power of two, so that the sequencer need not add.
pub fn command_bytes(config: &Config) -> u32 {
    let used = command_words(config) * config.word_bytes();
    used.next_power_of_two().max(LEAST_COMMAND_BYTES)
}

/// Words of the program memory that hold the fields that a configuration uses; the rest of a command's [`command_bytes`] is
/// not fetched.
pub fn command_words(config: &Config) -> u32 {
    let used = Field::ALL.iter().filter(|f| f.used_bits(config) > 0);
    let end = used.map(|f| f.offset() + f.bits()).max().unwrap_or(0);
    end.div_ceil(config.word_bytes() * 8)
}

impl Field {
    /// The field belongs to the expanding layer of an inverted residual.
    pub fn expands(self) -> bool {
        (Field::ExpandRows..=Field::ExpandPixelIdle).contains(&self)
    }
    /// The field belongs to the residual adder.
    pub fn adds(self) -> bool {
        (Field::ResidualBase..=Field::AddHigh).contains(&self)
    }
    /// The field is for commands that begin before the one in front has ended.
    pub fn runs_ahead(self) -> bool {
        (Field::LineBase..=Field::RowsTurns).contains(&self)
    }
    /// Bits of the field that the units of a configuration use: values must fit these as well. 0 where there is no such unit.
    pub fn used_bits(self, config: &Config) -> u32 {
        let v = config.values();
        let most = match self {
            _ if self.expands() && !config.expands() => 0,
            Field::MergeBytes if !config.merges() => 0,
            _ if self.adds() && v.residual == 0 => 0,
            Field::PixelIdle if !config.expands() && (v.tp == 1 || config.shares_requant()) => 0,
            Field::RowSkip if !config.slices() => 0,
            _ if self.runs_ahead() && !config.runs_ahead() => 0,
            Field::RowsTurns if v.residual == 0 => 0,
            Field::Pairs => v.pairs,
            Field::ExpandTable if !config.expands() => 0,
            Field::Table | Field::ExpandTable => table_bits(v.pw_tables),
            Field::DwTable => table_bits(v.dw_tables),
            Field::DwMax => v.dw_max,
            Field::InBase | Field::OutBase | Field::ResidualBase => {
                address_bits(config.activation_words())
            }
            Field::FirstSlot | Field::LineBase => address_bits(v.line_words),
            // fewer than those of a pixel, which a bank and the memory hold
            Field::RowSkip => address_bits(v.line_words.min(config.activation_words())),
            Field::RowWords | Field::SlotLimit => address_bits(v.line_words) + 1,
            Field::RowBytes
            | Field::FirstByte
            | Field::WindowStep
            | Field::RunBytes
            | Field::PixelBytes => offset_bits(config),
            Field::PixelWords | Field::RingPixels | Field::RingWords => {
                address_bits(v.pixel_words) + 1
            }
            Field::ExpandWords | Field::ExpandRing | Field::ExpandRingWords => {
                address_bits(v.expand_words) + 1
            }
            Field::DwWeightBase => address_bits(config.depthwise_words()),
            Field::DwParamBase => address_bits(config.dw_param_words()),
            Field::WeightBase | Field::ExpandWeightBase => address_bits(config.weight_words()),
            Field::ParamBase | Field::ExpandParamBase => address_bits(config.pw_param_words()),
            Field::FirstRow => width::most(self, config).map_or(self.bits(), width::bits) + 1,
            _ => width::most(self, config).map_or(self.bits(), width::bits),
        };
        most.min(self.bits())
    }
    /// Position of the field's lowest bit in a command.
    pub fn offset(self) -> u32 {
        Self::ALL
            .iter()
            .take_while(|f| **f != self)
            .map(|f| f.bits())
            .sum()
    }
}

/// One command: a value for every [`Field`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command([u8; COMMAND_BYTES]);

impl Default for Command {
    fn default() -> Self {
        Command([0; COMMAND_BYTES])
    }
}

impl Command {
    /// Sets an unsigned field.
    ///
    /// # Errors
    /// Gives back the field when the value does not fit its bits.
    pub fn set(&mut self, field: Field, value: u32) -> Result<(), Field> {
        if field.bits() < 32 && value >> field.bits() != 0 {
            return Err(field);
        }
        self.put(field, value);
        Ok(())
    }
    /// Sets a field in two's complement.
    ///
    /// # Errors
    /// Gives back the field when the value does not fit its bits.
    pub fn set_signed(&mut self, field: Field, value: i32) -> Result<(), Field> {
        let high = value >> (field.bits() - 1);
        if high != 0 && high != -1 {
            return Err(field);
        }
        self.put(field, value as u32);
        Ok(())
    }
    fn put(&mut self, field: Field, value: u32) {
        let offset = field.offset();
        for i in 0..field.bits() {
            let (byte, bit) = (((offset + i) / 8) as usize, (offset + i) % 8);
            self.0[byte] = self.0[byte] & !(1 << bit) | ((value >> i & 1) as u8) << bit;
        }
    }
    /// Value of a field, unsigned.
    pub fn get(&self, field: Field) -> u32 {
        let offset = field.offset();
        (0..field.bits())
            .map(|i| u32::from(self.0[((offset + i) / 8) as usize] >> ((offset + i) % 8) & 1) << i)
            .sum()
    }
    /// Value of a field in two's complement.
    pub fn get_signed(&self, field: Field) -> i32 {
        let unused = 32 - field.bits();
        (self.get(field) << unused) as i32 >> unused
    }
    /// The bytes as they lie in the program memory of a configuration.
    pub fn as_bytes(&self, config: &Config) -> &[u8] {
        &self.0[..command_bytes(config) as usize]
    }
    /// A command from those bytes; fields behind them are 0.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut command = Command::default();
        let count = bytes.len().min(COMMAND_BYTES);
        command.0[..count].copy_from_slice(&bytes[..count]);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Rounding;

    #[test]
    fn fields_fit_a_command_and_keep_their_values() {
        let total: u32 = Field::ALL.iter().map(|f| f.bits()).sum();
        assert!(total <= 8 * COMMAND_BYTES as u32, "{total} bits");
        let mut command = Command::default();
        for (i, f) in Field::ALL.iter().enumerate() {
            command
                .set(
                    *f,
                    (0x9e37_79b9u32.wrapping_mul(i as u32 + 1)) >> (32 - f.bits()),
                )
                .unwrap();
        }
        for (i, f) in Field::ALL.iter().enumerate() {
            assert_eq!(
                command.get(*f),
                (0x9e37_79b9u32.wrapping_mul(i as u32 + 1)) >> (32 - f.bits()),
                "{}",
                f.name()
            );
        }
    }

    #[test]
    fn fields_reach_the_ends_of_the_largest_memories() {
        for (tn, lanes) in [(1, 1), (64, 32)] {
            let values = crate::config::Values {
                tn,
                tm: 1,
                tp: 1,
                pw_multiplier: 0,
                pw_lut_channels: 0,
                pw_requant: 1,
                pw_sum_bits: 32,
                pw_requant_cycles: 1,
                pw_rounding: 1,
                pw_tables: 0,
                residual: 1,
                lanes,
                taps: 1,
                pairs: 0,
                gather_rows: 1,
                dw_multiplier: 0,
                dw_lut_lanes: 0,
                dw_requant: 1,
                dw_sum_bits: 32,
                dw_requant_cycles: 1,
                dw_max: 0,
                dw_tables: 0,
                activation_kib: 4096,
                weight_kib: 16384,
                depthwise_kib: 1024,
                pointwise_channels: 65536,
                depthwise_channels: 65536,
                line_words: 8192,
                pixel_words: 8192,
                expand_words: 8192,
                commands: 4096,
                map_size: 65535,
                commands_ahead: 1,
            };
            let config = values.check().unwrap();
            for (field, need) in [
                (Field::InBase, address_bits(config.activation_words())),
                (Field::OutBase, address_bits(config.activation_words())),
                (Field::ResidualBase, address_bits(config.activation_words())),
                (Field::RowBytes, offset_bits(&config)),
                (Field::FirstByte, offset_bits(&config)),
                (Field::WindowStep, offset_bits(&config)),
                (Field::RunBytes, offset_bits(&config)),
                (Field::RowWords, address_bits(8192) + 1),
                (Field::RingWords, address_bits(8192) + 1),
                (Field::DwWeightBase, address_bits(config.depthwise_words())),
                (Field::DwParamBase, address_bits(config.dw_param_words())),
                (Field::WeightBase, address_bits(config.weight_words())),
                (Field::ParamBase, address_bits(config.pw_param_words())),
            ] {
                assert_eq!(
                    field.used_bits(&config),
                    need,
                    "{} with tn = {tn}",
                    field.name()
                );
            }
        }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let mut command = Command::default();
        assert_eq!(command.set(Field::StrideRows, 8), Err(Field::StrideRows));
        assert_eq!(
            command.set_signed(Field::FirstRow, -32769),
            Err(Field::FirstRow)
        );
        command.set_signed(Field::FirstRow, -5).unwrap();
        assert_eq!(command.get_signed(Field::FirstRow), -5);
    }

    #[test]
    fn parameters_survive_their_bytes() {
        for (shift, rounding) in [-31, -1, 0, 1, 30]
            .into_iter()
            .flat_map(|shift| [Rounding::Twice, Rounding::Once].map(|rounding| (shift, rounding)))
        {
            let p = Param {
                bias: -7,
                multiplier: i32::MAX,
                shift,
                rounding,
            };
            let stored = match shift {
                ..0 => p,
                _ => Param {
                    rounding: Rounding::Twice,
                    ..p
                },
            };
            assert_eq!(Param::from_bytes(p.to_bytes()), stored);
            if shift <= 0 {
                assert_eq!(Param::from_serial_bytes(p.to_serial_bytes()), stored);
            }
        }
    }
}
