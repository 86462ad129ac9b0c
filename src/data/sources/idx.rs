//! `idx(x = "images", y = "labels")`: images and labels, gzipped or not.

use std::rc::Rc;

use super::arrays;
use crate::algebra::types::{DType, Type};
use crate::data::arguments::{Arguments, SourceArgument, TEST, Takes};
use crate::data::formats::array::Array;
use crate::data::formats::idx;
use crate::data::{Columns, Files, Reader, Schema, SourceKind, Values, WantedColumn, errors};
use crate::diag::Diagnostic;

pub(super) static IDX: SourceKind = SourceKind {
    name: "idx",
    doc: "Images and labels in idx form, gzipped or not.",
    example: "idx(x = \"images.gz\", y = \"labels.gz\")",
    arguments: &[&X, &Y, &TEST_X, &TEST_Y, &TEST],
    exclusive: &[],
    needed: 1,
    columns: Columns::Unnamed,
    reader: |given| Rc::new(Idx::of(given)),
};

static X: SourceArgument = SourceArgument { name: "x", takes: Takes::Path, doc: "the file that is `x`" };
static Y: SourceArgument = SourceArgument { name: "y", takes: Takes::Path, doc: "the file that is `y`" };
static TEST_X: SourceArgument =
    SourceArgument { name: "test_x", takes: Takes::Path, doc: "the file that is `x` of the test split" };
static TEST_Y: SourceArgument =
    SourceArgument { name: "test_y", takes: Takes::Path, doc: "the file that is `y` of the test split" };

/// The files of a split.
#[derive(Clone, PartialEq, Debug)]
struct FilePair {
    x: String,
    y: Option<String>,
}

#[derive(Debug)]
struct Idx {
    train: FilePair,
    /// The test split's files, if it has its own.
    test: Option<FilePair>,
}

impl Idx {
    fn of(given: &Arguments) -> Idx {
        let text = |argument| given.text(argument).map(str::to_owned);
        Idx {
            train: FilePair { x: text(&X).unwrap_or_default(), y: text(&Y) },
            test: text(&TEST_X).map(|x| FilePair { x, y: text(&TEST_Y) }),
        }
    }
}

impl Reader for Idx {
    fn schema(&self, files: &Files, real: DType) -> Result<Schema, Diagnostic> {
        let (rows, columns) = self.train.columns(files, real)?;
        let mut test_rows = None;
        if let Some(test) = &self.test {
            let (more, test_columns) = test.columns(files, real)?;
            if columns != test_columns {
                let path = files.path(&test.x);
                let reason = "its rows have other sizes than the training file's";
                return Err(errors::bad_idx(&path, reason, errors::TOGETHER));
            }
            test_rows = Some(more);
        }
        Ok(Schema { columns, rows, test_rows, ..Schema::default() })
    }

    fn test_is_last(&self) -> bool {
        self.test.is_some()
    }

    /// A file, and that of the test split behind it.
    fn column(&self, files: &Files, wanted: &WantedColumn<'_>) -> Result<Values, Diagnostic> {
        let file =
            |pair: &'_ FilePair| if wanted.name == "y" { pair.y.clone() } else { Some(pair.x.clone()) };
        let names = [&self.train].into_iter().chain(&self.test).filter_map(file);
        let parts = names.map(|name| Ok((files.path(&name), image(files, &name)?)));
        arrays::column(wanted, parts.collect::<Result<_, Diagnostic>>()?)
    }
}

impl FilePair {
    fn columns(&self, files: &Files, real: DType) -> Result<(usize, Vec<(String, Type)>), Diagnostic> {
        let images = image(files, &self.x)?;
        let mut columns = vec![("x".to_owned(), Type::of(real, &images.sizes[1..]))];
        if let Some(y) = &self.y {
            let labels = image(files, y)?;
            if labels.sizes[0] != images.sizes[0] {
                let (found, x) = (labels.sizes[0], &self.x);
                let reason = format!("it has {found} rows, but `{x}` has {}", images.sizes[0]);
                return Err(errors::bad_idx(&files.path(y), reason, errors::TOGETHER));
            }
            columns.push(("y".to_owned(), Type::of(labels.dtype(real), &labels.sizes[1..])));
        }
        Ok((images.sizes[0], columns))
    }
}

fn image(files: &Files, name: &str) -> Result<Rc<Array>, Diagnostic> {
    files.once(name.to_owned(), name, idx::read)
}
