// SPDX-License-Identifier: MIT OR Apache-2.0
//! TensorFlow Lite's reference kernels in plain loops: what every other execution of a network has to equal.
//!
//! [`Runner::new`] checks a graph and turns each layer into a kernel, with weights in the order of the loops and scales made
//! into multipliers; [`Runner::run`] then executes frames. All activations are bytes. A kernel that multiplies first takes
//! its input to `i16` with the zero point subtracted (so that padding is 0, and int8 and uint8 are the same thing), sums in
//! `i32`, and stores the clamped result as a byte again.

mod broadcast;
mod conv;
mod data;
mod dense;
mod depthwise;
mod elementwise;
mod error;
mod float;
mod mean;
mod pool;
mod runner;
mod site;
mod softmax;
mod unary;
mod value;
mod window;

pub use error::Error;
pub use runner::{Runner, Trace};
pub use value::Value;

/// One layer, ready to run.
trait Kernel: Send + Sync {
    /// Computes the output from the operands of the layer, each row-major and of the size its tensor has. An operand that is
    /// left out is empty.
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]);
}
