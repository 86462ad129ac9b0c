use super::*;
use crate::algebra::scalar;

const F32: DType = DType::F32;

#[test]
fn elements_with_a_rest_in_place() {
    for n in [1, 3, 4, 7, 8, 15, 16, 21] {
        let mut make = Make::new(&[n], 1);
        let (a, b) = (make.input(F32, n), make.input(F32, n));
        let (x, y) = (make.load(a, at(&[(0, 1)])), make.load(b, at(&[(0, 1)])));
        let two = make.number(2.0, F32);
        let scaled = make.map(&scalar::MUL, &[two, y], F32);
        let sum = make.map(&scalar::ADD, &[x, scaled], F32);
        make.store(a, at(&[(0, 1)]), sum);
        let (u, v) = (numbers(n, 1), numbers(n, 2));
        let out = make.run(&[(a, &u), (b, &v)]);
        let want: Vec<f64> = u.iter().zip(&v).map(|(a, b)| a + 2.0 * b).collect();
        assert_eq!(out[a.0], want, "{n} elements");
    }
}

#[test]
fn elements_whose_last_turn_overlaps() {
    for n in [5, 9, 10, 17] {
        let mut make = Make::new(&[3, n], 2);
        let (a, b, out) = (make.input(F32, 3 * n), make.input(F32, n), make.input(F32, 3 * n));
        let row = n as i64;
        let x = make.load(a, at(&[(0, row), (1, 1)]));
        let bias = make.load(b, at(&[(1, 1)]));
        let sum = make.map(&scalar::ADD, &[x, bias], F32);
        make.store(out, at(&[(0, row), (1, 1)]), sum);
        let (u, v) = (numbers(3 * n, 1), numbers(n, 2));
        let done = make.run(&[(a, &u), (b, &v)]);
        let want: Vec<f64> = (0..3 * n).map(|k| u[k] + v[k % n]).collect();
        assert_eq!(done[out.0], want, "{n} columns");
    }
}

#[test]
fn a_load_after_a_store_sees_it() {
    let n = 11;
    let mut make = Make::new(&[n], 1);
    let (a, out) = (make.input(F32, n), make.input(F32, n));
    let x = make.load(a, at(&[(0, 1)]));
    let one = make.number(1.0, F32);
    let next = make.map(&scalar::ADD, &[x, one], F32);
    make.store(a, at(&[(0, 1)]), next);
    let again = make.load(a, at(&[(0, 1)]));
    let difference = make.map(&scalar::SUB, &[again, x], F32);
    make.store(out, at(&[(0, 1)]), difference);
    let u = numbers(n, 3);
    assert_eq!(make.run(&[(a, &u)])[out.0], vec![1.0; n]);
}

#[test]
fn masks_and_choices() {
    let n = 13;
    let mut make = Make::new(&[n], 1);
    let (a, mask, out) = (make.input(F32, n), make.input(DType::Bool, n), make.input(F32, n));
    let x = make.load(a, at(&[(0, 1)]));
    let zero = make.number(0.0, F32);
    let below = make.map(&scalar::LT, &[x, zero], DType::Bool);
    make.store(mask, at(&[(0, 1)]), below);
    let chosen = make.map(&scalar::SELECT, &[below, zero, x], F32);
    make.store(out, at(&[(0, 1)]), chosen);
    let u = numbers(n, 4);
    let done = make.run(&[(a, &u)]);
    assert_eq!(done[out.0], u.iter().map(|x| x.max(0.0)).collect::<Vec<f64>>());
    assert_eq!(done[mask.0], u.iter().map(|x| f64::from(u8::from(*x < 0.0))).collect::<Vec<f64>>());
}

#[test]
fn scalars_mix_with_vectors_in_two_types() {
    let n = 10;
    let mut make = Make::new(&[n], 1);
    let (cell, a, out) = (make.input(DType::F64, 1), make.input(F32, n), make.input(DType::F64, n));
    let lr = make.load(cell, at(&[]));
    let x = make.load(a, at(&[(0, 1)]));
    let wide = make.cast(x, DType::F64);
    let place = make.inst(Inst::Axis(0, DType::F64));
    let product = make.map(&scalar::MUL, &[lr, wide], DType::F64);
    let sum = make.map(&scalar::ADD, &[product, place], DType::F64);
    make.store(out, at(&[(0, 1)]), sum);
    let u = numbers(n, 5);
    let done = make.run(&[(cell, &[0.1]), (a, &u)]);
    let want: Vec<f64> = u.iter().enumerate().map(|(k, x)| 0.1 * x + k as f64).collect();
    assert_eq!(done[out.0], want);
}

