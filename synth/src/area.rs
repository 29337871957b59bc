// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cells of every unit of an accelerator, as Yosys makes them for an FPGA.
//!
//! For an ECP5 the modules that `top` instantiates keep their borders, so that each cell belongs to a unit; inside they are flattened.
//! For an iCE40 nothing keeps a border, which takes a few cells less in all; a cell's name says where it belongs.

use std::fs;

use sepstream_hdl::Prefix;
use sepstream_spec::config::Config;
use sepstream_toolchain::{self as tools, Progress};
use serde::{Deserialize, Serialize};

use crate::cells::Cells;
use crate::origin::Origin;
use crate::{Device, Error, hierarchy, mapping};

/// A unit and its cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Name of the instance in `top`; `top` itself for what lies between them.
    pub name: String,
    /// Its cells, and those of all below it.
    #[serde(flatten)]
    pub cells: Cells,
}

/// Cells of an accelerator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Version of Yosys.
    pub tool: String,
    /// What was mapped, and how.
    pub origin: Origin,
    /// Units in the order of the Verilog.
    pub units: Vec<Unit>,
}

impl Area {
    /// Cells of all units.
    pub fn total(&self) -> Cells {
        self.units
            .iter()
            .fold(Cells::default(), |sum, unit| sum + unit.cells)
    }
    /// What is exceeded on a device, in words; nothing when the design fits.
    pub fn excess(&self, device: &Device) -> Vec<String> {
        self.total().excess(device)
    }
    /// The same against the budget of [`Cells::over_budget`].
    pub fn over_budget(&self, device: &Device) -> Vec<String> {
        self.total().over_budget(device)
    }
}

/// Synthesises a configuration for a device; the tool is installed first where it is missing.
///
/// # Errors
/// When Yosys cannot be had, fails, or says something unexpected.
pub fn area(config: &Config, device: &Device, progress: &mut Progress) -> Result<Area, Error> {
    let yosys = tools::yosys(progress)?;
    let folder = tempfile::tempdir().map_err(Error::io(std::env::temp_dir()))?;
    let source = folder.path().join("sepstream.v");
    let design = sepstream_hdl::design(config, device.technology());
    let printed = sepstream_hdl::print(&design, config, &Prefix::default());
    let origin = (device, Origin::new(&design, device));
    fs::write(&source, &printed.text).map_err(Error::io(&source))?;
    let units = hierarchy::units(&design, &printed, "");
    let mapped = mapping::map(
        &yosys,
        folder.path(),
        "sepstream",
        "sepstream",
        origin,
        (units, &[]),
    )?;
    Ok(mapped.area)
}
