// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random small networks: a seed gives always the same one.

use fastrand::Rng;
use sepstream_sim::reference::Value;
use sepstream_spec::graph::{
    Activation, Conv2d, DType, DepthwiseConv2d, Elementwise, FullyConnected, Graph, Layer, Op, Pad,
    Pads, Pool2d, Quant, Reduce, Tensor, TensorId, Window,
};

/// Multiply-accumulates that one layer may have.
const LAYER_MACS: usize = 150_000;

/// A network of 1 to 4 layers (a fused pair counts as one) that keeps every rule of the accelerator.
pub fn network(rng: &mut Rng) -> Graph {
    loop {
        let graph = any_network(rng);
        // an ADD of nothing but inputs is the host's
        if graph.layers.iter().any(|l| !matches!(l.op, Op::Add(_))) {
            return graph;
        }
    }
}

/// A window over a whole map of up to 255 pixels, and now and then a layer in front of it and some behind.
pub fn pooled(rng: &mut Rng) -> Graph {
    let mut builder = Builder::new(rng);
    let (rows, channels) = (builder.size(25), 4 * builder.rng.usize(1..=18));
    let cols = builder.rng.usize(1..=(255 / rows).min(12));
    let mut map = builder.input_of(&[1, rows, cols, channels]);
    if rows * cols * channels * channels <= LAYER_MACS && builder.rng.bool() {
        let outputs = channels - builder.rng.usize(0..=1);
        map = builder.conv(map, Some(outputs));
    }
    let window = Window {
        kernel: (rows, cols),
        stride: (1, 1),
        dilation: (1, 1),
        pads: Pads::default(),
    };
    let whole = map;
    map = match builder.rng.u32(0..3) {
        0 => builder.mean(whole),
        1 => builder.average(whole, window, (1, 1)),
        _ => builder.depthwise_with(whole, 1, window, (1, 1)),
    };
    if builder.graph[map].shape.len() == 4 {
        if builder.one_in(4) {
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

fn any_network(rng: &mut Rng) -> Graph {
    let mut builder = Builder::new(rng);
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

/// Random bytes for every input.
pub fn inputs(graph: &Graph, rng: &mut Rng) -> Vec<Value> {
    let value = |id: &TensorId| {
        let tensor = &graph[*id];
        let extreme = rng.u32(0..8) == 0;
        let mut byte = || match extreme {
            true => *rng.choice(&[0x80, 0x7f]).unwrap(),
            false => rng.u8(..),
        };
        let bytes = (0..tensor.elements()).map(|_| byte()).collect();
        Value::new(tensor.dtype, tensor.shape.clone(), bytes).unwrap()
    };
    graph.inputs.iter().map(value).collect()
}

struct Builder<'r> {
    graph: Graph,
    /// Maps that any layer may read.
    maps: Vec<TensorId>,
    rng: &'r mut Rng,
}

impl<'r> Builder<'r> {
    fn new(rng: &'r mut Rng) -> Self {
        let graph = Graph {
            name: "random".into(),
            ..Graph::default()
        };
        Builder {
            graph,
            maps: Vec::new(),
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
        let most = if self.one_in(2) { 16 } else { 70 };
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
        let (rows, cols) = (self.size(20), self.size(20));
        // often few channels, as images have
        let channels = match self.one_in(3) {
            true => self.rng.usize(1..=4),
            false => self.channels(),
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
    /// Adds a layer, or a group of them that the accelerator may join, that reads `map`.
    fn step(&mut self, map: TensorId) -> TensorId {
        if self.graph[map].shape.len() != 4 {
            return self.fully_connected(map);
        }
        let [_, rows, cols, channels] = self.graph[map].nhwc().unwrap();
        let small = rows * cols * channels <= 1500;
        let output = match self.rng.u32(0..22) {
            0..=4 => self.conv(map, None),
            5..=6 => self.pointwise(map),
            7..=12 => {
                // an inverted residual, now and then
                let map = match self.rng.u32(0..5) {
                    0..=1 => self.pointwise(map),
                    _ => map,
                };
                let output = self.depthwise(map, 1);
                match self.rng.u32(0..10) {
                    0..=5 => self.pointwise(output),
                    _ => output,
                }
            }
            13..=14 if channels <= 24 => {
                let multiplier = self.rng.usize(2..=4);
                self.depthwise(map, multiplier)
            }
            15..=16 => self.average_pool(map),
            17 => self.mean(map),
            18..=19 if small => self.fully_connected(map),
            20..=21 => self.residual(map),
            _ => self.depthwise(map, 1),
        };
        if self.graph[output].shape.len() == 4 {
            self.maps.push(output);
        }
        output
    }
    /// An ADD of a map and what one or two layers make of it, or of any two maps of one shape.
    fn residual(&mut self, map: TensorId) -> TensorId {
        let shape = self.graph[map].shape.clone();
        let same = |t: &&TensorId| self.graph[**t].shape == shape;
        let others: Vec<TensorId> = self.maps.iter().filter(same).copied().collect();
        let [_, rows, cols, channels] = self.graph[map].nhwc().unwrap();
        let cheap = rows * cols * channels * channels <= LAYER_MACS;
        let other = match self.rng.u32(0..4) {
            0 => *self.rng.choice(&others).unwrap(),
            1 if cheap => self.conv(map, Some(channels)),
            _ => {
                let window = self.same_window((rows, cols));
                let expanded = match cheap && self.rng.bool() {
                    true => {
                        let times = self.rng.usize(1..=3);
                        self.conv(map, Some(channels * times))
                    }
                    false => map,
                };
                let output = self.depthwise_with(expanded, 1, window, (rows, cols));
                match expanded != map || cheap && self.rng.bool() {
                    true => self.conv(output, Some(channels)),
                    false => output,
                }
            }
        };
        self.sum(map, other)
    }
    fn sum(&mut self, map: TensorId, other: TensorId) -> TensorId {
        let quant = self.map_quant();
        let shape = self.graph[map].shape.clone();
        let output = self.tensor(&shape, DType::I8, quant);
        let activation = self.activation();
        let operands = match self.rng.bool() {
            true => vec![Some(map), Some(other)],
            false => vec![Some(other), Some(map)],
        };
        self.layer(Op::Add(Elementwise { activation }), operands, output)
    }
    /// A window of odd size and stride 1 that keeps the size of a map.
    fn same_window(&mut self, size: (usize, usize)) -> Window {
        let kernel = (2 * self.rng.usize(0..=2) + 1, 2 * self.rng.usize(0..=2) + 1);
        let reach =
            |kernel: usize, size: usize| (kernel / 2, (kernel / 2).min(size - 1 + kernel / 2));
        let ((top, bottom), (left, right)) = (reach(kernel.0, size.0), reach(kernel.1, size.1));
        Window {
            kernel,
            stride: (1, 1),
            dilation: (1, 1),
            pads: Pads {
                top,
                left,
                bottom,
                right,
            },
        }
    }
    /// A window over a map, and the rows and columns that it gives.
    fn window(&mut self, size: (usize, usize)) -> (Window, (usize, usize)) {
        loop {
            let kernel = match self.rng.u32(0..10) {
                0..=3 => (3, 3),
                4 => (1, 1),
                _ => (self.rng.usize(1..=7), self.rng.usize(1..=7)),
            };
            let pair = |rng: &mut Rng, plain: u32, most: usize| match rng.u32(0..10) < plain {
                true => (1, 1),
                false => (rng.usize(1..=most), rng.usize(1..=most)),
            };
            let (stride, dilation) = (pair(self.rng, 5, 4), pair(self.rng, 8, 3));
            let (mode, rng) = (self.rng.u32(0..4), &mut *self.rng);
            let mut axis = |size: usize, kernel: usize, stride: usize, dilation: usize| {
                let extent = (kernel - 1) * dilation + 1;
                let (before, after) = match mode {
                    0 | 1 => {
                        let total =
                            ((size.div_ceil(stride) - 1) * stride + extent).saturating_sub(size);
                        (total / 2, total - total / 2)
                    }
                    2 => (0, 0),
                    _ => (rng.usize(0..extent), rng.usize(0..extent)),
                };
                let count = (size + before + after).checked_sub(extent)? / stride + 1;
                // the padding that a window reaches
                let after = ((count - 1) * stride + extent).saturating_sub(size + before);
                Some((count, before, after))
            };
            let rows = axis(size.0, kernel.0, stride.0, dilation.0);
            let cols = axis(size.1, kernel.1, stride.1, dilation.1);
            if let (Some((rows, top, bottom)), Some((cols, left, right))) = (rows, cols) {
                let pads = Pads {
                    top,
                    left,
                    bottom,
                    right,
                };
                let window = Window {
                    kernel,
                    stride,
                    dilation,
                    pads,
                };
                return (window, (rows, cols));
            }
        }
    }
    fn pointwise(&mut self, map: TensorId) -> TensorId {
        let [_, rows, cols, channels] = self.graph[map].nhwc().unwrap();
        let most = (LAYER_MACS / (rows * cols * channels)).max(1);
        let outputs = self.channels().min(most);
        self.conv(map, Some(outputs))
    }
    /// A convolution; of one pixel if the number of outputs is given.
    fn conv(&mut self, map: TensorId, pointwise: Option<usize>) -> TensorId {
        let [_, rows, cols, channels] = self.graph[map].nhwc().unwrap();
        let one = Window {
            kernel: (1, 1),
            stride: (1, 1),
            dilation: (1, 1),
            pads: Pads::default(),
        };
        let (window, size, outputs) = loop {
            if let Some(outputs) = pointwise {
                break (one, (rows, cols), outputs);
            }
            let (window, size) = self.window((rows, cols));
            let outputs = self.channels();
            let fan_in = window.kernel.0 * window.kernel.1 * channels;
            if size.0 * size.1 * fan_in * outputs <= LAYER_MACS || outputs == 1 {
                break (window, size, outputs);
            }
        };
        let shape = [outputs, window.kernel.0, window.kernel.1, channels];
        let (map, window) = self.padded(map, window);
        let activation = self.activation();
        let op = Op::Conv2d(Conv2d { window, activation });
        self.weighted(map, op, &shape, 0, &[1, size.0, size.1, outputs])
    }
    fn depthwise(&mut self, map: TensorId, depth_multiplier: usize) -> TensorId {
        let [_, rows, cols, _] = self.graph[map].nhwc().unwrap();
        let (window, size) = self.window((rows, cols));
        let (map, window) = self.padded(map, window);
        self.depthwise_with(map, depth_multiplier, window, size)
    }
    fn depthwise_with(
        &mut self,
        map: TensorId,
        depth_multiplier: usize,
        window: Window,
        size: (usize, usize),
    ) -> TensorId {
        let outputs = self.graph[map].channels() * depth_multiplier;
        let op = Op::DepthwiseConv2d(DepthwiseConv2d {
            window,
            depth_multiplier,
            activation: self.activation(),
        });
        let shape = [1, window.kernel.0, window.kernel.1, outputs];
        self.weighted(map, op, &shape, 3, &[1, size.0, size.1, outputs])
    }
    /// Now and then takes a part of the padding out of a window, into a PAD.
    fn padded(&mut self, map: TensorId, mut window: Window) -> (TensorId, Window) {
        if window.pads == Pads::default() || !self.one_in(5) {
            return (map, window);
        }
        let pads = &mut window.pads;
        let mut take = |from: &mut usize| {
            let part = self.rng.usize(0..=*from);
            *from -= part;
            part
        };
        let before = vec![0, take(&mut pads.top), take(&mut pads.left), 0];
        let after = vec![0, take(&mut pads.bottom), take(&mut pads.right), 0];
        let quant = self.graph[map].quant.clone().unwrap();
        let value = quant.zero_point[0];
        let shape: Vec<usize> = (self.graph[map].shape.iter().enumerate())
            .map(|(axis, size)| size + before[axis] + after[axis])
            .collect();
        let output = self.tensor(&shape, DType::I8, quant);
        let pad = Pad {
            before,
            after,
            value,
        };
        (self.layer(Op::Pad(pad), vec![Some(map)], output), window)
    }
    fn fully_connected(&mut self, map: TensorId) -> TensorId {
        let elements = self.graph[map].elements();
        let mut input = map;
        if self.graph[map].shape.len() == 4 && !self.one_in(3) {
            let quant = self.graph[map].quant.clone().unwrap();
            let flat = self.tensor(&[1, elements], DType::I8, quant);
            input = self.layer(Op::Reshape, vec![Some(map)], flat);
        }
        let outputs = self.channels();
        let activation = self.activation();
        let op = Op::FullyConnected(FullyConnected { activation });
        self.weighted(input, op, &[outputs, elements], 0, &[1, outputs])
    }
    fn average_pool(&mut self, map: TensorId) -> TensorId {
        let [_, rows, cols, _] = self.graph[map].nhwc().unwrap();
        let (window, size) = loop {
            let (window, size) = self.window((rows, cols));
            if window.pads == Pads::default() && window.dilation == (1, 1) {
                break (window, size);
            }
        };
        self.average(map, window, size)
    }
    fn average(&mut self, map: TensorId, window: Window, size: (usize, usize)) -> TensorId {
        let channels = self.graph[map].channels();
        let quant = self.graph[map].quant.clone().unwrap();
        let output = self.tensor(&[1, size.0, size.1, channels], DType::I8, quant);
        let activation = self.activation();
        self.layer(
            Op::AveragePool2d(Pool2d { window, activation }),
            vec![Some(map)],
            output,
        )
    }
    fn mean(&mut self, map: TensorId) -> TensorId {
        let channels = self.graph[map].channels();
        let keep_dims = self.rng.bool();
        let mut quant = self.graph[map].quant.clone().unwrap();
        if self.rng.bool() {
            quant = self.map_quant();
        }
        let shape: &[usize] = if keep_dims {
            &[1, 1, 1, channels]
        } else {
            &[1, channels]
        };
        let output = self.tensor(shape, DType::I8, quant);
        let mean = Reduce {
            axes: vec![1, 2],
            keep_dims,
        };
        self.layer(Op::Mean(mean), vec![Some(map)], output)
    }
    /// A layer with weights and bias, whose output channels lie on `axis` of the weights.
    fn weighted(
        &mut self,
        input: TensorId,
        op: Op,
        shape: &[usize],
        axis: usize,
        output: &[usize],
    ) -> TensorId {
        let channels = shape[axis];
        let fan_in = shape.iter().product::<usize>() / channels;
        let quant = self.map_quant();
        let scale_of = |t: &Quant| t.scale[0];
        let ends = (
            scale_of(self.graph[input].quant.as_ref().unwrap()),
            scale_of(&quant),
        );
        let output = self.tensor(output, DType::I8, quant);

        // typical size of a sum, and multipliers that spread it over the range of a byte
        let small = self.one_in(6);
        let largest = if small { 1 } else { 128 };
        let typical = (fan_in as f32).sqrt() * 90.0 * largest as f32 * 0.6;
        let scales = if self.one_in(4) { 1 } else { channels };
        let extreme = self.one_in(8);
        let scale: Vec<f32> = (0..scales)
            .map(|_| {
                let multiplier = match extreme {
                    true => 2f32.powf(self.rng.f32() * 40.0 - 30.0),
                    false => (0.3 + 3.0 * self.rng.f32()) * 60.0 / typical,
                };
                multiplier * ends.1 / ends.0
            })
            .collect();
        let weight = |rng: &mut Rng| rng.i32(-largest..=largest).min(127) as i8 as u8;
        let weights = (0..shape.iter().product::<usize>())
            .map(|_| weight(self.rng))
            .collect();
        let zero_point = vec![0; scales];
        let quant = Quant {
            scale,
            zero_point,
            axis: if scales == 1 { 0 } else { axis },
        };
        let weights = self.constant(shape, DType::I8, quant, weights);
        let kind = self.rng.u32(0..8);
        let bias = (kind != 0).then(|| {
            let one = |_| match kind {
                1 => self.rng.i32(..),
                2 => *self.rng.choice(&[0, i32::MIN, i32::MAX]).unwrap(),
                _ => (typical * (2.0 * self.rng.f32() - 1.0)) as i32,
            };
            let values: Vec<i32> = (0..channels).map(one).collect();
            let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let quant = Quant {
                scale: vec![1.0],
                zero_point: vec![0],
                axis: 0,
            };
            self.constant(&[channels], DType::I32, quant, data)
        });
        self.layer(op, vec![Some(input), Some(weights), bias], output)
    }
    /// What nothing reads comes out, and now and then something else as well; not what a RESHAPE or PAD gives, which would
    /// then be the host's work.
    fn finish(mut self) -> Graph {
        let computed =
            (self.graph.layers.iter()).filter(|l| !matches!(l.op, Op::Reshape | Op::Pad(_)));
        let computed: Vec<TensorId> = computed.map(Layer::output).collect();
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
