# SPDX-License-Identifier: MIT OR Apache-2.0
"""FULLY_CONNECTED with many random biases, in files of one layer: tests/cases/dense_sweep*.{tflite,npz,json}.

Each output channel is one sum near a step of the output: what two implementations round differently shows here first.
Outputs are those of LiteRT's reference kernels. Seeded by the name.

Usage: python scripts/make_dense_sweep.py
Needs: pip install ai-edge-litert==2.3.0 tflite==2.18.0 flatbuffers numpy
"""
import hashlib
import json
import zlib
from pathlib import Path

import flatbuffers
import numpy as np
import tflite as schema
from ai_edge_litert import interpreter as litert

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "cases"
INPUTS, FRAMES = 8, 4
# name: element type, channels, scale of a sum in output steps, weights with a scale for each channel
SWEEPS = {
    "dense_sweep": (np.int8, 700, 2.0**-7.3, False),
    "dense_sweep_fine": (np.int8, 700, 2.0**-11.15, True),
    "dense_sweep_uint8": (np.uint8, 500, 2.0**-6.1, False),
}


def vector(builder, start, offsets):
    start(builder, len(offsets))
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def table(builder, name, **fields):
    """A table of the schema from its fields; scalars and offsets alike."""
    getattr(schema, name + "Start")(builder)
    for field, value in fields.items():
        getattr(schema, name + "Add" + field)(builder, value)
    return getattr(schema, name + "End")(builder)


def model(weights, bias, scales, zero_points):
    """One FULLY_CONNECTED. `scales` and `zero_points` of input, weights and output."""
    b = flatbuffers.Builder(1 << 16)
    kind = {"int8": schema.TensorType.INT8, "uint8": schema.TensorType.UINT8}[weights.dtype.name]

    def tensor(shape, dtype, buffer, scale, zero_point):
        scale = np.atleast_1d(scale).astype(np.float32)
        parts = dict(Scale=b.CreateNumpyVector(scale),
                     ZeroPoint=b.CreateNumpyVector(np.full(len(scale), zero_point, np.int64)))
        quantization = table(b, "QuantizationParameters", **parts)
        shape = b.CreateNumpyVector(np.array(shape, np.int32))
        return table(b, "Tensor", Shape=shape, Type=dtype, Buffer=buffer, Quantization=quantization)

    contents = [b.CreateByteVector(array.tobytes()) for array in (weights, bias)]
    buffers = [table(b, "Buffer"), *(table(b, "Buffer", Data=data) for data in contents)]
    (n_out, n_in), (s_in, s_w, s_out), (z_in, z_w, z_out) = weights.shape, scales, zero_points
    tensors = [tensor([1, n_in], kind, 0, s_in, z_in), tensor([n_out, n_in], kind, 1, s_w, z_w),
               tensor([n_out], schema.TensorType.INT32, 2, np.float32(s_in) * np.float32(s_w), 0),
               tensor([1, n_out], kind, 0, s_out, z_out)]
    options = table(b, "FullyConnectedOptions")
    inputs, outputs = (b.CreateNumpyVector(np.array(ids, np.int32)) for ids in ([0, 1, 2], [3]))
    operator = table(b, "Operator", Inputs=inputs, Outputs=outputs, BuiltinOptions=options,
                     BuiltinOptionsType=schema.BuiltinOptions.FullyConnectedOptions)
    ends = [b.CreateNumpyVector(np.array([n], np.int32)) for n in (0, 3)]
    graph = table(b, "SubGraph", Tensors=vector(b, schema.SubGraphStartTensorsVector, tensors), Inputs=ends[0],
                  Outputs=ends[1], Operators=vector(b, schema.SubGraphStartOperatorsVector, [operator]))
    code = table(b, "OperatorCode", DeprecatedBuiltinCode=schema.BuiltinOperator.FULLY_CONNECTED,
                 BuiltinCode=schema.BuiltinOperator.FULLY_CONNECTED, Version=4)
    parts = dict(OperatorCodes=vector(b, schema.ModelStartOperatorCodesVector, [code]),
                 Subgraphs=vector(b, schema.ModelStartSubgraphsVector, [graph]),
                 Buffers=vector(b, schema.ModelStartBuffersVector, buffers))
    b.Finish(table(b, "Model", Version=3, **parts), file_identifier=b"TFL3")
    return bytes(b.Output())


def run(content, frames):
    it = litert.Interpreter(model_content=content, experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF)
    it.allocate_tensors()
    for frame in frames:
        it.set_tensor(it.get_input_details()[0]["index"], frame)
        it.invoke()
        yield it.get_tensor(it.get_output_details()[0]["index"])


def main():
    for name, (dtype, channels, factor, per_channel) in SWEEPS.items():
        rng, info = np.random.default_rng(zlib.crc32(name.encode())), np.iinfo(dtype)
        low = -127 if dtype == np.int8 else 0
        weights = rng.integers(low, info.max + 1, (channels, INPUTS)).astype(dtype)
        zero_points = [int(z) for z in rng.integers(info.min, info.max + 1, 3)]
        zero_points[1] = zero_points[1] if dtype == np.uint8 else 0
        bias = rng.integers(int(-130 / factor), int(130 / factor), channels).astype(np.int32)
        s_in, s_w = np.float32(rng.uniform(0.001, 0.1)), np.float32(rng.uniform(0.001, 0.1))
        s_out = np.float32(float(s_in) * float(s_w) / factor)
        if per_channel:
            s_w = (s_w * np.exp2(rng.uniform(-1, 0, channels))).astype(np.float32)
        frames = rng.integers(info.min, info.max + 1, (FRAMES, 1, INPUTS)).astype(dtype)
        content = model(weights, bias, (s_in, s_w, s_out), zero_points)
        outputs = np.stack(list(run(content, frames)))
        stem = FOLDER / name
        stem.with_suffix(".tflite").write_bytes(content)
        np.savez_compressed(stem.with_suffix(".npz"), in0=frames, out0=outputs)
        sha256 = hashlib.sha256(outputs[0].tobytes()).hexdigest()
        tensor = dict(op=0, kind="FULLY_CONNECTED", tensor=3, name="", dtype=outputs.dtype.name,
                      shape=list(outputs.shape[1:]), sha256=sha256)
        fields = dict(model=name + ".tflite", sha256=hashlib.sha256(content).hexdigest(),
                      runtime="ai-edge-litert 2.3.0", kernels="reference", tensors=[tensor])
        stem.with_suffix(".json").write_text(json.dumps(fields, indent=1) + "\n")


if __name__ == "__main__":
    main()
