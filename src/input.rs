//! Files that are read: regular ones only. Of a pipe, a device or a socket, reading might never end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::ast::MAX_SOURCE;

/// Opens a regular file.
///
/// # Errors
/// The system's reason, or what the path names instead of a file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    wait_for_nobody(&mut options);
    let file = options.open(path)?;
    match kind(&file)? {
        None => Ok(file),
        Some(other) => Err(io::Error::other(other)),
    }
}

/// All bytes of a regular file, of which there are no more than `most`.
///
/// # Errors
/// As [`open`]; a file that is larger; no memory for it.
pub(crate) fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    limited(file, length, most)
}

/// The text of a script, or the beginning of one that is too large: the parser refuses it.
///
/// # Errors
/// As [`open`]; text that is not in UTF-8.
pub(crate) fn script(path: &Path) -> io::Result<String> {
    text(open(path)?)
}

/// The same of a script that comes through standard input.
///
/// # Errors
/// Text that is not in UTF-8.
pub(crate) fn standard_input() -> io::Result<String> {
    text(io::stdin())
}

fn text(from: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    // The last character may be cut.
    from.take(MAX_SOURCE as u64 + 5).read_to_end(&mut bytes)?;
    let whole = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
    if whole > MAX_SOURCE {
        bytes.truncate(whole);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("line {line} holds bytes that are no character in UTF-8"),
        )
    })
}

fn limited(from: impl Read, length: u64, most: u64) -> io::Result<Vec<u8>> {
    let too_large =
        || io::Error::new(io::ErrorKind::FileTooLarge, format!("it holds more than {most} bytes"));
    if length > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// Opening a pipe would wait for a writer, and some files of the system for news.
#[cfg(unix)]
fn wait_for_nobody(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NONBLOCK);
}

#[cfg(not(unix))]
fn wait_for_nobody(_: &mut OpenOptions) {}

/// What an open file is, if it is no regular one.
#[cfg(unix)]
fn kind(file: &File) -> io::Result<Option<&'static str>> {
    use std::os::unix::fs::FileTypeExt;
    let kind = file.metadata()?.file_type();
    Ok(match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("it is a folder"),
        () if kind.is_fifo() => Some("it is a pipe, not a file"),
        () if kind.is_char_device() || kind.is_block_device() => Some("it is a device, not a file"),
        () => Some("it is not a file"),
    })
}

#[cfg(not(unix))]
fn kind(file: &File) -> io::Result<Option<&'static str>> {
    let kind = file.metadata()?.file_type();
    Ok(if kind.is_dir() { Some("it is a folder") } else { None })
}
