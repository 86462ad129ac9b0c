//! How long each stage of the compiler takes.

use std::fmt;
use std::time::{Duration, Instant};

use super::{Program, Report};

/// Times from source text to native code, and how much code that is.
#[derive(Clone, Debug)]
pub struct Timings {
    /// The stages in order with the time that each took. A stage made before takes none, but for parsing.
    pub stages: Vec<(&'static str, Duration)>,
    /// The passes of some of them, with theirs.
    pub passes: Vec<(&'static str, Vec<(&'static str, Duration)>)>,
    /// Kernels of all programs.
    pub kernels: usize,
    /// Functions that they share.
    pub functions: usize,
    /// Bytes of machine code.
    pub bytes: usize,
}

impl Program {
    /// Makes every stage in order, and says how long each took.
    ///
    /// # Errors
    /// All errors of the script, with its warnings.
    pub fn timings(&self) -> Result<Timings, Report> {
        let mut stages = vec![("parse", self.parsing)];
        let mut time = |name, make: &dyn Fn() -> Result<(), Report>| {
            let start = Instant::now();
            let made = make();
            stages.push((name, start.elapsed()));
            made
        };
        time("check", &|| self.typed().map(drop))?;
        time("graph", &|| self.graphs().map(drop))?;
        time("kernel", &|| self.kernels().map(drop))?;
        time("loops", &|| self.loops().map(drop))?;
        time("native", &|| self.native().map(drop))?;
        Ok(Timings {
            stages,
            passes: self.chain.took.borrow().clone(),
            kernels: self.kernels()?.programs.iter().map(|program| program.kernels.len()).sum(),
            functions: self.loops()?.functions.len(),
            bytes: self.native()?.bytes(),
        })
    }
}

impl Timings {
    /// From source text to native code.
    pub fn total(&self) -> Duration {
        self.stages.iter().map(|(_, time)| *time).sum()
    }
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, time) in self.stages.iter().copied().chain([("total", self.total())]) {
            writeln!(f, "{name:<16} {:8.2} ms", 1e3 * time.as_secs_f64())?;
            for (pass, time) in
                self.passes.iter().filter(|(stage, _)| *stage == name).flat_map(|(_, took)| took)
            {
                writeln!(f, "  {pass:<14} {:8.2} ms", 1e3 * time.as_secs_f64())?;
            }
        }
        let Timings { kernels, functions, bytes, .. } = self;
        writeln!(f, "{kernels} kernels, {functions} functions, {bytes} bytes of machine code")
    }
}
