//! Data files to columns: which sources there are, what each takes, what its files hold, and its rows.
//!
//! Comes in: the name of a source with its arguments, and the folder of the script. Goes out: a [`Schema`] when
//! a script is checked, and columns when it runs. A source is a file of `sources`, which says its arguments and
//! reads its schema and its columns, and a row of [`SOURCES`]; how bytes become numbers is in `formats`.
//!
//! ```text
//! csv "iris.csv", target = "species", test = 0.2
//! ```

pub mod arguments;
pub mod errors;
mod files;
mod fill;
mod formats;
mod recorded;
mod scale;
pub(crate) mod sources;
mod split;
pub(crate) mod summary;
mod values;
mod wanted;

use std::fmt::{self, Debug, Display, Formatter};
use std::rc::Rc;

pub use self::arguments::{ArgumentValue, Arguments, ColumnChoice, PerColumn, SourceArgument, Takes};
pub use self::files::Files;
pub(crate) use self::recorded::RecordedTable;
pub(crate) use self::scale::Scales;
pub use self::sources::SOURCES;
pub(crate) use self::values::{Elements, Values};
pub(crate) use self::wanted::{Trained, WantedColumn};
use crate::algebra::types::{DType, Type};
use crate::diag::Diagnostic;

/// A kind of source: a row of [`SOURCES`].
#[derive(Debug)]
pub struct SourceKind {
    /// How scripts name it.
    pub name: &'static str,
    /// What it reads, in a sentence.
    pub doc: &'static str,
    /// How it is written, for messages.
    pub example: &'static str,
    /// What it takes, in the order of places.
    pub arguments: &'static [&'static SourceArgument],
    /// Names of arguments of which only one may be given.
    pub exclusive: &'static [&'static [&'static str]],
    /// How many of them must be there.
    pub needed: usize,
    /// Whether other names are those of columns, and what they hold.
    pub columns: Columns,
    /// What reads it, with arguments that are as `arguments` says.
    pub(crate) reader: fn(&Arguments) -> Rc<dyn Reader>,
}

/// What arguments with names of their own are to a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Columns {
    /// There are none.
    Unnamed,
    /// Columns, of which there may be none.
    Named,
    /// Columns, of which there is at least one.
    Needed,
}

/// What reads the files of a source.
pub(crate) trait Reader: Debug + std::any::Any {
    /// What they hold. Diagnostics come without labels.
    fn schema(&self, files: &Files, real: DType) -> Result<Schema, Diagnostic>;

    /// All rows of a column whose type is the one that the schema gave.
    ///
    /// # Errors
    /// Numbers that the column's type does not have, words that the data trained on do not have.
    fn column(&self, files: &Files, wanted: &WantedColumn<'_>) -> Result<Values, Diagnostic>;

    /// Whether the test split is the last rows; else it is drawn from all.
    fn test_is_last(&self) -> bool {
        false
    }

    /// The rows of the test split, ascending, where it is more than a share of them.
    fn test(&self, _files: &Files) -> Result<Option<Vec<u32>>, Diagnostic> {
        Ok(None)
    }

    /// Whether the column `x` is made of all others.
    fn features_are_all(&self) -> bool {
        false
    }

    /// What its files call the column that is `y`, if they have a name for it.
    fn target(&self) -> Option<&str> {
        None
    }

    /// The words that the numbers of a column stand for.
    fn words(&self, _files: &Files, _column: &str) -> Result<Option<Vec<String>>, Diagnostic> {
        Ok(None)
    }

    /// The line of the file that each row is about, if it is text by lines; of what comes after its last
    /// one there is none.
    fn lines(&self, _files: &Files) -> Result<Option<Vec<u64>>, Diagnostic> {
        Ok(None)
    }

    /// What is known of a table by these training rows; nothing of other sources.
    fn record(&self, _files: &Files, _train: &[u32]) -> Result<Option<RecordedTable>, Diagnostic> {
        Ok(None)
    }

    /// Takes what is known of a table for the table.
    fn recall(&self, _files: &Files, _table: &RecordedTable) -> Result<(), Diagnostic> {
        Ok(())
    }

    /// What reads another table as this one: these columns, for predictions. Of other sources there is none.
    fn like(&self, _path: &str, _columns: &[&str], _table: &RecordedTable) -> Option<Rc<dyn Reader>> {
        None
    }

    /// How many rows there are to predict for.
    fn rows_to_predict(&self, files: &Files, real: DType) -> Result<usize, Diagnostic> {
        self.schema(files, real).map(|schema| schema.rows)
    }

    /// What to do about this column if it is real and class numbers are needed.
    fn help_for_labels(&self, _column: &str) -> Option<String> {
        None
    }
}

/// A source as a script gives it.
#[derive(Clone, Debug)]
pub struct FileSource {
    kind: &'static SourceKind,
    arguments: Arguments,
    reader: Rc<dyn Reader>,
}

impl FileSource {
    /// A source of this kind, with arguments that are as the kind says.
    pub fn new(kind: &'static SourceKind, arguments: Arguments) -> FileSource {
        let reader = (kind.reader)(&arguments);
        FileSource { kind, arguments, reader }
    }

    /// The same kind with something else that reads it.
    pub(crate) fn with_reader(&self, reader: Rc<dyn Reader>) -> FileSource {
        FileSource { reader, ..self.clone() }
    }

    /// What kind of source it is.
    pub(crate) fn kind(&self) -> &'static SourceKind {
        self.kind
    }

    /// Its arguments.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// What reads it.
    pub(crate) fn reader(&self) -> &dyn Reader {
        &*self.reader
    }
}

impl Display for FileSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name, self.arguments)
    }
}

/// What data files hold, as far as types and shapes go.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Columns in scope with their types without the row axis, `x` and `y` first.
    pub columns: Vec<(String, Type)>,
    /// Number of rows, without those of the files' own test split.
    pub rows: usize,
    /// Rows of the files' own test split, if they have one.
    pub test_rows: Option<usize>,
    /// How many of the rows are the test split, where it is more than a share of them.
    pub chosen: Option<usize>,
    /// How many words there are in columns that hold words.
    pub words: Vec<(String, usize)>,
    /// Of a text, its different characters, sorted.
    pub characters: Vec<char>,
}

/// What is asked about data files when a script is checked. Diagnostics come without labels.
pub trait Catalog {
    /// The schema of a source, or why it cannot be read.
    fn schema(&self, source: &FileSource, real: DType) -> Result<Schema, Diagnostic>;
}
