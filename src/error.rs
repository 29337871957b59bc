// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that can stop a command, by whose fault it is.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use sepstream_runtime::{BoardError, Error as RunError};
use sepstream_spec::config::Violation;

use crate::outcome::Outcome;
use crate::report::count;

/// What stopped a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A network could not be run.
    #[error("{}", run(.0))]
    Run(#[from] RunError),
    /// An argument, or a file of this command.
    #[error("error: {0}")]
    Input(String),
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

/// What the crates below the runtime say, as the runtime says it.
macro_rules! of_runtime {
    ($($cause:ty,)*) => {
        $(impl From<$cause> for Error {
            fn from(cause: $cause) -> Self {
                Error::Run(cause.into())
            }
        })*
    };
}

of_runtime! {
    sepstream_compiler::Error,
    sepstream_sim::reference::Error,
    sepstream_sim::model::Error,
    sepstream_sim::cosim::Error,
}

impl Error {
    /// A file that could not be read or written.
    pub fn file(path: &Path, cause: std::io::Error) -> Self {
        Error::Run(RunError::file(path, cause))
    }

    /// Exit code of the process: 1 for results that differ and clocks that are missed, 2 for bad input, 3 for tools.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::ClockMissed { .. } => Outcome::Differs.exit_code(),
            Error::Run(error) => run_exit_code(error),
            Error::Synthesis(error) if error.is_input() => ExitCode::from(2),
            Error::Tool(_) | Error::Synthesis(_) | Error::Loader { .. } => ExitCode::from(3),
            Error::Input(_) => ExitCode::from(2),
        }
    }
}

fn run_exit_code(error: &RunError) -> ExitCode {
    match error {
        RunError::Streamed { .. } => Outcome::Differs.exit_code(),
        // the program is the one that is wrong
        RunError::Board { cause, .. } if matches!(**cause, BoardError::Configuration { .. }) => {
            ExitCode::from(2)
        }
        RunError::Cosim(_) | RunError::Board { .. } => ExitCode::from(3),
        _ => ExitCode::from(2),
    }
}

fn run(error: &RunError) -> String {
    match error {
        RunError::Config(violations) => list(violations),
        RunError::Streamed { .. } => format!("DIFFERENT: {error}"),
        other => format!("error: {other}"),
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
