// SPDX-License-Identifier: MIT OR Apache-2.0
//! TensorFlow Lite model file to checked graph.
//!
//! | step | module | guards against |
//! |---|---|---|
//! | verify every offset | `wire`, `file` | truncated and damaged files |
//! | read tensors and operators | `slot`, `operator` | indices, sizes and options that contradict each other |
//! | check each operator | [`rules`] | what is sound, but not supported: it becomes an opaque layer |
//! | infer shapes, fold shape chains | `candidate`, `fold` | shapes left out by the converter |
//! | resolve options | `convert` | |
//!
//! Shapes of computed tensors are inferred, as TensorFlow Lite does when it prepares a model; what the file states about them
//! is used only behind opaque layers. No step recurses, and none takes memory out of proportion to the file.

mod candidate;
mod convert;
mod file;
mod fold;
mod moves;
mod operator;
mod options;
pub mod rules;
mod slot;
mod strided_slice;
mod supported;
mod wire;

use sepstream_spec::graph::{Graph, Layer, Op, TensorId};
use sepstream_spec::quant::Semantics;
use tract_tflite::tflite::SubGraph;

use crate::error::{BadModel, Error, short};
use candidate::Candidate;
use operator::Operator;
use rules::network::Network;
use slot::Slot;

pub use supported::supported_markdown;

/// Most operators of a model; the largest networks of the field have some thousand.
const MAX_OPERATORS: usize = 10_000;

/// Imports a model. `name` is for messages and reports only. What cannot run is in the graph as well, see
/// [`crate::runnable`].
///
/// # Errors
/// [`Error::Input`] if the bytes are no sound model.
pub fn load(bytes: &[u8], name: &str) -> Result<Graph, Error> {
    let input = |what| Error::Input {
        model: name.to_owned(),
        what,
    };
    Import::read(bytes)
        .and_then(|import| import.run(name))
        .map_err(input)
}

/// A model on its way into the graph.
struct Import {
    slots: Vec<Slot>,
    operators: Vec<Operator>,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
    /// Whether a tensor has its contents: inputs and constants at first, then what operators write.
    written: Vec<bool>,
    /// Subgraphs of the file.
    subgraphs: usize,
}

impl Import {
    /// Reads the file and checks all that can be checked without looking at shapes.
    fn read(bytes: &[u8]) -> Result<Self, BadModel> {
        let repaired = wire::repaired(bytes);
        let model = file::open(&repaired)?;
        let subgraphs = model.subgraphs().map_or(0, |all| all.len());
        // The first is where a run starts.
        let graph = match model.subgraphs().filter(|all| !all.is_empty()) {
            Some(all) => all.get(0),
            None => return Err(BadModel::Graph("it has no subgraph".to_owned())),
        };
        let mut slots = slot::read_all(&model, &graph, bytes)?;
        let count = graph.operators().map_or(0, |all| all.len());
        if count > MAX_OPERATORS {
            return Err(BadModel::Operators(count));
        }
        let mut operators = Vec::new();
        for (index, raw) in graph.operators().into_iter().flatten().enumerate() {
            operators.push(Operator::read(&model, index, &raw, slots.len())?);
        }
        let (inputs, outputs) = ends(&graph, slots.len())?;
        let mut written: Vec<bool> = slots.iter().map(Slot::is_constant).collect();
        for &id in &inputs {
            slots[id.0].close();
            if std::mem::replace(&mut written[id.0], true) {
                return Err(BadModel::Tensor {
                    index: id.0,
                    name: slots[id.0].name.clone(),
                    what: "it is an input of the model, and also a constant or another input"
                        .to_owned(),
                });
            }
        }
        Ok(Import {
            slots,
            operators,
            inputs,
            outputs,
            written,
            subgraphs,
        })
    }

