// SPDX-License-Identifier: MIT OR Apache-2.0
//! Executions of one network: software reference, cycle-exact model, Verilated RTL, and soft cores to compare with.
pub mod cosim;
pub mod model;
pub mod reference;
pub mod softcore;
