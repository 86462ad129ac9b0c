//! `egret data`: what a csv file holds.

use std::fs;

use super::{code, egret, folder, stderr, stdout};

const TABLE: &str = "age;city;pay;note;code\n1,5;Rome;3;;7\n?;Oslo;4;;A1\n-2;;12;;9\n";

#[test]
fn each_column_is_told_of_even_one_that_no_script_could_read() {
    let folder = folder("data");
    fs::write(folder.join("d.csv"), TABLE).expect("it can be written");
    let asked = ["data", "d.csv", "--separator", ";", "--decimal", ",", "--missing", "?"];
    let output = egret(&asked, &folder);
    let text = "\
d.csv: 3 rows, 5 columns, a cell missing in 3 rows
column  holds          missing  range or classes
age     numbers              1  -2 to 1.5
city    words                1  2: Oslo, Rome
pay     whole numbers        0  3 to 12
note    nothing              3  \n\
code    both                 0  2 numbers and 1 others, see line 3: `A1`
";
    assert_eq!((code(&output), stdout(&output).as_str()), (0, text));
    let json = stdout(&egret(&[&asked[..], &["--json"]].concat(), &folder));
    let found: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!((&found["rows"], &found["rows_with_missing"]), (&3.into(), &3.into()));
    assert_eq!(found["columns"][0]["least"], -2.0);
    assert_eq!(found["columns"][1]["words"], serde_json::json!(["Oslo", "Rome"]));
    assert_eq!(found["columns"][4]["line"], 3);
}

#[test]
fn a_file_that_is_no_table_says_why() {
    let folder = folder("no_data");
    fs::write(folder.join("d.csv"), "a,b\n1\n").expect("it can be written");
    let ragged = egret(&["data", "d.csv"], &folder);
    assert_eq!(code(&ragged), 1);
    assert!(stderr(&ragged).contains("line 2: expected 2 cells as in the header, found 1"));
    assert_eq!(code(&egret(&["data", "none.csv"], &folder)), 1);
    assert_eq!(code(&egret(&["data", "d.csv", "--separator", "x"], &folder)), 2);
}
