// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line as a user meets it: output, messages, exit codes.

mod compare;
#[cfg(unix)]
mod fpga;
mod simulate;
mod support;

use support::{models, run, sepstream, tools};

const DIGITS: &str = "models/digits.tflite";
const SMALL: &str = "configs/small_4x4.yaml";
const DIGITS_TEST: &str = "models/digits_test.npz";

#[test]
fn inspect_shows_the_network() {
    let out = run(&["inspect", DIGITS]);
    assert_eq!(out.code, 0);
    insta::assert_snapshot!(out.stdout);
}

/// A file that nothing runs is shown all the same, with what is missing.
#[test]
fn inspect_marks_what_is_missing() {
    let out = run(&["inspect", "tests/cases/operators/add_float32_0.tflite"]);
    assert_eq!(out.code, 0);
    insta::assert_snapshot!(out.stdout);
}

#[test]
fn inspect_json_has_the_same_totals() {
    let json = run(&["inspect", DIGITS, "--json"]).json();
    let sum = |list: &serde_json::Value, key: &str| -> u64 {
        list.as_array()
            .unwrap()
            .iter()
            .map(|layer| layer[key].as_u64().unwrap())
            .sum()
    };
    assert_eq!(sum(&json["layers"], "macs"), json["macs"].as_u64().unwrap());
    assert_eq!(
        sum(&json["layers"], "parameters"),
        json["parameters"].as_u64().unwrap()
    );
}

#[test]
fn reference_equals_the_golden_results() {
    let json = run(&[
        "simulate",
        DIGITS,
        "--engine",
        "reference",
        "--check",
        DIGITS_TEST,
        "--json",
    ])
    .json();
    assert_eq!(json["frames"], 360);
    assert_eq!(json["compared"], 3600);
    assert_eq!(json["mismatches"], 0);
}

#[test]
fn seeds_are_named_and_change_the_noise() {
    let noise = |seed: &str| run(&["simulate", DIGITS, "--engine", "reference", "--seed", seed]);
    assert!(noise("7").stdout.contains("input: noise, --seed 7"));
    if !tools() {
        return;
    }
    let mut args = vec![
        "simulate",
        DIGITS,
        "--config",
        SMALL,
        "--engine",
        "verilator",
    ];
    args.extend(["--stalls", "25", "--seed", "9"]);
    let text = run(&args).stdout;
    assert!(
        text.contains("host streams stalled in 25 % of the cycles, --seed 9"),
        "{text}"
    );
    args.push("--json");
    let json = run(&args).json();
    for (field, value) in [("noise_seed", 9), ("stall_seed", 9), ("stall_percent", 25)] {
        assert_eq!(json[field], value, "{field}");
    }
}

#[test]
fn table_of_a_run_without_a_check() {
    let out = run(&["simulate", DIGITS, "--engine", "reference"]);
    assert_eq!(out.code, 0);
    insta::assert_snapshot!(without_times(&out));
}

#[test]
fn frames_limits_the_run() {
    let json = run(&[
        "simulate",
        DIGITS,
        "--engine",
        "reference",
        "--check",
        DIGITS_TEST,
        "--frames",
        "2",
        "--json",
    ])
    .json();
    assert_eq!(
        (&json["frames"], &json["compared"]),
        (&2.into(), &20.into())
    );
}

#[test]
fn difference_is_exit_code_1_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join("golden.npz");
    support::rewrite_npz(DIGITS_TEST, &golden, |name, bytes| {
        if name == "out0.npy" {
            let last = bytes.len() - 3;
            bytes[last] ^= 1;
        }
    });
    let golden = golden.to_str().unwrap();
    let out = run(&[
        "simulate",
        DIGITS,
        "--engine",
        "reference",
        "--check",
        golden,
    ]);
    assert_eq!(out.code, 1);
    insta::assert_snapshot!(out.stdout.lines().last().unwrap());
    let json = run(&[
        "simulate",
        DIGITS,
        "--engine",
        "reference",
        "--check",
        golden,
        "--json",
    ])
    .json_with_code(1);
    assert_eq!(json["mismatches"], 1);
    insta::assert_snapshot!(format!("{:#}", json["first_difference"]));
}

#[test]
fn picture_is_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("seven.png");
    image::GrayImage::from_fn(40, 30, |x, y| image::Luma([(x * y) as u8]))
        .save(&picture)
        .unwrap();
    let out = run(&[
        "simulate",
        DIGITS,
        "--engine",
        "reference",
        "--input",
        picture.to_str().unwrap(),
    ]);
    assert_eq!(out.code, 0);
}

