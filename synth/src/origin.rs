// SPDX-License-Identifier: MIT OR Apache-2.0
//! What figures follow from: where one of these is another, the figures are of something else.

use sepstream_hdl::rtl::Module;
use serde::{Deserialize, Serialize};

use crate::{Device, mapping};

/// What the cells of a design follow from, beside the version of Yosys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The structure of the design (`rtl::Module::structure`).
    pub design: String,
    /// The commands of Yosys, without the names of modules and sites.
    pub yosys: String,
}

impl Origin {
    /// Of a design that is mapped for a device.
    pub fn new(design: &Module, device: &Device) -> Self {
        Origin {
            design: design.structure(),
            yosys: mapping::recipe(device),
        }
    }
}

/// What the figures of a board follow from, beside the versions of Yosys and nextpnr. Of the board's file there are the package and
/// the grade in nextpnr's options, the clock and the LEDs in the wrapper, the pins in the constraints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardOrigin {
    /// The design without its wrapper.
    #[serde(flatten)]
    pub origin: Origin,
    /// CRC-32 of the Verilog around the design: clock, reset, pins.
    pub wrapper_crc32: u32,
    /// CRC-32 of the constraint file.
    pub constraints_crc32: u32,
    /// CRC-32 of the sites that multiplier blocks are given, if they are.
    pub floor_plan_crc32: Option<u32>,
    /// Options of nextpnr without files and seed.
    pub nextpnr: String,
}
