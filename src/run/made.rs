//! What a saved fit says about how it was made: enough to predict with nothing but its file.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::execute::{Interpreter, TrainedOn};
use super::machine::Memory;
use super::save::{SavedTensor, checksum};
use crate::algebra::types::{DType, Type};
use crate::data::{Catalog, FileSource, RecordedTable, Scales, Schema};
use crate::diag::Diagnostic;
use crate::graph::{Purpose, Role};
use crate::print::number;
use crate::source::Source;
use crate::typed::{GlobalId, StatementId, StatementKind, Train};

/// What the metadata call it.
const VERSION: &str = "version of egret";
const REAL: &str = "real";
const SCRIPT: &str = "script";
const SCRIPT_CRC: &str = "script crc32";
const FIT: &str = "fit";
const PIPELINE: &str = "pipeline";
const DATA: &str = "data";

/// What the names of values of `let`s begin with in the file.
const LET: &str = "/let/";

/// How a fit was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// The version of egret.
    pub(crate) version: String,
    /// What `real` was.
    pub(crate) real: DType,
    /// The script, and after it the files that it uses.
    pub(crate) texts: Vec<Source>,
    /// What the script calls the fit.
    pub(crate) fit: String,
    /// The optimizer, a stage in a line.
    pipeline: String,
    /// What the sources of data hold, by their text.
    pub(crate) schemas: BTreeMap<String, Schema>,
    /// The table that it was trained on, if it was one.
    pub(crate) table: Option<RecordedTable>,
    /// What columns were standardized by.
    pub(crate) scales: BTreeMap<String, Scales>,
}

impl Made {
    /// Of a fit of a running script.
    pub(super) fn of(script: &Interpreter<'_>, train: &Train) -> Result<Made, Diagnostic> {
        let (typed, files) = (script.stages.typed, script.stages.files);
        let sources: Vec<&FileSource> = typed.data.iter().filter_map(|data| data.source.files()).collect();
        let schemas =
            sources.iter().map(|source| Ok((source.to_string(), files.schema(source, typed.real)?)));
        let data = &typed.data[train.data.0];
        let dataset = &script.datasets[&TrainedOn::own(train.data)];
        let table = match data.source.files() {
            Some(source) => source.reader().record(files, &dataset.train)?,
            None => None,
        };
        let scales = data
            .columns
            .iter()
            .enumerate()
            .filter_map(|(k, column)| Some((column.name.clone(), dataset.column(k)?.scales.clone()?)));
        Ok(Made {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            real: typed.real,
            texts: script.stages.texts.to_vec(),
            fit: train.optimizer.name.clone(),
            pipeline: typed.pipeline_text(&train.optimizer),
            schemas: schemas.collect::<Result<_, Diagnostic>>()?,
            table,
            scales: scales.collect(),
        })
    }

    /// As entries of metadata.
    pub(super) fn entries(&self) -> impl Iterator<Item = (String, String)> {
        let scripts: Value =
            self.texts.iter().map(|source| json!({ "name": source.name, "text": source.text })).collect();
        let scripts = scripts.to_string();
        let sum = checksum([scripts.as_bytes()]);
        let entries = [
            (VERSION, self.version.clone()),
            (REAL, self.real.to_string()),
            (SCRIPT, scripts),
            (SCRIPT_CRC, sum),
            (FIT, self.fit.clone()),
            (PIPELINE, self.pipeline.clone()),
            (DATA, self.data().to_string()),
        ];
        entries.into_iter().map(|(name, value)| (name.to_owned(), value))
    }

    fn data(&self) -> Value {
        let sources: Value =
            self.schemas.iter().map(|(source, schema)| schema_json(source, schema)).collect();
        let pairs = |scales: &Scales| -> Value {
            scales.pairs().map(|(center, by)| json!([number(center), number(by)])).collect()
        };
        let scales: serde_json::Map<String, Value> =
            self.scales.iter().map(|(name, scales)| (name.clone(), pairs(scales))).collect();
        let table = self.table.as_ref().map(RecordedTable::to_json);
        json!({ "sources": sources, "table": table, "standardized": scales })
    }

