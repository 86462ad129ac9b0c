//! Data sets: files as columns, split into training and test rows.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::csv::{Cells, Csv};
use super::idx::Idx;
use super::machine::{Machine, Memory};
use super::rng::{self, Purpose};
use super::{csv, errors, idx};
use crate::algebra::types::{DType, Type};
use crate::check::typed::{Data, DataSource, Split};
use crate::check::{Catalog, Schema};
use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;
use crate::graph::Role;
use crate::ice;

/// Data files, each read once in a compilation.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    csv: RefCell<BTreeMap<String, Rc<Csv>>>,
    idx: RefCell<BTreeMap<String, Rc<Idx>>>,
}

impl Files {
    /// Files whose paths are relative to `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Files {
        Files { folder: folder.into(), csv: RefCell::default(), idx: RefCell::default() }
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
        if let Some(read) = self.idx.borrow().get(name) {
            return Ok(read.clone());
        }
        let path = self.folder.join(name);
        let bytes = fs::read(&path).map_err(|error| errors::unreadable(&path, &error))?;
        let read = Rc::new(idx::read(&path, bytes)?);
        self.idx.borrow_mut().insert(name.to_owned(), read.clone());
        Ok(read)
    }

    /// The rows of a data set whose types are those its schema gave.
    pub(crate) fn load(&self, data: &Data, real: DType) -> Result<Dataset, Diagnostic> {
        let mut dataset = match &data.source {
            DataSource::Csv { path, target } => self.load_csv(data, path, target.as_deref(), real)?,
            DataSource::Idx { x, y, test_x, test_y } => {
                let own_test = test_x.as_deref().map(|test_x| (test_x, test_y.as_deref()));
                self.load_idx(data, (x, y.as_deref()), own_test)?
            }
            DataSource::Synthetic { .. } => ice!("run", "`{}` is computed, not read", data.name),
        };
        for name in &data.standardize {
            dataset.standardize(name, real);
        }
        Ok(dataset)
    }

    fn load_csv(
        &self,
        data: &Data,
        name: &str,
        target: Option<&str>,
        real: DType,
    ) -> Result<Dataset, Diagnostic> {
        let csv = self.csv(name)?;
        let (train, test) = split(csv.rows, data.rows.test);
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
            (column.name.clone(), Values { width: column.ty.count(), elements: Elements::Bytes(bytes) })
        });
        Ok(Dataset { columns: columns.collect(), train, test })
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
        Ok(Schema { columns, rows: csv.rows, test_rows: None })
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
        Ok(Schema { columns, rows: images, test_rows })
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
}

impl Catalog for Files {
    fn schema(&self, source: &DataSource, real: DType) -> Result<Schema, Diagnostic> {
        match source {
            DataSource::Csv { path, target } => self.csv_schema(path, target.as_deref(), real),
            DataSource::Idx { x, y, test_x, test_y } => {
                let own_test = test_x.as_deref().map(|test_x| (test_x, test_y.as_deref()));
                self.idx_schema((x, y.as_deref()), own_test, real)
            }
            DataSource::Synthetic { .. } => ice!("run", "computed data has no file"),
        }
    }
}

/// A data set in memory.
#[derive(Debug)]
pub(crate) struct Dataset {
    columns: Vec<(String, Values)>,
    train: Vec<u32>,
    test: Vec<u32>,
}

/// All rows of one column.
#[derive(Debug)]
struct Values {
    /// Elements of a row.
    width: usize,
    elements: Elements,
}

#[derive(Debug)]
enum Elements {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I32(Vec<i32>),
    /// Numbers of the column's type, kept small.
    Bytes(Vec<u8>),
}

impl Dataset {
    /// Computed data: all rows of each column.
    pub(super) fn computed(data: &Data, columns: impl Iterator<Item = Memory>) -> Dataset {
        let (train, test) = split(data.rows.all, data.rows.test);
        let columns = data.columns.iter().zip(columns).map(|(column, memory)| {
            let elements = Elements::of(&memory);
            (column.name.clone(), Values { width: column.ty.count(), elements })
        });
        Dataset { columns: columns.collect(), train, test }
    }

    /// The rows of a split, ascending.
    pub(crate) fn rows(&self, split: Split) -> Vec<u32> {
        let mut rows = match split {
            Split::All => [self.train.as_slice(), &self.test].concat(),
            Split::Train => self.train.clone(),
            Split::Test => self.test.clone(),
        };
        rows.sort_unstable();
        rows
    }

