//! Predictions with nothing but the file of a fit: the script that made it is compiled again, as far as that.

use std::cell::OnceCell;
use std::path::Path;

use super::{Chain, Options, Program, Report};
use crate::algebra::types::Type;
use crate::data::errors::{BAD_CELL, MISSING_FILE, unreadable};
use crate::data::{Arguments, FileSource, Files, SOURCES};
use crate::diag::Diagnostic;
use crate::run::made::Made;
use crate::run::saved::Saved;
use crate::run::{Settings, errors, predict_saved};
use crate::typed::{
    self, Data, DataId, DataSource, Predict, Rows, Split, Statement, StatementId, StatementKind,
};
use crate::{check, graph};

/// Predicts for the rows of a file with a fit that was saved, and writes a table.
///
/// # Errors
/// Files that cannot be read or written, or do not fit each other.
pub fn predict(fit: &Path, data: &Path, to: &Path, threads: usize) -> Result<(), Report> {
    let alone = |error: Diagnostic| Report { diagnostics: vec![error], sources: Default::default() };
    let saved = Saved::read(fit).map_err(|error| alone(unreadable(fit, &error)))?;
    let made = Made::read(&saved.metadata)
        .ok_or_else(|| alone(errors::incomplete_fit(fit, "it does not say how it was made")))?;
    let program = Program::made(&made);
    let typed = program.typed().map_err(|report| older(report, &made))?;
    let files = &program.files;
    let (typed, run) = with_prediction(&program, typed.clone(), &made, files, (fit, data, to))
        .map_err(|error| alone(without_script(error)))?;
    let index = typed.statements.len() - 1;
    let program = program.with_typed(typed);
    let graphs = graph::of_statement(program.typed()?, index);
    let program = Program { chain: Chain { graphs: OnceCell::from(graphs), ..Chain::default() }, ..program };
    let settings = Settings { threads, ..Settings::default() };
    let found = program.staged(&settings, None, |_, stages| {
        predict_saved(stages, &settings, (index, &run), (fit, &saved, &made))
    });
    found.map_err(|report| Report {
        diagnostics: report.diagnostics.into_iter().map(without_script).collect(),
        ..report
    })
}

/// Places in the script, and what to write there, say nothing about files that it does not name.
fn without_script(mut found: Diagnostic) -> Diagnostic {
    found.labels.clear();
    let help = [
        (&MISSING_FILE, "check the spelling; paths are relative to the folder that you run `egret` in"),
        (&BAD_CELL, "mend or remove the row"),
    ];
    match help.into_iter().find(|(code, _)| code.name == found.code.name) {
        Some((_, help)) => found.help(help),
        None => found,
    }
}

impl Program {
    /// The script that made a fit, without its files.
    fn made(made: &Made) -> Program {
        let options = Options { real: Some(made.real), ..Options::default() };
        let [script, used @ ..] = &made.texts[..] else {
            return Program::new("", "", options);
        };
        let files = Files::recorded(made.schemas.clone());
        Program::read(&script.name, &script.text, options, files, Some(used))
    }
}

/// A script that is wrong now and was not when it made the fit.
fn older(mut report: Report, made: &Made) -> Report {
    let (then, now) = (&made.version, env!("CARGO_PKG_VERSION"));
    report.diagnostics.iter_mut().for_each(|found| {
        found.notes.push(format!("the script is in the file of the fit, from egret {then}; this is {now}"));
    });
    report
}

