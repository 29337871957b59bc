// SPDX-License-Identifier: MIT OR Apache-2.0
//! Running the binary, and making input files from others.

use std::io::{Read, Write};
use std::path::Path;

use assert_cmd::Command;

pub use sepstream_testkit::files::shared_models as models;

/// What a run gave.
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Standard output as JSON, of a run that ended well.
    pub fn json(&self) -> serde_json::Value {
        self.json_with_code(0)
    }
    /// Standard output as JSON, of a run that ended with this code.
    pub fn json_with_code(&self, code: i32) -> serde_json::Value {
        assert_eq!(self.code, code, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// docs/json.md names every field of an object, in the section of a command.
pub fn assert_documented(object: &serde_json::Value, command: &str) {
    let text = include_str!("../../docs/json.md");
    let (_, text) = text.split_once(&format!("## `{command}`\n")).unwrap();
    let section = text.split("\n## ").next().unwrap();
    for field in object.as_object().unwrap().keys() {
        assert!(
            section.contains(&format!("`{field}`")),
            "{command}: {field}"
        );
    }
}

/// The binary, to be run in the root of the project.
pub fn sepstream() -> Command {
    let mut command = Command::cargo_bin("sepstream").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Runs the binary.
pub fn run(args: &[&str]) -> Output {
    output(sepstream().args(args))
}

/// Runs a command.
pub fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    Output {
        code: output.status.code().expect("ended by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// True if the tools for Verilog simulation are there, or could be installed.
pub fn tools() -> bool {
    let setup = run(&["setup"]);
    let present = if setup.code == 0 {
        Ok(())
    } else {
        Err(setup.stderr)
    };
    sepstream_testkit::found(present).is_some()
}

/// Copies an `.npz` file, with a change to the bytes of its entries.
pub fn rewrite_npz(from: &str, to: &Path, change: impl Fn(&str, &mut Vec<u8>)) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
    let mut source = zip::ZipArchive::new(std::fs::File::open(from).unwrap()).unwrap();
    let mut target = zip::ZipWriter::new(std::fs::File::create(to).unwrap());
    for i in 0..source.len() {
        let mut entry = source.by_index(i).unwrap();
        let name = entry.name().unwrap().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        change(&name, &mut bytes);
        target
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        target.write_all(&bytes).unwrap();
    }
    target.finish().unwrap();
}
