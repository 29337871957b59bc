# SPDX-License-Identifier: MIT OR Apache-2.0
"""Trains the embedded default model, a MobileNetV1 in small, on the handwritten digits of scikit-learn.

1,797 real images, 8x8 pixels of 16 levels. A stratified fifth (360) is the held-out test set: it takes no part in
training, calibration or any choice; it is run once through the finished model, for the accuracies in digits.json.

Usage: python scripts/train_digits.py            trains, writes models/digits.tflite, digits_test.npz, digits.json
       python scripts/train_digits.py --check    measures the committed files again, exit code 1 if one differs
Needs: pip install -r models/requirements.txt
"""
import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import golden

SEED = 1
EPOCHS = 120
BATCH = 32
TEST_IMAGES = 360
STEM = Path(__file__).resolve().parent.parent / "models" / "digits"
TEST_SET = "digits_test"
BLOCKS = [(24, 1), (32, 2), (32, 1), (32, 1)]  # output channels and depthwise stride of each separable block


def data():
    """x_train, x_test in 0..1 as [N, 8, 8, 1], y_train, y_test."""
    digits = load_digits()
    x = (digits.images / 16).astype(np.float32)[..., np.newaxis]
    return train_test_split(x, digits.target, test_size=TEST_IMAGES, stratify=digits.target, random_state=SEED)


def network():
    def block(x, convolution):
        return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(convolution(x)))

    image = x = keras.Input((8, 8, 1))
    x = block(x, layers.Conv2D(16, 3, padding="same", use_bias=False))
    for channels, stride in BLOCKS:
        x = block(x, layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False))
        x = block(x, layers.Conv2D(channels, 1, use_bias=False))
    x = layers.AveragePooling2D(x.shape[1:3])(x)
    x = layers.Flatten()(x)
    x = layers.Dense(10, activation="softmax")(x)
    return keras.Model(image, x, name="digits")


def augment(images, rng):
    """A small random rotation, scale and shift of each image about its centre."""
    out = np.empty_like(images)
    for i, image in enumerate(images):
        angle, scale = rng.uniform(-0.2, 0.2), rng.uniform(0.9, 1.1, 2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
        offset = np.full(2, 3.5) - turn @ (np.full(2, 3.5) + rng.uniform(-0.7, 0.7, 2))
        out[i, ..., 0] = ndimage.affine_transform(image[..., 0], turn, offset, order=1)
    return out


def train(x, y):
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    rng = np.random.default_rng(SEED)
    model = network()
    steps = EPOCHS * -(-len(x) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy")
    for epoch in range(EPOCHS):
        order = rng.permutation(len(x))
        loss = model.fit(augment(x[order], rng), y[order], batch_size=BATCH, shuffle=False, verbose=0)
        print(f"epoch {epoch + 1:3d} of {EPOCHS}  loss {loss.history['loss'][0]:.4f}", flush=True)
    return model


def quantise(x, detail):
    scale, zero_point = detail["quantization"]
    return np.clip(np.rint(x / scale) + zero_point, -128, 127).astype(np.int8)


def accuracy(scores, labels):
    return round(float(np.mean(np.argmax(scores, -1) == labels)), 5)


def int8_outputs(tflite, x):
    """Stacked INT8 inputs and outputs, [N, 1, 8, 8, 1] and [N, 1, 10]."""
    it = golden.interpreter(tflite, tf.lite)
    inputs = quantise(x, it.get_input_details()[0])[:, np.newaxis]
    return inputs, np.stack([golden.invoke(it, [frame])[0] for frame in inputs])


def main():
    x_train, x_test, y_train, y_test = data()
    model = train(x_train, y_train)
    tflite = golden.to_int8(lambda x: model(x, training=False), [1, 8, 8, 1], x_train, per_channel_dense=False)
    it = golden.interpreter(tflite, tf.lite)
    inputs, outputs = int8_outputs(tflite, x_test)
    fields = dict(
        data="scikit-learn load_digits: UCI Optical Recognition of Handwritten Digits",
        split=dict(train=len(x_train), test=len(x_test), stratified=True, random_state=SEED),
        seed=SEED,
        versions=golden.versions(),
        accuracy=dict(float=accuracy(model.predict(x_test, verbose=0), y_test),
                      int8=accuracy(outputs[:, 0], y_test)),
        parameters=int(model.count_params() - sum(np.prod(w.shape) for w in model.non_trainable_weights)),
        parameter_bytes=golden.parameter_bytes(it),
    )
    labels = dict(labels=y_test.astype(np.int64))
    golden.write(STEM, tflite, [inputs], arrays_name=TEST_SET, extra_arrays=labels, extra_fields=fields)
    print(json.dumps(fields, indent=1))


def check():
    """The committed files against the data set and the reference kernels."""
    _, x_test, _, y_test = data()
    tflite = STEM.with_suffix(".tflite").read_bytes()
    stored = np.load(STEM.with_name(TEST_SET + ".npz"))
    fields = json.loads(STEM.with_suffix(".json").read_text())
    inputs, outputs = int8_outputs(tflite, x_test)
    equal = {
        "sha256": golden.sha256(tflite) == fields["sha256"],
        "in0": np.array_equal(inputs, stored["in0"]),
        "out0": np.array_equal(outputs, stored["out0"]),
        "labels": np.array_equal(y_test, stored["labels"]),
        "accuracy": accuracy(outputs[:, 0], y_test) == fields["accuracy"]["int8"],
    }
    print(equal)
    sys.exit(0 if all(equal.values()) else 1)


if __name__ == "__main__":
    check() if sys.argv[1:] == ["--check"] else main()
