// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that can stop a command, by whose fault it is.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sepstream_firmware::link::SessionError;
use sepstream_spec::config::Violation;

use crate::outcome::Outcome;
use crate::report::count;

/// What stopped a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("error: {}: {cause}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// An argument or the contents of an input file.
    #[error("error: {0}")]
    Input(String),
    /// A configuration file with broken rules.
    #[error("{}", list(.0))]
    Config(Vec<Violation>),
    /// A model file that is damaged or not supported.
    #[error("error: {0}")]
    Model(#[from] sepstream_compiler::Error),
    /// A network that the software reference cannot run.
    #[error("error: {0}")]
    Reference(#[from] sepstream_sim::reference::Error),
    /// A program that the model cannot run.
    #[error("error: {0}")]
    Machine(#[from] sepstream_sim::model::Error),
    /// The Verilated design could not be built or did not behave.
    #[error("error: {0}")]
    Cosim(#[from] sepstream_sim::cosim::Error),
    /// A board on a serial port could not be used.
    #[error("error: {}: {cause}", .port.display())]
    Board {
        /// The port.
        port: PathBuf,
        /// Why.
        cause: Box<BoardError>,
    },
    /// Frames that give other results when they are run back to back.
    #[error(
        "DIFFERENT: frame {frame} has other results when it is run back to back with others than when it is run alone"
    )]
    Streamed {
        /// The frame, from 0.
        frame: usize,
    },
    /// Synthesis failed, or was asked for what cannot be.
    #[error("{}", synthesis(.0))]
    Synthesis(#[from] sepstream_synth::Error),
    /// A bitstream that would not run at the wanted clock.
    #[error(
        "CLOCK MISSED: {wanted} MHz wanted, {reached} MHz reached; no bitstream is written\n  slowest path: {path}\n  try a lower --freq, more --seeds or a smaller configuration"
    )]
    ClockMissed {
        /// MHz of the clock.
        wanted: String,
        /// MHz of the slowest path.
        reached: String,
        /// That path in words.
        path: String,
    },
    /// openFPGALoader failed.
    #[error("error: {command} failed ({status})")]
    Loader {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
    },
    /// A tool is missing or failed.
    #[error("error: {0}")]
    Tool(#[from] sepstream_toolchain::Error),
}

/// What the driver says of a board behind a serial port.
pub type BoardError = sepstream_firmware::Error<SessionError<std::io::Error>>;

impl Error {
    /// A file that could not be read or written.
    pub fn file(path: &Path, cause: std::io::Error) -> Self {
        Error::File {
            path: path.into(),
            cause,
        }
    }

    /// Exit code of the process: 1 for results that differ and clocks that are missed, 2 for bad input, 3 for tools.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::Streamed { .. } | Error::ClockMissed { .. } => Outcome::Differs.exit_code(),
            Error::Synthesis(error) if error.is_input() => ExitCode::from(2),
            // the program is the one that is wrong
            Error::Board { cause, .. } if matches!(**cause, BoardError::Configuration { .. }) => {
                ExitCode::from(2)
            }
            Error::Tool(_)
            | Error::Cosim(_)
            | Error::Synthesis(_)
            | Error::Loader { .. }
            | Error::Board { .. } => ExitCode::from(3),
            _ => ExitCode::from(2),
        }
    }
}

fn synthesis(error: &sepstream_synth::Error) -> String {
    match error {
        sepstream_synth::Error::Board(sepstream_synth::board::BoardError::Rules(violations)) => {
            list(violations)
        }
        other => format!("error: {other}"),
    }
}

fn list(violations: &[Violation]) -> String {
    let mut text = String::new();
    for violation in violations {
        let _ = writeln!(text, "{violation}");
    }
    text + &count(violations.len(), "violation")
}
