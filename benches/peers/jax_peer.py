"""jax_peer.py WORK VARIANT: a training step, or `adam.20M` and the like for an optimizer step alone.

Variants: `jit` (one dispatch a step, parameters and state donated), `scan` (40 steps in one jit, the
fastest form), `first` (as `jit`, but only the first step).
"""
import sys

from common import *
import jax
import jax.numpy as jnp


# ---- optimizers on dictionaries of arrays ----
def zeros(params):
    return jax.tree.map(jnp.zeros_like, params)


def start(params, opt):
    state = dict(t=jnp.zeros((), jnp.int32), m=zeros(params), v=zeros(params))
    if opt == "adam_eg":
        state |= dict(p=jax.tree.map(jnp.ones_like, params), a=zeros(params), h=zeros(params), s=jnp.ones(()))
    return state


def total(a, b):
    return sum(jax.tree.leaves(jax.tree.map(lambda x, y: jnp.vdot(x, y), a, b)))


def update(opt, g, s, params, b2=B2, decay=0.1):
    each = lambda f, *trees: jax.tree.map(f, *trees)
    t = s["t"] + 1
    m = each(lambda m, g: B1 * m + (1 - B1) * g, s["m"], g)
    v = each(lambda v, g: b2 * v + (1 - b2) * g * g, s["v"], g)
    c1, c2 = 1 - B1**t.astype(jnp.float32), 1 - b2**t.astype(jnp.float32)
    u = each(lambda m, v: LR * (m / c1) / (jnp.sqrt(v / c2) + EPS), m, v)
    new = dict(t=t, m=m, v=v)
    if opt == "adamw":
        params = each(lambda w: w * (1 - LR * decay) if w.ndim > 1 else w, params)
    if opt == "adam_eg":
        p = each(lambda p, g, a: jnp.clip(p * jnp.exp(RATE * jnp.sign(g) * jnp.sign(a)), 0.01, 100.0), s["p"], g, s["a"])
        a = each(lambda a, g: BETA * a + (1 - BETA) * g, s["a"], g)
        u = each(lambda p, u: p * u, p, u)
        h = s["h"]
        alike = total(g, h) / (jnp.sqrt(total(g, g)) * jnp.sqrt(total(h, h)) + 1e-10)
        scale = jnp.clip(s["s"] * jnp.exp(RATE_S * alike), 0.1, 10.0)
        new |= dict(p=p, a=a, h=u, s=scale)
        u = each(lambda u: scale * u, u)
    return each(lambda w, u: w - u, params, u), new


# ---- models ----
def cross_entropy(logits, y):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], -1))


def mlp_loss(work):
    last, act = len(work["sizes"]) - 2, {"relu": jax.nn.relu, "tanh": jnp.tanh}[work["act"]]

    def loss(p, x, y):
        for i in range(last):
            x = act(x @ p[f"w{i}"] + p[f"b{i}"])
        return cross_entropy(x @ p[f"w{last}"] + p[f"b{last}"], y)
    return loss


def cnn_loss(work):
    def conv(x, k, b):
        return jax.lax.conv_general_dilated(x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")) + b

    def pool(x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def loss(p, x, y):
        x = pool(jax.nn.relu(conv(x, p["c1"], p["cb1"])))
        x = pool(jax.nn.relu(conv(x, p["c2"], p["cb2"])))
        return cross_entropy(x.reshape(x.shape[0], -1) @ p["w"] + p["b"], y)
    return loss


def norm(x, gain):
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * gain


def gpt_loss(work):
    def loss(p, x, y):
        rows, length = x.shape
        h = p["wte"][x] + p["wpe"]
        mask = jnp.tril(jnp.ones((length, length), bool))
        for l in range(4):
            at = lambda name: p[f"h{l}.{name}"]
            parts = jnp.split(norm(h, at("ln1")) @ at("qkv"), 3, -1)
            q, k, v = (part.reshape(rows, length, 4, 32).transpose(0, 2, 1, 3) for part in parts)
            scores = jnp.where(mask, q @ k.transpose(0, 1, 3, 2) / np.float32(32**0.5), -jnp.inf)
            mixed = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(rows, length, 128)
            h = h + mixed @ at("proj")
            h = h + jax.nn.gelu(norm(h, at("ln2")) @ at("fc"), approximate=False) @ at("out")
        return cross_entropy(norm(h, p["lnf"]) @ p["wte"].T, y)
    return loss


def train(name, variant):
    work = WORK[name]
    params, xs, ys = make(work)
    if work["kind"] == "cnn":  # the layout that XLA prefers on a CPU
        params["c1"], params["c2"] = (params[k].transpose(2, 3, 1, 0).copy() for k in ("c1", "c2"))
        params["w"] = params["w"].reshape(32, 7, 7, 10).transpose(1, 2, 0, 3).reshape(1568, 10).copy()
        xs = xs.transpose(0, 1, 3, 4, 2).copy()
    loss = dict(mlp=mlp_loss, cnn=cnn_loss, gpt=gpt_loss)[work["kind"]](work)
    b2 = 0.99 if work["kind"] == "gpt" else B2

    def step(p, s, x, y):
        l, g = jax.value_and_grad(loss)(p, x, y)
        return (*update(work["opt"], g, s, p, b2), l)
    at = dict(params={k: jnp.array(v) for k, v in params.items()}, done=0)
    at["state"] = start(at["params"], work["opt"])
    if variant == "scan":
        per, batches = 40, (jnp.array(xs), jnp.array(ys))

        def many(p, s, xs, ys):
            def body(carry, i):
                p, s, l = step(*carry, xs[i % BATCHES], ys[i % BATCHES])
                return (p, s), l
            (p, s), losses = jax.lax.scan(body, (p, s), jnp.arange(per))
            return p, s, losses[-1]
        compiled = jax.jit(many, donate_argnums=(0, 1))
        of = lambda _: batches
    else:
        per, pairs = 1, [(jnp.array(x), jnp.array(y)) for x, y in zip(xs, ys)]
        compiled = jax.jit(step, donate_argnums=(0, 1))
        of = lambda done: pairs[done % BATCHES]

    def run(count):
        for _ in range(count):
            at["params"], at["state"], at["loss"] = compiled(at["params"], at["state"], *of(at["done"]))
            at["done"] += 1
        jax.block_until_ready(at["loss"])
    run(1)
    loss_1, first = float(at["loss"]), since_spawn()
    seconds = [first or 0] if variant == "first" else [t / per for t in timed(run)]
    report(first, seconds, loss=loss_1)


def alone(name):
    opt, case = name.split(".")
    tensors, n = STEPS[case]
    params = {f"t{k}": jnp.array(weights(n)) for k in range(tensors)}
    g = {f"t{k}": jnp.array(gradient(n, 1)) for k in range(tensors)}
    kept = jax.tree.map(lambda x: x * 1, g)
    at = dict(params=params, state=start(params, opt))
    step = jax.jit(lambda g, s, p: update(opt, g, s, p, decay=0.01), donate_argnums=(1, 2))

    def run(count):
        for _ in range(count):
            at["params"], at["state"] = step(kept, at["state"], at["params"])
        jax.block_until_ready(at["params"])
    run(1)
    report(since_spawn(), timed(run))


if __name__ == "__main__":
    alone(sys.argv[1]) if "." in sys.argv[1] else train(*sys.argv[1:3])
