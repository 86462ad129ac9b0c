//! Data files, each read once in a compilation.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Catalog, FileSource, Schema};
use crate::algebra::types::DType;
use crate::diag::Diagnostic;

/// Data files, each read once in a compilation.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// Schemas of sources, by their text, whose files are not there any more.
    recorded: BTreeMap<String, Schema>,
    /// What has been read, a [`ReadOnce`] for each kind of contents.
    read: RefCell<BTreeMap<TypeId, Box<dyn Any>>>,
}

/// What has been read, by the path as written and how it was read.
type ReadOnce<K, T> = BTreeMap<K, Rc<T>>;

impl Files {
    /// Files whose paths are relative to `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Files {
        Files { folder: folder.into(), recorded: BTreeMap::new(), read: RefCell::default() }
    }

    /// Files in the working directory, and these schemas of sources instead of theirs.
    pub(crate) fn recorded(recorded: BTreeMap<String, Schema>) -> Files {
        Files { recorded, ..Files::new("") }
    }

    /// The path of a file that a script names.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What a file holds, which is read when it is first asked for.
    pub(super) fn once<K: Ord + 'static, T: 'static>(
        &self,
        key: K,
        name: &str,
        read: impl FnOnce(&Path) -> Result<T, Diagnostic>,
    ) -> Result<Rc<T>, Diagnostic> {
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let made = Rc::new(read(&self.path(name))?);
        let mut all = self.read.borrow_mut();
        let of =
            all.entry(TypeId::of::<ReadOnce<K, T>>()).or_insert_with(|| Box::new(ReadOnce::<K, T>::new()));
        of.downcast_mut::<ReadOnce<K, T>>().map(|of| of.insert(key, Rc::clone(&made)));
        Ok(made)
    }

    fn known<K: Ord + 'static, T: 'static>(&self, key: &K) -> Option<Rc<T>> {
        let all = self.read.borrow();
        all.get(&TypeId::of::<ReadOnce<K, T>>())?.downcast_ref::<ReadOnce<K, T>>()?.get(key).cloned()
    }
}

impl Catalog for Files {
    fn schema(&self, source: &FileSource, real: DType) -> Result<Schema, Diagnostic> {
        match self.recorded.get(&source.to_string()) {
            Some(known) => Ok(known.clone()),
            None => source.reader().schema(self, real),
        }
    }
}