    /// Copies rows of a column, in this order, to `out`, as elements of `dtype`.
    pub(crate) fn gather(&self, column: usize, rows: &[u32], dtype: DType, out: &mut [u8]) {
        let values = &self.columns[column].1;
        let width = values.width * dtype.bytes();
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(width.max(1))) {
            let range = *row as usize * values.width..(*row as usize + 1) * values.width;
            copy_row(&values.elements, range, dtype, out);
        }
    }

    /// Gives a program these rows of the columns it reads.
    pub(super) fn give(&self, machine: &mut Machine, rows: &[u32]) {
        for input in 0..machine.n_inputs() {
            if let Role::Column(column) = *machine.role(input) {
                let dtype = machine.dtype(input);
                self.gather(column, rows, dtype, machine.input_bytes(input));
            }
        }
    }

    /// Gives a column mean 0 and standard deviation 1 over the training rows (population form). A
    /// constant feature becomes 0.
    fn standardize(&mut self, name: &str, real: DType) {
        let Some((_, values)) = self.columns.iter_mut().find(|(have, _)| have == name) else { return };
        let width = values.width;
        let mut wide: Vec<f64> = values.elements.to_f64();
        for feature in 0..width {
            let (mean, deviation) = moments(&wide, &self.train, width, feature);
            let by = if deviation == 0.0 { 1.0 } else { deviation };
            for value in wide.iter_mut().skip(feature).step_by(width) {
                *value = (*value - mean) / by;
            }
        }
        values.elements = Elements::new(wide, real);
    }
}

fn moments(wide: &[f64], rows: &[u32], width: usize, feature: usize) -> (f64, f64) {
    let column = || rows.iter().map(|row| wide[*row as usize * width + feature]);
    let count = rows.len() as f64;
    let mean = column().sum::<f64>() / count;
    let variance = column().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

fn copy_row(elements: &Elements, range: std::ops::Range<usize>, dtype: DType, out: &mut [u8]) {
    match elements {
        Elements::F32(all) => put(&all[range], out, |value| value.to_ne_bytes()),
        Elements::F64(all) => put(&all[range], out, |value| value.to_ne_bytes()),
        Elements::I32(all) => put(&all[range], out, |value| value.to_ne_bytes()),
        Elements::Bytes(all) => match dtype {
            DType::F32 => put(&all[range], out, |value| f32::from(value).to_ne_bytes()),
            DType::F64 => put(&all[range], out, |value| f64::from(value).to_ne_bytes()),
            _ => put(&all[range], out, |value| i32::from(value).to_ne_bytes()),
        },
    }
}

fn put<T: Copy, const N: usize>(values: &[T], out: &mut [u8], bytes: impl Fn(T) -> [u8; N]) {
    for (value, out) in values.iter().zip(out.chunks_exact_mut(N)) {
        out.copy_from_slice(&bytes(*value));
    }
}

impl Elements {
    fn of(memory: &Memory) -> Elements {
        fn read<T, const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
            bytes.chunks_exact(N).map(|chunk| of(std::array::from_fn(|k| chunk[k]))).collect()
        }
        let bytes = memory.to_bytes();
        match memory.dtype() {
            DType::F32 => Elements::F32(read(&bytes, f32::from_ne_bytes)),
            DType::F64 => Elements::F64(read(&bytes, f64::from_ne_bytes)),
            DType::I32 => Elements::I32(read(&bytes, i32::from_ne_bytes)),
            other => ice!("run", "a column of {other}"),
        }
    }

    fn new(wide: Vec<f64>, dtype: DType) -> Elements {
        match dtype {
            DType::F32 => Elements::F32(wide.into_iter().map(|value| value as f32).collect()),
            DType::F64 => Elements::F64(wide),
            _ => Elements::I32(wide.into_iter().map(|value| value as i32).collect()),
        }
    }

    fn to_f64(&self) -> Vec<f64> {
        match self {
            Elements::F32(all) => all.iter().map(|value| f64::from(*value)).collect(),
            Elements::F64(all) => all.clone(),
            Elements::I32(all) => all.iter().map(|value| f64::from(*value)).collect(),
            Elements::Bytes(all) => all.iter().map(|value| f64::from(*value)).collect(),
        }
    }
}

impl Values {
    fn from_cells(cells: &[&Cells], rows: usize, dtype: DType, real: DType) -> Values {
        let wide = (0..rows).flat_map(|row| cells.iter().map(move |cells| cells.number(row))).collect();
        let dtype = if dtype.is_float() { real } else { dtype };
        Values { width: cells.len(), elements: Elements::new(wide, dtype) }
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
fn split(rows: usize, test: usize) -> (Vec<u32>, Vec<u32>) {
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
