// SPDX-License-Identifier: MIT OR Apache-2.0
//! `simulate`: frames, threads, and the fields of its JSON.

use super::support::{run, tools};
use super::{DIGITS, DIGITS_TEST, SMALL};

/// Frames come back in their order, whichever thread ran them.
#[test]
fn frames_are_repeated_and_shared_out_to_threads() {
    for engine in [
        &["--engine", "reference"][..],
        &["--config", SMALL, "--threads", "3"],
    ] {
        let args = ["simulate", DIGITS, "--check", DIGITS_TEST, "--json"];
        let more = ["--frames", "5", "--repeat", "4"];
        let json = run(&[&args, &more[..], engine].concat()).json();
        assert_eq!(json["frames"], 20, "{engine:?}");
        assert_eq!(json["compared"], 200, "{engine:?}");
        assert_eq!(json["mismatches"], 0, "{engine:?}");
    }
}

/// Every engine has every field; what it cannot know is null, as docs/json.md says.
#[test]
fn json_of_a_run_has_the_documented_fields() {
    let documented = documented_fields();
    let unknown = |engine: &str| -> &[&str] {
        match engine {
            "reference" => &[
                "config",
                "cycles",
                "io_cycles",
                "interval",
                "multipliers",
                "utilisation",
                "live_macs",
                "macs_on_accelerator",
                "bytes_across",
                "live_utilisation",
                "channels",
                "dead_channels",
                "kernels",
            ],
            "model" => &["io_cycles", "interval"],
            _ => &["kernels"],
        }
    };
    for engine in ["reference", "model", "verilator"] {
        if engine == "verilator" && !tools() {
            continue;
        }
        let mut args = vec![
            "simulate",
            DIGITS,
            "--engine",
            engine,
            "--check",
            DIGITS_TEST,
        ];
        args.extend(["--frames", "1", "--json"]);
        if engine != "reference" {
            args.extend(["--config", SMALL]);
        }
        let json = run(&args).json();
        let fields: Vec<_> = json.as_object().unwrap().keys().collect();
        assert_eq!(fields, documented.iter().collect::<Vec<_>>(), "{engine}");
        for field in &documented {
            let always = [
                "noise_seed",
                "stall_percent",
                "stall_seed",
                "first_difference",
            ];
            let null =
                always.contains(&field.as_str()) || unknown(engine).contains(&field.as_str());
            assert_eq!(json[field].is_null(), null, "{engine}: {field}");
        }
    }
}

/// First column of the first table in docs/json.md, sorted.
fn documented_fields() -> Vec<String> {
    let text = include_str!("../../docs/json.md");
    let rows = text.lines().skip_while(|line| !line.starts_with("| `"));
    let rows = rows.take_while(|line| line.starts_with('|'));
    let mut fields: Vec<_> = rows
        .map(|row| row.split('`').nth(1).unwrap().to_string())
        .collect();
    fields.sort();
    fields
}
