// SPDX-License-Identifier: MIT OR Apache-2.0
//! What designs take of FPGAs.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

use crate::Device;

/// Cells of an FPGA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells {
    /// LUT sites taken: one by a LUT4 or SB_LUT4, two by a CCU2C (two bits of a carry chain), six by a TRELLIS_DPR16X4 (16 words
    /// of 4 bits and their write port).
    pub luts: u32,
    /// Carry cells: CCU2C, which are among the LUTs, or SB_CARRY, which mostly share the sites of LUTs.
    pub carries: u32,
    /// LUT memories among them, TRELLIS_DPR16X4.
    pub lut_rams: u32,
    /// Flip-flops.
    pub flip_flops: u32,
    /// Flip-flops among them that take the site of a LUT, too: on an iCE40 those that no LUT of their own drives.
    pub lone_flip_flops: u32,
    /// MULT18X18D, SB_MAC16.
    pub multipliers: u32,
    /// DP16KD, SB_RAM40_4K.
    pub block_rams: u32,
    /// SB_SPRAM256KA.
    pub single_port_rams: u32,
}

impl Cells {
    /// Sites of LUTs that are taken.
    pub fn sites(&self) -> u32 {
        self.luts + self.lone_flip_flops
    }
    /// What is exceeded on a device, in words; nothing when there is a cell for everything.
    pub fn excess(&self, device: &Device) -> Vec<String> {
        let [site, ..] = device.family.cell_names();
        self.exceeds(device, (site, device.luts))
    }
    /// The same against a budget that leaves room for wires: `Device::usable_luts`.
    pub fn over_budget(&self, device: &Device) -> Vec<String> {
        let [site, ..] = device.family.cell_names();
        self.exceeds(device, (&format!("usable {site}"), device.usable_luts()))
    }
    fn exceeds(&self, device: &Device, (site, sites): (&str, u32)) -> Vec<String> {
        let [_, multiplier, block_ram] = device.family.cell_names();
        [
            (site, self.sites(), sites),
            ("flip-flops", self.flip_flops, device.luts),
            (multiplier, self.multipliers, device.multipliers),
            (block_ram, self.block_rams, device.block_rams),
            (
                "SB_SPRAM256KA",
                self.single_port_rams,
                device.single_port_rams,
            ),
        ]
        .into_iter()
        .filter(|(_, used, has)| used > has)
        .map(|(what, used, has)| format!("{used} {what} of {has}"))
        .collect()
    }
    /// A cell of Yosys' library; `None` for other modules.
    pub(crate) fn of(kind: &str) -> Option<Self> {
        let none = Cells::default();
        Some(match kind {
            "LUT4" | "SB_LUT4" => Cells { luts: 1, ..none },
            "CCU2C" => Cells {
                luts: 2,
                carries: 1,
                ..none
            },
            "TRELLIS_DPR16X4" => Cells {
                luts: 6,
                lut_rams: 1,
                ..none
            },
            "TRELLIS_FF" => Cells {
                flip_flops: 1,
                ..none
            },
            "MULT18X18D" | "SB_MAC16" => Cells {
                multipliers: 1,
                ..none
            },
            "DP16KD" | "PDPW16KD" => Cells {
                block_rams: 1,
                ..none
            },
            "SB_CARRY" => Cells { carries: 1, ..none },
            "SB_SPRAM256KA" => Cells {
                single_port_rams: 1,
                ..none
            },
            _ if kind.starts_with("SB_DFF") => Cells {
                flip_flops: 1,
                ..none
            },
            _ if kind.starts_with("SB_RAM40_4K") => Cells {
                block_rams: 1,
                ..none
            },
            // multiplexers behind the LUTs, which take no site of their own, notes of what was flattened, and clocks
            "PFUMX" | "L6MUX21" | "$scopeinfo" | "EHXPLLL" | "SB_PLL40_CORE" | "SB_PLL40_PAD" => {
                none
            }
            _ => return None,
        })
    }
    pub(crate) fn times(self, n: u32) -> Self {
        Cells {
            luts: self.luts * n,
            carries: self.carries * n,
            lut_rams: self.lut_rams * n,
            flip_flops: self.flip_flops * n,
            lone_flip_flops: self.lone_flip_flops * n,
            multipliers: self.multipliers * n,
            block_rams: self.block_rams * n,
            single_port_rams: self.single_port_rams * n,
        }
    }
}

impl Add for Cells {
    type Output = Cells;
    fn add(self, b: Cells) -> Cells {
        Cells {
            luts: self.luts + b.luts,
            carries: self.carries + b.carries,
            lut_rams: self.lut_rams + b.lut_rams,
            flip_flops: self.flip_flops + b.flip_flops,
            lone_flip_flops: self.lone_flip_flops + b.lone_flip_flops,
            multipliers: self.multipliers + b.multipliers,
            block_rams: self.block_rams + b.block_rams,
            single_port_rams: self.single_port_rams + b.single_port_rams,
        }
    }
}

impl AddAssign for Cells {
    fn add_assign(&mut self, b: Cells) {
        *self = *self + b;
    }
}
