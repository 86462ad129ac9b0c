//! Mean 0 and standard deviation 1.

/// What numbers of a feature are moved and divided by.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Scale {
    center: f64,
    by: f64,
}

/// A scale for each feature of a column.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Scales(Vec<Scale>);

/// What is known of a feature after a first look at all of its numbers.
#[derive(Clone, Copy)]
struct FeatureSummary {
    least: f64,
    most: f64,
    sum: f64,
}

impl Scales {
    /// The means and standard deviations (population form) of each feature over these rows, in double
    /// precision. A constant feature becomes 0.
    pub(super) fn of(width: usize, rows: &[u32], number: impl Fn(usize, usize) -> f64) -> Scales {
        let mut seen =
            vec![FeatureSummary { least: f64::INFINITY, most: f64::NEG_INFINITY, sum: 0.0 }; width];
        for row in rows {
            for (k, seen) in seen.iter_mut().enumerate() {
                let number = number(*row as usize, k);
                let (least, most) = (seen.least.min(number), seen.most.max(number));
                // A part at a time: the sum of large numbers is no number.
                *seen = FeatureSummary { least, most, sum: seen.sum + number / rows.len() as f64 };
            }
        }
        // Sums of differences from the mean, and of their squares, in units of the largest difference.
        let unit = |seen: &FeatureSummary| (seen.most - seen.sum).max(seen.sum - seen.least);
        let mut sums = vec![(0.0, 0.0); width];
        for row in rows {
            for (k, (seen, sums)) in seen.iter().zip(&mut sums).enumerate() {
                let difference = (number(*row as usize, k) - seen.sum) / unit(seen);
                *sums = (sums.0 + difference, sums.1 + difference * difference);
            }
        }
        let count = rows.len() as f64;
        let scale = |(seen, (sum, squares)): (&FeatureSummary, (f64, f64))| {
            let mean = sum / count;
            let deviation = (squares / count - mean * mean).max(0.0).sqrt();
            match seen.least == seen.most {
                true => Scale { center: seen.least, by: 1.0 },
                false => Scale { center: seen.sum + mean * unit(seen), by: deviation * unit(seen) },
            }
        };
        Scales(seen.iter().zip(sums).map(scale).collect())
    }

    /// Scales with these centers and units.
    pub(crate) fn with(pairs: impl IntoIterator<Item = (f64, f64)>) -> Scales {
        Scales(pairs.into_iter().map(|(center, by)| Scale { center, by }).collect())
    }

    /// Their centers and units.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.0.iter().map(|Scale { center, by }| (*center, *by))
    }

    /// A number of a feature in its scale.
    pub(super) fn apply(&self, feature: usize, number: f64) -> f64 {
        let Scale { center, by } = self.0[feature];
        (number - center) / by
    }

    /// The number that is this one in its scale.
    pub(crate) fn undo(&self, feature: usize, number: f64) -> f64 {
        let Scale { center, by } = self.0[feature];
        center + number * by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(numbers: &[f64]) -> Vec<f64> {
        let rows: Vec<u32> = (0..numbers.len() as u32).collect();
        let scales = Scales::of(1, &rows, |row, _| numbers[row]);
        numbers.iter().map(|number| scales.apply(0, *number)).collect()
    }

    #[test]
    fn a_constant_feature_is_zero_in_double_precision() {
        assert_eq!(scaled(&[0.1; 7]), [0.0; 7]);
        assert_eq!(scaled(&[1e300; 3]), [0.0; 3]);
    }

    #[test]
    fn magnitude_does_not_matter() {
        for unit in [1e-300, 1e-160, 1.0, 1e160, 1e307] {
            let found = scaled(&[2.0 * unit, 4.0 * unit, 9.0 * unit]);
            let expected = [-1.0190493307301367, -0.33968311024337877, 1.3587324409735149];
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{unit}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn small_steps_far_from_zero_stay_apart() {
        let minutes: Vec<f64> = (0..200).map(|minute| 1.7e9 + 60.0 * f64::from(minute)).collect();
        let found = scaled(&minutes);
        let step = found[1] - found[0];
        assert!(found.windows(2).all(|pair| ((pair[1] - pair[0]) / step - 1.0).abs() < 1e-9));
    }
}
