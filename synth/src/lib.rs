// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the generated Verilog to FPGA cells, and to the bitstream of a board.
//!
//! A crate of its own, beside `sim`: what runs here are the tools of an FPGA, not simulators, and what comes out is cells and
//! frequencies, not bytes and cycles. [`area()`] gives the cells of every unit, [`gates()`] the netlist for a simulator; [`board`] knows the boards, [`pll`] their clocks,
//! [`estimate`] says beforehand what will not fit, and [`flow`] makes bitstreams. The tools are found and installed by `toolchain`.

pub mod area;
pub mod board;
mod cells;
mod device;
mod error;
pub mod estimate;
mod flat;
mod floorplan;
pub mod flow;
mod gates;
mod hierarchy;
mod host;
mod lone;
mod mapping;
pub mod origin;
pub mod pll;
mod process;
pub mod top;
mod yosys;

pub use area::{Area, Unit, area};
pub use board::Board;
pub use cells::Cells;
pub use device::{DEVICES, Device, Family, LUT_SHARE, PARTS, Part};
pub use error::Error;
pub use gates::gates;
pub use host::HostPins;
