// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's part of a network: it runs its layers with the software reference, so the bytes are
//! the same, and keeps what goes from segment to segment.

use std::collections::HashMap;

use sepstream_compiler::accelerate::{Cut, Segment, Side};
use sepstream_sim::reference::{Runner, Value};
use sepstream_spec::graph::{Graph, TensorId};

use super::reference::values;
use crate::Error;

/// A network on its way through host and accelerator.
pub struct Host<'a> {
    graph: &'a Graph,
    cut: &'a Cut,
    runner: Runner<'a>,
}

impl<'a> Host<'a> {
    /// Prepares the host's layers of a network.
    pub fn new(graph: &'a Graph, cut: &'a Cut) -> Result<Self, Error> {
        sepstream_compiler::runnable(graph)?;
        Ok(Host {
            graph,
            cut,
            runner: Runner::new(graph)?,
        })
    }

    /// One frame, segment after segment. `accelerator` gets the number of a run, from 0, and the
    /// maps that go in; it gives those that come out.
    pub fn run(
        &self,
        inputs: &[Vec<u8>],
        mut accelerator: impl FnMut(usize, &[&[u8]]) -> Result<Vec<Vec<u8>>, Error>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let given = values(self.graph, inputs)?;
        let ids = self.graph.inputs.iter().copied();
        let mut known: HashMap<TensorId, Value> = ids.zip(given).collect();
        let mut run = 0;
        for segment in &self.cut.segments {
            if segment.side == Side::Host {
                self.compute(segment, &mut known)?;
                continue;
            }
            let maps = segment.reads.iter().filter_map(|id| known.get(id));
            let maps: Vec<&[u8]> = maps.map(Value::bytes).collect();
            let results = accelerator(run, &maps)?;
            run += 1;
            for (&id, bytes) in segment.writes.iter().zip(results) {
                let tensor = &self.graph[id];
                known.insert(id, Value::new(tensor.dtype, tensor.shape.clone(), bytes)?);
            }
        }
        let bytes = |id: &TensorId| {
            let written = known.get(id).map(|value| value.bytes().to_vec());
            written.or_else(|| self.graph[*id].data.clone())
        };
        Ok(self.graph.outputs.iter().filter_map(bytes).collect())
    }

    fn compute(
        &self,
        segment: &Segment,
        known: &mut HashMap<TensorId, Value>,
    ) -> Result<(), Error> {
        for &position in &segment.layers {
            let layer = &self.graph.layers[position];
            let operands = layer.inputs.iter().flatten();
            let operands: Vec<&Value> = operands.filter_map(|id| known.get(id)).collect();
            let results = self.runner.eval(position, &operands)?;
            known.extend(layer.outputs.iter().copied().zip(results));
        }
        Ok(())
    }
}
