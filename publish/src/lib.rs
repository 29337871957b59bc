// SPDX-License-Identifier: MIT OR Apache-2.0
//! The development tasks that are more than a list of cargo calls.

pub mod area;
pub mod boards;
pub mod compare;
mod error;
pub mod fit;
pub mod markers;
mod project;
pub mod speed;

pub use error::Error;
pub use project::{Project, is_strict};
