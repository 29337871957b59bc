// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference engine against TensorFlow Lite: the hash of every operator's output for frame 0, and the outputs of all
//! frames.

#[path = "common/models.rs"]
mod models;

use std::fs;
use std::path::{Path, PathBuf};

use models::{Model, cases, load, names, shared_models};
use sepstream_sim::reference::{Runner, Trace, Value};
use sepstream_spec::graph::{Graph, TensorId};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

fn check(folder: &Path, name: &str) {
    let model = load(folder, name, name);
    let Model { graph, inputs, .. } = &model;
    let runner = Runner::new(graph).unwrap();
    let golden = folder.join(format!("{name}.json"));
    if golden.exists() {
        let golden: Json = serde_json::from_slice(&fs::read(golden).unwrap()).unwrap();
        check_tensors(
            graph,
            &runner.trace(&inputs[0]).unwrap(),
            golden["tensors"].as_array().unwrap(),
        );
    }
    assert_eq!(difference(&runner, &model), None, "{name}");
}

/// The first output that is not that of TensorFlow Lite.
fn difference(runner: &Runner, model: &Model) -> Option<String> {
    for (n, (inputs, outputs)) in model.inputs.iter().zip(&model.outputs).enumerate() {
        let got = runner.run(inputs).unwrap();
        for (k, (got, want)) in got.iter().zip(outputs).enumerate() {
            if got != want {
                let byte = first_difference(got, want);
                return Some(format!("frame {n}, output {k} differs at byte {byte:?}"));
            }
        }
    }
    None
}

/// Every operator's output, in execution order: the first that fails is where the error is.
fn check_tensors(graph: &Graph, trace: &Trace, golden: &[Json]) {
    assert!(
        golden.len() >= graph.layers.len(),
        "every layer has its hash"
    );
    for tensor in golden {
        let id = TensorId(tensor["tensor"].as_u64().unwrap() as usize);
        let bytes = trace
            .get(id)
            .map(Value::bytes)
            .or(graph[id].data.as_deref());
        let digest = Sha256::digest(bytes.expect("every tensor is there"));
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let (op, kind) = (&tensor["op"], &tensor["kind"]);
        assert_eq!(
            hash,
            tensor["sha256"].as_str().unwrap(),
            "operator {op} ({kind}) of {}",
            graph.name
        );
    }
}

fn first_difference(got: &Value, want: &Value) -> Option<usize> {
    got.bytes()
        .iter()
        .zip(want.bytes())
        .position(|(a, b)| a != b)
}

macro_rules! shared_models {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            if let Some(folder) = shared_models() {
                check(&folder, stringify!($name));
            }
        })*
    };
}

shared_models! {
    ad01_fc_autoencoder
    ic_resnet8_mlperf
    kws_dscnn_mlperf
    mbv1_025_128_uint8
    mbv2_035_160_cfu
    mbv2_100_224_tf2ptq
    mbv3_small_int8
    micro_speech
    person_detect
    vww_mbv1_025_96
}

/// The small models that cover one family of operators each.
#[test]
fn operator_cases() {
    let (folder, names) = cases();
    for name in names {
        println!("{name}");
        check(&folder, &name);
    }
}

/// Files of one operator each, with random options: those of the repository, or of a folder that `scripts/make_operators.py`
/// filled.
#[test]
fn single_operators() {
    let folder = std::env::var_os("SEPSTREAM_CASES")
        .map_or_else(|| cases().0.join("operators"), PathBuf::from);
    let names = names(&folder);
    let wrong: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let model = load(&folder, name, name);
            let found = match Runner::new(&model.graph) {
                Ok(runner) => difference(&runner, &model),
                Err(error) => Some(error.to_string()),
            };
            found.map(|found| format!("{name}: {found}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        names.len(),
        wrong.join("\n")
    );
}
