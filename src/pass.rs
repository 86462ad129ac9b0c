//! Passes: what a stage of the compiler does to its form of the program, one after the other, each with a
//! name by which it is listed, timed and printed around.

use std::time::{Duration, Instant};

/// A form of the program that passes change.
pub trait Ir {
    /// Checks what must hold between passes.
    ///
    /// # Panics
    /// With what does not hold after this pass: an internal error.
    fn verify(&self, pass: &str);
}

/// A pass over a form of the program.
pub struct Pass<F> {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a line.
    pub doc: &'static str,
    /// Does it.
    pub run: fn(&mut F),
}

/// Between which passes to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point<'a> {
    /// Before the pass of this name.
    Before(&'a str),
    /// After the pass of this name.
    After(&'a str),
}

/// The name of a pass and what it does.
pub type PassInfo = (&'static str, &'static str);

impl<F: Ir> Pass<F> {
    /// Its name and what it does.
    pub fn row(&self) -> PassInfo {
        (self.name, self.doc)
    }

    /// Runs passes in order, as far as `until` if that is given; says how long each took. Debug builds
    /// verify between them; the caller verifies what goes out.
    pub fn all(passes: &[Pass<F>], form: &mut F, until: Option<Point<'_>>) -> Vec<(&'static str, Duration)> {
        let mut took = Vec::with_capacity(passes.len());
        for (k, pass) in passes.iter().enumerate() {
            if until == Some(Point::Before(pass.name)) {
                break;
            }
            let start = Instant::now();
            (pass.run)(form);
            took.push((pass.name, start.elapsed()));
            if cfg!(debug_assertions) && k + 1 < passes.len() {
                form.verify(pass.name);
            }
            if until == Some(Point::After(pass.name)) {
                break;
            }
        }
        took
    }
}
