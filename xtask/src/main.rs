// SPDX-License-Identifier: MIT OR Apache-2.0
//! Development tasks: `cargo xtask test` sets up and checks everything, as CI does; the others make published figures.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use sepstream_xtask::{Error, Project, area, boards, compare, fit, is_strict, speed};

const USAGE: &str = "usage: cargo xtask test | area | boards [NAME | cycles | table] | compare | fit | speed

test   installs the tools of simulation and soft cores where they are missing, then checks format, lints and documentation
       and runs all tests of the workspace; with REQUIRE_TOOLS=1 a missing tool is a failure
area   synthesises the configurations for the ECP5-85 with Yosys, writes docs/results/area_*.json and the table of
       docs/architecture.md
boards builds bitstreams with several seeds each, those whose NAME begins so or all; writes docs/results/board_*.json and
       the table of docs/boards.md; needs the shared models (SEPSTREAM_MODELS) and hours; boards cycles writes the cycles
       of today's programs into figures of designs that have not changed, and the table; boards table writes that alone
compare runs networks on soft cores in Verilator, beside the accelerator; writes docs/results/compare.json and its table
       in README.md; needs the shared models, a Rust for RV32IM, what `sepstream setup --peers` installs, and minutes
fit    fits the estimate before synthesis to designs that Yosys maps, those whose Verilog has changed since; writes
       synth/src/estimate/*.json; half an hour
speed  measures the model's fast path against TensorFlow Lite, writes docs/results/speed.json and its table in
       README.md; needs the shared models (SEPSTREAM_MODELS)";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test(),
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

/// How a step went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped,
    Failed,
}

/// A line of the list of steps: its name, and the cargo call behind it.
struct Step {
    name: &'static str,
    /// What `cargo <component> --version` must know, for parts of the toolchain that may be absent.
    component: Option<&'static str>,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// The tests come last, so that a good run ends with their results.
const TEST: [Step; 7] = [
    Step {
        name: "tools",
        component: None,
        arguments: &[
            "run",
            "--quiet",
            "--package",
            "sepstream",
            "--",
            "setup",
            "--softcores",
        ],
        environment: &[],
    },
    Step {
        name: "format",
        component: Some("fmt"),
        arguments: &["fmt", "--all", "--check"],
        environment: &[],
    },
    // no members of the workspace, for they are for other processors
    Step {
        name: "format of the soft core's program",
        component: Some("fmt"),
        arguments: &[
            "fmt",
            "--manifest-path",
            "firmware/softcore/Cargo.toml",
            "--check",
        ],
        environment: &[],
    },
    Step {
        name: "format of the RP2040 example",
        component: Some("fmt"),
        arguments: &[
            "fmt",
            "--manifest-path",
            "firmware/rp2040/Cargo.toml",
            "--check",
        ],
        environment: &[],
    },
    Step {
        name: "lints",
        component: Some("clippy"),
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "documentation",
        component: None,
        arguments: &["doc", "--workspace", "--no-deps"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Step {
        name: "tests",
        component: None,
        arguments: &["test", "--workspace", "--no-fail-fast"],
        // A snapshot that differs is a failure, not a file to look at later.
        environment: &[("INSTA_UPDATE", "no")],
    },
];

/// Runs every step, also after a failure: one run tells all.
fn test() -> ExitCode {
    let strict = is_strict();
    let failed: Vec<_> = TEST
        .iter()
        .filter(|step| step.run(strict) == Outcome::Failed)
        .collect();
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    let names: Vec<_> = failed.iter().map(|step| step.name).collect();
    eprintln!("\nFAILED: {}", names.join(", "));
    ExitCode::FAILURE
}

/// Makes figures with the binary of this profile.
fn with_binary(
    profile: &[&str],
    task: impl FnOnce(&Project) -> Result<(), Error>,
) -> Result<(), Error> {
    let sepstream = || {
        let mut command = cargo();
        command.args(["run", "--quiet"]).args(profile);
        command.args(["--package", "sepstream", "--"]);
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

impl Step {
    fn run(&self, strict: bool) -> Outcome {
        if let Some(component) = self.component
            && !present(component)
        {
            println!(
                "SKIPPED: {}: the toolchain has no cargo {component}",
                self.name
            );
            return if strict {
                Outcome::Failed
            } else {
                Outcome::Skipped
            };
        }
        println!("\n== {}: cargo {}", self.name, self.arguments.join(" "));
        let start = Instant::now();
        let status = cargo()
            .args(self.arguments)
            .envs(self.environment.iter().copied())
            .status();
        let passed = match status {
            Ok(status) => status.success(),
            Err(error) => {
                eprintln!("cannot run cargo: {error}");
                false
            }
        };
        // Nothing is printed after the last step: the output ends with cargo's own lines.
        if self.name != "tests" {
            let word = if passed { "passed" } else { "FAILED" };
            println!(
                "== {} {word} in {:.0} s",
                self.name,
                start.elapsed().as_secs_f64()
            );
        }
        if passed {
            Outcome::Passed
        } else {
            Outcome::Failed
        }
    }
}

/// Whether the toolchain has a part; rustup can add it where rustup is.
fn present(component: &str) -> bool {
    let answers = || {
        let output = cargo().args([component, "--version"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let package = if component == "fmt" {
        "rustfmt"
    } else {
        component
    };
    let add = || {
        Command::new("rustup")
            .args(["component", "add", package])
            .status()
            .is_ok_and(|status| status.success())
    };
    answers() || (add() && answers())
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
