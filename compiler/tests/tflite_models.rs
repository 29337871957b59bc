// SPDX-License-Identifier: MIT OR Apache-2.0
//! Import of real models and of the operator-coverage cases.

use std::fs;
use std::path::{Path, PathBuf};

use sepstream_compiler::tflite::load;
use sepstream_spec::graph::{DType, Graph, Op, Tensor, TensorId};
use sepstream_testkit::files::shared_models;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn import(path: &Path) -> Graph {
    let bytes = fs::read(path).unwrap();
    let name = path.file_stem().unwrap().to_str().unwrap();
    load(&bytes, name).unwrap_or_else(|e| panic!("{e}"))
}

/// What the type `Graph` promises.
fn check(graph: &Graph) {
    let mut ready: Vec<bool> = graph.tensors.iter().map(|t| t.data.is_some()).collect();
    graph.inputs.iter().for_each(|id| ready[id.0] = true);
    for layer in &graph.layers {
        for id in layer.inputs.iter().flatten() {
            assert!(
                ready[id.0],
                "{}: layer {} reads tensor {} too early",
                graph.name, layer.index, id.0
            );
        }
        for id in layer.inputs.iter().flatten().chain(&layer.outputs) {
            let tensor = &graph[*id];
            assert!(
                tensor.elements() > 0,
                "{}: tensor {} has no shape",
                graph.name,
                id.0
            );
            assert!(
                tensor
                    .data
                    .as_ref()
                    .is_none_or(|data| data.len() == tensor.bytes())
            );
            assert_eq!(tensor.quant.is_some(), tensor.dtype != DType::F32);
        }
        ready[layer.output().0] = true;
    }
    assert!(graph.outputs.iter().all(|id| ready[id.0]));
}

/// One line per layer: what a person would check against a model viewer.
fn summary(graph: &Graph) -> String {
    let shape = |t: &Tensor| {
        t.shape
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join("x")
    };
    let total = format!(
        "{}: {} layers, {} MACs\n",
        graph.name,
        graph.layers.len(),
        graph.total_macs()
    );
    let line = |layer: &sepstream_spec::graph::Layer| {
        let options = match &layer.op {
            Op::Conv2d(o) => format!("{:?} {:?}", o.window, o.activation),
            Op::DepthwiseConv2d(o) => {
                format!("{:?} x{} {:?}", o.window, o.depth_multiplier, o.activation)
            }
            Op::AveragePool2d(o) => format!("{:?} {:?}", o.window, o.activation),
            _ => String::new(),
        };
        let ends = (
            shape(graph.input(layer, 0).unwrap()),
            shape(graph.output(layer)),
        );
        let (kind, macs) = (layer.kind(), graph.macs(layer));
        format!(
            "{:3} {kind} {} -> {} {macs} MACs {options}",
            layer.index, ends.0, ends.1
        )
        .trim_end()
        .to_owned()
            + "\n"
    };
    total + &graph.layers.iter().map(line).collect::<String>()
}

#[test]
fn shared_models_import() {
    let Some(folder) = shared_models() else {
        return;
    };
    // Layers and MACs, for an import that silently drops something.
    let expected = [
        ("ad01_fc_autoencoder", 10, 264_192),
        ("ic_resnet8_mlperf", 16, 12_501_632),
        ("kws_dscnn_mlperf", 13, 2_656_768),
        ("mbv1_025_128_uint8", 31, 13_570_304),
        ("mbv2_035_160_cfu", 68, 29_597_360),
        ("mbv2_100_224_tf2ptq", 68, 300_775_552),
        ("mbv3_small_int8", 113, 56_511_424),
        ("micro_speech", 4, 336_000),
        ("person_detect", 31, 7_157_888),
        ("vww_mbv1_025_96", 31, 7_489_664),
    ];
    let found: Vec<(String, usize, u64)> = expected
        .iter()
        .map(|(name, ..)| {
            let graph = import(&folder.join(name).with_extension("tflite"));
            check(&graph);
            (graph.name.clone(), graph.layers.len(), graph.total_macs())
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|&(name, layers, macs)| (name.to_owned(), layers, macs))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn layers_of_a_keyword_spotter() {
    let Some(folder) = shared_models() else {
        return;
    };
    insta::assert_snapshot!(summary(&import(&folder.join("kws_dscnn_mlperf.tflite"))));
}

#[test]
fn coverage_cases_import() {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("tests/cases"))
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.push(root().join("models/digits.tflite"));
    files.retain(|path| path.extension().is_some_and(|e| e == "tflite"));
    assert!(files.len() > 10);
    for path in files {
        check(&import(&path));
    }
}

#[test]
fn uint8_weights_keep_their_zero_point() {
    let Some(folder) = shared_models() else {
        return;
    };
    let graph = import(&folder.join("mbv1_025_128_uint8.tflite"));
    let weights = graph.input(&graph.layers[0], 1).unwrap();
    assert_eq!(weights.dtype, DType::U8);
    assert_ne!(weights.per_tensor().unwrap().1, 0);
    assert!(weights.as_u8().is_some() && weights.as_i8().is_none());
}

#[test]
fn axis_of_a_bias_is_one_that_it_has() {
    let Some(folder) = shared_models() else {
        return;
    };
    // The file says axis 3, as for the weights.
    let graph = import(&folder.join("person_detect.tflite"));
    let bias = graph.input(&graph.layers[0], 2).unwrap();
    assert_eq!(bias.quant.as_ref().unwrap().axis, 0);
    assert_eq!(bias.to_i32().unwrap().len(), 8);
    assert_eq!(graph.producer(graph.layers[0].output()), Some(0));
    assert_eq!(
        graph
            .consumers(graph.layers[0].output())
            .collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(graph.producer(TensorId(graph.inputs[0].0)), None);
}
