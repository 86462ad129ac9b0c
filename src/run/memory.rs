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

/// A type of numbers that is also a type of the language.
pub trait Element: Copy + fmt::Debug + 'static + sealed::Sealed {
    /// Which.
    const DTYPE: DType;
}

mod sealed {
    /// Only this crate says what is an element.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Element for f32 {
    const DTYPE: DType = DType::F32;
}

impl Element for f64 {
    const DTYPE: DType = DType::F64;
}

/// Memory of a caller, lent while a program runs.
#[derive(Debug)]
pub enum Borrowed<'a, R> {
    /// To be read.
    Read(&'a [R]),
    /// To be written in place.
    Write(&'a mut [R]),
}

/// Lent memory by what tells it apart from other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct BindingKey {
    address: usize,
    len: usize,
    dtype: DType,
    written: bool,
}

impl<R: Element> Borrowed<'_, R> {
    /// Where it lies and what it is. Its address may be used by machine code from now on.
    pub(super) fn lease(&mut self) -> BindingKey {
        let (address, len, written) = match self {
            Borrowed::Read(slice) => (slice.as_ptr().expose_provenance(), slice.len(), false),
            Borrowed::Write(slice) => (slice.as_mut_ptr().expose_provenance(), slice.len(), true),
        };
        BindingKey { address, len, dtype: R::DTYPE, written }
    }

    /// As memory that may be used as long as `self` lives.
    pub(super) fn memory(&mut self) -> Memory {
        let (start, len) = match self {
            Borrowed::Read(slice) => (NonNull::from(&slice[..]), slice.len()),
            Borrowed::Write(slice) => (NonNull::from(&mut slice[..]), slice.len()),
        };
        // SAFETY: the slice is valid and borrowed, for writing if it is written; callers drop the memory
        // before the borrow ends.
        unsafe { Memory::lent(start.cast::<R>(), len) }
    }
}

/// One slice over several that are consecutive in memory; `None` if they do not.
pub(crate) fn joined<'a, R: Element>(parts: &'a mut [&mut [R]]) -> Option<&'a mut [R]> {
    let (start, len) = span(parts.iter_mut().map(|part| part.as_mut_ptr_range()))?;
    // SAFETY: the parts are valid, adjacent and borrowed for writing as long as the result is, so that
    // their bytes are those of one slice; their provenance is exposed.
    Some(unsafe { std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(start), len) })
}

/// As [`joined`], to be read.
pub(crate) fn joined_read<'a, R: Element>(parts: &'a [&[R]]) -> Option<&'a [R]> {
    let ends = |part: &&[R]| part.as_ptr().cast_mut()..part.as_ptr_range().end.cast_mut();
    let (start, len) = span(parts.iter().map(ends))?;
    // SAFETY: as for `joined`, for reading.
    Some(unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(start), len) })
}

/// The address and the number of elements of ranges that touch.
fn span<R>(mut parts: impl Iterator<Item = std::ops::Range<*mut R>>) -> Option<(usize, usize)> {
    let first = parts.next()?;
    let start = first.start.expose_provenance();
    let mut end = first.end;
    for part in parts {
        part.start.expose_provenance();
        if part.start != end {
            return None;
        }
        end = part.end;
    }
    Some((start, (end.addr() - start) / size_of::<R>()))
}

/// Bytes of this process alone, zero at first, at an address that is a multiple of [`ALIGN`].
pub(super) struct Block {
    start: NonNull<u8>,
    /// Where and how it was allocated; `None`: it is another's.
    own: Option<(NonNull<u8>, Layout)>,
}

impl Block {
    /// `bytes` zeros.
    pub(super) fn new(bytes: usize) -> Result<Block, OutOfMemory> {
        let block = if bytes >= LARGE { Block::large(bytes) } else { Block::small(bytes) };
        block.ok_or(OutOfMemory { bytes: bytes as u64 })
    }

    fn small(bytes: usize) -> Option<Block> {
        let layout = Layout::from_size_align(bytes.max(ALIGN), ALIGN).ok()?;
        // SAFETY: the layout's size is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Block { start, own: Some((start, layout)) })
    }

