// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference engine against TensorFlow Lite: the hash of every operator's output for frame 0, and the outputs of all
//! frames.

use std::fs;
use std::path::{Path, PathBuf};

use sepstream_compiler::{runnable, tflite};
use sepstream_sim::reference::{Runner, Trace, Value};
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::quant::Semantics;
use sepstream_testkit::files::{Model, cases, load, names, shared, shared_models};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// All frames of a model, and the hashes of its tensors.
fn check(folder: &Path, name: &str, frames: &str, semantics: Semantics) {
    let mut model = load(folder, name, frames);
    model.graph.semantics = semantics;
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

/// A model by another implementation's arithmetic, against its results in `FRAMES.npz`.
fn check_semantics(folder: &Path, name: &str, semantics: Semantics, frames: &str) {
    let mut model = load(folder, name, frames);
    model.graph.semantics = semantics;
    let runner = Runner::new(&model.graph).unwrap();
    assert_eq!(difference(&runner, &model), None, "{name}, {semantics:?}");
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

/// Why a file does not run, or the first output that is not that of TensorFlow Lite.
fn found(folder: &Path, name: &str) -> Option<String> {
    let mut model = load(folder, name, name);
    model.graph.semantics = Semantics::LiteRt;
    match Runner::new(&model.graph) {
        Ok(runner) => difference(&runner, &model),
        Err(error) => Some(error.to_string()),
    }
}

/// Every operator's output, in execution order: the first that fails is where the error is.
fn check_tensors(graph: &Graph, trace: &Trace, golden: &[Json]) {
    let id = |tensor: &Json| TensorId(tensor["tensor"].as_u64().unwrap() as usize);
    let hashed: Vec<TensorId> = golden.iter().map(id).collect();
    let mut results = graph.layers.iter().flat_map(|layer| &layer.outputs);
    assert!(
        results.all(|id| hashed.contains(id)),
        "every layer has its hash"
    );
    for tensor in golden {
        let id = id(tensor);
        let bytes = trace
            .get(id)
            .map(Value::bytes)
            .or(graph[id].data.as_deref());
        // What import leaves out is in no layer.
        let Some(bytes) = bytes else { continue };
        let digest = Sha256::digest(bytes);
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

/// Small files that the engine refuses, each with a reason: other element types, batches, variables, several subgraphs.
const REFUSED: &[&str] = &[
    "armnn507_two_signatures",
    "edgetpu700_batch_four",
    "litert499_dynamic_range",
    "litert499_float32",
    "o2t_torch_mbv2_block_dynamic_range_quant",
    "p_tf27813_average_pool_two_scales",
    "p_tf58987_fc_int16_result",
    "p_tfmo1256_fused_tanh",
    "p_weights_int4",
    "tf34620_conv1d_batch_fifty",
    "tf54659_dynamic_height_width",
    "tflm344_int16_activations",
];

macro_rules! shared_models {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            if let Some(folder) = shared_models() {
                let name = stringify!($name);
                check(&folder, name, name, Semantics::LiteRt);
            }
        })*
    };
}

/// The one model whose older golden outputs are those of FULLY_CONNECTED in integers.
#[test]
fn ad01_fc_autoencoder() {
    if let Some(folder) = shared_models() {
        let name = "ad01_fc_autoencoder";
        check(&folder, name, name, Semantics::Tflm);
        check(
            &folder,
            name,
            "ad01_fc_autoencoder_litert23",
            Semantics::LiteRt,
        );
    }
}

shared_models! {
    atu_espcn_x2
    atu_lightface_slim
    atu_regnetx200
    atu_squeezenet
    atu_tddfa_mbv1
    cfu_hps_second_96
    efinix_face_det
    efinix_yolo_person
    ic_resnet8_mlperf
    kws_dscnn_mlperf
    lenet_300_100
    mbv1_025_128_uint8
    mbv2_035_160_cfu
    mbv2_100_224_tf2ptq
    mbv3_small_int8
    mcunet_detection
    mcunet_vww
    micro_speech
    openmv_movenet_192
    person_detect
    silabs_kws_on_off
    silabs_kws_pacman_v3
    silabs_magic_wand
    sscma_fomo_effnet
    sscma_yolov5_tiny
    tfsupport_mbv1_025_224_quant
    vww_mbv1_025_96
}

/// The arithmetics differ in this one of the project's own models.
#[test]
fn dense_per_channel_by_both_arithmetics() {
    let (folder, _) = cases();
    let name = "dense_per_channel";
    check_semantics(&folder, name, Semantics::LiteRt, name);
    check_semantics(&folder, name, Semantics::Tflm, "dense_per_channel_tflm");
}

/// Cases of public reports, where they are: FULLY_CONNECTED by LiteRT, one of them in integers, too.
#[test]
fn dense_cases_of_public_reports() {
    let Some(folder) = shared("cases") else {
        return;
    };
    let rows = "tflm3070_dense_rows_batch1";
    for name in ["litert8567_fc_float_requant", rows] {
        check_semantics(&folder, name, Semantics::LiteRt, name);
    }
    let frames = "tflm3070_dense_rows_batch1_integer_form";
    check_semantics(&folder, rows, Semantics::Tflm, frames);
}

/// The small models that cover one family of operators each.
#[test]
fn operator_cases() {
    let (folder, names) = cases();
    for name in names {
        println!("{name}");
        check(&folder, &name, &name, Semantics::LiteRt);
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
        .filter_map(|name| found(&folder, name).map(|found| format!("{name}: {found}")))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        names.len(),
        wrong.join("\n")
    );
}

/// Small files for public reports. Those without outputs are some that LiteRT's reference kernels cannot run, and those of
/// [`REFUSED`] are refused with a reason.
#[test]
fn shared_cases() {
    let Some(folder) = shared("cases") else {
        return;
    };
    let mut wrong = Vec::new();
    for name in names(&folder) {
        if !folder.join(format!("{name}.npz")).exists() {
            continue;
        }
        let found = if REFUSED.contains(&name.as_str()) {
            let bytes = fs::read(folder.join(format!("{name}.tflite"))).unwrap();
            let graph = tflite::load(&bytes, &name).unwrap();
            runnable(&graph)
                .is_ok()
                .then(|| "is not refused".to_owned())
        } else {
            found(&folder, &name)
        };
        wrong.extend(found.map(|found| format!("{name}: {found}")));
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
