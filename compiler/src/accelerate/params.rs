// SPDX-License-Identifier: MIT OR Apache-2.0
//! Weights and requantisation parameters of a layer, channel by channel, in the accelerator's form.

use super::channelwise::{self, Line};
use super::plan::spatial;
use super::pool::average;
use crate::Error;
use crate::rule::{LayerRef, Violation};
use sepstream_spec::config::WIDE_SUM;
use sepstream_spec::graph::{Activation, Graph, Layer, Missing, Op, Tensor, TensorId};
use sepstream_spec::isa::{MAX_SHIFT, Param};
use sepstream_spec::quant::{
    self, AddParams, Affine, Multiplier, Requantisation, Rounding, Scaling,
};

/// Some of the input channels of a map.
#[derive(Clone, Copy, Debug)]
struct Part {
    first: usize,
    count: usize,
    all: usize,
}

/// One output channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Weights in (kernel row, kernel column, input channel) order; a depthwise channel has its own taps only, one of a group the group's.
    pub weights: Vec<i8>,
    /// For a layer on the pointwise array that does not read all input channels: those that it reads.
    part: Option<Part>,
    /// The function of a sum that the outputs follow, but for zero point and clamp.
    pub scaling: Scaling,
    /// Requantisation: that function, where it is of integers; else `narrow::fit` makes it so.
    pub param: Param,
    /// Value of padding: the zero point of the layer's input.
    pub input_zero: i32,
    /// Zero point of the output.
    pub zero: i32,
    /// Smallest output.
    pub low: i32,
    /// Largest output.
    pub high: i32,
}

impl Channel {
    /// A channel without activation.
    #[cfg(test)]
    pub fn plain(weights: Vec<i8>, param: Param, zero: i32) -> Self {
        Channel {
            weights,
            part: None,
            scaling: Scaling::Fixed(Multiplier {
                q: param.multiplier,
                shift: param.shift,
            }),
            param,
            input_zero: 0,
            zero,
            low: -128,
            high: 127,
        }
    }
    /// The function of a sum with its bias that the outputs follow.
    pub fn wanted(&self) -> Requantisation {
        Requantisation {
            scaling: self.scaling,
            zero_point: self.zero,
            low: self.low,
            high: self.high,
        }
    }
    /// Weight of element `at` of the input vector.
    pub fn weight(&self, at: usize) -> i8 {
        let Some(Part { first, count, all }) = self.part else {
            return self.weights[at];
        };
        let (tap, channel) = (at / all, at % all);
        match channel.checked_sub(first) {
            Some(own) if own < count => self.weights[tap * count + own],
            _ => 0,
        }
    }
}

/// A fault that import should have refused; reported all the same, with the layer.
fn refuse(graph: &Graph, layer: &Layer, found: &str) -> Error {
    let violation = Violation {
        layer: LayerRef::of(graph, layer),
        rule: "accelerator-arithmetic",
        found: found.into(),
        supported: "Maps and weights have quantisation parameters whose multipliers TensorFlow Lite can compute.",
    };
    Error::Unsupported {
        model: graph.name.clone(),
        violations: vec![violation],
    }
}

/// The rule of layers whose factors a requantiser can hold.
pub const FACTOR: &str = "accelerator-factor";

/// A factor that only software computes with.
fn too_large(graph: &Graph, layer: &Layer, channel: usize) -> Error {
    let missing = Missing {
        rule: FACTOR,
        found: format!("output channel {channel}"),
        supported: "The factor by which the accelerator scales a sum, made of the scales of operands and result, is below 2^30.",
    };
    Error::Unsupported {
        model: graph.name.clone(),
        violations: vec![Violation::new(LayerRef::of(graph, layer), missing)],
    }
}

struct Ends {
    input: Affine,
    output: Affine,
    low: i32,
    high: i32,
}

