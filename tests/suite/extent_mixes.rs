//! Numbers of every extent in every place of `where`, of arithmetic and of logic, against plain Rust.

use egret::algebra::types::DType;
use egret::optimizer::{Optimizer, Options};

/// A matrix, a vector, a number and a matrix of one column.
const SHAPES: [(&str, &[usize]); 4] = [("a", &[2, 3]), ("b", &[3]), ("c", &[]), ("d", &[2, 1])];

/// What an extent is called, a number of it, and its coordinates' key: those with one key share a number.
struct Extent {
    text: &'static str,
    key: fn(usize, usize, usize) -> usize,
}

/// By tensor, row and column. The number is the mean over the coordinates with one key.
const EXTENTS: [Extent; 6] = [
    Extent { text: "0.25", key: |_, _, _| usize::MAX },
    Extent { text: "mean[model](u)", key: |_, _, _| 0 },
    Extent { text: "mean[tensor](u)", key: |tensor, _, _| tensor },
    Extent { text: "mean[row](u)", key: |tensor, row, _| 10 * tensor + row },
    Extent { text: "mean[col](u)", key: |tensor, _, column| 10 * tensor + column },
    Extent { text: "u", key: |tensor, row, column| 100 * tensor + 10 * row + column },
];

/// The tensor, row and column of each coordinate. A vector is one row.
fn places() -> Vec<(usize, usize, usize)> {
    let mut places = Vec::new();
    for (tensor, (_, sizes)) in SHAPES.iter().enumerate() {
        let columns = sizes.last().copied().unwrap_or(1);
        let count: usize = sizes.iter().product();
        places.extend((0..count).map(|k| (tensor, k / columns, k % columns)));
    }
    places
}

fn gradient(count: usize) -> Vec<f64> {
    (0..count).map(|k| (1.3 * k as f64 + 0.4).sin()).collect()
}

/// The number of an extent at each coordinate.
fn values(extent: &Extent, u: &[f64]) -> Vec<f64> {
    let places = places();
    let key = |k: usize| (extent.key)(places[k].0, places[k].1, places[k].2);
    let mean = |k: usize| {
        let same: Vec<f64> = (0..u.len()).filter(|j| key(*j) == key(k)).map(|j| u[j]).collect();
        same.iter().sum::<f64>() / same.len() as f64
    };
    (0..u.len()).map(|k| if extent.text == "0.25" { 0.25 } else { mean(k) }).collect()
}

/// The update that a stage makes of the gradient.
fn update(lines: &str, real: DType) -> Vec<f64> {
    let text = format!("stage mixed(lr = 1) {{\n{lines}}}\nmixed");
    let options = Options { real, total: None };
    let mut optimizer = Optimizer::compile(&text, &SHAPES, options)
        .unwrap_or_else(|report| panic!("{text}\n{}", report.render(false)));
    let u = gradient(optimizer.len());
    if real == DType::F64 {
        let mut params = vec![0.0; u.len()];
        optimizer.step(&mut params, &u, None).expect("it fits");
        return params.iter().map(|w| -w).collect();
    }
    let u: Vec<f32> = u.iter().map(|u| *u as f32).collect();
    let mut params = vec![0.0f32; u.len()];
    optimizer.step(&mut params, &u, None).expect("it fits");
    params.iter().map(|w| -f64::from(*w)).collect()
}

fn near(text: &str, ours: &[f64], expected: &[f64], tolerance: f64) {
    for (k, (a, b)) in ours.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < tolerance, "coordinate {k}: {a} is not {b} in\n{text}");
    }
}

fn check(lines: &str, expected: &[f64]) {
    near(lines, &update(lines, DType::F64), expected, 1e-12);
    near(lines, &update(lines, DType::F32), expected, 1e-4);
}

#[test]
fn extents_mix_in_conditions_and_branches() {
    let u = gradient(places().len());
    let each: Vec<Vec<f64>> = EXTENTS.iter().map(|extent| values(extent, &u)).collect();
    for (c, condition) in EXTENTS.iter().enumerate() {
        for (a, yes) in EXTENTS.iter().enumerate() {
            // One line for each extent of the other branch: a step is compiled for all of them at once.
            let line =
                |no: &Extent| format!("where({} > 0.1, {}, 2 * {})", condition.text, yes.text, no.text);
            let lines: Vec<String> = EXTENTS.iter().map(line).collect();
            let number = |b: usize, k: usize| if each[c][k] > 0.1 { each[a][k] } else { 2.0 * each[b][k] };
            let sum = |k: usize| (0..EXTENTS.len()).map(|b| (b + 1) as f64 * number(b, k)).sum::<f64>();
            let terms: Vec<String> = lines.iter().zip(1..).map(|(line, n)| format!("{n} * {line}")).collect();
            let expected: Vec<f64> = (0..u.len()).map(sum).collect();
            check(&format!("  lr * ({})\n", terms.join(" + ")), &expected);
            // The result itself may have any extent.
            for b in [0, c] {
                let expected: Vec<f64> = (0..u.len()).map(|k| number(b, k)).collect();
                check(&format!("  lr * {}\n", lines[b]), &expected);
            }
        }
    }
}

#[test]
fn extents_mix_in_arithmetic_and_logic() {
    let u = gradient(places().len());
    let each: Vec<Vec<f64>> = EXTENTS.iter().map(|extent| values(extent, &u)).collect();
    for (a, left) in EXTENTS.iter().enumerate() {
        let mut terms = Vec::new();
        let mut expected = vec![0.0; u.len()];
        for (b, right) in EXTENTS.iter().enumerate() {
            let (x, y) = (left.text, right.text);
            terms.push(format!("({x} - 3 * {y}) * max({x}, {y})"));
            terms.push(format!("where({x} > 0.1 and not ({y} > 0), {y}, u)"));
            terms.push(format!("real(({x} > 0) == ({y} > 0.1))"));
            for (k, expected) in expected.iter_mut().enumerate() {
                let (x, y) = (each[a][k], each[b][k]);
                *expected += (x - 3.0 * y) * x.max(y);
                *expected += if x > 0.1 && y <= 0.0 { y } else { u[k] };
                *expected += f64::from(u8::from((x > 0.0) == (y > 0.1)));
            }
        }
        check(&format!("  let seen = {}\n  lr * seen\n", terms.join(" + ")), &expected);
    }
}
