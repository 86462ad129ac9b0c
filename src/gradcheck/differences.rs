//! The gradient of a training run against differences of its loss.

use std::rc::Rc;

use super::still::{self, WIDTH};
use super::{Compared, TOLERANCE, Worst};
use crate::diag::Diagnostic;
use crate::graph::Param;
use crate::pipeline::{Program, Report};
use crate::run::{Fit, Settings, Silent};
use crate::source::Span;
use crate::typed::{self, Act, Host, Printer, StatementKind, Train};

/// How far a parameter moves: less where a difference does not agree at first. A gradient that is right agrees
/// once no kink lies within the way, and one that is wrong never does.
const STEPS: [f64; 3] = [1e-5, 1e-6, 1e-7];
/// Gradients below this are compared absolutely: differences of the loss are no more exact.
const FLOOR: f64 = 1e-3;
/// Most coordinates that are tried of one parameter, and of all of a loss.
const MOST: (usize, usize) = (64, 600);

/// Compares the gradient of the training run that is statement `run` of a program in double precision.
///
/// # Errors
/// What goes wrong while it runs.
pub(super) fn compare(program: &Program, run: usize) -> Result<Vec<Compared>, Report> {
    let plain = program.with_typed(still_run(program.typed()?, run, &[]));
    let layout = plain.graphs()?.layouts.get(&run).cloned().unwrap_or_default();
    let tried = tried(&layout.params);
    let typed = still_run(program.typed()?, run, &tried);
    let name = train(&typed, run).optimizer.name.clone();
    let program = program.with_typed(typed);
    let mut found: Vec<Vec<Tested>> = Vec::new();
    for step in STEPS {
        let settings = Settings { set: vec![(WIDTH.to_owned(), step)], ..Settings::default() };
        let outcome = program.run(&settings, &mut Silent)?;
        let Some(fit) = outcome.fit(&name) else {
            crate::ice!("gradcheck", "the training run `{name}` left nothing");
        };
        let now = layout.params.iter().zip(&tried).map(|(param, tried)| tested(fit, param, tried));
        found = match found.is_empty() {
            true => now.collect(),
            false => found.into_iter().zip(now).map(better).collect(),
        };
        if found.iter().flatten().all(Tested::agrees) {
            break;
        }
    }
    let params = layout.params.iter().zip(&tried).zip(&found);
    Ok(params.map(|((param, tried), tested)| compared(param, tried, tested)).collect())
}

/// The program up to a training run, which compares in each step one of the coordinates tried and never moves.
fn still_run(program: &typed::Program, run: usize, tried: &[Tried]) -> typed::Program {
    let mut program = program.clone();
    program.statements.truncate(run + 1);
    for statement in &mut program.statements {
        // Statements keep their indices: what they leave is known by them.
        if let StatementKind::Act(_) | StatementKind::Predict(_) = statement.kind {
            statement.kind = StatementKind::Act(Rc::new(Nothing));
        }
    }
    let before = train(&program, run);
    let (stage, optimizer) = still::optimizer(&program, &before.optimizer, tried);
    let steps: usize = tried.iter().map(|tried| tried.count).sum();
    let train = Train {
        optimizer,
        metrics: Vec::new(),
        accumulate: 1,
        length: typed::Length::Steps(steps.max(1)),
        validate: None,
        start: None,
        checkpoints: None,
        keep: None,
        stop: None,
        ..before.clone()
    };
    program.stages.push(stage);
    program.statements[run].kind = StatementKind::Train(train);
    program
}

/// What stands in the place of an act.
#[derive(Debug)]
struct Nothing;

impl Act for Nothing {
    fn word(&self) -> &'static str {
        "nothing"
    }

    fn text(&self, _: &Printer<'_>) -> String {
        self.word().to_owned()
    }

    fn run(&self, _: &mut dyn Host, _: Span) -> Result<(), Diagnostic> {
        Ok(())
    }
}

fn train(program: &typed::Program, run: usize) -> &Train {
    match &program.statements[run].kind {
        StatementKind::Train(train) => train,
        _ => crate::ice!("gradcheck", "statement {run} is no training run"),
    }
}

/// Which coordinates of a parameter are tried: as many, evenly apart.
pub(super) struct Tried {
    /// The parameter's first coordinate among those of all parameters.
    pub start: usize,
    /// How many it has.
    pub len: usize,
    /// How many are tried.
    pub count: usize,
}

fn tried(params: &[Param]) -> Vec<Tried> {
    let most = MOST.0.min((MOST.1 / params.len().max(1)).max(2));
    let tried = |param: &Param| {
        let len = param.ty.count();
        Tried { start: param.start, len, count: len.min(most) }
    };
    params.iter().map(tried).collect()
}

/// A coordinate that was tried.
#[derive(Clone, Copy)]
struct Tested {
    /// Which of its parameter.
    element: usize,
    gradient: f64,
    difference: f64,
    relative: f64,
    /// Whether the loss bends there: there is no derivative to compare with.
    kink: bool,
}

impl Tested {
    fn agrees(&self) -> bool {
        !self.kink && self.relative <= TOLERANCE
    }
}

/// Of two tests of the same coordinates those that agree better.
fn better((before, now): (Vec<Tested>, Vec<Tested>)) -> Vec<Tested> {
    let choose = |(before, now): (Tested, Tested)| match (before.kink, now.kink) {
        (true, false) => now,
        (false, false) if now.relative < before.relative => now,
        _ => before,
    };
    before.into_iter().zip(now).map(choose).collect()
}

/// The coordinates of a parameter that were tried.
fn tested(fit: &Fit, param: &Param, tried: &Tried) -> Vec<Tested> {
    let [exact, ahead, behind] = still::STATES.map(|name| fit.state(&still::state(name)).unwrap_or_default());
    let scale = |x: f64, y: f64| x.abs().max(y.abs()).max(FLOOR);
    let one = |k: usize| {
        let element = (k as f64 * tried.len as f64 / tried.count as f64 + 1e-6).floor() as usize;
        let element = element.min(param.ty.count() - 1);
        let at = tried.start + element;
        let (gradient, difference) = (exact[at], (ahead[at] + behind[at]) / 2.0);
        let relative = (gradient - difference).abs() / scale(gradient, difference);
        Tested {
            element,
            gradient,
            difference,
            relative: if relative.is_nan() { f64::INFINITY } else { relative },
            kink: (ahead[at] - behind[at]).abs() > 0.02 * scale(ahead[at], behind[at]),
        }
    };
    (0..tried.count).map(one).collect()
}

/// What the tests of a parameter say together.
fn compared(param: &Param, tried: &Tried, tested: &[Tested]) -> Compared {
    let smooth = tested.iter().filter(|test| !test.kink);
    let worst = smooth.max_by(|a, b| a.relative.total_cmp(&b.relative)).map(|test| Worst {
        coordinate: coordinate(param, test.element),
        gradient: test.gradient,
        difference: test.difference,
        relative: test.relative,
    });
    let kinks = tested.iter().filter(|test| test.kink).count();
    Compared { name: param.name.clone(), tried: (tried.count, tried.len), kinks, worst }
}

/// `hidden.w[3, 7]`
fn coordinate(param: &Param, mut element: usize) -> String {
    let mut places = Vec::new();
    for size in param.ty.sizes().iter().rev() {
        places.insert(0, (element % size).to_string());
        element /= size;
    }
    if places.is_empty() { param.name.clone() } else { format!("{}[{}]", param.name, places.join(", ")) }
}
