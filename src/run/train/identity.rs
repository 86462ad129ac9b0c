//! What must be the same for a run to go on with the same bits.

use std::collections::BTreeMap;

use crate::diag::Diagnostic;
use crate::graph::{Graph, Role};
use crate::print;
use crate::run::execute::{Interpreter, TrainedOn};
use crate::run::save::checksum;

use super::{TrainingRun, programs};
use crate::graph::{ProgramId, Purpose};

/// What a checkpoint calls these in its metadata.
const PREFIX: &str = "run.";

/// Rows that are looked at at a time.
const ROWS: usize = 1024;

/// What a run is, in the words of the script, with values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity(BTreeMap<String, String>);

impl Identity {
    /// Of the run of statement `index`.
    pub(super) fn of(
        run: &TrainingRun<'_>,
        script: &mut Interpreter<'_>,
        index: usize,
    ) -> Result<Identity, Diagnostic> {
        let train = run.train;
        let (readers, validate) = (programs(script, index), script.find_program(Purpose::Validate(index)));
        let others = [Purpose::Init(index), Purpose::Weights(index)];
        let others = others.into_iter().filter_map(|purpose| script.find_program(purpose));
        let all: Vec<ProgramId> = readers.iter().copied().chain(others).chain(validate).collect();
        let graphs: Vec<&Graph> = all.iter().map(|program| script.stages.graphs.graph(*program)).collect();
        let mut facts = facts(run);
        facts.insert("model, loss, metrics and optimizer".to_owned(), texts(&graphs));
        if counts_steps(run, &graphs) {
            facts.insert("number of steps".to_owned(), run.steps.to_string());
        }
        let rows = data(script, TrainedOn::own(train.data), train.split, &readers)?;
        facts.insert("training rows".to_owned(), rows);
        if let Some(((data_of, split), program)) = train.validate.zip(validate) {
            let seen = TrainedOn { data: data_of, trained: train.data };
            facts.insert("validation rows".to_owned(), data(script, seen, split, &[program])?);
        }
        Ok(Identity(facts))
    }

    /// As entries of metadata.
    pub(super) fn entries(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().map(|(name, value)| (format!("{PREFIX}{name}"), value.clone()))
    }

    /// What differs from what the metadata of a checkpoint say, in words.
    pub(super) fn differences(&self, metadata: &BTreeMap<String, String>) -> Vec<String> {
        let there =
            metadata.iter().filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value.as_str())));
        let there: BTreeMap<&str, &str> = there.collect();
        let here: BTreeMap<&str, &str> =
            self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut names: Vec<&str> = there.keys().chain(here.keys()).copied().collect();
        names.sort_unstable();
        names.dedup();
        let differs = |name: &&str| there.get(name) != here.get(name);
        names.into_iter().filter(differs).map(|name| said(name, there.get(name), here.get(name))).collect()
    }
}

/// What a run says about itself.
fn facts(run: &TrainingRun<'_>) -> BTreeMap<String, String> {
    let train = run.train;
    let params = run.layout.params.iter().map(|param| format!("{} {}", param.name, param.ty));
    let mut facts = BTreeMap::from([
        ("version of egret".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("seed".to_owned(), run.seed.to_string()),
        ("batch".to_owned(), train.batch.to_string()),
        ("accumulate".to_owned(), train.accumulate.to_string()),
        ("shuffle".to_owned(), train.shuffle.to_string()),
        ("every".to_owned(), run.every.to_string()),
        ("parameters".to_owned(), params.collect::<Vec<_>>().join(", ")),
        ("initial parameters".to_owned(), checksum([&*run.params.to_bytes()])),
    ]);
    facts.extend(train.keep.as_ref().map(|kept| ("kept series".to_owned(), kept.to_string())));
    facts.extend(run.cells.iter().map(|(name, value)| (name.clone(), print::number(*value))));
    facts
}

/// Whether what the steps do, or when they are recorded, depends on their number.
fn counts_steps(run: &TrainingRun<'_>, graphs: &[&Graph]) -> bool {
    let read = graphs.iter().flat_map(|graph| &graph.inputs).any(|input| input.role == Role::Total);
    read || (!run.spreads.is_empty() && run.train.every.is_none())
}

/// Long values, and those that say nothing to a reader, are not quoted.
fn said(name: &str, there: Option<&&str>, here: Option<&&str>) -> String {
    match (there, here) {
        (Some(there), Some(here)) if there.len() + here.len() < 60 && !name.contains(", ") => {
            format!("{name}: {there} there, {here} here")
        }
        (Some(_), Some(_)) => format!("{name}: not the same"),
        (Some(_), None) => format!("{name}: only there"),
        _ => format!("{name}: only here"),
    }
}

/// A checksum of programs.
fn texts(graphs: &[&Graph]) -> String {
    let texts: Vec<String> = graphs.iter().map(ToString::to_string).collect();
    checksum(texts.iter().map(String::as_bytes))
}

/// The number of rows, and a checksum of what these programs read of them.
fn data(
    script: &mut Interpreter<'_>,
    seen: TrainedOn,
    split: crate::typed::Split,
    readers: &[ProgramId],
) -> Result<String, Diagnostic> {
    let mut columns = Vec::new();
    for program in readers {
        let graphs = script.stages.graphs;
        for part in graphs.parts(*program) {
            let graph = graphs.graph(part);
            columns.extend(graph.inputs.iter().filter_map(|input| match input.role {
                Role::Column(column) => Some((column, graph.nodes[input.value.0 as usize].ty.dtype)),
                _ => None,
            }));
        }
        script.dataset(seen, *program)?;
    }
    columns.sort_unstable();
    columns.dedup();
    let dataset = script.opened(seen)?;
    let rows = dataset.rows(split);
    let mut sums = Vec::new();
    for (column, dtype) in columns {
        let values = dataset.read(column);
        let width = values.width() * dtype.bytes();
        let mut bytes = vec![0; ROWS.min(rows.len()) * width];
        for rows in rows.chunks(ROWS) {
            let bytes = &mut bytes[..rows.len() * width];
            values.gather(rows, dtype, bytes);
            sums.push(checksum([&*bytes]));
        }
    }
    Ok(format!("{} ({})", rows.len(), checksum(sums.iter().map(String::as_bytes))))
}
