// SPDX-License-Identifier: MIT OR Apache-2.0
//! Behind the engines: from their sums to bytes on the way to memory.
//!
//! `requant` (its lanes `wide_lane`, `narrow_lane`, `block_lane`, `serial_lane`) or `shared_requant`, `table` for functions of an
//! output, `order` where several pixels come at once, `residual`, and `byte_writer` where outputs are written one by one.

pub mod block_lane;
pub mod byte_writer;
mod lane;
pub mod narrow_lane;
pub mod order;
pub mod requant;
pub mod residual;
pub mod rounding;
pub mod serial;
pub mod serial_lane;
pub mod shared_requant;
pub mod table;
pub mod wide_lane;
