//! What a training run starts from: parameters and states of the model, from a file or a fit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use safetensors::Dtype;

use super::errors;
use super::execute::Interpreter;
use super::fit::{Fit, OPTIMIZER_STATES};
use super::machine::Memory;
use super::save::{self, TensorLayout, dtype_of};
use super::saved::{Saved, shown};
use crate::algebra::types::{DType, Type};
use crate::data::errors::unreadable;
use crate::diag::Diagnostic;
use crate::graph::Layout;
use crate::source::Span;
use crate::typed::pattern::{matches, renamed};
use crate::typed::{Load, Start};

/// Tensors by the paths that they are to have.
struct TensorsByPath {
    /// Where they come from, for messages.
    from: String,
    tensors: BTreeMap<String, NamedArray>,
    strict: bool,
}

struct NamedArray {
    dtype: Dtype,
    sizes: Vec<usize>,
    bytes: Vec<u8>,
}

/// What does not fit.
#[derive(Default)]
struct Misfits {
    missing: Vec<String>,
    left: Vec<String>,
    other: Vec<String>,
    /// Whether a matrix would fit if it were transposed.
    turned: bool,
}

/// The bytes of parameters and of states of the model in the order of the layout, and what is said about
/// tensors that are missing or left over, where that is allowed.
pub(super) type Loaded = (Vec<Option<Vec<u8>>>, Vec<String>);

/// What a run starts from.
///
/// # Errors
/// A file that cannot be read; tensors of other names or shapes, all of which are listed.
pub(super) fn load(
    script: &Interpreter<'_>,
    start: &(Start, Span),
    layout: &Layout,
) -> Result<Loaded, Diagnostic> {
    let (start, span) = start;
    let given = match start {
        Start::File(load) => from_file(&script.stages.files.path(&load.path), load),
        Start::Fit(id, load) => {
            let name = &script.stages.typed.statements[id.0].kind.names()[0];
            from_fit(&format!("the fit `{name}`"), script.fit(*id), load)
        }
    };
    let taken = given.and_then(|given| given.take(layout));
    taken.map_err(|error| error.label(*span, "what the run starts from"))
}

/// Before anything is computed: the file of a run is there and fits. Gives what is left out, in words.
pub(super) fn check(
    script: &Interpreter<'_>,
    start: Option<&(Start, Span)>,
    layout: &Layout,
) -> Result<Vec<String>, Diagnostic> {
    match start {
        Some(start @ (Start::File(_), _)) => load(script, start, layout).map(|(_, said)| said),
        _ => Ok(Vec::new()),
    }
}

fn from_file(path: &Path, load: &Load) -> Result<TensorsByPath, Diagnostic> {
    let saved = Saved::read(path).map_err(|error| unreadable(path, &error))?;
    let own = saved.metadata.get("format").is_some_and(|format| format.starts_with("egret"));
    let states: BTreeSet<&str> =
        saved.metadata.get(OPTIMIZER_STATES).into_iter().flat_map(|names| names.split(',')).collect();
    // Of states of an optimizer and what a run recorded only the run itself makes use.
    let names = saved.names().filter(|name| !(own && (name.contains('/') || states.contains(name))));
    let tensors = names.filter_map(|name| {
        let (dtype, sizes, bytes) = saved.any(name)?;
        Some((name.to_owned(), NamedArray { dtype, sizes: sizes.to_vec(), bytes: bytes.to_vec() }))
    });
    TensorsByPath::new(&format!("`{}`", path.display()), tensors, load)
}

fn from_fit(from: &str, fit: &Fit, load: &Load) -> Result<TensorsByPath, Diagnostic> {
    let named = save::named(&save::trained(&fit.layout, &fit.params, None, &fit.memory, &[]));
    let tensor = |named: save::SavedTensor| {
        let tensor = NamedArray { dtype: dtype_of(named.dtype), sizes: named.sizes, bytes: named.bytes };
        (named.name, tensor)
    };
    TensorsByPath::new(from, named.into_iter().map(tensor), load)
}

impl TensorsByPath {
    /// Under other names, and turned, as is said.
    fn new(
        from: &str,
        named: impl Iterator<Item = (String, NamedArray)>,
        load: &Load,
    ) -> Result<TensorsByPath, Diagnostic> {
        let mut tensors: BTreeMap<String, NamedArray> = BTreeMap::new();
        for (name, tensor) in named {
            let to = load.rename.iter().find_map(|(pattern, to)| renamed(pattern, to, &name));
            let to = to.unwrap_or(name);
            let turned =
                tensor.sizes.len() == 2 && load.transpose.iter().any(|pattern| matches(pattern, &to));
            let tensor = if turned { tensor.transposed() } else { tensor };
            if tensors.insert(to.clone(), tensor).is_some() {
                return Err(errors::two_of_a_name(from, &to));
            }
        }
        Ok(TensorsByPath { from: from.to_owned(), tensors, strict: load.strict })
    }

