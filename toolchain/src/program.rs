// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program of the `PATH`, or one that an installed wheel carries as WebAssembly.

use super::{Error, Version};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// An executable.
    Native(PathBuf),
    /// A function of a Python package.
    Wheel {
        /// The interpreter.
        python: PathBuf,
        /// Folder of the installed wheel.
        folder: PathBuf,
        /// Module and function: the wheel's own scripts name the interpreter that installed it, which may be gone.
        start: (&'static str, &'static str),
    },
}

impl Program {
    /// A function of the wheel in a folder.
    pub(crate) fn in_wheel(
        folder: &Path,
        module: &'static str,
        function: &'static str,
    ) -> Result<Self, Error> {
        let python = super::install::PYTHONS
            .iter()
            .find_map(|name| which::which(name).ok());
        let python = python.ok_or_else(|| Error::Missing {
            name: "python3",
            looked_for: super::install::PYTHONS.join(", "),
            way_out: "install it, or put the FPGA tools in the PATH",
        })?;
        Ok(Program::Wheel {
            python,
            folder: folder.into(),
            start: (module, function),
        })
    }

    /// The executable, or the folder of the wheel.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Program::Native(path) | Program::Wheel { folder: path, .. } => path,
        }
    }

    /// A command that runs it.
    pub(crate) fn command(&self) -> Command {
        match self {
            Program::Native(path) => Command::new(path),
            Program::Wheel {
                python,
                folder,
                start: (module, function),
            } => {
                let mut command = Command::new(python);
                command.arg("-c");
                command.arg(format!("import {module}; {module}.{function}()"));
                command.env("PYTHONPATH", folder);
                command.env("YOWASP_CACHE_DIR", folder.join("compiled"));
                command
            }
        }
    }

    /// The line of its answer to `question` that holds `mark`, and the version behind it.
    pub(crate) fn ask(
        &self,
        name: &'static str,
        question: &'static str,
        mark: &str,
        needed: Version,
    ) -> Result<(String, Version), Error> {
        let output = self.command().arg(question).output();
        let output = output.map_err(Error::io("cannot run", self.path()))?;
        // nextpnr answers on standard error
        let answer = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let line = answer.lines().find(|line| line.contains(mark));
        let version = line.and_then(|line| version(line.split_once(mark)?.1));
        let (Some(line), Some(version)) = (line, version) else {
            return Err(Error::Answer {
                name,
                path: self.path().into(),
                question,
                answer,
            });
        };
        if version < needed {
            return Err(Error::TooOld {
                name,
                path: self.path().into(),
                got: version,
                needed,
            });
        }
        Ok((line.trim().to_owned(), version))
    }
}

/// The program that an environment variable names.
pub(crate) fn overridden(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The first two numbers of a text such as `0.70 (git ...)` or `nextpnr-0.11.1)`.
fn version(text: &str) -> Option<Version> {
    let mut numbers = text
        .trim_start_matches("nextpnr-")
        .split(|c: char| !c.is_ascii_digit());
    Some(Version {
        major: numbers.next()?.parse().ok()?,
        minor: numbers.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let pair = |text| version(text).map(|v| (v.major, v.minor));
        assert_eq!(pair("0.70 (git sha1 28ba3cb92)"), Some((0, 70)));
        assert_eq!(pair("nextpnr-0.11.1)"), Some((0, 11)));
        assert_eq!(pair("0.4-1+b1)"), Some((0, 4)));
        assert_eq!(pair("unknown"), None);
    }
}
