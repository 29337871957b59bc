# SPDX-License-Identifier: MIT OR Apache-2.0
"""Seconds per frame of TensorFlow Lite: speed_tflite.py MODEL FRAMES.npz KERNELS THREADS SECONDS

KERNELS is `reference` or `xnnpack`. Runs the frames over and over for at least SECONDS, after one round that is not counted,
and prints the mean.
"""
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

RESOLVERS = {"reference": OpResolverType.BUILTIN_REF, "xnnpack": OpResolverType.AUTO}


def main():
    model, frames, kernels, threads, least = sys.argv[1:]
    runner = Interpreter(model, num_threads=int(threads), experimental_op_resolver_type=RESOLVERS[kernels])
    runner.allocate_tensors()
    arrays = np.load(frames)
    inputs = [(detail["index"], arrays[f"in{k}"]) for k, detail in enumerate(runner.get_input_details())]
    outputs = [detail["index"] for detail in runner.get_output_details()]
    count = len(inputs[0][1])

    def run_all():
        for frame in range(count):
            for index, values in inputs:
                runner.set_tensor(index, values[frame])
            runner.invoke()
            for index in outputs:
                runner.get_tensor(index)

    run_all()
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < float(least):
        run_all()
        done += count
    print((time.perf_counter() - start) / done)


main()
