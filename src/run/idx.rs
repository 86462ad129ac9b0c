//! Idx files: dense arrays of numbers, the form in which MNIST and its relatives are handed out.

use std::io::Read;
use std::path::Path;

use super::errors;
use crate::diag::Diagnostic;

/// An array of bytes, the one element type that image sets use.
#[derive(Debug)]
pub(crate) struct Idx {
    /// Sizes, rows first.
    pub(crate) sizes: Vec<usize>,
    /// Elements, row-major.
    pub(crate) data: Vec<u8>,
}

/// Reads a whole file, gzipped or not.
pub(crate) fn read(path: &Path, bytes: Vec<u8>) -> Result<Idx, Diagnostic> {
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) { unzip(path, &bytes)? } else { bytes };
    if bytes.is_empty() {
        return Err(errors::empty(path, "bytes"));
    }
    let (sizes, start) = header(&bytes).map_err(|reason| errors::bad_idx(path, reason))?;
    let found = bytes.len() - start;
    match elements(&sizes) {
        Some(wanted) if wanted == found => {}
        Some(wanted) => {
            let reason = format!("its header promises {wanted} bytes of elements, found {found}");
            return Err(errors::bad_idx(path, reason));
        }
        None => return Err(errors::bad_idx(path, "its sizes are absurd")),
    }
    if sizes[0] == 0 {
        return Err(errors::empty(path, "rows"));
    }
    Ok(Idx { sizes, data: bytes[start..].to_vec() })
}

fn unzip(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, Diagnostic> {
    let mut plain = Vec::new();
    match flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain) {
        Ok(_) => Ok(plain),
        Err(error) => Err(errors::bad_idx(path, format!("its gzip stream is broken ({error})"))),
    }
}

fn elements(sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(1usize, |n, size| n.checked_mul(*size))
}

/// Sizes, and where the elements start.
fn header(bytes: &[u8]) -> Result<(Vec<usize>, usize), String> {
    let [0, 0, kind, axes, ..] = bytes else {
        return Err("it does not start with two zero bytes, a type and a number of axes".to_owned());
    };
    if *kind != 8 {
        return Err(format!("its element type is {kind:#04x}, expected 0x08 (bytes)"));
    }
    if *axes == 0 {
        return Err("it has no axes".to_owned());
    }
    let start = 4 + 4 * usize::from(*axes);
    let sizes = bytes.get(4..start).ok_or("its header is cut off")?;
    let size = |chunk: &[u8]| u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]) as usize;
    Ok((sizes.chunks_exact(4).map(size).collect(), start))
}
