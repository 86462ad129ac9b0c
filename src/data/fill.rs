//! What becomes of missing cells.

use super::arguments::{ColumnChoice, PerColumn};
use crate::ice;

/// What becomes of a missing cell.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum CellFill {
    /// Its row is left out.
    Drop,
    /// It is the mean of the training rows.
    Mean,
    /// It is the median of the training rows.
    Median,
    /// Of numbers the mean, and a column more says where it was missing; of words a class of its own.
    Indicator,
    /// It is this number.
    Number(f64),
    /// It is this word.
    Word(String),
}

impl CellFill {
    /// What scripts call those that are neither a number nor a word of the data.
    pub(crate) const WORDS: &[&str] = &["drop", "mean", "median", "indicator"];

    fn of(choice: &ColumnChoice) -> CellFill {
        match choice {
            ColumnChoice::Number(number) => CellFill::Number(*number),
            ColumnChoice::Text(word) => CellFill::Word(word.clone()),
            ColumnChoice::Word("drop") => CellFill::Drop,
            ColumnChoice::Word("mean") => CellFill::Mean,
            ColumnChoice::Word("median") => CellFill::Median,
            ColumnChoice::Word("indicator") => CellFill::Indicator,
            ColumnChoice::Word(other) => ice!("data", "nothing is filled by `{other}`"),
        }
    }

    /// The number that stands for missing ones, by those that there are in the training rows.
    pub(crate) fn statistic(&self, numbers: impl Iterator<Item = f64>) -> Option<f64> {
        let numbers: Vec<f64> = numbers.collect();
        match self {
            _ if numbers.is_empty() => None,
            CellFill::Median => Some(median(numbers)),
            _ => Some(mean(&numbers)),
        }
    }
}

/// A part at a time: the sum of large numbers is no number. What it rounds away is added afterwards.
fn mean(numbers: &[f64]) -> f64 {
    let count = numbers.len() as f64;
    let rough: f64 = numbers.iter().map(|number| number / count).sum();
    rough + numbers.iter().map(|number| number / count - rough / count).sum::<f64>()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let half = numbers.len() / 2;
    match numbers.len() % 2 {
        0 => numbers[half - 1] / 2.0 + numbers[half] / 2.0,
        _ => numbers[half],
    }
}

/// What becomes of the missing cells of each column.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct CellFills {
    /// Of those that are named.
    pub(crate) named: Vec<(String, CellFill)>,
    /// Of all others, if that is said.
    pub(crate) others: Option<CellFill>,
}

/// What becomes of the missing cells of one column.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct FillRule {
    /// It, if that is said.
    pub(crate) fill: Option<CellFill>,
    /// Whether the script says it of this column by name.
    pub(crate) named: bool,
    /// Whether the column is the target.
    pub(crate) target: bool,
}

impl CellFills {
    /// As a script gives them.
    pub(crate) fn of(given: &PerColumn) -> CellFills {
        let named = given.named.iter().map(|(column, choice)| (column.clone(), CellFill::of(choice)));
        CellFills { named: named.collect(), others: given.others.as_ref().map(CellFill::of) }
    }

    /// The rule of a column.
    pub(crate) fn rule(&self, column: &str, target: bool) -> FillRule {
        match self.named.iter().find(|(name, _)| name == column) {
            Some((_, fill)) => FillRule { fill: Some(fill.clone()), named: true, target },
            None => FillRule { fill: self.others.clone(), named: false, target },
        }
    }
}

impl FillRule {
    /// Whether rows without this cell are left out.
    pub(crate) fn drops(&self) -> bool {
        self.fill == Some(CellFill::Drop)
    }

    /// Whether missing numbers are known only once the training rows are.
    pub(crate) fn is_statistic(&self) -> bool {
        matches!(self.fill, Some(CellFill::Mean | CellFill::Median | CellFill::Indicator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_large_and_of_few_numbers() {
        let by = |fill: CellFill, numbers: &[f64]| fill.statistic(numbers.iter().copied());
        assert_eq!(by(CellFill::Mean, &[1.0, 2.0, 6.0]), Some(3.0));
        assert_eq!(by(CellFill::Mean, &[1.7e308, 1.7e308]), Some(1.7e308));
        assert_eq!(by(CellFill::Median, &[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(by(CellFill::Median, &[1.7e308, 1.0, 1.7e308, 3.0]), Some(8.5e307));
        assert_eq!(by(CellFill::Median, &[]), None);
    }
}
