// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random small networks: a seed gives always the same one.

mod frames;
mod functions;
mod layers;
mod limits;
mod suit;
mod weights;
mod windows;

use fastrand::Rng;
use sepstream_spec::graph::{
    Activation, DType, Graph, Layer, Op, Pads, Quant, Tensor, TensorId, Window,
};
use sepstream_spec::quant::Semantics;

pub use frames::{driven_inputs, inputs};
pub use limits::Limit;
pub use suit::{Engine, Suit, Sums};
pub use weights::channel_axis;

/// Multiply-accumulates that one layer may have.
const LAYER_MACS: usize = 150_000;

/// A window of one pixel.
const ONE: Window = Window {
    kernel: (1, 1),
    stride: (1, 1),
    dilation: (1, 1),
    pads: Pads {
        top: 0,
        left: 0,
        bottom: 0,
        right: 0,
    },
};

/// A network of 1 to 4 layers (a fused pair counts as one) that keeps every rule of the accelerator.
pub fn network(rng: &mut Rng) -> Graph {
    network_for(&Suit::ANY, rng)
}

/// The same, drawn for an accelerator.
pub fn network_for(suit: &Suit, rng: &mut Rng) -> Graph {
    loop {
        let graph = any_network(suit, rng);
        // an ADD of nothing but inputs is the host's
        if graph.layers.iter().any(|l| !matches!(l.op, Op::Add(_))) {
            return graph;
        }
    }
}

/// A window over a whole map of up to 255 pixels, and now and then a layer in front of it and some behind.
pub fn pooled(suit: &Suit, rng: &mut Rng) -> Graph {
    let mut builder = Builder::new(suit, rng);
    let (rows, channels) = (builder.size(25), 4 * builder.rng.usize(1..=18));
    let cols = builder.rng.usize(1..=(255 / rows).min(12));
    let mut map = builder.input_of(&[1, rows, cols, channels]);
    if rows * cols * channels * channels <= LAYER_MACS && builder.rng.bool() {
        let outputs = channels - builder.rng.usize(0..=1);
        map = builder.conv(map, Some(outputs));
    }
    let window = Window {
        kernel: (rows, cols),
        ..ONE
    };
    let whole = map;
    map = match builder.rng.u32(0..3) {
        0 => builder.mean(whole),
        1 => builder.average(whole, window, (1, 1)),
        _ => builder.depthwise_with(whole, 1, window, (1, 1)),
    };
    if builder.graph[map].shape.len() == 4 {
        if suit.adds && builder.one_in(4) {
            let other = builder.depthwise_with(whole, 1, window, (1, 1));
            map = builder.sum(map, other);
        }
        builder.maps.push(map);
    }
    for _ in 0..builder.rng.u32(0..=2) {
        map = builder.step(map);
    }
    builder.finish()
}

fn any_network(suit: &Suit, rng: &mut Rng) -> Graph {
    let mut builder = Builder::new(suit, rng);
    let mut map = builder.input();
    for _ in 0..builder.rng.usize(1..=4) {
        map = builder.step(map);
        // now and then a branch off an earlier map, or a second input
        match builder.rng.u32(0..20) {
            0..=1 => map = builder.any_map(),
            2 => map = builder.input(),
            _ => {}
        }
    }
    builder.finish()
}

struct Builder<'r> {
    graph: Graph,
    /// Maps that any layer may read.
    maps: Vec<TensorId>,
    /// What only the chain that it is in reads.
    inner: Vec<TensorId>,
    suit: &'r Suit,
    rng: &'r mut Rng,
}

