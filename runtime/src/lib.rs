// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs networks: on the software reference, on the cycle-exact model, on the generated Verilog in
//! Verilator, or on a board.
//!
//! Each is an [`Engine`](engine::Engine), which takes frames of input bytes and gives output bytes.
//! What the accelerator cannot run is run on the host ([`Host`](engine::Host)), with the software
//! reference. The command line is built on this crate, and prints what it gives.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::path::Path;
//!
//! use sepstream_compiler::Options;
//! use sepstream_runtime::engine::{Accelerator, Engine, Model, Reference};
//! use sepstream_runtime::{compare, files, input};
//! use sepstream_spec::quant::Semantics;
//!
//! # fn main() -> Result<(), sepstream_runtime::Error> {
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
//! let network = files::read_network(Path::new("models/digits.tflite"), Semantics::default())?;
//! let config = files::read_config(Path::new("configs/small_4x4.yaml"))?;
//! let frames = input::noise(&network, 1);
//!
//! let wanted = Reference::new(&network)?.run(&frames, &mut || ())?;
//! let accelerator = Accelerator::new(&network, config, &Options::default())?;
//! // `Verilator::new` takes the same accelerator
//! let mut model = Model::new(accelerator, NonZeroUsize::MIN)?;
//! let got = model.run(&frames, &mut || ())?;
//!
//! assert_eq!(compare::compare(&network, &wanted.outputs, &got.outputs).mismatches, 0);
//! println!("{} cycles", got.cycles.unwrap().total);
//! # Ok(())
//! # }
//! ```

pub mod compare;
pub mod cut;
pub mod engine;
mod error;
pub mod files;
pub mod input;

pub use error::{BoardError, Error};
