// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small graphs for tests, built layer by layer; all weights are 1, all scales 0.5.

use sepstream_spec::graph::{
    Activation, Conv2d, DType, DepthwiseConv2d, Elementwise, FullyConnected, Graph, Layer, Op,
    Pads, Pool2d, Quant, Reduce, Tensor, TensorId, Window,
};

/// A graph that grows.
pub struct Network {
    /// As far as it has grown.
    pub graph: Graph,
}

/// A dense window without stride and padding.
pub fn window(rows: usize, cols: usize) -> Window {
    Window {
        kernel: (rows, cols),
        stride: (1, 1),
        dilation: (1, 1),
        pads: Pads::default(),
    }
}

impl Network {
    /// A network with one input.
    pub fn new(name: &str, input: &[usize]) -> (Self, TensorId) {
        let mut network = Network {
            graph: Graph {
                name: name.into(),
                ..Graph::default()
            },
        };
        let input = network.tensor(input, DType::I8);
        network.graph.inputs.push(input);
        (network, input)
    }
    /// A map.
    pub fn tensor(&mut self, shape: &[usize], dtype: DType) -> TensorId {
        let id = TensorId(self.graph.tensors.len());
        self.graph.tensors.push(Tensor {
            name: format!("map{}", id.0),
            shape: shape.to_vec(),
            dtype,
            quant: Some(Quant {
                scale: vec![0.5],
                zero_point: vec![0],
                axis: 0,
            }),
            data: None,
        });
        id
    }
    fn weights(&mut self, shape: &[usize]) -> TensorId {
        let id = self.tensor(shape, DType::I8);
        self.graph.tensors[id.0].data = Some(vec![1; shape.iter().product()]);
        id
    }
    /// A layer with one output of that shape.
    pub fn layer(&mut self, op: Op, inputs: &[TensorId], output: &[usize]) -> TensorId {
        let output = self.tensor(output, DType::I8);
        let index = self.graph.layers.len();
        self.graph.layers.push(Layer {
            index,
            op,
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: vec![output],
        });
        self.graph.outputs = vec![output];
        output
    }
    /// Shape of what a window makes of a map.
    fn walked(&self, input: TensorId, w: &Window, channels: usize) -> [usize; 4] {
        let [batch, rows, cols, _] = self.graph[input].nhwc().unwrap();
        let count = |size: usize, kernel: usize, dilation: usize, stride: usize| {
            (size - ((kernel - 1) * dilation + 1)) / stride + 1
        };
        let high = rows + w.pads.top + w.pads.bottom;
        let wide = cols + w.pads.left + w.pads.right;
        [
            batch,
            count(high, w.kernel.0, w.dilation.0, w.stride.0),
            count(wide, w.kernel.1, w.dilation.1, w.stride.1),
            channels,
        ]
    }
    /// CONV_2D.
    pub fn conv(&mut self, input: TensorId, window: Window, channels: usize) -> TensorId {
        let (rows, cols) = window.kernel;
        let weights = self.weights(&[channels, rows, cols, self.graph[input].channels()]);
        let activation = Activation::None;
        let output = self.walked(input, &window, channels);
        self.layer(
            Op::Conv2d(Conv2d { window, activation }),
            &[input, weights],
            &output,
        )
    }
    /// DEPTHWISE_CONV_2D of one output for each channel.
    pub fn depthwise(&mut self, input: TensorId, window: Window) -> TensorId {
        let channels = self.graph[input].channels();
        let weights = self.weights(&[1, window.kernel.0, window.kernel.1, channels]);
        let output = self.walked(input, &window, channels);
        let op = DepthwiseConv2d {
            window,
            depth_multiplier: 1,
            activation: Activation::None,
        };
        self.layer(Op::DepthwiseConv2d(op), &[input, weights], &output)
    }
    /// AVERAGE_POOL_2D.
    pub fn pool(&mut self, input: TensorId, window: Window) -> TensorId {
        let activation = Activation::None;
        let output = self.walked(input, &window, self.graph[input].channels());
        self.layer(
            Op::AveragePool2d(Pool2d { window, activation }),
            &[input],
            &output,
        )
    }
    /// MEAN over rows and columns.
    pub fn mean(&mut self, input: TensorId) -> TensorId {
        let mean = Reduce {
            axes: vec![1, 2],
            keep_dims: false,
        };
        let channels = self.graph[input].channels();
        self.layer(Op::Mean(mean), &[input], &[1, channels])
    }
    /// FULLY_CONNECTED.
    pub fn fully_connected(&mut self, input: TensorId, channels: usize) -> TensorId {
        let length = self.graph[input].channels();
        let rows = self.graph[input].elements() / length;
        let weights = self.weights(&[channels, length]);
        let activation = Activation::None;
        self.layer(
            Op::FullyConnected(FullyConnected { activation }),
            &[input, weights],
            &[rows, channels],
        )
    }
    /// ADD.
    pub fn add(&mut self, a: TensorId, b: TensorId) -> TensorId {
        let activation = Activation::None;
        let shape = self.graph[a].shape.clone();
        self.layer(Op::Add(Elementwise { activation }), &[a, b], &shape)
    }
}
