// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operators that make each byte of a map a function of one byte of another: activations, operations with one constant, and all
//! chains of such, those that part and join again included (`x * sigmoid(x)`). Whatever the chain, its function is a table of 256
//! bytes, made by computing all of them with the operators' own arithmetic.

use super::plan::{Plan, Stage, add_operands};
use sepstream_spec::config::Config;
use sepstream_spec::graph::{DType, Graph, Layer, TensorId};
use sepstream_spec::quant::{Affine, Pair, Table, is_unary, unary_table};
use std::collections::BTreeMap;

/// A chain of such operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Positions in `Graph::layers`, in their order.
    pub layers: Vec<usize>,
    /// The map that it reads.
    pub input: TensorId,
    /// The map that it makes.
    pub output: TensorId,
    /// Nobody else reads the map that it reads: who makes that can make the function's in its place.
    pub alone: bool,
    /// The function.
    pub table: Table,
}

impl Function {
    /// The same function in a graph in which layer `n` has the position `positions[n]`.
    pub fn moved(&self, positions: &[usize]) -> Self {
        Function {
            layers: self.layers.iter().map(|n| positions[*n]).collect(),
            ..self.clone()
        }
    }
}

/// Moves functions of windows behind the array where there are no tables behind the depthwise engine: what follows them becomes a stage
/// of its own.
pub fn place(mut plan: Plan, config: &Config) -> Plan {
    if config.values().dw_tables > 0 {
        return plan;
    }
    let stages = std::mem::take(&mut plan.stages);
    plan.stages = stages.into_iter().flat_map(behind_the_array).collect();
    plan
}

fn behind_the_array(mut stage: Stage) -> Vec<Stage> {
    let Some(function) = stage.window_function.take() else {
        return vec![stage];
    };
    let output = function.output;
    let window = Stage {
        dense: None,
        function: Some(function),
        add: None,
        residual: None,
        output,
        ..stage.clone()
    };
    if stage.dense.is_none() {
        return vec![Stage {
            add: stage.add,
            residual: stage.residual,
            output: stage.output,
            ..window
        }];
    }
    let rest = Stage {
        window: None,
        input: output,
        ..stage
    };
    vec![window, rest]
}

/// Every chain of a network, as long as can be; no layer is in two of them.
pub fn all(graph: &Graph) -> Vec<Function> {
    let mut found: Vec<Function> = Vec::new();
    let made = graph
        .layers
        .iter()
        .flat_map(|layer| &layer.outputs)
        .copied();
    let maps: Vec<TensorId> = graph.inputs.iter().copied().chain(made).collect();
    let mut taken = vec![false; graph.layers.len()];
    for map in maps {
        let inside = |f: &Function| {
            let mut made = f.layers.iter().map(|n| graph.layers[*n].output());
            made.any(|t| t == map) && f.output != map
        };
        if found.iter().any(inside) {
            continue;
        }
        while let Some(function) = behind(graph, map, &taken) {
            function.layers.iter().for_each(|n| taken[*n] = true);
            found.push(function);
        }
    }
    found
}

/// The longest chain that reads a map, of layers that are not taken.
fn behind(graph: &Graph, map: TensorId, taken: &[bool]) -> Option<Function> {
    int8(graph, map)?;
    let identity = std::array::from_fn(|byte| byte as u8);
    let mut known = BTreeMap::from([(map, identity)]);
    let mut layers = Vec::new();
    let mut longest: Option<Function> = None;
    for (n, layer) in graph.layers.iter().enumerate().filter(|(n, _)| !taken[*n]) {
        let Some(table) = result(graph, layer, map, &known) else {
            continue;
        };
        known.insert(layer.output(), table);
        layers.push(n);
        let open = |id: &TensorId| {
            graph.outputs.contains(id)
                || graph.consumers(*id).any(|reader| !layers.contains(&reader))
        };
        let mut made = known.keys().copied().filter(|id| *id != map && open(id));
        if let (Some(output), None) = (made.next(), made.next()) {
            longest = Some(Function {
                layers: layers.clone(),
                input: map,
                output,
                alone: !open(&map),
                table: known[&output],
            });
        }
    }
    longest
}

/// What a layer makes of each byte of `map`, if all that it reads are functions of that byte and constants.
fn result(
    graph: &Graph,
    layer: &Layer,
    map: TensorId,
    known: &BTreeMap<TensorId, Table>,
) -> Option<Table> {
    let &[output] = &layer.outputs[..] else {
        return None;
    };
    // what nobody reads is nobody's function
    graph
        .consumers(output)
        .next()
        .or_else(|| graph.outputs.contains(&output).then_some(0))?;
    let to = int8(graph, output).filter(|_| graph[output].shape == graph[map].shape)?;
    // the residual adder's
    if add_operands(graph, layer).is_some() {
        return None;
    }
    match layer.inputs[..] {
        [Some(input)] if is_unary(&layer.op) => {
            let (table, from) = (known.get(&input)?, int8(graph, input)?);
            let behind = unary_table(&layer.op, from, to)?;
            Some(table.map(|byte| behind[usize::from(byte)]))
        }
        [Some(a), Some(b)] => {
            let table = |id| known.get(&id).copied().or_else(|| constant(graph, id));
            let from = [int8(graph, a)?, int8(graph, b)?];
            let (first, second) = (table(a)?, table(b)?);
            if ![a, b].iter().any(|id| known.contains_key(id)) {
                return None;
            }
            let (pair, activation) = Pair::of(&layer.op, from, to)?;
            Some(std::array::from_fn(|byte| {
                let values = [first[byte], second[byte]].map(|byte| i32::from(byte as i8));
                pair.eval(values, from, to, activation) as u8
            }))
        }
        _ => None,
    }
}

/// Quantisation of an int8 tensor with one scale.
fn int8(graph: &Graph, id: TensorId) -> Option<Affine> {
    let tensor = &graph[id];
    let is_map = tensor.dtype == DType::I8 && tensor.per_tensor().is_some();
    Affine::of(tensor).filter(|_| is_map)
}

/// A constant whose elements are all the same, for every byte.
fn constant(graph: &Graph, id: TensorId) -> Option<Table> {
    let values = graph[id].as_i8()?;
    let (first, rest) = values.split_first()?;
    rest.iter()
        .all(|value| value == first)
        .then_some([*first as u8; 256])
}
