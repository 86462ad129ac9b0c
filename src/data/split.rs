//! Which rows of a table are its test split, where more than a share is said of it.

use std::collections::BTreeMap;

use super::formats::{self, date};

/// By what rows are told into training and test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SplitRule {
    /// Any rows.
    Drawn,
    /// As large a share of the rows of each class, by this column.
    Stratified(String),
    /// All rows of a group, by this column, or none.
    Grouped(String),
    /// Those that come last by this column.
    Ordered(String),
}

impl SplitRule {
    /// The column whose cells it goes by.
    pub(crate) fn column(&self) -> Option<&String> {
        match self {
            SplitRule::Drawn => None,
            SplitRule::Stratified(column) | SplitRule::Grouped(column) | SplitRule::Ordered(column) => {
                Some(column)
            }
        }
    }
}

/// A rule, the share of the rows that is the test split, and the seed of what is drawn.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct SplitPlan {
    pub(crate) rule: SplitRule,
    pub(crate) share: f64,
    pub(crate) seed: u64,
}

/// Why rows cannot be told by the cells of a column.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum SplitFault {
    /// The cell of this row is no number where others are, or no date where others are.
    NoOrder(usize),
    /// So many classes, of which only so many rows are to be taken: most would give none.
    ManyClasses(usize, usize),
}

impl SplitPlan {
    /// The test rows, ascending; `keys` are the cells of the rule's column, one for each row, with this before the
    /// fraction of a number.
    ///
    /// # Errors
    /// Cells that have no order, or too many classes.
    pub(crate) fn test(&self, rows: usize, keys: &[String], decimal: char) -> Result<Vec<u32>, SplitFault> {
        let wanted = (rows as f64 * self.share).round() as usize;
        let mut test = match self.rule {
            SplitRule::Drawn => self.drawn((0..rows as u32).collect(), wanted),
            SplitRule::Stratified(_) => self.stratified(keys, wanted)?,
            SplitRule::Grouped(_) => self.grouped(keys, wanted),
            SplitRule::Ordered(_) => last(&ordered(keys, decimal)?, wanted),
        };
        test.sort_unstable();
        Ok(test)
    }

    /// So many of these rows.
    fn drawn(&self, mut rows: Vec<u32>, count: usize) -> Vec<u32> {
        rows.sort_by_key(|row| mixed(self.seed, u64::from(*row)));
        rows.truncate(count);
        rows
    }

    /// The share of each class, of which the largest rests are rounded up.
    fn stratified(&self, keys: &[String], wanted: usize) -> Result<Vec<u32>, SplitFault> {
        let classes: Vec<Vec<u32>> = by_key(keys).into_values().collect();
        if wanted > 0 && classes.len() > wanted {
            return Err(SplitFault::ManyClasses(classes.len(), wanted));
        }
        let exact = |class: &Vec<u32>| class.len() as f64 * wanted as f64 / keys.len().max(1) as f64;
        let mut counts: Vec<usize> = classes.iter().map(|class| exact(class).floor() as usize).collect();
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|a, b| exact(&classes[*b]).fract().total_cmp(&exact(&classes[*a]).fract()));
        let left = wanted - counts.iter().sum::<usize>().min(wanted);
        order.into_iter().take(left).for_each(|class| counts[class] += 1);
        Ok(classes.into_iter().zip(counts).flat_map(|(class, count)| self.drawn(class, count)).collect())
    }

    /// Groups in an order that is drawn, as long as they bring the number of rows nearer to what is wanted.
    fn grouped(&self, keys: &[String], wanted: usize) -> Vec<u32> {
        let mut groups: Vec<(u64, Vec<u32>)> =
            by_key(keys).into_iter().map(|(key, rows)| (mixed(self.seed, text_hash(key)), rows)).collect();
        groups.sort_by_key(|(order, _)| *order);
        let mut test: Vec<u32> = Vec::new();
        for (_, rows) in groups {
            if wanted.abs_diff(test.len() + rows.len()) < wanted.abs_diff(test.len()) {
                test.extend(rows);
            }
        }
        test
    }
}

/// The rows of each key, ascending.
fn by_key(keys: &[String]) -> BTreeMap<&str, Vec<u32>> {
    let mut found: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (row, key) in (0..).zip(keys) {
        found.entry(key).or_default().push(row);
    }
    found
}