#[test]
fn bad_input_is_exit_code_2_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.tflite");
    std::fs::write(&text, "this is a text and no model").unwrap();
    let text = text.to_str().unwrap();
    let reference = ["simulate", DIGITS, "--engine", "reference"];
    let with = |more: &[&'static str]| [&reference[..], more].concat();
    let cases = [
        vec!["inspect", "no/such.tflite"],
        vec!["inspect", text],
        with(&["--config", "no/such.yaml"]),
        with(&["--config", "tests/errors/config.yaml"]),
        with(&["--input", "README.pdf"]),
        with(&["--input", "no/such.npz"]),
        with(&["--input", "no/such.png"]),
        with(&["--input", DIGITS]),
        with(&["--input", "tests/cases/conv3x3_rgb.npz"]),
        with(&["--check", "tests/cases/conv3x3_rgb.npz"]),
        with(&[
            "--check",
            "tests/cases/conv3x3_rgb.npz",
            "--input",
            DIGITS_TEST,
        ]),
        with(&["--check", "models/digits.json"]),
        with(&["--trace", "wave.vcd"]),
        with(&["--stalls", "10"]),
        with(&["--threads", "2"]),
    ];
    let mut messages = String::new();
    for case in cases {
        let out = run(&case);
        assert_eq!(out.code, 2, "{case:?}: {}", out.stderr);
        assert_eq!(out.stdout, "", "{case:?}");
        let line = format!("$ sepstream {}\n{}\n", case.join(" "), out.stderr);
        messages += &line.replace(folder.path().to_str().unwrap(), "FOLDER");
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn fewer_golden_frames_than_frames_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join("golden.npz");
    support::rewrite_npz("tests/cases/conv3x3_rgb.npz", &golden, |name, bytes| {
        if name == "out0.npy" {
            *bytes = first_frame(bytes);
        }
    });
    let out = run(&[
        "simulate",
        "tests/cases/conv3x3_rgb.tflite",
        "--engine",
        "reference",
        "--check",
        golden.to_str().unwrap(),
    ]);
    assert_eq!(out.code, 2);
    insta::assert_snapshot!(
        out.stderr
            .replace(folder.path().to_str().unwrap(), "FOLDER")
    );
}

#[test]
fn wrong_arguments_are_exit_code_2() {
    for case in [
        &["simulate"][..],
        &["simulate", DIGITS, "--frames", "0"],
        &["simulate", DIGITS, "--engine", "gpu"],
        &[],
    ] {
        assert_eq!(run(case).code, 2, "{case:?}");
    }
}

#[test]
fn help_of_every_command() {
    let mut text = String::new();
    for case in [
        &["--help"][..],
        &["inspect", "--help"],
        &["simulate", "--help"],
        &["generate", "--help"],
        &["compile", "--help"],
        &["run", "--help"],
        &["serve-sim", "--help"],
        &["compare", "--help"],
        &["area", "--help"],
        &["synth", "--help"],
        &["boards", "--help"],
        &["flash", "--help"],
        &["demo", "--help"],
        &["setup", "--help"],
    ] {
        text += &run(case).stdout;
        text += "\n";
    }
    insta::assert_snapshot!(text);
}

#[test]
fn compile_reports_layers_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("digits.prog");
    let args = [
        "compile",
        DIGITS,
        "--config",
        SMALL,
        "-o",
        program.to_str().unwrap(),
    ];
    let out = run(&args);
    assert_eq!((out.code, &*out.stderr), (0, ""));
    insta::assert_snapshot!(out.stdout);
    let json = run(&[&args[..], &["--json"]].concat()).json();
    assert_eq!(
        json["image_bytes"],
        std::fs::metadata(&program).unwrap().len()
    );
    let cycles = json["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["cycles"].as_u64().unwrap());
    assert_eq!(json["cycles"], cycles.sum::<u64>());
}

/// A network that the host runs layers of, between those of the accelerator.
#[test]
fn networks_are_cut_between_accelerator_and_host() {
    const MODEL: &str = "tests/cases/pool_windows.tflite";
    let args = ["compile", MODEL, "--config", SMALL];
    insta::assert_snapshot!(run(&args).stdout);
    let compile = run(&[&args[..], &["--json"]].concat()).json();
    let golden = ["--check", "tests/cases/pool_windows.npz", "--json"];
    let simulate = ["simulate", MODEL, "--config", SMALL];
    let simulate = run(&[&simulate[..], &golden].concat()).json();
    assert_eq!(simulate["mismatches"], 0);
    let segments = compile["segments"].as_array().unwrap();
    let mut runs = segments.iter().filter(|s| s["kind"] == "accelerator");
    assert!(runs.clone().count() > 1 && runs.clone().count() < segments.len());
    let sum = |field: &str| {
        runs.clone()
            .map(|s| s[field].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(compile["cycles"], sum("cycles"));
    assert_eq!(compile["macs_on_accelerator"], sum("macs"));
    assert_eq!(compile["bytes_across"], sum("bytes_in") + sum("bytes_out"));
    for field in ["segments", "macs_on_accelerator", "bytes_across", "cycles"] {
        assert_eq!(compile[field], simulate[field], "{field}");
    }
    assert!(runs.all(|segment| segment["layers"].as_array().is_some()));

    let strict = run(&[&args[..], &["--strict"]].concat());
    assert_eq!(strict.code, 2);
    assert!(
        strict.stderr.contains("unsupported layer"),
        "{}",
        strict.stderr
    );
}

#[test]
fn dead_channels_are_left_out_unless_they_are_to_stay() {
    const MODEL: &str = "tests/cases/dead_channels.tflite";
    let simulate = |option: &[&str]| {
        let args = ["simulate", MODEL, "--config", SMALL, "--check"];
        let golden = ["tests/cases/dead_channels.npz", "--json"];
        run(&[&args[..], &golden, option].concat()).json()
    };
    let (live, all) = (simulate(&[]), simulate(&["--keep-dead"]));
    for report in [&live, &all] {
        assert_eq!(
            (&report["mismatches"], &report["macs"]),
            (&0.into(), &15_360.into())
        );
    }
    assert_eq!(
        (&live["dead_channels"], &all["dead_channels"]),
        (&4.into(), &0.into())
    );
    assert_eq!(
        (&live["live_macs"], &all["live_macs"]),
        (&10_240.into(), &15_360.into())
    );
    let compile = run(&["compile", MODEL, "--config", SMALL, "--json"]).json();
    assert_eq!(compile["cycles"], live["cycles"]);
    assert_eq!(compile["cycles_with_dead"], all["cycles"]);
    insta::assert_snapshot!(run(&["compile", MODEL, "--config", SMALL]).stdout);
}

#[test]
fn model_that_does_not_fit_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tiny.yaml");
    let small = std::fs::read_to_string(SMALL).unwrap();
    std::fs::write(&config, small.replace("weight_kib: 8", "weight_kib: 1")).unwrap();
    let out = run(&["compile", DIGITS, "--config", config.to_str().unwrap()]);
    assert_eq!(out.code, 2);
    insta::assert_snapshot!(out.stderr);
}

#[test]
fn generate_writes_verilog_and_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("a/b");
    let args = ["generate", SMALL, "-o", folder.to_str().unwrap(), "--json"];
    let json = run(&args).json();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&read("manifest.json")).unwrap();
    assert_eq!(json, manifest);
    assert!(read("sepstream.v").contains("module sepstream"));
    // the written configuration generates the same again
    let again = folder.join("again");
    let config = folder.join("config.yaml");
    assert_eq!(
        run(&[
            "generate",
            config.to_str().unwrap(),
            "-o",
            again.to_str().unwrap()
        ])
        .code,
        0
    );
    assert_eq!(
        std::fs::read_to_string(again.join("sepstream.v")).unwrap(),
        read("sepstream.v")
    );
}

