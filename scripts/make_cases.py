# SPDX-License-Identifier: MIT OR Apache-2.0
"""Small operator-coverage models with random weights, full INT8: tests/cases/NAME.{tflite,npz,json}.

Each model chains layers that one part of the machine has to get right at awkward sizes. Frame 0 of its input is
uniform noise over the whole INT8 range, frame 1 is smooth. Weights and calibration samples are seeded by the name, so
a case does not change when another is added.

Usage: python scripts/make_cases.py [NAME ...]      all cases without a name
Needs: pip install -r models/requirements.txt
"""
import sys
import zlib
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy import ndimage

import golden

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "cases"
ACTIVATIONS = {
    None: lambda x: x,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "relu_n1_to_1": lambda x: tf.maximum(-1.0, tf.minimum(x, 1.0)),
    "hard_swish": lambda x: x * tf.nn.relu6(x + 3.0) * np.float32(1 / 6),
}
CASES = {}
# A tensor with more of its values at the limits than this would hide errors (ReLU alone puts about half there).
SATURATED_LIMIT = 0.75


def case(*shape, **options):
    """Registers a network function(net, x) under its name, for an input of `shape` (without batch)."""
    def register(function):
        CASES[function.__name__] = (function, [1, *shape], options)
        return function
    return register


class Net:
    """Layers with random weights. The first pass over a network, on a batch of samples, draws the weights of each
    layer and scales them so that every channel stays alive; later passes use the same weights again."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.parameters = []
        self.drawing = True

    def again(self):
        self.drawing = False
        self.remaining = iter(self.parameters)
        return self

    def layer(self, x, shape, operator, act):
        """`shape` is that of the weights, the output channels in its last axes; operator(x, w) without bias."""
        if self.drawing:
            w = self.rng.normal(0, 1, shape).astype(np.float32)
            y = operator(x, w).numpy()
            channels = tuple(range(y.ndim - 1))
            mean, deviation = y.mean(channels), y.std(channels)
            # Channels of unlike size, so that their multipliers and shifts differ.
            gain = np.exp(self.rng.normal(0, 0.4, len(mean))) / deviation
            bias = (self.rng.normal(0.2, 0.5, len(mean)) * deviation - mean) * gain
            w = (w.reshape([-1, len(mean)]) * gain).reshape(shape)
            self.parameters.append((w.astype(np.float32), bias.astype(np.float32)))
            w, bias = self.parameters[-1]
        else:
            w, bias = next(self.remaining)
        return ACTIVATIONS[act](tf.nn.bias_add(operator(x, tf.constant(w)), tf.constant(bias)))

    def conv(self, x, channels, kernel=(1, 1), stride=1, pad="SAME", act="relu", dilation=1):
        def operator(x, w):
            return tf.nn.conv2d(x, w, stride, pad, dilations=dilation)
        return self.layer(x, [*kernel, x.shape[-1], channels], operator, act)

    def depthwise(self, x, kernel=(3, 3), stride=1, pad="SAME", act="relu6", multiplier=1):
        def operator(x, w):
            return tf.nn.depthwise_conv2d(x, w, [1, stride, stride, 1], pad)
        return self.layer(x, [*kernel, x.shape[-1], multiplier], operator, act)

    def dense(self, x, channels, act="relu"):
        return self.layer(x, [x.shape[-1], channels], tf.matmul, act)

    def flatten(self, x):
        return tf.reshape(x, [x.shape[0], int(np.prod(x.shape[1:]))])

    def separable(self, x, channels, stride=1):
        return self.conv(self.depthwise(x, stride=stride), channels, act="relu6")

    def inverted_residual(self, x, channels, stride=1, expand=4):
        inputs = x.shape[-1]
        y = self.conv(x, inputs * expand, act="relu6")
        y = self.conv(self.depthwise(y, stride=stride), channels, act=None)
        return x + y if stride == 1 and channels == inputs else y


@case(12, 10, 3)
def conv3x3_rgb(net, x):
    x = net.conv(x, 5, (3, 3))
    x = net.conv(x, 8, (3, 3), stride=2, act="relu6")
    return net.conv(x, 6, (3, 3), pad="VALID", act=None)


@case(13, 13, 1)
def conv3x3_grey(net, x):
    x = net.conv(x, 5, (3, 3), stride=2, pad="VALID", act="relu6")
    x = net.conv(x, 7, (3, 3), act="relu_n1_to_1")
    return net.conv(x, 10, (3, 3), stride=2, act=None)


@case(25, 10, 1)
def conv_large(net, x):
    x = net.conv(x, 8, (10, 4), stride=2)
    x = net.conv(x, 6, (5, 5))
    x = net.conv(x, 5, (7, 7))
    return net.conv(x, 4, (5, 5), stride=2, pad="VALID", act=None)


@case(9, 11, 4)
def conv_narrow(net, x):
    x = net.conv(x, 6, (3, 1))
    x = net.conv(x, 5, (1, 3))
    x = net.conv(x, 7, (2, 2))
    x = net.conv(x, 6, (4, 4), pad="VALID")
    return net.conv(x, 9, (1, 1), stride=2, act=None)


@case(11, 9, 3)
def conv_dilated(net, x):
    x = net.conv(x, 6, (3, 3), dilation=2)
    return net.conv(x, 5, (3, 3), pad="VALID", act=None, dilation=2)


@case(12, 15, 8)
def depthwise3x3(net, x):
    x = net.depthwise(x)
    x = net.depthwise(x, stride=2, act="relu")
    x = net.depthwise(x, pad="VALID")
    return net.depthwise(x, stride=2, pad="VALID", act=None)


@case(11, 9, 6)
def depthwise_large(net, x):
    x = net.depthwise(x, (5, 5))
    x = net.depthwise(x, (7, 7), act="relu")
    x = net.depthwise(x, (3, 1))
    x = net.depthwise(x, (1, 5), act="relu")
    return net.depthwise(x, (5, 5), stride=2, act=None)


@case(14, 10, 1)
def depth_multiplier(net, x):
    x = net.depthwise(x, (10, 8), stride=2, multiplier=8, act="relu")  # one channel, as in micro_speech
    x = net.conv(x, 3)
    x = net.depthwise(x, multiplier=2)
    return net.conv(x, 5, act=None)


@case(9, 9, 5)
def separable_9x9(net, x):
    for channels, stride in [(7, 1), (13, 2), (17, 1), (24, 2), (5, 1)]:
        x = net.separable(x, channels, stride)
    return x


@case(7, 4, 24)
def separable_7x4(net, x):
    for channels, stride in [(17, 1), (13, 2), (7, 2)]:
        x = net.separable(x, channels, stride)
    return x


@case(3, 5, 7)
def separable_3x5(net, x):
    for channels, stride in [(13, 1), (24, 1), (17, 2)]:
        x = net.separable(x, channels, stride)
    return x


@case(1, 1, 13)
def separable_1x1(net, x):
    for channels in [17, 5, 24]:
        x = net.separable(x, channels)
    return x


@case(9, 7, 5)
def pool_windows(net, x):
    x = tf.nn.avg_pool2d(net.conv(x, 6), 3, 1, "SAME")
    x = tf.nn.avg_pool2d(net.conv(x, 7, act=None), 2, 2, "SAME")
    x = tf.nn.avg_pool2d(net.conv(x, 9), (3, 2), 1, "VALID")
    x = net.conv(x, 8, act=None)
    return tf.nn.avg_pool2d(x, x.shape[1:3], 1, "VALID")


@case(6, 5, 7)
def pool_mean(net, x):
    x = tf.reduce_mean(net.conv(x, 9, (3, 3), act=None), [1, 2], keepdims=True)
    x = net.conv(x, 11)
    return tf.reduce_mean(x, [1, 2])


@case(3, 4, 5, per_channel_dense=False)
def dense_stack(net, x):
    x = net.flatten(net.conv(x, 5))
    x = net.dense(x, 24)
    x = net.dense(x, 17, "relu6")
    x = net.dense(x, 9)
    return net.dense(x, 10, None)


@case(2, 3, 4)
def dense_per_channel(net, x):
    x = net.dense(net.flatten(x), 13)
    return net.dense(x, 7, None)


@case(8, 7, 6)
def residual_add(net, x):
    y = net.conv(x, 6, (3, 3))
    x = tf.nn.relu(x + net.conv(y, 6, (3, 3), act=None))
    y = net.conv(x, 9, (3, 3), stride=2)
    y = net.conv(y, 9, (3, 3), act=None)
    x = tf.nn.relu(net.conv(x, 9, stride=2, act=None) + y)
    return x + net.conv(x, 9, act=None)


@case(8, 8, 5)
def inverted_residual(net, x):
    x = net.inverted_residual(x, 5)
    x = net.inverted_residual(x, 7, stride=2)
    x = net.inverted_residual(x, 7)
    return net.inverted_residual(x, 12, expand=3)


@case(7, 6, 8)
def squeeze_excite(net, x):
    x = net.conv(x, 12, act="hard_swish")
    x = net.depthwise(x, act="hard_swish")
    gate = net.conv(tf.reduce_mean(x, [1, 2], keepdims=True), 4)
    gate = net.conv(gate, 12, act=None)
    gate = tf.nn.relu6(gate + 3.0) * np.float32(1 / 6)  # hard sigmoid, as MobileNetV3 has it
    return net.conv(x * gate, 7, act=None)


@case(7, 6, 8, per_channel_dense=False)
def squeeze_excite_dense(net, x):
    x = net.depthwise(x, (5, 5), act="hard_swish")
    gate = net.dense(tf.reduce_mean(x, [1, 2]), 4)
    gate = tf.sigmoid(net.dense(gate, 8, None))
    return net.conv(x * tf.reshape(gate, [x.shape[0], 1, 1, 8]), 9, act=None)


@case(14, 12, 3)
def explicit_pad(net, x):
    x = net.conv(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 6, (3, 3), stride=2, pad="VALID")
    x = tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 0]])
    x = net.depthwise(x, stride=2, pad="VALID")
    short = tf.pad(x, [[0, 0], [0, 0], [0, 0], [0, 3]])  # channel padding of a residual
    return short + net.conv(x, 9, act=None)


@case(6, 6, 3, float_io=True)
def float_edges(net, x):
    x = net.separable(net.conv(x, 5, (3, 3)), 6)
    return net.conv(x, 4, act=None)


@case(5, 5, 4, per_channel_dense=False)
def output_logistic(net, x):
    x = net.conv(x, 6, (3, 3), stride=2)
    return tf.sigmoid(net.dense(net.flatten(x), 9, None))


@case(6, 5, 4, per_channel_dense=False)
def output_two(net, x):
    """Two outputs: softmax classes and a tanh map."""
    x = net.conv(x, 7, (3, 3))
    scores = net.dense(tf.reduce_mean(x, [1, 2]), 6, None)
    return tf.nn.softmax(2 * scores), tf.tanh(net.conv(x, 3, act=None))


def frames(shape, rng, count):
    """Alternating noise and smooth frames in -1..1."""
    def frame(k):
        x = rng.uniform(-1, 1, shape)
        if k % 2:
            x = ndimage.gaussian_filter(x, [0, 1.5, 1.5, 0], mode="wrap")
            x /= max(np.abs(x).max(), 1e-6)
        return x.astype(np.float32)
    return np.stack([frame(k) for k in range(count)])


def quantised(x, detail):
    scale, zero_point = detail["quantization"]
    return np.clip(np.rint(x / scale) + zero_point, -128, 127).astype(np.int8) if scale else x


def make(name):
    function, shape, options = CASES[name]
    seed = zlib.crc32(name.encode())
    samples = frames(shape, np.random.default_rng([seed, 1]), 64)
    net = Net(seed)
    function(net, samples[:, 0])
    model = golden.to_int8(lambda x: function(net.again(), x), shape, samples, **options)
    it = golden.interpreter(model, tf.lite)
    inputs = quantised(frames(shape, np.random.default_rng([seed, 2]), 2), it.get_input_details()[0])
    if inputs.dtype == np.float32:  # on the grid of the QUANTIZE behind it, so that its rounding has no ties
        first = it._get_ops_details()[0]["outputs"][0]
        scale, zero_point = next(t["quantization"] for t in it.get_tensor_details() if t["index"] == first)
        inputs = (np.rint(inputs / scale) * scale).astype(np.float32)
    records = golden.write(FOLDER / name, model, [inputs])
    for record, values in records:
        if values.dtype == np.int8:
            saturated = np.mean((values == -128) | (values == 127))
            distinct = len(np.unique(values))
            if saturated > SATURATED_LIMIT or distinct < min(4, values.size // 2):
                sys.exit(f"{name}: op {record['op']} {record['kind']} is degenerate: "
                         f"{saturated:.0%} saturated, {distinct} values of {values.size}")
    print(f"{name:22s} {len(model):6d} bytes  {' '.join(r['kind'] for r, _ in records)}", flush=True)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or CASES:
        make(name)


if __name__ == "__main__":
    main()
