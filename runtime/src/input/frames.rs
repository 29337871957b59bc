// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of inputs or wanted outputs.

use std::path::Path;

use sepstream_spec::graph::{DType, Graph, Tensor, TensorId};

use super::Array;
use super::image::read_image;
use super::numpy::{read_npy, read_npz};
use crate::Error;

/// Frames, each with the bytes of every input (or output) of the network.
pub type Frames = Vec<Vec<Vec<u8>>>;

/// Reads the inputs of a network from an `.npz`, `.npy`, PNG or JPEG file.
pub fn read_inputs(path: &Path, graph: &Graph) -> Result<Frames, Error> {
    let extension = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or("")
        .to_ascii_lowercase();
    let arrays = match extension.as_str() {
        "npz" => read_npz(path, "in")?,
        "npy" => vec![read_npy(path)?],
        "png" | "jpg" | "jpeg" => match graph.inputs[..] {
            [only] => vec![read_image(path, &graph[only])?],
            _ => {
                return Err(Error::Input(format!(
                    "{}: the network has several inputs; give an .npz",
                    path.display()
                )));
            }
        },
        _ => {
            let path = path.display();
            return Err(Error::Input(format!(
                "{path}: unknown kind of file; .npz, .npy, .png, .jpg and .jpeg are accepted"
            )));
        }
    };
    split(path, "in", &arrays, graph, &graph.inputs)
}

/// Reads the wanted outputs of a network from an `.npz` file.
pub fn read_wanted(path: &Path, graph: &Graph) -> Result<Frames, Error> {
    split(path, "out", &read_npz(path, "out")?, graph, &graph.outputs)
}

/// Transposes arrays of frames into frames of arrays.
fn split(
    path: &Path,
    stem: &str,
    arrays: &[Array],
    graph: &Graph,
    tensors: &[TensorId],
) -> Result<Frames, Error> {
    if arrays.len() != tensors.len() {
        return Err(Error::Input(format!(
            "{}: the network needs {} arrays ({stem}0, ...), the file has {}",
            path.display(),
            tensors.len(),
            arrays.len()
        )));
    }
    let mut frames: Frames = Vec::new();
    for (i, (array, &id)) in arrays.iter().zip(tensors).enumerate() {
        let name = format!("{}: {stem}{i}", path.display());
        let parts = array.frames_of(&graph[id], &name)?;
        if i == 0 {
            frames = vec![Vec::new(); parts.len()];
        } else if parts.len() != frames.len() {
            return Err(Error::Input(format!(
                "{name} has {} frames, {stem}0 has {}",
                parts.len(),
                frames.len()
            )));
        }
        for (frame, part) in frames.iter_mut().zip(parts) {
            frame.push(part);
        }
    }
    Ok(frames)
}

/// One frame of noise, the same for the same seed. Any byte is a valid quantised element; floats
/// are spread over 0 to 1.
pub fn noise(graph: &Graph, seed: u64) -> Frames {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut fill = |tensor: &Tensor| -> Vec<u8> {
        match tensor.dtype {
            DType::F32 => (0..tensor.elements())
                .flat_map(|_| random.f32().to_le_bytes())
                .collect(),
            DType::Bool => (0..tensor.bytes()).map(|_| random.u8(..2)).collect(),
            _ => (0..tensor.bytes()).map(|_| random.u8(..)).collect(),
        }
    };
    vec![graph.inputs.iter().map(|&id| fill(&graph[id])).collect()]
}
