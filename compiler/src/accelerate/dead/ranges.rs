// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which values each channel can have, whatever the inputs of the network.

use sepstream_spec::graph::{Activation, Graph, Layer, Op, Tensor, TensorId};
use sepstream_spec::quant::{Affine, Requantisation, Scaling, mean_multiplier};

use super::roles::{Role, is_padded, role};
use crate::accelerate::params;

/// Smallest and largest stored value of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    low: i32,
    high: i32,
}

impl Range {
    const ALL: Range = Range {
        low: -128,
        high: 127,
    };

    /// The only value, if there is but one.
    pub fn constant(self) -> Option<i32> {
        (self.low == self.high).then_some(self.low)
    }
    fn with(self, value: i32) -> Self {
        Range {
            low: self.low.min(value),
            high: self.high.max(value),
        }
    }
    fn clamp(self, (low, high): (i32, i32)) -> Self {
        // in the order of the kernels, which take bounds that cross
        let clamp = |value: i32| value.max(low).min(high);
        Range {
            low: clamp(self.low),
            high: clamp(self.high),
        }
    }
}

/// Least and largest sum of an output channel, bias included and zero points subtracted as TensorFlow Lite does.
type Sums = (i64, i64);

/// Ranges of all channels of a network.
pub struct Ranges(Vec<Vec<Range>>);

impl Ranges {
    /// Follows the layers in their order: every operator here is monotone in each of its operands' values, so the ends of the
    /// operands' ranges give those of the result's.
    pub fn of(graph: &Graph) -> Self {
        let all = graph.tensors.iter().map(|t| vec![Range::ALL; t.channels()]);
        let mut ranges = Ranges(all.collect());
        for layer in &graph.layers {
            if let Some(found) = ranges.result(graph, layer) {
                ranges.0[layer.output().0] = found;
            }
        }
        ranges
    }
    /// Of one channel.
    pub fn get(&self, id: TensorId, channel: usize) -> Range {
        self.0[id.0][channel]
    }
    /// The value that input channel `channel` of a dense layer has under every tap of every window, if it is one: the bias can
    /// take it.
    pub fn folds(&self, graph: &Graph, layer: &Layer, channel: usize) -> Option<i32> {
        let input = layer.input(0)?;
        let (_, zero) = graph[input].per_tensor()?;
        let value = self.get(input, channel).constant()?;
        (value == zero || !is_padded(layer)).then_some(value)
    }
    /// A sum that each output channel of a layer with weights can have; 0 where sums do not fit 32 bits.
    pub fn some_sums(&self, graph: &Graph, layer: &Layer) -> Vec<i32> {
        let sums = self.sums(graph, layer).unwrap_or_default();
        let least = sums.into_iter().map(|(least, _)| i32::try_from(least));
        least.map(Result::unwrap_or_default).collect()
    }

    /// Ranges of what a layer writes; `None` where nothing is known of them.
    fn result(&self, graph: &Graph, layer: &Layer) -> Option<Vec<Range>> {
        let role = role(graph, layer);
        let input = layer.input(0).filter(|_| role != Role::Other)?;
        let from = &self.0[input.0];
        match &layer.op {
            Op::Conv2d(_) | Op::FullyConnected(_) | Op::DepthwiseConv2d(_) => {
                let sums = self.sums(graph, layer)?.into_iter().enumerate();
                let outputs = |(o, sums)| {
                    Requantisation::of_channel(graph, layer, o).map(|requant| ends(requant, sums))
                };
                sums.map(outputs).collect()
            }
            Op::Mean(_) => self.mean(graph, layer),
            // an average or a maximum of values in a range lies in it
            Op::AveragePool2d(pool) | Op::MaxPool2d(pool) => {
                let bounds = Affine::of(graph.output(layer))?.activation_range(pool.activation);
                Some(from.iter().map(|range| range.clamp(bounds)).collect())
            }
            Op::Pad(pad) => Some(from.iter().map(|range| range.with(pad.value)).collect()),
            Op::Add(_) => self.add(graph, layer),
            Op::Reshape => {
                let (own, other) = (from.len(), graph.output(layer).channels());
                let hull = |c: usize| {
                    let same = (c..own.max(other)).step_by(other).map(|n| from[n % own]);
                    same.reduce(|a, b| a.with(b.low).with(b.high))
                };
                (0..other).map(hull).collect()
            }
            _ => None,
        }
    }

    /// Sums of a layer with weights.
    fn sums(&self, graph: &Graph, layer: &Layer) -> Option<Vec<Sums>> {
        let input = layer.input(0)?;
        let (_, zero) = graph[input].per_tensor()?;
        let steps = |range: &Range| {
            let range = if is_padded(layer) {
                range.with(zero)
            } else {
                *range
            };
            [range.low - zero, range.high - zero].map(i64::from)
        };
        let steps: Vec<[i64; 2]> = self.0[input.0].iter().map(steps).collect();
        let outputs = graph.output(layer).channels();
        let bias = graph.input(layer, 2).and_then(Tensor::to_i32);
        let mut sums: Vec<Sums> = (0..outputs)
            .map(|o| i64::from(bias.as_ref().map_or(0, |bias| bias[o])))
            .map(|bias| (bias, bias))
            .collect();
        let weights = graph.input(layer, 1)?.as_i8()?;
        let role = role(graph, layer);
        for (at, &weight) in weights.iter().enumerate() {
            let (o, i) = match role {
                Role::Each { multiplier } => (at % outputs, at % outputs / multiplier),
                _ => (at / (weights.len() / outputs), at % steps.len()),
            };
            let products = steps[i].map(|x| x * i64::from(weight));
            sums[o].0 += products[0].min(products[1]);
            sums[o].1 += products[0].max(products[1]);
        }
        Some(sums)
    }

    fn mean(&self, graph: &Graph, layer: &Layer) -> Option<Vec<Range>> {
        let input = layer.input(0)?;
        let [_, rows, cols, _] = graph[input].nhwc()?;
        let count = u32::try_from(rows * cols).ok()?;
        let (from, to) = (Affine::of(&graph[input])?, Affine::of(graph.output(layer))?);
        let multiplier = mean_multiplier(from.scale, to.scale, count)?;
        let (low, high) = to.activation_range(Activation::None);
        let requant = Requantisation {
            scaling: Scaling::Fixed(multiplier),
            zero_point: to.zero_point,
            low,
            high,
        };
        let sum = |value: i32| i64::from(value - from.zero_point) * i64::from(count);
        let range = |r: &Range| ends(requant, (sum(r.low), sum(r.high)));
        Some(self.0[input.0].iter().map(range).collect())
    }

    fn add(&self, graph: &Graph, layer: &Layer) -> Option<Vec<Range>> {
        let (a, b) = (layer.input(0)?, layer.input(1)?);
        let add = params::add(graph, layer, Some(b)).ok()?;
        let pairs = self.0[a.0].iter().zip(&self.0[b.0]);
        let range = |(x, y): (&Range, &Range)| Range {
            low: add.eval(x.low, y.low),
            high: add.eval(x.high, y.high),
        };
        Some(pairs.map(range).collect())
    }
}

/// Outputs of the sums between two; all that the clamp lets through where sums wrap, as outputs do not rise with them then.
fn ends(requant: Requantisation, (least, most): Sums) -> Range {
    match (i32::try_from(least), i32::try_from(most)) {
        (Ok(least), Ok(most)) if requant.scaling.is_monotone(least, most) => Range {
            low: requant.apply(least),
            high: requant.apply(most),
        },
        _ => Range {
            low: requant.low,
            high: requant.high,
        },
    }
}
