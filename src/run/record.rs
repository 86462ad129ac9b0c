//! Distributions of an optimizer's states over a run, recorded between steps and only where something
//! shows them.

use std::collections::BTreeSet;

use super::machine::Memory;
use crate::graph::{Layout, StateSlot};
use crate::typed::{Curve, Extent, Program, StatementKind};

/// The shares of the numbers that lie below what is recorded.
pub(crate) const SHARES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// The quantiles of a state at one step.
pub(crate) type Quantiles = (f64, [f64; 5]);

/// A state whose distribution is recorded.
#[derive(Debug)]
pub(super) struct QuantileRecorder {
    /// Its key and the parameter it is looked at for, if not for all: `opt.eg_gain.p`, `hidden.w`.
    pub(super) key: (String, Option<String>),
    memory: Memory,
    first: usize,
    count: usize,
    /// What was recorded.
    pub(super) points: Vec<Quantiles>,
}

impl QuantileRecorder {
    /// Notes how the state is distributed after step `t`.
    pub(super) fn record(&mut self, t: usize) {
        let mut values = self.memory.to_f64();
        values.truncate(self.first + self.count);
        values.drain(..self.first);
        self.points.push((t as f64, quantiles(&mut values)));
    }
}

/// The numbers below which [`SHARES`] of the values lie: of `n`, number `round(share * (n - 1))` in order.
fn quantiles(values: &mut [f64]) -> [f64; 5] {
    SHARES.map(|share| match values.len() {
        0 => f64::NAN,
        n => *values.select_nth_unstable_by((share * (n - 1) as f64).round() as usize, f64::total_cmp).1,
    })
}

/// What plots show of the states of the training run that is statement `run`, or all states.
pub(super) fn wanted(
    program: &Program,
    run: usize,
    layout: &Layout,
    all: bool,
) -> BTreeSet<(String, Option<String>)> {
    let mut found = BTreeSet::new();
    for statement in &program.statements {
        let StatementKind::Act(act) = &statement.kind else { continue };
        let own = |curve: &&Curve| curve.of.0 == run && curve.by.is_none();
        found.extend(act.curves().iter().filter(own).map(|curve| (curve.key.clone(), curve.param.clone())));
    }
    if all {
        for slot in layout.states.iter().filter(|slot| slot.extent == Extent::Coordinate) {
            found.insert((format!("opt.{}", slot.name), None));
            let params = layout.params_of(slot).iter();
            found.extend(params.map(|param| (format!("opt.{}", slot.name), Some(param.name.clone()))));
        }
    }
    found
}

/// Those of the wanted distributions that there are.
pub(super) fn spreads(
    wanted: &BTreeSet<(String, Option<String>)>,
    layout: &Layout,
    states: &[Memory],
) -> Vec<QuantileRecorder> {
    let mut made = Vec::new();
    for (slot, memory) in layout.states.iter().zip(states) {
        for (key, param) in wanted.iter().filter(|(key, _)| key.strip_prefix("opt.") == Some(&slot.name)) {
            let Some((first, count)) = place(layout, slot, param.as_deref()) else { continue };
            let key = (key.clone(), param.clone());
            made.push(QuantileRecorder { key, memory: memory.clone(), first, count, points: Vec::new() });
        }
    }
    made
}

/// Where the numbers of a state for one parameter, or for all, lie in it.
fn place(layout: &Layout, slot: &StateSlot, param: Option<&str>) -> Option<(usize, usize)> {
    let params = layout.params_of(slot);
    let named = |name: &str| params.iter().position(|param| param.name == name);
    match (slot.extent, param) {
        (Extent::Coordinate, None) => Some((0, slot.ty.count())),
        (Extent::Coordinate, Some(name)) => {
            let param = &params[named(name)?];
            Some((param.start - params[0].start, param.ty.count()))
        }
        (Extent::Tensor, Some(name)) => Some((named(name)?, 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::quantiles;

    #[test]
    fn quantiles_are_numbers_in_order() {
        let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(quantiles(&mut values), [5.0, 25.0, 50.0, 75.0, 95.0]);
        assert_eq!(quantiles(&mut [7.0]), [7.0; 5]);
    }
}
