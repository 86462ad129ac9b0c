//! `egret data`: what a data file holds.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Exit, PROGRAM, complain, print};
use crate::data::summary::{self, ColumnSummary, Holds, Summary};
use crate::pipeline::Report;
use crate::print::number;

#[derive(Args, Debug)]
pub(super) struct DataArgs {
    /// The csv file
    file: PathBuf,
    /// What a missing cell may hold, such as `NA`; an empty one is always missing
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    missing: Vec<String>,
    /// What stands between cells: `,`, `;`, `|` or `tab`
    #[arg(long, value_name = "SIGN", default_value = ",", value_parser = parse_separator)]
    separator: char,
    /// What stands before the fraction of a number: `.` or `,`
    #[arg(long, value_name = "SIGN", default_value = ".", value_parser = parse_decimal)]
    decimal: char,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

fn parse_separator(text: &str) -> Result<char, String> {
    match text {
        "," | ";" | "|" | "\t" => Ok(text.chars().next().unwrap_or(',')),
        "tab" => Ok('\t'),
        _ => Err(format!("expected one of `,`, `;`, `|` and `tab`, found `{text}`")),
    }
}

fn parse_decimal(text: &str) -> Result<char, String> {
    match text {
        "." => Ok('.'),
        "," => Ok(','),
        _ => Err(format!("expected `.` or `,`, found `{text}`")),
    }
}

pub(super) fn data(args: &DataArgs, color: bool) -> Exit {
    let missing = args.missing.clone();
    let summary = summary::csv(&args.file, args.separator, args.decimal, missing).map_err(|found| {
        complain(&Report { diagnostics: vec![found], sources: Default::default() }.render(color));
        PROGRAM
    })?;
    let file = args.file.display().to_string();
    print(&if args.json { as_json(&file, &summary) } else { as_text(&file, &summary) })
}

/// Most words of a column that the table shows; JSON has them all.
const SHOWN: usize = 4;

fn as_text(file: &str, summary: &Summary) -> String {
    let Summary { rows, incomplete, columns } = summary;
    let mut text = format!("{file}: {rows} rows, {} columns", columns.len());
    let _ = match incomplete {
        0 => writeln!(text, ", no cell missing"),
        some => writeln!(text, ", a cell missing in {some} rows"),
    };
    let head = ["column", "holds", "missing", "range or classes"].map(str::to_owned);
    let lines: Vec<[String; 4]> = [head].into_iter().chain(columns.iter().map(line)).collect();
    let width = |k: usize| lines.iter().map(|line| line[k].chars().count()).max().unwrap_or(0);
    let [first, second, third] = [0, 1, 2].map(width);
    for [name, holds, missing, range] in &lines {
        let _ = writeln!(text, "{name:first$}  {holds:second$}  {missing:>third$}  {range}");
    }
    text
}

fn line(column: &ColumnSummary) -> [String; 4] {
    let (holds, range) = match &column.holds {
        Holds::Nothing => ("nothing", String::new()),
        Holds::Numbers { whole, least, most } => {
            let range = format!("{} to {}", number(*least), number(*most));
            (if *whole { "whole numbers" } else { "numbers" }, range)
        }
        Holds::Words(words) => {
            let shown: Vec<&str> = words.iter().take(SHOWN).map(String::as_str).collect();
            let more = if words.len() > SHOWN { ", ..." } else { "" };
            ("words", format!("{}: {}{more}", words.len(), shown.join(", ")))
        }
        Holds::Mixed { numbers, others, odd: (line, text) } => {
            ("both", format!("{numbers} numbers and {others} others, see line {line}: `{text}`"))
        }
    };
    [column.name.clone(), holds.to_owned(), column.missing.to_string(), range]
}

fn as_json(file: &str, summary: &Summary) -> String {
    let columns: Vec<Value> = summary.columns.iter().map(column_json).collect();
    let report = json!({
        "file": file, "rows": summary.rows, "rows_with_missing": summary.incomplete, "columns": columns,
    });
    report.to_string() + "\n"
}

fn column_json(column: &ColumnSummary) -> Value {
    let (name, missing) = (&column.name, column.missing);
    match &column.holds {
        Holds::Nothing => json!({ "name": name, "missing": missing, "holds": "nothing" }),
        Holds::Numbers { whole, least, most } => json!({
            "name": name, "missing": missing, "holds": "numbers", "whole": whole, "least": least, "most": most,
        }),
        Holds::Words(words) => json!({
            "name": name, "missing": missing, "holds": "words", "classes": words.len(), "words": words,
        }),
        Holds::Mixed { numbers, others, odd: (line, text) } => json!({
            "name": name, "missing": missing, "holds": "both", "numbers": numbers, "others": others,
            "line": line, "text": text,
        }),
    }
}
