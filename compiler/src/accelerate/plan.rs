// SPDX-License-Identifier: MIT OR Apache-2.0
//! The stages of a run of the accelerator.

use super::channelwise;
use super::functions::{self, Function};
use super::rules;
use super::slice::Slice;

use sepstream_spec::graph::{DType, Graph, Layer, Op, Pads, TensorId};
use sepstream_spec::program::MapPort;

/// A 1x1 convolution that makes the map which a stage's windows read, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expand {
    /// Position in `Graph::layers`.
    pub layer: usize,
    /// The function of its outputs that makes the map.
    pub function: Option<Function>,
    /// The expanded map: only the rows at work exist, in the line buffer.
    pub map: TensorId,
}

/// One command's work: an expanding layer, a window layer (depthwise convolution or pooling) that feeds a dense one
/// (convolution, fully connected) whose outputs a residual map is added to; each part may be absent. Numbers are positions in
/// `Graph::layers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Layer that expands the stage's input for the windows.
    pub expand: Option<Expand>,
    /// Layer on the depthwise engine.
    pub window: Option<usize>,
    /// The function of its outputs that the array reads.
    pub window_function: Option<Function>,
    /// The channels that it takes, pixel after pixel, where it does not take rows of the map: see [`Slice`].
    pub slice: Option<Slice>,
    /// Layer on the pointwise array; without one the array passes the depthwise outputs on.
    pub dense: Option<usize>,
    /// The function of its outputs, or of the map that the stage reads where that is all.
    pub function: Option<Function>,
    /// ADD on the way to memory.
    pub add: Option<usize>,
    /// Its other operand.
    pub residual: Option<TensorId>,
    /// Map that the stage reads.
    pub input: TensorId,
    /// Map that it writes.
    pub output: TensorId,
}

impl Stage {
    /// The same stage of a graph in which layer `n` has the position `positions[n]`.
    pub(super) fn moved(&self, positions: &[usize]) -> Self {
        let at = |layer: usize| positions[layer];
        let function = |f: &Option<Function>| f.as_ref().map(|f| f.moved(positions));
        Stage {
            expand: self.expand.as_ref().map(|expand| Expand {
                layer: at(expand.layer),
                function: function(&expand.function),
                map: expand.map,
            }),
            window: self.window.map(at),
            window_function: function(&self.window_function),
            dense: self.dense.map(at),
            function: function(&self.function),
            add: self.add.map(at),
            ..self.clone()
        }
    }
    /// The layers of the stage in their order.
    pub fn layers(&self) -> impl Iterator<Item = usize> {
        let expand = self.expand.as_ref();
        let of = |function: Option<&Function>| function.map_or(Vec::new(), |f| f.layers.clone());
        let expanding = of(expand.and_then(|e| e.function.as_ref()));
        expand
            .map(|e| e.layer)
            .into_iter()
            .chain(expanding)
            .chain(self.window)
            .chain(of(self.window_function.as_ref()))
            .chain(self.dense)
            .chain(of(self.function.as_ref()))
            .chain(self.add)
    }
    /// The layer whose windows move over [`Stage::windowed`].
    pub(super) fn walker(&self) -> usize {
        let first = self.function.as_ref().map(|f| f.layers[0]);
        let walker = self.window.or(self.dense).or(first).or(self.add);
        walker.unwrap_or_default()
    }
    /// A stage that takes a map as it is; what else it does is to be filled in.
    pub(super) fn of(input: TensorId, output: TensorId) -> Self {
        Stage {
            expand: None,
            window: None,
            window_function: None,
            slice: None,
            dense: None,
            function: None,
            add: None,
            residual: None,
            input,
            output,
        }
    }
    /// The maps that the stage reads from memory.
    pub fn reads(&self) -> impl Iterator<Item = TensorId> {
        std::iter::once(self.input).chain(self.residual)
    }
    /// What the stage writes of its map.
    pub(super) fn written(&self, map: &MapPort, word_bytes: u32) -> MapPort {
        match self.slice {
            Some(slice) if self.dense.is_none() => slice.written(map, word_bytes),
            _ => *map,
        }
    }
    /// Words of a pixel in front of what the stage reads, and writes.
    pub(super) fn first_word(&self, word_bytes: u32) -> u32 {
        self.slice.map_or(0, |slice| slice.first_word(word_bytes))
    }
    /// Products of one of its layers, of a slice its share.
    pub(super) fn macs(&self, graph: &Graph, layer: usize) -> u64 {
        let macs = graph.macs(&graph.layers[layer]);
        match self.slice.filter(|_| self.window == Some(layer)) {
            Some(slice) => macs / graph[self.input].channels() as u64 * u64::from(slice.channels),
            None => macs,
        }
    }
    /// The map that the windows move over.
    pub fn windowed(&self) -> TensorId {
        self.expand.as_ref().map_or(self.input, |e| e.map)
    }
}

/// A run of the accelerator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// Maps that go into the accelerator: the inputs of the graph.
    pub inputs: Vec<TensorId>,
    /// Maps that come out of it, one for each output of the graph: those before a RESHAPE that only renames them.
    pub outputs: Vec<TensorId>,
}

