// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks that are cut between accelerator and host: every byte equal to the reference, every
//! cycle equal in model and Verilator.

mod driver;
mod random;
mod real;
