// SPDX-License-Identifier: MIT OR Apache-2.0
//! FPGAs and what they have.

use serde::Serialize;

/// Share of the LUTs that a design may take: nextpnr places ECP5 designs full of carry chains at 40 %, and none at 75 %.
pub const LUT_SHARE: f64 = 0.6;

/// An FPGA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Name on the command line.
    pub name: &'static str,
    /// LUTs of four inputs, each with a flip-flop.
    pub luts: u32,
    /// Multipliers, MULT18X18D.
    pub multipliers: u32,
    /// Block RAMs of 18 kbit, DP16KD.
    pub block_rams: u32,
}

/// The devices of Lattice's ECP5 family; figures of the family's data sheet.
pub const DEVICES: [Device; 3] = [
    Device {
        name: "ecp5-25",
        luts: 24_288,
        multipliers: 28,
        block_rams: 56,
    },
    Device {
        name: "ecp5-45",
        luts: 43_848,
        multipliers: 72,
        block_rams: 108,
    },
    Device {
        name: "ecp5-85",
        luts: 83_640,
        multipliers: 156,
        block_rams: 208,
    },
];

impl Device {
    /// A device by its name.
    pub fn named(name: &str) -> Option<Self> {
        DEVICES.into_iter().find(|device| device.name == name)
    }
    /// LUTs that a design may take.
    pub fn usable_luts(&self) -> u32 {
        (f64::from(self.luts) * LUT_SHARE) as u32
    }
}
