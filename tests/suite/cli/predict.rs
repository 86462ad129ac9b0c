//! `predict` in scripts, and `egret predict` with nothing but the file of a fit.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{code, egret, folder, script, stderr};

/// People whose pay follows from their work and age, some ages missing.
fn people(rows: usize) -> String {
    let mut text = "age,work,zip,pay\n".to_owned();
    for k in 0..rows {
        let (age, work) = (20 + (k * 7) % 40, ["baker", "smith", "judge"][k % 3]);
        let pay = if (work == "judge") == (age > 30) { "much" } else { "little" };
        let age = if k % 11 == 0 { "?".to_owned() } else { age.to_string() };
        let _ = writeln!(text, "{age},{work},{},{pay}", 100 + k % 2);
    }
    text
}

const PAY: &str = "
data d = csv(
  \"people.csv\", target = \"pay\", test = 0.25, missing = \"?\", words = [\"zip\"],
  fill = { \"age\": indicator, else: drop }
) { x = standardize(x) }
let half = sum(iota[4]) / 12
model net(x: real[B, 4]) -> real[B, 2] {
  layer first = dense[4, 8]
  layer norm  = batchnorm[8]
  layer last  = dense[8, 2]
  x |> first |> norm |> tanh |> last
}
let fit = train net on d.train {
  loss = mean(cross_entropy(net(half * x), y))
  optimizer = adam(lr = 1e-2) |> weight_ema
  batch = 10
  epochs = 5
}
predict fit on d.test to \"test.csv\"
save fit to \"fit.safetensors\"
";

/// Runs a script in a folder of its own, with a file of data beside it.
fn trained(name: &str, data: (&str, &str), text: &str) -> PathBuf {
    let folder = folder(name);
    fs::write(folder.join(data.0), data.1).expect("it can be written");
    let output = egret(&["run", "-q", &script(&folder, text)], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    folder
}

/// What is in a table, by the line that each row is about.
fn table(path: &Path) -> (String, BTreeMap<String, String>) {
    let text = fs::read_to_string(path).expect("it was written");
    let (head, rows) = text.split_once('\n').expect("a header");
    let row = |row: &str| row.split_once(',').map(|(line, rest)| (line.to_owned(), rest.to_owned()));
    (head.to_owned(), rows.lines().filter_map(row).collect())
}

fn predict(folder: &Path, data: &str, text: &str) -> (i32, String) {
    fs::write(folder.join(data), text).expect("it can be written");
    let output =
        egret(&["predict", "fit.safetensors", "--data", data, "--to", "out.csv", "--color", "never"], folder);
    (code(&output), stderr(&output))
}

#[test]
fn the_file_of_a_fit_predicts_what_the_script_does() {
    let folder = trained("predict", ("people.csv", &people(80)), PAY);
    let (head, test) = table(&folder.join("test.csv"));
    assert_eq!((head.as_str(), test.len()), ("line,pay,p.little,p.much", 20));
    // Nothing but the file is needed.
    for name in ["people.csv", "script.eg"] {
        fs::remove_file(folder.join(name)).expect("it was there");
    }
    // Other columns in another order, and no target.
    let mut others = "note,zip,work,age\n".to_owned();
    for line in people(80).lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let _ = writeln!(others, "a,{},{},{}", cells[2], cells[1], cells[0]);
    }
    assert_eq!(predict(&folder, "new.csv", &others), (0, String::new()));
    let (same_head, all) = table(&folder.join("out.csv"));
    assert_eq!((same_head, all.len()), (head, 80));
    assert!(test.iter().all(|(line, row)| all[line] == *row), "{test:?} is not in {all:?}");
    let classes: std::collections::BTreeSet<&str> =
        all.values().filter_map(|row| row.split(',').next()).collect();
    assert_eq!(classes, std::collections::BTreeSet::from(["little", "much"]));
    // One row of which a number is missing.
    assert_eq!(predict(&folder, "one.csv", "age,work,zip\n?,smith,100\n").0, 0);
    let (_, one) = table(&folder.join("out.csv"));
    let of_line = others.lines().position(|line| line == "a,100,smith,?").map(|at| (at + 1).to_string());
    assert_eq!(one.get("2"), of_line.map(|line| &all[&line]));
}

#[test]
fn rows_that_do_not_fit_are_told_of_by_line_and_column() {
    let folder = trained("predict_wrong", ("people.csv", &people(80)), PAY);
    let wrong = [
        ("age,zip\n1,100\n", "`new.csv` has no column `work`"),
        ("age,work,zip\n1,baker,100\n2,bakr,100\n", "`new.csv`, line 3, column `work`: the word `bakr`"),
        ("age,work,zip\n1,?,100\n", "`new.csv`, line 2, column `work`: expected a number or a word"),
        ("age,work,zip\nold,baker,100\n", "`new.csv`, line 2, column `age`: expected a number"),
        ("age,work,zip\n1,baker,102\n", "`new.csv`, line 2, column `zip`: the word `102`"),
        ("age,work,zip\n", "`new.csv`"),
    ];
    for (text, message) in wrong {
        let (code, said) = predict(&folder, "new.csv", text);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(message), "{said}");
        assert!(!folder.join("out.csv").exists());
    }
    let (code, said) = predict(&folder, "new.npy", "");
    assert_eq!(code, 1, "{said}");
    fs::copy(folder.join("test.csv"), folder.join("fit.safetensors")).expect("it can be copied");
    let (code, said) = predict(&folder, "new.csv", "age,work,zip\n1,baker,100\n");
    assert_eq!(code, 1);
    assert!(said.contains("not a whole safetensors file"), "{said}");
}

