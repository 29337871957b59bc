// SPDX-License-Identifier: MIT OR Apache-2.0
//! TensorFlow Lite model file to checked graph.
//!
//! | step | module | guards against |
//! |---|---|---|
//! | verify every offset | `file` | truncated and damaged files |
//! | read tensors and operators | `slot`, `operator` | indices, sizes and options that contradict each other |
//! | check each operator | [`rules`] | what is sound, but not supported |
//! | infer shapes, fold shape chains | `candidate`, `fold` | shapes left out by the converter |
//! | resolve options | `convert` | |
//!
//! Shapes of computed tensors are inferred, as TensorFlow Lite does when it prepares a model; what the file states about them
//! is not used. No step recurses, and none takes memory out of proportion to the file.

mod candidate;
mod convert;
mod file;
mod fold;
mod operator;
pub mod rules;
mod slot;
mod supported;

use sepstream_spec::graph::{Graph, Layer, TensorId};
use tract_tflite::tflite::SubGraph;

use crate::error::{BadModel, Error};
use crate::rule::Violation;

use candidate::Candidate;
use operator::Operator;
use slot::Slot;

pub use supported::supported_markdown;

/// Most operators of a model; the largest networks of the field have some thousand.
const MAX_OPERATORS: usize = 10_000;

/// Imports a model. `name` is for messages and reports only.
///
/// # Errors
/// [`Error::Input`] if the bytes are no sound model, [`Error::Unsupported`] with every broken rule of every layer.
pub fn load(bytes: &[u8], name: &str) -> Result<Graph, Error> {
    let input = |what| Error::Input {
        model: name.to_owned(),
        what,
    };
    let import = Import::read(bytes).map_err(input)?;
    import.run(name)
}

/// A model on its way into the graph.
struct Import {
    slots: Vec<Slot>,
    operators: Vec<Operator>,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
    /// Whether a tensor has its contents: inputs, constants and variables at first, then what operators write.
    written: Vec<bool>,
}

impl Import {
    /// Reads the file and checks all that can be checked without looking at shapes.
    fn read(bytes: &[u8]) -> Result<Self, BadModel> {
        let model = file::open(bytes)?;
        let subgraphs = model.subgraphs().map_or(0, |all| all.len());
        let graph = match model.subgraphs().filter(|all| all.len() == 1) {
            Some(all) => all.get(0),
            None => return Err(BadModel::Subgraphs(subgraphs)),
        };
        let slots = slot::read_all(&model, &graph, bytes.len())?;
        let count = graph.operators().map_or(0, |all| all.len());
        if !(1..=MAX_OPERATORS).contains(&count) {
            return Err(BadModel::Operators(count));
        }
        let mut operators = Vec::new();
        for (index, raw) in graph.operators().into_iter().flatten().enumerate() {
            operators.push(Operator::read(&model, index, &raw, slots.len())?);
        }
        let (inputs, outputs) = ends(&graph, slots.len())?;
        let mut written: Vec<bool> = slots
            .iter()
            .map(|slot| slot.data.is_some() || slot.variable)
            .collect();
        for &id in &inputs {
            let slot = &slots[id.0];
            let bad = |what: &str| {
                Err(BadModel::Tensor {
                    index: id.0,
                    name: slot.name.clone(),
                    what: what.to_owned(),
                })
            };
            if std::mem::replace(&mut written[id.0], true) {
                return bad("it is an input of the model, and also a constant or another input");
            }
            if slot.shape.is_none() {
                return bad(
                    "it is an input of the model and has no fixed shape; convert the model with one",
                );
            }
        }
        Ok(Import {
            slots,
            operators,
            inputs,
            outputs,
            written,
        })
    }

    /// Checks and converts operator by operator; the file has them in an order in which they can run.
    fn run(mut self, name: &str) -> Result<Graph, Error> {
        let input = |what| Error::Input {
            model: name.to_owned(),
            what,
        };
        let mut layers = Vec::new();
        let mut violations = Vec::new();
        for operator in std::mem::take(&mut self.operators) {
            self.check_order(&operator).map_err(input)?;
            match self.step(&operator) {
                Ok(Some(layer)) => layers.push(layer),
                Ok(None) if operator.is_shape_chain() || !violations.is_empty() => {}
                Ok(None) => {
                    let what = "the shape of its result cannot be inferred".to_owned();
                    return Err(input(BadModel::Operator {
                        index: operator.index,
                        operator: operator.kind,
                        what,
                    }));
                }
                Err(broken) => violations.extend(broken),
            }
            for id in &operator.outputs {
                self.written[id.0] = true;
            }
        }
        if !violations.is_empty() {
            return Err(Error::Unsupported {
                model: name.to_owned(),
                violations,
            });
        }
        for &id in &self.outputs {
            let slot = &self.slots[id.0];
            if !self.written[id.0] || slot.folded.is_some() || slot.data.is_some() {
                let what = "it is an output of the model, and no layer writes it".to_owned();
                return Err(input(BadModel::Tensor {
                    index: id.0,
                    name: slot.name.clone(),
                    what,
                }));
            }
        }
        let tensors = self.slots.into_iter().map(Slot::into_tensor).collect();
        Ok(Graph {
            name: name.to_owned(),
            tensors,
            layers,
            inputs: self.inputs,
            outputs: self.outputs,
        })
    }

    /// Everything that the operator reads exists already, and what it writes does not.
    fn check_order(&self, operator: &Operator) -> Result<(), BadModel> {
        let bad = |what| BadModel::Operator {
            index: operator.index,
            operator: operator.kind.clone(),
            what,
        };
        if let Some(id) = operator
            .inputs
            .iter()
            .flatten()
            .find(|id| !self.written[id.0])
        {
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

    /// One operator: a layer, nothing if it folds away, or the rules that it breaks.
    fn step(&mut self, operator: &Operator) -> Result<Option<Layer>, Vec<Violation>> {
        let candidate = Candidate {
            operator,
            slots: &self.slots,
        };
        let broken = rules::check(&candidate);
        if !broken.is_empty() {
            return Err(broken);
        }
        let Some(id) = operator.outputs.first().map(|id| id.0) else {
            return Ok(None);
        };
        let shape = candidate.output_shape();
        let folded = fold::evaluate(&candidate);
        let layer = if operator.is_shape_chain() {
            None
        } else {
            convert::layer(&candidate)
        };
        // A shape is unknown only behind an unsupported layer; that one is reported.
        self.slots[id].shape = shape;
        self.slots[id].folded = folded.map(|folded| folded.values);
        Ok(layer)
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
