//! Data sets: files as columns, split into training and test rows.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::csv::{Cells, Csv};
use super::dataset::{Dataset, Elements, Values};
use super::idx::Idx;
use super::npy::Array;
use super::rng::{self, Purpose};
use super::text::{Text, Windows};
use super::{csv, errors, idx, npy, text};
use crate::algebra::types::{DType, Dim, Type};
use crate::check::typed::{Data, DataSource};
use crate::check::{Catalog, Schema};
use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;
use crate::ice;

/// Data files, each read once in a compilation.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    csv: Read<Csv>,
    idx: Read<Idx>,
    arrays: Read<Arrays>,
    text: Read<Text>,
}

/// What has been read, by the path as written.
type Read<T> = RefCell<BTreeMap<String, Rc<T>>>;

/// The arrays of a file by name; one without a name in a `.npy` file.
type Arrays = BTreeMap<String, Array>;

impl Files {
    /// Files whose paths are relative to `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Files {
        Files {
            folder: folder.into(),
            csv: RefCell::default(),
            idx: RefCell::default(),
            arrays: RefCell::default(),
            text: RefCell::default(),
        }
    }

    /// What a file holds, which is read when it is first asked for.
    fn once<T>(
        &self,
        all: &Read<T>,
        name: &str,
        read: impl FnOnce(&Path, Vec<u8>) -> Result<T, Diagnostic>,
    ) -> Result<Rc<T>, Diagnostic> {
        if let Some(read) = all.borrow().get(name) {
            return Ok(read.clone());
        }
        let path = self.folder.join(name);
        let bytes = fs::read(&path).map_err(|error| errors::unreadable(&path, &error))?;
        let read = Rc::new(read(&path, bytes)?);
        all.borrow_mut().insert(name.to_owned(), read.clone());
        Ok(read)
    }

    fn csv(&self, name: &str) -> Result<Rc<Csv>, Diagnostic> {
        if let Some(read) = self.csv.borrow().get(name) {
            return Ok(read.clone());
        }
        let path = self.folder.join(name);
        let file = open(&path)?;
        let read = Rc::new(csv::read(&path, BufReader::new(file))?);
        self.csv.borrow_mut().insert(name.to_owned(), read.clone());
        Ok(read)
    }

    fn idx(&self, name: &str) -> Result<Rc<Idx>, Diagnostic> {
        self.once(&self.idx, name, idx::read)
    }

    fn arrays(&self, name: &str, archive: bool) -> Result<Rc<Arrays>, Diagnostic> {
        self.once(&self.arrays, name, |path, bytes| match archive {
            true => npy::read_all(path, &bytes),
            false => Ok(BTreeMap::from([(String::new(), npy::read(path, &bytes)?)])),
        })
    }

    /// A text and its windows.
    fn windows(
        &self,
        name: &str,
        context: usize,
        test: Option<f64>,
    ) -> Result<(Rc<Text>, Windows), Diagnostic> {
        let text = self.once(&self.text, name, text::read)?;
        let windows = text.windows(&self.folder.join(name), context, test)?;
        Ok((text, windows))
    }

    /// The rows of a data set whose types are those its schema gave.
    pub(crate) fn load(&self, data: &Data, real: DType) -> Result<Dataset, Diagnostic> {
        let mut dataset = match &data.source {
            DataSource::Csv { path, target, windows } => {
                self.load_csv(data, path, target.as_deref(), windows.unwrap_or(0), real)?
            }
            DataSource::Idx { x, y, test_x, test_y } => {
                let own_test = test_x.as_deref().map(|test_x| (test_x, test_y.as_deref()));
                self.load_idx(data, (x, y.as_deref()), own_test)?
            }
            DataSource::Synthetic { .. } => ice!("run", "`{}` is computed, not read", data.name),
            DataSource::Arrays { archive, columns } => {
                self.load_arrays(data, archive.as_deref(), columns, real)?
            }
            DataSource::Text { path, context, test } => self.load_text(path, *context, *test)?,
        };
        for name in &data.standardize {
            dataset.standardize(name, real);
        }
        if let DataSource::Csv { windows: Some(rows), .. } = &data.source {
            dataset.window(*rows);
        }
        Ok(dataset)
    }

    fn load_csv(
        &self,
        data: &Data,
        name: &str,
        target: Option<&str>,
        windows: usize,
        real: DType,
    ) -> Result<Dataset, Diagnostic> {
        let csv = self.csv(name)?;
        let (train, test) = match windows {
            0 => split(csv.rows, data.rows.test),
            // In order of time: what comes last is the test.
            _ => {
                let all: Vec<u32> = (0..csv.rows as u32).collect();
                let (train, test) = all.split_at(csv.rows - data.rows.test);
                (train.to_vec(), test.to_vec())
            }
        };
        if let Some(target) = target {
            check_classes(&self.folder.join(name), &csv, target, &train, &test)?;
        }
        let columns = data.columns.iter().map(|column| {
            let cells = csv_cells(&csv, &column.name, target);
            (column.name.clone(), Values::from_cells(&cells, csv.rows, column.ty.dtype, real))
        });
        Ok(Dataset { columns: columns.collect(), train, test })
    }

    fn load_idx(
        &self,
        data: &Data,
        whole: (&str, Option<&str>),
        own_test: Option<(&str, Option<&str>)>,
    ) -> Result<Dataset, Diagnostic> {
        let mut x = self.idx(whole.0)?.data.clone();
        let mut y = whole.1.map(|y| self.idx(y)).transpose()?.map(|y| y.data.clone()).unwrap_or_default();
        let (train, test) = match own_test {
            None => split(data.rows.all, data.rows.test),
            Some((test_x, test_y)) => {
                x.extend_from_slice(&self.idx(test_x)?.data);
                if let Some(test_y) = test_y {
                    y.extend_from_slice(&self.idx(test_y)?.data);
                }
                let first = data.rows.train as u32;
                ((0..first).collect(), (first..data.rows.all as u32).collect())
            }
        };
        let columns = data.columns.iter().map(|column| {
            let bytes = if column.name == "y" { std::mem::take(&mut y) } else { std::mem::take(&mut x) };
            (column.name.clone(), Values::rows(column.ty.count(), Elements::Bytes(bytes)))
        });
        Ok(Dataset { columns: columns.collect(), train, test })
    }

    /// The columns of a csv file; of windows, each but `y` with an axis for the rows of a window.
    fn windowed_schema(
        &self,
        name: &str,
        target: Option<&str>,
        windows: Option<usize>,
        real: DType,
    ) -> Result<Schema, Diagnostic> {
        let mut schema = self.csv_schema(name, target, real)?;
        let Some(rows) = windows else { return Ok(schema) };
        if schema.rows <= rows {
            return Err(errors::few_rows(&self.folder.join(name), schema.rows, rows));
        }
        schema.rows -= rows;
        let windowed = schema.columns.iter_mut().filter(|(name, _)| target.is_none() || name != "y");
        windowed.for_each(|(_, ty)| ty.shape.insert(0, Dim::from(rows)));
        Ok(schema)
    }

    fn csv_schema(&self, name: &str, target: Option<&str>, real: DType) -> Result<Schema, Diagnostic> {
        let csv = self.csv(name)?;
        let path = self.folder.join(name);
        if let Some(target) = target.filter(|target| !csv.header.iter().any(|name| name == target)) {
            let names = csv.header.iter().map(String::as_str);
            return Err(errors::unknown_column(&path, target, nearest(target, names), &csv.header));
        }
        let features = csv.header.iter().filter(|name| Some(name.as_str()) != target).count();
        let label = |cells: &Cells| if cells.is_label() { DType::I32 } else { real };
        let mut columns = Vec::new();
        if features > 0 {
            columns.push(("x".to_owned(), Type::of(real, &[features])));
        }
        for (name, cells) in csv.header.iter().zip(&csv.columns) {
            if Some(name.as_str()) == target {
                columns.insert(columns.len().min(1), ("y".to_owned(), Type::scalar(label(cells))));
            }
        }
        for (name, cells) in csv.header.iter().zip(&csv.columns) {
            if !columns.iter().any(|(have, _)| have == name) {
                let words = matches!(cells, Cells::Words { .. });
                let dtype = if words || Some(name.as_str()) == target { label(cells) } else { real };
                columns.push((name.clone(), Type::scalar(dtype)));
            }
        }
        Ok(Schema { columns, rows: csv.rows, ..Schema::default() })
    }

    fn idx_schema(
        &self,
        (x, y): (&str, Option<&str>),
        own_test: Option<(&str, Option<&str>)>,
        real: DType,
    ) -> Result<Schema, Diagnostic> {
        let (images, columns) = self.idx_columns(x, y, real)?;
        let mut test_rows = None;
        if let Some((test_x, test_y)) = own_test {
            let (more, test_columns) = self.idx_columns(test_x, test_y, real)?;
            if columns != test_columns {
                let path = self.folder.join(test_x);
                return Err(errors::bad_idx(&path, "its rows have other sizes than the training file's"));
            }
            test_rows = Some(more);
        }
        Ok(Schema { columns, rows: images, test_rows, ..Schema::default() })
    }

    fn idx_columns(
        &self,
        x: &str,
        y: Option<&str>,
        real: DType,
    ) -> Result<(usize, Vec<(String, Type)>), Diagnostic> {
        let images = self.idx(x)?;
        let mut columns = vec![("x".to_owned(), Type::of(real, &images.sizes[1..]))];
        if let Some(y) = y {
            let labels = self.idx(y)?;
            if labels.sizes[0] != images.sizes[0] {
                let reason = format!("it has {} rows, but `{x}` has {}", labels.sizes[0], images.sizes[0]);
                return Err(errors::bad_idx(&self.folder.join(y), reason));
            }
            columns.push(("y".to_owned(), Type::of(DType::I32, &labels.sizes[1..])));
        }
        Ok((images.sizes[0], columns))
    }

    /// The columns of arrays with the file of each and its name there. All arrays of an archive are
    /// columns if none are named.
    fn named(&self, archive: Option<&str>, columns: &[(String, String)]) -> Result<Vec<Named>, Diagnostic> {
        let Some(path) = archive else {
            let named = |(column, path): &(String, String)| {
                Ok((column.clone(), self.arrays(path, false)?, String::new()))
            };
            return columns.iter().map(named).collect();
        };
        let arrays = self.arrays(path, true)?;
        if columns.is_empty() {
            let mut names: Vec<&String> = arrays.keys().collect();
            names.sort_by_key(|name| (*name != "x", *name != "y"));
            return Ok(names.into_iter().map(|name| (name.clone(), arrays.clone(), name.clone())).collect());
        }
        let named = |(column, name): &(String, String)| match arrays.contains_key(name) {
            true => Ok((column.clone(), arrays.clone(), name.clone())),
            false => {
                let names: Vec<String> = arrays.keys().cloned().collect();
                let near = nearest(name, arrays.keys().map(String::as_str));
                Err(errors::unknown_column(&self.folder.join(path), name, near, &names))
            }
        };
        columns.iter().map(named).collect()
    }

    fn arrays_schema(
        &self,
        archive: Option<&str>,
        columns: &[(String, String)],
        real: DType,
    ) -> Result<Schema, Diagnostic> {
        let mut schema = Schema::default();
        for (column, arrays, name) in self.named(archive, columns)? {
            let array = &arrays[&name];
            let path = self.folder.join(archive.unwrap_or_else(|| path_of(columns, &column)));
            let [rows, sizes @ ..] = array.sizes.as_slice() else {
                return Err(errors::bad_npy(&path, format!("`{column}` is one number and has no rows")));
            };
            if array.data.is_empty() {
                return Err(errors::empty(&path, "rows"));
            }
            if !schema.columns.is_empty() && schema.rows != *rows {
                let first = &schema.columns[0].0;
                let reason = format!("`{column}` has {rows} rows, and `{first}` has {}", schema.rows);
                return Err(errors::bad_npy(&path, reason));
            }
            schema.rows = *rows;
            schema.columns.push((column, Type::of(if array.float { real } else { DType::I32 }, sizes)));
        }
        Ok(schema)
    }

    fn load_arrays(
        &self,
        data: &Data,
        archive: Option<&str>,
        columns: &[(String, String)],
        real: DType,
    ) -> Result<Dataset, Diagnostic> {
        let (train, test) = split(data.rows.all, data.rows.test);
        let mut loaded = Vec::new();
        for (column, arrays, name) in self.named(archive, columns)? {
            let array = &arrays[&name];
            let path = self.folder.join(archive.unwrap_or_else(|| path_of(columns, &column)));
            let fits = |x: &f64| if array.float { x.is_finite() } else { f64::from(*x as i32) == *x };
            if let Some(number) = array.data.iter().find(|x| !fits(x)) {
                let reason = format!("`{column}` holds {number}, which is no number of its column");
                return Err(errors::bad_npy(&path, reason));
            }
            let dtype = if array.float { real } else { DType::I32 };
            let width = array.data.len() / array.sizes[0];
            loaded.push((column, Values::rows(width, Elements::new(array.data.clone(), dtype))));
        }
        Ok(Dataset { columns: loaded, train, test })
    }

    fn text_schema(&self, path: &str, context: usize, test: Option<f64>) -> Result<Schema, Diagnostic> {
        let (text, windows) = self.windows(path, context, test)?;
        let column = |name: &str| (name.to_owned(), Type::of(DType::I32, &[context]));
        Ok(Schema {
            columns: vec![column("x"), column("y")],
            rows: windows.starts.len() - windows.test,
            test_rows: test.map(|_| windows.test),
            characters: text.characters.clone(),
        })
    }

    /// Each row is a window, and the same one character later. Test rows come last.
    fn load_text(&self, path: &str, context: usize, test: Option<f64>) -> Result<Dataset, Diagnostic> {
        let (text, windows) = self.windows(path, context, test)?;
        let column = |name: &str, shift: usize| {
            let starts = windows.starts.iter().map(|start| start + shift).collect();
            let elements = Elements::Windows { codes: text.clone(), starts };
            (name.to_owned(), Values::rows(context, elements))
        };
        let all = windows.starts.len() as u32;
        let first = all - windows.test as u32;
        let columns = vec![column("x", 0), column("y", 1)];
        Ok(Dataset { columns, train: (0..first).collect(), test: (first..all).collect() })
    }
}

