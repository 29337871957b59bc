// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the generated Verilog to FPGA cells.
//!
//! A crate of its own, beside `sim`: what runs here are the tools of an FPGA, not simulators, and what comes out is cells,
//! not bytes and cycles. [`area()`] gives the cells of every unit; the tools are found and installed by `sim::tools`.

pub mod area;
mod device;
mod error;

pub use area::{Area, Cells, Unit, area};
pub use device::{DEVICES, Device, LUT_SHARE};
pub use error::Error;
