//! Plots: curves as an SVG file.

use std::path::Path;

use plotters::prelude::*;

use super::errors;
use super::save::write_atomically;
use crate::diag::Diagnostic;

/// One curve: values at ascending steps.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// What the legend calls it.
    pub(crate) name: String,
    /// Training step and value.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Distinct on screens and in print, and for readers who cannot tell red from green (Okabe and Ito 2008).
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

const SIZE: (u32, u32) = (800, 240);

/// Draws each curve in a panel of its own, one above the other, over the training steps they share.
pub(crate) fn write(curves: &[Curve], path: &Path) -> Result<(), Diagnostic> {
    let svg = draw(curves).unwrap_or_else(|error| crate::ice!("plot", "{error}"));
    write_atomically(path, svg.as_bytes()).map_err(|error| errors::unwritable(path, &error))
}

fn draw(curves: &[Curve]) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let height = SIZE.1 * curves.len().max(1) as u32;
        let root = SVGBackend::with_string(&mut svg, (SIZE.0, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let last = curves.iter().flat_map(|curve| &curve.points).map(|point| point.0).fold(1.0, f64::max);
        let panels = root.split_evenly((curves.len().max(1), 1));
        for (index, (curve, panel)) in curves.iter().zip(&panels).enumerate() {
            draw_panel(curve, panel, last, COLORS[index % COLORS.len()])?;
        }
        root.present()?;
    }
    Ok(svg)
}

type Panel<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw_panel(
    curve: &Curve,
    panel: &Panel<'_>,
    last: f64,
    color: RGBColor,
) -> Result<(), Box<dyn std::error::Error>> {
    let (low, high) = range(&curve.points);
    let mut chart = ChartBuilder::on(panel)
        .margin(12)
        .margin_right(24)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..last, low..high)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("training step")
        .y_desc(&curve.name)
        .x_labels(9)
        .y_labels(6)
        .x_label_formatter(&|step| crate::print::number(*step))
        .y_label_formatter(&|value| short(*value))
        .label_style(("sans-serif", 13))
        .draw()?;
    let points = curve.points.iter().copied().filter(|point| point.1.is_finite());
    chart
        .draw_series(LineSeries::new(points, color.stroke_width(2)))?
        .label(&curve.name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    chart
        .configure_series_labels()
        .position(if ends_high(&curve.points, low, high) {
            SeriesLabelPosition::LowerRight
        } else {
            SeriesLabelPosition::UpperRight
        })
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 13))
        .draw()?;
    Ok(())
}

/// The finite values' range with a margin, never empty.
fn range(points: &[(f64, f64)]) -> (f64, f64) {
    let finite = || points.iter().map(|point| point.1).filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return (0.0, 1.0);
    }
    let margin = if high > low { 0.05 * (high - low) } else { 0.5 * low.abs().max(1e-3) };
    (low - margin, high + margin)
}

/// Whether the last part of a curve runs through the upper half of its panel, where the legend would
/// cover it.
fn ends_high(points: &[(f64, f64)], low: f64, high: f64) -> bool {
    let last = &points[points.len() - points.len() / 4..];
    let mean = last.iter().map(|point| point.1).sum::<f64>() / last.len().max(1) as f64;
    mean > (low + high) / 2.0
}

/// A number in three significant digits, as axis labels want it.
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    crate::print::number(rounded)
}
