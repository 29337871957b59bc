// SPDX-License-Identifier: MIT OR Apache-2.0
//! `boards`, `synth` and `flash` as a user meets them. The FPGA tools are scripts here, which say what a case needs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Output, assert_documented, output, run, sepstream};

/// Tools that answer what a test gives them.
struct Tools {
    folder: tempfile::TempDir,
}

impl Tools {
    /// Yosys counts `luts` LUTs; nextpnr reaches `fmax` MHz.
    fn new(luts: u32, fmax: f64) -> Self {
        let tools = Tools {
            folder: tempfile::tempdir().unwrap(),
        };
        let end = |cell: &str| json!({ "cell": format!("board.accelerator.{cell}") });
        let timing = json!({
            "fmax": { "$glbnet$clock": { "achieved": fmax, "constraint": 50.0 } },
            "utilization": { "TRELLIS_COMB": { "used": luts, "available": 43848 } },
            "critical_paths": [{ "from": "posedge clock", "to": "posedge clock", "path": [
                { "type": "clk-to-q", "delay": 0.5, "from": end("window.x_q_TRELLIS_FF_Q"), "to": end("window.x_q_TRELLIS_FF_Q") },
                { "type": "routing", "delay": 9.5, "from": end("window.x_q_TRELLIS_FF_Q"), "to": end("fill.y_q_TRELLIS_FF_Q") },
            ]}],
        });
        // every module of the text is there, and one has cells
        tools.script(
            "yosys",
            &format!(
                "if [ \"$1\" = -V ]; then echo 'Yosys 0.70 (script)'; exit; fi\n\
                 {{ echo '{{\"modules\":{{'\n\
                 sed -n 's/^module \\([a-z_0-9]*\\) (.*/\"\\1\":{{\"num_cells_by_type\":{{}}}},/p' sepstream_top.v | grep -v sepstream_top\n\
                 echo '\"sepstream_top\":{{\"num_cells_by_type\":{{\"LUT4\":{luts}}}}}}}}}'; }} > cells.json\n\
                 echo '{{}}' > netlist.json"
            ),
        );
        tools.script(
            "nextpnr-ecp5",
            &format!(
                "if [ \"$1\" = --version ]; then echo 'nextpnr-ecp5 (Version nextpnr-0.11.1)' >&2; exit; fi\n\
                 while [ $# -gt 0 ]; do\ncase \"$1\" in --report) report=$2;; --textcfg) config=$2;; esac\nshift\ndone\n\
                 echo placed > $config\ncat > $report <<'E'\n{timing}\nE"
            ),
        );
        tools.script("ecppack", "cp \"$2\" \"$3\"");
        tools
    }
    fn script(&self, name: &str, text: &str) {
        script(self.folder.path(), name, text);
    }
    fn synth(&self, folder: &Path, extra: &[&str]) -> Output {
        let mut command = self.command(folder);
        command.args(extra);
        output(&mut command.into())
    }
    fn command(&self, folder: &Path) -> Command {
        let at = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_sepstream"));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.env("SEPSTREAM_YOSYS", at("yosys"));
        command.env("SEPSTREAM_NEXTPNR_ECP5", at("nextpnr-ecp5"));
        command.args([
            "synth",
            "--board",
            "ulx3s-45f",
            "--config",
            "configs/small_4x4.yaml",
            "-o",
        ]);
        command.arg(folder);
        command
    }
    /// Lines that nextpnr runs before its others.
    fn nextpnr_begins(&self, lines: &str) {
        let path = self.folder.path().join("nextpnr-ecp5");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen('\n', &format!("\n{lines}\n"), 1)).unwrap();
    }
}

fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Files of a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Files of a run that met the clock, and others, sorted.
fn made(others: &[&'static str]) -> Vec<&'static str> {
    let mut files = vec![
        "config.yaml",
        "netlist.json",
        "nextpnr.json",
        "nextpnr.log",
        "report.json",
        "sepstream_top.v",
        "ulx3s-45f.bit",
        "yosys.log",
    ];
    files.extend(others);
    files.sort_unstable();
    files
}

#[test]
fn boards_are_listed() {
    let out = run(&["boards"]);
    assert_eq!(out.code, 0, "{}", out.stderr);
    insta::assert_snapshot!(out.stdout);
    let json = run(&["boards", "--json"]).json();
    let boards = json["boards"].as_array().unwrap();
    let lacking: Vec<_> = boards.iter().filter(|b| b["baud"].is_null()).collect();
    assert_eq!(lacking.len(), 1);
    assert_eq!(lacking[0]["name"], "fomu");
}

#[test]
fn a_bitstream_comes_with_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let model = ["--model", "models/digits.tflite", "--seeds", "2", "--json"];
    let out = Tools::new(1000, 60.0).synth(folder.path(), &model);
    let json = out.json();
    for value in [&json, &json["runs"][0], &json["critical_path"]] {
        assert_documented(value, "synth");
    }
    assert_eq!(json["met"], true);
    assert_eq!(
        (&json["clock_mhz"], &json["fmax_mhz"]),
        (&json!(50.0), &json!(60.0))
    );
    assert_eq!(json["runs"].as_array().unwrap().len(), 2);
    assert_eq!(json["bitstream"], "ulx3s-45f.bit");
    let path = &json["critical_path"];
    assert_eq!(
        (&path["from"], &path["to"]),
        (&json!("window: x_q"), &json!("fill: y_q"))
    );
    assert_eq!(
        files(folder.path()),
        made(&["digits.prog", "nextpnr-2.log"])
    );
}

#[test]
fn a_seed_that_is_not_routed_loses_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let tools = Tools::new(1000, 60.0);
    tools.nextpnr_begins(
        "case \"$* \" in *'--seed 1 '*) echo 'ERROR: no route'; echo '0 warnings, 1 error'; exit 1;; esac",
    );
    fs::write(folder.path().join("nextpnr-7.log"), "of an earlier run").unwrap();
    let out = tools.synth(folder.path(), &["--seeds", "2"]);
    assert_eq!(out.code, 0, "{}", out.stderr);
    for line in [
        "seed 1: not routed (ERROR: no route), in ",
        "seed 2: 60.0 MHz, in ",
    ] {
        assert!(out.stdout.contains(line), "{}", out.stdout);
    }
    let report = fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["seed"], &report["met"]), (&json!(2), &json!(true)));
    let [first, second] = [0, 1].map(|i| &report["runs"][i]);
    assert_eq!(
        (&first["fmax_mhz"], &first["fault"]),
        (&json!(null), &json!("ERROR: no route"))
    );
    assert_eq!(
        (&second["fmax_mhz"], &second["fault"]),
        (&json!(60.0), &json!(null))
    );
    assert_eq!(files(folder.path()), made(&["nextpnr-1.log"]));
}

/// Placement of a crowded FPGA may fail with one seed and not with another.
#[test]
fn when_no_seed_is_placed_that_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let tools = Tools::new(1000, 60.0);
    tools.nextpnr_begins(
        "case \"$*\" in *--seed*)\necho 'Info:     TRELLIS_COMB: 43000/43848    98%'\n\
         echo 'ERROR: Unable to find legal placement for all cells'\nexit 1;; esac",
    );
    let out = tools.synth(folder.path(), &["--seeds", "3"]);
    assert_eq!(out.code, 2, "{}", out.stderr);
    insta::assert_snapshot!(out.stderr);
    let want = [
        "nextpnr-1.log",
        "nextpnr-2.log",
        "nextpnr-3.log",
        "yosys.log",
    ];
    assert_eq!(files(folder.path()), want);
}

#[test]
fn an_interrupted_run_leaves_no_bitstream() {
    let folder = tempfile::tempdir().unwrap();
    let (bitstream, report) = ("ulx3s-45f.bit", "report.json");
    for file in [bitstream, report] {
        fs::write(folder.path().join(file), "of an earlier run").unwrap();
    }
    let tools = Tools::new(1000, 60.0);
    tools.nextpnr_begins("case \"$*\" in *--seed*) touch begun; exec sleep 5;; esac");
    let mut synth = tools.command(folder.path());
    let mut synth = synth.stdout(Stdio::null()).spawn().unwrap();
    let has_begun = || {
        let mut folders = files(folder.path()).into_iter();
        folders.any(|name| folder.path().join(name).join("begun").exists())
    };
    while !has_begun() {
        assert!(synth.try_wait().unwrap().is_none(), "synth has ended");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    synth.kill().unwrap();
    synth.wait().unwrap();
    let left = files(folder.path());
    assert!(
        left.iter().all(|file| file != bitstream && file != report),
        "{left:?}"
    );
    // the next run takes its working folder away
    let out = Tools::new(1000, 60.0).synth(folder.path(), &[]);
    assert_eq!(out.code, 0, "{}", out.stderr);
    let left = files(folder.path());
    assert!(left.iter().all(|file| !file.starts_with('.')), "{left:?}");
    assert!(left.iter().any(|file| file == bitstream), "{left:?}");
}

#[test]
fn a_missed_clock_is_exit_code_1_and_leaves_no_bitstream() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ulx3s-45f.bit"), "of an earlier run").unwrap();
    let out = Tools::new(1000, 49.0).synth(folder.path(), &[]);
    assert_eq!(out.code, 1, "{}", out.stderr);
    insta::assert_snapshot!(out.stderr);
    assert!(!files(folder.path()).contains(&"ulx3s-45f.bit".to_string()));
    assert!(files(folder.path()).contains(&"report.json".to_string()));
}

#[test]
fn what_does_not_fit_is_told_before_placement() {
    let folder = tempfile::tempdir().unwrap();
    let tools = Tools::new(50_000, 60.0);
    tools.script(
        "nextpnr-ecp5",
        "echo 'nextpnr-ecp5 (Version nextpnr-0.11.1)'; [ \"$1\" = --version ]",
    );
    let out = tools.synth(folder.path(), &[]);
    assert_eq!(out.code, 2, "{}", out.stderr);
    insta::assert_snapshot!(out.stderr);
    assert_eq!(files(folder.path()), ["yosys.log"]);
}

