//! What a training run keeps of what it measures, and when it ends before its last step.

use std::fmt::{self, Display, Formatter};

/// A measured series, or its negative.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Measured {
    /// Which: `val_loss`, a metric.
    pub series: String,
    /// Whether its negative is meant: of that, the least is the greatest of the series.
    pub negated: bool,
}

impl Measured {
    /// A value of the series as it is meant.
    pub fn of(&self, value: f64) -> f64 {
        if self.negated { -value } else { value }
    }
}

/// What ends a run after it has been measured.
#[derive(Clone, PartialEq, Debug)]
pub enum Stop {
    /// `patience(val_loss, 5)`: the least value has been measured so many times ago, or before.
    Patience(Measured, usize),
    /// `val_loss < 0.1`: the last value is below.
    Below(Measured, f64),
    /// `a or b`
    Any(Box<[Stop; 2]>),
    /// `a and b`
    All(Box<[Stop; 2]>),
}

impl Stop {
    /// Whether it is so, by the values of each series so far.
    pub fn holds(&self, values: &dyn Fn(&str) -> Vec<f64>) -> bool {
        match self {
            Stop::Patience(of, count) => {
                let values: Vec<f64> = values(&of.series).into_iter().map(|value| of.of(value)).collect();
                // What is no number is never the least.
                let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                let first = values.iter().position(|value| *value == least).unwrap_or(0);
                values.len() > first + count
            }
            Stop::Below(of, bound) => values(&of.series).last().is_some_and(|value| of.of(*value) < *bound),
            Stop::Any(both) => both.iter().any(|stop| stop.holds(values)),
            Stop::All(both) => both.iter().all(|stop| stop.holds(values)),
        }
    }
}

impl Display for Measured {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negated { "-" } else { "" }, self.series)
    }
}

impl Display for Stop {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Patience(of, count) => write!(f, "patience({of}, {count})"),
            Stop::Below(of, bound) => write!(f, "{of} < {}", crate::print::number(*bound)),
            Stop::Any(both) => write!(f, "({} or {})", both[0], both[1]),
            Stop::All(both) => write!(f, "({} and {})", both[0], both[1]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(values: &[f64], negated: bool) -> bool {
        let of = Measured { series: "a".to_owned(), negated };
        Stop::Patience(of, 2).holds(&|_| values.to_vec())
    }

    #[test]
    fn patience_counts_from_the_best() {
        assert!(!patience(&[3.0, 2.0, 4.0], false));
        assert!(patience(&[3.0, 2.0, 4.0, 2.0], false));
        assert!(!patience(&[3.0, 2.0, 4.0, 1.0], false));
        assert!(patience(&[4.0, 2.0, 3.0], true) && !patience(&[2.0, 4.0, 3.0], true));
        assert!(!patience(&[], false) && patience(&[f64::NAN; 3], false));
    }
}