impl<'r> Builder<'r> {
    fn new(suit: &'r Suit, rng: &'r mut Rng) -> Self {
        // what rounds once is rare where lanes cannot
        let tflm = rng.u32(0..4) < if suit.once { 1 } else { 3 };
        let graph = Graph {
            name: "random".into(),
            semantics: Semantics::ALL[usize::from(tflm)],
            ..Graph::default()
        };
        Builder {
            graph,
            maps: Vec::new(),
            inner: Vec::new(),
            suit,
            rng,
        }
    }
    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n) == 0
    }
    /// More often small than large.
    fn size(&mut self, most: usize) -> usize {
        let most = if self.one_in(2) { most.min(8) } else { most };
        self.rng.usize(1..=most)
    }
    fn channels(&mut self) -> usize {
        if self.suit.pairs > 0 && self.one_in(2) {
            return self.suit.pairs;
        }
        let most = match self.rng.u32(0..16) {
            0 => 300,
            1..=7 => 70,
            _ => 16,
        };
        self.rng.usize(1..=most)
    }
    fn activation(&mut self) -> Activation {
        use Activation::{None, Relu, Relu6, ReluN1To1};
        *self.rng.choice(&[None, Relu, Relu6, ReluN1To1]).unwrap()
    }
    fn map_quant(&mut self) -> Quant {
        let zero_point = match self.rng.u32(0..10) {
            0..=2 => -128,
            3 => 127,
            4 => 0,
            _ => self.rng.i32(-128..=127),
        };
        let scale = 2f32.powf(self.rng.f32() * 6.0 - 6.0);
        Quant {
            scale: vec![scale],
            zero_point: vec![zero_point],
            axis: 0,
        }
    }
    fn tensor(&mut self, shape: &[usize], dtype: DType, quant: Quant) -> TensorId {
        let id = TensorId(self.graph.tensors.len());
        self.graph.tensors.push(Tensor {
            name: format!("t{}", id.0),
            shape: shape.to_vec(),
            dtype,
            quant: Some(quant),
            data: None,
        });
        id
    }
    fn constant(&mut self, shape: &[usize], dtype: DType, quant: Quant, data: Vec<u8>) -> TensorId {
        let id = self.tensor(shape, dtype, quant);
        self.graph.tensors[id.0].data = Some(data);
        id
    }
    fn input(&mut self) -> TensorId {
        let (rows, cols) = match self.rng.u32(0..16) {
            0 => (self.rng.usize(20..=200), self.rng.usize(1..=3)),
            1 => (self.rng.usize(1..=3), self.rng.usize(20..=200)),
            _ => (self.size(20), self.size(20)),
        };
        // often few channels, as images have
        let channels = match self.one_in(3) {
            true => self.rng.usize(1..=4),
            false => self.channels(),
        };
        // pixels that are to share lanes come by twos
        let cols = match channels == self.suit.pairs {
            true => cols.next_multiple_of(2),
            false => cols,
        };
        self.input_of(&[1, rows, cols, channels])
    }
    fn input_of(&mut self, shape: &[usize]) -> TensorId {
        let quant = self.map_quant();
        let id = self.tensor(shape, DType::I8, quant);
        self.graph.inputs.push(id);
        self.maps.push(id);
        id
    }
    fn any_map(&mut self) -> TensorId {
        *self.rng.choice(&self.maps).unwrap()
    }
    fn layer(&mut self, op: Op, inputs: Vec<Option<TensorId>>, output: TensorId) -> TensorId {
        let index = self.graph.layers.len();
        self.graph.layers.push(Layer {
            index,
            op,
            inputs,
            outputs: vec![output],
        });
        output
    }
    /// What nothing reads comes out, and now and then something else as well; not what a RESHAPE or PAD gives, which would
    /// then be the host's work.
    fn finish(mut self) -> Graph {
        let computed =
            (self.graph.layers.iter()).filter(|l| !matches!(l.op, Op::Reshape | Op::Pad(_)));
        let computed: Vec<TensorId> = (computed.map(Layer::output))
            .filter(|id| !self.inner.contains(id))
            .collect();
        for id in computed {
            if self.graph.consumers(id).next().is_none() || self.one_in(12) {
                self.graph.outputs.push(id);
            }
        }
        // an input that nothing reads
        let graph = &self.graph;
        let read = |id: &TensorId| graph.consumers(*id).next().is_some();
        let inputs = graph.inputs.iter().copied().filter(read).collect();
        self.graph.inputs = inputs;
        self.graph
    }
}
