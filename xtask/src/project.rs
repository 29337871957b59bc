// SPDX-License-Identifier: MIT OR Apache-2.0
//! The project that figures are made of, and how its commands are run.

use std::path::Path;
use std::process::Command;

use crate::error::Error;

/// The project, and how its binary is called.
pub struct Project<'a> {
    /// Root of the workspace.
    pub root: &'a Path,
    /// Gives a command that runs `sepstream`; arguments are added to it.
    pub sepstream: &'a dyn Fn() -> Command,
}

/// Runs a command to its end; gives what it printed.
pub(crate) fn finish(command: &mut Command) -> Result<String, Error> {
    let output = command
        .output()
        .map_err(|e| Error::io(command.get_program().to_string_lossy().as_ref(), e))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let log = [output.stdout, output.stderr].concat();
    Err(Error::Run {
        command: format!("{command:?}"),
        log: String::from_utf8_lossy(&log).into_owned(),
    })
}
