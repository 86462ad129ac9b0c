//! What can go wrong with a compiled optimizer.

use std::fmt;

use crate::algebra::types::DType;
use crate::print;
use crate::run::machine::OutOfMemory;

/// What went wrong. Nothing has changed then.
#[derive(Clone, PartialEq, Debug)]
pub enum Error {
    /// A buffer has another length.
    Length {
        /// The buffer.
        what: String,
        /// Its length.
        have: usize,
        /// The length it should have.
        want: usize,
    },
    /// A buffer has another element type than the optimizer was compiled for.
    Type {
        /// The buffer.
        what: &'static str,
        /// Its type.
        have: DType,
        /// The type it should have.
        want: DType,
    },
    /// There is no state or hyperparameter of this name.
    UnknownName {
        /// `state` or `hyperparameter`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The name that may be meant.
        near: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A hyperparameter is an expression of `t` or `T`.
    Computed {
        /// Its name.
        name: String,
    },
    /// A value that is not finite, or outside of the range of a hyperparameter.
    Value {
        /// Of what.
        name: String,
        /// The value.
        value: f64,
    },
    /// The loss is not finite, or missing while a stage looks at it.
    Loss(Option<f64>),
    /// A stage takes a position outside of an axis.
    Position {
        /// The position.
        found: i32,
        /// The size of the axis.
        below: usize,
    },
    /// There are no states before `init` or the first step.
    NotStarted,
    /// Memory is short.
    Memory(OutOfMemory),
    /// A file cannot be read or written, or is not a file of states.
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file holds the states of something else.
    Mismatch {
        /// The file.
        path: String,
        /// In what it differs: `another pipeline`, `other parameters` or `another element type`.
        what: &'static str,
        /// What the file is for.
        file: String,
        /// What this optimizer is for.
        here: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Length { what, have, want } => write!(f, "{what}: {have} given, not {want}"),
            Error::Type { what, have, want } => {
                write!(f, "{what}: elements of {have}, but the optimizer was compiled for {want}")
            }
            Error::UnknownName { kind, name, near: Some(near), .. } => {
                write!(f, "there is no {kind} `{name}`: did you mean `{near}`?")
            }
            Error::UnknownName { kind, name, near: None, known } if known.is_empty() => {
                write!(f, "there is no {kind} `{name}`: the pipeline has none")
            }
            Error::UnknownName { kind, name, near: None, known } => {
                write!(f, "there is no {kind} `{name}`: there are `{}`", known.join("`, `"))
            }
            Error::Computed { name } => {
                write!(f, "`{name}` is computed in each step by an expression of the pipeline")
            }
            Error::Value { name, value } => write!(f, "`{name}` cannot be {}", print::number(*value)),
            Error::Loss(Some(loss)) => write!(f, "the loss is {}", print::number(*loss)),
            Error::Loss(None) => f.write_str("a stage looks at the loss, which is not given"),
            Error::Position { found, below } => {
                write!(f, "a stage takes position {found} of an axis of size {below}")
            }
            Error::NotStarted => {
                f.write_str("there are no states yet: start with `init`, a step, or by loading a file")
            }
            Error::Memory(error) => error.fmt(f),
            Error::File { path, reason } => write!(f, "`{path}`: {reason}"),
            Error::Mismatch { path, what, file, here } => {
                write!(f, "`{path}` is for {what}: {file}; this optimizer is for {here}")
            }
        }
    }
}

impl std::error::Error for Error {}