#[test]
fn a_failing_tool_is_exit_code_3_and_leaves_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let tools = Tools::new(1000, 60.0);
    tools.script(
        "nextpnr-ecp5",
        "echo '(Version nextpnr-0.11.1)'; [ \"$1\" = --version ] || echo 'ERROR: cannot place'; [ \"$1\" = --version ]",
    );
    let out = tools.synth(folder.path(), &[]);
    assert_eq!(out.code, 3, "{}", out.stderr);
    assert!(out.stderr.contains("ERROR: cannot place"), "{}", out.stderr);
    assert_eq!(files(folder.path()), ["nextpnr-1.log", "yosys.log"]);
}

#[test]
fn bad_input_of_synth_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let mut text = String::new();
    for case in [
        &["--board", "ulx3s"][..],
        &["--board", "fomu"],
        &["--board", "icebreaker", "--freq", "5"],
        &["--board", "icebreaker", "--freq", "fast"],
        &[
            "--board",
            "ulx3s-85f",
            "--config",
            "configs/small_4x4.yaml",
            "--model",
            "tests/cases/residual_add.tflite",
        ],
    ] {
        let result = output(sepstream().args(["synth", "-o", out]).args(case));
        assert_eq!(result.code, 2, "{case:?}: {}", result.stderr);
        text += &result.stderr;
    }
    insta::assert_snapshot!(text);
}

#[test]
fn flash_runs_the_loader_or_shows_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.bit");
    fs::write(&file, "bits").unwrap();
    let flash = |path: &Path, extra: &[&str]| {
        let mut command = sepstream();
        command
            .env("PATH", path)
            .args(["flash", "--board", "ulx3s-85f"]);
        output(command.arg(&file).args(extra))
    };
    let nowhere = folder.path().join("nowhere");
    let out = flash(&nowhere, &["--keep"]);
    assert_eq!(out.code, 0, "{}", out.stderr);
    let shown = out
        .stdout
        .replace(folder.path().to_str().unwrap(), "FOLDER");
    assert_eq!(
        shown,
        "there is no openFPGALoader in the PATH; where there is one, run\n\
         openFPGALoader --board ulx3s --write-flash 'FOLDER/a b.bit'\n"
    );
    script(folder.path(), "openFPGALoader", "echo \"$@\"");
    let json = flash(folder.path(), &["--json"]).json();
    assert_eq!(json["ran"], true);
    assert_eq!(json["command"][1], "--board");
    script(folder.path(), "openFPGALoader", "exit 1");
    assert_eq!(flash(folder.path(), &[]).code, 3);
    let gone = output(sepstream().args(["flash", "--board", "ulx3s-85f", "no.bit"]));
    assert_eq!(gone.code, 2);
}

/// Report and bytes of the bitstream that the real tools make of an accelerator; nothing without them.
fn bitstream(board: &str, config: &str, mhz: &str) -> Option<(serde_json::Value, u64)> {
    let setup = run(&["setup", "--synthesis"]);
    let required = std::env::var_os("REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(setup.code == 0 || !required, "{}", setup.stderr);
    if setup.code != 0 {
        println!("SKIPPED: synthesis tools");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut synth = sepstream();
    synth.args(["synth", "--board", board, "--config", config]);
    // others are for networks that are not in the repository
    if config.contains("digits") {
        synth.args(["--model", "models/digits.tflite"]);
    }
    synth.args(["--freq", mhz]);
    let json = output(synth.args(["--json", "-o"]).arg(folder.path())).json();
    assert_eq!(json["met"], true, "{board}");
    let file = folder.path().join(json["bitstream"].as_str().unwrap());
    Some((json, fs::metadata(file).unwrap().len()))
}

/// Small enough for every run of the tests, as the iCE40s below.
#[test]
fn the_digits_accelerator_becomes_a_bitstream() {
    let Some((json, bytes)) = bitstream("ulx3s-12f", "configs/digits_4x2.yaml", "40") else {
        return;
    };
    // of the engines none has DSP blocks here, a requantisation lane has two
    assert_eq!(json["total"]["multipliers"], 4);
    assert_eq!(json["device"]["name"], "ecp5-25");
    let names: Vec<_> = json["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| unit["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"bridge") && names.contains(&"pointwise"),
        "{names:?}"
    );
    let path = json["critical_path"]["hops"].as_array().unwrap();
    assert!(
        path.iter()
            .all(|hop| names.contains(&hop["unit"].as_str().unwrap()))
    );
    assert!(bytes > 50_000);
}

/// Those of the published table, at the clocks that they must have.
#[test]
fn ice40s_get_bitstreams() {
    for (board, config, mhz, multipliers) in [
        ("ice40-hx8k", "configs/digits_2x1.yaml", "50", 0),
        ("icebreaker", "configs/digits_2x1_plain.yaml", "24", 2),
        ("icebreaker", "configs/kws_2x1x5.yaml", "24", 8),
    ] {
        let Some((json, bytes)) = bitstream(board, config, mhz) else {
            return;
        };
        assert_eq!(json["total"]["multipliers"], multipliers, "{board}");
        assert!(bytes > 50_000, "{board}: {bytes}");
    }
}
