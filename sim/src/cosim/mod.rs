// SPDX-License-Identifier: MIT OR Apache-2.0
//! # cosim — generated Verilog in Verilator
//!
//! [`Rtl`] is the whole accelerator behind the host side that a board would use: a register bus and two streams. [`Device`]
//! runs programs on it with the driver that boards use, through [`RtlBus`]. [`Block`] is
//! any module with its bare ports, for tests of single blocks; [`Board`] is the board's top behind its serial line. All are built
//! at run time: Verilator translates the Verilog, the C++ compiler makes a shared object of it together with a small shim
//! (`shim/`), and that is loaded into this process. Builds are kept by content in the cache folder of [`sepstream_toolchain::Places`].
//!
//! All `unsafe` code of the crate is in `ffi.rs`.

mod block;
mod board;
mod build;
mod bus;
mod compile;
mod device;
mod error;
mod ffi;
mod rtl;

pub use block::{Block, Direction, Port};
pub use board::{Board, Leds};
pub use build::{BuildOptions, Optimise, TraceFormat};
pub use bus::RtlBus;
pub use device::{Device, Outputs, Run};
pub use error::{Error, Limit};
pub use rtl::{LayerEvent, Packet, Rtl, Span};