#[test]
fn no_axes_is_straight_line_code() {
    let mut make = Make::new(&[], 0);
    let (s, t) = (make.input(DType::F64, 1), make.input(DType::F64, 1));
    let (x, y) = (make.load(s, at(&[])), make.load(t, at(&[])));
    let root = make.map(&scalar::SQRT, &[x], DType::F64);
    let ratio = make.map(&scalar::DIV, &[root, y], DType::F64);
    make.store(t, at(&[]), ratio);
    assert_eq!(make.run(&[(s, &[9.0]), (t, &[2.0])])[t.0], vec![1.5]);
}

#[test]
fn a_transpose_is_copied() {
    let (n, m) = (6, 9);
    let mut make = Make::new(&[n, m], 2);
    let (a, out) = (make.input(F32, n * m), make.input(F32, n * m));
    let x = make.load(a, at(&[(0, 1), (1, n as i64)]));
    make.store(out, at(&[(0, m as i64), (1, 1)]), x);
    let u = numbers(n * m, 6);
    let want: Vec<f64> = (0..n * m).map(|k| u[k % m * n + k / m]).collect();
    assert_eq!(make.run(&[(a, &u)])[out.0], want);
}

#[test]
fn padding_reads_its_own_number_outside() {
    let (rows, n) = (5, 12);
    for padded in [0, 1] {
        let mut make = Make::new(&[rows, n], 2);
        let (before, size) = (2, [rows, n][padded] as i64 - 3);
        let stride = if padded == 0 { n as i64 } else { size };
        let a = make.input(F32, [size as usize * n, rows * size as usize][padded]);
        let out = make.input(F32, rows * n);
        let mut position = at(&[(padded, 1)]);
        position.offset = -before;
        let mut place = at(&[(0, stride), (1, 1)]);
        place.offset = -before * if padded == 0 { stride } else { 1 };
        let x = make.load_if(a, place, vec![Guard { position, bound: size }], -1.5);
        make.store(out, at(&[(0, n as i64), (1, 1)]), x);
        let u = numbers([size as usize * n, rows * size as usize][padded], 7);
        let want: Vec<f64> = (0..rows * n)
            .map(|k| {
                let mut place = [(k / n) as i64, (k % n) as i64];
                place[padded] -= before;
                let inside = (0..size).contains(&place[padded]);
                if inside { u[(place[0] * stride + place[1]) as usize] } else { -1.5 }
            })
            .collect();
        assert_eq!(make.run(&[(a, &u)])[out.0], want, "axis {padded}");
    }
}

#[test]
fn gathered_rows() {
    let (n, d, rows) = (7, 8, 5);
    let mut make = Make::new(&[n, d], 2);
    let (table, index) = (make.input(F32, rows * d), make.input(DType::I32, n));
    let out = make.input(F32, n * d);
    let which = make.load(index, at(&[(0, 1)]));
    let place = Affine { gather: Some((which, d as i64)), ..at(&[(1, 1)]) };
    let x = make.load(table, place);
    make.store(out, at(&[(0, d as i64), (1, 1)]), x);
    let (u, v) = (numbers(rows * d, 8), whole(n, rows));
    let want: Vec<f64> = (0..n * d).map(|k| u[v[k / d] as usize * d + k % d]).collect();
    assert_eq!(make.run(&[(table, &u), (index, &v)])[out.0], want);
}

#[test]
fn pieces_get_their_own_scale() {
    let lengths = [3, 20, 0, 8, 1];
    let (mut make, segments) = Make::ragged(&lengths, 2);
    let n = segments.total();
    let (a, scale) = (make.input(F32, n), make.input(F32, lengths.len()));
    let place = Affine { segment: Some((segments.clone(), 0)), ..at(&[(1, 1)]) };
    let x = make.load(a, place.clone());
    let s = make.load(scale, at(&[(0, 1)]));
    let product = make.map(&scalar::MUL, &[x, s], F32);
    make.store(a, place, product);
    let (u, v) = (numbers(n, 9), numbers(lengths.len(), 10));
    let of: Vec<usize> = lengths.iter().enumerate().flat_map(|(k, n)| std::iter::repeat_n(k, *n)).collect();
    let want: Vec<f64> = (0..n).map(|k| u[k] * v[of[k]]).collect();
    assert_eq!(make.run(&[(a, &u), (scale, &v)])[a.0], want);
}
