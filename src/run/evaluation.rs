//! Evaluation of loss and metrics on rows of data: all at once, or in chunks whose results are put together.

use std::fmt;

use super::execute::{Script, Seen};
use super::machine::{Machine, Memory};
use super::positions::Given;
use crate::algebra::form::Reducer;
use crate::algebra::types::DType;
use crate::diag::Diagnostic;
use crate::graph::{ProgramId, Role};
use crate::native::Phase;
use crate::typed::Split;

/// An evaluation with its memory.
pub(super) struct Evaluation {
    data: Seen,
    rows: Vec<u32>,
    /// Gives the outputs, from all rows or from what there is of the chunks.
    last: Machine,
    chunks: Option<Chunks>,
}

/// What goes through the rows before.
struct Chunks {
    /// Rows of a chunk.
    rows: usize,
    chunk: Machine,
    /// For the rows after the last whole chunk.
    rest: Option<Machine>,
}

impl Evaluation {
    /// All memory of a program on rows of data, and the rows in it as far as they stay there.
    pub(super) fn new(
        script: &mut Script<'_>,
        program: ProgramId,
        data: Seen,
        split: Split,
    ) -> Result<Evaluation, Diagnostic> {
        let rows = script.dataset(data, program)?.rows(split);
        let last = script.machine(program)?;
        let chunks = script.stages.graphs.chunks.get(&program).map(|chunks| {
            let chunk = script.machine(chunks.chunk)?;
            let rest = chunks.rest.map(|rest| script.machine(rest)).transpose()?;
            Ok(Chunks { rows: chunks.rows, chunk, rest })
        });
        let mut evaluation = Evaluation { data, rows, last, chunks: chunks.transpose()? };
        if evaluation.chunks.is_none() {
            script.opened(data)?.give(&mut evaluation.last, &evaluation.rows);
        }
        Ok(evaluation)
    }

    /// The machines of all its programs.
    pub(super) fn machines(&mut self) -> impl Iterator<Item = &mut Machine> {
        let chunks =
            self.chunks.iter_mut().flat_map(|chunks| [&mut chunks.chunk].into_iter().chain(&mut chunks.rest));
        chunks.chain([&mut self.last])
    }

    /// Checks labels and positions in columns of the data.
    pub(super) fn check_columns(&self, script: &mut Script<'_>) -> Result<(), Diagnostic> {
        let reader = self.chunks.as_ref().map_or(&self.last, |chunks| &chunks.chunk);
        script.check_columns(reader.program(), Given::all(self.data, &self.rows))
    }

    /// Computes the outputs. `when` begins the message about a label or position that there is not.
    pub(super) fn run(
        &mut self,
        script: &mut Script<'_>,
        when: fmt::Arguments<'_>,
    ) -> Result<(), Diagnostic> {
        let Evaluation { data, rows, last, chunks } = self;
        let Some(chunks) = chunks else {
            last.run(Phase::Whole);
            return script.check_positions(last, when, Some(Given::all(*data, rows)));
        };
        let roles = last.roles().into_iter();
        let mut sums: Vec<Sum> = roles.filter_map(|(input, role)| Sum::of(last, input, &role)).collect();
        for rows in rows.chunks(chunks.rows) {
            let whole = rows.len() == chunks.rows;
            let machine = chunks.rest.as_mut().filter(|_| !whole).unwrap_or(&mut chunks.chunk);
            script.opened(*data)?.give(machine, rows);
            machine.run(Phase::Whole);
            script.check_positions(machine, when, Some(Given::chunk(*data, rows)))?;
            sums.iter_mut().for_each(|sum| sum.add(&machine.output(sum.output)));
        }
        sums.iter().for_each(|sum| last.memory(sum.input).set_f64(&sum.values));
        last.run(Phase::Whole);
        script.check_positions(last, when, None)
    }

    /// A number that it gives.
    pub(super) fn number(&self, output: usize) -> f64 {
        self.last.output(output).get(0)
    }
}

/// What an output of the chunks so far is, all together. Sums are taken in double precision and in the order
/// of the chunks, so that they are the same with any number of threads.
struct Sum {
    /// The output of a chunk.
    output: usize,
    /// The input that takes what becomes of it.
    input: usize,
    combine: Reducer,
    dtype: DType,
    values: Vec<f64>,
}

impl Sum {
    fn of(last: &Machine, input: usize, role: &Role) -> Option<Sum> {
        let Role::Chunks(output, combine) = *role else { return None };
        let values = vec![combine.start(); last.memory(input).len()];
        Some(Sum { output, input, combine, dtype: last.dtype(input), values })
    }

    fn add(&mut self, part: &Memory) {
        for (value, next) in self.values.iter_mut().zip(part.to_f64()) {
            let both = self.combine.apply(*value, next);
            // Integers begin anew behind the greatest, as they do within a chunk.
            *value = if self.dtype == DType::I32 { f64::from(both as i64 as i32) } else { both };
        }
    }
}
