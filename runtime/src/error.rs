// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that can stop a run, by whose fault it is.

use std::path::{Path, PathBuf};

use sepstream_firmware::link::SessionError;
use sepstream_spec::config::Violation;

/// What stopped a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {cause}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The contents of an input file, or what is asked of them.
    #[error("{0}")]
    Input(String),
    /// A configuration file with broken rules.
    #[error("{}", .0.iter().map(Violation::to_string).collect::<Vec<_>>().join("\n"))]
    Config(Vec<Violation>),
    /// A model file that is damaged or not supported.
    #[error(transparent)]
    Model(#[from] sepstream_compiler::Error),
    /// A network that the software reference cannot run.
    #[error(transparent)]
    Reference(#[from] sepstream_sim::reference::Error),
    /// A program that the model cannot run.
    #[error(transparent)]
    Machine(#[from] sepstream_sim::model::Error),
    /// The Verilated design could not be built or did not behave.
    #[error(transparent)]
    Cosim(#[from] sepstream_sim::cosim::Error),
    /// A board on a serial port could not be used.
    #[error("{}: {cause}", .port.display())]
    Board {
        /// The port.
        port: PathBuf,
        /// Why.
        cause: Box<BoardError>,
    },
    /// Frames that give other results when they are run back to back.
    #[error(
        "frame {frame} has other results when it is run back to back with others than when it is run alone"
    )]
    Streamed {
        /// The frame, from 0.
        frame: usize,
    },
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
}
