//! First and second derivatives of what takes several arguments, for all shapes that go together.

use egret::gradcheck::gradcheck;

/// Shapes that broadcast to `real[2, 3]`, alone or in pairs, with sizes 1 among them.
const ARGS: &str =
    "a: real[2, 3], b: real[3], c: real[2, 1], d: real, e: real[1, 3], f: real[1, 1], g: real[1]";
const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// An expression of `X` and `Y` that is smooth wherever the arguments lie.
const OPERATORS: [(&str, &str); 13] = [
    ("plus", "(X + Y)^2"),
    ("minus", "(X - Y)^3"),
    ("times", "X * Y"),
    ("over", "X / (3 + Y)"),
    ("power", "(2 + X)^Y"),
    ("to_power", "pow(2 + X, Y)"),
    ("greater", "max(X, Y)^2"),
    ("less", "min(X, Y)^2"),
    ("rest", "(X % (3 + Y))^2"),
    ("chosen", "where(X < Y, X * X * Y, sin(X) * Y)"),
    ("clamped", "clamp(X, Y, Y + 1)^2"),
    ("joined", "sin(X) * cos(Y)"),
    ("cross", "binary_cross_entropy(X * Y, sigmoid(X + Y))"),
];

/// A function of all shapes, and one that gives the sum of its weighted gradients.
fn pair((name, body): (&str, &str)) -> String {
    let of = |x: &str, y: &str| format!("sum({}) ", body.replace('X', x).replace('Y', y));
    let all = NAMES.iter().flat_map(|x| NAMES.iter().filter(move |y| *y != x).map(move |y| of(x, y)));
    let (names, value) = (NAMES.join(", "), all.collect::<Vec<_>>().join("+ "));
    let (grads, weighted): (Vec<String>, Vec<String>) =
        NAMES.iter().map(|x| (format!("g{x}"), format!("sum(sin(3 * {x}) * g{x})"))).unzip();
    format!(
        "fn {name}({ARGS}) -> real = {value}
fn {name}_again({ARGS}) -> real {{
  let ({}) = grad({name}, wrt = [{names}])({names})
  {}
}}
",
        grads.join(", "),
        weighted.join(" + ")
    )
}

#[test]
fn derivatives_of_all_broadcasts() {
    let script: String = OPERATORS.map(pair).concat();
    let checked = match gradcheck("broadcasts.eg", &script, ".".as_ref(), None) {
        Ok(checked) => checked,
        Err(problem) => panic!("{problem:?}"),
    };
    assert_eq!(checked.len(), 2 * OPERATORS.len());
    for found in checked {
        assert!(found.skipped.is_none() && found.agrees(), "{found}");
        assert_eq!(found.compared.len(), NAMES.len(), "{found}");
        let kinks: usize = found.compared.iter().map(|compared| compared.kinks).sum();
        assert!(kinks <= 2, "{found}");
    }
}
