// SPDX-License-Identifier: MIT OR Apache-2.0
//! The development tasks that are more than a list of cargo calls.

mod error;
#[path = "../../src/markers.rs"]
mod markers;
pub mod speed;

pub use error::Error;
