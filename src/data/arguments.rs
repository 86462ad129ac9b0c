//! What sources take. Checking, messages and printing go by these rows.

use std::fmt::{self, Display, Formatter};

use crate::print::number;

/// An argument that a source takes.
#[derive(Debug)]
pub struct SourceArgument {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub takes: Takes,
    /// What it says: `the path of the file`.
    pub doc: &'static str,
}

/// What an argument may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// The path of a file, relative to the script's folder.
    Path,
    /// The name of a column.
    Column,
    /// A list of names of columns.
    Columns,
    /// A text, or a list of texts.
    Texts,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// One of these words, a number or a text: for all columns, or `{ "name": mean, else: drop }`.
    PerColumn(&'static [&'static str]),
    /// Names with a list of columns each: `{ "sizes": ["width", "height"] }`.
    Groups,
    /// A whole number that is not below this one.
    Whole(i64),
    /// The share of the rows that is the test split.
    Share,
    /// A number between 0 and 1, which the source itself divides by.
    OwnShare,
}

/// What an argument is.
#[derive(Clone, PartialEq, Debug)]
pub enum ArgumentValue {
    /// A path, the name of a column, or a text.
    Text(String),
    /// Names of columns, or texts.
    Names(Vec<String>),
    /// What is chosen for columns.
    PerColumn(PerColumn),
    /// Names with a list of columns each.
    Groups(Vec<(String, Vec<String>)>),
    /// A whole number.
    Whole(usize),
    /// A share.
    Share(f64),
}

/// What is chosen for columns: for some by name, and for all others.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PerColumn {
    /// For columns by name.
    pub named: Vec<(String, ColumnChoice)>,
    /// For all others, if that is said.
    pub others: Option<ColumnChoice>,
}

/// What is chosen for a column.
#[derive(Clone, PartialEq, Debug)]
pub enum ColumnChoice {
    /// One of the argument's words.
    Word(&'static str),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// The share of the rows that is the test split.
pub static TEST: SourceArgument =
    SourceArgument { name: "test", takes: Takes::Share, doc: "the share of the rows that is the test split" };

/// The arguments of a source, as a script gives them.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    given: Vec<(&'static SourceArgument, ArgumentValue)>,
    columns: Vec<(String, String)>,
}

impl Arguments {
    /// Adds an argument.
    pub fn give(&mut self, argument: &'static SourceArgument, value: ArgumentValue) {
        self.given.push((argument, value));
    }

    /// Adds a column, by its name in scripts and what it is in the file, or its file.
    pub fn name_column(&mut self, name: String, of: String) {
        self.columns.push((name, of));
    }

    /// The columns that have been named, `x` and `y` first.
    pub fn columns(&self) -> Vec<(String, String)> {
        let mut columns = self.columns.clone();
        columns.sort_by_key(|(name, _)| (name != "x", name != "y"));
        columns
    }

    /// Whether an argument of this name is given.
    pub(crate) fn gives(&self, name: &str) -> bool {
        self.given.iter().any(|(argument, _)| argument.name == name)
    }

    /// Text, if it is given.
    pub fn text(&self, argument: &'static SourceArgument) -> Option<&str> {
        match self.value(argument)? {
            ArgumentValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What is chosen for columns, if it is given.
    pub fn per_column(&self, argument: &'static SourceArgument) -> Option<&PerColumn> {
        match self.value(argument)? {
            ArgumentValue::PerColumn(chosen) => Some(chosen),
            _ => None,
        }
    }

    /// Names with a list of columns each; none if they are not given.
    pub fn groups(&self, argument: &'static SourceArgument) -> &[(String, Vec<String>)] {
        match self.value(argument) {
            Some(ArgumentValue::Groups(groups)) => groups,
            _ => &[],
        }
    }

    /// Names or texts; none if they are not given.
    pub fn names(&self, argument: &'static SourceArgument) -> &[String] {
        match self.value(argument) {
            Some(ArgumentValue::Names(names)) => names,
            _ => &[],
        }
    }

    /// A whole number, if it is given.
    pub fn whole(&self, argument: &'static SourceArgument) -> Option<usize> {
        match self.value(argument)? {
            ArgumentValue::Whole(number) => Some(*number),
            _ => None,
        }
    }

    /// A share, if it is given.
    pub fn share(&self, argument: &'static SourceArgument) -> Option<f64> {
        match self.value(argument)? {
            ArgumentValue::Share(share) => Some(*share),
            _ => None,
        }
    }

    fn value(&self, argument: &'static SourceArgument) -> Option<&ArgumentValue> {
        let of = |(have, _): &&(&'static SourceArgument, ArgumentValue)| std::ptr::eq(*have, argument);
        self.given.iter().find(of).map(|(_, value)| value)
    }
}

impl Display for Arguments {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let given = self.given.iter().map(|(argument, value)| match argument.name {
            "path" => value.to_string(),
            name => format!("{name} = {value}"),
        });
        let columns = self.columns().into_iter().map(|(name, of)| format!("{name} = {of:?}"));
        f.write_str(&given.chain(columns).collect::<Vec<_>>().join(", "))
    }
}

impl Display for ArgumentValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ArgumentValue::Text(text) => write!(f, "{text:?}"),
            ArgumentValue::Names(names) => write!(f, "{names:?}"),
            ArgumentValue::PerColumn(chosen) => write!(f, "{chosen}"),
            ArgumentValue::Groups(groups) => {
                let groups = groups.iter().map(|(name, columns)| format!("{name:?}: {columns:?}"));
                write!(f, "{{ {} }}", groups.collect::<Vec<_>>().join(", "))
            }
            ArgumentValue::Whole(whole) => write!(f, "{whole}"),
            ArgumentValue::Share(share) => f.write_str(&number(*share)),
        }
    }
}

impl Display for PerColumn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let others = self.others.as_ref();
        match others.filter(|_| self.named.is_empty()) {
            Some(all) => write!(f, "{all}"),
            None => {
                let named = self.named.iter().map(|(name, choice)| format!("{name:?}: {choice}"));
                let all = named.chain(others.map(|choice| format!("else: {choice}")));
                write!(f, "{{ {} }}", all.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl Display for ColumnChoice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ColumnChoice::Word(word) => f.write_str(word),
            ColumnChoice::Number(value) => f.write_str(&number(*value)),
            ColumnChoice::Text(text) => write!(f, "{text:?}"),
        }
    }
}
