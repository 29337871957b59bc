# SPDX-License-Identifier: MIT OR Apache-2.0
"""Full INT8 conversion, and golden tensors from TensorFlow Lite's reference kernels.

Golden data of a model NAME.tflite:
  NAME.npz   in<k>, out<k>: stacked frames of graph input / output k, first axis = frames
  NAME.json  sha256 of the model; for frame 0 the sha256 of every operator output (row-major bytes)

The reference is BUILTIN_REF of the pinned ai-edge-litert. The same kernels of the pinned TensorFlow have the integer form
of FULLY_CONNECTED, as TensorFlow Lite Micro; the field `integer_form` tells for each model whether all its tensors are
equal there too, or names the first operator that is not. Where outputs differ, NAME_tflm.npz has those of that form.
"""
import hashlib
import json
from importlib.metadata import version

import numpy as np
import tensorflow as tf
from ai_edge_litert import interpreter as litert

PACKAGES = ["tensorflow-cpu", "keras", "ai-edge-litert", "numpy", "scipy", "scikit-learn"]


def versions():
    return {p: version(p) for p in PACKAGES}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def to_int8(function, shape, samples, *, float_io=False, per_channel_dense=True):
    """Converts function(x), x float32 of `shape` (batch 1, so no shape arithmetic is left in the graph)."""
    graph = tf.function(function).get_concrete_function(tf.TensorSpec(shape, tf.float32, name="input"))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], graph)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x.reshape(shape).astype(np.float32)] for x in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if not float_io:
        converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = not per_channel_dense
    return converter.convert()


def interpreter(model, module):
    """`module` is tf.lite or the litert one: the same API, with the resolver names in two places."""
    resolver = getattr(module, "OpResolverType", None) or module.experimental.OpResolverType
    it = module.Interpreter(
        model_content=model,
        experimental_op_resolver_type=resolver.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    it.allocate_tensors()
    return it


def invoke(it, inputs):
    for detail, x in zip(it.get_input_details(), inputs, strict=True):
        it.set_tensor(detail["index"], x)
    it.invoke()
    return [it.get_tensor(d["index"]) for d in it.get_output_details()]


def operators(it):
    """(record, values) of each operator output of the last invocation."""
    details = {t["index"]: t for t in it.get_tensor_details()}
    for n, op in enumerate(it._get_ops_details()):
        for i in map(int, op["outputs"]):
            a = np.ascontiguousarray(it.get_tensor(i))
            yield dict(op=n, kind=op["op_name"], tensor=i, name=details[i]["name"], dtype=a.dtype.name,
                       shape=list(a.shape), sha256=sha256(a.tobytes())), a


def parameter_bytes(it):
    """Bytes of the constants that operators with weights read, by kind."""
    details = {t["index"]: t for t in it.get_tensor_details()}
    count = dict(weights=0, biases=0)
    for op in it._get_ops_details():
        if op["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            for kind, i in zip(count, list(op["inputs"])[1:], strict=True):
                count[kind] += int(np.prod(details[i]["shape"])) * np.dtype(details[i]["dtype"]).itemsize
    return count


def stacked(outputs):
    """Arrays out<k> of the outputs of several frames."""
    return {f"out{k}": np.stack(o) for k, o in enumerate(zip(*outputs, strict=True))}


def write(stem, model, frames, *, arrays_name=None, extra_arrays=None, extra_fields=None):
    """Writes the three files of `stem` (a path without suffix). `frames` is one stacked array per graph input.
    Returns (record, values) of every operator output for frame 0."""
    it, other = interpreter(model, litert), interpreter(model, tf.lite)
    outputs, integer, records, differs = [], [], [], None
    for k in range(len(frames[0])):
        outputs.append(invoke(it, [f[k] for f in frames]))
        integer.append(invoke(other, [f[k] for f in frames]))
        traced = list(operators(it))
        records = records or traced
        if differs is None:
            pairs = zip([a for a, _ in traced], [b for b, _ in operators(other)], strict=True)
            differs = next((f"op {a['op']} {a['kind']}" for a, b in pairs if a["sha256"] != b["sha256"]), None)
    arrays = {f"in{k}": f for k, f in enumerate(frames)}
    arrays |= stacked(outputs)
    name = arrays_name or stem.name
    stem.with_suffix(".tflite").write_bytes(model)
    np.savez_compressed(stem.with_name(name + ".npz"), **arrays, **(extra_arrays or {}))
    if any((a != stacked(outputs)[k]).any() for k, a in stacked(integer).items()):
        np.savez_compressed(stem.with_name(name + "_tflm.npz"), **(arrays | stacked(integer)))
    fields = dict(model=stem.name + ".tflite", sha256=sha256(model)) | (extra_fields or {})
    fields |= dict(runtime="ai-edge-litert " + version("ai-edge-litert"), kernels="reference")
    fields |= dict(integer_form="equal" if differs is None else "differs from " + differs)
    head = json.dumps(fields, indent=1)[:-2]
    lines = ",\n".join("  " + json.dumps(r) for r, _ in records)  # one operator per line
    stem.with_suffix(".json").write_text(f'{head},\n "tensors": [\n{lines}\n ]\n}}\n')
    return records