/// A column, the arrays of its file, and its name there.
type Named = (String, Rc<Arrays>, String);

/// The file of a column.
fn path_of<'a>(columns: &'a [(String, String)], column: &str) -> &'a str {
    columns.iter().find(|(have, _)| have == column).map_or("", |(_, path)| path)
}

impl Catalog for Files {
    fn schema(&self, source: &DataSource, real: DType) -> Result<Schema, Diagnostic> {
        match source {
            DataSource::Csv { path, target, windows } => {
                self.windowed_schema(path, target.as_deref(), *windows, real)
            }
            DataSource::Idx { x, y, test_x, test_y } => {
                let own_test = test_x.as_deref().map(|test_x| (test_x, test_y.as_deref()));
                self.idx_schema((x, y.as_deref()), own_test, real)
            }
            DataSource::Synthetic { .. } => ice!("run", "computed data has no file"),
            DataSource::Arrays { archive, columns } => self.arrays_schema(archive.as_deref(), columns, real),
            DataSource::Text { path, context, test } => self.text_schema(path, *context, *test),
        }
    }
}

/// The file's columns that a column of the language is made of.
fn csv_cells<'a>(csv: &'a Csv, name: &str, target: Option<&str>) -> Vec<&'a Cells> {
    let all = || csv.header.iter().zip(&csv.columns);
    let named = |wanted: &str| all().filter(|(have, _)| *have == wanted).map(|(_, cells)| cells).collect();
    match (name, target) {
        ("x", target) => {
            all().filter(|(have, _)| Some(have.as_str()) != target).map(|(_, cells)| cells).collect()
        }
        ("y", Some(target)) => named(target),
        (name, _) => named(name),
    }
}

