// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can keep figures from being made or checked.

use std::path::{Path, PathBuf};

/// Figures could not be made or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written, or a program not started.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file, or the case.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file or an output is not the JSON that it should be.
    #[error("{}: {source}", .path.display())]
    Json {
        /// The file, or the case.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A field is not there, or of another type.
    #[error("no usable field `{0}`; run cargo xtask results")]
    Field(String),
    /// A configuration file is broken.
    #[error("{0}")]
    Config(String),
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
    /// Published figures are not what the model gives.
    #[error("these differ from what the model gives; run cargo xtask results:\n{}", .0.join("\n"))]
    Outdated(Vec<String>),
    /// README.md has lost the markers of a generated part.
    #[error("README.md needs the lines `{begin}` and `{end}`, in this order")]
    Marker {
        /// Line before the part.
        begin: String,
        /// Line behind it.
        end: String,
    },
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
