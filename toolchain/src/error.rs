// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong with the tools around a simulation.

use super::Version;
use std::path::PathBuf;

/// A tool is missing, unfit or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tool that cannot be installed by this program is absent.
    #[error("{name} was not found (looked for {looked_for}); {way_out}")]
    Missing {
        /// The tool.
        name: &'static str,
        /// Where it was looked for.
        looked_for: String,
        /// What the user can do.
        way_out: &'static str,
    },
    /// The tool named by an environment variable cannot be used.
    #[error("{variable} = {path} cannot be used: {reason}; correct or unset {variable}")]
    BadOverride {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
        /// Why it is refused.
        reason: String,
    },
    /// A program is older than what is needed.
    #[error("{name} {got} at {path} is too old: at least {needed} is needed")]
    TooOld {
        /// The tool.
        name: &'static str,
        /// Where it is.
        path: PathBuf,
        /// Its version.
        got: Version,
        /// The oldest one that works.
        needed: Version,
    },
    /// A tool ran and failed.
    #[error("{name} failed: {command}\n{log}")]
    Failed {
        /// The tool.
        name: String,
        /// The command line.
        command: String,
        /// What it printed.
        log: String,
    },
    /// A tool did not say what was expected of it.
    #[error("{name} at {path} gave no usable answer to `{question}`: {answer:?}")]
    Answer {
        /// The tool.
        name: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What was asked.
        question: &'static str,
        /// What it printed.
        answer: String,
    },
    /// Neither pip nor venv works, so nothing can be installed.
    #[error(
        "{package} {version} cannot be installed: no pip and no venv in any of {pythons} ({log}); install python3-pip or \
         python3-venv, or put {package} in the PATH"
    )]
    NoPip {
        /// The package that was wanted.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The interpreters tried.
        pythons: String,
        /// The last complaint.
        log: String,
    },
    /// A file or folder could not be read or written.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`: names the action and the file of an input or output error.
    pub fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
