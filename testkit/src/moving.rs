// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random graphs of the layers that converters put around others: they move elements, or take them as they are.

use fastrand::Rng;
use sepstream_spec::graph::{
    Activation, Concatenation, Conv2d, DType, Elementwise, FullyConnected, Graph, Layer, Op, Pad,
    Pads, Quant, Reduce, SpaceBatch, Tensor, TensorId, Transpose, Window,
};

/// Elements of a map at most.
const MOST: usize = 2000;

struct Builder<'r> {
    graph: Graph,
    rng: &'r mut Rng,
}

/// A network of up to 14 layers, of maps of four dimensions.
pub fn network(rng: &mut Rng) -> Graph {
    let shape: Vec<usize> = [1, rng.usize(1..7), rng.usize(1..7), rng.usize(1..5)].into();
    let mut builder = Builder {
        graph: Graph::default(),
        rng,
    };
    let mut map = builder.tensor(&shape, None);
    builder.graph.inputs.push(map);
    let mut seen = vec![map];
    for _ in 0..builder.rng.usize(2..12) {
        map = builder.any(map, &seen);
        seen.push(map);
    }
    if builder.rng.bool() {
        map = builder.dense(map);
    }
    builder.graph.outputs.push(map);
    // A map in the middle may be an output as well.
    if builder.rng.u8(..4) == 0 {
        let other = *builder.rng.choice(&seen[1..]).unwrap();
        builder.graph.outputs.push(other);
    }
    builder.graph
}

