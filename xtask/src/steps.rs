// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of `cargo xtask test`.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::{binaries, cargo, is_strict, runner};

/// How a step went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped,
    Failed,
}

/// A cargo call.
struct Step {
    name: &'static str,
    /// What `cargo <component> --version` must know, for parts of the toolchain that may be absent.
    component: Option<&'static str>,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// What is checked before the tests. Each call takes the whole workspace: a part of it would ask other features of the same
/// dependencies, and cargo would build them once more.
const CHECKS: [Step; 5] = [
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
];

/// Examples in the documentation of public items.
const EXAMPLES: Step = Step {
    name: "examples in the documentation",
    component: None,
    arguments: &["test", "--workspace", "--doc"],
    environment: &[],
};

/// Runs every step, also after a failure: one run tells all. The tests come last, so that a run ends with their results.
pub fn test(fast: bool) -> ExitCode {
    let strict = is_strict();
    let mut took: Vec<(&str, Duration)> = Vec::new();
    let mut failed: Vec<&str> = Vec::new();
    let mut note = |name, start: Instant, outcome| {
        let time = start.elapsed();
        took.push((name, time));
        let word = match outcome {
            Outcome::Passed => "passed",
            Outcome::Skipped => return,
            Outcome::Failed => {
                failed.push(name);
                "FAILED"
            }
        };
        println!("== {name} {word} in {:.0} s", time.as_secs_f64());
    };
    for step in CHECKS.iter().filter(|step| !fast || step.name == "format") {
        let start = Instant::now();
        note(step.name, start, step.run(strict));
    }
    let start = Instant::now();
    println!("\n== build of the tests");
    match binaries::build() {
        None => note("build of the tests", start, Outcome::Failed),
        Some(built) => {
            note("build of the tests", start, Outcome::Passed);
            let start = Instant::now();
            note("tools", start, tools(&built));
            if !fast {
                let start = Instant::now();
                note(EXAMPLES.name, start, EXAMPLES.run(strict));
            }
            let start = Instant::now();
            println!("\n== tests");
            let outcome = match runner::run(&built.tests, fast) {
                true => Outcome::Passed,
                false => Outcome::Failed,
            };
            note("tests", start, outcome);
        }
    }
    println!("\nSeconds of each step:");
    for (name, time) in took {
        println!("{:7.0}  {name}", time.as_secs_f64());
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("\nFAILED: {}", failed.join(", "));
    ExitCode::FAILURE
}

/// Installs the tools of simulation and soft cores where they are missing, by the program that was built with the tests.
fn tools(built: &binaries::Built) -> Outcome {
    println!("\n== tools: sepstream setup --softcores");
    let mut command = Command::new(&built.sepstream);
    let status = command.args(["setup", "--softcores"]).status();
    match status.is_ok_and(|status| status.success()) {
        true => Outcome::Passed,
        false => Outcome::Failed,
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
            return match strict {
                true => Outcome::Failed,
                false => Outcome::Skipped,
            };
        }
        println!("\n== {}: cargo {}", self.name, self.arguments.join(" "));
        let environment = self.environment.iter().copied();
        let status = cargo().args(self.arguments).envs(environment).status();
        match status {
            Ok(status) if status.success() => Outcome::Passed,
            Ok(_) => Outcome::Failed,
            Err(error) => {
                eprintln!("cannot run cargo: {error}");
                Outcome::Failed
            }
        }
    }
}

/// Whether the toolchain has a part; rustup can add it where rustup is.
fn present(component: &str) -> bool {
    let answers = || {
        let output = cargo().args([component, "--version"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let package = match component {
        "fmt" => "rustfmt",
        _ => component,
    };
    let add = || {
        Command::new("rustup")
            .args(["component", "add", package])
            .status()
            .is_ok_and(|status| status.success())
    };
    answers() || (add() && answers())
}
