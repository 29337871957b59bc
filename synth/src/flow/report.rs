// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came out of a flow.

use serde::Serialize;

use super::place::Placed;
use super::{CriticalPath, Design, Request, Run};
use crate::area::Area;
use crate::origin::BoardOrigin;
use crate::pll::Clocking;
use crate::{Cells, Device, HostPins, Part, Unit};

/// Something that the device has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// As nextpnr names it.
    pub name: String,
    /// Taken.
    pub used: u64,
    /// There.
    pub available: u64,
}

/// A placed and routed design.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the board.
    pub board: String,
    /// Its FPGA.
    pub part: &'static Part,
    /// What that has.
    pub device: &'static Device,
    /// Package.
    pub package: String,
    /// Speed grade, where the part's name has none.
    pub speed: Option<u32>,
    /// Fingerprint of the configuration.
    pub fingerprint: u32,
    /// What all of it follows from.
    pub origin: BoardOrigin,
    /// 8x8 products per cycle.
    pub products_per_cycle: u32,
    /// Pins of the host link.
    pub link: HostPins,
    /// Its baud rate, if it is a UART.
    pub baud: Option<u32>,
    /// The clock comes out of a PLL.
    pub pll: bool,
    /// Frequency that was asked for, in MHz.
    pub wanted_mhz: f64,
    /// Frequency that the clock has, in MHz.
    pub clock_mhz: f64,
    /// Highest frequency of the best seed, in MHz.
    pub fmax_mhz: f64,
    /// `fmax_mhz / clock_mhz - 1`: below zero the clock is missed.
    pub margin: f64,
    /// The clock is reached.
    pub met: bool,
    /// Seed of the bitstream.
    pub seed: u32,
    /// All seeds.
    pub runs: Vec<Run>,
    /// Cells by the estimate before synthesis.
    pub estimate: Option<Cells>,
    /// Cells of every unit, by Yosys.
    pub units: Vec<Unit>,
    /// Cells of all of them.
    pub total: Cells,
    /// What nextpnr took of the device.
    pub resources: Vec<Resource>,
    /// The slowest way from register to register.
    pub critical_path: Option<CriticalPath>,
    /// Wall clock of Yosys.
    pub map_seconds: f64,
    /// Tools and their versions.
    pub tools: Vec<String>,
    /// File of the bitstream, if there is one.
    pub bitstream: Option<String>,
    /// Files beside the logs.
    pub files: Vec<String>,
}

impl Report {
    pub(super) fn new(
        request: &Request,
        design: &Design,
        area: Area,
        best: &Placed,
        runs: Vec<Run>,
        map_seconds: f64,
    ) -> Self {
        let board = request.board;
        let clock = &design.clock;
        let clock_mhz = f64::from(clock.hz) / 1e6;
        let fmax_mhz = best.fmax_mhz;
        Report {
            board: board.id().into(),
            part: board.part(),
            device: board.part().device(),
            package: board.package().into(),
            speed: board.speed(),
            fingerprint: request.config.fingerprint(),
            origin: design.board_origin(request),
            products_per_cycle: request.config.multipliers(),
            link: request.pins,
            baud: board.baud().ok().filter(|_| request.pins == HostPins::Uart),
            pll: clock.clocking != Clocking::Direct,
            wanted_mhz: f64::from(request.freq_hz) / 1e6,
            clock_mhz,
            fmax_mhz,
            margin: fmax_mhz / clock_mhz - 1.0,
            met: fmax_mhz >= clock_mhz,
            seed: best.seed,
            runs,
            estimate: None,
            total: area.total(),
            units: area.units,
            resources: best.resources.clone(),
            critical_path: None,
            map_seconds,
            tools: Vec::new(),
            bitstream: None,
            files: Vec::new(),
        }
    }
}
