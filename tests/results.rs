// SPDX-License-Identifier: MIT OR Apache-2.0
//! What README.md and docs/results publish is what the accelerator does.

#[path = "support/models.rs"]
mod models;

use std::path::Path;
use std::process::Command;

use sepstream_xtask::results::Project;

/// By the cycle-exact model, which is quick; that Verilator counts the same is tested with the engines.
#[test]
fn published_figures_hold() {
    let shared = models::models().is_some();
    let binary = assert_cmd::cargo::cargo_bin("sepstream");
    let project = Project {
        root: Path::new(env!("CARGO_MANIFEST_DIR")),
        sepstream: &|| Command::new(&binary),
    };
    let mut skipped = Vec::new();
    let outcome = project.check_results(&mut |case| skipped.push(case.to_string()));
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(!shared || skipped.is_empty(), "{skipped:?}");
}