    /// Checks and converts operator by operator; the file has them in an order in which they can run.
    fn run(mut self, name: &str) -> Result<Graph, BadModel> {
        let mut layers = Vec::new();
        for operator in std::mem::take(&mut self.operators) {
            self.check_order(&operator)?;
            layers.extend(self.step(&operator));
            for id in &operator.outputs {
                self.written[id.0] = true;
                self.slots[id.0].data = None;
            }
        }
        for &id in &self.outputs {
            let slot = &self.slots[id.0];
            if !self.written[id.0] && !slot.variable {
                return Err(BadModel::Tensor {
                    index: id.0,
                    name: slot.name.clone(),
                    what: "it is an output of the model, and no layer writes it".to_owned(),
                });
            }
        }
        if let Some(input) = self.inputs.iter().find(|id| self.slots[id.0].open_batch) {
            tell_open_batch(&mut layers, &self.slots[input.0].name);
        }
        let missing = rules::network::check(&Network {
            slots: &self.slots,
            layers: &layers,
            inputs: &self.inputs,
            subgraphs: self.subgraphs,
        });
        let tensors = self.slots.into_iter().map(Slot::into_tensor).collect();
        Ok(Graph {
            name: name.to_owned(),
            tensors,
            layers,
            inputs: self.inputs,
            outputs: self.outputs,
            missing,
            semantics: Semantics::default(),
        })
    }

    /// Everything that the operator reads exists already, and what it writes does not. Variables exist from the start and may be
    /// written, and so do tensors without elements.
    fn check_order(&self, operator: &Operator) -> Result<(), BadModel> {
        let bad = |what| BadModel::Operator {
            index: operator.index,
            operator: operator.kind.clone(),
            what,
        };
        let there = |id: &TensorId| {
            let slot = &self.slots[id.0];
            self.written[id.0] || slot.variable || slot.data.is_some()
        };
        let mut read = operator.inputs.iter().flatten();
        if let Some(id) = read.find(|id| !there(id)) {
            return Err(bad(format!(
                "it reads tensor {}, which nothing before it writes",
                id.0
            )));
        }
        if let Some(id) = operator.outputs.iter().find(|id| self.written[id.0]) {
            return Err(bad(format!(
                "it writes tensor {}, which has its contents already",
                id.0
            )));
        }
        Ok(())
    }

    /// One operator: a layer, an opaque one if it breaks a rule, or nothing if it folds away.
    fn step(&mut self, operator: &Operator) -> Option<Layer> {
        let candidate = Candidate {
            operator,
            slots: &self.slots,
        };
        if let (Some(folded), &[id]) = (fold::evaluate(&candidate), &operator.outputs[..]) {
            self.slots[id.0].shape = Some(folded.shape);
            self.slots[id.0].folded = Some(folded.values);
            return None;
        }
        let mut broken = rules::check(&candidate);
        if broken.is_empty() {
            if let (Some(shapes), Some(layer)) =
                (candidate.output_shapes(), convert::layer(&candidate))
            {
                for (id, shape) in operator.outputs.iter().zip(shapes) {
                    self.slots[id.0].shape = Some(shape);
                }
                return Some(layer);
            }
            broken.push(rules::unknown_shape());
        }
        Some(convert::opaque(operator, broken))
    }
}

/// Converters compute shapes where the batch is open; where import cannot follow them, that is the cause.
fn tell_open_batch(layers: &mut [Layer], input: &str) {
    for layer in layers {
        let Op::Opaque(opaque) = &mut layer.op else {
            continue;
        };
        let computed = opaque
            .missing
            .iter_mut()
            .filter(|m| m.rule == "constant-options");
        for missing in computed {
            missing.found += &format!(
                "; the batch of input `{}` is open (None, the default of Keras)",
                short(input)
            );
        }
    }
}

/// Inputs and outputs of the model.
fn ends(graph: &SubGraph<'_>, tensors: usize) -> Result<(Vec<TensorId>, Vec<TensorId>), BadModel> {
    let ids = |list: Option<flatbuffers::Vector<'_, i32>>, what: &str| {
        let exists = |n: i32| match usize::try_from(n) {
            Ok(n) if n < tensors => Ok(TensorId(n)),
            _ => Err(BadModel::Graph(format!(
                "its {what} is tensor {n}, which does not exist"
            ))),
        };
        let ids: Vec<TensorId> = list
            .into_iter()
            .flatten()
            .map(exists)
            .collect::<Result<_, _>>()?;
        if ids.is_empty() {
            Err(BadModel::Graph(format!("it has no {what}")))
        } else {
            Ok(ids)
        }
    };
    Ok((
        ids(graph.inputs(), "input")?,
        ids(graph.outputs(), "output")?,
    ))
}