/// What converters write for one network or another, whole: a name, and the graph.
pub fn converted(rng: &mut Rng) -> [(&'static str, Graph); 3] {
    let start = |rng: &mut Rng, shape: &[usize], write: fn(&mut Builder, TensorId) -> TensorId| {
        let mut builder = Builder {
            graph: Graph::default(),
            rng,
        };
        let input = builder.tensor(shape, None);
        builder.graph.inputs.push(input);
        let output = write(&mut builder, input);
        builder.graph.outputs.push(output);
        builder.graph
    };
    let (rows, cols) = (rng.usize(3..9), rng.usize(3..9));
    [
        (
            "one-dimensional convolutions",
            start(rng, &[1, 1, cols, 3], |b, map| {
                let map = b.conv(map, [1, 3], 5);
                let (map, between) = (b.reshaped(map, 1), b.graph.tensors.len());
                let map = b.reshaped(map, 4);
                assert_eq!(between + 1, b.graph.tensors.len());
                let map = b.conv(map, [1, 1], 6);
                b.dense(map)
            }),
        ),
        (
            "channels first, with padding",
            start(rng, &[1, rows, cols, 3], |b, map| {
                let map = b.conv(map, [1, 1], 6);
                let map = b.turned(map, &[0, 3, 1, 2]);
                let map = b.padded(map, [0, 0, 1, 1], [0, 0, 1, 1]);
                let map = b.turned(map, &[0, 2, 3, 1]);
                let map = b.conv(map, [3, 3], 4);
                let map = b.turned(map, &[0, 3, 1, 2]);
                b.dense(map)
            }),
        ),
        (
            "dilation",
            start(rng, &[1, rows, cols, 3], |b, map| {
                let map = b.conv(map, [1, 1], 6);
                let map = b.dilated_same(map);
                b.conv(map, [1, 1], 4)
            }),
        ),
    ]
}

impl Builder<'_> {
    fn tensor(&mut self, shape: &[usize], data: Option<Vec<u8>>) -> TensorId {
        let id = TensorId(self.graph.tensors.len());
        self.graph.tensors.push(Tensor {
            name: format!("t{}", id.0),
            shape: shape.to_vec(),
            dtype: DType::I8,
            quant: Some(Quant {
                scale: vec![0.05],
                zero_point: vec![if data.is_some() { 0 } else { 3 }],
                axis: 0,
            }),
            data,
        });
        id
    }
    fn constant(&mut self, shape: &[usize]) -> TensorId {
        let count = shape.iter().product();
        let data = std::iter::repeat_with(|| self.rng.u8(..))
            .take(count)
            .collect();
        self.tensor(shape, Some(data))
    }
    fn shape(&self, id: TensorId) -> Vec<usize> {
        self.graph[id].shape.clone()
    }
    fn layer(&mut self, op: Op, inputs: &[TensorId], shape: &[usize]) -> TensorId {
        let output = self.tensor(shape, None);
        self.graph.layers.push(Layer {
            index: self.graph.layers.len(),
            op,
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: vec![output],
        });
        output
    }

    fn any(&mut self, map: TensorId, seen: &[TensorId]) -> TensorId {
        let activation = Activation::None;
        let shape = self.shape(map);
        match self.rng.u8(..12) {
            0..=3 => self.transpose(map),
            4 => self.layer(Op::Relu, &[map], &shape),
            5 => self.pad(map),
            6 => self.mean(map),
            7 => self.reshape(map),
            8 => {
                let alike = |id: &&TensorId| self.graph[**id].shape == shape;
                let others: Vec<TensorId> = seen.iter().filter(alike).copied().collect();
                let other = *self.rng.choice(&others).unwrap();
                self.layer(Op::Add(Elementwise { activation }), &[map, other], &shape)
            }
            9 => {
                let axis = self.rng.usize(..4);
                let channels: Vec<usize> = (0..4)
                    .map(|n| if n == axis { shape[n] } else { 1 })
                    .collect();
                let shown = self.rng.usize(..=axis);
                let other = self.constant(&channels[shown..]);
                self.layer(Op::Mul(Elementwise { activation }), &[map, other], &shape)
            }
            10 if shape.iter().product::<usize>() < MOST => {
                let axis = self.rng.usize(..4);
                let mut joined = shape.clone();
                joined[axis] *= 2;
                self.layer(
                    Op::Concatenation(Concatenation { axis }),
                    &[map, map],
                    &joined,
                )
            }
            _ => self.dilated(map),
        }
    }
    /// Mostly to channels first or back.
    fn transpose(&mut self, map: TensorId) -> TensorId {
        let mut permutation = vec![0, 3, 1, 2];
        match self.rng.u8(..4) {
            0 => self.rng.shuffle(&mut permutation),
            1 | 2 => permutation = vec![0, 2, 3, 1],
            _ => {}
        }
        self.turned(map, &permutation)
    }
    fn turned(&mut self, map: TensorId, permutation: &[usize]) -> TensorId {
        let from = self.shape(map);
        let shape: Vec<usize> = permutation.iter().map(|&axis| from[axis]).collect();
        let permutation = permutation.to_vec();
        self.layer(Op::Transpose(Transpose { permutation }), &[map], &shape)
    }
    /// With dimensions of one element in front, or without them.
    fn reshaped(&mut self, map: TensorId, rank: usize) -> TensorId {
        let shape = self.shape(map);
        let first = shape.iter().position(|&d| d > 1).unwrap_or(0);
        let kept = &shape[first..];
        let mut wanted = vec![1; rank.saturating_sub(kept.len())];
        wanted.extend(kept);
        self.layer(Op::Reshape, &[map], &wanted)
    }
    /// A convolution without padding.
    fn conv(&mut self, map: TensorId, kernel: [usize; 2], outputs: usize) -> TensorId {
        let shape = self.shape(map);
        let weights = self.weights(&[outputs, kernel[0], kernel[1], shape[3]]);
        let window = Window {
            kernel: (kernel[0], kernel[1]),
            stride: (1, 1),
            dilation: (1, 1),
            pads: Pads::default(),
        };
        let conv = Op::Conv2d(Conv2d {
            window,
            activation: Activation::None,
        });
        let size = |n: usize| shape[n] + 1 - kernel[n - 1];
        self.layer(
            conv,
            &[map, weights],
            &[shape[0], size(1), size(2), outputs],
        )
    }
    fn pad(&mut self, map: TensorId) -> TensorId {
        let shape = self.shape(map);
        if shape.iter().product::<usize>() > MOST {
            return map;
        }
        let mut size = || [0, 1, 2, 3].map(|n| if n == 0 { 0 } else { self.rng.usize(..3) });
        let (before, after) = (size(), size());
        self.padded(map, before, after)
    }
    fn padded(&mut self, map: TensorId, before: [usize; 4], after: [usize; 4]) -> TensorId {
        let shape = self.shape(map);
        let padded: Vec<usize> = (0..4).map(|n| before[n] + shape[n] + after[n]).collect();
        let pad = Pad {
            before: before.into(),
            after: after.into(),
            value: 3,
        };
        self.layer(Op::Pad(pad), &[map], &padded)
    }
    fn mean(&mut self, map: TensorId) -> TensorId {
        let mut shape = self.shape(map);
        let axis = self.rng.usize(1..4);
        shape[axis] = 1;
        let reduce = Reduce {
            axes: vec![axis],
            keep_dims: true,
        };
        self.layer(Op::Mean(reduce), &[map], &shape)
    }
    /// Away from four dimensions and back to the same, or to others.
    fn reshape(&mut self, map: TensorId) -> TensorId {
        let shape = self.shape(map);
        let flat = [shape[0], shape[1..].iter().product()];
        let between = self.layer(Op::Reshape, &[map], &flat);
        let mut back = shape.clone();
        if self.rng.bool() {
            back.swap(1, 3);
        }
        self.layer(Op::Reshape, &[between], &back)
    }
    fn weights(&mut self, shape: &[usize]) -> TensorId {
        let weights = self.constant(shape);
        if let Some(quant) = &mut self.graph.tensors[weights.0].quant {
            quant.scale = vec![0.01];
        }
        weights
    }
    /// A convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND.
    fn dilated(&mut self, map: TensorId) -> TensorId {
        let size = self.shape(map);
        if size[0] != 1 {
            return map;
        }
        let mut pair = |most: usize| [self.rng.usize(..most), self.rng.usize(..most)];
        let (block, kernel, before) = (pair(3), pair(2), pair(3));
        let (block, kernel) = (block.map(|n| n + 1), kernel.map(|n| n + 1));
        let least = [0, 1].map(|n| (size[n + 1] + before[n]).max(kernel[n] * block[n]));
        let all = self.made(least, block, kernel);
        let crop = [0, 1].map(|n| self.rng.usize(..all[n].min(3)));
        let kept = [0, 1].map(|n| self.rng.usize(1..=all[n] - crop[n]));
        self.spread(map, [block, kernel, before], least, crop, kept)
    }
    /// As Keras writes it, with padding SAME.
    fn dilated_same(&mut self, map: TensorId) -> TensorId {
        let shape = self.shape(map);
        let mut pair = |most: usize| [self.rng.usize(1..most), self.rng.usize(1..most)];
        let (block, kernel) = (pair(4), pair(4));
        let reach = [0, 1].map(|n| (kernel[n] - 1) * block[n]);
        let size = [shape[1], shape[2]];
        let least = [0, 1].map(|n| size[n] + reach[n]);
        self.spread(
            map,
            [block, kernel, reach.map(|n| n / 2)],
            least,
            [0, 0],
            size,
        )
    }
    /// Rows and columns behind the convolution, when at least so many are padded.
    fn made(&self, least: [usize; 2], block: [usize; 2], kernel: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|n| least[n].next_multiple_of(block[n]) - (kernel[n] - 1) * block[n])
    }
    fn spread(
        &mut self,
        map: TensorId,
        [block, kernel, before]: [[usize; 2]; 3],
        least: [usize; 2],
        crop: [usize; 2],
        kept: [usize; 2],
    ) -> TensorId {
        let shape = self.shape(map);
        let padded = [0, 1].map(|n| least[n].next_multiple_of(block[n]));
        let after = [0, 1].map(|n| padded[n] - shape[n + 1] - before[n]);
        let batch = block[0] * block[1];
        let op = |before: [usize; 2], after: [usize; 2]| SpaceBatch {
            block: block.to_vec(),
            before: before.to_vec(),
            after: after.to_vec(),
        };
        let small = [batch, padded[0] / block[0], padded[1] / block[1], shape[3]];
        let small = self.layer(Op::SpaceToBatchNd(op(before, after)), &[map], &small);
        let outputs = self.rng.usize(1..5);
        let computed = self.conv(small, kernel, outputs);
        let all = self.made(least, block, kernel);
        let rest = [0, 1].map(|n| all[n] - crop[n] - kept[n]);
        let joined = [1, kept[0], kept[1], outputs];
        self.layer(Op::BatchToSpaceNd(op(crop, rest)), &[computed], &joined)
    }
    fn dense(&mut self, map: TensorId) -> TensorId {
        let depth = self.graph[map].elements();
        let flat = self.layer(Op::Reshape, &[map], &[1, depth]);
        let weights = self.weights(&[5, depth]);
        let activation = Activation::None;
        let op = Op::FullyConnected(FullyConnected { activation });
        self.layer(op, &[flat, weights], &[1, 5])
    }
}
