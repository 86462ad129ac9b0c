//! Gradient descent, momentum, signs, decays and clips.

use super::{At, Boxed, Over, dot, each, each_part, loss_and_gradient, norm, plus, sign};

/// `w - lr g`
pub fn sgd(lr: f64) -> Boxed {
    each((), move |(), c| c.w - lr * c.g)
}

/// Polyak 1964, as PyTorch: `v = mu v + g; w -= lr v`.
pub fn momentum(lr: f64, mu: f64) -> Boxed {
    each(0.0, move |v, c| {
        *v = mu * *v + c.g;
        c.w - lr * *v
    })
}

/// Sutskever et al. 2013, as PyTorch: `v = mu v + g; w -= lr (g + mu v)`.
pub fn nesterov(lr: f64, mu: f64) -> Boxed {
    each(0.0, move |v, c| {
        *v = mu * *v + c.g;
        c.w - lr * (c.g + mu * *v)
    })
}

/// A running mean, bias-corrected or not.
pub fn ema(lr: f64, beta: f64, correct: bool) -> Boxed {
    each(0.0, move |m, c| {
        *m += (1.0 - beta) * (c.g - *m);
        let total = if correct { 1.0 - beta.powf(c.t) } else { 1.0 };
        c.w - lr * *m / total
    })
}

/// Chen et al. 2023, algorithm 2, without decay.
pub fn lion(lr: f64, b1: f64, b2: f64) -> Boxed {
    each(0.0, move |m, c| {
        let step = lr * sign(b1 * *m + (1.0 - b1) * c.g);
        *m = b2 * *m + (1.0 - b2) * c.g;
        c.w - step
    })
}

/// Bernstein et al. 2018, algorithm 2; with another `beta` it is Tiger (Su 2023).
pub fn signum(lr: f64, beta: f64) -> Boxed {
    each(0.0, move |m, c| {
        *m = beta * *m + (1.0 - beta) * c.g;
        c.w - lr * sign(*m)
    })
}

/// Defazio and Jelassi 2022, algorithm 1: `lambda_k = lr sqrt(k + 1)` with `k` from 0.
pub fn madgrad(lr: f64, mu: f64, eps: f64) -> Boxed {
    each((0.0, 0.0), move |(s, v), c| {
        let lambda = lr * c.t.sqrt();
        *s += lambda * c.g;
        *v += lambda * c.g * c.g;
        let z = c.w0 - *s / (f64::cbrt(*v) + eps);
        mu * c.w + (1.0 - mu) * z
    })
}

/// Gradient descent with decoupled decay: everywhere, or where it goes along with the update.
pub fn decay(lr: f64, rate: f64, cautious: bool) -> Boxed {
    each((), move |(), c| {
        let applies = !cautious || c.g * c.w >= 0.0;
        let decayed = if applies { rate * c.w } else { 0.0 };
        c.w - lr * c.g - decayed
    })
}

/// Gradient descent along gradients whose elements are at most `max`.
pub fn clip_value(lr: f64, max: f64) -> Boxed {
    each((), move |(), c| c.w - lr * c.g.clamp(-max, max))
}

/// Gradient descent along a gradient whose length is at most `max`.
pub fn clip_norm(lr: f64, max: f64) -> Boxed {
    Box::new(move |at: &At| {
        let length = norm(at.g);
        let scale = if length > max { max / length } else { 1.0 };
        plus(at.w, -lr * scale, at.g)
    })
}

/// Gradient descent along gradients whose root mean square is at most `max` in each tensor.
pub fn clip_block_rms(lr: f64, max: f64) -> Boxed {
    each_part(
        Over::Tensor,
        |_| (),
        move |(), p| {
            let rms = (dot(p.g, p.g) / p.g.len() as f64).sqrt();
            plus(p.w, -lr / (rms / max).max(1.0), p.g)
        },
    )
}

/// Foret et al. 2021, algorithm 1, with plain gradient descent.
pub fn sam(lr: f64, rho: f64, eps: f64) -> Boxed {
    Box::new(move |at: &At| {
        let worst = plus(at.w, rho / (norm(at.g) + eps), at.g);
        plus(at.w, -lr, &loss_and_gradient(&worst).1)
    })
}
