// SPDX-License-Identifier: MIT OR Apache-2.0
//! Layers of a graph as layers of an image, with their weights and parameters.

use super::place::Places;
use super::{Form, refuse};
use crate::Error;
use crate::accelerate::narrow;
use crate::accelerate::params::{self, Channel};
use sepstream_kernels::{Channel as PlainChannel, FAST_LIMIT, FastChannel, GROUP, Kernel, Layer};
use sepstream_spec::config::WIDE_SUM;
use sepstream_spec::graph::{self, Activation, DType, Graph, Op, Tensor, TensorId, Window};
use sepstream_spec::quant::{Affine, Multiplier, Rounding, Scaling, Softmax, mean_multiplier};

/// Layers so far, and the data that they point into, from its beginning.
pub struct Builder<'g> {
    graph: &'g Graph,
    places: &'g Places,
    form: Form,
    layers: Vec<Layer>,
    data: Vec<u8>,
}

impl<'g> Builder<'g> {
    /// An empty image.
    pub fn new(graph: &'g Graph, places: &'g Places, form: Form) -> Self {
        Builder {
            graph,
            places,
            form,
            layers: Vec::new(),
            data: Vec::new(),
        }
    }
    /// What was added.
    pub fn finish(self) -> (Vec<Layer>, Vec<u8>) {
        (self.layers, self.data)
    }
    /// Adds a layer.
    pub fn add(&mut self, layer: &graph::Layer) -> Result<(), Error> {
        let graph = self.graph;
        let mut of = self.common(layer)?;
        match &layer.op {
            Op::Conv2d(conv) => {
                let channels = |n| graph.input(layer, n).map(graph::Tensor::channels);
                if channels(0) != channels(1) {
                    return Err(refuse(graph, layer, "a convolution with groups"));
                }
                set_window(&mut of, &conv.window);
                self.require_symmetric(layer)?;
                self.convolution(of, &params::dense(graph, layer)?, Rounding::Twice);
            }
            Op::FullyConnected(_) => {
                self.require_symmetric(layer)?;
                let mut channels = params::dense(graph, layer)?;
                let rounding = self.rounding(layer, &mut channels)?;
                let inputs = channels.first().map_or(0, |channel| channel.weights.len());
                set_vectors(&mut of, inputs, channels.len());
                self.convolution(of, &channels, rounding);
            }
            Op::DepthwiseConv2d(dw) => {
                set_window(&mut of, &dw.window);
                of.depth_multiplier = dw.depth_multiplier as u32;
                self.require_symmetric(layer)?;
                self.depthwise(of, &params::window(graph, layer, WIDE_SUM)?);
            }
            Op::AveragePool2d(pool) => {
                set_window(&mut of, &pool.window);
                (of.low, of.high) = self.range(layer, pool.activation)?;
                of.kernel = Kernel::AveragePool;
                self.layers.push(of);
            }
            Op::Mean(mean) => {
                let rank = graph.input(layer, 0).map_or(0, |input| input.shape.len());
                if rank != 4 || mean.axes != [1, 2] {
                    return Err(refuse(graph, layer, "a mean over other axes"));
                }
                let multiplier = self.mean(layer, of.in_rows * of.in_cols)?;
                (of.low, of.high) = self.range(layer, Activation::None)?;
                (of.extra[0], of.extra[1]) = (multiplier.q, multiplier.shift);
                of.kernel = Kernel::Mean;
                self.layers.push(of);
            }
            Op::Add(_) => self.sum(layer, of)?,
            Op::Softmax(softmax) => {
                let (input, _) = self.ends(layer)?;
                let params = Softmax::new(softmax.beta, input.scale)
                    .ok_or_else(|| refuse(graph, layer, "logits of too small a scale"))?;
                let Multiplier { q, shift } = params.multiplier;
                of.extra[..3].copy_from_slice(&[q, shift, params.diff_min]);
                (of.low, of.high) = (-128, 127);
                of.kernel = Kernel::Softmax;
                self.layers.push(of);
            }
            _ => return Err(refuse(graph, layer, "an operator without a kernel")),
        }
        Ok(())
    }