/// The program with one statement more, which predicts for the rows of a file.
fn with_prediction(
    program: &Program,
    mut typed: typed::Program,
    made: &Made,
    files: &Files,
    (fit, data, to): (&Path, &Path, &Path),
) -> Result<(typed::Program, Predict), Diagnostic> {
    let named = |statement: &Statement| matches!(&statement.kind, StatementKind::Train(train) if train.optimizer.name == made.fit);
    let Some(id) = typed.statements.iter().position(named).map(StatementId) else {
        return Err(errors::incomplete_fit(fit, "its script does not make it"));
    };
    let StatementKind::Train(train) = typed.statements[id.0].kind.clone() else {
        return Err(errors::incomplete_fit(fit, "its script does not make it"));
    };
    let own = typed.statements.iter().find_map(|statement| match &statement.kind {
        StatementKind::Predict(predict) if predict.fit == id => Some(predict.clone()),
        _ => None,
    });
    let span = typed.statements[id.0].span;
    let rows = train.rows.clone();
    let path = to.display().to_string();
    let new = DataId(typed.data.len());
    let first = Predict {
        fit: id,
        data: train.data,
        split: Split::All,
        rows,
        locals: Vec::new(),
        reads: Vec::new(),
        columns: Vec::new(),
        path: path.clone(),
    };
    typed.statements.push(Statement {
        kind: StatementKind::Predict(own.unwrap_or(first)),
        locals: Vec::new(),
        span,
    });
    if let Some(found) = check::resolve_predictions(&mut typed, &program.parsed.library).pop() {
        return Err(found);
    }
    let Some(Statement { kind: StatementKind::Predict(resolved), .. }) = typed.statements.last().cloned()
    else {
        return Err(errors::incomplete_fit(fit, "its script does not say what is predicted"));
    };
    let trained = typed.data[train.data.0].clone();
    let names: Vec<&str> = resolved
        .reads
        .iter()
        .map(|(_, column)| typed.data[resolved.data.0].columns[*column].name.as_str())
        .collect();
    let (source, rows) = source(made, &trained, files, (data, &names))?;
    let place = |name: &&str| trained.columns.iter().position(|column| column.name == **name).unwrap_or(0);
    let reads = resolved.reads.iter().zip(&names).map(|((local, _), name)| (*local, place(name))).collect();
    let run = Predict { data: new, split: Split::All, reads, path, ..resolved.clone() };
    // Of the data trained on there is a row that stands for all.
    typed.data[train.data.0].rows = Rows { all: 1, train: 1, test: 0 };
    typed.data.push(Data {
        name: data.display().to_string(),
        source: DataSource::Files(source),
        rows: Rows { all: rows, train: rows, test: 0 },
        ..trained
    });
    if let Some(last) = typed.statements.last_mut() {
        last.kind = StatementKind::Predict(run.clone());
    }
    Ok((typed, run))
}

/// What reads a file as the model sees it, and how many rows it has.
fn source(
    made: &Made,
    trained: &Data,
    files: &Files,
    (path, names): (&Path, &[&str]),
) -> Result<(FileSource, usize), Diagnostic> {
    let text = path.display().to_string();
    if let (Some(table), Some(source)) = (&made.table, trained.source.files())
        && let Some(reader) = source.reader().like(&text, names, table)
    {
        source.reader().recall(files, table)?;
        let rows = reader.rows_to_predict(files, made.real)?;
        return Ok((source.with_reader(reader), rows));
    }
    let wanted: Vec<(&str, &Type)> = trained
        .columns
        .iter()
        .filter(|column| names.contains(&column.name.as_str()))
        .map(|column| (column.name.as_str(), &column.ty))
        .collect();
    let source = arrays(trained, path, &wanted)?;
    let schema = source.reader().schema(files, made.real)?;
    for (name, ty) in &wanted {
        let have = schema.columns.iter().find(|(have, _)| have == name).map(|(_, ty)| ty);
        if have != Some(ty) {
            let have = have.map_or("nothing".to_owned(), Type::to_string);
            let why = format!("a row of `{name}` is {have}, and the model was trained on {ty}");
            return Err(errors::other_features(path, &why, "save arrays of the shape that was trained on"));
        }
    }
    Ok((source, schema.rows))
}

/// Arrays of NumPy for what was trained on arrays or computed data.
fn arrays(trained: &Data, path: &Path, wanted: &[(&str, &Type)]) -> Result<FileSource, Diagnostic> {
    let text = path.display().to_string();
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    let listed: Vec<String> = wanted.iter().map(|(name, ty)| format!("`{name}`: {ty}")).collect();
    if !trained.characters.is_empty() {
        let why = "the model was trained on a text";
        return Err(errors::other_features(
            path,
            why,
            "in the script `sample(fit, \"Once\", 400)` goes on with a text",
        ));
    }
    let of = |name: &str| {
        let known = trained.source.files().map(|source| source.arguments().columns()).unwrap_or_default();
        let is_archive = trained.source.files().is_some_and(|source| source.kind().name == "npz");
        known
            .into_iter()
            .find(|(have, _)| is_archive && have == name)
            .map_or_else(|| name.to_owned(), |(_, of)| of)
    };
    let mut arguments = Arguments::default();
    let kind = SOURCES.iter().find(|kind| kind.name == end);
    match (kind, wanted) {
        (Some(kind), [(name, _)]) if end == "npy" => {
            arguments.name_column((*name).to_owned(), text);
            Ok(FileSource::new(kind, arguments))
        }
        (Some(kind), _) if end == "npz" => {
            arguments.give(kind.arguments[0], crate::data::ArgumentValue::Text(text));
            wanted.iter().for_each(|(name, _)| arguments.name_column((*name).to_owned(), of(name)));
            Ok(FileSource::new(kind, arguments))
        }
        _ => {
            let why = format!("the model was trained on arrays, {}", listed.join(", "));
            Err(errors::other_features(path, &why, "give them as `.npz`, or one of them as `.npy`"))
        }
    }
}
