// SPDX-License-Identifier: MIT OR Apache-2.0
//! The test programs of the workspace, as cargo builds them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::cargo;

/// A test program.
pub struct Binary {
    /// Its package and target, as `sepstream-sim::blocks`.
    pub name: String,
    /// The file.
    pub program: PathBuf,
    /// The folder of its package, where cargo runs it.
    pub folder: PathBuf,
}

/// What was built.
pub struct Built {
    /// The test programs.
    pub tests: Vec<Binary>,
    /// The command line program, of the same build.
    pub sepstream: PathBuf,
}

/// Builds all tests of the workspace; `None` when cargo fails, which has said why.
pub fn build() -> Option<Built> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-run"]);
    command.arg("--message-format=json-render-diagnostics");
    let output = command.stderr(Stdio::inherit()).output();
    let output = match output {
        Ok(output) if output.status.success() => output.stdout,
        Ok(_) => return None,
        Err(error) => {
            eprintln!("cannot run cargo: {error}");
            return None;
        }
    };
    let lines = String::from_utf8_lossy(&output).into_owned();
    let messages = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    found(messages)
}

/// The programs that cargo's messages name.
fn found(messages: impl Iterator<Item = Value>) -> Option<Built> {
    let (mut tests, mut sepstream) = (Vec::new(), None);
    for message in messages {
        let Some(program) = message["executable"].as_str() else {
            continue;
        };
        let target = message["target"]["name"].as_str()?;
        let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
        if message["profile"]["test"] == true {
            tests.push(Binary {
                name: format!("{}::{target}", package(folder)),
                program: program.into(),
                folder: folder.into(),
            });
        } else if target == "sepstream" {
            sepstream = Some(program.into());
        }
    }
    tests.sort_by(|a, b| a.name.cmp(&b.name));
    Some(Built {
        tests,
        sepstream: sepstream?,
    })
}

/// A package by its folder in the workspace; the root is the command line.
fn package(folder: &Path) -> String {
    let inside = folder.strip_prefix(crate::root()).unwrap_or(folder);
    match inside.to_string_lossy() {
        root if root.is_empty() => "cli".into(),
        inside => inside.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tests_and_the_program_are_found() {
        let manifest = crate::root().join("sim/Cargo.toml");
        let message = |name: &str, test: bool, file: Option<&str>| {
            json!({
                "reason": "compiler-artifact", "manifest_path": manifest, "target": { "name": name },
                "profile": { "test": test }, "executable": file,
            })
        };
        let messages = [
            message("sepstream_sim", false, None),
            message("blocks", true, Some("/t/blocks-1")),
            message("sepstream", false, Some("/t/sepstream")),
            json!({ "reason": "build-finished", "success": true }),
        ];
        let built = found(messages.into_iter()).unwrap();
        assert_eq!(built.sepstream, Path::new("/t/sepstream"));
        assert_eq!(built.tests.len(), 1);
        assert_eq!(built.tests[0].name, "sim::blocks");
        assert_eq!(built.tests[0].folder, crate::root().join("sim"));
    }
}
