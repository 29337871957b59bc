// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can keep figures from being made.

use std::path::{Path, PathBuf};

/// Figures could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written, or a program not started.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or the program.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// An output is not the JSON that it should be.
    #[error("{}: {source}", .path.display())]
    Json {
        /// What it is of.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A field is not there, or of another type.
    #[error("no usable field `{0}`; make the figures again")]
    Field(String),
    /// A run failed or found a difference.
    #[error("{command} failed:\n{log}")]
    Run {
        /// The command line.
        command: String,
        /// What it printed.
        log: String,
    },
    /// A model is not there.
    #[error(
        "the model of {case} is not in {}; set SEPSTREAM_MODELS to the folder that has it",
        .folder.display()
    )]
    NoModel {
        /// The case.
        case: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A peer that the published table has could not be run.
    #[error("{case}: {peer}: {missing}")]
    NoPeer {
        /// The case.
        case: &'static str,
        /// The peer.
        peer: String,
        /// What it lacks, and how to get it.
        missing: String,
    },
    /// A configuration breaks the rules.
    #[error("{0}")]
    Config(String),
    /// A page has lost the markers of a generated part.
    #[error("{0}")]
    Marker(String),
}

impl Error {
    pub(crate) fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        let path = path.as_ref().into();
        Error::Io { path, source }
    }
    pub(crate) fn json(path: impl AsRef<Path>, source: serde_json::Error) -> Self {
        let path = path.as_ref().into();
        Error::Json { path, source }
    }
}
