// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hardware as data, for blocks whose widths and counts are chosen when the program runs.
//!
//! A block is a [`Module`] that plain Rust code fills: ports, wires, registers, memories, instances. Values are [`Expr`]s, which know
//! their width. All of it stays data; [`verilog`] prints it, [`Module::cost`] counts it.
//!
//! ```
//! use sepstream_rtl::{Module, verilog};
//! use std::rc::Rc;
//!
//! let mut m = Module::new("adder", "Sum of two bytes, a cycle later.");
//! let [a, b] = ["a", "b"].map(|name| m.input(name, 8));
//! let sum = m.pipe("sum", &(&a + &b));
//! m.output("m_sum", &sum);
//! assert!(verilog(&Rc::new(m), "An example.").contains("sum <= a + b;"));
//! ```

mod cell;
mod check;
mod cost;
mod expr;
mod memory;
mod module;
mod node;
mod print;
mod process;
mod rust_hdl;
mod structure;

/// The code on the page for authors of blocks runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../../docs/writing-a-block.md")]
struct WritingABlock;

pub use cell::{Cell, CellBuilder};
pub use check::{Fault, name_fault};
pub use cost::Cost;
pub use expr::{all, cat, lit, lit_s, pack};
pub use memory::{Array, Memory, MemoryBuilder};
pub use module::{Direction, Instance, Module, Port, Primitive};
pub use node::Expr;
pub use print::{Printed, verilog};
pub use process::Statements;
pub use rust_hdl::HdlBlock;
