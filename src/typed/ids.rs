//! What things of a typed program are called by other things of it.

/// Index into [`Program::data`](super::Program::data).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DataId(pub usize);

/// Index into [`Program::functions`](super::Program::functions).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FunctionId(pub usize);

/// Index into [`Program::stages`](super::Program::stages).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StageId(pub usize);

/// Index into [`Program::statements`](super::Program::statements): of a run, by what it leaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StatementId(pub usize);

/// A value of a `let` of the script.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GlobalId {
    /// The `let`.
    pub statement: StatementId,
    /// Which of its values.
    pub value: usize,
}

/// A name inside one function, stage or run: index into its `locals`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalId(pub usize);
