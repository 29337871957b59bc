// SPDX-License-Identifier: MIT OR Apache-2.0
//! Graph to a graph with fewer layers and the same bytes: what converters write around a layer goes into it.
//!
//! | rules | module | what they take away |
//! |---|---|---|
//! | reshapes | `reshape` | RESHAPEs behind one another, and those that change nothing |
//! | transposes | `transpose`, `sink` | pairs of TRANSPOSEs, also with other layers between them |
//! | weights | `dense` | TRANSPOSEs in front of a fully connected layer |
//! | dilation | `dilation` | SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND around a convolution |
//!
//! A rule looks at one layer and at what writes its operands, and gives other layers for it. Tensors that remain keep their
//! ids and their contents; new ones come behind them. Nothing here depends on a file format.

mod dense;
mod dilation;
mod reshape;
mod sink;
mod transpose;

use sepstream_spec::graph::{Graph, Layer, Op, Tensor, TensorId};

/// What a rule does with a layer.
enum Rewrite {
    /// Other layers come in its place; the last writes its result.
    Layers(Vec<Layer>),
    /// Its result is another tensor, which is there already.
    Same(TensorId),
}

/// A rule: what becomes of a layer, unless it does not apply.
type Rule = fn(&mut Work, &Layer) -> Option<Rewrite>;

/// The rules that move transposes, and those for what is left, which may see them as reshapes.
const PASSES: [&[Rule]; 2] = [
    &[
        dilation::fold,
        transpose::join,
        sink::through_one,
        sink::through_pad,
        sink::through_reduction,
        sink::through_several,
        sink::through_concatenation,
        dense::permute_weights,
    ],
    &[transpose::without_moves, reshape::join],
];

/// The same network with fewer layers.
pub fn simplify(graph: &Graph) -> Graph {
    PASSES.iter().fold(graph.clone(), |graph, rules| {
        let mut work = Work::new(&graph);
        for layer in &graph.layers {
            work.add(rules, layer.clone());
        }
        work.finish()
    })
}

/// A graph that is built again, layer by layer.
struct Work {
    graph: Graph,
    /// For each tensor the layer that writes it, among those so far.
    writer: Vec<Option<usize>>,
    /// For each tensor the one that is read in its place.
    same: Vec<TensorId>,
}

impl Work {
    fn new(graph: &Graph) -> Self {
        let count = graph.tensors.len();
        Work {
            graph: Graph {
                layers: Vec::new(),
                ..graph.clone()
            },
            writer: vec![None; count],
            same: (0..count).map(TensorId).collect(),
        }
    }

    /// Adds a layer, or what the rules make of it.
    fn add(&mut self, rules: &[Rule], mut layer: Layer) {
        for id in layer.inputs.iter_mut().flatten() {
            *id = self.same[id.0];
        }
        match rules.iter().find_map(|rule| rule(self, &layer)) {
            Some(Rewrite::Layers(layers)) => {
                for layer in layers {
                    self.add(rules, layer);
                }
            }
            Some(Rewrite::Same(id)) => self.same[layer.output().0] = id,
            None => {
                for id in &layer.outputs {
                    self.writer[id.0] = Some(self.graph.layers.len());
                }
                self.graph.layers.push(layer);
            }
        }
    }

    /// The graph without layers whose results nobody reads any more.
    fn finish(self) -> Graph {
        let mut graph = self.graph;
        let mut read = vec![false; graph.tensors.len()];
        graph.outputs.iter().for_each(|id| read[id.0] = true);
        let mut layers = Vec::new();
        for layer in graph.layers.into_iter().rev() {
            if layer.outputs.is_empty() || layer.outputs.iter().any(|id| read[id.0]) {
                layer
                    .inputs
                    .iter()
                    .flatten()
                    .for_each(|id| read[id.0] = true);
                layers.push(layer);
            }
        }
        layers.reverse();
        graph.layers = layers;
        graph
    }

    fn tensor(&self, id: TensorId) -> &Tensor {
        &self.graph[id]
    }
    /// The layer that writes a tensor; `None` for inputs and constants.
    fn writer(&self, id: TensorId) -> Option<&Layer> {
        Some(&self.graph.layers[self.writer[id.0]?])
    }
    /// The layer that writes operand `n`.
    fn behind(&self, layer: &Layer, n: usize) -> Option<&Layer> {
        self.writer(layer.input(n)?)
    }
    fn is_output(&self, id: TensorId) -> bool {
        self.graph.outputs.contains(&id)
    }
    /// A new tensor, like another but for its shape.
    fn like(&mut self, id: TensorId, shape: Vec<usize>) -> TensorId {
        let tensor = Tensor {
            shape,
            data: None,
            ..self.tensor(id).clone()
        };
        self.insert(tensor)
    }
    /// A new tensor.
    fn insert(&mut self, tensor: Tensor) -> TensorId {
        let id = TensorId(self.graph.tensors.len());
        self.graph.tensors.push(tensor);
        self.writer.push(None);
        self.same.push(id);
        id
    }
    /// Whether both hold the same numbers if they hold the same bytes.
    fn alike(&self, a: TensorId, b: TensorId) -> bool {
        let (a, b) = (self.tensor(a), self.tensor(b));
        a.dtype == b.dtype && a.quant == b.quant
    }
}

/// A layer with one operand and one result, of the same place in the file as another.
fn single(of: &Layer, op: Op, input: TensorId, output: TensorId) -> Layer {
    Layer {
        index: of.index,
        op,
        inputs: vec![Some(input)],
        outputs: vec![output],
    }
}
