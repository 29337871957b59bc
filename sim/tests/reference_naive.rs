// SPDX-License-Identifier: MIT OR Apache-2.0
//! Convolutions and pools of random shape against loops over every index, as TensorFlow Lite writes them.

use proptest::prelude::*;
use sepstream_sim::reference::{Runner, Value};
use sepstream_spec::graph::{
    Activation, Conv2d, DType, DepthwiseConv2d, Graph, Layer, Op, Pads, Pool2d, Quant, Tensor,
    TensorId, Window,
};
use sepstream_spec::quant::{Affine, average, conv_multiplier, legacy_conv_multiplier};

/// A random layer: everything but the operator.
#[derive(Clone, Debug)]
struct Case {
    dtype: DType,
    batch: usize,
    map: (usize, usize),
    channels: usize,
    outputs: usize,
    window: Window,
    positions: (usize, usize),
    zero_points: [i32; 3],
    seed: u64,
}

fn cases(dilations: std::ops::Range<usize>) -> impl Strategy<Value = Case> {
    let map = (1..9usize, 1..9usize);
    let window = (
        (1..5usize, 1..5usize),
        (1..4usize, 1..4usize),
        (dilations.clone(), dilations),
    );
    let pads = (0..3usize, 0..3usize, 0..3usize, 0..3usize);
    let channels = (1..3usize, 1..11usize, 1..7usize);
    (
        any::<bool>(),
        map,
        window,
        pads,
        channels,
        [0..256i32, 0..256, 0..256],
        any::<u64>(),
    )
        .prop_filter_map(
            "a window that fits",
            |(
                signed,
                map,
                (kernel, stride, dilation),
                (top, left, bottom, right),
                (batch, channels, outputs),
                zero,
                seed,
            )| {
                let positions =
                    |size: usize, pads: usize, kernel: usize, stride: usize, dilation: usize| {
                        Some((size + pads).checked_sub((kernel - 1) * dilation + 1)? / stride + 1)
                    };
                let rows = positions(map.0, top + bottom, kernel.0, stride.0, dilation.0)?;
                let columns = positions(map.1, left + right, kernel.1, stride.1, dilation.1)?;
                let pads = Pads {
                    top,
                    left,
                    bottom,
                    right,
                };
                let offset = if signed { 128 } else { 0 };
                Some(Case {
                    dtype: if signed { DType::I8 } else { DType::U8 },
                    batch,
                    map,
                    channels,
                    outputs,
                    window: Window {
                        kernel,
                        stride,
                        dilation,
                        pads,
                    },
                    positions: (rows, columns),
                    // int8 weights are symmetric.
                    zero_points: [
                        zero[0] - offset,
                        if signed { 0 } else { zero[1] },
                        zero[2] - offset,
                    ],
                    seed,
                })
            },
        )
}

/// Bytes without pattern (splitmix64).
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mix = |n: u64| {
        let mut z = seed.wrapping_add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as u8
    };
    (0..count as u64).map(mix).collect()
}

