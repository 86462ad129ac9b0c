//! What was found, for people to read.

use super::{GradientCheck, Worst};
use crate::print::number;

impl std::fmt::Display for GradientCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.name)?;
        if let Some(why) = &self.skipped {
            return writeln!(f, "  not checked: {why}");
        }
        let width = self.compared.iter().map(|compared| compared.name.len()).max().unwrap_or(0);
        for compared in &self.compared {
            let verdict = match &compared.worst {
                None => "skipped",
                Some(_) if compared.agrees() => "agrees ",
                Some(_) => "DIFFERS",
            };
            let (tried, all) = compared.tried;
            write!(f, "  {:width$}  {verdict}  {tried} of {all}", compared.name)?;
            if compared.kinks > 0 {
                write!(f, ", {} at a kink", compared.kinks)?;
            }
            if let Some(Worst { coordinate, gradient, difference, relative }) = &compared.worst {
                write!(
                    f,
                    ", worst {coordinate}: {} against {}, relative {relative:.0e}",
                    short(*gradient),
                    short(*difference)
                )?;
            }
            writeln!(f)?;
        }
        self.compiled.iter().try_for_each(|compiled| writeln!(f, "  {compiled}"))
    }
}

/// Six digits.
pub(super) fn short(x: f64) -> String {
    number(format!("{x:.5e}").parse().unwrap_or(x))
}
