//! NumPy's files: an array (`.npy`), and a zip archive of named arrays (`.npz`).
//!
//! Format: "A simple file format for NumPy arrays" (NEP 1); zip as in PKWARE's APPNOTE, of which members
//! that are stored or deflated are read, found through the directory at the end.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::errors;
use crate::diag::Diagnostic;

/// An array of numbers.
#[derive(Debug)]
pub(crate) struct Array {
    /// Sizes, rows first.
    pub(crate) sizes: Vec<usize>,
    /// Whether its elements are floats.
    pub(crate) float: bool,
    /// Elements, row-major.
    pub(crate) data: Vec<f64>,
}

/// Reads a `.npy` file.
pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Array, Diagnostic> {
    array(bytes).map_err(|reason| errors::bad_npy(path, reason))
}

/// Reads all arrays of a `.npz` file.
pub(crate) fn read_all(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Array>, Diagnostic> {
    let mut arrays = BTreeMap::new();
    for member in members(bytes).map_err(|reason| errors::bad_npy(path, reason))? {
        let Some(name) = member.name.strip_suffix(".npy") else { continue };
        let content = member.content(bytes).and_then(|content| array(&content));
        let named = |reason: String| errors::bad_npy(path, format!("array `{name}`: {reason}"));
        arrays.insert(name.to_owned(), content.map_err(named)?);
    }
    Ok(arrays)
}

fn array(bytes: &[u8]) -> Result<Array, String> {
    let (header, start) = header(bytes)?;
    let descr = quoted(&header, "descr")?;
    let fortran = value(&header, "fortran_order")?.starts_with("True");
    let sizes = shape(value(&header, "shape")?)?;
    let count =
        sizes.iter().try_fold(1usize, |n, size| n.checked_mul(*size)).ok_or("its sizes are absurd")?;
    let kind = ELEMENTS.iter().find(|kind| descr.trim_start_matches(['<', '|', '=']) == kind.name);
    let kind = kind.ok_or_else(|| {
        format!("its elements are `{descr}`; little-endian floats, integers and `bool` are read")
    })?;
    let (found, wanted) = (bytes.len() - start, count.saturating_mul(kind.bytes));
    if found != wanted {
        return Err(format!("its header promises {wanted} bytes of elements, found {found}"));
    }
    let data: Vec<f64> = bytes[start..].chunks_exact(kind.bytes).map(kind.read).collect();
    let data = if fortran { row_major(&data, &sizes) } else { data };
    Ok(Array { sizes, float: kind.name.starts_with('f'), data })
}

/// A type of elements.
struct Element {
    name: &'static str,
    bytes: usize,
    read: fn(&[u8]) -> f64,
}

macro_rules! elements {
    ($($name:literal $ty:ident),*) => {
        [$(Element {
            name: $name,
            bytes: size_of::<$ty>(),
            read: |bytes| $ty::from_le_bytes(bytes.try_into().unwrap_or_default()) as f64,
        }),*]
    };
}

/// Types of elements by NumPy's names for them.
static ELEMENTS: [Element; 11] = elements!["f4" f32, "f8" f64, "i1" i8, "i2" i16, "i4" i32, "i8" i64, "u1" u8, "u2" u16, "u4" u32, "u8" u64, "b1" u8];

/// The dictionary at the front, and where the elements start.
fn header(bytes: &[u8]) -> Result<(String, usize), String> {
    let bad = "it does not start as a NumPy array does";
    let [0x93, b'N', b'U', b'M', b'P', b'Y', version, _, rest @ ..] = bytes else {
        return Err(bad.to_owned());
    };
    let length = match (version, rest) {
        (1, [a, b, ..]) => Some((10, usize::from(u16::from_le_bytes([*a, *b])))),
        (2 | 3, [a, b, c, d, ..]) => Some((12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)),
        _ => None,
    };
    let (first, length) = length.ok_or(bad)?;
    let text = bytes.get(first..first + length).ok_or("its header is cut off")?;
    Ok((String::from_utf8_lossy(text).into_owned(), first + length))
}

/// What stands behind a key of the dictionary.
fn value<'a>(header: &'a str, key: &str) -> Result<&'a str, String> {
    let after = header.split_once(&format!("'{key}':")).map(|(_, after)| after.trim_start());
    after.ok_or_else(|| format!("its header has no `{key}`"))
}

