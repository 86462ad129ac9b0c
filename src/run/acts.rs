//! What a running script does for the acts in it.

use std::path::Path;

use super::execute::{Interpreter, StatementValue};
use super::value::{self, Held};
use super::{Events, errors, npy, plot, sample, save, sweep};
use crate::diag::Diagnostic;
use crate::graph::Purpose;
use crate::ice;
use crate::print::NumberFormat;
use crate::typed::{Curve, Host, Sample, Shown, StatementId};

/// An act under way.
pub(super) struct Doing<'s, 'a> {
    pub(super) script: &'s mut Interpreter<'a>,
    /// The index of its statement.
    pub(super) index: usize,
    pub(super) events: &'s mut dyn Events,
}

impl Host for Doing<'_, '_> {
    fn values(&mut self) -> Result<Vec<Box<dyn Shown>>, Diagnostic> {
        let values = self.script.tensors(self.index, self.events)?;
        Ok(values.into_iter().map(|value| Box::new(value) as Box<dyn Shown>).collect())
    }

    fn print(&mut self, text: &str) -> Result<(), Diagnostic> {
        self.events.print(text).map_err(|error| errors::unwritable(Path::new("standard output"), &error))
    }

    fn sample(&mut self, sample: &Sample, value: usize, window: usize) -> Result<String, Diagnostic> {
        let program = self.script.program(Purpose::Values(self.index));
        let seed = self.script.settings.seed.unwrap_or(self.script.fit(sample.fit).seed);
        let from = sample::LogitSource { program, output: value, column: window };
        sample::sample(self.script, sample, &from, seed)
    }

    fn plot(&self, curves: &[Curve], path: &Path) -> Result<(), Diagnostic> {
        let several = curves.iter().any(|curve| curve.of != curves[0].of);
        let one = |curve: &Curve| match self.script.value(curve.of) {
            StatementValue::Sweep(sweep) => sweep.curve(&curve.key, curve.by.as_deref()),
            _ => {
                let made = self.script.fit(curve.of).curve(&curve.key, curve.param.as_deref());
                let of = &self.script.stages.typed.statements[curve.of.0].kind.names()[0];
                let name = if several { format!("{of} {}", made.name) } else { made.name };
                plot::PlotCurve { name, ..made }
            }
        };
        plot::write(&curves.iter().map(one).collect::<Vec<_>>(), path)
    }

    fn table(&self, curves: &[Curve]) -> String {
        let column = |curve: &'_ Curve| match self.script.value(curve.of) {
            StatementValue::Sweep(sweep) => sweep,
            other => ice!("run", "no sweep but {other:?}"),
        };
        let by = curves[0].by.as_deref().unwrap_or_default();
        let columns: Vec<_> = curves.iter().map(|curve| (column(curve), curve.key.as_str())).collect();
        sweep::table(&columns, by)
    }

    fn write(&self, bytes: &[u8], path: &Path) -> Result<(), Diagnostic> {
        save::write_atomically(path, bytes).map_err(|error| errors::unwritable(path, &error))
    }

    /// A sweep as a table, what a fit recorded as a table, or its parameters and states.
    fn save(&self, of: StatementId, path: &Path) -> Result<(), Diagnostic> {
        match self.script.value(of) {
            StatementValue::Sweep(sweep) => sweep.save(path),
            _ if path.extension().is_some_and(|end| end == "csv") => self.script.fit(of).save_history(path),
            _ => self.script.fit(of).save(path),
        }
    }
}

impl Shown for Held {
    fn text(&self, format: NumberFormat) -> String {
        value::text(self, format)
    }

    fn number(&self) -> f64 {
        self.elements.get(0)
    }

    fn npy(&self) -> Vec<u8> {
        npy::file(self)
    }
}
