// SPDX-License-Identifier: MIT OR Apache-2.0
//! `run` against `serve-sim`: client, protocol and pins of a board, without the board.

#[allow(dead_code, unused_imports)] // other tests use more of it
mod support;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{Output, assert_documented, run, tools};

const DIGITS: &str = "models/digits.tflite";
const DIGITS_TEST: &str = "models/digits_test.npz";
const SMALL: &str = "configs/small_4x4.yaml";

/// A simulated board, until it is dropped.
struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sepstream"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["serve-sim", "--config", SMALL, "--json"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // one object, and then nothing more until it is stopped
        let mut stdout = child.stdout.take().unwrap();
        let (mut text, mut byte) = (String::new(), [0]);
        while !text.ends_with("\n}\n") {
            assert_eq!(stdout.read(&mut byte).unwrap(), 1, "it ended: {text}");
            text.push(byte[0].into());
        }
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for field in ["config", "port", "link", "clocks_per_bit"] {
            assert!(json.get(field).is_some(), "{field}");
        }
        let port = json["port"].as_str().unwrap().into();
        Server { child, port }
    }
    fn run(&self, program: &Path, args: &[&str]) -> Output {
        let program = program.to_str().unwrap();
        let port = ["run", "--port", &self.port, "--program", program];
        run(&[&port, args].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(folder: &tempfile::TempDir, config: &str) -> PathBuf {
    program_of(folder, DIGITS, config)
}

fn program_of(folder: &tempfile::TempDir, model: &str, config: &str) -> PathBuf {
    let path = folder.path().join("digits.program");
    let file = path.to_str().unwrap();
    let out = run(&["compile", model, "--config", config, "-o", file]);
    assert_eq!(out.code, 0, "{}", out.stderr);
    path
}

#[test]
fn a_board_is_generated_for_its_clock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let generate = |more: &[&str]| {
        let args = ["generate", SMALL, "-o", path, "--top", "board", "--json"];
        run(&[&args[..], more].concat())
    };
    for more in [
        &["--clock-hz", "12000000"][..],
        &["--clock-hz", "48000000", "--baud", "12000000"],
        &["--link", "spi"],
    ] {
        assert_eq!(generate(more).json()["top"], "sepstream_board");
        let verilog = std::fs::read_to_string(folder.path().join("sepstream.v")).unwrap();
        assert!(verilog.contains("module sepstream_board ("));
        let uart = verilog.contains("input wire uart_rx");
        assert_eq!(uart, !more.contains(&"spi"));
    }
    for (more, way_out) in [
        (&[][..], "--clock-hz 50000000"),
        (
            &["--clock-hz", "1000000", "--baud", "1000000"],
            "16 to 250000 baud",
        ),
    ] {
        let out = generate(more);
        assert_eq!(out.code, 2);
        assert!(out.stderr.contains(way_out), "{}", out.stderr);
    }
}

/// Three frames with the host's softmax, checked against the golden results.
const CHECKED: [&str; 8] = [
    "--input",
    DIGITS_TEST,
    "--check",
    DIGITS_TEST,
    "--model",
    DIGITS,
    "--frames",
    "3",
];

/// The accelerator runs several times in a frame, the host in between.
#[test]
fn a_cut_network_runs_on_a_simulated_board() {
    if !tools() {
        return;
    }
    const MODEL: &str = "tests/cases/pool_windows.tflite";
    const GOLDEN: &str = "tests/cases/pool_windows.npz";
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    let program = program_of(&folder, MODEL, SMALL);
    let input = ["--input", GOLDEN, "--check", GOLDEN, "--json"];
    let with = |model: &str| server.run(&program, &[&["--model", model], &input[..]].concat());
    let json = with(MODEL).json();
    assert_eq!(
        (&json["mismatches"], &json["resets"]),
        (&0.into(), &0.into())
    );
    let compile = run(&["compile", MODEL, "--config", SMALL, "--json"]).json();
    assert_eq!(json["cycles"], compile["cycles"]);
    let runs = compile["segments"].as_array().unwrap().iter();
    assert!(runs.filter(|s| s["kind"] == "accelerator").count() > 1);

    // without the model nobody knows what runs in between
    let out = server.run(&program, &input);
    assert_eq!(out.code, 2);
    assert!(
        out.stderr.contains("give the model with --model"),
        "{}",
        out.stderr
    );
}

#[test]
fn a_program_runs_on_a_simulated_board() {
    if !tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("tty");
    let server = Server::start(&["--link", link.to_str().unwrap()]);
    assert_eq!(link.read_link().unwrap().to_str(), Some(&server.port[..]));
    let program = program(&folder, SMALL);
    let json = server
        .run(&program, &[&CHECKED[..], &["--json"]].concat())
        .json();
    assert_eq!(
        (&json["frames"], &json["compared"]),
        (&3.into(), &30.into())
    );
    assert_eq!(json["mismatches"], 0);
    assert_eq!(json["resets"], 0);
    let cycles = run(&["simulate", DIGITS, "--config", SMALL, "--json"]).json();
    assert_eq!(json["cycles"], cycles["cycles"]);
    assert_documented(&json, "run");

    // the same board, the text of a second run without the model: the bytes that the accelerator gives
    let out = server.run(&program, &["--input", DIGITS_TEST, "--frames", "1"]);
    assert_eq!(out.code, 0, "{}", out.stderr);
    assert!(out.stdout.contains("1 frame on /dev/"), "{}", out.stdout);
    assert!(out.stdout.ends_with("not checked\n"), "{}", out.stdout);
    // without the host's softmax the bytes are others
    let out = server.run(&program, &["--input", DIGITS_TEST, "--check", DIGITS_TEST]);
    assert_eq!(out.code, 1, "{}", out.stderr);
    assert!(out.stdout.contains("DIFFERENT"), "{}", out.stdout);
}

#[test]
fn a_bad_line_and_a_reset_are_overcome() {
    if !tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder, SMALL);
    // the program takes 400,000 cycles to load
    let server = Server::start(&["--damage", "1500", "--reset-at", "300000"]);
    let args = [&CHECKED[..], &["--json", "--retry-after", "200"]].concat();
    let json = server.run(&program, &args).json();
    assert_eq!(json["mismatches"], 0);
    assert_eq!(json["resets"], 1);
    assert!(json["retries"].as_u64().unwrap() > 0);
}

