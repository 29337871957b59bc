// SPDX-License-Identifier: MIT OR Apache-2.0
//! TensorFlow Lite's operators in software.

use sepstream_compiler::LayerRef;
use sepstream_sim::reference::{Runner, Trace, Value};
use sepstream_spec::graph::{Graph, Layer};

use super::{Engine, LayerFigures, Run};
use crate::Error;

/// The software reference: bytes only, no cycles.
pub struct Reference<'g>(Runner<'g>);

impl<'g> Reference<'g> {
    /// Prepares a network.
    pub fn new(graph: &'g Graph) -> Result<Self, Error> {
        sepstream_compiler::runnable(graph)?;
        Ok(Reference(Runner::new(graph)?))
    }

    /// Every tensor of one frame.
    pub fn trace(&self, inputs: &[Vec<u8>]) -> Result<Trace, Error> {
        Ok(self.0.trace(&values(self.0.graph(), inputs)?)?)
    }
}

impl Engine for Reference<'_> {
    fn layers(&self) -> Vec<LayerFigures> {
        let graph = self.0.graph();
        graph
            .layers
            .iter()
            .map(|layer| figures(graph, layer))
            .collect()
    }

    fn run(&mut self, frames: &[Vec<Vec<u8>>], done: &mut dyn FnMut()) -> Result<Run, Error> {
        let mut outputs = Vec::new();
        for inputs in frames {
            let results = self.0.run(&values(self.0.graph(), inputs)?)?;
            outputs.push(results.into_iter().map(Value::into_bytes).collect());
            done();
        }
        Ok(Run {
            outputs,
            cycles: None,
            kernels: None,
        })
    }
}

/// One layer on its own.
pub(super) fn figures(graph: &Graph, layer: &Layer) -> LayerFigures {
    LayerFigures {
        operators: layer.kind().into(),
        index: layer.index,
        name: LayerRef::of(graph, layer).output,
        macs: graph.macs(layer),
        waits_for: None,
    }
}

/// The inputs of a network with their types and shapes.
pub(super) fn values(graph: &Graph, inputs: &[Vec<u8>]) -> Result<Vec<Value>, Error> {
    let tensors = graph.inputs.iter().map(|&id| &graph[id]);
    let value = |(tensor, bytes): (&sepstream_spec::graph::Tensor, &Vec<u8>)| {
        Ok(Value::new(
            tensor.dtype,
            tensor.shape.clone(),
            bytes.clone(),
        )?)
    };
    tensors.zip(inputs).map(value).collect()
}
