//! Rules that divide by a measure of the gradients.

use super::{Boxed, Over, dot, each, each_part, minus, norm, plus, sign, times, zeros};

/// Adam's hyperparameters.
#[derive(Clone, Copy)]
pub struct Betas {
    pub b1: f64,
    pub b2: f64,
    pub eps: f64,
}

/// `Betas` in one line.
pub fn betas(b1: f64, b2: f64, eps: f64) -> Betas {
    Betas { b1, b2, eps }
}

impl Betas {
    /// Both moments moved by a gradient.
    fn moments(self, m: &mut f64, v: &mut f64, g: f64) {
        *m = self.b1 * *m + (1.0 - self.b1) * g;
        *v = self.b2 * *v + (1.0 - self.b2) * g * g;
    }

    /// Adam's direction for many coordinates, after their moments have moved.
    pub fn direction(self, m: &mut [f64], v: &mut [f64], g: &[f64], t: f64) -> Vec<f64> {
        let one = |((m, v), g): ((&mut f64, &mut f64), &f64)| {
            self.moments(m, v, *g);
            let (m, v) = self.hats(*m, *v, t);
            m / (v.sqrt() + self.eps)
        };
        m.iter_mut().zip(v).zip(g).map(one).collect()
    }

    /// Their bias corrections.
    fn hats(self, m: f64, v: f64, t: f64) -> (f64, f64) {
        (m / (1.0 - self.b1.powf(t)), v / (1.0 - self.b2.powf(t)))
    }
}

/// Duchi et al. 2011 with `eps` inside of the root, as optax.
pub fn adagrad(lr: f64, init: f64, eps: f64) -> Boxed {
    each(init, move |v, c| {
        *v += c.g * c.g;
        c.w - lr * c.g / (*v + eps).sqrt()
    })
}

/// Zeiler 2012, algorithm 1.
pub fn adadelta(lr: f64, rho: f64, eps: f64) -> Boxed {
    each((0.0, 0.0), move |(v, x), c| {
        *v = rho * *v + (1.0 - rho) * c.g * c.g;
        let step = c.g * ((*x + eps) / (*v + eps)).sqrt();
        *x = rho * *x + (1.0 - rho) * step * step;
        c.w - lr * step
    })
}

/// Tieleman and Hinton 2012, as PyTorch.
pub fn rmsprop(lr: f64, alpha: f64, eps: f64) -> Boxed {
    each(0.0, move |v, c| {
        *v = alpha * *v + (1.0 - alpha) * c.g * c.g;
        c.w - lr * c.g / (v.sqrt() + eps)
    })
}

/// Kingma and Ba 2015, algorithm 1.
pub fn adam(lr: f64, b: Betas) -> Boxed {
    each((0.0, 0.0), move |(m, v), c| {
        b.moments(m, v, c.g);
        let (m, v) = b.hats(*m, *v, c.t);
        c.w - lr * m / (v.sqrt() + b.eps)
    })
}

/// Kingma and Ba 2015, algorithm 2, with `eps` beside the magnitude as PyTorch and optax.
pub fn adamax(lr: f64, b: Betas) -> Boxed {
    each((0.0, 0.0), move |(m, top), c| {
        *m = b.b1 * *m + (1.0 - b.b1) * c.g;
        *top = f64::max(b.b2 * *top, c.g.abs() + b.eps);
        c.w - lr / (1.0 - b.b1.powf(c.t)) * *m / *top
    })
}

/// Dozat 2016, algorithm 2 with constant `b1`.
pub fn nadam(lr: f64, b: Betas) -> Boxed {
    each((0.0, 0.0), move |(m, v), c| {
        b.moments(m, v, c.g);
        let next = b.b1 * *m / (1.0 - b.b1.powf(c.t + 1.0));
        let now = (1.0 - b.b1) * c.g / (1.0 - b.b1.powf(c.t));
        let (_, v) = b.hats(*m, *v, c.t);
        c.w - lr * (next + now) / (v.sqrt() + b.eps)
    })
}

/// Reddi et al. 2018, algorithm 2, of bias-corrected moments as optax.
pub fn amsgrad(lr: f64, b: Betas) -> Boxed {
    each((0.0, 0.0, 0.0), move |(m, v, top), c| {
        b.moments(m, v, c.g);
        let (m, v) = b.hats(*m, *v, c.t);
        *top = f64::max(*top, v);
        c.w - lr * m / (top.sqrt() + b.eps)
    })
}