/// Tensors that a layer computes with: neither constant nor absent.
fn data_inputs<'a>(graph: &'a Graph, layer: &'a Layer) -> impl Iterator<Item = TensorId> + 'a {
    layer
        .inputs
        .iter()
        .flatten()
        .copied()
        .filter(|t| graph[*t].data.is_none())
}

/// A layer that a pass over lane groups computes.
fn is_window(graph: &Graph, layer: &Layer) -> bool {
    match &layer.op {
        Op::DepthwiseConv2d(dw) => dw.depth_multiplier == 1 && graph[layer.output()].channels() > 1,
        Op::AveragePool2d(_) | Op::Mean(_) => true,
        _ => is_inner(graph, layer),
    }
}

/// The two maps of an ADD that the accelerator can run: both computed, of one shape.
pub(super) fn add_operands(graph: &Graph, layer: &Layer) -> Option<[TensorId; 2]> {
    let operands: Vec<TensorId> = data_inputs(graph, layer).collect();
    match (&layer.op, &operands[..]) {
        (Op::Add(_), &[a, b])
            if graph[a].nhwc() == graph[b].nhwc() && graph[a].nhwc().is_some() =>
        {
            Some([a, b])
        }
        _ => None,
    }
}

/// A window's largest value.
pub(super) fn takes_largest(op: &Op) -> bool {
    matches!(op, Op::MaxPool2d(_) | Op::ReduceMax(_))
}

pub(super) fn is_accelerated(op: &Op) -> bool {
    matches!(
        op,
        Op::Conv2d(_)
            | Op::DepthwiseConv2d(_)
            | Op::FullyConnected(_)
            | Op::AveragePool2d(_)
            | Op::Mean(_)
    )
}

/// Rows and columns that a PAD puts around a map, if that is all.
pub(super) fn spatial(op: &Op) -> Option<Pads> {
    let Op::Pad(pad) = op else { return None };
    match (&pad.before[..], &pad.after[..]) {
        (&[0, top, left, 0], &[0, bottom, right, 0]) => Some(Pads {
            top,
            left,
            bottom,
            right,
        }),
        _ => None,
    }
}

/// Padding that the windows behind a PAD can take over: as wide as they may have, of the zero point where convolutions read it, of the
/// least value where maxima do.
pub(super) fn folded_pads(graph: &Graph, layer: &Layer) -> Option<Pads> {
    let Op::Pad(pad) = &layer.op else { return None };
    let (pads, input) = (spatial(&layer.op)?, graph.input(layer, 0)?);
    let (_, zero) = input.per_tensor()?;
    let takes = |reader: usize| {
        let reader = &graph.layers[reader];
        let value = match &reader.op {
            Op::Conv2d(_) | Op::DepthwiseConv2d(_) => zero,
            Op::MaxPool2d(_) => i8::MIN.into(),
            _ => return false,
        };
        let fits = |window| rules::is_less(&rules::sum(&pads, &window), &window);
        value == pad.value && rules::window(&reader.op).is_some_and(fits)
    };
    let mut readers = graph.consumers(layer.output()).peekable();
    let all = readers.peek().is_some() && readers.all(takes);
    (all && !graph.outputs.contains(&layer.output())).then_some(pads)
}

/// What the accelerator makes between its own layers only: at the border the host does, which needs no hardware for it.
pub(super) fn is_inner(graph: &Graph, layer: &Layer) -> bool {
    let int8 = graph.output(layer).dtype == DType::I8;
    let bordered = int8 && spatial(&layer.op).is_some();
    takes_largest(&layer.op) || bordered || channelwise::of(graph, layer).is_some()
}

/// A RESHAPE of an accelerator's map behind which its readers see the same bytes: fully connected layers see one row of any map,
/// and all see the same map if only outer dimensions of one element come or go.
pub(super) fn is_alias(graph: &Graph, layer: &Layer) -> bool {
    if layer.op != Op::Reshape {
        return false;
    }
    let readers: Vec<&Op> = graph
        .consumers(layer.output())
        .map(|l| &graph.layers[l].op)
        .collect();
    let same_map = graph.input(layer, 0).is_some_and(|input| {
        let output = graph.output(layer);
        input.nhwc().is_some() && input.nhwc() == output.nhwc() && input.quant == output.quant
    });
    let takes = |op: &&Op| match op {
        Op::FullyConnected(_) => true,
        Op::Add(_) | Op::Pad(_) => same_map,
        op => same_map && is_accelerated(op),
    };
    let taken = if same_map {
        readers.iter().any(takes)
    } else {
        !readers.is_empty() && readers.iter().all(takes)
    };
    taken && !graph.outputs.contains(&layer.output())
}

/// A dense layer that takes one pixel at a time and can thus follow a window layer in its stage.
pub(super) fn takes_pixels(graph: &Graph, layer: &Layer, from: TensorId) -> bool {
    match &layer.op {
        Op::Conv2d(conv) => {
            conv.window.kernel == (1, 1)
                && conv.window.stride == (1, 1)
                && conv.window.pads == Default::default()
        }
        Op::FullyConnected(_) => graph[from].nhwc().is_some_and(|[_, h, w, _]| h * w == 1),
        _ => false,
    }
}

