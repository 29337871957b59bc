// SPDX-License-Identifier: MIT OR Apache-2.0
//! Model files, their inputs and golden outputs, in the repository and beside it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tools::found;
use sepstream_runtime::Error;
use sepstream_runtime::files::read_model;
use sepstream_runtime::input::{Frames, read_inputs, read_wanted};
use sepstream_sim::reference::Value;
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::quant::Semantics;

/// A model file with all its frames.
pub struct Model {
    /// The network.
    pub graph: Graph,
    /// For each frame, the inputs.
    pub inputs: Vec<Vec<Value>>,
    /// For each frame, TensorFlow Lite's outputs.
    pub outputs: Vec<Vec<Value>>,
}

/// The model `NAME.tflite` of a folder, with the frames of `FRAMES.npz`.
pub fn load(folder: &Path, name: &str, frames: &str) -> Model {
    let path = folder.join(format!("{name}.tflite"));
    let graph = read_model(&path, Semantics::default()).unwrap_or_else(|error| panic!("{error}"));
    let archive = folder.join(format!("{frames}.npz"));
    let values = |frames: Result<Frames, Error>, ids: &[TensorId]| -> Vec<Vec<Value>> {
        let frames = frames.unwrap_or_else(|error| panic!("{error}"));
        let value = |(id, bytes): (&TensorId, Vec<u8>)| {
            let tensor = &graph[*id];
            Value::new(tensor.dtype, tensor.shape.clone(), bytes).unwrap()
        };
        let frame = |frame: Vec<Vec<u8>>| ids.iter().zip(frame).map(value).collect();
        frames.into_iter().map(frame).collect()
    };
    Model {
        inputs: values(read_inputs(&archive, &graph), &graph.inputs),
        outputs: values(read_wanted(&archive, &graph), &graph.outputs),
        graph,
    }
}

/// The small models that cover one family of operators each: the folder, and the names in their order.
pub fn cases() -> (PathBuf, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let names = names(&folder);
    (folder, names)
}

/// The models in a folder, in the order of their names.
pub fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|e| e == "tflite"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 20);
    names
}

/// The folder of shared models, unless it is missing and need not be there.
pub fn shared_models() -> Option<PathBuf> {
    match env::var_os("SEPSTREAM_MODELS") {
        Some(folder) => present(PathBuf::from(folder)),
        None => shared("models"),
    }
}

/// A folder beside the repository with files that are not part of it, unless it is missing and need not be there.
pub fn shared(name: &str) -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    present(shared.join(name))
}

fn present(folder: PathBuf) -> Option<PathBuf> {
    let missing = format!("{} is missing", folder.display());
    found(folder.is_dir().then_some(folder).ok_or(missing))
}
