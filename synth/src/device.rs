// SPDX-License-Identifier: MIT OR Apache-2.0
//! FPGAs and what they have.

use sepstream_hdl::Technology;
use sepstream_toolchain::{NEXTPNR_ECP5, NEXTPNR_ICE40, Wheel};
use serde::Serialize;

/// Share of an ECP5's LUTs that a design may take: nextpnr places ECP5 designs full of carry chains at 40 %, and none at 75 %.
pub const LUT_SHARE: f64 = 0.6;

/// A family of FPGAs: one flow of tools, one library of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Lattice ECP5.
    Ecp5,
    /// Lattice iCE40.
    Ice40,
}

impl Family {
    /// The family's nextpnr.
    pub fn nextpnr(self) -> &'static Wheel {
        match self {
            Family::Ecp5 => &NEXTPNR_ECP5,
            Family::Ice40 => &NEXTPNR_ICE40,
        }
    }
    /// The command of Yosys that maps to the family's cells; `top` is the module, `device` the one that it is for. The iCE40's
    /// without `-dsp`: it drops products of sums of registered products. The UltraPlus' without enables for few flip-flops: the eight
    /// of a tile share theirs, and a nearly full chip then finds no place for them.
    pub(crate) fn mapping(self, device: &Device, top: &str) -> String {
        match self {
            Family::Ecp5 => format!("synth_ecp5 -no-rw-check -top {top}"),
            Family::Ice40 if device.single_port_rams > 0 => {
                format!("synth_ice40 -no-rw-check -device u -dffe_min_ce_use 4 -top {top}")
            }
            Family::Ice40 => format!("synth_ice40 -no-rw-check -device hx -top {top}"),
        }
    }
    /// Yosys' models of the family's cells, as its `read_verilog` takes them: an iCE40's inputs without the values that they have
    /// when nothing drives them, as Verilator gives those to what does, an input of the top as well, when it begins.
    pub(crate) fn models(self) -> &'static str {
        match self {
            Family::Ecp5 => "+/ecp5/cells_sim.v",
            Family::Ice40 => "-D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v",
        }
    }
    /// Names of the sites of LUTs, of the cells that multiply, of those that are block RAMs.
    pub fn cell_names(self) -> [&'static str; 3] {
        match self {
            Family::Ecp5 => ["LUTs", "MULT18X18D", "DP16KD"],
            Family::Ice40 => ["logic cells", "SB_MAC16", "SB_RAM40_4K"],
        }
    }
}

/// An FPGA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Name on the command line.
    pub name: &'static str,
    /// Its family.
    pub family: Family,
    /// LUTs of four inputs, each with a flip-flop.
    pub luts: u32,
    /// Multipliers: MULT18X18D, SB_MAC16.
    pub multipliers: u32,
    /// Block RAMs: DP16KD of 18 kbit, SB_RAM40_4K of 4 kbit.
    pub block_rams: u32,
    /// Large RAMs of one port, SB_SPRAM256KA of 256 kbit.
    pub single_port_rams: u32,
}

/// The devices; figures of the families' data sheets.
pub const DEVICES: [Device; 5] = [
    ecp5("ecp5-25", 24_288, 28, 56),
    ecp5("ecp5-45", 43_848, 72, 108),
    ecp5("ecp5-85", 83_640, 156, 208),
    Device {
        name: "ice40-hx8k",
        family: Family::Ice40,
        luts: 7_680,
        multipliers: 0,
        block_rams: 32,
        single_port_rams: 0,
    },
    Device {
        name: "ice40-up5k",
        family: Family::Ice40,
        luts: 5_280,
        multipliers: 8,
        block_rams: 30,
        single_port_rams: 4,
    },
];

const fn ecp5(name: &'static str, luts: u32, multipliers: u32, block_rams: u32) -> Device {
    Device {
        name,
        family: Family::Ecp5,
        luts,
        multipliers,
        block_rams,
        single_port_rams: 0,
    }
}

impl Device {
    /// A device by its name.
    pub fn named(name: &str) -> Option<&'static Device> {
        DEVICES.iter().find(|device| device.name == name)
    }
    /// What its multipliers and memories are made of.
    pub fn technology(&self) -> Technology {
        match self.family {
            Family::Ecp5 => Technology::Ecp5,
            Family::Ice40 if self.single_port_rams > 0 => Technology::Ice40Up,
            Family::Ice40 => Technology::Generic,
        }
    }
    /// LUTs that the budget of a design allows, so that wires are easy: of an iCE40, all of them.
    pub fn usable_luts(&self) -> u32 {
        match self.family {
            Family::Ecp5 => (f64::from(self.luts) * LUT_SHARE) as u32,
            Family::Ice40 => self.luts,
        }
    }
}

/// An FPGA as it is sold and soldered: what a board file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Lattice's name, without package and speed grade.
    pub name: &'static str,
    /// Name of the device.
    pub device: &'static str,
    /// Option of nextpnr.
    #[serde(skip)]
    pub option: &'static str,
    /// Packages, as nextpnr names them.
    #[serde(skip)]
    pub packages: &'static [&'static str],
    /// Speed grades; none for iCE40s, whose names have theirs.
    #[serde(skip)]
    pub speeds: &'static [u32],
}

impl Part {
    /// A part by its name.
    pub fn named(name: &str) -> Option<&'static Part> {
        PARTS.iter().find(|part| part.name == name)
    }
    /// What it has.
    pub fn device(&self) -> &'static Device {
        let known = Device::named(self.device);
        known.expect("every part names a device of the table (tested)")
    }
}

const BGA: &[&str] = &["CABGA256", "CABGA381", "CABGA554", "CABGA756", "CSFBGA285"];
const SPEEDS: &[u32] = &[6, 7, 8];

/// The parts of the boards. The 12F is sold as half of a 25F and is the same die, all of which nextpnr uses.
#[rustfmt::skip]
pub const PARTS: [Part; 7] = [
    Part { name: "LFE5U-12F", device: "ecp5-25", option: "--12k", packages: BGA, speeds: SPEEDS },
    Part { name: "LFE5U-25F", device: "ecp5-25", option: "--25k", packages: BGA, speeds: SPEEDS },
    Part { name: "LFE5U-45F", device: "ecp5-45", option: "--45k", packages: BGA, speeds: SPEEDS },
    Part { name: "LFE5U-85F", device: "ecp5-85", option: "--85k", packages: BGA, speeds: SPEEDS },
    Part { name: "LFE5UM5G-85F", device: "ecp5-85", option: "--um5g-85k", packages: BGA, speeds: &[8] },
    Part { name: "iCE40HX8K", device: "ice40-hx8k", option: "--hx8k", packages: &["ct256", "cb132", "tq144:4k"], speeds: &[] },
    Part { name: "iCE40UP5K", device: "ice40-up5k", option: "--up5k", packages: &["sg48", "uwg30"], speeds: &[] },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_a_device() {
        for part in &PARTS {
            let family = part.device().family;
            assert_eq!(family == Family::Ecp5, !part.speeds.is_empty());
        }
    }
}