/// The cells as numbers in their order: all of them are numbers, or all are dates.
fn ordered(keys: &[String], decimal: char) -> Result<Vec<f64>, SplitFault> {
    let number = |key: &str| formats::number(key, decimal);
    let all = |read: &dyn Fn(&str) -> Option<f64>| -> Result<Vec<f64>, SplitFault> {
        (0..).zip(keys).map(|(row, key)| read(key).ok_or(SplitFault::NoOrder(row))).collect()
    };
    match keys.first() {
        Some(first) if number(first).is_none() => all(&date::days),
        _ => all(&number),
    }
}

/// The last rows by their keys. Equal ones are in the order of the file.
fn last(keys: &[f64], count: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..keys.len() as u32).collect();
    rows.sort_by(|a, b| keys[*a as usize].total_cmp(&keys[*b as usize]));
    rows.split_off(keys.len() - count.min(keys.len()))
}

/// A number that looks drawn (the finalizer of Steele, Lea and Flood 2014, SplitMix).
fn mixed(seed: u64, number: u64) -> u64 {
    let step = |x: u64, shift: u32, by: u64| (x ^ (x >> shift)).wrapping_mul(by);
    let start = step(seed.wrapping_add(0x9e37_79b9_7f4a_7c15), 30, 0xbf58_476d_1ce4_e5b9) ^ number;
    let once = step(start.wrapping_mul(0x9e37_79b9_7f4a_7c15), 30, 0xbf58_476d_1ce4_e5b9);
    let twice = step(once, 27, 0x94d0_49bb_1331_11eb);
    twice ^ (twice >> 31)
}

/// FNV-1a.
fn text_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(list: &[&str]) -> Vec<String> {
        list.iter().map(|key| (*key).to_owned()).collect()
    }

    fn plan(rule: fn(String) -> SplitRule, seed: u64) -> SplitPlan {
        SplitPlan { rule: rule("c".to_owned()), share: 0.25, seed }
    }

    #[test]
    fn each_class_gives_its_share() {
        let classes = keys(&["a", "b", "a", "a", "b", "a", "c", "a", "a", "b", "a", "b"]);
        for seed in 0..20 {
            let test = plan(SplitRule::Stratified, seed).test(12, &classes, '.').expect("three of twelve");
            let count = |class: &str| test.iter().filter(|row| classes[**row as usize] == class).count();
            assert_eq!((test.len(), count("a"), count("b")), (3, 2, 1), "{test:?}");
        }
    }

    #[test]
    fn a_group_is_whole() {
        let groups = keys(&["a", "b", "c", "a", "b", "c", "d", "d", "e", "e", "f", "f"]);
        for seed in 0..20 {
            let test = plan(SplitRule::Grouped, seed).test(12, &groups, '.').expect("groups");
            let of = |row: &u32| &groups[*row as usize];
            let whole = groups.iter().filter(|group| test.iter().any(|row| of(row) == *group)).count();
            assert_eq!(whole, test.len(), "{test:?}");
            assert!((2..=4).contains(&test.len()));
        }
    }

    #[test]
    fn the_last_are_the_last_by_number_or_by_date() {
        let last = |list: &[&str]| plan(SplitRule::Ordered, 0).test(4, &keys(list), '.');
        assert_eq!(last(&["9", "10", "-1", "2"]), Ok(vec![1]));
        assert_eq!(last(&["2019-12-31", "2020-01-01 09:00", "2020-01-01", "1999-01-01"]), Ok(vec![1]));
        assert_eq!(last(&["9", "10", "x", "2"]), Err(SplitFault::NoOrder(2)));
        assert_eq!(last(&["2019-12-31", "31.12.2019", "2020-01-01", "2"]), Err(SplitFault::NoOrder(1)));
        let comma = |list: &[&str]| plan(SplitRule::Ordered, 0).test(4, &keys(list), ',');
        assert_eq!(comma(&["9,5", "10,25", "-1", "2"]), Ok(vec![1]));
        assert_eq!(comma(&["9,5", "10.25", "-1", "2"]), Err(SplitFault::NoOrder(1)), "as in columns");
    }

    #[test]
    fn classes_that_would_give_none_are_refused() {
        let each = keys(&["1.5", "2.5", "3.5", "4.5", "5.5", "6.5", "7.5", "8.5"]);
        assert_eq!(plan(SplitRule::Stratified, 0).test(8, &each, '.'), Err(SplitFault::ManyClasses(8, 2)));
    }

    #[test]
    fn seeds_draw_other_rows() {
        let drawn = |seed| {
            SplitPlan { rule: SplitRule::Drawn, share: 0.5, seed }.test(40, &[], '.').expect("any rows")
        };
        assert_eq!(drawn(3), drawn(3));
        assert!(drawn(3) != drawn(4) && drawn(3).len() == 20);
    }
}
