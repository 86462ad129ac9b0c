//! Draws panels of curves as SVG. Text and lines of axes have the colour of the text around them, so that
//! a page may be dark or light.

use std::fmt::Write;

use super::axis::{Axis, WIDE};
use super::{PlotCurve, PlotPoint, STEPS};

/// Distinct on screens and in print, and for readers who cannot tell red from green (Okabe and Ito 2008;
/// the yellow and the black, each of which is hard to see on some ground, are left out or grey).
const COLORS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888"];

/// The width of a drawing in a file, and of one in a page, which may be that of a phone.
pub(super) const FILE: f64 = 720.0;
pub(super) const PAGE: f64 = 440.0;
/// What surrounds the data, in pixels.
const DATA: f64 = 210.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 18.0;
const BELOW: f64 = 46.0;
const LINE: f64 = 18.0;
const LETTER: f64 = 7.4;

/// Text with what has a meaning in SVG and HTML replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '"' => out += "&quot;",
            letter => out.push(letter),
        }
    }
    out
}

/// Curves by panels: those of one quantity over one variable share one.
fn panels(curves: &[PlotCurve]) -> Vec<Vec<&PlotCurve>> {
    let mut panels: Vec<Vec<&PlotCurve>> = Vec::new();
    for curve in curves {
        let shares = |of: &&mut Vec<&PlotCurve>| of[0].quantity == curve.quantity && of[0].over == curve.over;
        match panels.iter_mut().find(shares) {
            Some(panel) => panel.push(curve),
            None => panels.push(vec![curve]),
        }
    }
    panels
}

/// A drawing of all curves; in a file it has a ground of its own.
pub(super) fn draw(curves: &[PlotCurve], width: f64) -> String {
    let panels = panels(curves);
    let mut body = String::new();
    let mut top = 0.0;
    for panel in &panels {
        top += PlotPanel::new(panel, top, width).draw(&mut body);
    }
    let names: Vec<String> = panels.iter().map(|panel| escape(&panel[0].quantity)).collect();
    let over = curves.first().map_or("nothing", |curve| &curve.over);
    let label = format!("{} over {}", names.join(", "), escape(over));
    let size = format!("viewBox=\"0 0 {width} {top}\" width=\"{width}\" height=\"{top}\"");
    let (style, ground) = match width == FILE {
        true => (" color=\"#222222\"", "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"),
        false => ("", ""),
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" {size}{style} role=\"img\" aria-label=\"{}\" \
         font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"13\">\n{ground}{body}</svg>\n",
        label
    )
}

/// One panel.
struct PlotPanel<'a> {
    curves: &'a [&'a PlotCurve],
    /// Places of the legend's names: line and left edge.
    legend: Vec<(usize, f64)>,
    top: f64,
    /// Its right edge.
    right: f64,
    x: Axis,
    y: Axis,
}

