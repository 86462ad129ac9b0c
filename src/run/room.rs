//! Whether there is room for what a statement needs: what there is no room for is refused.

use super::errors;
use super::execute::{Interpreter, TrainedOn};
use super::machine::Machine;
use crate::diag::Diagnostic;
use crate::graph::{ProgramId, Purpose};
use crate::system::available_memory;
use crate::typed::{Data, Statement, StatementKind};

/// What to do about an evaluation that is too large.
const CHUNKS: &str = "evaluate on fewer rows; metrics that are means, sums, greatest or least of what each row \
                      gives by itself need memory for some rows at a time only";

impl Interpreter<'_> {
    /// Refuses a statement whose programs, or those that compute its data, need more memory than there is
    /// now: before anything is computed, and again once earlier statements have taken theirs.
    pub(super) fn check_memory(&self, index: usize, statement: &Statement) -> Result<(), Diagnostic> {
        for data in self.data_of(&statement.kind) {
            let Data { span, .. } = &self.stages.typed.data[data.data.0];
            let program = self.find_program(Purpose::Data(data.data));
            let program = program.filter(|_| !self.datasets.contains_key(&data));
            let checked = self.check_programs(program, "use fewer rows, or smaller ones");
            checked.map_err(|error| error.label(*span, "this data"))?;
        }
        let (at, help) = match statement.kind {
            StatementKind::Train(_) => ("in this run", "use a smaller batch or smaller layers"),
            StatementKind::Eval(_) => ("in this statement", CHUNKS),
            _ => ("in this statement", "use smaller sizes"),
        };
        let purposes = purposes(index, &statement.kind).into_iter();
        let programs = purposes.filter_map(|purpose| self.find_program(purpose));
        let parts = programs.flat_map(|program| self.stages.graphs.parts(program));
        self.check_programs(parts, help).map_err(|error| error.label(statement.span, at))
    }

    /// The data of a statement, as a fit sees them.
    fn data_of(&self, kind: &StatementKind) -> Vec<TrainedOn> {
        match kind {
            StatementKind::Train(train) => {
                let validate = train.validate.map(|(data, _)| TrainedOn { data, trained: train.data });
                [TrainedOn::own(train.data)].into_iter().chain(validate).collect()
            }
            StatementKind::Eval(eval) => vec![self.seen(eval.fit, eval.data)],
            StatementKind::Predict(predict) => vec![self.seen(predict.fit, predict.data)],
            _ => Vec::new(),
        }
    }

    /// Refuses programs that together need more memory than there is.
    fn check_programs(
        &self,
        programs: impl IntoIterator<Item = ProgramId>,
        help: &str,
    ) -> Result<(), Diagnostic> {
        let needed = programs.into_iter().map(|id| Machine::bytes(self.stages.loops.program(id)));
        let needed = needed.fold(0u64, u64::saturating_add);
        match available_memory() {
            Some(available) if needed > available => Err(errors::too_large(needed, available, help)),
            _ => Ok(()),
        }
    }
}

/// What the programs are for whose memory a statement needs at one time.
fn purposes(index: usize, kind: &StatementKind) -> Vec<Purpose> {
    match kind {
        StatementKind::Let { .. } | StatementKind::Act(_) => vec![Purpose::Values(index)],
        StatementKind::Eval(_) => vec![Purpose::Eval(index)],
        StatementKind::Predict(_) => vec![Purpose::Predict(index), Purpose::PredictRest(index)],
        StatementKind::Train(_) => {
            use Purpose::{Accumulate, Init, Step, Validate, Weights};
            [Init, Step, Accumulate, Weights, Validate].map(|purpose| purpose(index)).to_vec()
        }
        StatementKind::Optimizer(_) => Vec::new(),
    }
}
