"""torch_peer.py WORK VARIANT: a training step, or `adam.20M` and the like for an optimizer step alone.

Variants: `eager` (fused Adam), `compile` (model and loss compiled, fused Adam; EG compiled too),
`first` (as `eager`, but only the first step).
"""
import sys

from common import *
import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def eg_step(ws, gs, ms, vs, ps, averages, hs, s, c1, c2):
    """One step of adam |> eg_gain |> eg_scale, in place over lists; c1, c2 and s are tensors without axes."""
    us, dot, gg, hh = [], 0, 0, 0
    for i, g in enumerate(gs):
        m = B1 * ms[i] + (1 - B1) * g
        v = B2 * vs[i] + (1 - B2) * g * g
        p = torch.clamp(ps[i] * torch.exp(RATE * torch.sign(g) * torch.sign(averages[i])), 0.01, 100.0)
        us.append(p * (LR * (m / c1) / (torch.sqrt(v / c2) + EPS)))
        dot, gg, hh = dot + (g * hs[i]).sum(), gg + (g * g).sum(), hh + (hs[i] * hs[i]).sum()
        ms[i].copy_(m)
        vs[i].copy_(v)
        ps[i].copy_(p)
        averages[i].copy_(BETA * averages[i] + (1 - BETA) * g)
    s.copy_(torch.clamp(s * torch.exp(RATE_S * dot / (torch.sqrt(gg) * torch.sqrt(hh) + 1e-10)), 0.1, 10.0))
    for i, u in enumerate(us):
        hs[i].copy_(u)
        ws[i].sub_(s * u)


class Eg:
    def __init__(self, ws, compiled):
        zeros = lambda: [torch.zeros_like(w) for w in ws]
        self.lists = [zeros(), zeros(), [torch.ones_like(w) for w in ws], zeros(), zeros()]
        self.ws, self.t = ws, 0
        self.s, self.c1, self.c2 = (torch.tensor(1.0) for _ in range(3))
        self.apply = torch.compile(eg_step, dynamic=False) if compiled else eg_step

    @torch.no_grad()
    def step(self, gs=None):
        self.t += 1
        self.c1.fill_(1 - B1**self.t)
        self.c2.fill_(1 - B2**self.t)
        self.apply(self.ws, gs or [w.grad for w in self.ws], *self.lists, self.s, self.c1, self.c2)


def mlp_loss(work, p, x, y):
    last, act = len(work["sizes"]) - 2, {"relu": torch.relu, "tanh": torch.tanh}[work["act"]]
    for i in range(last):
        x = act(torch.addmm(p[f"b{i}"], x, p[f"w{i}"]))
    return F.cross_entropy(torch.addmm(p[f"b{last}"], x, p[f"w{last}"]), y)


def cnn_loss(work, p, x, y):
    x = F.max_pool2d(torch.relu(F.conv2d(x, p["c1"], p["cb1"], padding=1)), 2)
    x = F.max_pool2d(torch.relu(F.conv2d(x, p["c2"], p["cb2"], padding=1)), 2)
    return F.cross_entropy(torch.addmm(p["b"], x.flatten(1), p["w"]), y)


def gpt_loss(work, p, x, y):
    rows, length = x.shape
    norm = lambda h, gain: F.layer_norm(h, (128,), gain, None, 1e-5)
    h = p["wte"][x] + p["wpe"]
    for l in range(4):
        at = lambda name: p[f"h{l}.{name}"]
        parts = (norm(h, at("ln1")) @ at("qkv")).split(128, -1)
        q, k, v = (part.view(rows, length, 4, 32).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(rows, length, 128)
        h = h + mixed @ at("proj")
        h = h + F.gelu(norm(h, at("ln2")) @ at("fc")) @ at("out")
    return F.cross_entropy((norm(h, p["lnf"]) @ p["wte"].T).view(-1, 65), y.reshape(-1))


def train(name, variant):
    work = WORK[name]
    params, xs, ys = make(work)
    p = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}
    batches = [(torch.tensor(x), torch.tensor(y).long()) for x, y in zip(xs, ys)]
    if work["opt"] == "adam_eg":
        opt = Eg(list(p.values()), variant == "compile")
    elif work["opt"] == "adamw":
        groups = [dict(params=[w for w in p.values() if w.ndim > 1], weight_decay=0.1),
                  dict(params=[w for w in p.values() if w.ndim == 1], weight_decay=0.0)]
        opt = torch.optim.AdamW(groups, lr=LR, betas=(B1, 0.99), eps=EPS, fused=True)
    else:
        opt = torch.optim.Adam(list(p.values()), lr=LR, betas=(B1, B2), eps=EPS, fused=True)
    of = dict(mlp=mlp_loss, cnn=cnn_loss, gpt=gpt_loss)[work["kind"]]
    loss = lambda x, y: of(work, p, x, y)
    if variant == "compile":
        loss = torch.compile(loss)
    at = dict(done=0)

    def run(count):
        for _ in range(count):
            for w in p.values():
                w.grad = None
            l = loss(*batches[at["done"] % BATCHES])
            l.backward()
            opt.step()
            at["done"] += 1
        at["loss"] = l.item()
    run(1)
    loss_1, first = at["loss"], since_spawn()
    report(first, [first or 0] if variant == "first" else timed(run), loss=loss_1)


def alone(name, variant):
    opt, case = name.split(".")
    tensors, n = STEPS[case]
    ws = [torch.tensor(weights(n)) for _ in range(tensors)]
    gs = [torch.tensor(gradient(n, 1)) for _ in range(tensors)]
    if opt == "adam_eg":
        eg = Eg(ws, variant == "compile")
        step = lambda: eg.step(gs)
    else:
        for w, g in zip(ws, gs):
            w.requires_grad_(True)
            w.grad = g
        kind = torch.optim.AdamW if opt == "adamw" else torch.optim.Adam
        decay = dict(weight_decay=0.01) if opt == "adamw" else {}
        step = kind(ws, lr=LR, betas=(B1, B2), eps=EPS, fused=True, **decay).step

    def run(count):
        for _ in range(count):
            step()
    run(1)
    report(since_spawn(), timed(run))


if __name__ == "__main__":
    alone(*sys.argv[1:3]) if "." in sys.argv[1] else train(*sys.argv[1:3])
