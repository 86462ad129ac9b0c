//! Statements that do something with values and with what runs left: what a program says of one, and what one
//! asks of who runs it.

use std::fmt::Debug;
use std::path::Path;

use super::expr::Expr;
use super::ids::{LocalId, StatementId};
use super::print::Printer;
use super::script::{Curve, Sample};
use crate::diag::Diagnostic;
use crate::print::NumberFormat;
use crate::source::Span;

/// A statement that leaves nothing for those after it.
pub trait Act: Debug {
    /// The word that it begins with.
    fn word(&self) -> &'static str;

    /// The statement as text, without an end of the line.
    fn text(&self, printer: &Printer<'_>) -> String;

    /// The expressions whose values it needs: its program computes them.
    fn values(&self) -> Vec<&Expr> {
        Vec::new()
    }

    /// Names in its expressions that are windows of texts, which are given values while it runs.
    fn windows(&self) -> Vec<LocalId> {
        Vec::new()
    }

    /// What it shows of fits and sweeps.
    fn curves(&self) -> &[Curve] {
        &[]
    }

    /// Does it. `span` is where it is written.
    ///
    /// # Errors
    /// What ends the run of the script.
    fn run(&self, host: &mut dyn Host, span: Span) -> Result<(), Diagnostic>;
}

/// What a running script does for its acts.
pub trait Host {
    /// Computes the values of the act's expressions.
    ///
    /// # Errors
    /// No memory, or a label or position that there is not.
    fn values(&mut self) -> Result<Vec<Box<dyn Shown>>, Diagnostic>;

    /// Prints a text.
    ///
    /// # Errors
    /// When it cannot be written.
    fn print(&mut self, text: &str) -> Result<(), Diagnostic>;

    /// A text that a fit continues; its logits are value `value` of the act, and window `window` is its.
    ///
    /// # Errors
    /// As [`Host::values`].
    fn sample(&mut self, sample: &Sample, value: usize, window: usize) -> Result<String, Diagnostic>;

    /// Draws curves.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn plot(&self, curves: &[Curve], path: &Path) -> Result<(), Diagnostic>;

    /// A table of curves of sweeps over one variable.
    fn table(&self, curves: &[Curve]) -> String;

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write(&self, bytes: &[u8], path: &Path) -> Result<(), Diagnostic>;

    /// Writes a fit or a sweep to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn save(&self, of: StatementId, path: &Path) -> Result<(), Diagnostic>;
}

/// A value of an expression.
pub trait Shown {
    /// Its text, each number as the format says.
    fn text(&self, format: NumberFormat) -> String;

    /// Its first element; booleans are 0 and 1.
    fn number(&self) -> f64;

    /// Its elements as a file of NumPy.
    fn npy(&self) -> Vec<u8>;
}
