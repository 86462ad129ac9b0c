//! Files of named tensors in the safetensors format, read: saved fits, checkpoints, states of optimizers.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::save::{CHECKSUM, TensorLayout, checksum, dtype_of};
use crate::algebra::types::Type;
use crate::input;

/// A file of named tensors, in memory.
#[derive(Debug)]
pub(crate) struct Saved {
    bytes: Vec<u8>,
    tensors: BTreeMap<String, TensorInFile>,
    /// What the file says beside its tensors.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// A tensor in a file.
#[derive(Debug)]
struct TensorInFile {
    dtype: Dtype,
    sizes: Vec<usize>,
    bytes: Range<usize>,
}

/// What a tensor in a file is not: of this name, type and shape.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Misfit {
    name: String,
    expected: String,
    /// Type and shape of the tensor of that name, if there is one.
    found: Option<String>,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Misfit { name, expected, found } = self;
        match found {
            Some(found) => write!(f, "`{name}` is {found}, not {expected}"),
            None => write!(f, "there is no tensor `{name}`: {expected}"),
        }
    }
}

impl Saved {
    /// Reads a file.
    ///
    /// # Errors
    /// The system's reason, or how the file is damaged.
    pub(crate) fn read(path: &Path) -> io::Result<Saved> {
        let bytes = input::bytes(path, u64::MAX)?;
        let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let not_one = |error: safetensors::SafeTensorError| {
            damaged(format!("it is not a whole safetensors file ({error})"))
        };
        let (header, about) = SafeTensors::read_metadata(&bytes).map_err(not_one)?;
        SafeTensors::deserialize(&bytes).map_err(not_one)?;
        // The length of the header stands before it.
        let start = header + 8;
        let stored = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
            let (first, end) = info.data_offsets;
            let stored = TensorInFile {
                dtype: info.dtype,
                sizes: info.shape.clone(),
                bytes: start + first..start + end,
            };
            (name, stored)
        };
        let tensors = about.tensors().into_iter().map(stored).collect();
        let metadata: BTreeMap<String, String> = about.metadata().clone().into_iter().flatten().collect();
        match metadata.get(CHECKSUM) {
            Some(noted) if *noted != checksum([&bytes[start..]]) => {
                Err(damaged("its elements are not those that were written".to_owned()))
            }
            _ => Ok(Saved { bytes, tensors, metadata }),
        }
    }

    /// The names of its tensors, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Element type, sizes and elements of a tensor.
    pub(crate) fn any(&self, name: &str) -> Option<(Dtype, &[usize], &[u8])> {
        let stored = self.tensors.get(name)?;
        Some((stored.dtype, &stored.sizes, &self.bytes[stored.bytes.clone()]))
    }

    /// The elements of a tensor of this type and shape.
    pub(crate) fn tensor(&self, name: &str, ty: &Type) -> Result<&[u8], Misfit> {
        let stored = self.tensors.get(name);
        match stored {
            Some(stored) if stored.is(ty) => Ok(&self.bytes[stored.bytes.clone()]),
            _ => Err(Misfit {
                name: name.to_owned(),
                expected: format!("{} {:?}", ty.dtype, ty.sizes()),
                found: stored.map(|stored| shown(stored.dtype, &stored.sizes)),
            }),
        }
    }

    /// The elements of a memory, from the tensors that lie in it.
    pub(crate) fn flat(&self, flat: &TensorLayout<'_>) -> Result<Vec<u8>, Misfit> {
        let parts = flat.tensors.iter().map(|(name, ty)| self.tensor(name, ty));
        parts.collect::<Result<Vec<_>, _>>().map(|parts| parts.concat())
    }

    /// Rows of `width` numbers in double precision.
    pub(crate) fn rows(&self, name: &str, width: usize) -> Option<Vec<Vec<f64>>> {
        let stored = self.tensors.get(name)?;
        let fits = stored.dtype == Dtype::F64 && matches!(stored.sizes[..], [_, columns] if columns == width);
        let number = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap_or_default());
        let row = |bytes: &[u8]| bytes.chunks_exact(8).map(number).collect();
        fits.then(|| self.bytes[stored.bytes.clone()].chunks_exact(8 * width.max(1)).map(row).collect())
    }
}

impl TensorInFile {
    fn is(&self, ty: &Type) -> bool {
        self.dtype == dtype_of(ty.dtype) && self.sizes == ty.sizes()
    }
}

/// Element type and sizes, for messages.
pub(crate) fn shown(dtype: Dtype, sizes: &[usize]) -> String {
    format!("{dtype:?} {sizes:?}").to_lowercase()
}
