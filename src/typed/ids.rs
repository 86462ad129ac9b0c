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

/// Index into [`Program::statements`](super::Program::statements) of the `let` that binds the name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GlobalId(pub usize);

/// A name inside one function, stage or run: index into its `locals`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalId(pub usize);
