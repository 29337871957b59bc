// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a command that did its work ended.

use std::process::ExitCode;

/// Result of a command without errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; where results were compared, they are equal.
    Ok,
    /// Results differ from what was wanted.
    Differs,
}

impl Outcome {
    /// Exit code of the process. Errors have 2 and 3: see [`crate::error::Error::exit_code`].
    pub fn exit_code(self) -> ExitCode {
        match self {
            Outcome::Ok => ExitCode::SUCCESS,
            Outcome::Differs => ExitCode::from(1),
        }
    }
}
