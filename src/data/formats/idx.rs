//! Idx files: dense arrays of numbers, the form in which MNIST and its relatives are handed out.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::array::{Array, Numbers, ReadFailure, StoredType, read_up_to};
use crate::data::errors;
use crate::diag::Diagnostic;
use crate::input;

/// What to try with a file that ends too early.
const AGAIN: &str = "fetch the file again";

/// Reads a whole file, gzipped or not.
///
/// # Errors
/// A file that cannot be read, or does not hold what its header promises.
pub(crate) fn read(path: &Path) -> Result<Array, Diagnostic> {
    let unreadable = |error| errors::unreadable(path, &error);
    let mut file = BufReader::new(input::open(path).map_err(unreadable)?);
    let start = file.fill_buf().map_err(unreadable)?;
    if start.is_empty() {
        return Err(errors::empty(path, "bytes"));
    }
    match start.starts_with(&[0x1f, 0x8b]) {
        true => array(path, flate2::bufread::MultiGzDecoder::new(file)),
        false => array(path, file),
    }
}

fn array(path: &Path, mut from: impl Read) -> Result<Array, Diagnostic> {
    let (stored, sizes) = header(path, &mut from)?;
    let absurd = || errors::bad_idx(path, "its sizes are absurd", AGAIN);
    let count = sizes.iter().try_fold(1usize, |n, size| n.checked_mul(*size)).ok_or_else(absurd)?;
    let wanted = count.checked_mul(stored.bytes).ok_or_else(absurd)?;
    let promise = |found: &str| {
        errors::bad_idx(path, format!("its header promises {wanted} bytes of elements, found {found}"), AGAIN)
    };
    let elements = Numbers::read(stored, count, from).map_err(|failure| match failure {
        ReadFailure::Type => errors::bad_idx(path, "its elements are no numbers", AGAIN),
        ReadFailure::Short(found) => promise(&found.to_string()),
        ReadFailure::Long => promise("more"),
        ReadFailure::Memory(bytes) => errors::no_memory(path, bytes),
        ReadFailure::Read(error) => broken(path, &error),
    })?;
    match sizes[0] {
        0 => Err(errors::empty(path, "rows")),
        _ => Ok(Array { sizes, elements }),
    }
}

fn broken(path: &Path, error: &std::io::Error) -> Diagnostic {
    errors::bad_idx(path, format!("its gzip stream is broken ({error})"), AGAIN)
}

/// The type of the elements, and the sizes.
fn header(path: &Path, from: &mut impl Read) -> Result<(StoredType, Vec<usize>), Diagnostic> {
    let mut read = |bytes: &mut [u8], missing: &str| match read_up_to(from, bytes) {
        Ok(found) if found == bytes.len() => Ok(()),
        Ok(_) => Err(errors::bad_idx(path, missing, AGAIN)),
        Err(error) => Err(broken(path, &error)),
    };
    let start = "it does not start with two zero bytes, a type and a number of axes";
    let mut first = [0; 4];
    read(&mut first, start)?;
    let [0, 0, kind, axes] = first else {
        return Err(errors::bad_idx(path, start, "name an idx file; `csv`, `npy` and `npz` read others"));
    };
    let stored = stored(kind).ok_or_else(|| {
        let reason = format!("its element type is {kind:#04x}");
        errors::bad_idx(path, reason, "types are 0x08, 0x09, 0x0b, 0x0c, 0x0d and 0x0e: write one of them")
    })?;
    if axes == 0 {
        return Err(errors::bad_idx(path, "it has no axes", AGAIN));
    }
    let mut sizes = vec![0; 4 * usize::from(axes)];
    read(&mut sizes, "its header is cut off")?;
    let size = |chunk: &[u8]| u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]) as usize;
    Ok((stored, sizes.chunks_exact(4).map(size).collect()))
}

/// The type of elements by its byte.
fn stored(byte: u8) -> Option<StoredType> {
    let (kind, bytes) = match byte {
        0x08 => ('u', 1),
        0x09 => ('i', 1),
        0x0b => ('i', 2),
        0x0c => ('i', 4),
        0x0d => ('f', 4),
        0x0e => ('f', 8),
        _ => return None,
    };
    Some(StoredType { kind, bytes, big: true })
}
