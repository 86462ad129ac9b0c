//! NumPy's files: an array (`.npy`), and a zip archive of named arrays (`.npz`).
//!
//! Format: "A simple file format for NumPy arrays" (NEP 1), of which numbers are read, with either end of
//! them first and in either order.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::array::{Array, Numbers, ReadFailure, StoredType};
use crate::data::errors;
use crate::diag::Diagnostic;
use crate::input;

/// The longest header that is believed, in bytes.
const HEADER: usize = 1 << 16;

/// Why there is no array.
enum NpyProblem {
    /// It is no array, or not one of numbers.
    Bad(String),
    /// It is not what was once written.
    Damaged(String),
    /// There is no memory for so many bytes.
    Memory(u64),
}

impl From<String> for NpyProblem {
    fn from(reason: String) -> NpyProblem {
        NpyProblem::Bad(reason)
    }
}

impl From<&str> for NpyProblem {
    fn from(reason: &str) -> NpyProblem {
        NpyProblem::Bad(reason.to_owned())
    }
}

impl NpyProblem {
    /// What to say about it, of one array of an archive if it has a name.
    fn of(self, path: &Path, name: Option<&str>) -> Diagnostic {
        let of = |reason: String| name.map_or(reason.clone(), |name| format!("array `{name}`: {reason}"));
        match self {
            NpyProblem::Memory(bytes) => errors::no_memory(path, bytes),
            NpyProblem::Bad(reason) => errors::bad_npy(path, of(reason)),
            NpyProblem::Damaged(reason) => errors::damaged_npy(path, of(reason)),
        }
    }
}

/// Reads a `.npy` file.
///
/// # Errors
/// A file that cannot be read, is none, or holds something else than numbers.
pub(crate) fn read(path: &Path) -> Result<Array, Diagnostic> {
    let unreadable = |error| errors::unreadable(path, &error);
    let file = input::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    array(BufReader::new(file), length).map_err(|problem| problem.of(path, None))
}

/// The names of the arrays of a `.npz` file, sorted.
///
/// # Errors
/// A file that cannot be read, or is no archive.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, Diagnostic> {
    let archive = archive(path)?;
    let names = archive.file_names().filter_map(Result::ok);
    let mut names: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".npy").map(str::to_owned)).collect();
    names.sort_unstable();
    Ok(names)
}

/// Reads one array of a `.npz` file; the others need not be readable.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_named(path: &Path, name: &str) -> Result<Array, Diagnostic> {
    let mut archive = archive(path)?;
    let member = archive.by_name(&format!("{name}.npy")).map_err(|error| NpyProblem::from(reason(error)));
    let found = member.and_then(|member| {
        let length = member.size();
        array(BufReader::new(member), length)
    });
    found.map_err(|problem| problem.of(path, Some(name)))
}

fn archive(path: &Path) -> Result<ZipArchive<BufReader<File>>, Diagnostic> {
    let file = input::open(path).map_err(|error| errors::unreadable(path, &error))?;
    let bad = |error| errors::bad_npy(path, reason(error));
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(bad)?;
    match archive.has_overlapping_entries().map_err(bad)? {
        false => Ok(archive),
        true => Err(errors::damaged_npy(path, "arrays of the archive lie over each other")),
    }
}

fn reason(error: ZipError) -> String {
    match error {
        ZipError::InvalidArchive(_) => "it is not a zip archive, or cut off".to_owned(),
        ZipError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the archive is cut off".to_owned()
        }
        ZipError::CompressionMethodNotSupported(method) => {
            format!("it is packed by method {method}; stored and deflated arrays are read")
        }
        other => format!("the archive cannot be read ({other})"),
    }
}

/// An array whose file, or part of an archive, has `length` bytes.
fn array(mut from: impl Read, length: u64) -> Result<Array, NpyProblem> {
    let (header, start) = header(&mut from)?;
    let stored = stored(quoted(&header, "descr")?)?;
    let fortran = value(&header, "fortran_order")?.starts_with("True");
    let sizes = shape(value(&header, "shape")?)?;
    let count =
        sizes.iter().try_fold(1usize, |n, size| n.checked_mul(*size)).ok_or("its sizes are absurd")?;
    let wanted = (count as u64).checked_mul(stored.bytes as u64).ok_or("its sizes are absurd")?;
    let promise = |found: &str| {
        NpyProblem::Damaged(format!("its header promises {wanted} bytes of elements, found {found}"))
    };
    if length.saturating_sub(start) != wanted {
        return Err(promise(&length.saturating_sub(start).to_string()));
    }
    let failed = |failure| match failure {
        ReadFailure::Type => NpyProblem::from("its elements are no numbers"),
        ReadFailure::Short(found) => promise(&found.to_string()),
        ReadFailure::Long => promise("more"),
        ReadFailure::Memory(bytes) => NpyProblem::Memory(bytes),
        ReadFailure::Read(error) => NpyProblem::Damaged(format!("it cannot be unpacked ({error})")),
    };
    let elements = Numbers::read(stored, count, from).map_err(failed)?;
    let elements = if fortran { elements.row_major(&sizes).map_err(failed)? } else { elements };
    Ok(Array { sizes, elements })
}

/// The type of elements that NumPy calls `descr`: `<f4`.
fn stored(descr: &str) -> Result<StoredType, String> {
    let refused = || format!("its elements are `{descr}`; {READ}");
    let (big, name) = match descr.split_at_checked(1) {
        Some((">", name)) => (true, name),
        Some(("<" | "|", name)) => (false, name),
        Some(("=", name)) => (cfg!(target_endian = "big"), name),
        _ => return Err(refused()),
    };
    let (kind, bytes) = name.split_at_checked(1).ok_or_else(refused)?;
    let stored =
        StoredType { kind: kind.chars().next().unwrap_or_default(), bytes: bytes.parse().unwrap_or(0), big };
    if stored.is_known() { Ok(stored) } else { Err(refused()) }
}

/// What is read.
const READ: &str = "floats of 2, 4 and 8 bytes, integers of 1 to 8 bytes and `bool` are read";

/// The dictionary at the front, and where the elements start.
fn header(from: &mut impl Read) -> Result<(String, u64), String> {
    let bad = "it does not start as a NumPy array does";
    let [0x93, b'N', b'U', b'M', b'P', b'Y', version, _] = take(from).ok_or(bad)? else {
        return Err(bad.to_owned());
    };
    let (first, length) = match version {
        1 => (10, take(from).map(|length| usize::from(u16::from_le_bytes(length)))),
        2 | 3 => (12, take(from).map(|length| u32::from_le_bytes(length) as usize)),
        _ => return Err(format!("it is of version {version} of the format; 1 to 3 are read")),
    };
    let length = length.ok_or("its header is cut off")?;
    if length > HEADER {
        return Err(format!("its header is said to have {length} bytes"));
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text).map_err(|_| "its header is cut off")?;
    Ok((String::from_utf8_lossy(&text).into_owned(), (first + length) as u64))
}

/// The next `N` bytes.
fn take<const N: usize>(from: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).ok().map(|()| bytes)
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
