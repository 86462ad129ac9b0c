//! Axes: which part of the numbers is shown, and where there are labels.

/// A stretch of numbers on a stretch of pixels.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    pixels: (f64, f64),
}

/// The factor from which positive numbers are shown by their logarithm.
pub(super) const WIDE: f64 = 20.0;

impl Axis {
    /// An axis that shows all of these numbers, with a margin of this share of it at both ends. What lies
    /// further apart than by the factor `wide` is shown by its logarithm.
    pub(super) fn of(values: impl Iterator<Item = f64>, pixels: (f64, f64), margin: f64, wide: f64) -> Axis {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let log = low > 0.0 && high / low > wide;
        let (a, b) = if log { (low.ln(), high.ln()) } else { (low, high) };
        let space = if b > a { margin * (b - a) } else { 0.5 * a.abs().max(1e-3) };
        Axis { low: a - space, high: b + space, log, pixels }
    }

    /// Where a number is; `None` where it has no place.
    pub(super) fn at(&self, value: f64) -> Option<f64> {
        let value = if self.log { value.ln() } else { value };
        let share = (value - self.low) / (self.high - self.low);
        let (from, to) = self.pixels;
        share.is_finite().then_some(from + share.clamp(-0.5, 1.5) * (to - from))
    }

    /// Numbers to label, about as many as said, each with its text.
    pub(super) fn ticks(&self, about: usize) -> Vec<(f64, String)> {
        let all = if self.log { self.decades(about) } else { self.even(about) };
        all.into_iter().map(|value| (value, label(value))).collect()
    }

    fn even(&self, about: usize) -> Vec<f64> {
        let raw = (self.high - self.low) / about as f64;
        let power = 10f64.powf(raw.log10().floor());
        let step =
            power * [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|by| by * power >= raw).unwrap_or(10.0);
        let first = (self.low / step).ceil() as i64;
        (first..).map(|k| k as f64 * step).take_while(|value| *value <= self.high).collect()
    }

    /// Powers of ten, with numbers between where those are few, or some of them where they are many.
    fn decades(&self, about: usize) -> Vec<f64> {
        let (low, high) = (self.low / std::f64::consts::LN_10, self.high / std::f64::consts::LN_10);
        let within: &[f64] = if high - low > 4.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let every = ((high - low) / about as f64).ceil().max(1.0) as i32;
        let powers = (low.floor() as i32..=high.ceil() as i32).filter(|power| power % every == 0);
        let all = powers.flat_map(|power| within.iter().map(move |by| by * 10f64.powi(power)));
        all.filter(|value| (self.low..=self.high).contains(&value.ln())).collect()
    }
}

/// A number as labels want it.
fn label(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    if rounded.abs() >= 1e5 || rounded != 0.0 && rounded.abs() < 1e-3 {
        return format!("{rounded:e}");
    }
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::{Axis, WIDE};

    fn labels(values: &[f64]) -> Vec<String> {
        let axis = Axis::of(values.iter().copied(), (0.0, 100.0), 0.0, WIDE);
        axis.ticks(5).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn labels_are_round() {
        assert_eq!(labels(&[0.0, 1.0]), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&[3.0, 1200.0]), ["5", "10", "20", "50", "100", "200", "500", "1000"]);
        assert_eq!(labels(&[1e-5, 1.0]), ["1e-5", "1e-4", "0.001", "0.01", "0.1", "1"]);
    }

    #[test]
    fn an_axis_of_nothing_or_of_one_number_is_an_axis() {
        assert!(!labels(&[]).is_empty() && !labels(&[f64::NAN]).is_empty());
        let axis = Axis::of([7.0].into_iter(), (0.0, 100.0), 0.05, WIDE);
        assert_eq!(axis.at(7.0), Some(50.0));
    }
}
