// SPDX-License-Identifier: MIT OR Apache-2.0
//! Graph to network image: the same network for a processor (`sepstream-kernels`), a soft core beside the accelerator for
//! instance.
//!
//! Layers become kernels one by one, maps get places in an arena by first fit. Weights go into the image in the order in which
//! their kernel reads them.

mod layers;
mod place;

use crate::Error;
use crate::rule::{LayerRef, Violation};
use sepstream_kernels::{HEADER_WORDS, LAYER_WORDS, Layer, MAGIC, VERSION};
use sepstream_spec::graph::{self, DType, Graph, Op, TensorId};

/// Which kernels run the convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Plain loop nests.
    Plain,
    /// Those for RV32IM, wherever one takes the layer.
    Fast,
}

/// A network for a processor.
#[derive(Clone, Debug)]
pub struct Processor {
    /// What `sepstream_kernels::Network` reads.
    pub image: Vec<u8>,
    /// For each layer of the image, its position in [`Graph::layers`].
    pub layers: Vec<usize>,
    /// The tensor that goes in.
    pub input: TensorId,
    /// The tensor that comes out.
    pub output: TensorId,
}

impl Processor {
    /// The image at an address where it can be read.
    pub fn words(&self) -> Vec<u32> {
        let words = self.image.as_chunks().0.iter();
        words.map(|word| u32::from_ne_bytes(*word)).collect()
    }
}

/// Makes the image of a network with one input and one output. Conversions from and to float at its ends are left to the
/// caller.
///
/// # Errors
/// When a layer is of a kind, a type or a shape that no kernel takes.
pub fn compile(graph: &Graph, form: Form) -> Result<Processor, Error> {
    crate::runnable(graph)?;
    let inner: Vec<usize> = (0..graph.layers.len())
        .filter(|position| !is_conversion(graph, &graph.layers[*position]))
        .collect();
    let (Some(&first), Some(&last)) = (inner.first(), inner.last()) else {
        return Err(refuse_graph(graph, "no layers"));
    };
    let (Some(input), [_], [_]) = (
        graph.layers[first].input(0),
        &graph.inputs[..],
        &graph.outputs[..],
    ) else {
        return Err(refuse_graph(graph, "several inputs or outputs"));
    };
    let output = graph.layers[last].output();
    let places = place::places(graph, &inner, input, output);

    let mut builder = layers::Builder::new(graph, &places, form);
    let mut positions = Vec::new();
    for position in inner {
        let layer = &graph.layers[position];
        // a new shape is the same bytes: no work
        if layer.op != Op::Reshape {
            builder.add(layer)?;
            positions.push(position);
        }
    }
    let (layers, data) = builder.finish();
    let (Some(input_at), Some(output_at)) = (places.of(input), places.of(output)) else {
        return Err(refuse_graph(graph, "an input or output that is no map"));
    };
    let size = |id: TensorId| graph[id].elements() as u32;
    let scratch = layers
        .iter()
        .filter_map(|layer| layer.scratch_bytes())
        .max();
    let header: [u32; HEADER_WORDS] = [
        MAGIC,
        VERSION,
        layers.len() as u32,
        places.bytes,
        scratch.unwrap_or(0).next_multiple_of(4) as u32,
        input_at,
        size(input),
        output_at,
        size(output),
    ];
    Ok(Processor {
        image: image(&header, &layers, &data),
        layers: positions,
        input,
        output,
    })
}

/// Header, layers with their offsets from the first byte of the image, data.
fn image(header: &[u32], layers: &[Layer], data: &[u8]) -> Vec<u8> {
    let base = ((HEADER_WORDS + layers.len() * LAYER_WORDS) * 4) as u32;
    let mut image: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    for layer in layers {
        let moved = Layer {
            weights: layer.weights + base,
            channels: layer.channels + base,
            ..*layer
        };
        image.extend(moved.to_words().iter().flat_map(|word| word.to_le_bytes()));
    }
    image.extend_from_slice(data);
    image
}

/// Float to int8 at the beginning, or back at the end.
fn is_conversion(graph: &Graph, layer: &graph::Layer) -> bool {
    let float = |id: Option<TensorId>| id.is_some_and(|id| graph[id].dtype == DType::F32);
    match layer.op {
        Op::Quantize => float(layer.input(0)),
        Op::Dequantize => float(Some(layer.output())),
        _ => false,
    }
}

/// What no kernel takes.
fn refuse(graph: &Graph, layer: &graph::Layer, found: impl Into<String>) -> Error {
    let violation = Violation {
        layer: LayerRef::of(graph, layer),
        rule: "processor-kernels",
        found: found.into(),
        supported: "A soft core runs int8 convolutions, depthwise convolutions, fully connected layers, average pools, means over \
                    rows and columns, sums of two maps of one shape, and softmax, with batch 1.",
    };
    Error::Unsupported {
        model: graph.name.clone(),
        violations: vec![violation],
    }
}

fn refuse_graph(graph: &Graph, found: &str) -> Error {
    match graph.layers.first() {
        Some(layer) => refuse(graph, layer, found),
        None => Error::Unsupported {
            model: graph.name.clone(),
            violations: Vec::new(),
        },
    }
}