    /// Begins with a huge page within more memory that is not aligned: the system gives so much as fresh
    /// zeros, which come into being when they are first looked at. Huge pages are asked for before.
    fn large(bytes: usize) -> Option<Block> {
        let pages = (bytes.checked_add(HUGE_PAGE / 2)? / HUGE_PAGE) * HUGE_PAGE;
        let layout = Layout::from_size_align(bytes.max(pages).checked_add(HUGE_PAGE)?, WORD).ok()?;
        // SAFETY: the layout's size is not zero.
        let first = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        // SAFETY: the next huge page starts less than the size of one behind the first byte.
        let start = unsafe { first.add(first.align_offset(HUGE_PAGE)) };
        prefer_huge_pages(start, pages);
        Some(Block { start, own: Some((first, layout)) })
    }

    /// Its address.
    pub(super) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

/// A huge page of most machines, and bytes from which on memory is laid out for such pages.
const HUGE_PAGE: usize = 2 << 20;
const LARGE: usize = HUGE_PAGE;

/// What every allocation is aligned to.
const WORD: usize = 8;

/// Tells the system that memory is read and written as a whole. It may do nothing.
#[cfg(target_os = "linux")]
fn prefer_huge_pages(start: NonNull<u8>, bytes: usize) {
    // SAFETY: whole pages within the allocation; `start` is at one, and the advice changes no contents.
    unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn prefer_huge_pages(_: NonNull<u8>, _: usize) {}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some((first, layout)) = self.own {
            // SAFETY: it was allocated there with this layout and is not used any more.
            unsafe { dealloc(first.as_ptr(), layout) }
        }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("own", &self.own).finish()
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

    /// Another's memory, aligned to its element type only.
    ///
    /// # Safety
    /// It must be valid, and nothing else may use it, as long as the result or a clone of it is used;
    /// it must be valid for writing if it is written.
    pub(super) unsafe fn lent<R: Element>(start: NonNull<R>, len: usize) -> Memory {
        Memory { block: Rc::new(Block { start: start.cast(), own: None }), dtype: R::DTYPE, len }
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

    /// Replaces the elements by those of a slice.
    ///
    /// # Panics
    /// If the type or the number differs.
    pub fn set_from<R: Element>(&self, values: &[R]) {
        if R::DTYPE != self.dtype {
            ice!("run", "elements of {} for {}", R::DTYPE, self.dtype);
        }
        // SAFETY: numbers are bytes, all of them initialised.
        self.set_bytes(unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) });
    }

    /// Copies the elements into a slice.
    ///
    /// # Panics
    /// If the type or the number differs.
    pub fn copy_to<R: Element>(&self, values: &mut [R]) {
        if (R::DTYPE, values.len()) != (self.dtype, self.len) {
            ice!("run", "{} elements of {} for {} of {}", self.len, self.dtype, values.len(), R::DTYPE);
        }
        // SAFETY: the block has as many numbers of that type, all of them initialised, and the slice
        // does not lie in it.
        unsafe { values.as_mut_ptr().copy_from_nonoverlapping(self.start().cast(), self.len) }
    }

    /// Replaces the elements by zeros.
    pub fn clear(&self) {
        // SAFETY: as for `to_bytes`; zeros are numbers of every type.
        unsafe { self.start().write_bytes(0, self.size()) }
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

    /// The first integer that is not from 0 to below `below`, and its place.
    ///
    /// # Panics
    /// If the elements are no `i32`.
    pub fn first_outside(&self, below: usize) -> Option<(usize, i32)> {
        if self.dtype != DType::I32 {
            ice!("run", "positions of {}", self.dtype);
        }
        // SAFETY: the block has that many integers, aligned and initialised; as for `to_bytes`.
        let all = unsafe { std::slice::from_raw_parts(self.start().cast::<i32>(), self.len) };
        let below = u32::try_from(below).unwrap_or(u32::MAX);
        // A negative number is a great one without its sign.
        let outside = |number: &i32| number.cast_unsigned() >= below;
        // Without a way out within a chunk this is a few instructions for many numbers.
        let chunk = all.chunks(256).position(|chunk| chunk.iter().fold(false, |any, n| any | outside(n)))?;
        let within = all[chunk * 256..].iter().position(outside)?;
        Some((chunk * 256 + within, all[chunk * 256 + within]))
    }

    /// Element `index` of integers of 64 bits.
    ///
    /// # Panics
    /// If there is no such element, or they are others.
    pub fn get_i64(&self, index: usize) -> i64 {
        if index >= self.len || self.dtype != DType::I64 {
            ice!("run", "element {index} of {} {}", self.len, self.dtype);
        }
        // SAFETY: the element lies in the block, aligned and initialised; as for `to_bytes`.
        unsafe { self.start().cast::<i64>().add(index).read() }
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
