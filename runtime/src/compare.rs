// SPDX-License-Identifier: MIT OR Apache-2.0
//! Comparison of output bytes, exact, with the first difference.

use std::fmt;

use sepstream_spec::graph::{DType, Graph};
use serde::Serialize;

use crate::input::Frames;

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Elements compared.
    pub elements: u64,
    /// Elements that differ in any bit.
    pub mismatches: u64,
    /// The first of them, by frame, output and position.
    pub first_difference: Option<Difference>,
}

/// One element that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Frame, from 0.
    pub frame: usize,
    /// Index in the model file of the layer that wrote it; absent for an input that is passed on.
    pub layer: Option<usize>,
    /// Its operator.
    pub operator: String,
    /// Name of the tensor.
    pub tensor: String,
    /// Row.
    pub y: usize,
    /// Column.
    pub x: usize,
    /// Channel.
    pub channel: usize,
    /// Element of the wanted tensor.
    pub wanted: Element,
    /// Element that was computed.
    pub got: Element,
}

/// The value of an element.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Element {
    /// Of an integer type.
    Integer(i64),
    /// Of a floating-point type.
    Float(f32),
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Integer(value) => value.fmt(f),
            Element::Float(value) => value.fmt(f),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference {
            frame,
            operator,
            tensor,
            y,
            x,
            channel,
            wanted,
            got,
            ..
        } = self;
        let layer = self
            .layer
            .map_or("input".into(), |layer| format!("layer {layer} {operator}"));
        write!(
            f,
            "frame {frame}, {layer}, y {y}, x {x}, channel {channel}: wanted {wanted}, got {got} ({tensor})"
        )
    }
}

/// The telling part of a tensor name: converters join the names of all fused operations with
/// semicolons.
pub fn short_name(name: &str) -> String {
    const LONGEST: usize = 40;
    let first = name.split(';').next().unwrap_or(name);
    let count = first.chars().count();
    if count <= LONGEST {
        return first.into();
    }
    let tail: String = first.chars().skip(count - LONGEST + 3).collect();
    format!("...{tail}")
}

/// Compares the outputs of a network, frame by frame.
pub fn compare(graph: &Graph, wanted: &Frames, got: &Frames) -> Comparison {
    let mut found = Comparison::default();
    for (frame, (wanted, got)) in wanted.iter().zip(got).enumerate() {
        for (&id, (wanted, got)) in graph.outputs.iter().zip(wanted.iter().zip(got)) {
            let tensor = &graph[id];
            let size = tensor.dtype.bytes();
            let elements = wanted.chunks_exact(size).zip(got.chunks_exact(size));
            found.elements += elements.len() as u64;
            for (position, (wanted, got)) in elements
                .enumerate()
                .filter(|(_, (wanted, got))| wanted != got)
            {
                found.mismatches += 1;
                found.first_difference.get_or_insert_with(|| {
                    let layer = graph.producer(id).map(|n| &graph.layers[n]);
                    let [_, _, columns, channels] =
                        tensor.nhwc().unwrap_or([1, 1, 1, tensor.elements()]);
                    let pixel = position / channels.max(1);
                    Difference {
                        frame,
                        layer: layer.map(|layer| layer.index),
                        operator: layer.map_or(String::new(), |layer| layer.kind().to_owned()),
                        tensor: short_name(&tensor.name),
                        y: pixel / columns.max(1),
                        x: pixel % columns.max(1),
                        channel: position % channels.max(1),
                        wanted: element(tensor.dtype, wanted),
                        got: element(tensor.dtype, got),
                    }
                });
            }
        }
    }
    found
}

impl Element {
    /// For comparisons by size.
    pub fn value(self) -> f64 {
        match self {
            Element::Integer(value) => value as f64,
            Element::Float(value) => value.into(),
        }
    }
}

/// The elements of every output of a frame.
pub fn elements(graph: &Graph, frame: &[Vec<u8>]) -> Vec<Vec<Element>> {
    let outputs = graph.outputs.iter().zip(frame);
    outputs
        .map(|(&id, bytes)| {
            let dtype = graph[id].dtype;
            let elements = bytes.chunks_exact(dtype.bytes());
            elements.map(|bytes| element(dtype, bytes)).collect()
        })
        .collect()
}

/// The value of a little-endian element; the slice has the size of the type.
fn element(dtype: DType, bytes: &[u8]) -> Element {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    let raw = i64::from_le_bytes(wide);
    match dtype {
        DType::I8 => Element::Integer((raw as i8).into()),
        DType::I16 => Element::Integer((raw as i16).into()),
        DType::I32 => Element::Integer((raw as i32).into()),
        DType::F32 => Element::Float(f32::from_bits(raw as u32)),
        // Of the others only the bits matter.
        _ => Element::Integer(raw),
    }
}

#[cfg(test)]
mod tests {
    use sepstream_spec::graph::{Layer, Op, Tensor, TensorId};

    use super::*;

    fn graph(dtype: DType, shape: &[usize]) -> Graph {
        let tensor = |name: &str| Tensor {
            name: name.into(),
            shape: shape.into(),
            dtype,
            quant: None,
            data: None,
        };
        Graph {
            name: "net".into(),
            tensors: vec![tensor("in"), tensor("relu;fused")],
            layers: vec![Layer {
                index: 7,
                op: Op::Relu,
                inputs: vec![Some(TensorId(0))],
                outputs: vec![TensorId(1)],
            }],
            inputs: vec![TensorId(0)],
            outputs: vec![TensorId(1)],
            ..Graph::default()
        }
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(short_name("model/relu;model/bn"), "model/relu");
        let cut = format!("...{}", "x".repeat(37));
        assert_eq!(short_name(&"x".repeat(50)), cut);
    }

    #[test]
    fn equal_outputs_have_no_difference() {
        let frames = vec![vec![vec![1, 2, 3, 4, 5, 6]], vec![vec![0; 6]]];
        let found = compare(&graph(DType::I8, &[1, 1, 2, 3]), &frames, &frames);
        assert_eq!(
            (found.elements, found.mismatches, found.first_difference),
            (12, 0, None)
        );
    }

    #[test]
    fn first_difference_has_its_place_and_values() {
        let graph = graph(DType::I8, &[1, 2, 2, 3]);
        let wanted = vec![vec![vec![0; 12]], vec![vec![0; 12]]];
        let mut got = wanted.clone();
        got[1][0][10] = 0x80;
        got[1][0][11] = 3;
        let found = compare(&graph, &wanted, &got);
        assert_eq!((found.elements, found.mismatches), (24, 2));
        let text = found.first_difference.unwrap().to_string();
        assert_eq!(
            text,
            "frame 1, layer 7 RELU, y 1, x 1, channel 1: wanted 0, got -128 (relu)"
        );
    }

    #[test]
    fn floats_are_compared_by_their_bits() {
        let graph = graph(DType::F32, &[1, 2]);
        let frame = |a: f32, b: f32| vec![vec![[a.to_le_bytes(), b.to_le_bytes()].concat()]];
        assert_eq!(
            compare(&graph, &frame(1.0, f32::NAN), &frame(1.0, f32::NAN)).mismatches,
            0
        );
        let found = compare(&graph, &frame(1.0, 0.0), &frame(1.0, -0.0));
        assert_eq!(found.mismatches, 1);
        assert_eq!(found.first_difference.unwrap().got, Element::Float(-0.0));
    }
}
