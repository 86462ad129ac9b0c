//! Looks at integers that must be below a size, in columns of data and in what programs leave.

use std::fmt;

use super::dataset::Dataset;
use super::execute::{Script, Seen};
use super::machine::Machine;
use crate::algebra::types::DType;
use crate::diag::Diagnostic;
use crate::graph::ProgramId;
use crate::graph::errors::out_of_range;
use crate::graph::positions::IndexSource;

/// Rows that are looked at in one go.
const ROWS: usize = 4096;

/// Rows of data that a program is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'r> {
    /// The data.
    data: Seen,
    /// The rows, in the order in which they are given.
    rows: &'r [u32],
    /// Whether they are a chunk: then all that the program looks at has some elements for each row.
    is_chunk: bool,
}

impl<'r> Given<'r> {
    /// All rows that there are for it.
    pub(super) fn all(data: Seen, rows: &'r [u32]) -> Given<'r> {
        Given { data, rows, is_chunk: false }
    }

    /// Some rows, for a program that takes one chunk after the other.
    pub(super) fn chunk(data: Seen, rows: &'r [u32]) -> Given<'r> {
        Given { data, rows, is_chunk: true }
    }

    /// The row that an element of a tensor of these sizes belongs to, if it has some for each.
    fn row(&self, sizes: &[usize], at: usize) -> Option<u32> {
        let known = self.is_chunk || sizes.first() == Some(&self.rows.len());
        let each = sizes.iter().product::<usize>().checked_div(self.rows.len())?;
        known.then(|| self.rows[at / each])
    }
}

impl Script<'_> {
    /// Checks the columns that a program takes positions and classes from.
    pub(super) fn check_columns(&mut self, program: ProgramId, given: Given<'_>) -> Result<(), Diagnostic> {
        let stages = self.stages;
        for position in &stages.graphs.graph(program).positions {
            let IndexSource::Column(column) = position.source else { continue };
            self.column(given.data, column)?;
            if let Some((row, found)) = self.opened(given.data)?.outside(column, given.rows, position.below) {
                let data = &stages.typed.data[given.data.data.0];
                let place =
                    format!("column `{}` of `{}`, row {}: ", data.columns[column].name, data.name, row + 1);
                return Err(out_of_range(position, found, &place).label(data.span, "this data"));
            }
        }
        Ok(())
    }

    /// Checks the positions and classes that a program has computed. `when` begins the message.
    pub(super) fn check_positions(
        &self,
        machine: &Machine,
        when: fmt::Arguments<'_>,
        given: Option<Given<'_>>,
    ) -> Result<(), Diagnostic> {
        let graph = self.stages.graphs.graph(machine.program());
        for position in &graph.positions {
            let IndexSource::Output(output) = position.source else { continue };
            if let Some((at, found)) = machine.output(output).first_outside(position.below) {
                let sizes = graph.nodes[graph.outputs[output].value.0 as usize].ty.sizes();
                let place = format!("{when}{}: ", self.place(&sizes, at, given));
                return Err(out_of_range(position, found, &place));
            }
        }
        Ok(())
    }

    /// Which row an element of a tensor with a row for each of the data belongs to, or which element it is.
    fn place(&self, sizes: &[usize], at: usize, given: Option<Given<'_>>) -> String {
        let row = given.and_then(|given| Some((given.data.data, given.row(sizes, at)?)));
        match row {
            Some((data, row)) => format!("row {} of `{}`", row + 1, self.stages.typed.data[data.0].name),
            None => format!("element {}", at + 1),
        }
    }
}

impl Dataset {
    /// The first of some rows in which a column of integers is not from 0 to below `below`, and the integer.
    fn outside(&self, column: usize, rows: &[u32], below: usize) -> Option<(u32, i32)> {
        let column = self.read(column);
        if column.are_below(below) {
            return None;
        }
        let width = column.width().max(1);
        let mut bytes = vec![0; width * ROWS.min(rows.len()) * DType::I32.bytes()];
        for rows in rows.chunks(ROWS) {
            let bytes = &mut bytes[..rows.len() * width * DType::I32.bytes()];
            column.gather(rows, DType::I32, bytes);
            let number = |chunk: &[u8]| i32::from_ne_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
            let inside = |number: &i32| usize::try_from(*number).is_ok_and(|number| number < below);
            let mut numbers = bytes.chunks_exact(4).map(number).enumerate();
            if let Some((at, found)) = numbers.find(|(_, number)| !inside(number)) {
                return Some((rows[at / width], found));
            }
        }
        None
    }
}
