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
//! The listing of `src` is the pipeline. A stage sees the data of the stage before it, and `algebra`;
//! nobody sees ahead. [`pipeline`] chains them; on top of it stand [`cli`], the command line,
//! [`gradcheck`], which compares gradients with differences, [`report`], a page about a run, [`optimizer`],
//! pipelines for programs that bring their own parameters and gradients, and [`capi`], the same for
//! programs in C.
//!
//! | folder | comes in | goes out |
//! | --- | --- | --- |
//! | [`ast`] | text | the tree, and what is wrong with it |
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
//! From `graph` on functions are total: an internal error names its pass. Only `run` may fail again, on
//! files, on data and on a loss that is not finite.

pub mod diag;
pub(crate) mod input;
pub mod pass;
pub mod print;
pub mod source;

pub mod algebra;
pub mod ast;
pub mod check;
pub mod graph;
pub mod kernel;
pub mod loops;
pub mod native;
pub mod run;

pub mod capi;
pub mod cli;
pub mod gradcheck;
pub mod optimizer;
pub mod pipeline;
pub mod report;
