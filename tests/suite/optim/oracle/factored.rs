//! Rules over rows and columns of matrices; a vector is one row.

use super::{Boxed, Over, dot, each_part, norm, plus, zip};

/// Every tensor of the problem has two columns.
const COLUMNS: usize = 2;

/// A number for each row, at each of its coordinates.
fn by_row(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    x.chunks(COLUMNS).flat_map(|row| [f(row); COLUMNS]).collect()
}

/// A number for each column, at each of its coordinates.
fn by_column(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let column = |j: usize| f(&x.iter().skip(j).step_by(COLUMNS).copied().collect::<Vec<_>>());
    let columns = [column(0), column(1)];
    (0..x.len()).map(|k| columns[k % COLUMNS]).collect()
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn max(x: &[f64]) -> f64 {
    x.iter().fold(f64::NEG_INFINITY, |top, x| top.max(*x))
}

fn rms(x: &[f64]) -> f64 {
    (dot(x, x) / x.len() as f64).sqrt()
}

fn is_vector(x: &[f64]) -> bool {
    x.len() == COLUMNS
}

/// Shazeer and Stern 2018, algorithms 4 and 5: the second moment is `rows columns / mean(rows)` for
/// matrices, and kept whole for vectors.
pub fn adafactor(lr: f64, decay: f64, clip: f64, eps: f64, min: f64) -> Boxed {
    let state = |w: &[f64]| [vec![0.0; w.len()], vec![0.0; w.len()]];
    each_part(Over::Tensor, state, move |[rows, columns], p| {
        let b2 = 1.0 - p.t.powf(-decay);
        let squares: Vec<f64> = p.g.iter().map(|g| g * g + eps).collect();
        let step = if is_vector(p.w) {
            *rows = zip(rows, &squares, |v, square| b2 * v + (1.0 - b2) * square);
            zip(p.g, rows, |g, v| g / v.sqrt())
        } else {
            *rows = zip(rows, &by_row(&squares, mean), |v, square| b2 * v + (1.0 - b2) * square);
            *columns = zip(columns, &by_column(&squares, mean), |v, square| b2 * v + (1.0 - b2) * square);
            let whole = mean(rows);
            let v = zip(rows, columns, |r, c| r * c / whole);
            zip(p.g, &v, |g, v| g / v.sqrt())
        };
        let relative = lr * rms(p.w).max(min);
        plus(p.w, -relative / (rms(&step) / clip).max(1.0), &step)
    })
}

/// Anil et al. 2019, algorithm SM3-II, with the rows and the columns of a matrix as its cover, and each
/// coordinate of a vector by itself.
pub fn sm3(lr: f64) -> Boxed {
    let state = |w: &[f64]| [vec![0.0; w.len()], vec![0.0; w.len()]];
    each_part(Over::Tensor, state, move |[rows, columns], p| {
        let least = if is_vector(p.w) { columns.clone() } else { zip(rows, columns, f64::min) };
        let v = zip(&least, p.g, |least, g| least + g * g);
        *rows = by_row(&v, max);
        *columns = by_column(&v, max);
        let step = zip(p.g, &v, |g, v| if v > 0.0 { g / v.sqrt() } else { 0.0 });
        plus(p.w, -lr, &step)
    })
}

/// Brock et al. 2021, equation 3, with gradient descent: units are the columns of matrices, and whole
/// vectors.
pub fn agc(lr: f64, clip: f64, eps: f64) -> Boxed {
    each_part(
        Over::Tensor,
        |_| (),
        move |(), p| {
            let length = |x: &[f64]| if is_vector(x) { vec![norm(x); x.len()] } else { by_column(x, norm) };
            let limit: Vec<f64> = length(p.w).iter().map(|own| clip * own.max(eps)).collect();
            let scale =
                zip(&length(p.g), &limit, |length, limit| if length > limit { limit / length } else { 1.0 });
            plus(p.w, -lr, &zip(p.g, &scale, |g, scale| g * scale))
        },
    )
}

/// Yong et al. 2020, equation 1, with gradient descent: vectors stay.
pub fn centralize(lr: f64) -> Boxed {
    each_part(
        Over::Tensor,
        |_| (),
        move |(), p| {
            let center = if is_vector(p.g) { vec![0.0; p.g.len()] } else { by_column(p.g, mean) };
            plus(p.w, -lr, &zip(p.g, &center, |g, center| g - center))
        },
    )
}
