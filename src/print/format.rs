//! How a text says that numbers are printed in it: `>8.3e`, a part of what Python's format strings say.

use std::fmt;

use super::number;
use crate::algebra::types::DType;

/// The most digits after the point: a double has no more that mean anything.
const MOST_DIGITS: usize = 17;
/// The widest field.
const WIDEST: usize = 200;

/// How a number is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NumberFormat {
    /// Where it stands in its field; `None`: at the right.
    pub align: Option<Align>,
    /// The least number of characters; 0: as many as there are.
    pub width: usize,
    /// Digits after the point; `None`: the shortest text that reads back.
    pub digits: Option<usize>,
    /// What the digits are of.
    pub notation: Notation,
}

/// Where a number stands in its field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// `<`
    Left,
    /// `^`
    Center,
    /// `>`
    Right,
}

/// What the digits of a number are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Notation {
    /// The number.
    #[default]
    Plain,
    /// `e`: its mantissa, before its exponent.
    Exponent,
    /// `%`: a hundred times the number; one digit after the point, if none is said.
    Percent,
}

impl NumberFormat {
    /// What stands after the colon: alignment, width, digits and notation, each if it is there. `f` is what
    /// digits alone mean.
    pub fn parse(text: &str) -> Option<NumberFormat> {
        let text = text.trim();
        let aligned = [('<', Align::Left), ('^', Align::Center), ('>', Align::Right)];
        let align = aligned.into_iter().find(|(sign, _)| text.starts_with(*sign)).map(|(_, align)| align);
        let rest = if align.is_some() { &text[1..] } else { text };
        let (rest, notation) = match rest.strip_suffix(['e', '%', 'f']) {
            Some(before) if rest.ends_with('e') => (before, Notation::Exponent),
            Some(before) if rest.ends_with('%') => (before, Notation::Percent),
            Some(before) if before.contains('.') => (before, Notation::Plain),
            Some(_) => return None,
            None => (rest, Notation::Plain),
        };
        let (width, digits) =
            rest.split_once('.').map_or((rest, None), |(width, digits)| (width, Some(digits)));
        let width = if width.is_empty() { 0 } else { decimal(width, WIDEST)? };
        let digits =
            digits.map(|digits| decimal(digits, MOST_DIGITS)).map_or(Some(None), |known| known.map(Some))?;
        let empty = (align, width, digits, notation) == (None, 0, None, Notation::Plain);
        let aligns_nothing = align.is_some() && width == 0;
        (!empty && !aligns_nothing).then_some(NumberFormat { align, width, digits, notation })
    }

    /// A number of this element type.
    pub fn number(self, value: f64, dtype: DType) -> String {
        self.padded(match (self.notation, self.digits) {
            _ if dtype == DType::Bool => (value != 0.0).to_string(),
            (Notation::Plain, Some(digits)) => format!("{value:.digits$}"),
            (Notation::Plain, None) if dtype == DType::F32 => format!("{}", value as f32),
            (Notation::Plain, None) => number(value),
            (Notation::Exponent, Some(digits)) => format!("{value:.digits$e}"),
            (Notation::Exponent, None) if dtype == DType::F32 => format!("{:e}", value as f32),
            (Notation::Exponent, None) => format!("{value:e}"),
            (Notation::Percent, digits) => format!("{:.*}%", digits.unwrap_or(1), 100.0 * value),
        })
    }

    /// An integer, which not every double holds.
    pub fn integer(self, value: i64) -> String {
        match (self.notation, self.digits) {
            (Notation::Plain, None | Some(0)) => self.padded(value.to_string()),
            (Notation::Plain, Some(digits)) => self.padded(format!("{value}.{}", "0".repeat(digits))),
            (Notation::Exponent | Notation::Percent, _) => self.number(value as f64, DType::F64),
        }
    }

    fn padded(self, text: String) -> String {
        let width = self.width;
        match self.align {
            Some(Align::Left) => format!("{text:<width$}"),
            Some(Align::Center) => format!("{text:^width$}"),
            Some(Align::Right) | None => format!("{text:>width$}"),
        }
    }
}

/// A number of at most so much, in digits alone.
fn decimal(text: &str, most: usize) -> Option<usize> {
    let number = text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok())??;
    (number <= most).then_some(number)
}

impl fmt::Display for NumberFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.align {
            Some(Align::Left) => "<",
            Some(Align::Center) => "^",
            Some(Align::Right) => ">",
            None => "",
        })?;
        if self.width > 0 {
            write!(f, "{}", self.width)?;
        }
        if let Some(digits) = self.digits {
            write!(f, ".{digits}")?;
        }
        f.write_str(match self.notation {
            Notation::Plain => "",
            Notation::Exponent => "e",
            Notation::Percent => "%",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_and_printed() {
        for text in [".3", ">8", "<10.2", "^7", "12", ".3e", "%", ">8.1%", "e"] {
            let format = NumberFormat::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(format.to_string(), text);
        }
        assert_eq!(NumberFormat::parse(" .3f "), NumberFormat::parse(".3"));
        for text in ["", ">", "f", ".", ".18", "201", "-3", "+.3", "x", ".3x", "8,", "d", "<>3"] {
            assert_eq!(NumberFormat::parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_printed_by_format() {
        let number =
            |format: &str, value| NumberFormat::parse(format).expect(format).number(value, DType::F64);
        assert_eq!(number(".2", 1.0 / 3.0), "0.33");
        assert_eq!(number(".2e", 12345.0), "1.23e4");
        assert_eq!(number("%", 0.9694), "96.9%");
        assert_eq!(number(">8.3", -0.5), "  -0.500");
        assert_eq!(number("<8.1%", 0.5), "50.0%   ");
        assert_eq!(number("^5", 7.0), "  7  ");
        assert_eq!(number("3", 12345.0), "12345", "never cut");
        let format = NumberFormat::parse(">22").expect("a format");
        assert_eq!(format.integer(4_611_686_014_132_420_609), "   4611686014132420609");
        assert_eq!(format.number(1.0, DType::Bool), format!("{:>22}", "true"));
    }
}
