// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requantisation parameters as they lie in their memories.

use crate::quant::Rounding;

/// Bytes of one lane's requantisation parameters in a parameter memory: bias (4), multiplier (4), shift (1).
pub const PARAM_BYTES: u32 = 9;
/// The same for lanes that take a sum in several cycles: bias (3), shift (1), multiplier (4).
pub const SERIAL_PARAM_BYTES: u32 = 8;
/// Bits of such a lane's bias, in two's complement.
pub const SERIAL_BIAS_BITS: u32 = 24;
/// Words in which the parameters of a beat lie in their memory, whose lanes take a sum in so many cycles: serial lanes read them one
/// after the other, two bytes of each lane in each, which is what block RAMs and single-port RAMs of an iCE40 give.
pub const fn param_parts(cycles: u32) -> u32 {
    if cycles == 1 { 1 } else { 4 }
}
/// Bytes of a lane's parameters, likewise.
pub const fn param_bytes(cycles: u32) -> u32 {
    if cycles == 1 {
        PARAM_BYTES
    } else {
        SERIAL_PARAM_BYTES
    }
}
/// Flag in the shift byte: the low five bits shift left (multiplier above 1) instead of right.
pub const SHIFT_LEFT: u8 = 0x80;
/// Flag in the shift byte: the product is rounded once ([`Rounding::Once`]).
pub const ROUND_ONCE: u8 = 0x40;
/// The shift itself, of that byte.
const SHIFT_BITS: u8 = 0x1f;

/// Requantisation parameters of one output channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Param {
    /// Added to the sum, wrapping at 32 bits; holds the bias and what the ifm's zero point contributes.
    pub bias: i32,
    /// Q31 multiplier, not negative.
    pub multiplier: i32,
    /// Power of two: positive shifts the sum left before, negative shifts the product right after; -31 to 30.
    pub shift: i32,
    /// How often the lane rounds. Lanes round once only with a right shift; without one twice is the same, and so it is stored.
    pub rounding: Rounding,
}

impl Param {
    /// Steps of a sum that has its bias already.
    #[inline]
    pub fn steps(&self, biased: i32) -> i32 {
        self.rounding.requant(biased, self.multiplier, self.shift)
    }
    /// The shift byte.
    fn shift_byte(self) -> u8 {
        let left = if self.shift > 0 { SHIFT_LEFT } else { 0 };
        let once = match self.rounding {
            Rounding::Once if self.shift < 0 => ROUND_ONCE,
            _ => 0,
        };
        self.shift.unsigned_abs() as u8 & SHIFT_BITS | left | once
    }
    /// Shift and rounding of a shift byte.
    fn of_shift_byte(byte: u8) -> (i32, Rounding) {
        let amount = i32::from(byte & SHIFT_BITS);
        let shift = if byte & SHIFT_LEFT != 0 {
            amount
        } else {
            -amount
        };
        let rounding = if byte & ROUND_ONCE != 0 {
            Rounding::Once
        } else {
            Rounding::Twice
        };
        (shift, rounding)
    }
    /// The bytes as they lie in a parameter memory.
    pub fn to_bytes(self) -> [u8; PARAM_BYTES as usize] {
        let mut out = [0; PARAM_BYTES as usize];
        out[..4].copy_from_slice(&self.bias.to_le_bytes());
        out[4..8].copy_from_slice(&self.multiplier.to_le_bytes());
        out[8] = self.shift_byte();
        out
    }
    /// The same for serial lanes; the bias has [`SERIAL_BIAS_BITS`], and there is no left shift.
    pub fn to_serial_bytes(self) -> [u8; SERIAL_PARAM_BYTES as usize] {
        let [b0, b1, b2, _] = self.bias.to_le_bytes();
        let [m0, m1, m2, m3] = self.multiplier.to_le_bytes();
        [b0, b1, b2, self.shift_byte(), m0, m1, m2, m3]
    }
    /// Parameters from those bytes.
    pub fn from_serial_bytes(bytes: [u8; SERIAL_PARAM_BYTES as usize]) -> Self {
        let [b0, b1, b2, shift, m0, m1, m2, m3] = bytes;
        let (shift, rounding) = Param::of_shift_byte(shift);
        Param {
            bias: i32::from_le_bytes([0, b0, b1, b2]) >> 8,
            multiplier: i32::from_le_bytes([m0, m1, m2, m3]),
            shift,
            rounding,
        }
    }
    /// Parameters from their bytes.
    pub fn from_bytes(bytes: [u8; PARAM_BYTES as usize]) -> Self {
        let word =
            |i: usize| i32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        let (shift, rounding) = Param::of_shift_byte(bytes[8]);
        Param {
            bias: word(0),
            multiplier: word(4),
            shift,
            rounding,
        }
    }
}
