// SPDX-License-Identifier: MIT OR Apache-2.0
//! Python packages that other compilers and runtimes come in: optional, found where they are installed.

use super::install::PYTHONS;
use super::{Error, Places, Progress, Wheel, install};
use std::path::PathBuf;
use std::process::Command;

/// TensorFlow Lite.
pub const LITERT: Wheel = Wheel {
    name: "litert-package",
    package: "ai-edge-litert",
    version: "2.3.0",
    with_dependencies: true,
    program: "ai_edge_litert/interpreter.py",
};
/// Arm's compiler for Ethos-U.
pub const VELA: Wheel = Wheel {
    name: "vela",
    package: "ethos-u-vela",
    version: "5.2.0",
    with_dependencies: true,
    program: "ethosu/vela/vela.py",
};

impl Wheel {
    /// What to tell somebody who lacks it.
    pub fn way_to_install(&self) -> String {
        format!(
            "{} is not installed; `sepstream setup --peers` installs version {} into the project's own folder",
            self.package, self.version
        )
    }
    /// The module that its program is.
    fn module(&self) -> String {
        self.program.trim_end_matches(".py").replace('/', ".")
    }
}

/// An interpreter with a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    program: PathBuf,
    path: Option<PathBuf>,
}

impl Python {
    /// The interpreter that has a package: with the one in the project's own folder, else with what is installed on the
    /// machine.
    ///
    /// # Errors
    /// When there is no folder for tools.
    pub fn with(wheel: &Wheel) -> Result<Option<Self>, Error> {
        let folder = Places::locate()?.tools.join(wheel.folder());
        let path = folder.join(wheel.program).is_file().then_some(folder);
        let candidates = PYTHONS.iter().map(|program| Python {
            program: program.into(),
            path: path.clone(),
        });
        let import = format!("import {}", wheel.module());
        let works = |python: &Python| {
            let output = python.command().args(["-c", &import]).output();
            output.is_ok_and(|output| output.status.success())
        };
        Ok(candidates.into_iter().find(works))
    }
    /// A command that runs it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(path) = &self.path {
            command.env("PYTHONPATH", path);
        }
        command
    }
}

/// Installs the packages of other runtimes and compilers, and returns a line about each.
///
/// # Errors
/// When one cannot be installed.
pub fn setup_peers(progress: &mut Progress) -> Result<Vec<String>, Error> {
    let places = Places::locate()?;
    let line = |wheel: &Wheel| {
        let folder = install(wheel, &places, progress)?;
        Ok(format!(
            "{} {} at {}",
            wheel.package,
            wheel.version,
            folder.display()
        ))
    };
    [LITERT, VELA].iter().map(line).collect()
}
