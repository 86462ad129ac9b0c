//! The text style that all printed IRs share: two-space indent, shortest floats, names quoted only
//! where needed.

mod format;

pub use format::{Align, Notation, NumberFormat};

/// The shortest text that reads back as `value` in double precision: `1`, `0.001`, `1e-8`, `inf`.
pub fn number(value: f64) -> String {
    let plain = format!("{value}");
    let scientific = format!("{value:e}");
    if scientific.len() < plain.len() { scientific } else { plain }
}

/// A time in a unit that suits it: `2.50 us`.
pub(crate) fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.2} us", 1e6 * s),
        s if s < 1.0 => format!("{:.2} ms", 1e3 * s),
        s => format!("{s:.2} s"),
    }
}

/// A number of bytes as people read it.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}
