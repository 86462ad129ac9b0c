"""Makes iris-batchnorm-sgd.json: batch normalisation in NumPy, float64, with PyTorch's defaults.

Run in this folder: python3 batchnorm.py. Needs NumPy only. Gradients are written out by hand and
compared with finite differences before the trace is written.
"""

import csv
import json

import numpy as np

MOMENTUM, EPS, LR, BATCH, STEPS = 0.1, 1e-5, 0.1, 40, 12

with open("../../examples/data/iris.csv") as file:
    rows = list(csv.DictReader(file))
features = [name for name in rows[0] if name != "species"]
classes = sorted({row["species"] for row in rows})
X = np.array([[float(row[name]) for name in features] for row in rows])
Y = np.array([classes.index(row["species"]) for row in rows])


def channels(x):
    """[B, 2 channels, 1, 2] as rows of pixels by channel."""
    return x.reshape(-1, 2, 2).transpose(0, 2, 1).reshape(-1, 2)


def images(x):
    return x.reshape(-1, 2, 2).transpose(0, 2, 1).reshape(-1, 4)


def norm_forward(x, gain, bias):
    mean, variance = x.mean(axis=0), x.var(axis=0)
    unit = (x - mean) / np.sqrt(variance + EPS)
    return unit * gain + bias, (unit, variance, mean)


def norm_backward(grad, gain, saved):
    unit, variance, _ = saved
    inner = grad * gain
    centred = inner - inner.mean(axis=0) - unit * (inner * unit).mean(axis=0)
    return centred / np.sqrt(variance + EPS), (grad * unit).sum(axis=0), grad.sum(axis=0)


def loss_of(scores, y):
    top = scores.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(scores - top).sum(axis=1)) + top[:, 0]
    return (log_sum - scores[np.arange(len(y)), y]).mean()


def step(p, x, y):
    """The loss of a batch in training, its gradients, and what was normalised."""
    a, first = norm_forward(channels(x), p["images.norm.gain"], p["images.norm.bias"])
    wide = np.tanh(images(a))
    b, second = norm_forward(wide @ p["w"], p["norm.gain"], p["norm.bias"])
    h = np.tanh(b)
    scores = h @ p["v"]
    loss = loss_of(scores, y)
    soft = np.exp(scores - scores.max(axis=1, keepdims=True))
    d = soft / soft.sum(axis=1, keepdims=True)
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    g = {"v": h.T @ d}
    d = (d @ p["v"].T) * (1 - h**2)
    d, g["norm.gain"], g["norm.bias"] = norm_backward(d, p["norm.gain"], second)
    g["w"] = wide.T @ d
    d = channels((d @ p["w"].T) * (1 - wide**2))
    _, g["images.norm.gain"], g["images.norm.bias"] = norm_backward(d, p["images.norm.gain"], first)
    return loss, g, (("images.norm", first, len(channels(x))), ("norm", second, len(x)))


def evaluate(p, s, x, y):
    def norm(x, name):
        unit = (x - s[name + ".mean"]) / np.sqrt(s[name + ".variance"] + EPS)
        return unit * p[name + ".gain"] + p[name + ".bias"]

    wide = np.tanh(images(norm(channels(x), "images.norm")))
    return loss_of(np.tanh(norm(wide @ p["w"], "norm")) @ p["v"], y)


p = {
    "w": np.arange(20.0).reshape(4, 5) / 20 - 0.45,
    "v": 0.4 - np.arange(15.0).reshape(5, 3) / 15,
    "images.norm.gain": np.ones(2),
    "images.norm.bias": np.zeros(2),
    "norm.gain": np.ones(5),
    "norm.bias": np.zeros(5),
}
s = {
    "images.norm.mean": np.zeros(2),
    "images.norm.variance": np.ones(2),
    "norm.mean": np.zeros(5),
    "norm.variance": np.ones(5),
}

_, g, _ = step(p, X[30:70], Y[30:70])
for name, value in p.items():
    for at in np.ndindex(value.shape):
        ends = []
        for h in (1e-6, -1e-6):
            moved = {k: v.copy() for k, v in p.items()}
            moved[name][at] += h
            ends.append(step(moved, X[30:70], Y[30:70])[0])
        assert abs((ends[0] - ends[1]) / 2e-6 - g[name][at]) < 1e-8, (name, at)

losses = []
for t in range(STEPS):
    rows = slice(t % 3 * BATCH, t % 3 * BATCH + BATCH)
    loss, g, normalised = step(p, X[rows], Y[rows])
    losses.append(loss)
    for name, (_, variance, mean), count in normalised:
        unbiased = variance * count / (count - 1)
        s[name + ".mean"] = (1 - MOMENTUM) * s[name + ".mean"] + MOMENTUM * mean
        s[name + ".variance"] = (1 - MOMENTUM) * s[name + ".variance"] + MOMENTUM * unbiased
    p = {name: value - LR * g[name] for name, value in p.items()}
losses.append(evaluate(p, s, X, Y))

trace = {
    "name": "iris-batchnorm-sgd",
    "data": "iris.csv as is, target species (classes in alphabetical order 0..2)",
    "model": "batchnorm2d of 2 channels of 1 x 2 pixels, tanh, dense w[4,5], batchnorm, tanh, v[5,3]; cross-entropy",
    "batch": "40 rows in order, the last 30 left out",
    "dtype": "float64",
    "pipeline": "sgd(lr = 0.1)",
    "steps": STEPS,
    "loss_before_each_step_and_after_the_last": losses,
    "params_after_the_last": {name: value.tolist() for name, value in sorted({**p, **s}.items())},
}
with open("iris-batchnorm-sgd.json", "w") as file:
    json.dump(trace, file, indent=1)
    file.write("\n")
