// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verilator: where it is, what version it is, how it is called.

use super::{Error, Places, VERILATOR};
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The oldest Verilator that is tested (Debian 12).
pub const MINIMUM_VERILATOR: Version = Version { major: 5, minor: 6 };

const OVERRIDE: &str = "SEPSTREAM_VERILATOR";

/// A version; Verilator's `5.006`, `5.048` and the `5.49` of the PyPI wheel all count their minor number alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{:03}", self.major, self.minor)
    }
}

impl Version {
    /// The first `digits.digits` word of a text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.split(|c: char| c.is_whitespace() || c == '"')
            .find_map(|word| {
                let (major, minor) = word.split_once('.')?;
                Some(Self {
                    major: major.parse().ok()?,
                    minor: minor.parse().ok()?,
                })
            })
    }
}

/// A Verilator that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verilator {
    program: PathBuf,
    root: PathBuf,
    version: Version,
    banner: String,
}

impl Verilator {
    /// Asks the program at a path who it is; it may be the Perl wrapper or `verilator_bin` itself.
    pub fn at(program: &Path) -> Result<Self, Error> {
        let root = match packaged_root(program) {
            Some(root) => root,
            None => PathBuf::from(ask(program, "--getenv", Some("VERILATOR_ROOT"))?),
        };
        let mut found = Self {
            program: program.into(),
            root,
            version: MINIMUM_VERILATOR,
            banner: String::new(),
        };
        let mut command = found.command();
        found.banner = answer(program, "--version", command.arg("--version").output())?;
        found.version = match found
            .banner
            .starts_with("Verilator")
            .then(|| Version::parse(&found.banner))
            .flatten()
        {
            Some(version) => version,
            None => found.configured_version()?,
        };
        if found.version < MINIMUM_VERILATOR {
            return Err(Error::TooOld {
                name: "Verilator",
                path: found.program,
                got: found.version,
                needed: MINIMUM_VERILATOR,
            });
        }
        Ok(found)
    }

    /// The wheel is built in a way that leaves `--version` without a number; the runtime's header has it.
    fn configured_version(&self) -> Result<Version, Error> {
        let header = self.include().join("verilated_config.h");
        let text = std::fs::read_to_string(&header).map_err(Error::io("cannot read", &header))?;
        let define = text
            .lines()
            .find_map(|line| line.strip_prefix("#define VERILATOR_VERSION "));
        define
            .and_then(Version::parse)
            .ok_or_else(|| Error::Answer {
                name: "Verilator",
                path: header,
                question: "VERILATOR_VERSION",
                answer: self.banner.clone(),
            })
    }

    /// The executable.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its own words to `--version`.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// The folder of the runtime's sources.
    pub fn include(&self) -> PathBuf {
        self.root.join("include")
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if packaged_root(&self.program).is_some() {
            command.env("VERILATOR_ROOT", &self.root);
        }
        command
    }
}

/// The root when the program lies in `<root>/bin`, as in the wheel and in a built source tree.
fn packaged_root(program: &Path) -> Option<PathBuf> {
    let root = program.parent()?.parent()?;
    root.join("include/verilated.h")
        .is_file()
        .then(|| root.to_path_buf())
}

fn ask(program: &Path, question: &'static str, argument: Option<&str>) -> Result<String, Error> {
    answer(
        program,
        question,
        Command::new(program).arg(question).args(argument).output(),
    )
}

fn answer(
    program: &Path,
    question: &'static str,
    output: std::io::Result<Output>,
) -> Result<String, Error> {
    let output = output.map_err(Error::io("cannot run", program))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && !text.is_empty() {
        return Ok(text);
    }
    let answer = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
    Err(Error::Answer {
        name: "Verilator",
        path: program.into(),
        question,
        answer,
    })
}

/// Looks for a Verilator without installing one. One named by `SEPSTREAM_VERILATOR` must work; others are passed over if
/// they are too old or broken.
pub fn find_verilator(places: &Places) -> Result<Option<Verilator>, Error> {
    if let Some(path) = env::var_os(OVERRIDE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
    {
        let found = Verilator::at(&path);
        return found.map(Some).map_err(|error| Error::BadOverride {
            variable: OVERRIDE,
            path,
            reason: error.to_string(),
        });
    }
    let local = places
        .tools
        .join(VERILATOR.folder())
        .join(VERILATOR.program);
    let candidates = [
        Some(local).filter(|path| path.is_file()),
        which::which("verilator").ok(),
    ];
    Ok(candidates
        .into_iter()
        .flatten()
        .find_map(|path| Verilator::at(&path).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_debian_source_and_wheel() {
        let parse = |text| Version::parse(text).map(|v| (v.major, v.minor));
        assert_eq!(
            parse("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)"),
            Some((5, 6))
        );
        assert_eq!(
            parse("Verilator 4.228 2022-10-01 rev v4.228"),
            Some((4, 228))
        );
        assert_eq!(parse("\"5.49\""), Some((5, 49)));
        assert_eq!(parse(" rev vUNKNOWN-built20260516-4e853d8"), None);
        assert_eq!(Version { major: 5, minor: 6 }.to_string(), "5.006");
    }

    #[test]
    fn a_program_that_is_no_verilator_is_refused() {
        for program in ["/bin/true", "/bin/echo", "/no/such/verilator"] {
            assert!(Verilator::at(Path::new(program)).is_err(), "{program}");
        }
    }
}
