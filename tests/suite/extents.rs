//! Stages over rows and columns of matrices against the papers' equations in plain Rust.

use crate::small::ROWS;

const STEPS: usize = 7;

/// A parameter as a matrix: rows, columns, and elements by rows.
#[derive(Clone, Debug)]
struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    fn at(&self, k: usize) -> (usize, usize) {
        (k / self.columns, k % self.columns)
    }

    fn with(&self, f: impl Fn(usize) -> f64) -> Matrix {
        Matrix { data: (0..self.data.len()).map(f).collect(), ..self.clone() }
    }

    /// One number for each row (or each column) from the elements there.
    fn fold(&self, by_row: bool, f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let place = |k: usize| if by_row { self.at(k).0 } else { self.at(k).1 };
        let line = |n: usize| -> Vec<f64> {
            (0..self.data.len()).filter(|k| place(*k) == n).map(|k| self.data[k]).collect()
        };
        (0..if by_row { self.rows } else { self.columns }).map(|n| f(&line(n))).collect()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn rms(values: &[f64]) -> f64 {
    mean(&values.iter().map(|x| x * x).collect::<Vec<_>>()).sqrt()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// A matrix, a vector, a number and another matrix with one column, as the script starts them.
fn start() -> Vec<Matrix> {
    vec![
        Matrix { rows: 2, columns: 3, data: vec![0.1, 0.15, 0.2, 0.25, 0.3, 0.35] },
        Matrix { rows: 1, columns: 3, data: vec![0.0, -0.1, -0.2] },
        Matrix { rows: 1, columns: 1, data: vec![0.5] },
        Matrix { rows: 3, columns: 1, data: vec![0.4, 0.5, 0.6] },
    ]
}

/// Gradients of the mean of `(k . (x a + b) d + c - y)^2` by `a`, `b`, `c` and `d`.
fn gradients(p: &[Matrix]) -> Vec<Matrix> {
    let mut g: Vec<Matrix> = p.iter().map(|p| p.with(|_| 0.0)).collect();
    for (x, y) in ROWS {
        let hidden: Vec<f64> =
            (0..3).map(|j| x[0] * p[0].data[j] + x[1] * p[0].data[3 + j] + p[1].data[j]).collect();
        let prediction: f64 = (0..3).map(|j| hidden[j] * p[3].data[j]).sum::<f64>() + p[2].data[0];
        let e = 2.0 * (prediction - y) / 8.0;
        for (j, h) in hidden.iter().enumerate() {
            g[0].data[j] += e * x[0] * p[3].data[j];
            g[0].data[3 + j] += e * x[1] * p[3].data[j];
            g[1].data[j] += e * p[3].data[j];
            g[3].data[j] += e * h;
        }
        g[2].data[0] += e;
    }
    g
}

/// Trains by the optimizer, and by `rule`: what it subtracts from a parameter in step `t`, given the
/// parameter's number, itself and its gradient.
fn agree(optimizer: &str, mut rule: impl FnMut(usize, usize, &Matrix, &Matrix) -> Matrix) {
    let source = format!(
        "data d = csv(\"small.csv\", target = \"width\")
        model net(x: real[B, 2]) -> real[B, 1] {{
          param a: real[2, 3] = 0.1 + 0.05 * iota[2, 3]
          param b: real[3] = -0.1 * iota[3]
          param c: real = 0.5
          param d: real[3, 1] = 0.4 + 0.1 * iota[3, 1]
          (x @ a + b) @ d + c
        }}
        let fit = train net on d {{
          loss = mse(sum(net(x), axis = 1), y)
          optimizer = {optimizer}
          batch = full
          steps = {STEPS}
        }}"
    );
    let outcome = crate::small::run("extents.eg", &source);
    let mut p = start();
    for t in 1..=STEPS {
        let g = gradients(&p);
        for k in 0..p.len() {
            let u = rule(t, k, &p[k], &g[k]);
            p[k] = p[k].with(|i| p[k].data[i] - u.data[i]);
        }
    }
    for (name, oracle) in ["a", "b", "c", "d"].iter().zip(&p) {
        let ours = outcome.fit("fit").and_then(|fit| fit.param(name)).expect("a parameter");
        for (ours, oracle) in ours.iter().zip(&oracle.data) {
            let error = (ours - oracle).abs() / oracle.abs().max(1e-3);
            assert!(error <= 1e-10, "{optimizer}: `{name}` has {ours}, not {oracle}");
        }
    }
}

/// Shazeer and Stern 2018, algorithm 4 for matrices and algorithm 5 (no factors) for the rest.
#[test]
fn adafactor() {
    let mut rows: Vec<Vec<f64>> = start().iter().map(|p| vec![0.0; p.rows]).collect();
    let mut columns: Vec<Vec<f64>> = start().iter().map(|p| vec![0.0; p.columns]).collect();
    let mut whole: Vec<Matrix> = start().iter().map(|p| p.with(|_| 0.0)).collect();
    agree("adafactor(lr = 0.05)", |t, k, w, g| {
        let b2 = 1.0 - (t as f64).powf(-0.8);
        let square = g.with(|i| g.data[i] * g.data[i] + 1e-30);
        let v = if w.rows > 1 && w.columns > 1 {
            let ema = |old: &[f64], new: Vec<f64>| -> Vec<f64> {
                old.iter().zip(new).map(|(old, new)| b2 * old + (1.0 - b2) * new).collect()
            };
            rows[k] = ema(&rows[k], square.fold(true, |line| line.iter().sum()));
            columns[k] = ema(&columns[k], square.fold(false, |line| line.iter().sum()));
            let total: f64 = rows[k].iter().sum();
            w.with(|i| rows[k][w.at(i).0] * columns[k][w.at(i).1] / total)
        } else {
            whole[k] = w.with(|i| b2 * whole[k].data[i] + (1.0 - b2) * square.data[i]);
            whole[k].clone()
        };
        let d = w.with(|i| g.data[i] / v.data[i].sqrt());
        let size = rms(&w.data).max(1e-3);
        w.with(|i| 0.05 * size * d.data[i] / rms(&d.data).max(1.0))
    });
}

/// Anil et al. 2019, SM3-II with rows and columns as covers; AdaGrad for the rest.
#[test]
fn sm3() {
    let mut rows: Vec<Vec<f64>> = start().iter().map(|p| vec![0.0; p.rows]).collect();
    let mut columns: Vec<Vec<f64>> = start().iter().map(|p| vec![0.0; p.columns]).collect();
    let mut whole: Vec<Matrix> = start().iter().map(|p| p.with(|_| 0.0)).collect();
    agree("sm3(lr = 0.05)", |_, k, w, g| {
        let v = if w.rows > 1 && w.columns > 1 {
            w.with(|i| rows[k][w.at(i).0].min(columns[k][w.at(i).1]) + g.data[i] * g.data[i])
        } else {
            w.with(|i| whole[k].data[i] + g.data[i] * g.data[i])
        };
        rows[k] = v.fold(true, greatest);
        columns[k] = v.fold(false, greatest);
        whole[k] = v.clone();
        w.with(|i| if v.data[i] > 0.0 { 0.05 * g.data[i] / v.data[i].sqrt() } else { 0.0 })
    });
}

/// Brock et al. 2021, equation 3, with a column of a matrix or a whole vector as the unit.
#[test]
fn agc() {
    agree("sgd(lr = 0.05) |> agc(clip = 0.02)", |_, _, w, g| {
        let lengths =
            |x: &Matrix| if x.rows > 1 { x.fold(false, norm) } else { vec![norm(&x.data); x.columns] };
        let (size, length) = (lengths(w), lengths(g));
        let limit = |i: usize| 0.02 * size[w.at(i).1].max(1e-3);
        let scale = |i: usize| (limit(i) / (0.05 * length[w.at(i).1])).min(1.0);
        w.with(|i| 0.05 * g.data[i] * scale(i))
    });
}

/// Yong et al. 2020, equation 1.
#[test]
fn centralize() {
    agree("centralize |> sgd(lr = 0.01)", |_, _, w, g| {
        let means = g.fold(false, mean);
        w.with(|i| 0.01 * (g.data[i] - if w.rows > 1 { means[w.at(i).1] } else { 0.0 }))
    });
}
