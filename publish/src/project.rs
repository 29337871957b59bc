// SPDX-License-Identifier: MIT OR Apache-2.0
//! The project that figures are made of, and how its commands are run.

use std::path::{Path, PathBuf};
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

/// Whether what is missing is a failure, as it is for CI.
pub fn is_strict() -> bool {
    std::env::var("REQUIRE_TOOLS").is_ok_and(|value| value == "1")
}

/// Folder of the shared models.
pub(crate) fn shared(root: &Path) -> PathBuf {
    let default = || root.join("../shared/models");
    std::env::var_os("SEPSTREAM_MODELS").map_or_else(default, PathBuf::from)
}

/// A case's file: in the repository, or (without a folder) among the shared models.
pub(crate) fn model(root: &Path, case: &'static str, file: &str) -> Result<PathBuf, Error> {
    let folder = if file.contains('/') {
        root.to_path_buf()
    } else {
        shared(root)
    };
    let path = folder.join(file);
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::NoModel { case, folder })
}