fn ends(graph: &Graph, layer: &Layer, activation: Activation) -> Result<Ends, Error> {
    let input = graph.input(layer, 0).and_then(Affine::of);
    let output = Affine::of(graph.output(layer));
    let (Some(input), Some(output)) = (input, output) else {
        return Err(refuse(
            graph,
            layer,
            "a map without one scale and zero point",
        ));
    };
    let (low, high) = output.activation_range(activation);
    Ok(Ends {
        input,
        output,
        low,
        high,
    })
}

/// Channels of a weighted layer; `weights_of(c)` gives the positions of a channel's weights in the tensor.
fn weighted(
    graph: &Graph,
    layer: &Layer,
    activation: Activation,
    count: usize,
    weights_of: impl Fn(usize) -> Box<dyn Iterator<Item = usize>>,
) -> Result<Vec<Channel>, Error> {
    let ends = ends(graph, layer, activation)?;
    let tensor = graph
        .input(layer, 1)
        .ok_or_else(|| refuse(graph, layer, "no weights"))?;
    let values = tensor
        .as_i8()
        .ok_or_else(|| refuse(graph, layer, "weights that are no int8 constant"))?;
    let bias = graph.input(layer, 2).and_then(Tensor::to_i32);
    (0..count)
        .map(|c| {
            let weights: Vec<i8> = weights_of(c).map(|at| values[at]).collect();
            let wanted = Requantisation::of_channel(graph, layer, c)
                .ok_or_else(|| refuse(graph, layer, "scales whose quotient is out of range"))?;
            if matches!(wanted.scaling, Scaling::Fixed(m) if m.shift > Multiplier::MOST_SHIFT) {
                return Err(too_large(graph, layer, c));
            }
            // sum w (a - zero) = sum w a - zero sum w, modulo 2^32 as in the software
            let sum = weights
                .iter()
                .fold(0i32, |s, w| s.wrapping_add((*w).into()));
            let folded = ends.input.zero_point.wrapping_mul(sum);
            let bias = bias
                .as_ref()
                .and_then(|b| b.get(c))
                .copied()
                .unwrap_or(0)
                .wrapping_sub(folded);
            Ok(channel(weights, bias, wanted.scaling, &ends))
        })
        .collect()
}

/// A channel with the multiplier that is nearest to its factor.
fn channel(weights: Vec<i8>, bias: i32, scaling: Scaling, ends: &Ends) -> Channel {
    let multiplier = scaling.multiplier().unwrap_or_default();
    Channel {
        weights,
        part: None,
        scaling,
        param: Param {
            bias,
            multiplier: multiplier.q,
            shift: multiplier.shift,
            rounding: Rounding::Twice,
        },
        input_zero: ends.input.zero_point,
        zero: ends.output.zero_point,
        low: ends.low,
        high: ends.high,
    }
}

/// Channels of a layer on the pointwise array.
///
/// # Errors
/// When the layer's quantisation cannot be computed.
pub fn dense(graph: &Graph, layer: &Layer) -> Result<Vec<Channel>, Error> {
    let shape = graph
        .input(layer, 1)
        .map(|t| t.shape.clone())
        .unwrap_or_default();
    match &layer.op {
        Op::Conv2d(conv) => {
            let length = shape[1..].iter().product::<usize>();
            let mut channels = weighted(graph, layer, conv.activation, shape[0], |c| {
                Box::new(c * length..(c + 1) * length)
            })?;
            let (outputs, count) = (channels.len(), shape[3]);
            let all = graph.input(layer, 0).map_or(count, Tensor::channels);
            // groups: each output channel reads the input channels of its own
            if count < all {
                let in_group = outputs * count / all;
                for (c, channel) in channels.iter_mut().enumerate() {
                    let first = c / in_group * count;
                    channel.part = Some(Part { first, count, all });
                }
            }
            Ok(channels)
        }
        Op::FullyConnected(fc) => {
            let length = shape[1];
            weighted(graph, layer, fc.activation, shape[0], |c| {
                Box::new(c * length..(c + 1) * length)
            })
        }
        Op::DepthwiseConv2d(dw) => {
            let mut channels = window(graph, layer, WIDE_SUM)?;
            let inputs = shape[3] / dw.depth_multiplier;
            for (c, channel) in channels.iter_mut().enumerate() {
                channel.part = Some(Part {
                    first: c / dw.depth_multiplier,
                    count: 1,
                    all: inputs,
                });
            }
            Ok(channels)
        }
        _ => Err(refuse(
            graph,
            layer,
            "an operator that the pointwise array does not run",
        )),
    }
}

