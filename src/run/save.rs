//! Saved fits: named tensors in a safetensors file.

use std::cmp::Reverse;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use serde_json::{Map, Value, json};

use super::errors;
use super::machine::Memory;
use crate::algebra::types::{DType, Type};
use crate::diag::Diagnostic;
use crate::graph::{Layout, Param, StateSlot};

/// A tensor to save: `hidden.w`, `hidden.w/adam.m`, `eg_scale.s`.
#[derive(Clone, Debug)]
pub(crate) struct SavedTensor {
    /// Its name.
    pub(crate) name: String,
    /// Its element type.
    pub(crate) dtype: DType,
    /// Its sizes.
    pub(crate) sizes: Vec<usize>,
    /// Its elements, little-endian.
    pub(crate) bytes: Vec<u8>,
}

/// A memory and the tensors that lie in it, consecutive, in this order: what is saved, and where it is loaded.
#[derive(Debug)]
pub(crate) struct TensorLayout<'m> {
    /// The memory.
    pub(crate) memory: &'m Memory,
    /// The tensors' names and types.
    pub(crate) tensors: Vec<(String, Type)>,
}

impl TensorLayout<'_> {
    /// The tensors with their elements.
    fn named(&self) -> Vec<SavedTensor> {
        let bytes = self.memory.to_bytes();
        let mut rest = bytes.as_slice();
        let mut next =
            |ty: &Type| rest.split_off(..ty.count() * ty.dtype.bytes()).unwrap_or_default().to_vec();
        let named = |(name, ty): &(String, Type)| SavedTensor {
            name: name.clone(),
            dtype: ty.dtype,
            sizes: ty.sizes(),
            bytes: next(ty),
        };
        self.tensors.iter().map(named).collect()
    }
}

/// The tensors of several memories.
pub(crate) fn named(flats: &[TensorLayout<'_>]) -> Vec<SavedTensor> {
    flats.iter().flat_map(TensorLayout::named).collect()
}

/// Parameters (`hidden.w`) or states per coordinate (`hidden.w/adam.m`): a memory laid out as these
/// parameters are.
pub(crate) fn params<'m>(params: &[Param], memory: &'m Memory, suffix: &str) -> TensorLayout<'m> {
    let tensors = params.iter().map(|param| (format!("{}{suffix}", param.name), param.ty.clone()));
    TensorLayout { memory, tensors: tensors.collect() }
}

/// States of an optimizer: those per coordinate by parameters, the others whole (`eg_scale.s`).
pub(crate) fn states<'m>(layout: &Layout, states: &'m [Memory]) -> Vec<TensorLayout<'m>> {
    let flat = |(slot, memory): (&StateSlot, &'m Memory)| match layout.is_per_coordinate(slot) {
        true => params(layout.params_of(slot), memory, &format!("/{}", slot.name)),
        false => TensorLayout { memory, tensors: vec![(slot.name.clone(), slot.ty.clone())] },
    };
    layout.states.iter().zip(states).map(flat).collect()
}

/// What a state that is not per coordinate is called in the file of a fit: a layer may be called as a stage is.
pub(crate) fn state_name(layout: &Layout, slot: &StateSlot) -> String {
    let params = layout.params.iter().map(|param| &param.name);
    let mut taken = params.chain(layout.model_states.iter().map(|(name, _)| name));
    if taken.any(|name| *name == slot.name) { format!("opt.{}", slot.name) } else { slot.name.clone() }
}

/// Everything that training changes: parameters to evaluate with, those that are trained if they are others
/// (`hidden.w/train`), states of the model (`norm.mean`) and of the optimizer (`hidden.w/adam.m`, `eg_scale.s`, or
/// `opt.eg_scale.s` where a parameter has that name).
pub(crate) fn trained<'m>(
    layout: &Layout,
    evaluated: &'m Memory,
    stepped: Option<&'m Memory>,
    model_states: &'m [Memory],
    optimizer_states: &'m [Memory],
) -> Vec<TensorLayout<'m>> {
    let mut flats = vec![params(&layout.params, evaluated, "")];
    flats.extend(stepped.map(|stepped| params(&layout.params, stepped, "/train")));
    let model_states = layout.model_states.iter().zip(model_states);
    flats.extend(model_states.map(|(tensor, memory)| TensorLayout { memory, tensors: vec![tensor.clone()] }));
    for (slot, mut flat) in layout.states.iter().zip(states(layout, optimizer_states)) {
        if !layout.is_per_coordinate(slot) {
            flat.tensors[0].0 = state_name(layout, slot);
        }
        flats.push(flat);
    }
    flats
}

