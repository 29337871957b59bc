// SPDX-License-Identifier: MIT OR Apache-2.0
//! Blocks of the host link.

mod bridge;
mod frames;
mod noise;
mod spi;
mod uart;
mod units;
