//! The programs of a script, each found by what it is for.

use std::collections::BTreeMap;

use super::chunks::{self, Chunks};
use super::{Graph, Graphs, Layout, forward, init, step};
use crate::diag::Diagnostic;
use crate::typed::{DataId, Program, StatementKind};

/// A program of a script: the same in graphs, kernels, loops and machine code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProgramId(pub usize);

/// What a program is for. Statements are meant by their index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Purpose {
    /// Computes a data set.
    Data(DataId),
    /// Computes the values of a `let`, a `print` or an `assert`.
    Values(usize),
    /// Computes the metrics of an evaluation.
    Eval(usize),
    /// Predicts for as many rows as are taken at a time.
    Predict(usize),
    /// Predicts for those that are left.
    PredictRest(usize),
    /// Makes the initial parameters and states of a training run or of an optimizer alone.
    Init(usize),
    /// Takes a step of it.
    Step(usize),
    /// Adds the gradient of a batch up, where a step takes several.
    Accumulate(usize),
    /// Makes the parameters to evaluate with, where they are not those that are trained.
    Weights(usize),
    /// Computes loss and metrics on the validation rows.
    Validate(usize),
}

impl Graphs {
    /// The program for this, if there is one.
    pub fn program(&self, purpose: Purpose) -> Option<ProgramId> {
        self.purposes.get(&purpose).copied()
    }

    /// The program of this id.
    pub fn graph(&self, id: ProgramId) -> &Graph {
        &self.programs[id.0]
    }

    /// The programs that an evaluation runs: its own, and before that those of its chunks.
    pub fn parts(&self, program: ProgramId) -> Vec<ProgramId> {
        let chunks = self.chunks.get(&program).into_iter();
        chunks.flat_map(|chunks| [Some(chunks.chunk), chunks.rest]).flatten().chain([program]).collect()
    }

    /// The programs that training runs, in order: initial values, sums of gradients and steps.
    pub fn training(&self) -> Vec<ProgramId> {
        let trains = |purpose: &Purpose| {
            matches!(purpose, Purpose::Init(_) | Purpose::Accumulate(_) | Purpose::Step(_))
        };
        let mut ids: Vec<ProgramId> =
            self.purposes.iter().filter(|(purpose, _)| trains(purpose)).map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// Adds a program.
    fn add(&mut self, purpose: Purpose, graph: Graph) {
        self.purposes.insert(purpose, ProgramId(self.programs.len()));
        self.programs.push(graph);
    }

    /// Adds a program over so many rows, in chunks if it can take them so and they are many.
    fn add_on_rows(&mut self, purpose: Purpose, (graph, rows): (Graph, usize)) {
        let Some(cut) = chunks::cut(&graph, rows) else { return self.add(purpose, graph) };
        let chunk = ProgramId(self.programs.len());
        let rest = cut.rest.is_some().then_some(ProgramId(chunk.0 + 1));
        self.programs.push(cut.chunk);
        self.programs.extend(cut.rest);
        self.chunks.insert(ProgramId(self.programs.len()), Chunks { rows: cut.rows, chunk, rest });
        self.add(purpose, cut.last);
    }
}

/// All programs of a script, data first.
pub(super) fn of_script(program: &Program, layouts: BTreeMap<usize, Layout>) -> Graphs {
    let runs = forward::Runs { program, layouts: &layouts };
    let mut graphs = Graphs::default();
    for (k, data) in program.data.iter().enumerate() {
        if let Some(graph) = runs.data(data) {
            graphs.add(Purpose::Data(DataId(k)), graph);
        }
    }
    for index in 0..program.statements.len() {
        add_statement(&mut graphs, &runs, index);
    }
    Graphs { layouts, ..graphs }
}

/// The programs of one statement.
pub(super) fn of_statement(program: &Program, layouts: BTreeMap<usize, Layout>, index: usize) -> Graphs {
    let mut graphs = Graphs::default();
    add_statement(&mut graphs, &forward::Runs { program, layouts: &layouts }, index);
    Graphs { layouts, ..graphs }
}

fn add_statement(graphs: &mut Graphs, runs: &forward::Runs<'_>, index: usize) {
    let (program, layouts) = (runs.program, runs.layouts);
    let statement = &program.statements[index];
    match &statement.kind {
        StatementKind::Train(train) => {
            graphs.forward.push(runs.forward(index, train));
            graphs.add(Purpose::Init(index), init::init(program, layouts, &layouts[&index], train));
            let mut warnings: Vec<Diagnostic> = Vec::new();
            let steps = step::steps(program, layouts, (index, train), &mut warnings);
            graphs.warnings.extend(warnings);
            for (purpose, graph) in steps {
                graphs.add(purpose, graph);
            }
            if let Some(graph) = step::weights(program, layouts, index, &train.optimizer) {
                graphs.add(Purpose::Weights(index), graph);
            }
            if let Some(graph) = runs.validate(index, train) {
                graphs.add_on_rows(Purpose::Validate(index), graph);
            }
        }
        StatementKind::Eval(eval) => graphs.add_on_rows(Purpose::Eval(index), runs.eval(eval)),
        StatementKind::Predict(predict) => {
            let (graph, rest) = runs.predict(index, predict);
            graphs.add(Purpose::Predict(index), graph);
            rest.into_iter().for_each(|rest| graphs.add(Purpose::PredictRest(index), rest));
        }
        _ => {
            if let Some(graph) = runs.statement(index, statement) {
                graphs.add(Purpose::Values(index), graph);
            }
        }
    }
}

/// The programs of optimizers whose parameters and gradients another program brings: for each of them
/// one that makes the initial states of given parameters, one that takes a step with a given gradient, and
/// one that makes the parameters to evaluate with if a stage says them.
pub(super) fn of_optimizers(program: &Program, layouts: BTreeMap<usize, Layout>) -> Graphs {
    let mut graphs = Graphs::default();
    for (index, layout) in &layouts {
        let StatementKind::Optimizer(optimizer) = &program.statements[*index].kind else { continue };
        graphs.add(Purpose::Init(*index), init::given(program, &layouts, layout, *index, optimizer));
        let trained = vec![true; layout.params.len()];
        graphs.add(Purpose::Step(*index), step::given(program, &layouts, *index, optimizer, &trained));
        if let Some(graph) = step::weights(program, &layouts, *index, optimizer) {
            graphs.add(Purpose::Weights(*index), graph);
        }
    }
    Graphs { layouts, ..graphs }
}
