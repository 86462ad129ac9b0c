//! Gradients against finite differences, for functions and losses of a script.
//!
//! A loss is checked by training for as many steps as there are coordinates to try, with an optimizer that never
//! moves a parameter (`still`): each step compares, on its batch and with its random numbers, the gradient in
//! one coordinate with `differences` of the loss. A function becomes a loss whose parameters are its arguments
//! (`functions`, `loss`): a typed program, which no script says. Everything is computed in double precision. Then the first step of the compiled program
//! itself is compared with its operators one by one: see `compiled`.

mod compiled;
mod differences;
mod display;
mod functions;
mod loss;
mod sizes;
mod still;
mod subjects;

use std::path::Path;

use self::subjects::Subject;
use crate::algebra::types::DType;
use crate::pipeline::{Options, Program, Report};

pub use compiled::{Compiled, WorstNumber};

/// Largest relative difference of gradients that agree.
const TOLERANCE: f64 = 1e-4;

/// What was compared: a function's argument or a model's parameter.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// How many coordinates were tried, and how many it has.
    pub tried: (usize, usize),
    /// Those of them that lie at a kink, where there is no derivative to compare with.
    pub kinks: usize,
    /// The coordinate with the greatest relative difference.
    pub worst: Option<Worst>,
}

/// A coordinate with its derivatives.
#[derive(Clone, Debug)]
pub struct Worst {
    /// Its name: `hidden.w[3, 7]`.
    pub coordinate: String,
    /// What the gradient says.
    pub gradient: f64,
    /// What differences say.
    pub difference: f64,
    /// Their relative difference.
    pub relative: f64,
}

/// A function or a loss that was checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// How it is called in the script: `f(x: real[2, 3])`, `loss of fit`.
    pub name: String,
    /// What was compared; nothing if there is nothing to compare.
    pub compared: Vec<Compared>,
    /// The programs of its training step.
    pub compiled: Vec<Compiled>,
    /// Why nothing was compared.
    pub skipped: Option<String>,
}

impl Compared {
    /// Whether gradient and differences agree.
    pub fn agrees(&self) -> bool {
        self.worst.as_ref().is_none_or(|worst| worst.relative <= TOLERANCE)
    }
}

impl Checked {
    /// Whether all gradients agree.
    pub fn agrees(&self) -> bool {
        self.compared.iter().all(Compared::agrees) && self.compiled.iter().all(Compiled::agrees)
    }
}

/// Why nothing was checked.
#[derive(Clone, Debug)]
pub enum Problem {
    /// Something is wrong with the script, or went wrong while it ran.
    Report(Report),
    /// The script has nothing of the name asked for, but these.
    Unknown(Vec<String>),
}

impl From<Report> for Problem {
    fn from(report: Report) -> Problem {
        Problem::Report(report)
    }
}

/// In double precision, with the data of this folder.
fn options(folder: &Path) -> Options {
    Options { real: Some(DType::F64), folder: folder.to_path_buf(), ..Options::default() }
}

/// Checks the function, model or training run of this name, or all of them: models where no training run
/// checks them.
///
/// # Errors
/// What is wrong with the script or goes wrong while it runs, or that it has nothing of that name.
pub fn gradcheck(name: &str, text: &str, folder: &Path, only: Option<&str>) -> Result<Vec<Checked>, Problem> {
    let double = Program::new(name, text, options(folder));
    double.graphs()?;
    // Training steps are compared as they are run.
    let run = Options { folder: folder.to_path_buf(), share_states: true, ..Options::default() };
    let run = Program::new(name, text, run);
    let subjects = subjects::all(double.script()?, double.typed()?);
    let trains = subjects.iter().any(|subject| matches!(subject, Subject::Loss { .. }));
    let meant = |subject: &&Subject| match only {
        Some(name) => subject.name() == name,
        None => !(trains && matches!(subject, Subject::Model(_))),
    };
    let chosen: Vec<&Subject> = subjects.iter().filter(meant).collect();
    if only.is_some() && chosen.is_empty() {
        return Err(Problem::Unknown(subjects.iter().map(|subject| subject.name().to_owned()).collect()));
    }
    let check = |subject: &Subject| match subject {
        Subject::Function(function) => Ok(functions::check(&double, function, false)),
        Subject::Model(function) => Ok(functions::check(&double, function, true)),
        Subject::Loss { name, statement } => {
            let compared = differences::compare(&double, *statement)?;
            let compiled = compiled::compare(&run, name)?;
            Ok(Checked { name: format!("loss of {name}"), compared, compiled, skipped: None })
        }
    };
    chosen.into_iter().map(check).collect()
}
