// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules on the network as a whole: what breaks one stops all of it, whatever else its layers are.

use sepstream_spec::graph::{DType, Layer, Missing, TensorId};

use super::{WEIGHTED, WINDOWED, dims};
use crate::error::short;
use crate::rule::{Rule, Verdict};
use crate::tflite::slot::Slot;

/// A network as its rules see it.
pub struct Network<'a> {
    /// All tensors of the first subgraph.
    pub slots: &'a [Slot],
    /// Its layers.
    pub layers: &'a [Layer],
    /// Inputs of the network.
    pub inputs: &'a [TensorId],
    /// Subgraphs of the file.
    pub subgraphs: usize,
}

/// A rule on a network.
pub type NetworkRule = Rule<fn(&Network<'_>) -> Verdict>;

/// All rules on networks.
pub const RULES: &[NetworkRule] = &[
    Rule {
        id: "one-subgraph",
        operators: &[],
        sentence: "The file has one subgraph: no control flow, and one signature.",
        check: one_subgraph,
    },
    Rule {
        id: "fixed-input",
        operators: &[],
        sentence: "Inputs have a fixed shape; only the batch may be open, and is 1.",
        check: fixed_input,
    },
    Rule {
        id: "fully-int8",
        operators: &[],
        sentence: "Layers with weights compute in int8 (or uint8) throughout.",
        check: fully_int8,
    },
    Rule {
        id: "batch-one",
        operators: &[],
        sentence: "The batch is 1.",
        check: batch_one,
    },
];

/// The first rule that the network breaks: what comes behind may follow from it.
pub fn check(network: &Network<'_>) -> Vec<Missing> {
    let broken = |rule: &NetworkRule| Some(rule.missing((rule.check)(network).err()?));
    RULES.iter().find_map(broken).into_iter().collect()
}

impl Network<'_> {
    fn inputs(&self) -> impl Iterator<Item = &Slot> {
        self.inputs.iter().map(|id| &self.slots[id.0])
    }
}

fn one_subgraph(n: &Network<'_>) -> Verdict {
    match n.subgraphs {
        1 => Ok(()),
        many => Err(format!("it has {many} subgraphs")),
    }
}

fn fixed_input(n: &Network<'_>) -> Verdict {
    match n.inputs().find(|slot| slot.shape.is_none()) {
        Some(slot) => {
            let shape = dims(&slot.stated).replace("[0,", "[?,").replace(" 0", " ?");
            Err(format!(
                "input `{}` has the open shape {shape}",
                short(&slot.name)
            ))
        }
        None => Ok(()),
    }
}

/// Broken where nothing is left to do for 8 bits: a model with one float layer more or less breaks rules on that layer.
fn fully_int8(n: &Network<'_>) -> Verdict {
    let weighted: Vec<&Layer> = n
        .layers
        .iter()
        .filter(|layer| WEIGHTED.contains(&layer.kind()))
        .collect();
    let input = |layer: &Layer| layer.input(0).map(|id| &n.slots[id.0]);
    let quantised = |slot: &Slot| slot.dtype().is_some_and(DType::is_quantised);
    if weighted.is_empty() {
        let computed = |slot: &&Slot| slot.data.is_none() && slot.tensor_type.0 == 0;
        let any = n.slots.iter().any(quantised);
        return match n.slots.iter().find(computed).filter(|_| !any) {
            Some(slot) => Err(format!("its layers compute in {}", slot.type_name())),
            None => Ok(()),
        };
    }
    let inputs: Vec<&Slot> = weighted.iter().filter_map(|layer| input(layer)).collect();
    let Some(first) = inputs
        .first()
        .filter(|_| !inputs.iter().any(|s| quantised(s)))
    else {
        return Ok(());
    };
    let weights = |layer: &&Layer| layer.input(1).is_some_and(|id| quantised(&n.slots[id.0]));
    let (dtype, count) = (first.type_name(), weighted.len());
    let how = match weighted.iter().filter(|layer| weights(layer)).count() {
        0 => "",
        _ if dtype == "int16" => ", though its weights are int8 (16x8 quantisation)",
        _ => ", though weights are int8 (dynamic-range quantisation)",
    };
    Err(format!(
        "its {count} layers with weights compute in {dtype}{how}"
    ))
}

fn batch_one(n: &Network<'_>) -> Verdict {
    let batch = |slot: &Slot| match slot.shape.as_deref() {
        Some([batch, _, _, ..]) if *batch > 1 => Some(*batch),
        _ => None,
    };
    // A window that walks over maps of the input's batch, and not of one that a layer in between makes.
    let walks = |layer: &Layer, batch: usize| {
        let map = layer.input(0).and_then(|id| n.slots[id.0].shape.as_deref());
        WINDOWED.contains(&layer.kind()) && map.is_some_and(|shape| shape.first() == Some(&batch))
    };
    match n.inputs().find_map(batch) {
        Some(batch) if n.layers.iter().any(|layer| walks(layer, batch)) => {
            Err(format!("the batch is {batch}"))
        }
        _ => Ok(()),
    }
}
