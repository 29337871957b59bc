// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong in synthesis.

use sepstream_sim::tools;
use std::path::PathBuf;

/// Synthesis could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tool is missing or failed.
    #[error(transparent)]
    Tool(#[from] tools::Error),
    /// A file of the run could not be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Yosys wrote statistics that are not what this program reads.
    #[error(
        "the statistics of {tool} lack {what}; the wheel that `sepstream setup --synthesis` installs writes them"
    )]
    Statistics {
        /// Its version.
        tool: String,
        /// What was looked for.
        what: String,
    },
}
