//! How long a step of training takes.

use std::time::{Duration, Instant};

use super::execute::Interpreter;
use super::train::TrainingRun;
use super::{CompiledScript, Settings, Silent};
use crate::diag::Diagnostic;
use crate::typed::{StatementKind, Train};

/// How to time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Timing {
    /// How often the steps are repeated and timed.
    pub repeats: usize,
    /// How long a repeat takes, about.
    pub repeat: Duration,
}

/// How fast a training run is.
#[derive(Clone, PartialEq, Debug)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Parameters of the model.
    pub parameters: usize,
    /// Rows of a batch.
    pub batch: usize,
    /// From the start of the run to the end of its first step: reading data, making initial values.
    pub first: Duration,
    /// When the first step was done.
    pub first_at: Instant,
    /// Steps of a repeat.
    pub steps: usize,
    /// Seconds of a step in each repeat, ascending.
    pub seconds: Vec<f64>,
    /// The losses of the first steps, before their updates.
    pub losses: Vec<f64>,
}

/// Most losses that are kept.
const LOSSES: usize = 20;

impl Measured {
    /// The median over the repeats, in seconds.
    pub fn median(&self) -> f64 {
        self.seconds[self.seconds.len() / 2]
    }

    /// The fastest repeat, in seconds.
    pub fn best(&self) -> f64 {
        self.seconds[0]
    }
}

/// Times the steps of each training run of a script. Values that runs need are computed; nothing is
/// printed, written or asserted. Runs are repeated for as long as `plan` says.
///
/// # Errors
/// As [`super::execute()`].
pub fn bench(
    stages: &CompiledScript<'_>,
    settings: &Settings,
    plan: &Timing,
) -> Result<Vec<Measured>, Diagnostic> {
    let mut script = Interpreter::new(stages, settings)?;
    let mut all = Vec::new();
    for (index, statement) in stages.typed.statements.iter().enumerate() {
        match &statement.kind {
            StatementKind::Train(train) => {
                script.check_memory(index, statement)?;
                let start = Instant::now();
                let mut timed = Timed { run: TrainingRun::new(&mut script, index, train)?, index, train };
                all.push(timed.measure(&mut script, start, plan)?);
                script.push(timed.run.finish());
            }
            StatementKind::Let { .. } | StatementKind::Eval(_) => {
                script.next(index, statement, &mut Silent)?
            }
            StatementKind::Predict(_) | StatementKind::Act(_) | StatementKind::Optimizer(_) => script.skip(),
        }
    }
    Ok(all)
}

/// A training run that begins anew where the script's would end: a model that has been trained far longer
/// computes with other numbers, such as those too small to be quick.
struct Timed<'a> {
    run: TrainingRun<'a>,
    index: usize,
    train: &'a Train,
}

impl<'a> Timed<'a> {
    fn measure(
        &mut self,
        script: &mut Interpreter<'a>,
        start: Instant,
        plan: &Timing,
    ) -> Result<Measured, Diagnostic> {
        let mut losses = Vec::with_capacity(LOSSES);
        let mut first = None;
        while losses.len() < LOSSES {
            self.run.advance(script)?;
            first.get_or_insert_with(|| (start.elapsed(), Instant::now()));
            losses.push(self.run.loss());
        }
        let (first, first_at) = first.unwrap_or((start.elapsed(), start));
        let mut steps = 4;
        // Twice: the first steps are slower.
        for _ in 0..2 {
            let each = self.steps(script, steps)? / steps as f64;
            steps = ((plan.repeat.as_secs_f64() / each.max(1e-9)) as usize).clamp(1, 1 << 20);
            self.steps(script, steps.div_ceil(2))?;
        }
        let mut seconds = Vec::with_capacity(plan.repeats);
        for _ in 0..plan.repeats.max(1) {
            seconds.push(self.steps(script, steps)? / steps as f64);
        }
        seconds.sort_by(f64::total_cmp);
        let (name, parameters, batch) = self.run.size();
        Ok(Measured { name, parameters, batch, first, first_at, steps, seconds, losses })
    }

    /// Takes steps; gives the seconds that they took.
    fn steps(&mut self, script: &mut Interpreter<'a>, steps: usize) -> Result<f64, Diagnostic> {
        let (mut left, mut took) = (steps, 0.0);
        while left > 0 {
            if self.run.left() == 0 {
                self.run = TrainingRun::new(script, self.index, self.train)?;
                // Not timed: it is the first to touch new memory.
                self.run.advance(script)?;
            }
            let n = left.min(self.run.left().max(1));
            let start = Instant::now();
            for _ in 0..n {
                self.run.advance(script)?;
            }
            took += start.elapsed().as_secs_f64();
            left -= n;
        }
        Ok(took)
    }
}
