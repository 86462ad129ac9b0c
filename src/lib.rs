//! Egret: a small language for models and optimizer pipelines, and its compiler.
//!
//! A script declares data, models and optimizers and then runs. The compiler differentiates the model,
//! fuses gradient, moments and the exponentiated-gradient update of Amid et al. 2022 into few
//! vectorised loops, and runs them as native code.
//!
//! ```
//! use egret::pipeline::{Options, Program};
//! use egret::run::{Settings, Silent};
//!
//! let source = "
//!     fn bowl(x: real[N]) -> real = sum((x - 3)^2)
//!     let a = bowl(iota[5])
//! ";
//! let program = Program::compile("bowl.eg", source, Options::default()).expect("it is right");
//! assert!(program.emit_named("graph").expect("it compiles").is_some_and(|text| text.contains("sum")));
//! let outcome = program.run(&Settings::default(), &mut Silent).expect("nothing can go wrong");
//! assert_eq!(outcome.tensor("a"), Some(vec![15.0]));
//! ```
//!
//! # Architecture
//!
//! The listing of `src` is the pipeline. A stage sees the data of the stage before it, `algebra` and `data`;
//! nobody sees ahead. [`pipeline`] chains them; on top of it stand [`cli`], the command line,
//! [`gradcheck`], which compares gradients with differences, [`report`], a page about a run, [`optimizer`],
//! pipelines for programs that bring their own parameters and gradients, and [`capi`], the same for
//! programs in C.
//!
//! | folder | comes in | goes out |
//! | --- | --- | --- |
//! | [`ast`] | text | the tree, and what is wrong with it |
//! | [`typed`] | | the typed program as data: made by `check`, and by programs that build one themselves |
//! | [`check`] | tree | the typed program, and what is wrong with it: the last place where a user can be wrong |
//! | [`graph`] | typed program | one tensor graph per program: forward, gradient, optimizer step |
//! | [`kernel`] | graphs | fused kernels over buffers |
//! | [`loops`] | kernels | explicit loops over scalars and vectors, and the memory plan |
//! | [`native`] | loops | machine code, through Cranelift; inner loops at full width by itself |
//! | [`run`] | machine code | numbers: data, training, plots, checkpoints |
//!
//! [`algebra`] says what is computed: element types, sizes, scalar functions and operator families, each
//! declared once as data (a [`Term`](algebra::term::Term) for scalar bodies and derivatives, a
//! [`Form`](algebra::form::Form) for loop nests), which graphs, interpreters, code generation, tests and
//! the manual all read. The library, `std/*.eg`, is Egret source: layers, losses, activations and every
//! optimizer stage.
//!
//! Decisions about speed, such as whether a kernel is a matrix product of the library, read one description of a
//! machine, `hardware`, and never ask the machine at hand.
//!
//! What `graph`, `kernel` and `loops` do to their form of the program are the rows of a table of passes each
//! ([`pass`]): `egret emit --list` lists them, `egret emit STAGE --after PASS FILE` prints in between, and
//! debug builds verify between them. A script has many programs, which are found by what they are
//! [for](graph::Purpose), never by their names.
//!
//! [`data`] reads files: `check` asks it for a schema, `run` for columns. A source of data is a file of
//! `data/sources`, which says its arguments and reads schema and columns, and a row of [`data::SOURCES`];
//! `check`, messages and printed programs go by the row.
//!
//! A statement that leaves nothing for others, an [`Act`](typed::Act) such as `print` or `save`, is its word in
//! `ast/token.rs`, a file of `check/script/acts`, which says what it takes, what its program computes, how it is
//! printed and what it does with the [`Host`](typed::Host) that `run` is, and a row of the table there.
//!
//! From `graph` on functions are total: an internal error names its pass. Only `run` may fail again, on
//! files, on data and on a loss that is not finite.
//!
//! # Words
//!
//! Names are the field's where it has one. These are our own:
//!
//! | word | meaning |
//! | --- | --- |
//! | arena | the flat buffer of all parameters of a model, and the buffer of a program's temporaries |
//! | segments | the lengths of the tensors in an arena, over which a stage may reduce |
//! | row (of a table) | a scalar primitive, a pass, a rewrite: what is declared once as data |
//! | form | an operator as affine reads, a scalar body and a reduction |
//! | stage | an element of an optimizer pipeline; also a folder of the compiler |
//! | cell | a hyperparameter, which is an input of the step and changes without recompiling |
//! | extent | what a value of a stage has one number for: coordinate, row, column, tensor, group, model |
//! | commit | the part of a step that writes what outlives it, once its loss is known to be finite |
//! | congruent states | states of an optimizer that are equal in every step and share their memory; the cells that have to be equal for that are its guards |
//! | phase | a part of a training step: loss, metrics, gradient, each stage, update |
//! | positions | indices and labels that data can put outside of their range, and which are checked |
//! | chunks | rows of an evaluation that are computed at a time |
//! | parts | pieces of a loop for threads; they are the same ones whatever the number of threads |
//! | region | kernels or calls that are repeated: the body of a loop that stayed one |
//! | listing | what `egret emit` prints: the program after a stage of the compiler |

pub mod diag;
pub(crate) mod hardware;
pub(crate) mod input;
pub mod pass;
pub mod print;
pub mod source;
pub(crate) mod system;

pub mod algebra;
pub mod ast;
pub mod check;
pub mod data;
pub mod graph;
pub mod kernel;
pub mod loops;
pub mod native;
pub mod run;
pub mod typed;

pub mod capi;
pub mod cli;
pub mod gradcheck;
pub mod optimizer;
pub mod pipeline;
pub mod report;
