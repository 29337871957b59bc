// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames for a network: numpy arrays, images, noise.

mod array;
mod frames;
mod image;
mod numpy;

pub use array::Array;
pub use frames::{Frames, noise, read_inputs, read_wanted};
pub use numpy::Archive;