    /// What the layout needs.
    fn take(mut self, layout: &Layout) -> Result<Loaded, Diagnostic> {
        let params = layout.params.iter().map(|param| (&param.name, &param.ty));
        let states = layout.model_states.iter().map(|(name, ty)| (name, ty));
        let mut misfits = Misfits::default();
        let taken = params.chain(states).map(|(name, ty)| self.one(name, ty, &mut misfits)).collect();
        misfits.left =
            self.tensors.into_iter().map(|(name, tensor)| format!("`{name}` {}", tensor.shape())).collect();
        let lacking = !misfits.missing.is_empty() || !misfits.left.is_empty();
        if !misfits.other.is_empty() || (self.strict && lacking) {
            return Err(errors::other_tensors(&self.from, &misfits.said(), &misfits.help()));
        }
        Ok((taken, misfits.said()))
    }

    fn one(&mut self, name: &str, ty: &Type, misfits: &mut Misfits) -> Option<Vec<u8>> {
        let want = format!("{} {:?}", ty.dtype, ty.sizes());
        let Some(tensor) = self.tensors.remove(name) else {
            misfits.missing.push(format!("`{name}` {want}"));
            return None;
        };
        let bytes = tensor.bytes_as(ty);
        if bytes.is_none() {
            let turned = tensor.sizes.iter().rev().eq(&ty.sizes()) && tensor.sizes.len() == 2;
            misfits.turned |= turned;
            misfits.other.push(format!("`{name}`: {} there, {want} here", tensor.shape()));
        }
        bytes
    }
}

impl Misfits {
    fn said(&self) -> Vec<String> {
        let lists = [
            ("missing", &self.missing),
            ("left over", &self.left),
            ("of another shape or type", &self.other),
        ];
        let shown = |(what, list): (&str, &Vec<String>)| match list.len() {
            0 => None,
            n if n > 8 => Some(format!("{what}: {}, and {} more", list[..8].join(", "), n - 8)),
            _ => Some(format!("{what}: {}", list.join(", "))),
        };
        lists.into_iter().filter_map(shown).collect()
    }

    fn help(&self) -> String {
        if self.turned {
            return "a matrix of PyTorch's `Linear` is transposed: `load(\"...\", transpose = [\"**.w\"])`"
                .to_owned();
        }
        match (self.missing.is_empty(), self.left.is_empty()) {
            (false, false) => {
                "names become others by `load(\"...\", rename = { \"fc*.weight\": \"layer*.w\" })`".to_owned()
            }
            (true, true) => "the model must have the sizes that the file was saved with".to_owned(),
            _ => "`load(\"...\", strict = false)` takes what there is, and says what it leaves".to_owned(),
        }
    }
}

impl NamedArray {
    fn shape(&self) -> String {
        shown(self.dtype, &self.sizes)
    }

    fn transposed(self) -> NamedArray {
        let [rows, columns] = self.sizes[..] else { return self };
        let size = self.bytes.len() / (rows * columns).max(1);
        let element = |k: usize| {
            let (column, row) = (k / rows.max(1), k % rows.max(1));
            &self.bytes[(row * columns + column) * size..][..size]
        };
        let bytes = (0..rows * columns).flat_map(element).copied().collect();
        NamedArray { dtype: self.dtype, sizes: vec![columns, rows], bytes }
    }

    /// The elements as a type has them, if the shape is the same and the numbers are of a kind.
    fn bytes_as(&self, ty: &Type) -> Option<Vec<u8>> {
        if self.sizes != ty.sizes() {
            return None;
        }
        if self.dtype == dtype_of(ty.dtype) {
            return Some(self.bytes.clone());
        }
        let numbers: Vec<f64> = match self.dtype {
            Dtype::F32 => each(&self.bytes, |bytes| f64::from(f32::from_le_bytes(bytes))),
            Dtype::F64 => each(&self.bytes, f64::from_le_bytes),
            Dtype::BF16 => each(&self.bytes, |bytes| {
                f64::from(f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16))
            }),
            _ => return None,
        };
        match ty.dtype {
            DType::F32 => Some(numbers.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect()),
            DType::F64 => Some(numbers.iter().flat_map(|x| x.to_le_bytes()).collect()),
            DType::Bool | DType::I32 | DType::I64 => None,
        }
    }
}

fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)).collect()
}

/// Puts what was loaded into the memory that a run begins with.
pub(super) fn put(loaded: &[Option<Vec<u8>>], layout: &Layout, params: &Memory, states: &[Memory]) {
    let flats: Vec<TensorLayout<'_>> = save::trained(layout, params, None, states, &[]);
    let mut loaded = loaded.iter();
    for flat in flats {
        let mut bytes = flat.memory.to_bytes();
        let mut start = 0;
        for (_, ty) in &flat.tensors {
            let length = ty.count() * ty.dtype.bytes();
            if let Some(Some(given)) = loaded.next() {
                bytes[start..start + length].copy_from_slice(given);
            }
            start += length;
        }
        flat.memory.set_bytes(&bytes);
    }
}
