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
    /// What has been read, a [`Read`] for each kind of contents.
    read: RefCell<BTreeMap<TypeId, Box<dyn Any>>>,
}

/// What has been read, by the path as written and how it was read.
type Read<K, T> = BTreeMap<K, Rc<T>>;

impl Files {
    /// Files whose paths are relative to `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Files {
        Files { folder: folder.into(), read: RefCell::default() }
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
        let of = all.entry(TypeId::of::<Read<K, T>>()).or_insert_with(|| Box::new(Read::<K, T>::new()));
        of.downcast_mut::<Read<K, T>>().map(|of| of.insert(key, Rc::clone(&made)));
        Ok(made)
    }

    fn known<K: Ord + 'static, T: 'static>(&self, key: &K) -> Option<Rc<T>> {
        let all = self.read.borrow();
        all.get(&TypeId::of::<Read<K, T>>())?.downcast_ref::<Read<K, T>>()?.get(key).cloned()
    }
}

impl Catalog for Files {
    fn schema(&self, source: &FileSource, real: DType) -> Result<Schema, Diagnostic> {
        source.reader().schema(self, real)
    }
}
