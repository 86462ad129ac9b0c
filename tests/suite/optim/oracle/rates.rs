//! Rules that find their rates: by signs, by hypergradients, by exponentiated gradients, by distances, by
//! bets, by the loss.

use super::{At, Betas, Boxed, Over, dot, each, each_part, minus, norm, plus, sign, times, zeros, zip};

/// Bounds of a rate.
#[derive(Clone, Copy)]
pub struct Bounds(pub f64, pub f64);

/// Riedmiller and Braun 1993, as PyTorch: a coordinate whose sign turns rests and forgets.
pub fn rprop(lr: f64, down: f64, up: f64, Bounds(min, max): Bounds) -> Boxed {
    each((lr, 0.0), move |(step, before), c| {
        let product = c.g * *before;
        let factor = if product > 0.0 { up } else { if product < 0.0 { down } else { 1.0 } };
        *step = (*step * factor).clamp(min, max);
        *before = if product < 0.0 { 0.0 } else { c.g };
        c.w - *step * sign(*before)
    })
}

/// Jacobs 1988, section 5.
pub fn delta_bar_delta(lr: f64, kappa: f64, phi: f64, theta: f64, min: f64) -> Boxed {
    each((lr, 0.0), move |(rate, bar), c| {
        if *bar * c.g > 0.0 {
            *rate += kappa;
        } else if *bar * c.g < 0.0 {
            *rate -= phi * *rate;
        }
        *rate = rate.max(min);
        *bar = (1.0 - theta) * c.g + theta * *bar;
        c.w - *rate * c.g
    })
}

/// Hinton 2012, lecture 6d, with gradient descent.
pub fn hinton_gains(lr: f64, up: f64, down: f64, Bounds(min, max): Bounds) -> Boxed {
    each((1.0, 0.0), move |(gain, before), c| {
        if *before * c.g > 0.0 {
            *gain += up;
        } else if *before * c.g < 0.0 {
            *gain *= down;
        }
        *gain = f64::clamp(*gain, min, max);
        *before = c.g;
        c.w - lr * *gain * c.g
    })
}

/// Sutton 1992 for any loss, without the Hessian.
pub fn idbd(lr: f64, rate: f64, gamma: f64) -> Boxed {
    each((f64::ln(lr), 0.0), move |(beta, h), c| {
        *beta -= rate * c.g * *h;
        let alpha = beta.exp();
        *h = gamma * *h - alpha * c.g;
        c.w - alpha * c.g
    })
}

/// Baydin et al. 2018, algorithm 4.
pub fn sgd_hd(lr: f64, rate: f64, over: Over) -> Boxed {
    each_part(
        over,
        move |w| (lr, zeros(w)),
        move |(alpha, before), p| {
            *alpha += rate * dot(p.g, before);
            *before = p.g.to_vec();
            plus(p.w, -*alpha, p.g)
        },
    )
}

/// Baydin et al. 2018, algorithm 5: keeps the direction of the step before.
pub fn adam_hd(lr: f64, rate: f64, b: Betas, over: Over) -> Boxed {
    let state = move |w: &[f64]| (lr, zeros(w), zeros(w), zeros(w));
    each_part(over, state, move |(alpha, m, v, before), p| {
        *alpha += rate * dot(p.g, before);
        *before = b.direction(m, v, p.g, p.t);
        plus(p.w, -*alpha, before)
    })
}

/// The cosine between two vectors; 0 if one of them is 0.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    dot(&times(1.0 / (norm(a) + 1e-10), a), &times(1.0 / (norm(b) + 1e-10), b))
}

/// Baydin et al. 2018, equation 8.
pub fn hd_mul(lr: f64, rate: f64, over: Over) -> Boxed {
    each_part(
        over,
        move |w| (lr, zeros(w)),
        move |(alpha, before), p| {
            *alpha *= 1.0 + rate * cosine(p.g, before);
            *before = p.g.to_vec();
            plus(p.w, -*alpha, p.g)
        },
    )
}

/// What the gains and the scale of Amid et al. 2022 are told.
#[derive(Clone, Copy)]
pub struct Exponentiated {
    /// Of gains or scale.
    pub rate: f64,
    /// First value, least and greatest.
    pub init: f64,
    pub bounds: Bounds,
    /// Whether the plain product stands in place of signs, or of the cosine.
    pub raw: bool,
}

/// The funnelled method of Amid et al. 2022 as lingvo's EGDD has it, with its variables: gradients times
/// gains, momentum that holds the learning rate, then the scale.
pub fn egdd(lr: f64, mu: f64, beta: f64, gain: Exponentiated, scale: Exponentiated, over: Over) -> Boxed {
    let state = move |w: &[f64]| (vec![gain.init; w.len()], zeros(w), zeros(w), scale.init);
    each_part(over, state, move |(p, bar, u, s), at| {
        let corrected = 1.0 - beta.powf((at.t - 1.0).max(1.0));
        let signal =
            zip(at.g, bar, |g, bar| if gain.raw { g * bar / corrected } else { sign(g) * sign(bar) });
        *p = zip(p, &signal, |p, x| (p * (gain.rate * x).exp()).clamp(gain.bounds.0, gain.bounds.1));
        let along = if scale.raw { dot(at.g, u) } else { cosine(at.g, u) };
        *s = (*s * (scale.rate * along).exp()).clamp(scale.bounds.0, scale.bounds.1);
        *bar = plus(&times(beta, bar), 1.0 - beta, at.g);
        *u = plus(&times(mu, u), lr, &zip(p, at.g, |p, g| p * g));
        plus(at.w, -*s, u)
    })
}

