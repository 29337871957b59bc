// SPDX-License-Identifier: MIT OR Apache-2.0
//! The layers around the accelerator, which the host runs: with the software reference, so the bytes are the same.

use std::collections::HashMap;

use sepstream_compiler::accelerate::Plan;
use sepstream_sim::reference::{Runner, Value};
use sepstream_spec::graph::{Graph, TensorId};

use super::reference::values;
use crate::Error;

/// A frame on its way through host and accelerator.
pub struct Border<'a> {
    graph: &'a Graph,
    plan: &'a Plan,
    runner: Runner<'a>,
}

impl<'a> Border<'a> {
    /// Prepares the host's layers of a network.
    pub fn new(graph: &'a Graph, plan: &'a Plan) -> Result<Self, Error> {
        sepstream_compiler::runnable(graph)?;
        Ok(Border {
            graph,
            plan,
            runner: Runner::new(graph)?,
        })
    }

    /// One frame: the host's layers before, the accelerator, the host's layers after.
    pub fn run(
        &self,
        inputs: &[Vec<u8>],
        accelerator: impl FnOnce(&[&[u8]]) -> Result<Vec<Vec<u8>>, Error>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut known: HashMap<TensorId, Value> = HashMap::new();
        known.extend(
            self.graph
                .inputs
                .iter()
                .copied()
                .zip(values(self.graph, inputs)?),
        );
        self.host(&self.plan.before, &mut known)?;
        let maps: Vec<&[u8]> = self
            .plan
            .inputs
            .iter()
            .filter_map(|id| known.get(id))
            .map(Value::bytes)
            .collect();
        let results = accelerator(&maps)?;
        for (&id, bytes) in self.plan.outputs.iter().zip(results) {
            // an output map has the shape of the tensor before a RESHAPE that only renames it
            let tensor = &self.graph[id];
            known.insert(id, Value::new(tensor.dtype, tensor.shape.clone(), bytes)?);
        }
        self.rename(&mut known)?;
        self.host(&self.plan.after, &mut known)?;
        let bytes = |id: &TensorId| {
            let written = known.get(id).map(|value| value.bytes().to_vec());
            written.or_else(|| self.graph[*id].data.clone())
        };
        Ok(self.graph.outputs.iter().filter_map(bytes).collect())
    }

    /// Maps that a RESHAPE on the accelerator gives another shape are known by that as well.
    fn rename(&self, known: &mut HashMap<TensorId, Value>) -> Result<(), Error> {
        // Tensors that only the accelerator's own graph has come behind those of the network.
        let maps = self.plan.map_of.iter().zip(&self.graph.tensors);
        for (n, (map, tensor)) in maps.enumerate() {
            let value = known
                .get(map)
                .filter(|map| map.bytes().len() == tensor.bytes());
            if let Some(value) = value.filter(|_| map.0 != n) {
                let bytes = value.bytes().to_vec();
                let renamed = Value::new(tensor.dtype, tensor.shape.clone(), bytes)?;
                known.insert(TensorId(n), renamed);
            }
        }
        Ok(())
    }

    fn host(&self, layers: &[usize], known: &mut HashMap<TensorId, Value>) -> Result<(), Error> {
        for &position in layers {
            let layer = &self.graph.layers[position];
            let operands: Vec<&Value> = layer
                .inputs
                .iter()
                .flatten()
                .filter_map(|id| known.get(id))
                .collect();
            let results = self.runner.eval(position, &operands)?;
            known.extend(layer.outputs.iter().copied().zip(results));
        }
        Ok(())
    }
}
