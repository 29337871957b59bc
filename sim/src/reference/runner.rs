// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole networks.

use sepstream_spec::graph::{Graph, TensorId};

use super::select::kernels;
use super::value::Value;
use super::{Error, Kernel};

/// A graph whose layers are ready to run.
pub struct Runner<'g> {
    graph: &'g Graph,
    /// For each layer, the kernels of its results.
    kernels: Vec<Vec<Box<dyn Kernel>>>,
    /// For each layer, the tensors that nothing reads after it.
    finished: Vec<Vec<TensorId>>,
}

/// Every tensor of one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    values: Vec<Option<Value>>,
}

impl Trace {
    /// A tensor that is an input or was written by a layer; `None` for constants and unused tensors.
    pub fn get(&self, id: TensorId) -> Option<&Value> {
        self.values.get(id.0)?.as_ref()
    }
}

impl<'g> Runner<'g> {
    /// Checks every layer and prepares its kernel.
    pub fn new(graph: &'g Graph) -> Result<Self, Error> {
        let kernels = graph
            .layers
            .iter()
            .map(|layer| kernels(graph, layer))
            .collect::<Result<_, _>>()?;
        Ok(Runner {
            graph,
            kernels,
            finished: finished(graph),
        })
    }
    /// The graph it runs.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }
    /// One frame: the network's outputs for its inputs. Other tensors are dropped after their last use.
    pub fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, Error> {
        let values = self.execute(inputs, false)?;
        let outputs = self.graph.outputs.iter();
        outputs
            .map(|&id| {
                values[id.0]
                    .clone()
                    .or_else(|| self.constant(id))
                    .ok_or_else(|| self.unwritten(id))
            })
            .collect()
    }
    /// One frame, keeping every tensor.
    pub fn trace(&self, inputs: &[Value]) -> Result<Trace, Error> {
        Ok(Trace {
            values: self.execute(inputs, true)?,
        })
    }
    /// The results of one layer, given by its position in [`Graph::layers`]. `operands` are those that are not constants of the
    /// model, in their order.
    pub fn eval(&self, position: usize, operands: &[&Value]) -> Result<Vec<Value>, Error> {
        let layer = &self.graph.layers[position];
        let variable = |id: &&TensorId| self.graph[**id].data.is_none();
        let wanted: Vec<_> = layer.inputs.iter().flatten().filter(variable).collect();
        expect_count(
            format!("layer {} ({})", layer.index, layer.kind()),
            wanted.len(),
            operands.len(),
        )?;
        for (&&id, value) in wanted.iter().zip(operands) {
            value.expect(&self.graph[id])?;
        }
        let mut rest = operands.iter();
        self.eval_with(position, |id| match &self.graph[id].data {
            Some(data) => Some(data),
            None => rest.next().map(|v| v.bytes()),
        })
    }
    fn execute(&self, inputs: &[Value], keep: bool) -> Result<Vec<Option<Value>>, Error> {
        expect_count(
            format!("network `{}`", self.graph.name),
            self.graph.inputs.len(),
            inputs.len(),
        )?;
        let mut values = vec![None; self.graph.tensors.len()];
        for (&id, value) in self.graph.inputs.iter().zip(inputs) {
            value.expect(&self.graph[id])?;
            values[id.0] = Some(value.clone());
        }
        for (position, layer) in self.graph.layers.iter().enumerate() {
            let bytes = |id: TensorId| {
                values[id.0]
                    .as_ref()
                    .map(Value::bytes)
                    .or(self.graph[id].data.as_deref())
            };
            let results = self.eval_with(position, bytes)?;
            for (id, value) in layer.outputs.iter().zip(results) {
                values[id.0] = Some(value);
            }
            if !keep {
                self.finished[position]
                    .iter()
                    .for_each(|id| values[id.0] = None);
            }
        }
        Ok(values)
    }
    fn eval_with<'v>(
        &self,
        position: usize,
        mut bytes: impl FnMut(TensorId) -> Option<&'v [u8]>,
    ) -> Result<Vec<Value>, Error> {
        let layer = &self.graph.layers[position];
        let mut operands: Vec<&[u8]> = Vec::with_capacity(layer.inputs.len());
        for input in &layer.inputs {
            operands.push(match *input {
                Some(id) => bytes(id).ok_or_else(|| self.unwritten(id))?,
                None => &[],
            });
        }
        let result = |(n, &id): (usize, &TensorId)| {
            let mut value = Value::zeros(&self.graph[id]);
            self.kernels[position][n].eval(&operands, value.bytes_mut());
            value
        };
        Ok(layer.outputs.iter().enumerate().map(result).collect())
    }
    fn constant(&self, id: TensorId) -> Option<Value> {
        let tensor = &self.graph[id];
        Value::new(tensor.dtype, tensor.shape.clone(), tensor.data.clone()?).ok()
    }
    fn unwritten(&self, id: TensorId) -> Error {
        Error::Unwritten {
            name: self.graph[id].name.clone(),
        }
    }
}

fn finished(graph: &Graph) -> Vec<Vec<TensorId>> {
    let mut last = vec![None; graph.tensors.len()];
    for (position, layer) in graph.layers.iter().enumerate() {
        layer
            .inputs
            .iter()
            .flatten()
            .chain(&layer.outputs)
            .for_each(|id| last[id.0] = Some(position));
    }
    graph.outputs.iter().for_each(|id| last[id.0] = None);
    let mut finished = vec![Vec::new(); graph.layers.len()];
    for (id, position) in last.into_iter().enumerate() {
        if let Some(position) = position {
            finished[position].push(TensorId(id));
        }
    }
    finished
}

fn expect_count(of: String, want: usize, got: usize) -> Result<(), Error> {
    if want == got {
        Ok(())
    } else {
        Err(Error::Count { of, want, got })
    }
}
