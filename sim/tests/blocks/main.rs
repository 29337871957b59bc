// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every RTL block alone in Verilator against a small model of its own, cycle by cycle.

mod bench;

mod byte_writer;
mod columns;
mod depthwise;
mod drawn;
mod expand;
mod fill;
mod host;
mod line_buffer;
mod link;
mod memory;
mod merge;
mod multiplier;
mod order;
mod packer;
mod pixel_buffer;
mod pointwise;
mod pointwise_control;
mod pointwise_control_ahead;
mod requant;
mod residual;
mod row_gate;
mod sequencer;
mod sequencer_ahead;
mod shared_requant;
mod table;
mod together;
mod verilog;
mod window;
