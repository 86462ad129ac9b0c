//! A page about a finished run, as `egret run --report` writes it: one file of HTML without scripts and
//! without anything that is loaded from elsewhere, for a telephone as for a desk, dark or light.

use std::fmt::Write;

use crate::loops::{BufferLocation, Program as Loops};
use crate::pipeline::{Profile, Program, Report};
use crate::print::number;
use crate::run::plot::{self, Curve, escape};
use crate::run::{Fit, Outcome, ResultRef, Sweep, sweep};
use crate::typed::StatementKind;

/// Colours and sizes. What is wide scrolls inside of its box.
const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#fff;--text:#1d2430;--soft:#5b6675;--line:#d8dee6;--box:#f5f7fa}\
@media(prefers-color-scheme:dark){:root{--ground:#14181e;--text:#e6e9ee;--soft:#9aa5b4;--line:#323a46;--box:#1c222b}}\
*{box-sizing:border-box}\
body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--ground);color:var(--text);\
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}\
h3{font-size:1rem;margin:1.2rem 0 .3rem}p{margin:.3rem 0}.soft{color:var(--soft)}\
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:.5rem}\
.plots svg{width:100%;height:auto;display:block}\
@media(prefers-color-scheme:dark){.plots path[fill-opacity]{fill-opacity:.32}}\
.scroll{overflow-x:auto;max-width:100%}\
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}\
th,td{padding:.15rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}\
th{color:var(--soft);font-weight:600}td.word,th.word{text-align:left}\
pre{overflow-x:auto;background:var(--box);padding:.6rem;font:12px/1.4 ui-monospace,monospace;overflow-wrap:normal}\
code{font:.9em ui-monospace,monospace}summary{cursor:pointer;margin:.4rem 0}";

/// The page.
///
/// # Errors
/// Those of the script, which has run by now and has none.
pub fn page(program: &Program, outcome: &Outcome, profile: &Profile) -> Result<String, Report> {
    let name = program.name();
    let mut body = format!("<h1>{}</h1>\n", escape(name));
    body += &last_numbers(outcome);
    for (name, left) in outcome.left() {
        match left {
            ResultRef::Fit(index, fit) => body += &fit_section(program, name, index, fit)?,
            ResultRef::Sweep(sweep) => body += &sweep_section(name, sweep),
            ResultRef::Numbers(_) => {}
        }
    }
    body += &kernels(profile);
    body += "<h2>Memory</h2>\n";
    body += &memory(program)?;
    body += "<h2>Programs</h2>\n";
    body += &folded("What each kernel costs, and why kernels are apart", &program.cost()?);
    for (stage, title) in [("step", "One training step, as a graph"), ("kernel", "The fused kernels")] {
        body += &folded(title, &program.emit_named(stage)?.unwrap_or_default());
    }
    body += &folded("The script", program.source());
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(name)
    ))
}

/// A table in a box that scrolls; the first row is the head, and the first `words` columns are words.
fn table(rows: &[Vec<String>], words: &[usize]) -> String {
    let mut text = "<div class=\"scroll\"><table>\n".to_owned();
    for (k, row) in rows.iter().enumerate() {
        let tag = if k == 0 { "th" } else { "td" };
        let cell = |(column, cell): (usize, &String)| {
            let class = if words.contains(&column) { " class=\"word\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", escape(cell))
        };
        let cells: String = row.iter().enumerate().map(cell).collect();
        let _ = writeln!(text, "<tr>{cells}</tr>");
    }
    text + "</table></div>\n"
}

fn folded(title: &str, text: &str) -> String {
    format!(
        "<details><summary>{}</summary><pre tabindex=\"0\">{}</pre></details>\n",
        escape(title),
        escape(text)
    )
}

fn plots(curves: &[Vec<Curve>]) -> String {
    let drawn: String =
        curves.iter().map(|curves| format!("<div>{}</div>\n", plot::inline(curves))).collect();
    format!("<div class=\"plots\">\n{drawn}</div>\n")
}

/// What every run and evaluation came to.
fn last_numbers(outcome: &Outcome) -> String {
    let mut rows = vec![vec!["run".to_owned(), "what".to_owned(), "last value".to_owned()]];
    for (name, left) in outcome.left() {
        let mut add = |what: &str, value: f64| {
            rows.push(vec![name.to_owned(), what.to_owned(), format!("{value:.5}")]);
        };
        match left {
            ResultRef::Fit(_, fit) => {
                for key in fit.recorded().0 {
                    fit.series(key).last().into_iter().for_each(|point| add(key, point.1));
                }
            }
            ResultRef::Numbers(numbers) => numbers.iter().for_each(|(key, value)| add(key, *value)),
            ResultRef::Sweep(_) => {}
        }
    }
    if rows.len() == 1 { String::new() } else { table(&rows, &[0, 1]) }
}