/// The name under which the metadata hold the [`checksum`] of the elements.
pub(crate) const CHECKSUM: &str = "crc32";

/// A checksum of bytes, in hexadecimal.
pub(crate) fn checksum<'b>(parts: impl IntoIterator<Item = &'b [u8]>) -> String {
    let mut crc = flate2::Crc::new();
    parts.into_iter().for_each(|part| crc.update(part));
    format!("{:08x}", crc.sum())
}

/// Writes all tensors, with metadata, or nothing. Equal tensors and metadata make equal files.
pub(crate) fn write(
    tensors: &[SavedTensor],
    metadata: &[(String, String)],
    path: &Path,
) -> Result<(), Diagnostic> {
    write_atomically(path, &serialized(tensors, metadata)).map_err(|error| errors::unwritable(path, &error))
}

/// A file in the safetensors format: the length of the header, the header in JSON, padded by spaces, and the
/// elements. The crate of that name writes metadata in an order that is another one each time.
fn serialized(tensors: &[SavedTensor], metadata: &[(String, String)]) -> Vec<u8> {
    let mut sorted: Vec<&SavedTensor> = tensors.iter().collect();
    // Wide elements first: each tensor is aligned.
    sorted.sort_by_key(|tensor| (Reverse(tensor.dtype.bytes()), &tensor.name));
    let sum = checksum(sorted.iter().map(|tensor| tensor.bytes.as_slice()));
    let metadata = metadata.iter().map(|(name, value)| (name.clone(), value.clone()));
    let metadata = metadata.chain([(CHECKSUM.to_owned(), sum)]);
    let metadata: Map<String, Value> = metadata.map(|(name, value)| (name, value.into())).collect();
    let mut header = Map::from_iter([("__metadata__".to_owned(), metadata.into())]);
    let mut end = 0;
    for tensor in &sorted {
        let start = end;
        end += tensor.bytes.len();
        let about = json!({
            "dtype": dtype_of(tensor.dtype),
            "shape": tensor.sizes,
            "data_offsets": [start, end],
        });
        header.insert(tensor.name.clone(), about);
    }
    let mut text = Value::Object(header).to_string();
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    sorted.iter().for_each(|tensor| bytes.extend_from_slice(&tensor.bytes));
    bytes
}

/// An element type as the format has it.
pub(crate) fn dtype_of(dtype: DType) -> Dtype {
    match dtype {
        DType::Bool => Dtype::BOOL,
        DType::I32 => Dtype::I32,
        DType::I64 => Dtype::I64,
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    }
}

/// Writes a file under another name beside `path`, flushes it to the disk, and renames it: a reader
/// sees the old file or the new one, never a part. The new one has the old one's permissions.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = beside(path)?;
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_contents_make_equal_files_that_others_read() {
        let tensor = |name: &str, dtype, sizes: &[usize], bytes: &[u8]| SavedTensor {
            name: name.to_owned(),
            dtype,
            sizes: sizes.to_vec(),
            bytes: bytes.to_vec(),
        };
        let tensors = [
            tensor("b \"quoted\"", DType::Bool, &[3], &[1, 0, 1]),
            tensor("w", DType::F32, &[1, 2], &[0, 0, 128, 63, 0, 0, 0, 64]),
            tensor("s", DType::F64, &[], &[0; 8]),
        ];
        let metadata: Vec<_> = (0..20).map(|k| (format!("opt.{k}"), k.to_string())).collect();
        let turned: Vec<_> = metadata.iter().rev().cloned().collect();
        let bytes = serialized(&tensors, &metadata);
        assert_eq!(bytes, serialized(&tensors, &turned));
        let read = safetensors::SafeTensors::deserialize(&bytes).expect("it is well formed");
        let w = read.tensor("w").expect("it is there");
        assert_eq!(
            (w.shape(), w.dtype(), w.data()),
            (&[1, 2][..], safetensors::Dtype::F32, &tensors[1].bytes[..])
        );
        assert_eq!(read.tensor("b \"quoted\"").expect("it is there").data(), [1, 0, 1]);
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("it has a header");
        assert_eq!(header.metadata().as_ref().expect("it has metadata").len(), 21);
    }
}
