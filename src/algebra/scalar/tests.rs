use super::*;

/// Every row with its name in messages.
fn rows() -> impl Iterator<Item = &'static Scalar> {
    ALL.iter().chain(PARTS).copied()
}

fn same(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

#[test]
fn samples_hold() {
    for row in rows() {
        assert!(!row.samples.is_empty(), "{} has no samples", row.name);
        for (args, result) in row.samples {
            assert_eq!(args.len(), row.args.len(), "{}{args:?}", row.name);
            let got = (row.eval)(args);
            assert!(same(got, *result), "{}{args:?} = {got:?}, not {result:?}", row.name);
        }
    }
}

#[test]
fn names_are_unique_and_found() {
    for (index, row) in ALL.iter().enumerate() {
        assert!(std::ptr::eq(find(row.name).expect(row.name), *row), "{}", row.name);
        assert!(ALL[..index].iter().all(|other| other.name != row.name), "{} twice", row.name);
    }
}
