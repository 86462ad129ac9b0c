//! Plots: curves with bands as SVG, in a file or in a page.
//!
//! Curves of one quantity over one variable share a panel and have a legend; panels stand one above the
//! other. An axis is logarithmic where values are positive and span more than a factor of 20; training steps are
//! always even and begin at 0.

mod axis;
mod svg;

use std::path::Path;

use super::errors;
use super::save::write_atomically;
use crate::diag::Diagnostic;

pub(crate) use svg::escape;

/// One curve: values at ascending places.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlotCurve {
    /// What the legend calls it.
    pub(crate) name: String,
    /// What its values are: `loss`.
    pub(crate) quantity: String,
    /// What it is drawn over: `training step`, `lr`.
    pub(crate) over: String,
    /// Its points.
    pub(crate) points: Vec<PlotPoint>,
}

/// A point of a curve.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct PlotPoint {
    /// Where.
    pub(crate) x: f64,
    /// The value.
    pub(crate) y: f64,
    /// Ranges around it that are shaded, the widest first.
    pub(crate) bands: Vec<(f64, f64)>,
}

/// What every curve over training steps is drawn over.
pub(crate) const STEPS: &str = "training step";

/// More points than this are drawn as means with the range around them.
const MOST_POINTS: usize = 400;

/// What the values of a series are: `val_loss` is a loss as well.
pub(crate) fn quantity(key: &str) -> &str {
    match key {
        "batch_loss" => "loss",
        _ => key.strip_prefix("val_").unwrap_or(key),
    }
}

impl PlotCurve {
    /// A recorded series.
    pub(crate) fn series(name: &str, quantity: &str, points: &[(f64, f64)]) -> PlotCurve {
        PlotCurve {
            name: name.to_owned(),
            quantity: quantity.to_owned(),
            over: STEPS.to_owned(),
            points: thinned(
                points.iter().map(|(x, y)| PlotPoint { x: *x, y: *y, bands: Vec::new() }).collect(),
            ),
        }
    }
}

/// Points as they are, or means of as many neighbours each as it takes. Bands are means as well; where
/// there are none, the range of the neighbours is one.
pub(crate) fn thinned(points: Vec<PlotPoint>) -> Vec<PlotPoint> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    points.chunks(points.len().div_ceil(MOST_POINTS)).map(merged).collect()
}

fn merged(near: &[PlotPoint]) -> PlotPoint {
    let mean = |of: &dyn Fn(&PlotPoint) -> f64| near.iter().map(of).sum::<f64>() / near.len() as f64;
    let bands = near.iter().map(|point| point.bands.len()).min().unwrap_or(0);
    let mut bands: Vec<(f64, f64)> =
        (0..bands).map(|k| (mean(&|point| point.bands[k].0), mean(&|point| point.bands[k].1))).collect();
    if bands.is_empty() {
        let values = || near.iter().map(|point| point.y);
        bands.push((values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)));
    }
    PlotPoint { x: mean(&|point| point.x), y: mean(&|point| point.y), bands }
}

/// Mean and standard deviation (of a sample, with `n - 1`) of the finite ones among some numbers, and
/// how many these are.
pub(crate) fn moments(values: &[f64]) -> (f64, f64, usize) {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let n = finite.len();
    let mean = finite.iter().sum::<f64>() / n as f64;
    let squares = finite.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    (mean, if n > 1 { (squares / (n - 1) as f64).sqrt() } else { 0.0 }, n)
}

/// A point at the mean of some numbers, with a standard deviation to both sides.
pub(crate) fn spread(x: f64, values: &[f64]) -> PlotPoint {
    let (y, deviation, n) = moments(values);
    PlotPoint { x, y, bands: if n > 1 { vec![(y - deviation, y + deviation)] } else { Vec::new() } }
}

/// Draws curves into a file.
pub(crate) fn write(curves: &[PlotCurve], path: &Path) -> Result<(), Diagnostic> {
    let svg = svg::draw(curves, svg::FILE);
    write_atomically(path, svg.as_bytes()).map_err(|error| errors::unwritable(path, &error))
}

/// Curves for a page, in the page's colours for text and ground.
pub(crate) fn inline(curves: &[PlotCurve]) -> String {
    svg::draw(curves, svg::PAGE)
}

#[cfg(test)]
mod tests {
    use super::{PlotCurve, PlotPoint, STEPS, inline, moments, spread, thinned};

    #[test]
    fn long_series_are_means_with_their_range() {
        let point = |k: u32| PlotPoint { x: f64::from(k), y: f64::from(k % 2), bands: Vec::new() };
        let points: Vec<PlotPoint> = (0..1000).map(point).collect();
        let thin = thinned(points.clone());
        assert!(thin.len() <= 400, "{}", thin.len());
        assert_eq!(thin[0].bands, vec![(0.0, 1.0)]);
        assert_eq!(thinned(points[..3].to_vec()), points[..3]);
        let banded = |k: u32| PlotPoint { bands: vec![(-1.0, f64::from(k % 2))], ..point(k) };
        let thin = thinned((0..800).map(banded).collect());
        assert_eq!((thin.len(), &thin[0].bands), (400, &vec![(-1.0, 0.5)]));
    }

    #[test]
    fn deviations_are_those_of_a_sample() {
        assert_eq!(moments(&[1.0, 3.0, f64::NAN]), (2.0, 2.0f64.sqrt(), 2));
        assert_eq!(spread(1.0, &[5.0]).bands, Vec::new());
    }

    #[test]
    fn names_are_escaped_and_what_is_not_finite_is_left_out() {
        let points = [(1.0, 0.5), (2.0, f64::NAN), (3.0, f64::INFINITY), (4.0, 0.25)];
        let curve = PlotCurve::series("<a & b>", "loss", &points);
        let svg = inline(&[curve, PlotCurve { over: STEPS.into(), ..PlotCurve::default() }]);
        assert!(svg.contains("&lt;a &amp; b&gt;") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
