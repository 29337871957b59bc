// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C++ compiler of the machine.

use super::Error;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A C++ compiler that answered to `--version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    program: PathBuf,
    arguments: Vec<String>,
    banner: String,
}

impl Compiler {
    /// `$CXX` (which may carry arguments), else the first of `g++`, `clang++` and `c++` in the `PATH`.
    pub fn find() -> Result<Self, Error> {
        if let Some(value) = env::var("CXX")
            .ok()
            .filter(|value| !value.trim().is_empty())
        {
            return Self::from_command(&value).map_err(|reason| Error::BadOverride {
                variable: "CXX",
                path: value.into(),
                reason,
            });
        }
        let names = ["g++", "clang++", "c++"];
        names
            .iter()
            .find_map(|name| Self::from_command(name).ok())
            .ok_or_else(|| Error::Missing {
                name: "a C++ compiler",
                looked_for: names.join(", "),
                way_out: "install one (on Debian: apt install g++) or set CXX",
            })
    }

    fn from_command(command: &str) -> Result<Self, String> {
        let mut words = command.split_whitespace();
        let name = words.next().ok_or("it is empty")?;
        let program = which::which(name).map_err(|error| error.to_string())?;
        let arguments: Vec<String> = words.map(str::to_owned).collect();
        let output = Command::new(&program)
            .args(&arguments)
            .arg("--version")
            .output()
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        match text.lines().next() {
            Some(line) if output.status.success() => Ok(Self {
                program,
                arguments,
                banner: line.trim().to_owned(),
            }),
            _ => Err("it does not answer to --version".into()),
        }
    }

    /// The executable.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// First line of `--version`.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// A command that runs it, with the arguments given in `$CXX`.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_compiler() {
        assert!(Compiler::from_command("").is_err());
        assert!(Compiler::from_command("no-such-compiler").is_err());
        assert!(Compiler::from_command("false").is_err());
    }
}