    /// What the metadata of a file say; nothing if they do not say it.
    pub(crate) fn read(metadata: &BTreeMap<String, String>) -> Option<Made> {
        let text = |name: &str| metadata.get(name).cloned();
        let scripts = text(SCRIPT)?;
        if checksum([scripts.as_bytes()]) != text(SCRIPT_CRC)? {
            return None;
        }
        let source = |source: &Value| {
            Some(Source { name: source["name"].as_str()?.into(), text: source["text"].as_str()?.into() })
        };
        let scripts: Value = serde_json::from_str(&scripts).ok()?;
        let data: Value = serde_json::from_str(&text(DATA)?).ok()?;
        let scales = data["standardized"].as_object()?.iter();
        let scales = scales.map(|(name, pairs)| Some((name.clone(), scales_of(pairs)?)));
        Some(Made {
            version: text(VERSION)?,
            real: dtype(&text(REAL)?)?,
            texts: scripts.as_array()?.iter().map(source).collect::<Option<_>>()?,
            fit: text(FIT)?,
            pipeline: text(PIPELINE)?,
            schemas: data["sources"].as_array()?.iter().map(schema_of).collect::<Option<_>>()?,
            table: RecordedTable::of_json(&data["table"]),
            scales: scales.collect::<Option<_>>()?,
        })
    }
}

fn dtype(name: &str) -> Option<DType> {
    [DType::Bool, DType::I32, DType::I64, DType::F32, DType::F64]
        .into_iter()
        .find(|of| of.to_string() == name)
}

fn scales_of(pairs: &Value) -> Option<Scales> {
    let number = |value: &Value| value.as_str()?.parse::<f64>().ok();
    let pairs = pairs.as_array()?.iter().map(|pair| Some((number(&pair[0])?, number(&pair[1])?)));
    Some(Scales::with(pairs.collect::<Option<Vec<_>>>()?))
}

fn schema_json(source: &str, schema: &Schema) -> Value {
    let column = |(name, ty): &(String, Type)| json!([name, ty.dtype.to_string(), ty.sizes()]);
    json!({
        "source": source,
        "columns": schema.columns.iter().map(column).collect::<Value>(),
        "rows": schema.rows,
        "test_rows": schema.test_rows,
        "chosen": schema.chosen,
        "words": schema.words.iter().map(|(name, count)| json!([name, count])).collect::<Value>(),
        "characters": schema.characters.iter().collect::<String>(),
    })
}

fn schema_of(json: &Value) -> Option<(String, Schema)> {
    let whole = |value: &Value| value.as_u64().map(|number| number as usize);
    let column = |column: &Value| {
        let sizes: Vec<usize> = column[2].as_array()?.iter().map(whole).collect::<Option<_>>()?;
        Some((column[0].as_str()?.to_owned(), Type::of(dtype(column[1].as_str()?)?, &sizes)))
    };
    let word = |word: &Value| Some((word[0].as_str()?.to_owned(), whole(&word[1])?));
    let schema = Schema {
        columns: json["columns"].as_array()?.iter().map(column).collect::<Option<_>>()?,
        rows: whole(&json["rows"])?,
        test_rows: whole(&json["test_rows"]),
        chosen: whole(&json["chosen"]),
        words: json["words"].as_array()?.iter().map(word).collect::<Option<_>>()?,
        characters: json["characters"].as_str()?.chars().collect(),
    };
    Some((json["source"].as_str()?.to_owned(), schema))
}

/// What the file of a fit calls a value of a `let`.
pub(super) fn let_name(id: GlobalId) -> String {
    format!("{LET}{}.{}", id.statement.0, id.value)
}

/// Values of `let`s that a fit computes with, as tensors to save.
pub(super) fn lets(script: &Interpreter<'_>, of: StatementId) -> Vec<SavedTensor> {
    let statements = script.stages.typed.statements.iter().enumerate();
    let predicts = statements.filter_map(|(index, statement)| match &statement.kind {
        StatementKind::Predict(predict) if predict.fit == of => Some(Purpose::Predict(index)),
        _ => None,
    });
    let purposes = [Purpose::Step(of.0), Purpose::Accumulate(of.0)].into_iter().chain(predicts);
    let graphs = purposes.filter_map(|purpose| script.find_program(purpose));
    let roles = graphs.flat_map(|program| &script.stages.graphs.graph(program).inputs);
    let mut ids: Vec<GlobalId> = roles
        .filter_map(|input| match input.role {
            // What is not there yet, the fit has not computed with.
            Role::Global(id) if script.is_there(id.statement) => Some(id),
            _ => None,
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let tensor = |id: GlobalId| {
        let held = script.tensor(id);
        let elements: &Memory = &held.elements;
        let (name, dtype, sizes) = (let_name(id), held.ty.dtype, held.ty.sizes());
        SavedTensor { name, dtype, sizes, bytes: elements.to_bytes().to_vec() }
    };
    ids.into_iter().map(tensor).collect()
}