#[test]
fn wrong_programs_and_dead_lines_are_refused() {
    if !tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let other = program(&folder, "configs/residual_16x8.yaml");
    let server = Server::start(&[]);
    let refused = |out: Output, code: i32, text: &str| {
        assert_eq!(out.code, code, "{}", out.stderr);
        assert!(out.stderr.contains(text), "{}", out.stderr);
    };
    let out = server.run(&other, &CHECKED);
    refused(out, 2, "the program was compiled for configuration");
    // another version of the format, with a right checksum
    let right = program(&folder, SMALL);
    let mut bytes = std::fs::read(&right).unwrap();
    bytes[4] += 1;
    let end = bytes.len() - 4;
    let sum = sepstream_spec::crc32(&[&bytes[..end]]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
    let old = folder.path().join("old.program");
    std::fs::write(&old, bytes).unwrap();
    let version = format!("format version {}", sepstream_spec::program::VERSION + 1);
    refused(server.run(&old, &CHECKED), 2, &version);
    let out = server.run(
        &right,
        &[
            "--input",
            DIGITS_TEST,
            "--model",
            "tests/cases/conv_narrow.tflite",
        ],
    );
    refused(out, 2, "");

    let dead = Server::start(&["--damage", "1"]);
    let out = dead.run(&right, &[&CHECKED[..], &["--retry-after", "20"]].concat());
    refused(out, 3, "no reply to 8 requests");
    let mut args = vec!["run", "--port", "/dev/no-such-port", "--program"];
    args.push(right.to_str().unwrap());
    args.extend(CHECKED);
    refused(run(&args), 2, "/dev/no-such-port");
}
