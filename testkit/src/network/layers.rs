// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random layers, one behind the other.

use sepstream_spec::graph::{
    Conv2d, DType, DepthwiseConv2d, Elementwise, FullyConnected, Op, Pad, Pads, Pool2d, Reduce,
    TensorId, Window,
};

use super::suit::Engine;
use super::{Builder, LAYER_MACS, ONE};

impl Builder<'_> {
    /// Adds a layer, or a group of them that the accelerator may join, that reads `map`.
    pub(super) fn step(&mut self, map: TensorId) -> TensorId {
        if self.graph[map].shape.len() != 4 {
            return self.fully_connected(map);
        }
        let [_, rows, cols, channels] = self.graph[map].nhwc().unwrap();
        let small = rows * cols * channels <= 1500;
        let output = match self.rng.u32(0..25) {
            0..=4 => self.conv(map, None),
            5..=6 => self.pointwise(map),
            7..=12 => {
                // an inverted residual, now and then
                let map = match self.rng.u32(0..5) {
                    0..=1 => {
                        let expanded = self.pointwise(map);
                        self.perhaps_function(expanded)
                    }
                    _ => map,
                };
                let output = self.depthwise(map, 1);
                let output = self.perhaps_function(output);
                match self.rng.u32(0..10) {
                    0..=5 => self.pointwise(output),
                    _ => output,
                }
            }
            13..=14 if channels <= 24 => {
                let multiplier = self.rng.usize(2..=4);
                self.depthwise(map, multiplier)
            }
            15..=16 if self.suit.maxima && !self.one_in(4) => self.max_pool(map),
            15..=16 => self.average_pool(map),
            17 if self.suit.maxima && !self.one_in(4) => self.reduce_max(map),
            17 => self.mean(map),
            18..=19 if small => self.fully_connected(map),
            20..=21 if self.suit.adds => self.residual(map),
            22 => self.bordered(map),
            23..=24 => self.scaled_or_moved(map),
            _ => self.depthwise(map, 1),
        };
        let output = self.perhaps_function(output);
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
    pub(super) fn sum(&mut self, map: TensorId, other: TensorId) -> TensorId {
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
    fn pointwise(&mut self, map: TensorId) -> TensorId {
        let [_, rows, cols, channels] = self.graph[map].nhwc().unwrap();
        let most = (LAYER_MACS / (rows * cols * channels)).max(1);
        let outputs = self.channels().min(most);
        self.conv(map, Some(outputs))
    }
    /// A convolution; of one pixel if the number of outputs is given.
    pub(super) fn conv(&mut self, map: TensorId, pointwise: Option<usize>) -> TensorId {
        let [_, rows, cols, channels] = self.graph[map].nhwc().unwrap();
        let (window, size, outputs) = loop {
            if let Some(outputs) = pointwise {
                break (ONE, (rows, cols), outputs);
            }
            let (window, size) = self.window((rows, cols));
            let outputs = self.channels();
            let fan_in = window.kernel.0 * window.kernel.1 * channels;
            if size.0 * size.1 * fan_in * outputs <= LAYER_MACS || outputs == 1 {
                break (window, size, outputs);
            }
        };
        let groups = self.groups(channels, outputs);
        let shape = [outputs, window.kernel.0, window.kernel.1, channels / groups];
        let (map, window) = self.padded(map, window);
        let activation = self.activation();
        let op = Op::Conv2d(Conv2d { window, activation });
        self.weighted(
            Engine::Array,
            map,
            op,
            &shape,
            &[1, size.0, size.1, outputs],
        )
    }
    /// Now and then several groups of channels, each of which reads and writes as many.
    fn groups(&mut self, channels: usize, outputs: usize) -> usize {
        let divides = |n: &usize| channels.is_multiple_of(*n) && outputs.is_multiple_of(*n);
        let all: Vec<usize> = (1..channels).filter(divides).collect();
        match self.one_in(4) {
            true => self.rng.choice(&all).copied().unwrap_or(1),
            false => 1,
        }
    }
    fn depthwise(&mut self, map: TensorId, depth_multiplier: usize) -> TensorId {
        let [_, rows, cols, _] = self.graph[map].nhwc().unwrap();
        let (window, size) = self.window((rows, cols));
        let (map, window) = self.padded(map, window);
        self.depthwise_with(map, depth_multiplier, window, size)
    }
    pub(super) fn depthwise_with(
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
        // the window engine has an output for each channel that it reads
        let engine = match depth_multiplier {
            1 => Engine::Window,
            _ => Engine::Array,
        };
        self.weighted(engine, map, op, &shape, &[1, size.0, size.1, outputs])
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
        self.weighted(
            Engine::Array,
            input,
            op,
            &[outputs, elements],
            &[1, outputs],
        )
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
    pub(super) fn average(
        &mut self,
        map: TensorId,
        window: Window,
        size: (usize, usize),
    ) -> TensorId {
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
    /// The map, or what a layer makes of it where it is an input: what the host would make of that is then the accelerator's.
    fn inside(&mut self, map: TensorId) -> TensorId {
        match self.graph.inputs.contains(&map) {
            true => self.depthwise(map, 1),
            false => map,
        }
    }
    /// A PAD with any value, and a layer that reads it.
    fn bordered(&mut self, map: TensorId) -> TensorId {
        let map = self.inside(map);
        let mut side = || self.rng.usize(0..=3);
        let (before, after) = ([side(), side()], [side(), side()]);
        let quant = self.graph[map].quant.clone().unwrap();
        let value = match self.rng.bool() {
            true => quant.zero_point[0],
            false => self.rng.i32(-128..=127),
        };
        let [_, rows, cols, channels] = self.graph[map].nhwc().unwrap();
        let size = [rows + before[0] + after[0], cols + before[1] + after[1]];
        let output = self.tensor(&[1, size[0], size[1], channels], DType::I8, quant);
        let pad = Pad {
            before: vec![0, before[0], before[1], 0],
            after: vec![0, after[0], after[1], 0],
            value,
        };
        let output = self.layer(Op::Pad(pad), vec![Some(map)], output);
        self.depthwise(output, 1)
    }
    /// A MUL, ADD or SUB with a constant for each channel, where the depthwise engine has weights for it, and a layer that reads it.
    fn scaled_or_moved(&mut self, map: TensorId) -> TensorId {
        let map = self.inside(map);
        let channels = self.graph[map].channels();
        // a single constant is a function's
        if channels == 1 {
            return self.depthwise(map, 1);
        }
        let quant = self.map_quant();
        let values = (0..channels).map(|_| self.rng.u8(..)).collect();
        let constant = self.constant(&[channels], DType::I8, quant, values);
        let activation = self.activation();
        let pair = Elementwise { activation };
        let op = match self.rng.u32(0..3) {
            0 => Op::Add(pair),
            1 => Op::Sub(pair),
            _ => Op::Mul(pair),
        };
        let operands = match self.rng.bool() {
            true => [map, constant],
            false => [constant, map],
        };
        let output = self.joined(op, map, operands);
        let layer = &self.graph.layers[self.graph.layers.len() - 1];
        match sepstream_compiler::accelerate::is_channelwise(&self.graph, layer) {
            true => self.depthwise(output, 1),
            false => {
                self.graph.layers.pop();
                self.depthwise(map, 1)
            }
        }
    }
    fn max_pool(&mut self, map: TensorId) -> TensorId {
        let map = self.inside(map);
        let [_, rows, cols, channels] = self.graph[map].nhwc().unwrap();
        let (window, size) = loop {
            let (window, size) = self.window((rows, cols));
            if window.dilation == (1, 1) {
                break (window, size);
            }
        };
        let quant = self.graph[map].quant.clone().unwrap();
        let output = self.tensor(&[1, size.0, size.1, channels], DType::I8, quant);
        let activation = self.activation();
        let op = Op::MaxPool2d(Pool2d { window, activation });
        let output = self.layer(op, vec![Some(map)], output);
        match self.one_in(3) {
            true => self.pointwise(output),
            false => self.depthwise(output, 1),
        }
    }
    fn reduce_max(&mut self, map: TensorId) -> TensorId {
        let map = self.inside(map);
        let channels = self.graph[map].channels();
        let quant = self.graph[map].quant.clone().unwrap();
        let keep_dims = self.rng.bool();
        let kept: &[usize] = &[1, 1, 1, channels];
        let shape = if keep_dims { kept } else { &kept[2..] };
        let output = self.tensor(shape, DType::I8, quant);
        let axes = vec![1, 2];
        let op = Op::ReduceMax(Reduce { axes, keep_dims });
        let output = self.layer(op, vec![Some(map)], output);
        self.fully_connected(output)
    }
    pub(super) fn mean(&mut self, map: TensorId) -> TensorId {
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
}
