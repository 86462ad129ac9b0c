//! Tensors as NumPy's files, "A simple file format for NumPy arrays" (NEP 1), version 1.0.

use super::value::Held;
use crate::algebra::types::DType;

/// Begins every file, with the version.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// The elements begin at a multiple of so many bytes.
const ALIGNMENT: usize = 64;

/// The bytes of the file.
pub(super) fn file(tensor: &Held) -> Vec<u8> {
    let sizes: String = tensor.ty.sizes().iter().map(|size| format!("{size}, ")).collect();
    let dtype = match tensor.ty.dtype {
        DType::Bool => "|b1",
        DType::I32 => "<i4",
        DType::I64 => "<i8",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
    };
    let about = format!(
        "{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({sizes}), }}",
        sizes = sizes.trim_end()
    );
    let taken = MAGIC.len() + 2 + about.len() + 1;
    let header = format!("{about}{}\n", " ".repeat(taken.next_multiple_of(ALIGNMENT) - taken));
    let length = (header.len() as u16).to_le_bytes();
    [MAGIC, &length, header.as_bytes(), &tensor.elements.to_bytes()].concat()
}
