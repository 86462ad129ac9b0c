//! Memory for buffers: aligned, zeroed, shared between programs.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::fmt;
use std::ptr::NonNull;
use std::rc::Rc;

use crate::algebra::scalar::{Bits, decode, encode};
use crate::algebra::types::DType;
use crate::ice;
use crate::loops::ALIGN;

/// Memory could not be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory {
    /// Bytes asked for.
    pub bytes: u64,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot allocate {} bytes", self.bytes)
    }
}

/// Bytes of this process alone, zero at first, at an address that is a multiple of [`ALIGN`].
pub(super) struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

impl Block {
    /// `bytes` zeros.
    pub(super) fn new(bytes: usize) -> Result<Block, OutOfMemory> {
        let none = OutOfMemory { bytes: bytes as u64 };
        let layout = Layout::from_size_align(bytes.max(ALIGN), ALIGN).map_err(|_| none)?;
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).ok_or(none)?;
        Ok(Block { start, layout })
    }

    /// Its address.
    pub(super) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout and is not used any more.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("bytes", &self.layout.size()).finish()
    }
}

/// Elements of one type. A clone is the same memory: this is how programs share parameters.
///
/// Nothing hands out references into memory that is shared, and programs run only while nobody else
/// can look, so all access is safe.
#[derive(Clone, Debug)]
pub struct Memory {
    block: Rc<Block>,
    dtype: DType,
    len: usize,
}

impl Memory {
    /// `len` zeros.
    ///
    /// # Errors
    /// When there is not that much memory.
    pub fn new(dtype: DType, len: usize) -> Result<Memory, OutOfMemory> {
        let none = OutOfMemory { bytes: u64::MAX };
        let bytes = len.checked_mul(dtype.bytes()).ok_or(none)?;
        Ok(Memory { block: Rc::new(Block::new(bytes)?), dtype, len })
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it is the same memory.
    pub fn is(&self, other: &Memory) -> bool {
        Rc::ptr_eq(&self.block, &other.block)
    }

    /// Other memory with the same elements.
    ///
    /// # Errors
    /// When there is not that much memory.
    pub fn copy(&self) -> Result<Memory, OutOfMemory> {
        let copy = Memory::new(self.dtype, self.len)?;
        copy.set_bytes(&self.to_bytes());
        Ok(copy)
    }

    fn size(&self) -> usize {
        self.len * self.dtype.bytes()
    }

    /// Its address, for native code.
    pub(super) fn start(&self) -> *mut u8 {
        self.block.start()
    }

    /// The elements as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // SAFETY: the block has that many bytes, all of them initialised; a reference into it exists
        // only while it is not shared and mutably borrowed, which `self` is not.
        unsafe { std::slice::from_raw_parts(self.start(), self.size()) }.to_vec()
    }

    /// Replaces the elements.
    ///
    /// # Panics
    /// If their number differs.
    pub fn set_bytes(&self, bytes: &[u8]) {
        if bytes.len() != self.size() {
            ice!("run", "{} bytes for {} elements of {}", bytes.len(), self.len, self.dtype);
        }
        // SAFETY: as for `to_bytes`; `bytes` cannot lie in the block, for the same reason.
        unsafe { self.start().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }

    /// The elements as bytes, to be written in place; `None` if the memory is shared.
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        let size = self.size();
        let block = Rc::get_mut(&mut self.block)?;
        // SAFETY: the block has that many bytes, all of them initialised, and is borrowed alone.
        Some(unsafe { std::slice::from_raw_parts_mut(block.start(), size) })
    }

    /// The elements as numbers.
    pub fn to_f64(&self) -> Vec<f64> {
        (0..self.len).map(|index| self.get(index)).collect()
    }

    /// Element `index` as a number.
    ///
    /// # Panics
    /// If there is no such element.
    pub fn get(&self, index: usize) -> f64 {
        let size = self.dtype.bytes();
        if index >= self.len {
            ice!("run", "element {index} of {}", self.len);
        }
        // SAFETY: the element lies in the block, whose bytes are all initialised; as for `to_bytes`.
        let bytes = unsafe { std::slice::from_raw_parts(self.start().add(index * size), size) };
        decode(bits(bytes), self.dtype)
    }

    /// The mean of the elements: a number itself.
    pub fn mean(&self) -> f64 {
        let sum: f64 = (0..self.len).map(|index| self.get(index)).sum();
        sum / self.len.max(1) as f64
    }

    /// Replaces the elements by numbers, rounded to the element type.
    ///
    /// # Panics
    /// If their number differs.
    pub fn set_f64(&self, values: &[f64]) {
        let size = self.dtype.bytes();
        if values.len() != self.len {
            ice!("run", "{} numbers for {} elements", values.len(), self.len);
        }
        for (index, value) in values.iter().enumerate() {
            let bytes = encode(*value, self.dtype).to_le_bytes();
            // SAFETY: the element lies in the block, and `bytes` does not; as for `to_bytes`.
            unsafe { self.start().add(index * size).copy_from_nonoverlapping(bytes.as_ptr(), size) }
        }
    }
}

/// An element from its bytes.
fn bits(chunk: &[u8]) -> Bits {
    let mut word = [0; 8];
    word[..chunk.len()].copy_from_slice(chunk);
    Bits::from_le_bytes(word)
}

/// Bytes that the system could give now, where it says so.
pub fn available() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kilobytes.checked_mul(1024)
}
