// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of the development tasks that tests use too.

pub mod results;
pub mod speed;
