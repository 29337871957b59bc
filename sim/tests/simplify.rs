// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simplified graph computes the same bytes: its outputs, and every tensor that it still has.
//!
//! A failure names the command that repeats it.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use sepstream_compiler::{compile, runnable, simplify};
use sepstream_sim::model::Prepared;
use sepstream_sim::reference::{Runner, Value};
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_testkit::files::{cases, load, shared_models};
use sepstream_testkit::moving::{converted, network};
use sepstream_testkit::seeds;

/// Random graphs that are always the same, and new ones.
const FIXED: u64 = 100;
const NEW: u64 = 300;

/// Compares a graph with what it becomes, on one frame; the layers that are left.
fn check(graph: &Graph, inputs: &[Value], what: &str) -> usize {
    let simple = simplify(graph);
    let runner = Runner::new(graph).unwrap_or_else(|e| panic!("{what}: {e}"));
    let simple_runner = Runner::new(&simple).unwrap_or_else(|e| panic!("{what}, simplified: {e}"));
    let (before, after) = (
        runner.trace(inputs).unwrap(),
        simple_runner.trace(inputs).unwrap(),
    );
    assert_eq!(
        (&graph.inputs, &graph.outputs),
        (&simple.inputs, &simple.outputs)
    );
    for id in (0..graph.tensors.len()).map(TensorId) {
        assert_eq!(graph[id], simple[id], "{what}");
        if let (Some(want), Some(got)) = (before.get(id), after.get(id)) {
            assert!(want == got, "{what}: `{}` differs", graph[id].name);
        }
    }
    let written = |id: &TensorId| after.get(*id).is_some() || simple[*id].data.is_some();
    assert!(
        simple.outputs.iter().all(written),
        "{what}: an output is missing"
    );
    assert!(
        simple.layers.len() <= graph.layers.len() + 8,
        "{what}: {simple:?}"
    );
    simple.layers.len()
}

fn noise(graph: &Graph, rng: &mut Rng) -> Vec<Value> {
    let tensors = graph.inputs.iter().map(|&id| &graph[id]);
    let value = |tensor: &sepstream_spec::graph::Tensor| {
        let bytes = (0..tensor.bytes()).map(|_| rng.u8(..)).collect();
        Value::new(tensor.dtype, tensor.shape.clone(), bytes).unwrap()
    };
    tensors.map(value).collect()
}

#[test]
fn random_graphs_keep_their_bytes() {
    let seeds = seeds!(FIXED, NEW);
    let (mut before, mut after) = (0, 0);
    for seed in seeds.iter() {
        let mut rng = Rng::with_seed(seed);
        let graph = network(&mut rng);
        let inputs = noise(&graph, &mut rng);
        before += graph.layers.len();
        after += check(&graph, &inputs, &seeds.repeat(seed));
    }
    // The rules have something to do.
    assert!(
        seeds.single || after * 10 < before * 9,
        "{before} layers, {after} left"
    );
}

/// What is left of them is the accelerator's.
#[test]
fn converted_networks_run_on_the_accelerator() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/residual_16x8.yaml");
    let config = Config::from_yaml(&fs::read_to_string(path).unwrap(), "config").unwrap();
    let seeds = seeds!(5, 15);
    for seed in seeds.iter() {
        let mut rng = Rng::with_seed(seed);
        for (name, graph) in converted(&mut rng) {
            let name = format!("{name}\n{}", seeds.repeat(seed));
            let inputs = noise(&graph, &mut rng);
            let wanted = Runner::new(&graph).unwrap().run(&inputs).unwrap();
            let simple = simplify(&graph);
            let compiled = compile(&simple, &config).unwrap_or_else(|e| panic!("{name}: {e}"));
            let segments = compiled.cut.segments.len();
            assert_eq!(segments, 1, "{name}: {:?}", simple.layers);
            let prepared = Prepared::new(&compiled.program, &config).unwrap();
            let got = prepared.run(&[inputs[0].bytes()], &mut prepared.workspace());
            assert_eq!(got.unwrap()[0], wanted[0].bytes(), "{name}");
        }
    }
}

#[test]
fn networks_keep_their_bytes() {
    let (own, names) = cases();
    let mut files: Vec<_> = names.into_iter().map(|name| (own.clone(), name)).collect();
    if let Some(shared) = shared_models() {
        for folder in [shared.clone(), shared.join("../cases")] {
            files.extend(
                stems(&folder)
                    .into_iter()
                    .map(|name| (folder.clone(), name)),
            );
        }
    }
    for (folder, name) in files {
        let Some(model) = load_first(&folder, &name) else {
            continue;
        };
        check(&model.0, &model.1, &name);
    }
}

/// Names of the model files of a folder.
fn stems(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let models = files.filter(|path| path.extension().is_some_and(|e| e == "tflite"));
    models
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// A network and its first frame, if it can run and has one.
fn load_first(folder: &Path, name: &str) -> Option<(Graph, Vec<Value>)> {
    let bytes = fs::read(folder.join(format!("{name}.tflite"))).unwrap();
    let graph = sepstream_compiler::tflite::load(&bytes, name).unwrap();
    let runs = runnable(&graph).is_ok() && Runner::new(&graph).is_ok();
    let frames = folder.join(format!("{name}.npz")).is_file();
    (runs && frames).then(|| {
        let model = load(folder, name, name);
        (model.graph, model.inputs[0].clone())
    })
}