    /// Places, sizes and zero points.
    fn common(&self, layer: &graph::Layer) -> Result<Layer, Error> {
        let (input, output) = (self.graph.input(layer, 0), self.graph.output(layer));
        let (Some(source), Some(input)) = (layer.input(0), input) else {
            return Err(refuse(self.graph, layer, "no input"));
        };
        let sizes = |tensor: &Tensor| tensor.nhwc().filter(|sizes| sizes[0] == 1);
        let (Some(from), Some(to)) = (sizes(input), sizes(output)) else {
            return Err(refuse(self.graph, layer, "a map of another batch or rank"));
        };
        let (in_affine, out_affine) = self.ends(layer)?;
        let size = |size: usize| size as u32;
        Ok(Layer {
            input: self.place_of(layer, source)?,
            output: self.place_of(layer, layer.output())?,
            in_rows: size(from[1]),
            in_cols: size(from[2]),
            in_channels: size(from[3]),
            out_rows: size(to[1]),
            out_cols: size(to[2]),
            out_channels: size(to[3]),
            in_zero_point: in_affine.zero_point,
            out_zero_point: out_affine.zero_point,
            ..Layer::default()
        })
    }
    fn place_of(&self, layer: &graph::Layer, id: TensorId) -> Result<u32, Error> {
        let place = self.places.of(id);
        place.ok_or_else(|| {
            refuse(
                self.graph,
                layer,
                "an operand that no layer before it writes",
            )
        })
    }
    fn ends(&self, layer: &graph::Layer) -> Result<(Affine, Affine), Error> {
        let int8 = |tensor: &Tensor| {
            (tensor.dtype == DType::I8)
                .then(|| Affine::of(tensor))
                .flatten()
        };
        let input = self.graph.input(layer, 0).and_then(int8);
        match (input, int8(self.graph.output(layer))) {
            (Some(input), Some(output)) => Ok((input, output)),
            _ => Err(refuse(
                self.graph,
                layer,
                "a map that is not int8 with one scale",
            )),
        }
    }
    fn range(&self, layer: &graph::Layer, activation: Activation) -> Result<(i32, i32), Error> {
        Ok(self.ends(layer)?.1.activation_range(activation))
    }
    fn require_symmetric(&self, layer: &graph::Layer) -> Result<(), Error> {
        let quant = self
            .graph
            .input(layer, 1)
            .and_then(|weights| weights.quant.as_ref());
        match quant.is_some_and(|quant| quant.zero_point.iter().all(|zero| *zero == 0)) {
            true => Ok(()),
            false => Err(refuse(self.graph, layer, "weights with a zero point")),
        }
    }
    fn mean(&self, layer: &graph::Layer, count: u32) -> Result<Multiplier, Error> {
        let (input, output) = self.ends(layer)?;
        mean_multiplier(input.scale, output.scale, count)
            .ok_or_else(|| refuse(self.graph, layer, "scales whose quotient is out of range"))
    }
    fn sum(&mut self, layer: &graph::Layer, mut of: Layer) -> Result<(), Error> {
        let (graph, second) = (self.graph, layer.input(1));
        let alike = |id| graph[id].shape == graph.output(layer).shape && graph[id].data.is_none();
        let (Some(first), Some(second)) = (layer.input(0), second) else {
            return Err(refuse(graph, layer, "a missing operand"));
        };
        if !alike(first) || !alike(second) || graph[second].dtype != DType::I8 {
            return Err(refuse(
                graph,
                layer,
                "a sum of other than two maps of one shape",
            ));
        }
        let add = params::add(graph, layer, None)?;
        of.input2 = self.place_of(layer, second)?;
        of.extra = [
            add.a.q,
            add.a.shift,
            add.b.q,
            add.b.shift,
            add.sum.q,
            add.sum.shift,
            add.zero_b,
            0,
        ];
        (of.low, of.high) = (add.low, add.high);
        of.kernel = Kernel::Add;
        self.layers.push(of);
        Ok(())
    }

