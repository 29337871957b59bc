# SPDX-License-Identifier: MIT OR Apache-2.0
"""Model files of one operator, written at flatbuffer level, and what the reference kernels of LiteRT make of them.

A converter chooses shapes, scales and options by itself; here they are whatever the caller wants.
"""
from dataclasses import dataclass

import flatbuffers
import numpy as np
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema

TYPES = {np.dtype(name.lower()): getattr(schema.TensorType, name)
         for name in ["INT8", "UINT8", "INT32", "INT64", "FLOAT32", "BOOL"]}

# Versions of operators that began with a later one.
VERSIONS = {"BROADCAST_TO": 2}


@dataclass
class Tensor:
    """A tensor of the model: an input, unless it has contents."""
    shape: list
    dtype: str = "int8"
    scale: object = None
    zero_point: object = 0
    axis: int = 0
    data: object = None


def constant(values, dtype="int32", **quantisation):
    array = np.asarray(values, dtype)
    return Tensor(list(array.shape), dtype, data=array, **quantisation)


def table(tensor, index):
    t = schema.TensorT()
    t.shape, t.type, t.buffer, t.name = list(tensor.shape), TYPES[np.dtype(tensor.dtype)], index, f"t{index}".encode()
    if tensor.scale is not None:
        q = schema.QuantizationParametersT()
        q.scale = [float(s) for s in np.atleast_1d(tensor.scale)]
        q.zeroPoint = [int(z) for z in np.broadcast_to(tensor.zero_point, len(q.scale))]
        q.quantizedDimension = tensor.axis
        t.quantization = q
    return t


def model(kind, operands, results, options=None):
    """Bytes of a model. Operands without contents are its inputs, None is an operand left out; `options` are the name of
    the options table and its fields."""
    m, g, op, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT()
    builtin = getattr(schema.BuiltinOperator, kind)
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), VERSIONS.get(kind, 1)
    m.version, m.operatorCodes, m.description, m.buffers = 3, [code], b"single operator", [schema.BufferT()]
    g.tensors, g.inputs, op.inputs = [], [], []
    for tensor in [*operands, *results]:
        if tensor is None:
            op.inputs.append(-1)
            continue
        place = len(g.tensors)
        buffer = schema.BufferT()
        if tensor.data is not None:
            buffer.data = np.frombuffer(np.ascontiguousarray(tensor.data).tobytes(), np.uint8)
        m.buffers.append(buffer)
        g.tensors.append(table(tensor, place + 1))
        if not any(tensor is r for r in results):
            op.inputs.append(place)
            if tensor.data is None:
                g.inputs.append(place)
    count = len(g.tensors)
    op.outputs = g.outputs = list(range(count - len(results), count))
    if options:
        name, fields = options
        op.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        op.builtinOptions = getattr(schema, name + "T")()
        for field, value in fields.items():
            assert hasattr(op.builtinOptions, field), field
            setattr(op.builtinOptions, field, value)
    g.operators, m.subgraphs = [op], [g]
    builder = flatbuffers.Builder(1024)
    builder.Finish(m.Pack(builder), b"TFL3")
    return bytes(builder.Output())


# The reference kernels that LiteRT registers lack these; it has only one kernel for each of them.
ONLY_BUILTIN = ["BROADCAST_TO", "CEIL", "ELU", "ROUND"]


def interpreter(model_bytes):
    kinds = litert.OpResolverType
    code = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model_bytes, 0)).operatorCodes[0].builtinCode
    only = code in [getattr(schema.BuiltinOperator, name) for name in ONLY_BUILTIN]
    resolver = kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES if only else kinds.BUILTIN_REF
    return litert.Interpreter(model_content=model_bytes, num_threads=1, experimental_op_resolver_type=resolver)


def run(model_bytes, frames):
    """Outputs for each frame of inputs, stacked; raises ValueError or RuntimeError where LiteRT refuses."""
    it = interpreter(model_bytes)
    it.allocate_tensors()
    outputs = []
    for frame in frames:
        for detail, x in zip(it.get_input_details(), frame, strict=True):
            it.set_tensor(detail["index"], x)
        it.invoke()
        outputs.append([it.get_tensor(d["index"]) for d in it.get_output_details()])
    return [np.stack(o) for o in zip(*outputs, strict=True)]
