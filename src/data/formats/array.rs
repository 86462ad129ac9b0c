//! Arrays as files hold them: elements keep their type until they are needed.

use std::io::{self, Read};

use crate::algebra::types::DType;

/// An array of numbers.
#[derive(Debug)]
pub(crate) struct Array {
    /// Sizes, rows first.
    pub(crate) sizes: Vec<usize>,
    /// Elements, row-major.
    pub(crate) elements: Numbers,
}

/// Elements of one type.
#[derive(Debug)]
pub(crate) enum Numbers {
    /// Bytes, and truth values as 0 and 1.
    U8(Vec<u8>),
    /// Signed bytes.
    I8(Vec<i8>),
    /// And so on.
    U16(Vec<u16>),
    /// See above.
    I16(Vec<i16>),
    /// See above.
    U32(Vec<u32>),
    /// See above.
    I32(Vec<i32>),
    /// See above.
    U64(Vec<u64>),
    /// See above.
    I64(Vec<i64>),
    /// Single precision; half precision is widened to it.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

impl Array {
    /// The element type of a column of it.
    pub(crate) fn dtype(&self, real: DType) -> DType {
        if self.elements.is_float() { real } else { DType::I32 }
    }

    /// The first row with a number that an element type does not have, and that number.
    #[allow(clippy::unnecessary_cast, reason = "one text for all types of elements")]
    pub(crate) fn unfit(&self, dtype: DType) -> Option<(usize, String)> {
        let at = with!(&self.elements, all => all.iter().position(|number| !fits(*number as f64, dtype)))?;
        let number = with!(&self.elements, all => all[at].to_string());
        Some((at / (self.elements.len() / self.sizes[0]).max(1), number))
    }
}

fn fits(number: f64, dtype: DType) -> bool {
    match dtype {
        DType::F32 => (number as f32).is_finite(),
        DType::F64 => number.is_finite(),
        _ => f64::from(number as i32) == number,
    }
}

/// Does the same with the elements of any type.
macro_rules! with {
    ($numbers:expr, $all:ident => $body:expr) => {
        match $numbers {
            Numbers::U8($all) => $body,
            Numbers::I8($all) => $body,
            Numbers::U16($all) => $body,
            Numbers::I16($all) => $body,
            Numbers::U32($all) => $body,
            Numbers::I32($all) => $body,
            Numbers::U64($all) => $body,
            Numbers::I64($all) => $body,
            Numbers::F32($all) => $body,
            Numbers::F64($all) => $body,
        }
    };
}
pub(crate) use with;

/// A type of elements in files, by the letter and the bytes that NumPy names it by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct StoredType {
    /// `f`, `i`, `u` or `b`.
    pub(super) kind: char,
    /// Bytes of an element.
    pub(super) bytes: usize,
    /// Whether the first byte is the most significant one.
    pub(super) big: bool,
}

/// Why elements could not be read.
pub(super) enum ReadFailure {
    /// No such type of elements.
    Type,
    /// The file ends after so many bytes.
    Short(u64),
    /// There is more than the header says.
    Long,
    /// No memory for so many bytes.
    Memory(u64),
    /// The system's reason, or that of the archive.
    Read(io::Error),
}

impl StoredType {
    /// Whether elements of this type are read.
    pub(super) fn is_known(self) -> bool {
        match self.kind {
            'b' => self.bytes == 1,
            'f' => matches!(self.bytes, 2 | 4 | 8),
            'i' | 'u' => matches!(self.bytes, 1 | 2 | 4 | 8),
            _ => false,
        }
    }
}

impl Numbers {
    /// Whether these are floats.
    pub(crate) fn is_float(&self) -> bool {
        matches!(self, Numbers::F32(_) | Numbers::F64(_))
    }

    /// The element at this place.
    #[allow(clippy::unnecessary_cast, reason = "one text for all types of elements")]
    pub(crate) fn get(&self, at: usize) -> f64 {
        with!(self, all => all[at] as f64)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        with!(self, all => all.len())
    }

