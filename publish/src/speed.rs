// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask speed`: the model's fast path against TensorFlow Lite on the same processor, in one run.

mod litert;
mod table;

use std::fs;
use std::path::PathBuf;
use std::thread;

use serde_json::{Value, json};

use crate::error::Error;
use crate::markers::replace;
use crate::project::{self, Project, finish};

/// Networks and the configurations that the model runs them in.
const CASES: [(&str, &str); 3] = [
    ("vww_mbv1_025_96", "configs/vww_16x8.yaml"),
    ("kws_dscnn_mlperf", "configs/kws_16x8.yaml"),
    ("mbv2_100_224_tf2ptq", "configs/model_large.yaml"),
];

/// Where the table stands.
const PAGE: &str = "docs/results.md";

/// Rounds; each measures everything once, and the median of the rounds counts.
const ROUNDS: usize = 5;

/// Least seconds of one measurement.
const SECONDS: f64 = 1.0;

/// What is measured: name in the JSON, and how.
enum Runner {
    /// TensorFlow Lite with these kernels.
    Litert(&'static str),
    /// `sepstream simulate --engine model`.
    Model,
}

/// A row of the table.
struct Row {
    id: &'static str,
    runner: Runner,
    /// On all cores instead of one.
    all_cores: bool,
}

const ROWS: [Row; 5] = [
    row("tflite_reference", Runner::Litert("reference"), false),
    row("tflite_xnnpack", Runner::Litert("xnnpack"), false),
    row("tflite_xnnpack_all", Runner::Litert("xnnpack"), true),
    row("sepstream", Runner::Model, false),
    row("sepstream_all", Runner::Model, true),
];

const fn row(id: &'static str, runner: Runner, all_cores: bool) -> Row {
    Row {
        id,
        runner,
        all_cores,
    }
}

/// A network's files.
struct Files {
    model: PathBuf,
    frames: PathBuf,
    config: &'static str,
}

/// Measures, writes `docs/results/speed.json` and the table of `docs/results.md`.
///
/// # Errors
/// When a model or python is missing, a run fails or gives other bytes, or a file cannot be written.
pub fn run(project: &Project) -> Result<(), Error> {
    let python = litert::python(project.root)?;
    let load = load_average();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut networks = Vec::new();
    let mut kernels = Value::Null;
    for (name, config) in CASES {
        let folder = project::shared(project.root);
        let model = folder.join(name).with_extension("tflite");
        let frames = model.with_extension("npz");
        if !model.is_file() || !frames.is_file() {
            return Err(Error::NoModel { case: name, folder });
        }
        let files = Files {
            model,
            frames,
            config,
        };
        // frames that take about a second, from a first run of few
        let first = simulate(project, &files, 1, 1)?;
        let count = first["frames"].as_u64().unwrap_or(1).max(1);
        let frame = first["seconds_per_frame"].as_f64().unwrap_or(1.0);
        let repeat = (SECONDS / frame / count as f64).ceil().max(1.0) as usize;
        kernels = first["kernels"].clone();
        let mut times = vec![Vec::new(); ROWS.len()];
        for round in 1..=ROUNDS {
            println!("{name}, round {round} of {ROUNDS}");
            for (row, times) in ROWS.iter().zip(&mut times) {
                let threads = if row.all_cores { cores } else { 1 };
                times.push(match row.runner {
                    Runner::Litert(kernels) => {
                        litert::seconds(&python, project.root, &files, kernels, threads)?
                    }
                    Runner::Model => {
                        let figures = simulate(project, &files, repeat * threads, threads)?;
                        figures["seconds_per_frame"]
                            .as_f64()
                            .ok_or_else(|| Error::Field("seconds_per_frame".into()))?
                    }
                });
            }
        }
        let medians = ROWS.iter().zip(times).map(|(row, times)| {
            let milliseconds = median(times) * 1000.0;
            (row.id.to_owned(), json!(rounded(milliseconds)))
        });
        let medians: serde_json::Map<_, _> = medians.collect();
        networks.push(json!({ "network": name, "config": config, "ms_per_frame": medians }));
    }
    let figures = json!({
        "processor": { "architecture": std::env::consts::ARCH, "cores": cores, "kernels": kernels },
        "litert": litert::VERSION,
        "rounds": ROUNDS,
        "load_before": load,
        "networks": networks,
    });
    let write = |name: &str, text: String| {
        let path = project.root.join(name);
        fs::write(&path, text).map_err(|e| Error::io(&path, e))
    };
    write("docs/results/speed.json", format!("{figures:#}\n"))?;
    let page = project.root.join(PAGE);
    let text = fs::read_to_string(&page).map_err(|e| Error::io(&page, e))?;
    let table = table::table(&figures)?;
    let text = replace(&text, "speed", "cargo xtask speed", &table).map_err(Error::Marker)?;
    write(PAGE, text)
}

/// Processes that wanted to run in the last minute, where the system tells: other work makes every figure worse.
fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Runs the model engine, which compares every frame with the golden results; gives its figures.
fn simulate(
    project: &Project,
    files: &Files,
    repeat: usize,
    threads: usize,
) -> Result<Value, Error> {
    let mut command = (project.sepstream)();
    command.current_dir(project.root);
    command.arg("simulate").arg(&files.model);
    command.args(["--engine", "model", "--json"]);
    command.args(["--config", files.config, "--repeat", &repeat.to_string()]);
    command.args(["--threads", &threads.to_string(), "--check"]);
    let output = finish(command.arg(&files.frames))?;
    serde_json::from_str(&output).map_err(|e| Error::json(&files.model, e))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Four digits: more is noise.
fn rounded(number: f64) -> f64 {
    let text = format!("{number:.3e}");
    text.parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_digits() {
        assert_eq!(median(vec![3.0, 1.0, 2.0, 9.0, 0.5]), 2.0);
        assert_eq!(rounded(0.123_456), 0.1235);
        assert_eq!(rounded(145.554_69), 145.6);
    }
}
