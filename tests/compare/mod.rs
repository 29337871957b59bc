// SPDX-License-Identifier: MIT OR Apache-2.0
//! `compare` as a user meets it, without the soft cores, which `sim/tests/softcore.rs` runs.

use std::fs;

use serde_json::Value;

use crate::support::run;
use crate::{DIGITS, DIGITS_TEST, SMALL};

fn row<'a>(report: &'a Value, peer: &str) -> &'a Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter()
        .find(|row| row["peer"] == peer)
        .unwrap_or_else(|| panic!("no row {peer}"))
}

#[test]
fn rows_have_figures_or_say_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let report = run(&[
        "compare",
        DIGITS,
        "--config",
        SMALL,
        "--input",
        DIGITS_TEST,
        "--no-softcore",
        "--clock-mhz",
        "50",
        "--json",
        "--html",
        page.to_str().unwrap(),
    ])
    .json();
    for row in report["rows"].as_array().unwrap() {
        assert_ne!(row["cycles"].is_u64(), row["missing"].is_string(), "{row}");
        assert!(row["missing"].is_string() || row["note"] != "", "{row}");
    }
    // exactly what the model counts, at the clock that was given
    let accelerator = row(&report, "accelerator");
    let simulated = run(&["simulate", DIGITS, "--config", SMALL, "--json"]).json();
    assert_eq!(accelerator["cycles"], simulated["cycles"]);
    let cycles = accelerator["cycles"].as_f64().unwrap();
    assert_eq!(
        accelerator["milliseconds"].as_f64().unwrap(),
        cycles / 50.0 / 1e3
    );
    assert_eq!(accelerator["bytes"]["differ"], 0);
    assert_eq!(
        row(&report, "this CPU, our fast kernels")["bytes"]["differ"],
        0
    );
    let layers: u64 = accelerator["layers"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(layers, accelerator["cycles"].as_u64().unwrap());
    for peer in ["VexRiscv, RV32IM kernels", "PicoRV32, reference loops"] {
        assert_eq!(row(&report, peer)["missing"], "left out by --no-softcore");
    }
    // a page of its own, with a bar for every row that has cycles
    let page = fs::read_to_string(page).unwrap();
    let with_cycles = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["cycles"].is_u64());
    assert_eq!(page.matches("<rect ").count(), with_cycles.count());
    assert!(!page.contains("http"), "it loads nothing");
}

#[test]
fn wrong_clocks_are_refused() {
    for clock in ["0", "-1", "NaN", "inf", "fast"] {
        let clock = format!("--clock-mhz={clock}");
        let out = run(&["compare", DIGITS, "--config", SMALL, &clock]);
        assert_eq!(out.code, 2);
        assert!(
            out.stderr.contains("write for instance 50 or 62.5"),
            "{}",
            out.stderr
        );
    }
}

#[test]
fn the_clock_may_come_from_a_synthesis_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let clock = |text: &str| {
        fs::write(&path, text).unwrap();
        run(&[
            "compare",
            DIGITS,
            "--config",
            SMALL,
            "--no-softcore",
            "--json",
            "--synth-report",
            path.to_str().unwrap(),
        ])
    };
    let met = clock(r#"{ "met": true, "clock_mhz": 48.0, "fmax_mhz": 52.3 }"#).json();
    assert_eq!(met["clock_mhz"], 48.0);
    let missed = clock(r#"{ "met": false, "clock_mhz": 60.0, "fmax_mhz": 52.3 }"#).json();
    assert_eq!(missed["clock_mhz"], 52.3);
    for wrong in ["{}", "no JSON", r#"{ "met": true, "clock_mhz": null }"#] {
        let out = clock(wrong);
        assert_eq!(out.code, 2);
        assert!(
            out.stderr.contains("report.json that `sepstream synth`"),
            "{}",
            out.stderr
        );
    }
}