#[test]
fn generate_into_a_file_is_exit_code_2() {
    assert_eq!(run(&["generate", SMALL, "-o", "Cargo.toml"]).code, 2);
}

#[test]
fn model_equals_the_golden_results() {
    let args = [
        "simulate",
        DIGITS,
        "--config",
        SMALL,
        "--check",
        DIGITS_TEST,
        "--frames",
        "20",
        "--json",
    ];
    let json = run(&args).json();
    assert_eq!(
        (&json["mismatches"], &json["compared"]),
        (&0.into(), &200.into())
    );
    let layers = json["layers"].as_array().unwrap();
    let cycles = layers.iter().filter_map(|layer| layer["cycles"].as_u64());
    assert_eq!(json["cycles"], cycles.sum::<u64>());
    assert!(
        layers.last().unwrap()["cycles"].is_null(),
        "the host runs SOFTMAX"
    );
}

#[test]
fn parts_of_a_network_are_checked_against_the_reference() {
    for engine in ["reference", "model", "verilator"] {
        if engine == "verilator" && !tools() {
            continue;
        }
        for range in ["0..1", "2..3", "1..5", "5..", "..10", "9..11"] {
            let mut args = vec!["simulate", DIGITS, "--config", SMALL, "--engine", engine];
            args.extend(["--layers", range, "--json"]);
            let json = run(&args).json();
            assert_eq!(json["mismatches"], 0, "{engine} {range}");
            assert_eq!(json["checked_against"], "reference");
        }
    }
    let out = run(&["simulate", DIGITS, "--config", SMALL, "--layers", "40..41"]);
    assert_eq!(out.code, 2);
    insta::assert_snapshot!(out.stderr);
}