/// Channels of a layer on the depthwise engine, whose requantiser takes sums of `sum_bits` bits.
///
/// # Errors
/// When the layer's quantisation cannot be computed.
pub fn window(graph: &Graph, layer: &Layer, sum_bits: u32) -> Result<Vec<Channel>, Error> {
    let output = layer.output();
    let channels = graph[output].channels();
    match &layer.op {
        Op::DepthwiseConv2d(dw) => {
            let taps = dw.window.kernel.0 * dw.window.kernel.1;
            weighted(graph, layer, dw.activation, channels, |c| {
                Box::new((0..taps).map(move |t| t * channels + c))
            })
        }
        Op::AveragePool2d(pool) => {
            let taps = pool.window.kernel.0 * pool.window.kernel.1;
            let ends = ends(graph, layer, pool.activation)?;
            let average = |bits| u32::try_from(taps).ok().and_then(|n| average(n, bits));
            // without one for so few bits, the one that says how many there must be
            let (weight, multiplier) = average(sum_bits)
                .or_else(|| average(WIDE_SUM))
                .ok_or_else(|| refuse(graph, layer, "a window without an exact average"))?;
            // the plain sum is averaged: no zero point on either side
            let plain = Channel {
                zero: 0,
                ..channel(vec![weight; taps], 0, Scaling::Fixed(multiplier), &ends)
            };
            Ok(vec![plain; channels])
        }
        Op::Pad(pad) => {
            let pads = spatial(&layer.op).unwrap_or_default();
            let (rows, cols) = (pads.top + pads.bottom + 1, pads.left + pads.right + 1);
            // the pixel that lies as far below the window's first as there is padding below, and to the right
            let mut weights = vec![0; rows * cols];
            weights[pads.bottom * cols + pads.right] = 1 << MAX_SHIFT;
            let passing = Channel {
                weights,
                input_zero: pad.value,
                ..passing()
            };
            Ok(vec![passing; channels])
        }
        Op::Mul(_) | Op::Add(_) | Op::Sub(_) => {
            let layer = channelwise::of(graph, layer)
                .ok_or_else(|| refuse(graph, layer, "a function that no weight gives"))?;
            let zero = graph[output].per_tensor().map_or(0, |(_, zero)| zero);
            Ok(layer
                .lines
                .iter()
                .map(|line| straight(line, zero, layer.ends))
                .collect())
        }
        Op::MaxPool2d(pool) => {
            let taps = pool.window.kernel.0 * pool.window.kernel.1;
            let ends = ends(graph, layer, pool.activation)?;
            Ok(vec![largest(taps, &ends); channels])
        }
        Op::ReduceMax(_) => {
            let [_, rows, cols, _] =
                (graph.input(layer, 0).and_then(Tensor::nhwc)).unwrap_or([1; 4]);
            let ends = ends(graph, layer, Activation::None)?;
            Ok(vec![largest(rows * cols, &ends); channels])
        }
        Op::Mean(_) => {
            let [_, rows, cols, _] = graph
                .input(layer, 0)
                .and_then(Tensor::nhwc)
                .unwrap_or([1; 4]);
            let ends = ends(graph, layer, Activation::None)?;
            let count = (rows * cols) as u32;
            let multiplier = quant::mean_multiplier(ends.input.scale, ends.output.scale, count);
            let multiplier = multiplier
                .ok_or_else(|| refuse(graph, layer, "scales whose quotient is out of range"))?;
            let bias = 0i32.wrapping_sub(ends.input.zero_point.wrapping_mul(count as i32));
            Ok(vec![
                channel(
                    vec![1; rows * cols],
                    bias,
                    Scaling::Fixed(multiplier),
                    &ends
                );
                channels
            ])
        }
        _ => Err(refuse(
            graph,
            layer,
            "an operator that the depthwise engine does not run",
        )),
    }
}