    /// How often the kernels of a fully connected layer round: once where its own arithmetic is not of integers; its channels then get
    /// parameters for that.
    fn rounding(&self, layer: &graph::Layer, channels: &mut [Channel]) -> Result<Rounding, Error> {
        let integer = |channel: &Channel| matches!(channel.scaling, Scaling::Fixed(_));
        if channels.iter().all(integer) {
            return Ok(Rounding::Twice);
        }
        match channels
            .iter_mut()
            .position(|channel| !narrow::round_once(channel))
        {
            None => Ok(Rounding::Once),
            Some(channel) => {
                let whose = self.graph.semantics.reference();
                let found = format!(
                    "output channel {channel}, which no multiplier of 31 bits makes equal to {whose} for every sum"
                );
                Err(refuse(self.graph, layer, found))
            }
        }
    }
    fn convolution(&mut self, mut of: Layer, channels: &[Channel], rounding: Rounding) {
        let [conv, dense] = match rounding {
            Rounding::Twice => [Kernel::Conv, Kernel::Dense],
            Rounding::Once => [Kernel::ConvOnce, Kernel::DenseOnce],
        };
        set_range(&mut of, channels);
        match self.fast_channels(channels) {
            Some(mut fast) => {
                of.kernel = dense;
                fast.resize(
                    channels.len().next_multiple_of(GROUP),
                    FastChannel::default(),
                );
                let mut packed = Vec::new();
                for group in channels.chunks(GROUP) {
                    for input in 0..group[0].weights.len() {
                        let weight = |n| {
                            group
                                .get(n)
                                .map_or(0, |channel: &Channel| channel.weights[input])
                        };
                        packed.extend((0..GROUP).map(weight));
                    }
                }
                self.push(of, &packed, bytemuck::cast_slice(&fast));
            }
            None => {
                of.kernel = conv;
                let weights: Vec<i8> = channels.iter().flat_map(|c| c.weights.clone()).collect();
                self.push(
                    of,
                    &weights,
                    bytemuck::cast_slice(&plain_channels(channels)),
                );
            }
        }
    }
    fn depthwise(&mut self, mut of: Layer, channels: &[Channel]) {
        set_range(&mut of, channels);
        let fits = (of.kernel_rows, of.kernel_cols, of.depth_multiplier) == (3, 3, 1);
        match self.fast_channels(channels).filter(|_| fits) {
            Some(fast) => {
                of.kernel = Kernel::Depthwise3x3;
                let weights: Vec<i8> = channels.iter().flat_map(|c| c.weights.clone()).collect();
                self.push(of, &weights, bytemuck::cast_slice(&fast));
            }
            None => {
                of.kernel = Kernel::Depthwise;
                let taps = (of.kernel_rows * of.kernel_cols) as usize;
                let weights: Vec<i8> = (0..taps)
                    .flat_map(|tap| channels.iter().map(move |c| c.weights[tap]))
                    .collect();
                self.push(
                    of,
                    &weights,
                    bytemuck::cast_slice(&plain_channels(channels)),
                );
            }
        }
    }
    /// Parameters of the kernels for RV32IM, where they are wanted and all channels allow them.
    fn fast_channels(&self, channels: &[Channel]) -> Option<Vec<FastChannel>> {
        if self.form == Form::Plain {
            return None;
        }
        let fast = |channel: &Channel| {
            let param = &channel.param;
            let weights = channel.weights.iter().map(|w| i64::from(*w).abs());
            let swing = 128 * weights.sum::<i64>();
            if let Some(stored) = constant(channel, swing) {
                return FastChannel::new(0, 0, 0, stored);
            }
            let fits = i64::from(param.bias).abs() + swing < i64::from(FAST_LIMIT);
            let fast = FastChannel::new(param.bias, param.multiplier, param.shift, channel.zero);
            fast.filter(|_| fits)
        };
        channels.iter().map(fast).collect()
    }
    fn push(&mut self, mut of: Layer, weights: &[i8], channels: &[u8]) {
        of.weights = self.place(bytemuck::cast_slice(weights));
        of.channels = self.place(channels);
        self.layers.push(of);
    }
    fn place(&mut self, bytes: &[u8]) -> u32 {
        let at = self.data.len();
        self.data.extend_from_slice(bytes);
        self.data.resize(self.data.len().next_multiple_of(4), 0);
        at as u32
    }
}

/// The output of a channel that is the same for every input, as of those that training has left without use: requantisation is
/// monotone, so the ends of its sums, `swing` to either side of the bias, tell.
fn constant(channel: &Channel, swing: i64) -> Option<i32> {
    let param = &channel.param;
    let stored = |acc: i64| {
        let acc = i32::try_from(acc).ok()?;
        let scaled = param.steps(acc).saturating_add(channel.zero);
        Some(scaled.max(channel.low).min(channel.high))
    };
    let bias = i64::from(param.bias);
    let (least, most) = (stored(bias - swing)?, stored(bias + swing)?);
    // a left shift may wrap
    (least == most && param.shift <= 0).then_some(least)
}

/// Parameters of plain kernels, which take the zero point off each input themselves.
fn plain_channels(channels: &[Channel]) -> Vec<PlainChannel> {
    let plain = |channel: &Channel| {
        let sum = channel
            .weights
            .iter()
            .fold(0i32, |sum, w| sum.wrapping_add((*w).into()));
        PlainChannel {
            bias: channel
                .param
                .bias
                .wrapping_add(channel.input_zero.wrapping_mul(sum)),
            q: channel.param.multiplier,
            shift: channel.param.shift,
        }
    };
    channels.iter().map(plain).collect()
}

fn set_range(of: &mut Layer, channels: &[Channel]) {
    if let Some(channel) = channels.first() {
        (of.low, of.high) = (channel.low, channel.high);
    }
}

fn set_window(of: &mut Layer, window: &Window) {
    let size = |size: usize| size as u32;
    (of.kernel_rows, of.kernel_cols) = (size(window.kernel.0), size(window.kernel.1));
    (of.stride_rows, of.stride_cols) = (size(window.stride.0), size(window.stride.1));
    (of.dilation_rows, of.dilation_cols) = (size(window.dilation.0), size(window.dilation.1));
    (of.pad_top, of.pad_left) = (size(window.pads.top), size(window.pads.left));
}

/// A fully connected layer: a 1x1 convolution of a column of vectors.
fn set_vectors(of: &mut Layer, inputs: usize, outputs: usize) {
    let elements = (of.in_rows * of.in_cols * of.in_channels) as usize;
    let vectors = elements.checked_div(inputs).unwrap_or(0) as u32;
    set_window(
        of,
        &Window {
            kernel: (1, 1),
            stride: (1, 1),
            dilation: (1, 1),
            pads: graph::Pads::default(),
        },
    );
    (of.in_rows, of.in_cols, of.in_channels) = (vectors, 1, inputs as u32);
    (of.out_rows, of.out_cols, of.out_channels) = (vectors, 1, outputs as u32);
}
