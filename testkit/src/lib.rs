// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests share: random networks and configurations, seeds, files, and the comparison of reference, model and Verilator.
//!
//! A crate of its own, so that each part is compiled once and no test includes the source of another.

pub mod accelerated;
pub mod configs;
pub mod coverage;
pub mod designs;
pub mod files;
pub mod host_layers;
pub mod in_place;
pub mod model_file;
pub mod moving;
pub mod network;
pub mod odd;
pub mod parallel;
pub mod planted;
pub mod seeds;
pub mod shrink;
pub mod small;
pub mod tools;

pub use accelerated::{Accelerated, Frame, build};
pub use parallel::{Difference, for_all};
pub use seeds::Seeds;
pub use tools::{found, tools_present};