/// Parameters of an ADD: a is what comes out of the requantiser, b the residual map.
pub struct Add {
    pub zero_a: i32,
    pub zero_b: i32,
    pub a: Multiplier,
    pub b: Multiplier,
    pub sum: Multiplier,
    pub zero: i32,
    pub low: i32,
    pub high: i32,
}

impl Add {
    /// The sum of two stored values, as TensorFlow Lite's reference kernel makes it.
    pub fn eval(&self, a: i32, b: i32) -> i32 {
        let params = AddParams {
            input1: self.a,
            input2: self.b,
            output: self.sum,
        };
        let sum = params.eval(a - self.zero_a, b - self.zero_b);
        // in the order of the kernel, which takes bounds that cross
        sum.saturating_add(self.zero).max(self.low).min(self.high)
    }
}

/// Parameters of an ADD whose residual operand is `residual`.
///
/// # Errors
/// When the layer's quantisation cannot be computed.
pub fn add(graph: &Graph, layer: &Layer, residual: Option<TensorId>) -> Result<Add, Error> {
    let activation = if let Op::Add(add) = &layer.op {
        add.activation
    } else {
        Activation::None
    };
    let ends = ends(graph, layer, activation)?;
    let second = graph.input(layer, 1).and_then(Affine::of);
    let second =
        second.ok_or_else(|| refuse(graph, layer, "a map without one scale and zero point"))?;
    let add = AddParams::add(ends.input.scale, second.scale, ends.output.scale)
        .ok_or_else(|| refuse(graph, layer, "scales whose quotient is out of range"))?;
    let (mut a, mut b) = (
        (ends.input.zero_point, add.input1),
        (second.zero_point, add.input2),
    );
    if layer.input(0) == residual {
        std::mem::swap(&mut a, &mut b);
    }
    Ok(Add {
        zero_a: a.0,
        zero_b: b.0,
        a: a.1,
        b: b.1,
        sum: add.output,
        zero: ends.output.zero_point,
        low: ends.low,
        high: ends.high,
    })
}

/// What gives a value back that comes 2^[`MAX_SHIFT`] times as large: a = (64 a * 2^30) / 2^36, without a left shift.
const BACK: Param = Param {
    bias: 0,
    multiplier: 1 << 30,
    shift: 1 - MAX_SHIFT as i32,
    rounding: Rounding::Twice,
};

/// A channel that gives its input back, which comes 2^[`MAX_SHIFT`] times as large.
fn passing() -> Channel {
    Channel {
        weights: vec![1 << MAX_SHIFT],
        part: None,
        scaling: Scaling::Fixed(Multiplier {
            q: BACK.multiplier,
            shift: BACK.shift,
        }),
        param: BACK,
        input_zero: 0,
        zero: 0,
        low: i8::MIN.into(),
        high: i8::MAX.into(),
    }
}

/// A channel that a line gives.
fn straight(line: &Line, zero: i32, (low, high): (i32, i32)) -> Channel {
    Channel {
        weights: vec![line.weight],
        scaling: Scaling::Fixed(Multiplier {
            q: line.param.multiplier,
            shift: line.param.shift,
        }),
        param: line.param,
        zero,
        low,
        high,
        ..passing()
    }
}

/// A channel of a maximum over so many taps; padding is never the largest.
fn largest(taps: usize, ends: &Ends) -> Channel {
    Channel {
        weights: vec![1; taps],
        input_zero: i8::MIN.into(),
        low: ends.low,
        high: ends.high,
        ..passing()
    }
}

/// Channels that pass the depthwise outputs on as they are.
pub fn identity(channels: usize) -> Vec<Channel> {
    (0..channels)
        .map(|c| Channel {
            weights: (0..channels)
                .map(|i| if i == c { 1 << MAX_SHIFT } else { 0 })
                .collect(),
            ..passing()
        })
        .collect()
}
