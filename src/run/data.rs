//! Data sets: files as columns, split into training and test rows.

mod arrays;
mod table;
mod windows;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::array::Array;
use super::csv::Csv;
use super::dataset::{Dataset, Values};
use super::rng::{self, Stream};
use super::scale::Scales;
use super::text::Text;
use crate::algebra::types::DType;
use crate::check::{Catalog, Schema};
use crate::diag::Diagnostic;
use crate::ice;
use crate::typed::{Column, Data, DataSource};

/// Data files, each read once in a compilation.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// With the columns that are declared to hold words.
    tables: Read<(String, Vec<String>), Csv>,
    images: Read<String, Array>,
    /// With the name in an archive.
    arrays: Read<(String, Option<String>), Array>,
    texts: Read<String, Text>,
}

/// What has been read, by the path as written and how it was read.
type Read<K, T> = RefCell<BTreeMap<K, Rc<T>>>;

impl Files {
    /// Files whose paths are relative to `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Files {
        Files {
            folder: folder.into(),
            tables: RefCell::default(),
            images: RefCell::default(),
            arrays: RefCell::default(),
            texts: RefCell::default(),
        }
    }

    /// What a file holds, which is read when it is first asked for.
    fn once<K: Ord, T>(
        &self,
        all: &Read<K, T>,
        key: K,
        path: &str,
        read: impl FnOnce(&Path) -> Result<T, Diagnostic>,
    ) -> Result<Rc<T>, Diagnostic> {
        if let Some(read) = all.borrow().get(&key) {
            return Ok(read.clone());
        }
        let read = Rc::new(read(&self.folder.join(path))?);
        all.borrow_mut().insert(key, read.clone());
        Ok(read)
    }

    /// The rows of a data set, still without columns.
    pub(super) fn rows(&self, data: &Data) -> Dataset {
        let rows = data.rows;
        let in_order = || ((0..rows.train as u32).collect(), (rows.train as u32..rows.all as u32).collect());
        let (train, test) = match &data.source {
            DataSource::Synthetic { .. } => ice!("run", "`{}` is computed, not read", data.name),
            // In order of time: what comes last is the test.
            DataSource::Csv(table) if table.windows.is_some() => in_order(),
            DataSource::Idx { test_x: Some(_), .. } | DataSource::Text { .. } => in_order(),
            _ => split(rows.all, rows.test),
        };
        Dataset::new(data.columns.len(), train, test)
    }

    /// One column of a data set whose types are those that its schema gave.
    ///
    /// # Errors
    /// Numbers that the column's type does not have, words that the data trained on do not have.
    pub(super) fn column(&self, wanted: &Wanted<'_>) -> Result<Values, Diagnostic> {
        match &wanted.data.source {
            DataSource::Csv(table) => self.table_column(wanted, table),
            DataSource::Idx { y, test_y, .. } if wanted.declared().name == "y" => {
                self.image_column(wanted, [y.as_deref(), test_y.as_deref()])
            }
            DataSource::Idx { x, test_x, .. } => self.image_column(wanted, [Some(x), test_x.as_deref()]),
            DataSource::Synthetic { .. } => ice!("run", "`{}` is computed, not read", wanted.data.name),
            DataSource::Arrays { archive, columns } => self.array_column(wanted, archive.as_deref(), columns),
            DataSource::Text { path, context, test } => self.text_column(wanted, path, *context, *test),
        }
    }
}

/// A column that is to be read.
pub(super) struct Wanted<'a> {
    /// The data set.
    pub(super) data: &'a Data,
    /// Which of its columns.
    pub(super) column: usize,
    /// Its rows.
    pub(super) rows: &'a Dataset,
    /// The data whose words, characters and statistics it goes by, if not by its own: those that the model
    /// was trained on.
    pub(super) trained: Option<(&'a Data, &'a Dataset)>,
    /// What `real` means.
    pub(super) real: DType,
}

impl Wanted<'_> {
    fn declared(&self) -> &Column {
        &self.data.columns[self.column]
    }

    fn dtype(&self) -> DType {
        let declared = self.declared().ty.dtype;
        if declared.is_float() { self.real } else { declared }
    }

    fn is_standardized(&self) -> bool {
        self.data.standardize.contains(&self.declared().name)
    }

    /// What the column is standardized by, if it is: the statistics of these rows, or those of the data
    /// trained on.
    fn scales(&self, width: usize, rows: &[u32], number: impl Fn(usize, usize) -> f64) -> Option<Scales> {
        let name = &self.declared().name;
        let same = |(data, rows): (&Data, &Dataset)| {
            let column = data.columns.iter().position(|column| column.name == *name)?;
            rows.column(column)?.scales.clone()
        };
        let known = self.trained.and_then(same);
        self.is_standardized().then(|| known.unwrap_or_else(|| Scales::of(width, rows, number)))
    }
}

impl Catalog for Files {
    fn schema(&self, source: &DataSource, real: DType) -> Result<Schema, Diagnostic> {
        match source {
            DataSource::Csv(table) => self.table_schema(table, real),
            DataSource::Idx { x, y, test_x, test_y } => {
                let own_test = test_x.as_deref().map(|test_x| (test_x, test_y.as_deref()));
                self.image_schema((x, y.as_deref()), own_test, real)
            }
            DataSource::Synthetic { .. } => ice!("run", "computed data has no file"),
            DataSource::Arrays { archive, columns } => self.array_schema(archive.as_deref(), columns, real),
            DataSource::Text { path, context, test } => self.text_schema(path, *context, *test),
        }
    }
}

/// Training and test rows, each ascending; `test` of `rows` rows are drawn at random, always the same.
pub(super) fn split(rows: usize, test: usize) -> (Vec<u32>, Vec<u32>) {
    if test == 0 {
        return ((0..rows as u32).collect(), Vec::new());
    }
    let mut order = rng::permutation(rows, 0, Stream::Split);
    let mut test_rows = order.split_off(rows - test);
    order.sort_unstable();
    test_rows.sort_unstable();
    (order, test_rows)
}
