# SPDX-License-Identifier: MIT OR Apache-2.0
"""Speed of TensorFlow Lite's reference kernels on one thread against `sim::reference`, in the same run.

Usage: python scripts/compare_litert.py MODEL.tflite ...      Needs: pip install ai-edge-litert numpy
Both sides take turns, three times; the best median counts, so that other work on the machine hurts neither more.
"""
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert import interpreter as litert

SECONDS = 1.0
ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ["cargo", "run", "--quiet", "--release", "-p", "sepstream-sim", "--example", "reference_speed", "--"]


def litert_ms(path):
    """Median milliseconds per frame of the reference kernels."""
    it = litert.Interpreter(str(path), num_threads=1,
                            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF)
    it.allocate_tensors()
    for detail in it.get_input_details():
        count = int(np.prod(detail["shape"]))
        it.set_tensor(detail["index"], (np.arange(count) * 97 % 61).reshape(detail["shape"]).astype(detail["dtype"]))
    it.invoke()
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < SECONDS:
        frame = time.perf_counter()
        it.invoke()
        times.append((time.perf_counter() - frame) * 1e3)
    return statistics.median(times)


def ours_ms(path):
    """Median milliseconds per frame of the reference engine."""
    out = subprocess.run([*EXAMPLE, str(path), str(SECONDS)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return float(re.match(r"[\d.]+", out.stdout)[0])


def main():
    paths = [Path(p).resolve() for p in sys.argv[1:]] or sys.exit(__doc__)
    print(f"{'model':24} {'TFLite ref':>12} {'sepstream':>12} {'ratio':>7}")
    for path in paths:
        theirs, ours = zip(*((litert_ms(path), ours_ms(path)) for _ in range(3)))
        print(f"{path.stem:24} {min(theirs):9.2f} ms {min(ours):9.2f} ms {min(theirs) / min(ours):6.1f}x", flush=True)


if __name__ == "__main__":
    main()
