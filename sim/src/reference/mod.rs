// SPDX-License-Identifier: MIT OR Apache-2.0
//! TensorFlow Lite's reference kernels in plain loops: what every other execution of a network has to equal.
//!
//! [`Runner::new`] checks a graph and turns each layer into a kernel, with weights in the order of the loops and scales made
//! into multipliers; [`Runner::run`] then executes frames. All activations are bytes. A kernel that multiplies first takes
//! its input to `i16` with the zero point subtracted (so that padding is 0, and int8 and uint8 are the same thing), sums in
//! `i32`, and stores the clamped result as a byte again.

mod arg;
mod broadcast;
mod cast;
mod conv;
mod data;
mod dense;
mod depthwise;
mod element;
mod elementwise;
mod error;
mod float;
mod float_unary;
mod layout;
mod matmul;
mod mean;
mod moves;
mod pairs;
mod pool;
mod reduce;
mod resize;
mod runner;
mod select;
mod site;
mod softmax;
mod space;
mod transpose_conv;
mod unary;
mod value;
mod window;

pub use error::Error;
pub use runner::{Runner, Trace};
pub use value::Value;

/// One result of a layer, ready to run.
trait Kernel: Send + Sync {
    /// Computes the result from the operands of the layer, each row-major and of the size its tensor has. An operand that is
    /// left out is empty.
    fn eval(&self, operands: &[&[u8]], output: &mut [u8]);
}
