// SPDX-License-Identifier: MIT OR Apache-2.0
//! Three executions of one network: software reference, cycle-exact model, Verilated RTL.
pub mod cosim;
pub mod model;
pub mod reference;
pub mod tools;