/// Training and test rows, each ascending; `test` of `rows` rows are drawn at random, always the same.
pub(super) fn split(rows: usize, test: usize) -> (Vec<u32>, Vec<u32>) {
    if test == 0 {
        return ((0..rows as u32).collect(), Vec::new());
    }
    let mut order = rng::permutation(rows, 0, Purpose::Split);
    let mut test_rows = order.split_off(rows - test);
    order.sort_unstable();
    test_rows.sort_unstable();
    (order, test_rows)
}

fn check_classes(
    path: &Path,
    csv: &Csv,
    target: &str,
    train: &[u32],
    test: &[u32],
) -> Result<(), Diagnostic> {
    let position = csv.header.iter().position(|name| name == target);
    let Some(Cells::Words { classes, codes }) = position.map(|position| &csv.columns[position]) else {
        return Ok(());
    };
    let seen: BTreeSet<i32> = train.iter().map(|row| codes[*row as usize]).collect();
    match test.iter().map(|row| codes[*row as usize]).find(|code| !seen.contains(code)) {
        Some(code) => Err(errors::unseen_class(path, target, &classes[code as usize])),
        None => Ok(()),
    }
}

fn open(path: &Path) -> Result<File, Diagnostic> {
    let file = File::open(path).map_err(|error| errors::unreadable(path, &error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            let error = std::io::Error::other("it is a folder");
            Err(errors::unreadable(path, &error))
        }
        _ => Ok(file),
    }
}
