// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every well-formed file is imported: the real networks and the small files made for public reports.

use std::fs;
use std::path::{Path, PathBuf};

use sepstream_compiler::tflite::load;
use sepstream_compiler::{Error, runnable};
use sepstream_spec::graph::Graph;
use sepstream_testkit::files::{names, shared};

/// All model files of a shared folder, unless it is missing and may be.
fn files(folder: &str) -> Vec<PathBuf> {
    let Some(folder) = shared(folder) else {
        return Vec::new();
    };
    let path = |name: String| folder.join(name).with_extension("tflite");
    names(&folder).into_iter().map(path).collect()
}

fn import(path: &Path) -> Graph {
    let name = path.file_stem().unwrap().to_str().unwrap();
    load(&fs::read(path).unwrap(), name).unwrap_or_else(|e| panic!("{e}"))
}

/// What a reader of the graph relies on.
fn check(graph: &Graph) {
    for layer in &graph.layers {
        for id in layer.inputs.iter().flatten().chain(&layer.outputs) {
            let tensor = &graph[*id];
            let known = layer.missing().is_empty();
            assert!(
                !known || tensor.elements() > 0,
                "{}: {tensor:?}",
                graph.name
            );
        }
    }
    graph.total_macs();
}

#[test]
fn every_model_and_case_is_imported() {
    for path in files("models").iter().chain(&files("cases")) {
        check(&import(path));
    }
}

/// What cannot run says why in one message; this is that of every file that is to be refused.
#[test]
fn refusals() {
    let mut text = String::new();
    for path in files("models").iter().chain(&files("cases")) {
        if let Err(error @ (Error::Network { .. } | Error::Unsupported { .. })) =
            runnable(&import(path))
        {
            text += &format!("{error}\n\n");
        }
    }
    println!("{text}");
}