/// Liu et al. 2020, algorithm 2.
pub fn radam(lr: f64, b: Betas, threshold: f64) -> Boxed {
    each((0.0, 0.0), move |(m, v), c| {
        b.moments(m, v, c.g);
        let (m, v) = b.hats(*m, *v, c.t);
        let limit = 2.0 / (1.0 - b.b2) - 1.0;
        let decayed = b.b2.powf(c.t);
        let rho = limit - 2.0 * c.t * decayed / (1.0 - decayed);
        if rho < threshold {
            return c.w - lr * m;
        }
        let numerator = (rho - 4.0) * (rho - 2.0) * limit;
        let rectified = (numerator / ((limit - 4.0) * (limit - 2.0) * rho)).sqrt();
        c.w - lr * rectified * m / (v.sqrt() + b.eps)
    })
}

/// Zhuang et al. 2020, algorithm 2.
pub fn adabelief(lr: f64, b: Betas) -> Boxed {
    each((0.0, 0.0), move |(m, s), c| {
        *m = b.b1 * *m + (1.0 - b.b1) * c.g;
        *s = b.b2 * *s + (1.0 - b.b2) * (c.g - *m).powi(2) + b.eps;
        let (m, s) = b.hats(*m, *s, c.t);
        c.w - lr * m / (s.sqrt() + b.eps)
    })
}

/// Zaheer et al. 2018, algorithm 2, bias-corrected.
pub fn yogi(lr: f64, b: Betas, init: f64) -> Boxed {
    each((0.0, init), move |(m, v), c| {
        *m = b.b1 * *m + (1.0 - b.b1) * c.g;
        let square = c.g * c.g;
        *v -= (1.0 - b.b2) * sign(*v - square) * square;
        let (m, v) = b.hats(*m, *v, c.t);
        c.w - lr * m / (v.sqrt() + b.eps)
    })
}

/// Taniguchi et al. 2024, algorithm 2: the first gradient only starts `v`.
pub fn adopt(lr: f64, b: Betas) -> Boxed {
    each((0.0, 0.0), move |(m, v), c| {
        if c.t == 1.0 {
            *v = c.g * c.g;
            return c.w;
        }
        let bound = (c.t - 1.0).powf(0.25);
        let normed = (c.g / v.sqrt().max(b.eps)).clamp(-bound, bound);
        *m = b.b1 * *m + (1.0 - b.b1) * normed;
        *v = b.b2 * *v + (1.0 - b.b2) * c.g * c.g;
        c.w - lr * *m
    })
}

/// Pagliardini et al. 2024, algorithm 1, with constant `alpha` and `b3`.
pub fn ademamix(lr: f64, b: Betas, b3: f64, alpha: f64) -> Boxed {
    each((0.0, 0.0, 0.0), move |(m, slow, v), c| {
        b.moments(m, v, c.g);
        *slow = b3 * *slow + (1.0 - b3) * c.g;
        let (m, v) = b.hats(*m, *v, c.t);
        c.w - lr * (m + alpha * *slow) / (v.sqrt() + b.eps)
    })
}

/// Ginsburg et al. 2019, algorithm 1.
pub fn novograd(lr: f64, b: Betas, decay: f64) -> Boxed {
    let state = |w: &[f64]| (0.0, zeros(w));
    each_part(Over::Tensor, state, move |(v, m), p| {
        let square = dot(p.g, p.g);
        *v = if p.t == 1.0 { square } else { b.b2 * *v + (1.0 - b.b2) * square };
        let step = plus(&times(1.0 / (v.sqrt() + b.eps), p.g), decay, p.w);
        *m = plus(&step, b.b1, m);
        plus(p.w, -lr, m)
    })
}

/// Times `coefficient`, the length of the parameters over that of their step; 1 if one of them is 0.
fn trust(coefficient: f64, w: &[f64], step: &[f64], eps: f64) -> f64 {
    match (norm(w), norm(step)) {
        (0.0, _) | (_, 0.0) => 1.0,
        (own, length) => coefficient * own / (length + eps),
    }
}

/// You et al. 2017, algorithm 1.
pub fn lars(lr: f64, mu: f64, coefficient: f64, decay: f64, eps: f64) -> Boxed {
    each_part(Over::Tensor, zeros, move |v, p| {
        let step = plus(p.g, decay, p.w);
        *v = plus(&times(mu, v), lr * trust(coefficient, p.w, &step, eps), &step);
        minus(p.w, v)
    })
}

/// You et al. 2020, algorithm 2, bias-corrected.
pub fn lamb(lr: f64, b: Betas, decay: f64) -> Boxed {
    let state = |w: &[f64]| (zeros(w), zeros(w));
    each_part(Over::Tensor, state, move |(m, v), p| {
        let step = plus(&b.direction(m, v, p.g, p.t), decay, p.w);
        plus(p.w, -lr * trust(1.0, p.w, &step, 0.0), &step)
    })
}