impl<'a> PlotPanel<'a> {
    fn new(curves: &'a [&'a PlotCurve], top: f64, width: f64) -> PlotPanel<'a> {
        let right = width - RIGHT;
        let legend = legend(curves, right);
        let lines = legend.last().map_or(0, |(line, _)| line + 1);
        let from = top + 14.0 + LINE * lines as f64;
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let values = points()
            .flat_map(|point| point.bands.iter().flat_map(|(low, high)| [*low, *high]).chain([point.y]));
        let shown = points().filter(|point| point.y.is_finite()).map(|point| point.x);
        PlotPanel {
            curves,
            legend,
            top: from,
            right,
            x: match curves[0].over == STEPS {
                true => Axis::of(shown.chain([0.0]), (LEFT, right), 0.01, f64::INFINITY),
                false => Axis::of(shown, (LEFT, right), 0.01, WIDE),
            },
            y: Axis::of(values, (from + DATA, from), 0.05, WIDE),
        }
    }

    /// Draws it and gives where the next one begins, from where this one does.
    fn draw(&self, out: &mut String) -> f64 {
        self.axes(out);
        let (left, top, width) = (LEFT, self.top, self.right - LEFT);
        let place = format!("x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{DATA}\"");
        let _ = writeln!(out, "<svg {place} viewBox=\"{left} {top} {width} {DATA}\">");
        for (curve, color) in self.curves.iter().zip(COLORS.iter().cycle()) {
            self.bands(out, &curve.points, color);
        }
        for (curve, color) in self.curves.iter().zip(COLORS.iter().cycle()) {
            self.line(out, &curve.points, color);
        }
        out.push_str("</svg>\n");
        self.names(out);
        let lines = self.legend.last().map_or(0, |(line, _)| line + 1);
        14.0 + LINE * lines as f64 + DATA + BELOW
    }

    fn axes(&self, out: &mut String) {
        let (right, bottom) = (self.right, self.top + DATA);
        let mut line = |x1: f64, y1: f64, x2: f64, y2: f64, how: &str| {
            let _ =
                writeln!(out, "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"currentColor\" {how}/>");
        };
        let mut labels = String::new();
        for (value, text) in self.y.ticks(5) {
            let Some(y) = self.y.at(value) else { continue };
            line(LEFT, y, right, y, "stroke-opacity=\"0.15\"");
            let (x, y) = (LEFT - 6.0, y + 4.5);
            let _ = writeln!(labels, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{text}</text>");
        }
        for (value, text) in self.x.ticks(((right - LEFT) / 80.0) as usize) {
            let Some(x) = self.x.at(value) else { continue };
            line(x, bottom, x, bottom + 4.0, "stroke-opacity=\"0.6\"");
            let y = bottom + 18.0;
            let _ = writeln!(labels, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{text}</text>");
        }
        line(LEFT, bottom, right, bottom, "stroke-opacity=\"0.6\"");
        line(LEFT, self.top, LEFT, bottom, "stroke-opacity=\"0.6\"");
        let (middle, under) = ((LEFT + right) / 2.0, bottom + 36.0);
        let (over, quantity) = (escape(&self.curves[0].over), escape(&self.curves[0].quantity));
        let _ =
            writeln!(labels, "<text x=\"{middle:.1}\" y=\"{under:.1}\" text-anchor=\"middle\">{over}</text>");
        let y = self.top + DATA / 2.0;
        let turn = format!("transform=\"rotate(-90 16 {y:.1})\"");
        let _ =
            writeln!(labels, "<text x=\"16\" y=\"{y:.1}\" text-anchor=\"middle\" {turn}>{quantity}</text>");
        let _ = writeln!(out, "<g fill=\"currentColor\">\n{labels}</g>");
    }

    fn names(&self, out: &mut String) {
        for ((k, curve), (line, x)) in self.curves.iter().enumerate().zip(&self.legend) {
            let color = COLORS[k % COLORS.len()];
            let lines = self.legend.last().map_or(0, |(line, _)| line + 1);
            let y = self.top - LINE * (lines - line) as f64 + 9.0;
            let end = x + 20.0;
            let _ = writeln!(
                out,
                "<path d=\"M{x:.1} {y:.1}L{end:.1} {y:.1}\" stroke=\"{color}\" stroke-width=\"3\"/>"
            );
            let (x, y) = (x + 26.0, y + 4.5);
            let _ = writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"currentColor\">{}</text>",
                escape(&curve.name)
            );
        }
    }

    /// Neighbouring points that have a place.
    fn stretches<'p>(&self, points: &'p [PlotPoint]) -> Vec<Vec<(f64, f64, &'p PlotPoint)>> {
        let mut all = vec![Vec::new()];
        for point in points {
            match (self.x.at(point.x), self.y.at(point.y)) {
                (Some(x), Some(y)) => all.last_mut().into_iter().for_each(|last| last.push((x, y, point))),
                _ => all.push(Vec::new()),
            }
        }
        all.retain(|stretch| !stretch.is_empty());
        all
    }

    fn line(&self, out: &mut String, points: &[PlotPoint], color: &str) {
        for stretch in self.stretches(points) {
            let path: Vec<String> = stretch.iter().map(|(x, y, _)| format!("{x:.1} {y:.1}")).collect();
            let _ = writeln!(
                out,
                "<path d=\"M{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" stroke-linejoin=\"round\"/>",
                path.join("L")
            );
            if points.len() <= 30 {
                for (x, y, _) in stretch {
                    let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{color}\"/>");
                }
            }
        }
    }

    fn bands(&self, out: &mut String, points: &[PlotPoint], color: &str) {
        let most = points.iter().map(|point| point.bands.len()).max().unwrap_or(0);
        for band in 0..most {
            for stretch in self.stretches(points) {
                let edge = |of: fn(&(f64, f64)) -> f64| {
                    let place = move |(x, y, point): &(f64, f64, &PlotPoint)| {
                        let edge = point.bands.get(band).and_then(|band| self.y.at(of(band)));
                        // On a logarithmic axis a band may reach below all positive numbers.
                        let low = point.bands.get(band).is_some_and(|band| of(band) <= 0.0);
                        let edge = edge.unwrap_or(if low { self.top + 1.5 * DATA } else { *y });
                        format!("{x:.1} {edge:.1}")
                    };
                    stretch.iter().map(place).collect::<Vec<_>>()
                };
                let mut around = edge(|band| band.0);
                around.extend(edge(|band| band.1).into_iter().rev());
                let _ = writeln!(
                    out,
                    "<path d=\"M{}Z\" fill=\"{color}\" fill-opacity=\"0.18\" stroke=\"none\"/>",
                    around.join("L")
                );
            }
        }
    }
}

/// The line and the left edge of each name. A single curve called as its quantity needs none.
fn legend(curves: &[&PlotCurve], right: f64) -> Vec<(usize, f64)> {
    if let [only] = curves
        && only.name == only.quantity
    {
        return Vec::new();
    }
    let (mut line, mut x) = (0, LEFT);
    let mut places = Vec::new();
    for curve in curves {
        let width = 44.0 + LETTER * curve.name.chars().count() as f64;
        if x > LEFT && x + width > right {
            (line, x) = (line + 1, LEFT);
        }
        places.push((line, x));
        x += width;
    }
    places
}
