# SPDX-License-Identifier: MIT OR Apache-2.0
"""Model files of single operators with random shapes, scales, zero points and options, and the outputs of LiteRT's reference
kernels for random inputs: NAME.tflite and NAME.npz (in0, in1, ..., out0, ...; the first axis is the frame).

Usage: python scripts/make_operators.py                     the committed cases: tests/cases/operators
       python scripts/make_operators.py FOLDER COUNT SEED   COUNT cases of each kind, for a sweep by hand:
           SEPSTREAM_CASES=FOLDER cargo test -p sepstream-sim --test reference single_operators
Needs: pip install ai-edge-litert==2.3.0 numpy
"""
import sys
import zlib
from pathlib import Path

import numpy as np

from single_operator import Tensor, constant, model, run, schema

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "cases" / "operators"
COMMITTED = 2
KINDS = {}


def kind(*types):
    """Registers a function(draw, type) for each element type; it gives (operator, operands, results, options)."""
    def register(function):
        for t in types:
            KINDS[f"{function.__name__}_{t}"] = (function, t)
        return function
    return register


class Draw:
    """Random shapes, tensors and options."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def int(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def one(self, *choices):
        return choices[self.int(0, len(choices) - 1)]

    def shape(self, low=1, high=4, most=6):
        return [self.int(1, most) for _ in range(self.int(low, high))]

    def scale(self, low=-3.0, high=0.0):
        return np.float32(10 ** self.rng.uniform(low, high))

    def zero_point(self, t):
        low, high = (-128, 127) if t == "int8" else (0, 255)
        return self.one(low, self.int(low, high), self.int(low, high), (low + high + 1) // 2, high)

    def map(self, t, shape, scale=None, zero_point=None):
        if t not in ("int8", "uint8"):
            return Tensor(shape, t)
        zero_point = self.zero_point(t) if zero_point is None else zero_point
        return Tensor(shape, t, self.scale() if scale is None else scale, zero_point)

    def like(self, tensor, shape):
        return Tensor(shape, tensor.dtype, tensor.scale, tensor.zero_point)

    def values(self, shape, t):
        if t == "float32":
            return self.rng.normal(0, 3, shape).astype(t)
        if t == "bool":
            return self.rng.integers(0, 2, shape).astype(bool)
        low, high = {"int8": (-128, 127), "uint8": (0, 255)}.get(t, (-1000, 1000))
        return self.rng.integers(low, high + 1, shape).astype(t)

    def fill(self, tensor):
        """The tensor as a constant."""
        tensor.data = self.values(tensor.shape, tensor.dtype)
        return tensor

    def axes(self, rank):
        axes = self.rng.permutation(rank)[:self.int(1, rank)]
        return [int(a) - self.one(0, rank) for a in axes]

    def pair(self, shape):
        """Two shapes that broadcast to `shape`."""
        def thin():
            dims = [self.one(d, d, 1) for d in shape]
            return dims[self.one(0, 0, self.int(0, len(dims) - 1)):] if self.int(0, 2) == 0 else dims
        return self.one((shape, shape), (shape, thin()), (thin(), shape))


MOVED = ("int8", "uint8", "int32", "float32")


def unary(name, options=None, same=False, **fixed):
    def build(d, t):
        x = d.map(t, d.shape())
        y = d.like(x, x.shape) if same or d.int(0, 4) == 0 else d.map(t, x.shape, **fixed)
        return name, [x], [y], options(d) if options else None
    build.__name__ = name
    return build


for name in ("ABS", "EXP", "LOG", "NEG"):
    kind("int8", "float32")(unary(name))
for name in ("FLOOR", "SQRT", "SQUARE", "CEIL", "ROUND", "LOGISTIC", "LOG_SOFTMAX"):
    kind("float32")(unary(name))
kind("int8", "float32")(unary("ELU"))
for name in ("RELU", "RELU6", "RELU_N1_TO_1"):
    kind("int8", "uint8", "float32")(unary(name))
kind("int8", "uint8", "float32")(unary("LEAKY_RELU", lambda d: (
    "LeakyReluOptions", dict(alpha=float(d.one(d.rng.uniform(0, 1), d.rng.uniform(-2, 3)))))))
kind("int8", "uint8")(unary("GELU", lambda d: ("GeluOptions", dict(approximate=bool(d.int(0, 1))))))


@kind("int8", "float32")
def RSQRT(d, t):
    x = d.map(t, d.shape(), zero_point=-128)
    return "RSQRT", [x], [d.map(t, x.shape)], None


@kind("int8", "uint8")
def LOGISTIC(d, t):
    x = d.map(t, d.shape())
    return "LOGISTIC", [x], [Tensor(x.shape, t, 1 / 256, -128 if t == "int8" else 0)], None


def binary(name, table=None, quantised=True):
    def build(d, t):
        shape = d.shape(2)
        a, b = d.pair(shape)
        x, y = d.map(t, a), d.map(t, b)
        z = d.map(t, [])
        if name in ("MAXIMUM", "MINIMUM"):
            y, z = d.like(x, b), d.like(x, [])
        elif name == "SQUARED_DIFFERENCE" and t == "int8":
            z.scale = max(z.scale, np.float32(max(x.scale, y.scale) ** 2 / 2000))
        elif name in ("ADD", "SUB") and t != "float32":
            z.scale = max(z.scale, np.float32(max(x.scale, y.scale) / 1000))
        if d.int(0, 3) == 0:
            y = d.fill(y)
        z.shape = list(np.broadcast_shapes(a, b))
        act = dict(fusedActivationFunction=d.one(0, 0, 1, 2, 3)) if table else {}
        return name, [x, y], [z], (table, act) if table else None
    build.__name__ = name
    return build


for name, table in [("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")]:
    kind("int8", "uint8", "float32")(binary(name, table))
kind("float32")(binary("DIV", "DivOptions"))
for name in ("MAXIMUM", "MINIMUM"):
    kind("int8", "uint8", "float32")(binary(name))
kind("int8", "float32")(binary("SQUARED_DIFFERENCE"))


@kind("int8", "uint8", "float32")
def PRELU(d, t):
    x = d.map(t, d.shape(2))
    alpha = d.fill(d.map(t, d.one(x.shape[1:], [1] * (len(x.shape) - 2) + x.shape[-1:])))
    return "PRELU", [x, alpha], [d.map(t, x.shape)], None


def reduction(name, types):
    def build(d, t):
        x = d.map(t, d.shape(1, 5))
        axes = d.axes(len(x.shape))
        keep = bool(d.int(0, 1))
        kept = [1 if n in [a % len(x.shape) for a in axes] else s for n, s in enumerate(x.shape)]
        shape = kept if keep else [s for n, s in enumerate(x.shape) if n not in [a % len(x.shape) for a in axes]]
        y = d.like(x, shape) if name in ("REDUCE_MAX", "REDUCE_MIN") else d.map(t, shape)
        return name, [x, constant(axes)], [y], ("ReducerOptions", dict(keepDims=keep))
    build.__name__ = name
    kind(*types)(build)


reduction("MEAN", ("int8", "uint8"))
reduction("SUM", ("int8", "uint8"))
reduction("REDUCE_MAX", ("int8", "uint8", "float32"))
reduction("REDUCE_MIN", ("int8", "uint8", "float32"))
reduction("REDUCE_PROD", ("int8",))


def searched(name, table):
    def build(d, t):
        x = d.map(t, d.shape(1, 4))
        axis = d.int(0, len(x.shape) - 1)
        out = d.one("int32", "int64")
        y = Tensor(x.shape[:axis] + x.shape[axis + 1:], out)
        options = (table, dict(outputType=getattr(schema.TensorType, out.upper())))
        return name, [x, constant(axis - d.one(0, len(x.shape)))], [y], options
    build.__name__ = name
    kind("int8", "uint8", "int32", "float32")(build)


searched("ARG_MAX", "ArgMaxOptions")
searched("ARG_MIN", "ArgMinOptions")


def resize(name, table, types):
    def build(d, t):
        x = d.map(t, [1, d.int(1, 7), d.int(1, 7), d.int(1, 4)])
        size = [d.one(d.int(1, 15), 2 * x.shape[1]), d.one(d.int(1, 15), 2 * x.shape[2])]
        corners, centers = d.one((False, False), (True, False), (False, True))
        options = (table, dict(alignCorners=corners, halfPixelCenters=centers))
        return name, [x, constant(size)], [d.like(x, [1, *size, x.shape[3]])], options
    build.__name__ = name
    kind(*types)(build)


resize("RESIZE_BILINEAR", "ResizeBilinearOptions", ("int8", "uint8"))
resize("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", ("int8", "uint8", "float32"))


@kind(*MOVED, "int64", "bool")
def TRANSPOSE(d, t):
    x = d.map(t, d.shape(1, 5))
    order = [int(n) for n in d.rng.permutation(len(x.shape))]
    return "TRANSPOSE", [x, constant(order)], [d.like(x, [x.shape[n] for n in order])], None


@kind(*MOVED)
def SLICE(d, t):
    x = d.map(t, d.shape(1, 5))
    begin = [d.int(0, s - 1) for s in x.shape]
    size = [d.int(1, s - b) for s, b in zip(x.shape, begin)]
    given = [d.one(n, -1) if b + n == s else n for s, b, n in zip(x.shape, begin, size)]
    return "SLICE", [x, constant(begin), constant(given)], [d.like(x, size)], None


@kind(*MOVED, "bool")
def STRIDED_SLICE(d, t):
    x = d.map(t, d.shape(1, 4))
    rank = len(x.shape)
    entries = d.int(1, rank)
    ellipsis = d.int(0, 3) == 0
    place = d.int(0, entries - 1) if ellipsis else None
    begin, end, step, masks = [], [], [], dict.fromkeys(["begin", "end", "shrink", "new"], 0)
    ask, axis = [], 0
    for n in range(entries):
        if n == place:
            begin.append(0), end.append(0), step.append(1), ask.append(Ellipsis)
            axis = rank - (entries - n - 1)
            continue
        size = x.shape[axis]
        axis += 1
        style = d.one("range", "range", "range", "shrink", "new")
        if style == "new" and not ellipsis and masks["new"] == 0 and len(x.shape) < 4:
            masks["new"] |= 1 << n
            begin.append(0), end.append(1), step.append(1), ask.append(None)
            axis -= 1
        elif style == "shrink":
            at = d.int(-size, size - 1)
            masks["shrink"] |= 1 << n
            begin.append(at), end.append(at + 1), step.append(1), ask.append(at)
        else:
            a, b, s = d.int(-size - 1, size), d.int(-size - 1, size + 1), d.one(1, 1, 2, -1, -2, 3)
            open_begin, open_end = d.int(0, 2) == 0, d.int(0, 2) == 0
            masks["begin"] |= open_begin << n
            masks["end"] |= open_end << n
            begin.append(a), end.append(b), step.append(s)
            ask.append(slice(None if open_begin else a, None if open_end else b, s))
    shape = np.zeros(x.shape)[tuple(ask)].shape
    if 0 in shape:
        return None
    options = ("StridedSliceOptions", dict(beginMask=masks["begin"], endMask=masks["end"], shrinkAxisMask=masks["shrink"],
                                           newAxisMask=masks["new"], ellipsisMask=1 << place if ellipsis else 0))
    return "STRIDED_SLICE", [x, constant(begin), constant(end), constant(step)], [d.like(x, list(shape))], options


@kind(*MOVED)
def SPLIT(d, t):
    shape = d.shape(1, 4)
    axis, parts = d.int(0, len(shape) - 1), d.int(1, 3)
    part = list(shape)
    shape[axis] *= parts
    x = d.map(t, shape)
    results = [d.like(x, part) for _ in range(parts)]
    return "SPLIT", [constant(axis - d.one(0, len(shape))), x], results, ("SplitOptions", dict(numSplits=parts))


@kind(*MOVED)
def SPLIT_V(d, t):
    shape = d.shape(1, 4)
    axis, sizes = d.int(0, len(shape) - 1), [d.int(1, 4) for _ in range(d.int(1, 4))]
    shape[axis] = sum(sizes)
    x = d.map(t, shape)
    results = [d.like(x, shape[:axis] + [n] + shape[axis + 1:]) for n in sizes]
    given = list(sizes)
    if d.int(0, 1):
        given[d.int(0, len(given) - 1)] = -1
    return "SPLIT_V", [x, constant(given), constant(axis)], results, ("SplitVOptions", dict(numSplits=len(sizes)))


@kind(*MOVED)
def PACK(d, t):
    x = d.map(t, d.shape(1, 3))
    parts, axis = d.int(1, 3), d.int(0, len(x.shape))
    shape = x.shape[:axis] + [parts] + x.shape[axis:]
    operands = [x] + [d.like(x, x.shape) for _ in range(parts - 1)]
    axis -= d.one(0, len(shape))
    return "PACK", operands, [d.like(x, shape)], ("PackOptions", dict(axis=axis, valuesCount=parts))


@kind(*MOVED)
def UNPACK(d, t):
    x = d.map(t, d.shape(2, 4))
    axis = d.int(0, len(x.shape) - 1)
    results = [d.like(x, x.shape[:axis] + x.shape[axis + 1:]) for _ in range(x.shape[axis])]
    axis_given = axis - d.one(0, len(x.shape))
    return "UNPACK", [x], results, ("UnpackOptions", dict(axis=axis_given, num=x.shape[axis]))


@kind(*MOVED)
def GATHER(d, t):
    x = d.map(t, d.shape(1, 4))
    axis = d.int(0, len(x.shape) - 1)
    batch = d.one(0, 0, d.int(0, axis))
    inner = d.shape(0 if batch else 1, 2, 3)
    indices = d.rng.integers(0, x.shape[axis], x.shape[:batch] + inner)
    shape = x.shape[:axis] + inner + x.shape[axis + 1:]
    options = ("GatherOptions", dict(axis=axis - d.one(0, len(x.shape)), batchDims=batch))
    return "GATHER", [x, constant(indices, d.one("int32", "int64"))], [d.like(x, shape)], options


@kind(*MOVED, "bool")
def TILE(d, t):
    x = d.map(t, d.shape(1, 4, 4))
    times = [d.int(1, 3) for _ in x.shape]
    return "TILE", [x, constant(times)], [d.like(x, [a * b for a, b in zip(x.shape, times)])], None


@kind(*MOVED)
def BROADCAST_TO(d, t):
    shape = d.shape(1, 4)
    x = d.map(t, [d.one(1, n) for n in shape][d.one(0, d.int(0, len(shape) - 1)):])
    return "BROADCAST_TO", [x, constant(shape)], [d.like(x, shape)], None


@kind(*MOVED)
def REVERSE_V2(d, t):
    x = d.map(t, d.shape(1, 4))
    return "REVERSE_V2", [x, constant([d.int(0, len(x.shape) - 1)])], [d.like(x, x.shape)], None


@kind(*MOVED)
def PAD(d, t):
    x = d.map(t, d.shape(1, 5, 4))
    pads = [[d.int(0, 2), d.int(0, 2)] for _ in x.shape]
    return "PAD", [x, constant(pads)], [d.like(x, [n + sum(p) for n, p in zip(x.shape, pads)])], None


@kind(*MOVED)
def MIRROR_PAD(d, t):
    x = d.map(t, d.shape(1, 4))
    mode = d.int(0, 1)
    pads = [[d.int(0, min(3, n - 1 + mode)), d.int(0, min(3, n - 1 + mode))] for n in x.shape]
    shape = [n + sum(p) for n, p in zip(x.shape, pads)]
    return "MIRROR_PAD", [x, constant(pads)], [d.like(x, shape)], ("MirrorPadOptions", dict(mode=mode))


@kind(*MOVED)
def CONCATENATION(d, t):
    shape = d.shape(1, 4)
    axis = d.int(0, len(shape) - 1)
    x = d.map(t, list(shape))
    operands, total = [], 0
    for _ in range(d.int(1, 4)):
        part = list(shape)
        part[axis] = d.int(1, 4)
        total += part[axis]
        operands.append(d.map(t, part) if t == "uint8" and d.int(0, 1) else d.like(x, part))
    y = d.like(x, shape[:axis] + [total] + shape[axis + 1:])
    return "CONCATENATION", operands, [y], ("ConcatenationOptions", dict(axis=axis - d.one(0, len(shape))))


@kind(*MOVED)
def DEPTH_TO_SPACE(d, t):
    block, depth = d.int(1, 3), d.int(1, 3)
    x = d.map(t, [d.int(1, 2), d.int(1, 4), d.int(1, 4), block * block * depth])
    y = d.like(x, [x.shape[0], x.shape[1] * block, x.shape[2] * block, depth])
    return "DEPTH_TO_SPACE", [x], [y], ("DepthToSpaceOptions", dict(blockSize=block))


@kind(*MOVED)
def SPACE_TO_DEPTH(d, t):
    block, depth = d.int(1, 3), d.int(1, 3)
    x = d.map(t, [d.int(1, 2), d.int(1, 3) * block, d.int(1, 3) * block, depth])
    y = d.like(x, [x.shape[0], x.shape[1] // block, x.shape[2] // block, block * block * depth])
    return "SPACE_TO_DEPTH", [x], [y], ("SpaceToDepthOptions", dict(blockSize=block))


def spaces(d, t):
    rank = d.one(3, 4)
    block = [d.int(1, 3) for _ in range(rank - 2)]
    small = [d.int(1, 2)] + [d.int(1, 3) for _ in block] + [d.int(1, 3)]
    pads = []
    for n, b in enumerate(block):
        total = small[n + 1] * b
        before = d.int(0, min(2, total - 1))
        pads.append([before, d.int(0, min(2, total - 1 - before))])
    count = int(np.prod(block))
    large = [n * b - sum(p) for n, b, p in zip(small[1:], block, pads)]
    space = d.map(t, [small[0], *large, small[-1]])
    batch = d.like(space, [small[0] * count, *small[1:]])
    return space, batch, [constant(block), constant(pads)]


@kind(*MOVED)
def SPACE_TO_BATCH_ND(d, t):
    space, batch, options = spaces(d, t)
    return "SPACE_TO_BATCH_ND", [space, *options], [batch], None


@kind(*MOVED)
def BATCH_TO_SPACE_ND(d, t):
    space, batch, options = spaces(d, t)
    return "BATCH_TO_SPACE_ND", [batch, *options], [space], None


@kind(*MOVED, "int64", "bool")
def CAST(d, t):
    x = d.map(t, d.shape())
    to = d.one("int8", "uint8", "int32", "int64", "float32", "bool")
    types = dict(inDataType=getattr(schema.TensorType, t.upper()), outDataType=getattr(schema.TensorType, to.upper()))
    return "CAST", [x], [d.map(to, x.shape)], ("CastOptions", types)


@kind("int8")
def BATCH_MATMUL(d, t):
    rows, depth, columns = d.int(1, 5), d.int(1, 6), d.int(1, 5)
    outer = d.shape(1, 2, 3)
    a, b = d.pair(outer)
    adj_x, adj_y = bool(d.int(0, 1)), bool(d.int(0, 1))
    x = d.map(t, a + ([depth, rows] if adj_x else [rows, depth]))
    y = d.map(t, b + ([columns, depth] if adj_y else [depth, columns]))
    z = d.map(t, list(np.broadcast_shapes(a, b)) + [rows, columns])
    return "BATCH_MATMUL", [x, y], [z], ("BatchMatMulOptions", dict(adjX=adj_x, adjY=adj_y))


def weights(d, t, shape, axis):
    channels = shape[axis]
    if t == "uint8":
        w = Tensor(shape, t, d.scale(), d.zero_point(t))
    else:
        scales = np.array([d.scale() for _ in range(d.one(1, channels))], np.float32)
        w = Tensor(shape, t, scales, 0, axis if len(scales) > 1 else 0)
    return d.fill(w)


def bias(d, x, w, channels):
    b = Tensor([channels], "int32", np.float32(x.scale) * w.scale, 0)
    b.data = d.rng.integers(-2000, 2000, channels).astype("int32")
    return b


@kind("int8", "uint8")
def TRANSPOSE_CONV(d, t):
    inputs, outputs = d.int(1, 4), d.int(1, 4)
    kernel, stride, padding = [d.int(1, 4), d.int(1, 4)], [d.int(1, 3), d.int(1, 3)], d.int(0, 1)
    x = d.map(t, [1, d.int(1, 4), d.int(1, 4), inputs])
    size = [n * s if padding == 0 else (n - 1) * s + k for n, s, k in zip(x.shape[1:3], stride, kernel)]
    w = weights(d, t, [outputs, *kernel, inputs], 0)
    y = d.map(t, [1, *size, outputs], scale=d.scale(-2, 1))
    operands = [constant(y.shape), w, x] + ([bias(d, x, w, outputs)] if d.int(0, 1) else [])
    options = dict(padding=padding, strideH=stride[0], strideW=stride[1], fusedActivationFunction=d.one(0, 0, 1, 3))
    return "TRANSPOSE_CONV", operands, [y], ("TransposeConvOptions", options)


@kind("int8")
def CONV_2D(d, t):
    groups, inputs, outputs = d.int(1, 3), d.int(1, 3), d.int(1, 3)
    kernel = [d.int(1, 3), d.int(1, 3)]
    x = d.map(t, [1, d.int(3, 6), d.int(3, 6), groups * inputs])
    w = weights(d, t, [groups * outputs, *kernel, inputs], 0)
    stride = [d.int(1, 2), d.int(1, 2)]
    size = [-(-n // s) for n, s in zip(x.shape[1:3], stride)]
    y = d.map(t, [1, *size, groups * outputs], scale=d.scale(-2, 1))
    options = dict(padding=0, strideH=stride[0], strideW=stride[1], dilationHFactor=1, dilationWFactor=1)
    return "CONV_2D", [x, w, bias(d, x, w, groups * outputs)], [y], ("Conv2DOptions", options)


@kind("int8", "uint8")
def AVERAGE_POOL_2D(d, t):
    x = d.map(t, [1, d.int(1, 6), d.int(1, 6), d.int(1, 3)])
    stride, pool = [d.int(1, 3), d.int(1, 3)], [d.int(1, 4), d.int(1, 4)]
    size = [-(-n // s) for n, s in zip(x.shape[1:3], stride)]
    options = dict(padding=0, strideH=stride[0], strideW=stride[1], filterHeight=pool[0], filterWidth=pool[1],
                   fusedActivationFunction=d.one(0, 1, 3))
    return "AVERAGE_POOL_2D", [x], [d.like(x, [1, *size, x.shape[3]])], ("Pool2DOptions", options)


def make(path, name, seed):
    """Writes one case; tries other random choices where LiteRT refuses. Returns the number of refusals."""
    function, t = KINDS[name]
    for attempt in range(20):
        draw = Draw([seed, attempt])
        case = function(draw, t)
        if case is None:
            continue
        operator, operands, results, options = case
        data = model(operator, operands, results, options)
        inputs = [x for x in operands if x is not None and x.data is None]
        frames = [[draw.values(x.shape, x.dtype) for x in inputs] for _ in range(2)]
        try:
            outputs = run(data, frames)
        except (RuntimeError, ValueError) as error:
            if attempt == 19:
                print(f"{name}: {str(error).splitlines()[0]}", flush=True)
            continue
        path.with_suffix(".tflite").write_bytes(data)
        arrays = {f"in{n}": np.stack(frame) for n, frame in enumerate(zip(*frames, strict=True))}
        arrays |= {f"out{n}": out for n, out in enumerate(outputs)}
        np.savez_compressed(path.with_suffix(".npz"), **arrays)
        return


def main():
    folder, count, seed = FOLDER, COMMITTED, 0
    if len(sys.argv) > 1:
        folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for name in KINDS:
        for n in range(count):
            make(folder / f"{name.lower()}_{n}", name, zlib.crc32(f"{name} {n} {seed}".encode()))


if __name__ == "__main__":
    main()
