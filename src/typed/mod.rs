//! The typed program: what `check` makes of a script, and `graph` reads.
//!
//! Function bodies are generic in their sizes: types hold polynomials over [`SizeVar`]s, and a call
//! gives each variable of the callee a polynomial over the caller's. Everything else that is static
//! (function arguments, words, the number of leading `..` axes) is resolved: one source function may
//! give several [`Function`]s. All broadcasting and casting is written out.
//!
//! [`SizeVar`]: crate::algebra::types::SizeVar

mod act;
pub mod build;
mod data;
mod expr;
mod extent;
mod function;
mod ids;
mod optimizer;
pub(crate) mod pattern;
mod print;
mod program;
mod regular;
mod script;
mod series;
mod stage;
mod walk;

pub use act::{Act, Host, Shown};
pub use data::{Column, Data, DataSource, Rows, Split};
pub use expr::{Counter, Derive, DeriveKind, Expr, ExprKind, Instance, Local, Loop, Numbered, Part};
pub use extent::Extent;
pub use function::{Function, Member, Rule};
pub use ids::{DataId, FunctionId, GlobalId, LocalId, StageId, StatementId};
pub use optimizer::{Cell, Group, Optimizer, Range, StageUse};
pub use print::Printer;
pub use program::{LIMIT, Program, UNROLL};
pub use script::{
    Checkpoints, Curve, Eval, Length, Load, Sample, Start, Statement, StatementKind, Swept, Train, swept_cell,
};
pub use series::{Series, Statistic};
pub use stage::{Inner, Stage, StageScope, State};
pub use walk::free_locals;
