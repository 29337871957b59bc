// SPDX-License-Identifier: MIT OR Apache-2.0
//! A small layer over rust_hdl for blocks whose widths and counts are chosen at run time.
//!
//! rust_hdl's `#[hdl_gen]` kernels have const-generic widths, no arithmetic shifts or wide signed products, and leave operator
//! precedence and literal widths to chance (docs/dependencies.md). Here a block is a [`Module`] built by plain Rust code out of
//! checked [`Expr`]s; rust_hdl carries the block tree, its checks and the Verilog output.

mod array;
mod cost;
mod emit;
mod expr;
mod module;

pub use array::Array;
pub use cost::Cost;
pub use emit::verilog;
pub use expr::{Expr, all, cat, lit, lit_s, pack};
pub use module::{Direction, Instance, Module, Port, Statements};