/// Groups the layers of a graph, all of which the accelerator runs, into stages.
pub fn plan(graph: &Graph) -> Plan {
    let mut map_of: Vec<TensorId> = (0..graph.tensors.len()).map(TensorId).collect();
    let mut accelerated = Vec::new();
    for (n, layer) in graph.layers.iter().enumerate() {
        let renames = layer.op == Op::Reshape || folded_pads(graph, layer).is_some();
        match data_inputs(graph, layer).next().filter(|_| renames) {
            Some(input) => map_of[layer.output().0] = map_of[input.0],
            None => accelerated.push(n),
        }
    }
    let functions = functions::all(graph);
    let grouping = Grouping {
        graph,
        accelerated: &accelerated,
        map_of: &map_of,
        functions: &functions,
    };
    Plan {
        stages: grouping.stages(),
        inputs: graph.inputs.clone(),
        outputs: graph.outputs.iter().map(|t| map_of[t.0]).collect(),
    }
}

/// How the accelerator's layers become stages.
struct Grouping<'a> {
    graph: &'a Graph,
    accelerated: &'a [usize],
    map_of: &'a [TensorId],
    functions: &'a [Function],
}

impl Grouping<'_> {
    /// Groups the layers.
    fn stages(&self) -> Vec<Stage> {
        let graph = self.graph;
        let mut stages = Vec::new();
        let mut taken = vec![false; graph.layers.len()];
        for &n in self.accelerated {
            if taken[n] {
                continue;
            }
            let layer = &graph.layers[n];
            match add_operands(graph, layer) {
                Some(operands) => {
                    let operands = operands.map(|t| self.map_of[t.0]);
                    add(graph, n, operands, &mut stages);
                }
                None => stages.push(self.stage(n)),
            }
            let done = stages.iter().flat_map(Stage::layers);
            done.for_each(|layer| taken[layer] = true);
        }
        stages
    }

    /// The stage that begins with a layer.
    fn stage(&self, n: usize) -> Stage {
        let layer = &self.graph.layers[n];
        let output = layer.output();
        let input = data_inputs(self.graph, layer).next().unwrap_or(output);
        let mut stage = Stage::of(self.map_of[input.0], output);
        if let Some(function) = self.functions.iter().find(|f| f.layers[0] == n) {
            stage.input = self.map_of[function.input.0];
            stage.output = function.output;
            stage.function = Some(function.clone());
            return stage;
        }
        if is_window(self.graph, layer) {
            stage.window = Some(n);
            stage.window_function = self.function_of(output);
            let made = stage.window_function.as_ref();
            stage.output = made.map_or(output, |f| f.output);
            stage.dense = self.dense_reader(stage.output);
        } else {
            stage.dense = Some(n);
        }
        if let Some(dense) = stage.dense {
            let output = self.graph.layers[dense].output();
            stage.function = self.function_of(output);
            let made = stage.function.as_ref();
            stage.output = made.map_or(output, |f| f.output);
        }
        stage
    }

    /// The function that a map becomes before anybody reads it.
    fn function_of(&self, map: TensorId) -> Option<Function> {
        let here =
            |f: &&Function| f.input == map && f.alone && self.accelerated.contains(&f.layers[0]);
        self.functions.iter().find(here).cloned()
    }

    /// The one reader of a window layer's map that can follow it in its stage, seen through a renaming RESHAPE.
    fn dense_reader(&self, map: TensorId) -> Option<usize> {
        let graph = self.graph;
        let mut tensor = map;
        loop {
            let readers: Vec<usize> = graph.consumers(tensor).collect();
            let &[one] = &readers[..] else { return None };
            if graph.outputs.contains(&tensor) {
                return None;
            }
            let reader = &graph.layers[one];
            if reader.op == Op::Reshape && self.map_of[reader.output().0] == map {
                tensor = reader.output();
                continue;
            }
            return (self.accelerated.contains(&one) && takes_pixels(graph, reader, map))
                .then_some(one);
        }
    }
}

/// Puts an ADD behind the stage that writes its later operand, if nobody else reads that; else makes it a stage of its own.
fn add(graph: &Graph, n: usize, operands: [TensorId; 2], stages: &mut Vec<Stage>) {
    let output = graph.layers[n].output();
    let [first, second] = operands.map(|t| stages.iter().position(|s| s.output == t));
    let (own, other) = if first > second { (0, 1) } else { (1, 0) };
    let (at, before) = if own == 0 {
        (first, second)
    } else {
        (second, first)
    };
    let map = operands[own];
    let only =
        graph.consumers(map).eq([n]) && !graph.outputs.contains(&map) && operands[0] != operands[1];
    match at
        .filter(|at| only && before < Some(*at))
        .map(|at| &mut stages[at])
    {
        Some(stage) if stage.add.is_none() => {
            stage.add = Some(n);
            stage.residual = Some(operands[other]);
            stage.output = output;
        }
        _ => stages.push(Stage {
            add: Some(n),
            residual: Some(operands[other]),
            ..Stage::of(map, output)
        }),
    }
}
