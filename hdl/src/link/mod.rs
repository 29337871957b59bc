// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host link in hardware: `docs/host-link.md` over UART or SPI pins, in front of the accelerator's registers and streams.
//!
//! The link is half duplex, as a host has one request outstanding: one CRC unit and one memory of 512 bytes serve both
//! directions. What comes in while a request is executed or answered is dropped, and its sender sends it again.

pub mod board;
pub mod bridge;
pub mod crc;
pub mod deframe;
pub mod enframe;
mod options;
mod rate;
pub mod spi;
pub mod uart_rx;
pub mod uart_tx;

pub use options::{Link, LinkError, LinkOptions};
