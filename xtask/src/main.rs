// SPDX-License-Identifier: MIT OR Apache-2.0
//! Development tasks: `cargo xtask test` sets up and checks everything, as CI does; the others make published figures.

mod binaries;
mod runner;
mod steps;
mod times;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask test [--fast] | area | boards | compare | fit | speed

test   checks format, lints and documentation, installs the tools of simulation and soft cores where they are missing,
       and runs all tests of the workspace; prints how long each step and the slowest tests take; with REQUIRE_TOOLS=1 a
       missing tool is a failure; with --fast it leaves out the tests that took more than some seconds when they last ran
       here, and says which

The others make published figures: cargo xtask figures --help";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => steps::test(false),
        ["test", "--fast"] => steps::test(true),
        ["figures", "--help"] => figures(&["--help"]),
        ["area" | "boards" | "compare" | "fit" | "speed", ..] => figures(&arguments),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Hands over to `publish`, which needs all of the project.
fn figures(arguments: &[impl AsRef<str>]) -> ExitCode {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "sepstream-publish", "--"]);
    command.args(arguments.iter().map(AsRef::as_ref));
    match command.status() {
        Ok(status) => status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("error: cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether what is missing is a failure, as it is for CI.
fn is_strict() -> bool {
    env::var("REQUIRE_TOOLS").is_ok_and(|value| value == "1")
}

/// The cargo that runs this program, in the root of the workspace.
fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

fn root() -> PathBuf {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.parent().unwrap_or(member).to_path_buf()
}
