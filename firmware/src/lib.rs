// SPDX-License-Identifier: MIT OR Apache-2.0
//! Driver of the accelerator, for hosts from a soft core to a PC: no `std`, no allocation.
//!
//! [`Driver`] turns a program image and tensors into register accesses and stream transfers of a [`Bus`]: the accelerator's
//! own ports, a memory-mapped bridge to them, or a byte link with the frames of [`link`]. The co-simulation runs the same
//! driver on the Verilated ports.
#![no_std]

mod bus;
mod driver;
mod error;
mod frame;
pub mod link;
pub mod soc;

pub use bus::Bus;
pub use driver::{Driver, Status};
pub use error::Error;
pub use frame::{FrameError, Tensors};
pub use sepstream_spec::program::{ImageView, MapPort, Numbers, SegmentView};
pub use sepstream_spec::regs::Reg;