    /// Reads `count` elements, which are all there is to read.
    pub(super) fn read(stored: StoredType, count: usize, from: impl Read) -> Result<Numbers, ReadFailure> {
        macro_rules! of {
            ($variant:ident, $ty:ty) => {
                fill(count, from, |raw| match stored.big {
                    true => <$ty>::from_be_bytes(raw),
                    false => <$ty>::from_le_bytes(raw),
                })
                .map(Numbers::$variant)
            };
        }
        match (stored.kind, stored.bytes) {
            ('b' | 'u', 1) => of!(U8, u8),
            ('i', 1) => of!(I8, i8),
            ('u', 2) => of!(U16, u16),
            ('i', 2) => of!(I16, i16),
            ('u', 4) => of!(U32, u32),
            ('i', 4) => of!(I32, i32),
            ('u', 8) => of!(U64, u64),
            ('i', 8) => of!(I64, i64),
            ('f', 2) => {
                let number = |raw| if stored.big { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) };
                fill(count, from, |raw| half(number(raw))).map(Numbers::F32)
            }
            ('f', 4) => of!(F32, f32),
            ('f', 8) => of!(F64, f64),
            _ => Err(ReadFailure::Type),
        }
    }

    /// The same elements with the last index moving fastest, where the first one did.
    pub(super) fn row_major(self, sizes: &[usize]) -> Result<Numbers, ReadFailure> {
        macro_rules! turn {
            ($($variant:ident),*) => {
                match self {
                    $(Numbers::$variant(all) => turned(&all, sizes).map(Numbers::$variant),)*
                }
            };
        }
        turn!(U8, I8, U16, I16, U32, I32, U64, I64, F32, F64)
    }
}

/// Reads elements of `N` bytes each until there are `count`.
fn fill<T, const N: usize>(
    count: usize,
    mut from: impl Read,
    of: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, ReadFailure> {
    let mut all = reserve(count)?;
    let mut chunk = vec![0; 4096 * N];
    while all.len() < count {
        let wanted = (count - all.len()).min(4096) * N;
        let found = read_up_to(&mut from, &mut chunk[..wanted]).map_err(ReadFailure::Read)?;
        let whole = chunk[..found].chunks_exact(N);
        all.extend(whole.map(|raw| of(std::array::from_fn(|k| raw[k]))));
        if found < wanted {
            return Err(ReadFailure::Short((all.len() * N + found % N) as u64));
        }
    }
    match read_up_to(&mut from, &mut chunk[..1]).map_err(ReadFailure::Read)? {
        0 => Ok(all),
        _ => Err(ReadFailure::Long),
    }
}

/// Reads until the buffer is full or nothing is left.
pub(super) fn read_up_to(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut found = 0;
    while found < buffer.len() {
        match from.read(&mut buffer[found..]) {
            Ok(0) => break,
            Ok(more) => found += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn reserve<T>(count: usize) -> Result<Vec<T>, ReadFailure> {
    let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
    let mut all = Vec::new();
    if crate::system::available_memory().is_some_and(|most| bytes > most) {
        return Err(ReadFailure::Memory(bytes));
    }
    all.try_reserve_exact(count).map_err(|_| ReadFailure::Memory(bytes))?;
    Ok(all)
}

/// Elements whose first index moves fastest, in the order in which the last one does.
fn turned<T: Copy>(data: &[T], sizes: &[usize]) -> Result<Vec<T>, ReadFailure> {
    let place = |mut position: usize| {
        let (mut at, mut stride) = (0, data.len());
        for size in sizes.iter().rev() {
            stride /= size;
            at += position % size * stride;
            position /= size;
        }
        data[at]
    };
    let mut all = reserve(data.len())?;
    all.extend((0..data.len()).map(place));
    Ok(all)
}

/// A number in half precision (IEEE 754, binary16).
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10 & 31), u32::from(bits & 1023));
    match exponent {
        // Below the normal numbers: a multiple of 2^-24.
        0 => f32::from_bits(sign | (fraction as f32 * 2f32.powi(-24)).to_bits()),
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_widened_exactly() {
        let of = [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (0x0001, 2f32.powi(-24)), (0x8000, -0.0)];
        for (bits, number) in of {
            assert_eq!(half(bits).to_bits(), f32::to_bits(number), "{bits:#06x}");
        }
        assert_eq!(half(0x0400), 2f32.powi(-14), "the least normal number");
        assert_eq!(half(0xfc00), f32::NEG_INFINITY);
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn the_last_index_moves_fastest() {
        let columns = Numbers::U8(vec![1, 4, 2, 5, 3, 6]);
        let Ok(Numbers::U8(rows)) = columns.row_major(&[2, 3]) else { panic!("bytes") };
        assert_eq!(rows, [1, 2, 3, 4, 5, 6]);
    }
}