#[test]
fn accelerator_needs_a_configuration() {
    let out = run(&["simulate", DIGITS, "--engine", "verilator"]);
    assert_eq!(out.code, 2);
    insta::assert_snapshot!(out.stderr);
}

#[test]
fn verilator_equals_the_model() {
    if !tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("wave.vcd");
    let args = [
        "simulate",
        DIGITS,
        "--config",
        SMALL,
        "--check",
        DIGITS_TEST,
        "--frames",
        "3",
        "--json",
    ];
    let model = run(&args).json();
    let verilator = [&args[..], &["--engine", "verilator"]].concat();
    let variants = [
        vec![],
        vec!["--stalls", "40", "--seed", "7"],
        vec!["--trace", trace.to_str().unwrap()],
    ];
    for variant in variants {
        let json = run(&[&verilator[..], &variant].concat()).json();
        assert_eq!(json["mismatches"], 0, "{variant:?}");
        for key in ["cycles", "layers", "macs", "utilisation", "multipliers"] {
            assert_eq!(json[key], model[key], "{key} {variant:?}");
        }
        assert!(json["interval"].as_u64().unwrap() >= json["cycles"].as_u64().unwrap());
        assert!(json["io_cycles"].as_u64().unwrap() > 0);
    }
    let wave = std::fs::read_to_string(&trace).unwrap();
    assert!(wave.contains("$enddefinitions"));
}

#[test]
fn failing_tools_are_exit_code_3() {
    let args = [
        "simulate",
        DIGITS,
        "--config",
        SMALL,
        "--engine",
        "verilator",
    ];
    let mut messages = String::new();
    for (variable, value) in [
        ("SEPSTREAM_VERILATOR", "no/such/verilator"),
        ("CXX", "no-such-compiler"),
    ] {
        let output = sepstream()
            .args(args)
            .env(variable, value)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{variable}");
        assert_eq!(output.stdout, b"", "{variable}");
        messages += &String::from_utf8(output.stderr).unwrap();
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn setup_says_what_it_found() {
    if !tools() {
        return;
    }
    let text = run(&["setup"]).stdout;
    assert!(text.starts_with("Verilator 5."), "{text}");
    assert!(text.contains("\nC++ compiler "), "{text}");
    let json = run(&["setup", "--json"]).json();
    let lines: Vec<_> = json["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    assert_eq!(lines.join("\n") + "\n", text);
}

#[test]
fn demo_shows_digits_and_equality() {
    if !tools() {
        return;
    }
    let out = run(&["demo", "--frames", "6"]);
    assert_eq!((out.code, &*out.stderr), (0, ""));
    insta::assert_snapshot!(without_times(&out));
    let json = run(&["demo", "--frames", "6", "--json"]).json();
    assert_eq!(
        (&json["mismatches"], &json["same_cycles"]),
        (&0.into(), &true.into())
    );
}

/// Every model of the shared set, all frames.
#[test]
fn shared_models_equal_their_golden_results() {
    let Some(folder) = models() else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let model = entry.unwrap().path();
        // the model's own name has the results of the older arithmetic
        let newer = format!("{}_litert23.npz", model.file_stem().unwrap().display());
        let newer = model.with_file_name(newer);
        let golden = match newer.exists() {
            true => newer,
            false => model.with_extension("npz"),
        };
        if model.extension().is_none_or(|e| e != "tflite") || !golden.exists() {
            continue;
        }
        sepstream()
            .args(["simulate", "--engine", "reference", "--check"])
            .args([&golden, &model])
            .assert()
            .code(0);
        count += 1;
    }
    assert!(count >= 10, "{count} models");
}

/// Standard output with wall-clock times taken out.
fn without_times(out: &support::Output) -> String {
    let words: Vec<_> = out.stdout.split_inclusive([' ', '\n']).collect();
    let is_time = |i: usize| words.get(i + 1).is_some_and(|unit| unit.trim() == "ms");
    let plain = |(i, word): (usize, &&str)| {
        if is_time(i) {
            "TIME ".into()
        } else {
            word.to_string()
        }
    };
    words.iter().enumerate().map(plain).collect()
}

/// An array with two frames cut to its first: same header length, half the elements.
fn first_frame(npy: &[u8]) -> Vec<u8> {
    let header = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let mut cut = npy[..header + (npy.len() - header) / 2].to_vec();
    let shape = cut
        .windows(2)
        .position(|two| two == b"(2")
        .expect("two frames");
    cut[shape + 1] = b'1';
    cut
}