#[test]
fn numbers_are_in_the_units_of_their_column() {
    let text = "
data d = csv(\"line.csv\", target = \"y\") { x = standardize(x)
  y = standardize(y) }
model net(x: real[B, 1]) -> real[B] {
  layer last = dense[1, 1]
  sum(last(x), axis = 1)
}
let fit = train net on d {
  loss = mse(net(x), y)
  optimizer = sgd(lr = 0.1)
  batch = full
  epochs = 400
}
predict fit on d to \"all.csv\"
save fit to \"fit.safetensors\"
";
    let rows: String = (0..10).map(|k| format!("{k},{}.5\n", 1000 + 50 * k)).collect();
    let folder = trained("predict_units", ("line.csv", &format!("a,y\n{rows}")), text);
    let (head, all) = table(&folder.join("all.csv"));
    assert_eq!(head, "line,y");
    let number = |text: &String| text.parse::<f64>().expect("a number");
    assert!((number(&all["4"]) - 1100.5).abs() < 0.1, "{all:?}");
    assert_eq!(predict(&folder, "new.csv", "a\n20\n"), (0, String::new()));
    let (_, new) = table(&folder.join("out.csv"));
    assert!((number(&new["2"]) - 2000.5).abs() < 0.5, "{new:?}");
}

#[test]
fn windows_predict_also_what_comes_after_the_last_row() {
    let text = "
data d = csv(\"series.csv\", target = \"y\", windows = 3)
model next(x: real[B, 3, 1]) -> real[B] {
  param w: real[] = 1
  w * x[:, 2, 0]
}
let fit = train next on d {
  loss = mse(next(x), y)
  optimizer = sgd(lr = 0)
  steps = 1
}
predict fit on d to \"all.csv\"
save fit to \"fit.safetensors\"
";
    let rows: String = (1..=6).map(|k| format!("{k}.5,{k}\n")).collect();
    let folder = trained("predict_windows", ("series.csv", &format!("a,y\n{rows}")), text);
    let all = fs::read_to_string(folder.join("all.csv")).expect("it was written");
    assert_eq!(all, "line,y\n5,3.5\n6,4.5\n7,5.5\n");
    let features: String = (1..=6).map(|k| format!("{k}.5\n")).collect();
    assert_eq!(predict(&folder, "new.csv", &format!("a\n{features}")), (0, String::new()));
    let new = fs::read_to_string(folder.join("out.csv")).expect("it was written");
    assert_eq!(new, "line,y\n5,3.5\n6,4.5\n7,5.5\n,6.5\n");
    let (code, said) = predict(&folder, "new.csv", "a\n1\n2\n");
    assert_eq!(code, 1);
    assert!(said.contains("2 rows, too few for a window of 3"), "{said}");
}

#[test]
fn a_script_that_uses_others_is_in_the_file_wherever_it_lay() {
    let folder = folder("predict_uses");
    for (path, text) in [
        ("lib/scale.eg", "use \"deep/more.eg\"\nfn scaled(x: real[B, F]) -> real[B, F] = twice(x) / 2\n"),
        ("lib/deep/more.eg", "fn twice(x: real[B, F]) -> real[B, F] = 2 * x\n"),
        ("work/line.csv", "a,y\n1,1.5\n2,2.5\n3,3.5\n4,4.5\n"),
        (
            "work/script.eg",
            "use \"../lib/scale.eg\"
data d = csv(\"line.csv\", target = \"y\")
model net(x: real[B, 1]) -> real[B] {
  param w: real[1] = 1
  scaled(x) @ w
}
let fit = train net on d {
  loss = mse(net(x), y)
  optimizer = sgd(lr = 0)
  steps = 1
}
save fit to \"fit.safetensors\"
",
        ),
    ] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    let output = egret(&["run", "-q", "work/script.eg"], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let saved = fs::read(folder.join("fit.safetensors")).expect("it was written");
    let output = egret(&["run", "-q", "script.eg"], &folder.join("work"));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(saved == fs::read(folder.join("work/fit.safetensors")).expect("it was written"));
    fs::remove_dir_all(folder.join("lib")).expect("it was there");
    assert_eq!(predict(&folder, "new.csv", "a\n20\n"), (0, String::new()));
    let (_, new) = table(&folder.join("out.csv"));
    assert_eq!(new["2"], "20");
}

#[test]
fn a_file_that_says_too_little_is_told_from_one_for_other_data() {
    let text = "
data d = synthetic(rows = 8, seed = 1) {
  x = random.normal[rows, 4]()
  y = sum(x, axis = 1)
}
model net(x: real[B, 4]) -> real[B] {
  layer last = dense[4, 1]
  squeeze(last(x), axis = 1)
}
let teacher = train net on d {
  loss = mse(net(x), y)
  optimizer = sgd(lr = 0.1)
  steps = 3
}
let fit = train net on d {
  loss = mse(net(x), y)
  optimizer = sgd(lr = 0.1)
  steps = 3
  checkpoint = every 3 to \"kept\"
}
let student = train net on d {
  loss = mse(net(x * teacher.loss), y)
  optimizer = sgd(lr = 0.1)
  steps = 3
}
predict fit on d to \"all.csv\"
save fit to \"fit.safetensors\"
save student to \"student.safetensors\"
";
    let folder = trained("predict_other", ("none", ""), text);
    let (code, said) = predict(&folder, "new.csv", "x\n1\n");
    assert_eq!(code, 1);
    assert!(said.contains("error[other-features]") && said.contains("`x`: f32[4]"), "{said}");
    let arrays = folder.join("new.npy");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/run/x.npy"), arrays).expect("it is there");
    let asked = ["predict", "fit.safetensors", "--data", "new.npy", "--to", "out.csv", "--color", "never"];
    let output = egret(&asked, &folder);
    assert_eq!((super::code(&output), stderr(&output)), (0, String::new()));
    let (head, rows) = table(&folder.join("out.csv"));
    assert_eq!((head.as_str(), rows.len()), ("row,y", 6));
    for (from, message) in [
        ("kept/fit-00000003.safetensors", "it does not say how it was made"),
        ("student.safetensors", "computes with what `teacher` left"),
    ] {
        fs::copy(folder.join(from), folder.join("fit.safetensors")).expect("it is there");
        let output = egret(&asked, &folder);
        let said = stderr(&output);
        assert_eq!(super::code(&output), 1, "{said}");
        assert!(said.contains("error[incomplete-fit]") && said.contains(message), "{said}");
    }
}
