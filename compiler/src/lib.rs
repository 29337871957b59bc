// SPDX-License-Identifier: MIT OR Apache-2.0
//! Model file to checked graph, schedule, memory allocation and program image; network images for processors.
pub mod accelerate;
mod blockers;
mod error;
mod first_fit;
mod misfit;
pub mod processor;
mod requantise;
mod rule;
mod simplify;
pub mod tflite;

pub use accelerate::{Compiled, Live, Options, compile, compile_with};
pub use blockers::runnable;
pub use error::{BadModel, Error};
pub use misfit::{DoesNotFit, Misfit, Setting};
pub use rule::{LayerRef, Rule, Verdict, Violation};
pub use simplify::simplify;
