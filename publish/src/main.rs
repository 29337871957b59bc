// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that make published figures; `cargo xtask NAME` calls them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use sepstream_publish::{Error, Project, area, boards, compare, fit, speed};

const USAGE: &str = "usage: cargo xtask area | boards [NAME | cycles | table] | compare | fit | speed

area   synthesises the configurations for the ECP5-85 with Yosys, writes docs/results/area_*.json and the table of
       docs/architecture.md
boards builds bitstreams with several seeds each, those whose NAME begins so or all; writes docs/results/board_*.json and
       the table of docs/boards.md; needs the shared models (SEPSTREAM_MODELS) and hours; boards cycles writes the cycles
       of today's programs into figures of designs that have not changed, and the table; boards table writes that alone
compare runs networks on soft cores in Verilator, beside the accelerator; writes docs/results/compare.json and its table
       in docs/results.md; needs the shared models, a Rust for RV32IM, what `sepstream setup --peers` installs, and minutes
fit    fits the estimate before synthesis to designs that Yosys maps, those whose Verilog has changed since; writes
       synth/src/estimate/*.json; half an hour
speed  measures the model's fast path against TensorFlow Lite, writes docs/results/speed.json and its table in
       docs/results.md; needs the shared models (SEPSTREAM_MODELS)";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["area"] => report(with_binary(&[], area::run)),
        ["boards"] => report(with_binary(&[], |project| boards::run(project, ""))),
        ["boards", "cycles"] => report(boards::cycles(&root())),
        ["boards", "table"] => report(boards::table(&root())),
        ["boards", name] => report(with_binary(&[], |project| boards::run(project, name))),
        ["compare"] => report(with_binary(&[], compare::run)),
        ["fit"] => report(with_binary(&[], fit::run)),
        ["speed"] => report(with_binary(&["--release"], speed::run)),
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

/// Makes figures with the binary of this profile.
fn with_binary(
    profile: &[&str],
    task: impl FnOnce(&Project) -> Result<(), Error>,
) -> Result<(), Error> {
    let sepstream = || {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(root()).args(["run", "--quiet"]);
        command.args(profile).args(["--package", "sepstream", "--"]);
        command
    };
    task(&Project {
        root: &root(),
        sepstream: &sepstream,
    })
}

fn report(result: Result<(), Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.parent().unwrap_or(member).to_path_buf()
}
