//! Which rows of a table are its test split, where more than a share is said of it.

use std::collections::BTreeMap;

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

impl SplitPlan {
    /// The test rows, ascending; `keys` are the cells of the rule's column, one for each row.
    pub(crate) fn test(&self, rows: usize, keys: &[String]) -> Vec<u32> {
        let wanted = (rows as f64 * self.share).round() as usize;
        let mut test = match self.rule {
            SplitRule::Drawn => self.drawn((0..rows as u32).collect(), wanted),
            SplitRule::Stratified(_) => self.stratified(keys, wanted),
            SplitRule::Grouped(_) => self.grouped(keys, wanted),
            SplitRule::Ordered(_) => last(keys, wanted),
        };
        test.sort_unstable();
        test
    }

    /// So many of these rows.
    fn drawn(&self, mut rows: Vec<u32>, count: usize) -> Vec<u32> {
        rows.sort_by_key(|row| mixed(self.seed, u64::from(*row)));
        rows.truncate(count);
        rows
    }

    /// The share of each class, of which the largest rests are rounded up.
    fn stratified(&self, keys: &[String], wanted: usize) -> Vec<u32> {
        let classes: Vec<Vec<u32>> = by_key(keys).into_values().collect();
        let exact = |class: &Vec<u32>| class.len() as f64 * wanted as f64 / keys.len().max(1) as f64;
        let mut counts: Vec<usize> = classes.iter().map(|class| exact(class).floor() as usize).collect();
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|a, b| exact(&classes[*b]).fract().total_cmp(&exact(&classes[*a]).fract()));
        let left = wanted - counts.iter().sum::<usize>().min(wanted);
        order.into_iter().take(left).for_each(|class| counts[class] += 1);
        classes.into_iter().zip(counts).flat_map(|(class, count)| self.drawn(class, count)).collect()
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

/// The last rows by their keys: by numbers if all of them are, else as text, as which dates that begin with their
/// year are in order. Equal ones are in the order of the file.
fn last(keys: &[String], count: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..keys.len() as u32).collect();
    let numbers: Option<Vec<f64>> = keys.iter().map(|key| key.parse().ok()).collect();
    match numbers {
        Some(numbers) => rows.sort_by(|a, b| numbers[*a as usize].total_cmp(&numbers[*b as usize])),
        None => rows.sort_by_key(|row| &keys[*row as usize]),
    }
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
            let test = plan(SplitRule::Stratified, seed).test(12, &classes);
            let count = |class: &str| test.iter().filter(|row| classes[**row as usize] == class).count();
            assert_eq!((test.len(), count("a"), count("b")), (3, 2, 1), "{test:?}");
        }
    }

    #[test]
    fn a_group_is_whole() {
        let groups = keys(&["a", "b", "c", "a", "b", "c", "d", "d", "e", "e", "f", "f"]);
        for seed in 0..20 {
            let test = plan(SplitRule::Grouped, seed).test(12, &groups);
            let of = |row: &u32| &groups[*row as usize];
            let whole = groups.iter().filter(|group| test.iter().any(|row| of(row) == *group)).count();
            assert_eq!(whole, test.len(), "{test:?}");
            assert!((2..=4).contains(&test.len()));
        }
    }

    #[test]
    fn the_last_are_the_last_by_number_or_by_text() {
        assert_eq!(plan(SplitRule::Ordered, 0).test(4, &keys(&["9", "10", "-1", "2"])), [1]);
        assert_eq!(plan(SplitRule::Ordered, 0).test(4, &keys(&["2020-1", "x", "2019", "2021"])), [1]);
    }

    #[test]
    fn seeds_draw_other_rows() {
        let drawn = |seed| SplitPlan { rule: SplitRule::Drawn, share: 0.5, seed }.test(40, &[]);
        assert_eq!(drawn(3), drawn(3));
        assert!(drawn(3) != drawn(4) && drawn(3).len() == 20);
    }
}
