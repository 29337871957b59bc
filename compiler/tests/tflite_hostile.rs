// SPDX-License-Identifier: MIT OR Apache-2.0
//! Damaged files give an error or a sound graph, and never a panic; the harness turns a panic into a failure.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use sepstream_compiler::tflite::load;
use sepstream_compiler::{Error, runnable};
use sepstream_spec::graph::Graph;
use sepstream_testkit::{model_file, seeds};

/// Small files, so that most bytes are structure and not weights.
fn files() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cases = [
        "inverted_residual",
        "pool_mean",
        "explicit_pad",
        "dense_per_channel",
    ];
    let cases = cases.map(|name| root.join("tests/cases").join(name).with_extension("tflite"));
    let read = |path: &Path| fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut files: Vec<Vec<u8>> = cases.iter().map(|path| read(path)).collect();
    files.push(read(&root.join("models/digits.tflite")));
    files.push(model_file::write(&model_file::two_convolutions()));
    files
}

/// What later steps rely on without checking again.
fn assert_sound(graph: &Graph) {
    for layer in &graph.layers {
        for id in layer.inputs.iter().flatten().chain(&layer.outputs) {
            let tensor = &graph[*id];
            let least = usize::from(layer.missing().is_empty());
            assert!((least..=1 << 26).contains(&tensor.elements()));
            assert!(
                tensor
                    .data
                    .as_ref()
                    .is_none_or(|data| data.len() == tensor.bytes() || tensor.dtype.bytes() == 0)
            );
            if let Some(quant) = &tensor.quant {
                assert!(!quant.scale.is_empty() && quant.scale.len() == quant.zero_point.len());
                assert!(quant.scale.iter().all(|s| s.is_finite() && *s >= 0.0));
            }
        }
        graph.macs(layer);
        graph.parameters(layer);
    }
    graph.total_macs();
}

fn survive(bytes: &[u8]) -> bool {
    match load(bytes, "damaged") {
        Ok(graph) => {
            assert_sound(&graph);
            if let Err(error) = runnable(&graph) {
                assert_printable(&error);
            }
            true
        }
        // The message must be printable as well, and fit a terminal.
        Err(error) => {
            assert_printable(&error);
            false
        }
    }
}

fn assert_printable(error: &Error) {
    let text = error.to_string();
    assert!(text.len() < 20_000 && !text.chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn truncated_files_are_refused() {
    for file in files() {
        assert!(survive(&file));
        let step = (file.len() / 3000).max(1);
        for length in (0..file.len()).step_by(step) {
            // Cut within the padding after the last byte, a file is still whole.
            assert!(
                !survive(&file[..length]) || length + 16 > file.len(),
                "{length} of {} bytes",
                file.len()
            );
        }
    }
}

#[test]
fn flipped_bits_do_not_crash() {
    let [mut accepted, mut rounds] = [0, 0];
    for seed in seeds!(1, 1).one_by_one() {
        let mut rng = Rng::with_seed(seed);
        for file in files() {
            for _ in 0..2000 {
                let mut damaged = file.clone();
                for _ in 0..rng.usize(1..=4) {
                    damaged[rng.usize(..file.len())] ^= 1 << rng.u32(..8);
                }
                accepted += usize::from(survive(&damaged));
                rounds += 1;
            }
        }
    }
    // Neither all nor none: weights may be flipped without harm, structure may not.
    assert!(0 < accepted && accepted < rounds, "{accepted} of {rounds}");
}

#[test]
fn random_bytes_do_not_crash() {
    for seed in seeds!(1, 1).one_by_one() {
        let mut rng = Rng::with_seed(seed);
        for file in files() {
            for _ in 0..1500 {
                let mut damaged = file.clone();
                for _ in 0..rng.usize(1..=32) {
                    // Offsets, sizes and options are mostly small or mostly set.
                    let byte = *rng.choice(&[0, 1, 2, 4, 0x7f, 0x80, 0xff]).unwrap_or(&0);
                    damaged[rng.usize(..file.len())] = if rng.bool() { byte } else { rng.u8(..) };
                }
                survive(&damaged);
            }
            for _ in 0..150 {
                let mut noise = vec![0; rng.usize(..2000)];
                rng.fill(&mut noise);
                noise.splice(4.min(noise.len())..8.min(noise.len()), *b"TFL3");
                survive(&noise);
            }
        }
    }
}
