use super::*;
use crate::algebra::scalar;

const F32: DType = DType::F32;

#[test]
fn rows_and_columns_are_summed() {
    for (rows, n) in [(3, 5), (4, 8), (5, 19), (2, 40), (9, 3)] {
        for along in [0, 1] {
            let mut make = Make::new(&[[n, rows][along], [rows, n][along]], 1);
            let (a, out) = (make.input(F32, rows * n), make.input(F32, [n, rows][along]));
            let place = [at(&[(0, 1), (1, n as i64)]), at(&[(0, n as i64), (1, 1)])];
            let x = make.load(a, place[along].clone());
            let sum = make.combine(Reducer::Sum, x, F32);
            make.store(out, at(&[(0, 1)]), sum);
            let u = numbers(rows * n, 1);
            let mut want = vec![0.0; [n, rows][along]];
            (0..rows * n).for_each(|k| want[[k % n, k / n][along]] += u[k]);
            close(&make.run(&[(a, &u)])[out.0], &want, 1e-6);
        }
    }
}

#[test]
fn greatest_and_least_keep_nan() {
    for n in [6, 8, 21] {
        for spoilt in [None, Some(0), Some(n - 1), Some(4)] {
            let mut make = Make::new(&[n], 0);
            let (a, out) = (make.input(F32, n), make.input(F32, 2));
            let x = make.load(a, at(&[(0, 1)]));
            let most = make.combine(Reducer::Max, x, F32);
            let least = make.combine(Reducer::Min, x, F32);
            make.store(out, at(&[]), most);
            make.store(out, Affine { offset: 1, ..Affine::default() }, least);
            let mut u = numbers(n, 2);
            let want =
                [u.iter().copied().fold(f64::MIN, f64::max), u.iter().copied().fold(f64::MAX, f64::min)];
            if let Some(k) = spoilt {
                u[k] = f64::NAN;
            }
            let have = &make.run(&[(a, &u)])[out.0];
            match spoilt {
                None => assert_eq!(have, &want),
                Some(_) => {
                    assert!(have.iter().all(|x| x.is_nan()), "{n} elements, NaN at {spoilt:?}: {have:?}")
                }
            }
        }
    }
}

#[test]
fn stores_and_full_sums_in_one_loop() {
    for n in [1, 7, 8, 37] {
        let mut make = Make::new(&[n], 0);
        let (m, g) = (make.input(F32, n), make.input(F32, n));
        let out = make.input(DType::F64, 2);
        let (x, y) = (make.load(m, at(&[(0, 1)])), make.load(g, at(&[(0, 1)])));
        let next = make.map(&scalar::ADD, &[x, y], F32);
        make.store(m, at(&[(0, 1)]), next);
        let (wide, other) = (make.cast(next, DType::F64), make.cast(y, DType::F64));
        let product = make.map(&scalar::MUL, &[wide, other], DType::F64);
        let square = make.map(&scalar::MUL, &[other, other], DType::F64);
        let dot = make.combine(Reducer::Sum, product, DType::F64);
        let norm = make.combine(Reducer::Sum, square, DType::F64);
        let root = make.map(&scalar::SQRT, &[norm], DType::F64);
        make.store(out, at(&[]), dot);
        make.store(out, Affine { offset: 1, ..Affine::default() }, root);
        let (u, v) = (numbers(n, 1), numbers(n, 2));
        let done = make.run(&[(m, &u), (g, &v)]);
        let want: Vec<f64> = u.iter().zip(&v).map(|(a, b)| a + b).collect();
        let dot: f64 = want.iter().zip(&v).map(|(a, b)| a * b).sum();
        let norm: f64 = v.iter().map(|b| b * b).sum();
        assert_eq!(done[m.0], want, "{n} elements");
        close(&done[out.0], &[dot, norm.sqrt()], 1e-14);
    }
}

#[test]
fn pieces_are_summed() {
    let lengths = [3, 20, 0, 8, 1, 16];
    let (mut make, segments) = Make::ragged(&lengths, 1);
    let n = segments.total();
    let (a, out) = (make.input(F32, n), make.input(DType::F64, lengths.len()));
    let x = make.load(a, Affine { piece: Some((segments, 0)), ..at(&[(1, 1)]) });
    let wide = make.cast(x, DType::F64);
    let sum = make.combine(Reducer::Sum, wide, DType::F64);
    make.store(out, at(&[(0, 1)]), sum);
    let u = numbers(n, 3);
    let mut rest = u.as_slice();
    let want: Vec<f64> = lengths
        .iter()
        .map(|n| {
            let (piece, after) = rest.split_at(*n);
            rest = after;
            piece.iter().sum()
        })
        .collect();
    assert_eq!(make.run(&[(a, &u)])[out.0], want);
}

#[test]
fn booleans_and_integers_are_put_together() {
    let n = 11;
    let mut make = Make::new(&[n], 0);
    let (a, any, all) = (make.input(DType::I32, n), make.input(DType::Bool, 1), make.input(DType::Bool, 1));
    let (most, least) = (make.input(DType::I32, 1), make.input(DType::I32, 1));
    let x = make.load(a, at(&[(0, 1)]));
    let four = make.number(-4.0, DType::I32);
    let below = make.map(&scalar::LT, &[x, four], DType::Bool);
    let some = make.combine(Reducer::Max, below, DType::Bool);
    let every = make.combine(Reducer::Min, below, DType::Bool);
    let (high, low) = (make.combine(Reducer::Max, x, DType::I32), make.combine(Reducer::Min, x, DType::I32));
    make.store(any, at(&[]), some);
    make.store(all, at(&[]), every);
    make.store(most, at(&[]), high);
    make.store(least, at(&[]), low);
    let u: Vec<f64> = (0..n).map(|k| -3.0 - k as f64).collect();
    let done = make.run(&[(a, &u)]);
    assert_eq!([&done[any.0], &done[all.0]], [&vec![1.0], &vec![0.0]]);
    assert_eq!([done[most.0][0], done[least.0][0]], [-3.0, -13.0]);
}

#[test]
fn nothing_sums_to_zero() {
    let mut make = Make::new(&[3, 0], 1);
    let (a, out) = (make.input(F32, 0), make.input(F32, 3));
    let x = make.load(a, at(&[(1, 1)]));
    let sum = make.combine(Reducer::Sum, x, F32);
    make.store(out, at(&[(0, 1)]), sum);
    assert_eq!(make.run(&[(out, &[5.0, 5.0, 5.0])])[out.0], vec![0.0; 3]);
}