impl Case {
    fn tensor(
        &self,
        shape: &[usize],
        dtype: DType,
        zero_point: i32,
        data: Option<Vec<u8>>,
    ) -> Tensor {
        let scale = 0.01 * (1.0 + zero_point as f32 / 1000.0);
        let quant = Some(Quant {
            scale: vec![scale],
            zero_point: vec![zero_point],
            axis: 0,
        });
        Tensor {
            name: format!("{shape:?}"),
            shape: shape.to_vec(),
            dtype,
            quant,
            data,
        }
    }
    /// A graph of one layer, with constant weights and bias if a shape of weights is given.
    fn graph(&self, op: Op, outputs: usize, weights: Option<[usize; 4]>) -> Graph {
        let input = [self.batch, self.map.0, self.map.1, self.channels];
        let output = [self.batch, self.positions.0, self.positions.1, outputs];
        let mut tensors = vec![
            self.tensor(&input, self.dtype, self.zero_points[0], None),
            self.tensor(
                &output,
                self.dtype,
                if weights.is_some() {
                    self.zero_points[2]
                } else {
                    self.zero_points[0]
                },
                None,
            ),
        ];
        let mut inputs = vec![Some(TensorId(0))];
        if let Some(shape) = weights {
            let data = noise(self.seed ^ 1, shape.iter().product());
            tensors.push(self.tensor(&shape, self.dtype, self.zero_points[1], Some(data)));
            let bias = noise(self.seed ^ 2, outputs)
                .iter()
                .flat_map(|&b| (i32::from(b) * 40 - 5000).to_le_bytes())
                .collect();
            tensors.push(self.tensor(&[outputs], DType::I32, 0, Some(bias)));
            inputs.extend([Some(TensorId(2)), Some(TensorId(3))]);
        }
        let layers = vec![Layer {
            index: 0,
            op,
            inputs,
            outputs: vec![TensorId(1)],
        }];
        Graph {
            name: "one".into(),
            tensors,
            layers,
            inputs: vec![TensorId(0)],
            outputs: vec![TensorId(1)],
            ..Graph::default()
        }
    }
    /// Compares the engine with a function from an output position (batch, row, column, channel) to the stored value.
    fn check(
        &self,
        graph: &Graph,
        naive: impl Fn(&[u8], [usize; 4]) -> Option<i32>,
    ) -> Result<(), TestCaseError> {
        let input = noise(self.seed, graph.tensors[0].bytes());
        let value = Value::new(self.dtype, graph.tensors[0].shape.clone(), input.clone()).unwrap();
        let only_padding = |at: [usize; 4]| {
            self.taps()
                .all(|(ky, kx)| self.at(&input, at, ky, kx).is_none())
        };
        let [batches, rows, columns, channels] = graph.tensors[1].nhwc().unwrap();
        let mut positions = (0..rows).flat_map(|y| (0..columns).map(move |x| [0, y, x, 0]));
        if graph.tensors.len() == 2 && positions.any(only_padding) {
            prop_assert!(
                Runner::new(graph).is_err(),
                "pools refuse windows that see nothing"
            );
            return Ok(());
        }
        let runner = Runner::new(graph).unwrap();
        let got = runner.run(&[value]).unwrap().remove(0).into_bytes();
        let mut got = got.iter();
        for b in 0..batches {
            for y in 0..rows {
                for x in 0..columns {
                    for c in 0..channels {
                        let want = naive(&input, [b, y, x, c]).unwrap();
                        prop_assert_eq!(*got.next().unwrap(), want as u8, "at {:?}", [b, y, x, c]);
                    }
                }
            }
        }
        Ok(())
    }
    /// Stored input under tap (ky, kx) of the window at (y, x), unless that is padding.
    fn at(&self, input: &[u8], [b, y, x, c]: [usize; 4], ky: usize, kx: usize) -> Option<i32> {
        let Window {
            stride,
            dilation,
            pads,
            ..
        } = self.window;
        let row = (y * stride.0 + ky * dilation.0)
            .checked_sub(pads.top)
            .filter(|&n| n < self.map.0)?;
        let column = (x * stride.1 + kx * dilation.1)
            .checked_sub(pads.left)
            .filter(|&n| n < self.map.1)?;
        let byte = input[((b * self.map.0 + row) * self.map.1 + column) * self.channels + c];
        Some(if self.dtype == DType::I8 {
            i32::from(byte as i8)
        } else {
            i32::from(byte)
        })
    }
    fn taps(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (rows, columns) = self.window.kernel;
        (0..rows).flat_map(move |ky| (0..columns).map(move |kx| (ky, kx)))
    }
    /// Requantised and clamped sum of a convolution.
    fn finish(&self, graph: &Graph, acc: i32, channel: usize) -> i32 {
        let affine = |n: usize| Affine::of(&graph.tensors[n]).unwrap();
        let (input, output, weights) = (affine(0), affine(1), affine(2));
        let derive = if self.dtype == DType::U8 {
            legacy_conv_multiplier
        } else {
            conv_multiplier
        };
        let multiplier = derive(input.scale, weights.scale, output.scale).unwrap();
        let acc = acc + graph.tensors[3].to_i32().unwrap()[channel];
        let (low, high) = output.activation_range(Activation::Relu);
        (multiplier.apply(acc) + output.zero_point).clamp(low, high)
    }
    /// Stored weight less its zero point.
    fn weight(&self, graph: &Graph, index: usize) -> i32 {
        let byte = graph.tensors[2].data.as_ref().unwrap()[index];
        if self.dtype == DType::I8 {
            i32::from(byte as i8)
        } else {
            i32::from(byte) - self.zero_points[1]
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn conv_2d(case in cases(1..3)) {
        let (kernel, window) = (case.window.kernel, case.window);
        let op = Op::Conv2d(Conv2d { window, activation: Activation::Relu });
        let graph = case.graph(op, case.outputs, Some([case.outputs, kernel.0, kernel.1, case.channels]));
        case.check(&graph, |input, [b, y, x, o]| {
            let mut acc = 0;
            for (ky, kx) in case.taps() {
                for c in 0..case.channels {
                    let Some(stored) = case.at(input, [b, y, x, c], ky, kx) else { continue };
                    let index = ((o * kernel.0 + ky) * kernel.1 + kx) * case.channels + c;
                    acc += (stored - case.zero_points[0]) * case.weight(&graph, index);
                }
            }
            Some(case.finish(&graph, acc, o))
        })?;
    }
    #[test]
    fn depthwise_conv_2d(case in cases(1..3), depth_multiplier in 1..4usize) {
        let (kernel, window) = (case.window.kernel, case.window);
        let outputs = case.channels * depth_multiplier;
        let op = Op::DepthwiseConv2d(DepthwiseConv2d { window, depth_multiplier, activation: Activation::Relu });
        let graph = case.graph(op, outputs, Some([1, kernel.0, kernel.1, outputs]));
        case.check(&graph, |input, [b, y, x, o]| {
            let mut acc = 0;
            for (ky, kx) in case.taps() {
                let Some(stored) = case.at(input, [b, y, x, o / depth_multiplier], ky, kx) else { continue };
                let index = (ky * kernel.1 + kx) * outputs + o;
                acc += (stored - case.zero_points[0]) * case.weight(&graph, index);
            }
            Some(case.finish(&graph, acc, o))
        })?;
    }
    #[test]
    fn average_pool_2d(case in cases(1..2)) {
        let op = Op::AveragePool2d(Pool2d { window: case.window, activation: Activation::None });
        let graph = case.graph(op, case.channels, None);
        case.check(&graph, |input, at| {
            let seen: Vec<i32> = case.taps().filter_map(|(ky, kx)| case.at(input, at, ky, kx)).collect();
            Some(average(seen.iter().sum(), seen.len() as i32))
        })?;
    }
    #[test]
    fn max_pool_2d(case in cases(1..2)) {
        let op = Op::MaxPool2d(Pool2d { window: case.window, activation: Activation::None });
        let graph = case.graph(op, case.channels, None);
        case.check(&graph, |input, at| case.taps().filter_map(|(ky, kx)| case.at(input, at, ky, kx)).max())?;
    }
}