fn quoted<'a>(header: &'a str, key: &str) -> Result<&'a str, String> {
    let text = value(header, key)?;
    let inner = text.strip_prefix('\'').and_then(|text| text.split_once('\''));
    inner.map(|(text, _)| text).ok_or_else(|| "its elements are records; plain numbers are read".to_owned())
}

/// `(3, 4), ...`
fn shape(text: &str) -> Result<Vec<usize>, String> {
    let inner = text.strip_prefix('(').and_then(|text| text.split_once(')'));
    let (inner, _) = inner.ok_or("its shape is not written as a tuple")?;
    let sizes = inner.split(',').map(str::trim).filter(|size| !size.is_empty());
    sizes.map(|size| size.parse().map_err(|_| format!("`{size}` is not a size"))).collect()
}

/// Elements whose first index moves fastest, in the order in which the last one does.
fn row_major(data: &[f64], sizes: &[usize]) -> Vec<f64> {
    let place = |mut position: usize| {
        let (mut at, mut stride) = (0, data.len());
        for size in sizes.iter().rev() {
            stride /= size;
            at += position % size * stride;
            position /= size;
        }
        data[at]
    };
    (0..data.len()).map(place).collect()
}

/// A file in a zip archive.
struct Member {
    name: String,
    deflated: bool,
    packed: usize,
    size: usize,
    header: usize,
}

impl Member {
    fn content(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let cut = "the archive is cut off";
        let at = |offset: usize| number(bytes, self.header + offset, 2);
        let start = self.header + 30 + at(26).ok_or(cut)? + at(28).ok_or(cut)?;
        let packed = bytes.get(start..start + self.packed).ok_or(cut)?;
        if !self.deflated {
            return Ok(packed.to_vec());
        }
        let mut content = Vec::new();
        let read = flate2::read::DeflateDecoder::new(packed).take(self.size as u64).read_to_end(&mut content);
        read.map(|_| content).map_err(|error| format!("it cannot be unpacked ({error})"))
    }
}

/// The files in a zip archive.
fn members(bytes: &[u8]) -> Result<Vec<Member>, String> {
    let last = bytes.len().saturating_sub(22);
    let mut ends = (0..=last).rev().take(1 << 16).filter(|at| bytes[*at..].starts_with(b"PK\x05\x06"));
    let end = ends.next().ok_or("it is not a zip archive, or cut off")?;
    let cut = "the directory of the archive is cut off";
    let (count, mut at) = (number(bytes, end + 10, 2).ok_or(cut)?, number(bytes, end + 16, 4).ok_or(cut)?);
    let mut members = Vec::new();
    for _ in 0..count {
        let field = |offset: usize, bytes_of: usize| number(bytes, at + offset, bytes_of).ok_or(cut);
        let (name, extra, comment) = (field(28, 2)?, field(30, 2)?, field(32, 2)?);
        let (method, packed, size, header) = (field(10, 2)?, field(20, 4)?, field(24, 4)?, field(42, 4)?);
        let text = bytes.get(at + 46..at + 46 + name).ok_or(cut)?;
        let name_text = String::from_utf8_lossy(text).into_owned();
        if ![0, 8].contains(&method) || [packed, size, header].contains(&(u32::MAX as usize)) {
            return Err(format!("`{name_text}` is packed in a way that is not read here"));
        }
        members.push(Member { name: name_text, deflated: method == 8, packed, size, header });
        at += 46 + name + extra + comment;
    }
    Ok(members)
}

/// A little-endian number of some bytes.
fn number(bytes: &[u8], at: usize, count: usize) -> Option<usize> {
    let all = bytes.get(at..at.checked_add(count)?)?;
    Some(all.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}
