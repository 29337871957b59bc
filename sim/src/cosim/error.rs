// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong in building and running a design.

use sepstream_toolchain as tools;
use std::path::PathBuf;

/// What was waited for when the cycles ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// `s_wb_ack` after a write or read.
    Acknowledge,
    /// The design has not taken all of the input stream.
    Input,
    /// The design has not given all of the output stream.
    Output,
    /// `irq`, and the streams that were started before.
    Interrupt,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Self::Acknowledge => "the register bus to acknowledge",
            Self::Input => "the design to take its input stream",
            Self::Output => "the design to give its output stream",
            Self::Interrupt => "the interrupt at the end of a frame",
        })
    }
}

/// A design could not be built, or did not behave.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tool is missing.
    #[error(transparent)]
    Tools(#[from] tools::Error),
    /// Verilator or the C++ compiler refused the design.
    #[error("{name} {version} failed on `{top}`: {command}\n{log}")]
    Build {
        /// The tool.
        name: &'static str,
        /// Its version.
        version: String,
        /// The top module.
        top: String,
        /// The command line.
        command: String,
        /// What it printed.
        log: String,
    },
    /// The stream width is not one that a design can have.
    #[error("a stream word of {got} bytes is not possible: it must be a power of two from 4 to 64")]
    WordBytes {
        /// The value given.
        got: u32,
    },
    /// No link of a board can be like this.
    #[error(transparent)]
    Link(#[from] sepstream_hdl::link::LinkError),
    /// A port list that no module can have.
    #[error("port `{name}` of `{top}`: {reason}")]
    Port {
        /// The module.
        top: String,
        /// The port.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// FST needs libraries that the machine lacks.
    #[error("FST waveforms need the header {header} ({way_out}); VCD works without it")]
    Fst {
        /// The header that the C++ compiler did not find.
        header: &'static str,
        /// What to install.
        way_out: &'static str,
    },
    /// A waveform was asked for, but the design is built without.
    #[error("cannot write the waveform {path}: {reason}")]
    Trace {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// The built design cannot be loaded.
    #[error("cannot load the built design {path}: {reason}")]
    Load {
        /// The shared object.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// Something did not happen within the cycles allowed: the design hangs, or the limit is too small.
    #[error(
        "waited {cycles} cycles for {limit}, in vain (now in cycle {cycle}): the design hangs, or the limit is too small"
    )]
    Timeout {
        /// What was waited for.
        limit: Limit,
        /// How long.
        cycles: u64,
        /// The cycle at which waiting ended.
        cycle: u64,
    },
    /// The design broke a rule of its interfaces.
    #[error("the design broke a rule of its interface in cycle {cycle}: {rule}")]
    Protocol {
        /// What it did.
        rule: String,
        /// When.
        cycle: u64,
    },
    /// `m_axis_tlast` was not on the last beat of a packet and only there.
    #[error("m_axis_tlast is wrong on beat {beat} of a packet of {beats} beats")]
    PacketEnd {
        /// The first beat where it is wrong.
        beat: u64,
        /// Beats of the packet.
        beats: u64,
    },
    /// `$stop`, `$finish` or an error inside the simulation; the design must be restarted.
    #[error("the simulation stopped in cycle {cycle}: {message}")]
    Stopped {
        /// The reason given.
        message: String,
        /// When.
        cycle: u64,
    },
    /// The design is not the one that the program was compiled for, or does not run it as it should.
    #[error(
        "the accelerator's {what} is {got:#x}, the program needs {want:#x}; generate it from the program's configuration"
    )]
    WrongDevice {
        /// What differs.
        what: &'static str,
        /// What the program needs.
        want: u32,
        /// What the design has.
        got: u32,
    },
    /// The driver refused, or the design's registers did not say what it expects.
    #[error("the driver stopped: {reason}")]
    Driver {
        /// What the driver says.
        reason: String,
    },
    /// An input of another size than its map.
    #[error("input {index} has {got} bytes, the program's map takes {want}")]
    InputSize {
        /// Which input.
        index: usize,
        /// Bytes of the map.
        want: usize,
        /// Bytes given.
        got: usize,
    },
}
