"""An Egret optimizer on NumPy arrays, through ctypes: a line through points.

    cargo build --release
    python3 examples/python/numpy_adam.py target/release/libegret.so
"""

import ctypes
import sys

import numpy as np


class Tensor(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("sizes", ctypes.POINTER(ctypes.c_size_t)),
        ("rank", ctypes.c_size_t),
    ]


class Optimizer:
    """A pipeline for arrays of float32 with these names and shapes, flat in one array."""

    def __init__(self, library, pipeline, shapes, total=0):
        self.egret = ctypes.CDLL(library)
        self.egret.egret_last_error.restype = ctypes.c_char_p
        self.egret.egret_free.argtypes = [ctypes.c_void_p]
        self.egret.egret_free.restype = None
        tensors = (Tensor * len(shapes))()
        for tensor, (name, shape) in zip(tensors, shapes.items()):
            tensor.name = name.encode()
            tensor.sizes = (ctypes.c_size_t * len(shape))(*shape)
            tensor.rank = len(shape)
        self.handle = ctypes.c_void_p()
        self.call("compile", pipeline.encode(), tensors, ctypes.c_size_t(len(shapes)),
                  ctypes.c_uint64(total), ctypes.byref(self.handle), own=False)

    def call(self, name, *args, own=True):
        args = (self.handle, *args) if own else args
        if getattr(self.egret, f"egret_{name}")(*args) != 0:
            raise RuntimeError(self.egret.egret_last_error().decode())

    def step(self, params, gradient, loss=None):
        for array in (params, gradient):
            if array.dtype != np.float32 or not array.flags.c_contiguous:
                raise TypeError("parameters and gradients are contiguous arrays of float32")
        if params.size != gradient.size:
            raise ValueError("parameters and gradients have the same size")
        loss = None if loss is None else ctypes.byref(ctypes.c_double(loss))
        self.call("step_f32", params.ctypes.data_as(ctypes.c_void_p),
                  gradient.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(params.size), loss)

    def set(self, name, value):
        self.call("set", name.encode(), ctypes.c_double(value))

    def __del__(self):
        if getattr(self, "handle", None):
            self.egret.egret_free(self.handle)


X = np.array([[0, 1], [1, 0.5], [2, -1], [3, 0], [4, 2], [5, -0.5]], np.float32)
Y = np.array([1.5, 2.2, 6.1, 7.3, 6.4, 12.2], np.float32)


def loss(params):
    """The mean squared error (two weights, then the bias), and its gradient."""
    error = X @ params[:2] + params[2] - Y
    gradient = np.append(X.T @ error, error.sum()) / np.float32(3)
    return float(np.mean(error**2)), gradient.astype(np.float32)


def main():
    optimizer = Optimizer(sys.argv[1], "adam(lr = 0.1) |> eg_gain |> eg_scale", {"weights": [2], "bias": []})
    params = np.zeros(3, np.float32)
    for step in range(200):
        if step == 150:
            optimizer.set("adam.lr", 0.01)
        value, gradient = loss(params)
        optimizer.step(params, gradient, value)
    print(f"loss {loss(params)[0]:.6f}")
    try:
        optimizer.set("adam.rate", 1.0)
    except RuntimeError as error:
        print(f"error {error}")


if __name__ == "__main__":
    main()