fn fit_section(program: &Program, name: &str, index: usize, fit: &Fit) -> Result<String, Report> {
    let (layout, cells, steps, seed) = fit.facts();
    let (n, tensors) = (layout.segments.total(), layout.params.len());
    let mut text = format!("<h2><code>{}</code></h2>\n", escape(name));
    let _ = writeln!(
        text,
        "<p class=\"soft\">{n} parameters in {tensors} tensors, {steps} steps, seed {seed}</p>"
    );
    text += &pipeline(program, index, cells)?;
    let (series, spreads) = fit.recorded();
    let curve = |key: &&str| fit.curve(key, None);
    const LOSSES: [&str; 3] = ["batch_loss", "loss", "val_loss"];
    let losses: Vec<Curve> =
        LOSSES.iter().filter(|key| series.contains(key)).map(|key| fit.curve(key, None)).collect();
    let own = |key: &&&str| !LOSSES.contains(*key);
    let mut drawn = vec![losses];
    drawn.extend(series.iter().filter(own).map(|key| vec![curve(key)]));
    text += &plots(&drawn);
    let whole: Vec<&str> = spreads.iter().filter(|(_, param)| param.is_none()).map(|(key, _)| *key).collect();
    if !whole.is_empty() {
        text += "<h3>Distributions of states</h3>\n<p class=\"soft\">The median over all parameters; half and nine tenths of the values are shaded.</p>\n";
        text += &plots(&whole.iter().map(|key| vec![fit.curve(key, None)]).collect::<Vec<_>>());
        for key in whole {
            let params = spreads.iter().filter(|(have, param)| *have == key && param.is_some());
            let each: Vec<Vec<Curve>> = params.map(|(key, param)| vec![fit.curve(key, *param)]).collect();
            let _ = writeln!(
                text,
                "<details><summary><code>{}</code> by parameters</summary>{}</details>",
                escape(key),
                plots(&each)
            );
        }
    }
    Ok(text)
}

/// The stages of an optimizer, and the values of its hyperparameters.
fn pipeline(program: &Program, index: usize, cells: &[(String, f64)]) -> Result<String, Report> {
    let typed = program.typed()?;
    let StatementKind::Train(train) = &typed.statements[index].kind else { return Ok(String::new()) };
    let mut stages = train.optimizer.uses.iter().map(|used| used.name.as_str());
    let mut text = String::new();
    match &train.optimizer.groups[..] {
        [] => {
            let stages: Vec<&str> = stages.collect();
            let _ = writeln!(text, "<p><code>{}</code></p>", escape(&stages.join(" |> ")));
        }
        groups => {
            for group in groups {
                let own: Vec<&str> = stages.by_ref().take(group.stages).collect();
                let pattern =
                    group.pattern.as_ref().map_or("else".to_owned(), |pattern| format!("{pattern:?}"));
                let line = format!("{pattern}: {}", own.join(" |> "));
                let _ = writeln!(text, "<p><code>{}</code></p>", escape(&line));
            }
        }
    }
    let mut rows = vec![vec!["hyperparameter".to_owned(), "value".to_owned()]];
    rows.extend(cells.iter().map(|(name, value)| vec![name.clone(), number(*value)]));
    Ok(text + &format!("<details><summary>Hyperparameters</summary>{}</details>\n", table(&rows, &[0])))
}

fn sweep_section(name: &str, runs: &Sweep) -> String {
    let (variables, keys) = runs.recorded();
    let mut text = format!("<h2><code>{}</code></h2>\n", escape(name));
    let _ = writeln!(
        text,
        "<p class=\"soft\">{} runs over {}; means and standard deviations</p>",
        runs.len(),
        escape(&variables.join(", "))
    );
    for variable in runs.varied() {
        let columns: Vec<(&Sweep, &str)> =
            keys.iter().filter(|key| !key.starts_with("opt.")).map(|key| (runs, *key)).collect();
        let _ = writeln!(text, "<pre tabindex=\"0\">{}</pre>", escape(&sweep::table(&columns, variable)));
        text += &plots(&keys.iter().map(|key| vec![runs.curve(key, Some(variable))]).collect::<Vec<_>>());
    }
    text += "<h3>Over training steps</h3>\n";
    text + &plots(&keys.iter().map(|key| runs.curves_of_choices(key)).collect::<Vec<_>>())
}

/// Where the time went. Kernels that take hardly any are folded.
fn kernels(profile: &Profile) -> String {
    let mut rows: Vec<Vec<String>> = profile.table().into_iter().map(Vec::from).collect();
    let share = |row: &Vec<String>| row[0].trim_end_matches('%').parse().unwrap_or(f64::INFINITY);
    let shown = rows.iter().position(|row| share(row) < 0.5).unwrap_or(rows.len());
    let mut rest = rows.split_off(shown);
    let mut text = format!("<h2>Kernels</h2>\n<p class=\"soft\">{}</p>\n", escape(&profile.summary()));
    text += &table(&rows, &[1, 2, 3]);
    if !rest.is_empty() {
        let title = format!("{} more, each of less than half a percent", rest.len());
        rest.insert(0, rows[0].clone());
        let _ = writeln!(text, "<details><summary>{title}</summary>{}</details>", table(&rest, &[1, 2, 3]));
    }
    text
}

/// Bytes of each program: results between kernels, which share an arena, and what is given and left.
fn memory(program: &Program) -> Result<String, Report> {
    let head = ["program", "buffers", "in the arena", "arena", "inputs", "outputs"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(program.loops()?.programs.iter().map(memory_row));
    let note = "<p class=\"soft\">Buffers that are not needed at the same time share bytes of the arena: it is \
                smaller than what lies in it.</p>\n";
    Ok(table(&rows, &[0]) + note)
}

fn memory_row(program: &Loops) -> Vec<String> {
    let bytes = |which: fn(&BufferLocation) -> bool| {
        let all = program.buffers.iter().filter(|buffer| which(&buffer.location));
        all.map(|buffer| buffer.len * buffer.dtype.bytes()).sum::<usize>()
    };
    let texts = [
        bytes(|place| matches!(place, BufferLocation::Arena(_))),
        program.arena_bytes,
        bytes(|place| matches!(place, BufferLocation::Input(_))),
        bytes(|place| matches!(place, BufferLocation::Output(_))),
    ];
    let mut row = vec![program.name.clone(), program.buffers.len().to_string()];
    row.extend(texts.map(crate::kernel::bytes));
    row
}
