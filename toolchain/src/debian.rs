// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unpacks Debian packages into the project's own folder: no root, nothing else on the machine changes.

use super::install::{Whole, run};
use super::{Error, Event, Places, Progress};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian packages that make one tool. Their versions are those that the machine's archives offer, which keep no others; apt
/// checks their signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packages {
    /// Name of the tool, and of its folder.
    pub name: &'static str,
    /// The packages, whose dependencies come with them unless the machine has those.
    pub packages: &'static [&'static str],
    /// A file inside the installed folder that shows the installation to be whole.
    pub program: &'static str,
}

/// Installs packages unless they are there, and returns their folder, which has `usr` in it. The folder appears whole or not at
/// all.
///
/// # Errors
/// When the machine has no apt, its archives have no such packages, or they cannot be fetched.
pub fn install_packages(
    packages: &Packages,
    places: &Places,
    progress: &mut Progress,
) -> Result<PathBuf, Error> {
    let source = format!("Debian's packages {}", packages.packages.join(", "));
    let whole = Whole {
        folder: packages.name,
        program: packages.program,
        source: &source,
    };
    let event = Event::Unpack(*packages);
    whole.install(places, event, progress, |work, unpacked| {
        fetch(packages, work, unpacked)
    })
}

fn fetch(packages: &Packages, work: &Path, unpacked: &Path) -> Result<(), Error> {
    let archives = work.join("archives");
    for folder in [&archives.join("partial"), &work.join("lists/partial")] {
        fs::create_dir_all(folder).map_err(Error::io("cannot create", folder))?;
    }
    let apt = || {
        let mut command = Command::new("apt-get");
        // lists, cache and archives of our own need no root; what is installed is still the machine's
        for (setting, folder) in [
            ("Dir::State::lists", "lists"),
            ("Dir::Cache", "cache"),
            ("Dir::Cache::archives", "archives"),
        ] {
            let value = work.join(folder);
            command
                .arg("-o")
                .arg(format!("{setting}={}", value.display()));
        }
        // the user that apt would become for root may not enter the folder
        command.args(["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]);
        command.args(["-o", "Acquire::Languages=none", "-qq"]);
        command
    };
    call(apt().arg("update"))?;
    let mut install = apt();
    install.args([
        "install",
        "--yes",
        "--download-only",
        "--no-install-recommends",
    ]);
    call(install.args(packages.packages))?;
    let files = fs::read_dir(&archives).map_err(Error::io("cannot read", &archives))?;
    for file in files {
        let path = file.map_err(Error::io("cannot read", &archives))?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            call(
                Command::new("dpkg-deb")
                    .arg("--extract")
                    .arg(path)
                    .arg(unpacked),
            )?;
        }
    }
    Ok(())
}

fn call(command: &mut Command) -> Result<(), Error> {
    run(command).map(drop).map_err(|log| Error::Failed {
        name: command.get_program().to_string_lossy().into_owned(),
        command: format!("{command:?}"),
        log: log.trim().to_owned(),
    })
}
