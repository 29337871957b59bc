// SPDX-License-Identifier: MIT OR Apache-2.0
//! What executes a network: each engine takes frames of input bytes and gives output bytes, and
//! figures where it has them.

mod accelerator;
mod board;
mod host;
mod model;
mod reference;
mod verilator;

pub use accelerator::{Accelerator, Row};
pub use board::{Board, BoardOptions, Load};
pub use host::Host;
pub use model::Model;
pub use reference::Reference;
pub use verilator::{Verilator, VerilatorOptions};

use std::fmt;

use sepstream_compiler::accelerate::Side;

use crate::Error;

/// Something that executes one network.
pub trait Engine {
    /// Layers in the order of execution.
    fn layers(&self) -> Vec<LayerFigures>;
    /// What is left of the network without its dead channels, where the engine leaves any out.
    fn live(&self) -> Option<LiveFigures> {
        None
    }
    /// How the network is cut between host and accelerator, where it is.
    fn segments(&self) -> Vec<SegmentFigures> {
        Vec::new()
    }
    /// Runs frames, each the bytes of every input; calls `done` after each.
    fn run(&mut self, frames: &[Vec<Vec<u8>>], done: &mut dyn FnMut()) -> Result<Run, Error>;
}

/// Results of all frames.
pub struct Run {
    /// Bytes of every output of every frame.
    pub outputs: Vec<Vec<Vec<u8>>>,
    /// Cycles, for engines that count them.
    pub cycles: Option<Cycles>,
    /// Form of the kernels that computed the bytes, for engines that have several.
    pub kernels: Option<String>,
}

/// Cycles of a frame; they do not depend on data.
#[derive(Clone, Debug)]
pub struct Cycles {
    /// From start, the input in the activation memory, to the last output byte written; of all
    /// runs, where layers of the host stand between them.
    pub total: u64,
    /// Loading the input and reading the output over the stream ports.
    pub io: Option<u64>,
    /// From frame to frame in steady state, the next input loaded under the frame; only of networks
    /// with one run.
    pub interval: Option<u64>,
    /// Of each layer, in the order of [`Engine::layers`]; absent where the host runs it.
    pub layers: Vec<Option<u64>>,
}

/// How a network is cut, for reports.
#[derive(Clone, Debug)]
pub struct SegmentFigures {
    /// Who runs it.
    pub side: Side,
    /// Its layers, by their indices in the model file.
    pub layers: Vec<usize>,
    /// Bytes that it reads of other segments and of the caller.
    pub bytes_in: u64,
    /// Bytes that it writes for them.
    pub bytes_out: u64,
    /// Multiply-accumulates of its layers.
    pub macs: u64,
    /// Cycles; none on the host.
    pub cycles: Option<u64>,
}

/// A network without its dead channels.
#[derive(Clone, Copy, Debug)]
pub struct LiveFigures {
    /// Multiply-accumulates that are left.
    pub macs: u64,
    /// Channels left out.
    pub dead_channels: usize,
    /// Channels that layers write, the dead ones included.
    pub channels: usize,
}

/// What is known of a layer.
#[derive(Clone, Debug)]
pub struct LayerFigures {
    /// Operators in it, as TensorFlow Lite names them.
    pub operators: String,
    /// Index of the first of them in the model file.
    pub index: usize,
    /// Name of the tensor that it writes.
    pub name: String,
    /// Multiply-accumulates of the network in it.
    pub macs: u64,
    /// What it waits for most, where an engine knows.
    pub waits_for: Option<WaitsFor>,
}

/// What a layer waits for most of the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WaitsFor {
    /// The host, which runs it.
    Host,
    /// A part of the accelerator.
    Unit {
        /// Its name.
        name: &'static str,
        /// Share of the layer's cycles.
        share: f64,
    },
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitsFor::Host => f.write_str("(host)"),
            WaitsFor::Unit { name, share } => write!(f, "{name} {:.1} %", share * 100.0),
        }
    }
}
