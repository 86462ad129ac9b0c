//! What a training run records.

use super::ids::StatementId;

/// A recorded curve of a fit, or a number of an evaluation.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    /// Whose.
    pub of: StatementId,
    /// Which: `loss`, `accuracy`, `val_loss`, `opt.eg_scale.s`.
    pub key: String,
    /// Which number it is.
    pub statistic: Statistic,
}

/// The number that a recorded series is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Statistic {
    /// Its last value.
    Last,
    /// `min(fit.loss)`: the least of all its values.
    Min,
    /// `max(fit.loss)`: the greatest.
    Max,
    /// `mean(fit.loss)`: the mean.
    Mean,
}

impl Statistic {
    /// Those that a function asks for, with its name.
    pub const NAMED: [(&str, Statistic); 3] =
        [("min", Statistic::Min), ("max", Statistic::Max), ("mean", Statistic::Mean)];

    /// Of some values; NaN of none.
    pub fn of(self, mut values: impl DoubleEndedIterator<Item = f64> + Clone) -> f64 {
        // NaN stays NaN, as in the functions on tensors.
        let most = |a: f64, b: f64| if a.is_nan() || a > b { a } else { b };
        let count = values.clone().count() as f64;
        match self {
            Statistic::Last => values.next_back().unwrap_or(f64::NAN),
            Statistic::Min => values.map(|x| -x).reduce(most).map_or(f64::NAN, |x| -x),
            Statistic::Max => values.reduce(most).unwrap_or(f64::NAN),
            Statistic::Mean => values.sum::<f64>() / count,
        }
    }
}
