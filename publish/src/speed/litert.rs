// SPDX-License-Identifier: MIT OR Apache-2.0
//! TensorFlow Lite as the Python package of its makers, in an environment of its own in `.tools/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Error, Files, SECONDS, finish};

/// Version of `ai-edge-litert` on PyPI.
pub const VERSION: &str = "2.3.0";

/// The interpreter of the environment, made where it is missing.
pub fn python(root: &Path) -> Result<PathBuf, Error> {
    let folder = root.join(".tools").join(format!("litert-{VERSION}"));
    let python = folder.join("bin/python");
    let present = || {
        let mut import = Command::new(&python);
        import.args(["-c", "import ai_edge_litert.interpreter, numpy"]);
        finish(&mut import).is_ok()
    };
    if !present() {
        println!("installing ai-edge-litert {VERSION} from PyPI");
        finish(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let package = format!("ai-edge-litert=={VERSION}");
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--no-input"]);
        finish(pip.args([&package, "numpy"]))?;
    }
    Ok(python)
}

/// Seconds per frame.
pub fn seconds(
    python: &Path,
    root: &Path,
    files: &Files,
    kernels: &str,
    threads: usize,
) -> Result<f64, Error> {
    let mut command = Command::new(python);
    command.arg(root.join("scripts/speed_tflite.py"));
    command.args([&files.model, &files.frames]);
    let output = finish(command.args([kernels, &threads.to_string(), &SECONDS.to_string()]))?;
    let number = output.trim().parse();
    number.map_err(|_| Error::Field(format!("seconds in {output:?} of speed_tflite.py")))
}
