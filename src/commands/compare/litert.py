# SPDX-License-Identifier: MIT OR Apache-2.0
"""TensorFlow Lite on one frame: MODEL KERNELS SECONDS INPUT OUTPUT

KERNELS is `reference` or `xnnpack`. INPUT holds the bytes of all inputs one behind the other, OUTPUT gets those of all outputs.
Prints seconds of a frame (median) and the number of runs.
"""
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

model, kernels, least, source, target = sys.argv[1:]
resolver = {"reference": OpResolverType.BUILTIN_REF, "xnnpack": OpResolverType.AUTO}[kernels]
runner = Interpreter(model, num_threads=1, experimental_op_resolver_type=resolver)
runner.allocate_tensors()
data = open(source, "rb").read()
for detail in runner.get_input_details():
    count = int(np.prod(detail["shape"]))
    size = count * np.dtype(detail["dtype"]).itemsize
    runner.set_tensor(detail["index"], np.frombuffer(data[:size], detail["dtype"]).reshape(detail["shape"]))
    data = data[size:]
runner.invoke()
with open(target, "wb") as file:
    for detail in runner.get_output_details():
        file.write(runner.get_tensor(detail["index"]).tobytes())
times, begin = [], time.perf_counter()
while len(times) < 5 or (len(times) < 51 and time.perf_counter() - begin < float(least)):
    start = time.perf_counter()
    runner.invoke()
    times.append(time.perf_counter() - start)
print(sorted(times)[len(times) // 2], len(times))
