"""What the peers compute: shapes, initial values, batches and inputs, and how they are timed.

The same models, losses and optimizers as in benches/scripts; random numbers differ, so losses do too.
Weights are normal with variance 1/fan_in, biases zero; 8 batches are made before and cycled through.
"""
import json
import os
import resource
import time

import numpy as np

LR, B1, B2, EPS = 1e-3, 0.9, 0.999, 1e-8
RATE, RATE_S, BETA = 0.01, 0.001, 0.9
BATCHES = 8
QUICK = os.environ.get("PEERS_QUICK") == "1"


def mlp(sizes, act, batch, opt="adam"):
    return dict(kind="mlp", sizes=sizes, act=act, batch=batch, opt=opt)


def deep(layers, opt="adam"):
    return mlp([64] * (layers + 1) + [10], "tanh", 32, opt)


WORK = {
    "a": mlp([64, 10], "relu", 32),
    "b": mlp([784, 128, 10], "relu", 64),
    "c": mlp([784, 512, 512, 10], "relu", 128),
    "d": dict(kind="cnn", batch=64, opt="adam"),
    "e": dict(kind="gpt", batch=12, opt="adamw"),
    "f": deep(32),
    "b_eg": mlp([784, 128, 10], "relu", 64, "adam_eg"),
    "f_eg": deep(32, "adam_eg"),
}
WORK |= {f"f{layers}": deep(layers) for layers in (8, 32, 128, 512)}

# Optimizer steps alone: tensors and elements of each.
STEPS = {"10k": (1, 10_000), "1M": (1, 1_000_000), "20M": (1, 20_000_000), "200x1000": (200, 1000)}


def spec(work):
    """Names, shapes, and fan-in (None: zeros, "one": ones) of the parameters."""
    if work["kind"] == "mlp":
        pairs = list(zip(work["sizes"], work["sizes"][1:]))
        return [p for i, (a, b) in enumerate(pairs) for p in ((f"w{i}", (a, b), a), (f"b{i}", (b,), None))]
    if work["kind"] == "cnn":
        return [("c1", (16, 1, 3, 3), 9), ("cb1", (16,), None), ("c2", (32, 16, 3, 3), 144), ("cb2", (32,), None),
                ("w", (1568, 10), 1568), ("b", (10,), None)]
    params = [("wte", (65, 128), 2500), ("wpe", (64, 128), 2500)]
    for l in range(4):
        params += [(f"h{l}.ln1", (128,), "one"), (f"h{l}.qkv", (128, 384), 2500), (f"h{l}.proj", (128, 128), 20000),
                   (f"h{l}.ln2", (128,), "one"), (f"h{l}.fc", (128, 512), 2500), (f"h{l}.out", (512, 128), 20000)]
    return params + [("lnf", (128,), "one")]


def make(work):
    """Parameters by name, and the batches: x and y."""
    r = np.random.default_rng(0)
    params = {}
    for name, shape, fan in spec(work):
        values = np.zeros(shape) if fan is None else np.ones(shape) if fan == "one" else r.standard_normal(shape) / fan**0.5
        params[name] = values.astype(np.float32)
    rows = work["batch"]
    if work["kind"] == "gpt":
        tokens = r.integers(0, 65, (BATCHES, rows, 65))
        return params, tokens[:, :, :-1].astype(np.int32), tokens[:, :, 1:].astype(np.int32)
    shape = (1, 28, 28) if work["kind"] == "cnn" else (work["sizes"][0],)
    x = r.standard_normal((BATCHES, rows, *shape)).astype(np.float32)
    return params, x, r.integers(0, 10, (BATCHES, rows)).astype(np.int32)


def weights(n):
    return ((np.arange(n, dtype=np.int64) * 7919) % 1009).astype(np.float32) / np.float32(1009) - np.float32(0.5)


def gradient(n, t):
    k = np.arange(n, dtype=np.int64) + 1
    return ((k * (t * 31 + 17)) % 1013).astype(np.float32) / np.float32(1013) - np.float32(0.5)


def since_spawn():
    """Seconds since compare.py started this process."""
    return time.time() - float(os.environ["PEERS_T0"]) if "PEERS_T0" in os.environ else None


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(run):
    """`run(k)` does k steps and waits for them. Seconds a step in each repeat, ascending."""
    run(2)
    begin = time.perf_counter()
    run(2)
    each = (time.perf_counter() - begin) / 2
    span, repeats = (0.1, 5) if QUICK else (0.25, 9)
    steps = max(1, min(20000, int(span / max(each, 1e-7))))
    run(max(1, steps // 2))
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run(steps)
        seconds.append((time.perf_counter() - begin) / steps)
    return sorted(seconds)


def report(first, seconds, **more):
    line = dict(first_step_s=first, median_s=seconds[len(seconds) // 2], best_s=seconds[0], peak_mib=peak_mib(), **more)
    print("JSON " + json.dumps(line), flush=True)