/// Defazio and Mishchenko 2023, algorithm 5 (the authors' `DAdaptAdam`).
pub fn d_adapt(lr: f64, b: Betas, d0: f64, over: Over) -> Boxed {
    let root = b.b2.sqrt();
    let state = move |w: &[f64]| (d0, 0.0, zeros(w), zeros(w), zeros(w));
    each_part(over, state, move |(d, r, m, v, s), p| {
        let dlr = *d * lr * (1.0 - b.b2.powf(p.t)).sqrt() / (1.0 - b.b1.powf(p.t));
        let scaled = zip(s, v, |s, v| s / (v.sqrt() + b.eps));
        *r = root * *r + (1.0 - root) * dlr * dot(p.g, &scaled);
        *m = zip(m, p.g, |m, g| b.b1 * m + (1.0 - b.b1) * dlr * g);
        *v = zip(v, p.g, |v, g| b.b2 * v + (1.0 - b.b2) * g * g);
        *s = zip(s, p.g, |s, g| root * s + (1.0 - root) * dlr * g);
        let length: f64 = s.iter().map(|s| s.abs()).sum();
        *d = d.max(*r / ((1.0 - root) * length));
        minus(p.w, &zip(m, v, |m, v| m / (v.sqrt() + b.eps)))
    })
}

/// Mishchenko and Defazio 2024, algorithm 4 (the authors' `Prodigy`).
pub fn prodigy(lr: f64, b: Betas, d0: f64, growth: f64, correct: bool, over: Over) -> Boxed {
    let b3 = b.b2.sqrt();
    let state = move |w: &[f64]| (d0, 0.0, zeros(w), zeros(w), zeros(w));
    each_part(over, state, move |(d, r, m, v, s), p| {
        let correction = (1.0 - b.b2.powf(p.t)).sqrt() / (1.0 - b.b1.powf(p.t));
        let dlr = *d * lr * if correct { correction } else { 1.0 };
        *r = b3 * *r + *d / d0 * dlr * dot(p.g, &minus(p.w0, p.w));
        *m = zip(m, p.g, |m, g| b.b1 * m + (1.0 - b.b1) * *d * g);
        *v = zip(v, p.g, |v, g| b.b2 * v + (1.0 - b.b2) * *d * *d * g * g);
        *s = zip(s, p.g, |s, g| b3 * s + *d / d0 * dlr * g);
        let length: f64 = s.iter().map(|s| s.abs()).sum();
        *d = d.max(growth * *r / length);
        minus(p.w, &zip(m, v, |m, v| dlr * m / (v.sqrt() + *d * b.eps)))
    })
}

/// Ivgi et al. 2023, equation 2.
pub fn dog(lr: f64, start: f64, eps: f64, over: Over) -> Boxed {
    each_part(
        over,
        move |w0| (start * (1.0 + norm(w0)), 0.0),
        move |(far, sum), p| {
            *far = norm(&minus(p.w, p.w0)).max(*far);
            *sum += norm(p.g).powi(2);
            plus(p.w, -lr * *far / (*sum + eps).sqrt(), p.g)
        },
    )
}

/// Khaled et al. 2023, algorithm 1.
pub fn dowg(lr: f64, start: f64, eps: f64, over: Over) -> Boxed {
    each_part(
        over,
        move |_| (start, 0.0),
        move |(far, sum), p| {
            *far = norm(&minus(p.w, p.w0)).powi(2).max(*far);
            *sum += *far * norm(p.g).powi(2);
            plus(p.w, -lr * *far / (sum.sqrt() + eps), p.g)
        },
    )
}

/// Orabona and Tommasi 2017, algorithm 2, whose `theta` is the sum of negative gradients.
pub fn cocob(lr: f64, alpha: f64, eps: f64) -> Boxed {
    each((eps, 0.0, 0.0, 0.0), move |(top, sum, reward, theta), c| {
        *top = f64::max(*top, c.g.abs());
        *sum += c.g.abs();
        *reward = f64::max(*reward - c.g * (c.w - c.w0), 0.0);
        *theta -= c.g;
        let target = c.w0 + *theta / (*top * f64::max(*sum + *top, alpha * *top)) * (*top + *reward);
        c.w + lr * (target - c.w)
    })
}

/// Loizou et al. 2021, equation 3.
pub fn polyak(lr: f64, f_min: f64, eps: f64) -> Boxed {
    Box::new(move |at: &At| {
        let step = (at.loss - f_min).max(0.0) / (dot(at.g, at.g) + eps);
        plus(at.w, -step.min(lr), at.g)
    })
}

/// Schaipp et al. 2024, algorithm 1, whose averages start from the first step.
pub fn momo(lr: f64, beta: f64, f_min: f64) -> Boxed {
    each_part(
        Over::Model,
        |w| (zeros(w), 0.0, 0.0),
        move |(d, f, gamma), p| {
            let b = if p.t == 1.0 { 0.0 } else { beta };
            *f = (1.0 - b) * p.loss + b * *f;
            *gamma = (1.0 - b) * dot(p.g, p.w) + b * *gamma;
            *d = zip(d, p.g, |d, g| (1.0 - b) * g + b * d);
            let model = (*f + dot(d, p.w) - *gamma - f_min).max(0.0);
            plus(p.w, -(model / dot(d, d)).min(lr), d)
        },
    )
}
