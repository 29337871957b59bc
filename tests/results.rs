// SPDX-License-Identifier: MIT OR Apache-2.0
//! What README.md, docs/results.md and docs/results publish is what the accelerator does, and `bench` finds where it is not.

mod support;

use std::fs;
use std::path::Path;

use support::{Output, assert_documented, models, output, sepstream};

const MODEL: [&str; 2] = ["--engine", "model"];
const FIGURES: &str = "docs/results/digits_4x4.json";

/// By the cycle-exact model, which is quick; that Verilator counts the same is tested with the engines.
#[test]
fn published_figures_hold() {
    let shared = models().is_some();
    let out = support::run(&["bench", "--engine", "model", "--check", "--json"]);
    assert_eq!(out.code, 0, "{}{}", out.stdout, out.stderr);
    let json = out.json();
    let cases = json["cases"].as_array().unwrap();
    assert!(cases.len() >= 10);
    let skipped = cases.iter().any(|case| case["skipped"] == true);
    assert!(!shared || !skipped, "{json}");
}

/// docs/json.md names every field of the report, of its cases and of their peers.
#[test]
fn json_has_the_documented_fields() {
    let json = support::run(&["bench", "--engine", "model", "--json"]).json();
    for value in [&json, &json["cases"][0], &json["cases"][0]["peers"][0]] {
        assert_documented(value, "bench");
    }
}

/// A project with the digits network as its only case.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        for file in [
            "README.md",
            "docs/results.md",
            "configs/small_4x4.yaml",
            "models/digits.tflite",
            "models/digits_test.npz",
            "models/digits.json",
            FIGURES,
        ] {
            let to = project.0.path().join(file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), to).unwrap();
        }
        project.cases("");
        project
    }
    fn put(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fn get(&self, file: &str) -> String {
        fs::read_to_string(self.0.path().join(file)).unwrap()
    }
    fn remove(&self, file: &str) {
        fs::remove_file(self.0.path().join(file)).unwrap();
    }
    /// The case, with some more lines.
    fn cases(&self, more: &str) {
        let case = "\
sources: {}
cases:
  - id: digits_4x4
    title: digits
    model: models/digits.tflite
    golden: models/digits_test.npz
    config: configs/small_4x4.yaml
";
        self.put("bench/cases.yaml", &(case.to_owned() + more));
    }
    fn committed_cycles(&self) -> u64 {
        let figures: serde_json::Value = serde_json::from_str(&self.get(FIGURES)).unwrap();
        figures["cycles"].as_u64().unwrap()
    }
    fn commit_cycles(&self, cycles: u64) {
        let mut figures: serde_json::Value = serde_json::from_str(&self.get(FIGURES)).unwrap();
        figures["cycles"] = cycles.into();
        self.put(FIGURES, &figures.to_string());
    }
    fn bench(&self, args: &[&str]) -> Output {
        let mut command = sepstream();
        command
            .current_dir(self.0.path())
            .env_remove("REQUIRE_TOOLS");
        output(command.args(["bench", "--models", "models"]).args(args))
    }
}

#[test]
fn a_figure_that_gets_worse_fails_and_a_better_one_only_the_check() {
    let project = Project::new();
    assert_eq!(project.bench(&MODEL).code, 0);
    let cycles = project.committed_cycles();
    project.commit_cycles(cycles - 1);
    let worse = project.bench(&MODEL);
    assert_eq!(worse.code, 1);
    insta::assert_snapshot!("worse", worse.stdout);
    project.commit_cycles(cycles + 1);
    assert_eq!(project.bench(&MODEL).code, 0);
    let check = project.bench(&["--engine", "model", "--check"]);
    assert_eq!(check.code, 1);
    insta::assert_snapshot!("outdated", check.stdout);
}

#[test]
fn limits_that_are_missed_fail() {
    let project = Project::new();
    let cycles = project.committed_cycles();
    project.cases(&format!(
        "    must_reach: {}\n    multipliers: 27\n    stretch: 5000\n",
        cycles - 1
    ));
    let missed = project.bench(&MODEL);
    assert_eq!(missed.code, 1);
    insta::assert_snapshot!("missed", missed.stdout);
}

#[test]
fn different_bytes_fail() {
    let project = Project::new();
    let golden = project.0.path().join("models/digits_test.npz");
    support::rewrite_npz("models/digits_test.npz", &golden, |name, bytes| {
        if name == "out0.npy" {
            *bytes.last_mut().unwrap() ^= 1;
        }
    });
    let different = project.bench(&MODEL);
    assert_eq!(different.code, 1);
    let line = "FAILED: digits_4x4: 1 output bytes differ";
    assert!(different.stdout.contains(line), "{}", different.stdout);
}

#[test]
fn a_missing_model_is_a_line_for_people_and_a_failure_where_all_must_be_there() {
    let project = Project::new();
    project.remove("models/digits.tflite");
    let skipped = project.bench(&MODEL);
    assert_eq!(skipped.code, 0);
    insta::assert_snapshot!("skipped", skipped.stderr + &skipped.stdout);
    let mut command = sepstream();
    command
        .current_dir(project.0.path())
        .env("REQUIRE_TOOLS", "1");
    let required = output(command.args(["bench", "--engine", "model"]));
    assert_eq!(required.code, 2);
    insta::assert_snapshot!("required", required.stderr);
}

#[test]
fn bad_input_is_named() {
    let project = Project::new();
    let model = project.bench(&["--engine", "model", "--write"]);
    project.remove("bench/cases.yaml");
    let nowhere = project.bench(&MODEL);
    assert_eq!((model.code, nowhere.code), (2, 2));
    insta::assert_snapshot!("bad_input", model.stderr + &nowhere.stderr);
}

#[test]
fn written_figures_hold() {
    if !support::tools() {
        return;
    }
    let project = Project::new();
    project.remove(FIGURES);
    assert_eq!(project.bench(&MODEL).code, 1, "no figures are committed");
    let written = project.bench(&["--write"]);
    assert_eq!(written.code, 0, "{}{}", written.stdout, written.stderr);
    let row = "| digits | [4x4 + 4x3](../configs/small_4x4.yaml) | 28 |";
    assert!(project.get("docs/results.md").contains(row));
    assert_eq!(project.bench(&["--check"]).code, 0);
    assert_eq!(project.bench(&["--engine", "model", "--check"]).code, 0);
}
