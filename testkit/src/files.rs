// SPDX-License-Identifier: MIT OR Apache-2.0
//! Model files, their inputs and golden outputs, in the repository and beside it.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::tools::found;
use npyz::NpyFile;
use sepstream_compiler::tflite;
use sepstream_sim::reference::Value;
use sepstream_spec::graph::{DType, Graph};
use zip::ZipArchive;

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
    let bytes = fs::read(folder.join(format!("{name}.tflite"))).unwrap();
    let graph = tflite::load(&bytes, name).unwrap();
    let archive = folder.join(format!("{frames}.npz"));
    let (inputs, outputs) = (arrays(&archive, "in"), arrays(&archive, "out"));
    assert_eq!(
        (inputs.len(), outputs.len()),
        (graph.inputs.len(), graph.outputs.len())
    );
    let frames = inputs[0].len();
    let by_frame = |arrays: Vec<Vec<Value>>| -> Vec<Vec<Value>> {
        let frame = |n: usize| arrays.iter().map(|array| array[n].clone()).collect();
        (0..frames).map(frame).collect()
    };
    Model {
        graph,
        inputs: by_frame(inputs),
        outputs: by_frame(outputs),
    }
}

/// The arrays `NAME0`, `NAME1`, ... of an archive: frames of each. Frames lie along the first axis.
fn arrays(path: &Path, name: &str) -> Vec<Vec<Value>> {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut arrays = Vec::new();
    while let Ok(entry) = archive.by_name(&format!("{name}{}.npy", arrays.len())) {
        let array = NpyFile::new(entry).unwrap();
        let [frames, shape @ ..] = array.shape() else {
            panic!("{name} is a scalar")
        };
        let (frames, shape) = (
            *frames as usize,
            shape.iter().map(|&n| n as usize).collect::<Vec<_>>(),
        );
        let (dtype, bytes): (DType, Vec<u8>) = match array.dtype().descr().trim_matches('\'') {
            "|i1" => (
                DType::I8,
                bytemuck::cast_slice(&array.into_vec::<i8>().unwrap()).to_vec(),
            ),
            "|u1" => (DType::U8, array.into_vec::<u8>().unwrap()),
            "<f4" => (
                DType::F32,
                array
                    .into_vec::<f32>()
                    .unwrap()
                    .iter()
                    .flat_map(|x| x.to_le_bytes())
                    .collect(),
            ),
            "<i4" => (
                DType::I32,
                bytemuck::cast_slice(&array.into_vec::<i32>().unwrap()).to_vec(),
            ),
            "<i8" => (
                DType::I64,
                bytemuck::cast_slice(&array.into_vec::<i64>().unwrap()).to_vec(),
            ),
            "|b1" => {
                let values = array.into_vec::<bool>().unwrap();
                (DType::Bool, values.into_iter().map(u8::from).collect())
            }
            other => panic!("{name} has type {other}"),
        };
        let frame = |bytes: &[u8]| Value::new(dtype, shape.clone(), bytes.to_vec()).unwrap();
        arrays.push(
            bytes
                .chunks_exact(bytes.len() / frames)
                .map(frame)
                .collect(),
        );
    }
    arrays
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
