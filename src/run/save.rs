//! Saved fits: named tensors in a safetensors file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::errors;
use super::machine::Memory;
use crate::algebra::types::{DType, Type};
use crate::diag::Diagnostic;
use crate::graph::{Layout, Param};

/// A tensor to save: `hidden.w`, `hidden.w/adam.m`, `eg_scale.s`.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// Its name.
    pub(crate) name: String,
    /// Its element type.
    pub(crate) dtype: DType,
    /// Its sizes.
    pub(crate) sizes: Vec<usize>,
    /// Its elements, little-endian.
    pub(crate) bytes: Vec<u8>,
}

/// Parameters (`hidden.w`) or states per coordinate (`hidden.w/adam.m`): a flat tensor cut into the
/// shapes of these parameters.
pub(crate) fn pieces(params: &[Param], flat: &Memory, suffix: &str) -> Vec<Named> {
    let bytes = flat.to_bytes();
    let first = params.first().map_or(0, |param| param.start);
    let piece = |param: &Param| {
        let size = param.ty.dtype.bytes();
        let piece = &bytes[(param.start - first) * size..][..param.ty.count() * size];
        named(format!("{}{suffix}", param.name), &param.ty, piece)
    };
    params.iter().map(piece).collect()
}

/// States of an optimizer: those per coordinate by parameters, the others whole (`eg_scale.s`).
pub(crate) fn states(layout: &Layout, states: &[Memory]) -> Vec<Named> {
    let mut tensors = Vec::new();
    for (slot, memory) in layout.states.iter().zip(states) {
        if layout.is_per_coordinate(slot) {
            tensors.extend(pieces(layout.params_of(slot), memory, &format!("/{}", slot.name)));
        } else {
            tensors.push(named(slot.name.clone(), &slot.ty, &memory.to_bytes()));
        }
    }
    tensors
}

/// States of a model: `norm.mean`.
pub(crate) fn memory(layout: &Layout, states: &[Memory]) -> Vec<Named> {
    let pairs = layout.memory.iter().zip(states);
    pairs.map(|((name, ty), memory)| named(name.clone(), ty, &memory.to_bytes())).collect()
}

fn named(name: String, ty: &Type, bytes: &[u8]) -> Named {
    Named { name, dtype: ty.dtype, sizes: ty.sizes(), bytes: bytes.to_vec() }
}

/// Writes all tensors, with metadata, or nothing.
pub(crate) fn write(tensors: &[Named], metadata: &[(String, String)], path: &Path) -> Result<(), Diagnostic> {
    let views = tensors.iter().map(|tensor| (tensor.name.as_str(), view(tensor)));
    let metadata = metadata.iter().cloned().collect();
    let bytes =
        safetensors::serialize(views, Some(metadata)).unwrap_or_else(|error| crate::ice!("save", "{error}"));
    write_atomically(path, &bytes).map_err(|error| errors::unwritable(path, &error))
}

fn view(tensor: &Named) -> TensorView<'_> {
    let dtype = match tensor.dtype {
        DType::Bool => Dtype::BOOL,
        DType::I32 => Dtype::I32,
        DType::I64 => Dtype::I64,
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    };
    TensorView::new(dtype, tensor.sizes.clone(), &tensor.bytes)
        .unwrap_or_else(|error| crate::ice!("save", "{}: {error}", tensor.name))
}

/// Writes a file under another name beside `path`, flushes it to the disk, and renames it: a reader
/// sees the old file or the new one, never a part.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = beside(path)?;
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&draft, path));
    if renamed.is_err() {
        // The error that matters is the one above; a draft that cannot be removed either changes nothing.
        drop(fs::remove_file(&draft));
    }
    renamed
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let mut draft = name.to_owned();
    draft.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(draft))
}
