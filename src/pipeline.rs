//! The whole compiler on one page: the chain of stages, and the table of what can be printed.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::algebra::types::DType;
use crate::data::Files;
use crate::diag::{self, Code, Diagnostic};
use crate::native::{Native, Target};
use crate::pass::{PassInfo, Point};
use crate::run;
use crate::source::{FileId, Sources};
use crate::{ast, check, data, graph, kernel, loops, native, typed};

mod about;
mod profile;
mod timings;
mod uses;

pub(crate) use about::{about, library_names};
pub use profile::Profile;
pub use timings::Timings;

/// The library, itself written in Egret.
pub const LIBRARY: &[(&str, &str)] = &[
    ("std/math.eg", include_str!("std/math.eg")),
    ("std/nn.eg", include_str!("std/nn.eg")),
    ("std/recurrent.eg", include_str!("std/recurrent.eg")),
    ("std/conv.eg", include_str!("std/conv.eg")),
    ("std/image.eg", include_str!("std/image.eg")),
    ("std/loss.eg", include_str!("std/loss.eg")),
    ("std/schedule.eg", include_str!("std/schedule.eg")),
    ("std/optim.eg", include_str!("std/optim.eg")),
    ("std/adaptive.eg", include_str!("std/adaptive.eg")),
    ("std/eg.eg", include_str!("std/eg.eg")),
    ("std/rates.eg", include_str!("std/rates.eg")),
    ("std/stages.eg", include_str!("std/stages.eg")),
    ("std/factored.eg", include_str!("std/factored.eg")),
    ("std/second.eg", include_str!("std/second.eg")),
    ("std/wrap.eg", include_str!("std/wrap.eg")),
];

/// How to compile.
#[derive(Clone, Debug)]
pub struct Options {
    /// What `real` means, whatever the script says; `None`: what the script says, or else `f32`.
    pub real: Option<DType>,
    /// The folder that paths of data are relative to.
    pub folder: PathBuf,
    /// Whether states of an optimizer that are equal in every step share their memory. That depends on
    /// hyperparameters with equal values: [`Program::run`] with settings that make them differ compiles
    /// the program anew. Off for programs that change hyperparameters themselves.
    pub share_states: bool,
    /// The most operations that one program may have before it is simplified: compile time grows with them.
    pub limit: usize,
    /// Loops of at most so many iterations are written out.
    pub unroll: usize,
}

impl Default for Options {
    /// `real` is what the script says; data lies in the working directory; every state has memory of its own.
    fn default() -> Options {
        Options {
            real: None,
            folder: PathBuf::from("."),
            share_states: false,
            limit: typed::LIMIT,
            unroll: typed::UNROLL,
        }
    }
}

/// A form of the program that `egret emit` prints.
#[derive(Debug)]
pub struct Listing {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows.
    pub doc: &'static str,
    print: fn(&Program) -> Result<String, Report>,
    /// Its passes, if it has some.
    passes: fn() -> Vec<PassInfo>,
    /// Prints it as it is before or after one of them.
    between: Option<Between>,
}

type Between = fn(&Program, Point<'_>) -> Result<String, Report>;

impl Listing {
    /// A form that no passes change.
    const fn plain(
        name: &'static str,
        doc: &'static str,
        print: fn(&Program) -> Result<String, Report>,
    ) -> Listing {
        Listing { name, doc, print, passes: Vec::new, between: None }
    }

    /// The passes that change it, with what they do.
    pub fn passes(&self) -> Vec<PassInfo> {
        (self.passes)()
    }
}

/// Every printable form, in the order in which the compiler makes them.
pub const STAGES: &[Listing] = &[
    Listing::plain("tokens", "the text cut into tokens", |p| Ok(p.tokens())),
    Listing::plain("ast", "the tree as written", |p| p.script().map(text)),
    Listing::plain("typed", "names resolved, shapes and casts explicit", |p| p.typed().map(text)),
    Listing {
        name: "graph",
        doc: "tensor graphs of losses and expressions",
        print: |p| p.graphs().map(graph::Graphs::print_forward),
        passes: || graph::passes::rows().collect(),
        between: Some(|p, at| Ok(p.graphs_until(&[], Some(at))?.0.print_forward())),
    },
    Listing {
        name: "step",
        doc: "one graph for loss, gradient and optimizer",
        print: |p| p.graphs().map(graph::Graphs::print_step),
        passes: || graph::passes::rows().collect(),
        between: Some(|p, at| Ok(p.graphs_until(&[], Some(at))?.0.print_step())),
    },
    Listing {
        name: "kernel",
        doc: "what is fused into one loop nest, with bytes and flops",
        print: |p| p.kernels().map(text),
        passes: || kernel::rows().collect(),
        between: Some(|p, at| Ok(kernel::fuse_until(p.graphs()?, Some(at)).0.to_string())),
    },
    Listing {
        name: "loops",
        doc: "vectorised loop nests and the memory plan",
        print: |p| p.loops().map(text),
        passes: || loops::passes::rows().collect(),
        between: Some(|p, at| Ok(loops::passes::run(p.kernels()?, Some(at)).1.to_string())),
    },
    Listing::plain("clif", "Cranelift's intermediate form", |p| {
        p.loops().map(|l| native::clif(l, &Target::printed()))
    }),
    Listing::plain("asm", "machine code of this machine", |p| {
        p.loops().map(|l| native::asm(l, &Target::Host))
    }),
];

fn text(stage: &impl ToString) -> String {
    stage.to_string()
}

/// Every diagnostic code, in the order of the stages that give them.
pub fn codes() -> impl Iterator<Item = &'static Code> {
    let of = [
        ast::errors::CODES,
        uses::CODES,
        data::errors::CODES,
        check::errors::CODES,
        check::optim::external::CODES,
        graph::errors::CODES,
        run::errors::CODES,
    ];
    of.into_iter().flatten().copied()
}

/// Diagnostics with the sources they point into.
#[derive(Clone, Debug)]
pub struct Report {
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
    /// The files.
    pub sources: Sources,
}

impl Report {
    /// As a person reads them.
    pub fn render(&self, color: bool) -> String {
        diag::render(&self.diagnostics, &self.sources, color)
    }
}

/// The trees of the script and of the library.
#[derive(Debug)]
struct Parsed {
    script: ast::Script,
    /// What is wrong with the script.
    found: Vec<Diagnostic>,
    /// The script after the declarations of the files that it uses.
    whole: ast::Script,
    /// What is wrong with those files.
    used: Vec<Diagnostic>,
    library: Vec<ast::Script>,
}

/// A script on its way to machine code. Each stage is made when it is first asked for, from the stage
/// before it.
#[derive(Debug)]
pub struct Program {
    sources: Sources,
    main: FileId,
    options: Options,
    files: Rc<Files>,
    /// The parameters of another program, where the text is a pipeline for them.
    given: Option<Vec<check::ExternalParam>>,
    diagnostics: RefCell<Vec<Diagnostic>>,
    parsed: Rc<Parsed>,
    /// How long reading took.
    parsing: Duration,
    typed: OnceCell<typed::Program>,
    chain: Chain,
}

/// The stages after checking, for a run that sets these hyperparameters: states are shared on the ground of
/// their values.
#[derive(Debug, Default)]
struct Chain {
    set: Vec<(String, f64)>,
    graphs: OnceCell<graph::Graphs>,
    kernels: OnceCell<kernel::Kernels>,
    loops: OnceCell<loops::Loops>,
    native: OnceCell<Native>,
    /// How long each pass took, by stage.
    took: RefCell<Vec<(&'static str, Took)>>,
}

/// Passes with the time that each took.
type Took = Vec<(&'static str, Duration)>;

impl Program {
    /// A script that has been read, with the files that it uses, and no more. `name` is what messages
    /// call it.
    pub fn new(name: &str, source: &str, options: Options) -> Program {
        let start = Instant::now();
        let mut sources = Sources::default();
        let main = sources.add(name, source);
        for (name, source) in LIBRARY {
            sources.add(*name, *source);
        }
        let files = Rc::new(Files::new(&options.folder));
        let (script, found) = ast::parse(main, source);
        let library = library(&sources);
        let (whole, used) = uses::read(&script, main, &options.folder, &mut sources);
        let parsed = Rc::new(Parsed { script, found, whole, used, library });
        Program {
            sources,
            main,
            options,
            files,
            given: None,
            diagnostics: RefCell::default(),
            parsed,
            parsing: start.elapsed(),
            typed: OnceCell::new(),
            chain: Chain::default(),
        }
    }

    /// The same declarations with a typed program about a call that stands in no script, which is added to them.
    pub(crate) fn with_call(
        &self,
        called: &check::Called<'_>,
        add: impl FnOnce(&mut typed::Program, typed::Expr),
    ) -> Result<Program, Report> {
        let (mut typed, call, mut found) = check::check_call(self.checked(), called);
        if !found.iter().any(Diagnostic::is_error) {
            let Some(call) = call else { crate::ice!("check", "nothing is said of a call in error") };
            (typed.limit, typed.unroll) = (self.options.limit, self.options.unroll);
            add(&mut typed, call);
            found.extend(check::limits(&typed));
        }
        match found.iter().any(Diagnostic::is_error) {
            true => Err(Report { diagnostics: found, sources: self.sources.clone() }),
            false => Ok(self.with_typed(typed)),
        }
    }

    /// Another typed program about the same text and files.
    pub(crate) fn with_typed(&self, typed: typed::Program) -> Program {
        Program {
            sources: self.sources.clone(),
            main: self.main,
            options: self.options.clone(),
            files: Rc::clone(&self.files),
            given: None,
            diagnostics: RefCell::default(),
            parsed: Rc::clone(&self.parsed),
            parsing: Duration::ZERO,
            typed: OnceCell::from(typed),
            chain: Chain::default(),
        }
    }

    /// A pipeline, perhaps after stages and functions, for parameters and gradients that another program
    /// brings.
    pub(crate) fn optimizer(
        name: &str,
        source: &str,
        params: Vec<check::ExternalParam>,
        options: Options,
    ) -> Program {
        Program { given: Some(params), ..Program::new(name, source, options) }
    }

    /// Compiles a script up to loop nests, or says what is wrong with it. Running it makes the
    /// machine code.
    ///
    /// # Errors
    /// All errors of the script, with its warnings.
    pub fn compile(name: &str, source: &str, options: Options) -> Result<Program, Report> {
        let program = Program::new(name, source, options);
        program.loops()?;
        Ok(program)
    }

    /// The text of one of the [`STAGES`].
    ///
    /// # Errors
    /// The script's errors, if they keep it from being compiled that far.
    pub fn emit(&self, stage: &Listing) -> Result<String, Report> {
        (stage.print)(self)
    }

    /// The text of one of the [`STAGES`] as it is before or after one of its passes.
    ///
    /// # Errors
    /// As [`Program::emit`].
    pub fn emit_between(&self, stage: &Listing, at: Point<'_>) -> Result<String, Report> {
        stage.between.map_or_else(|| self.emit(stage), |between| between(self, at))
    }

    /// What each kernel costs, and why kernels are apart.
    ///
    /// # Errors
    /// As [`Program::emit`].
    pub fn cost(&self) -> Result<String, Report> {
        Ok(kernel::report(self.kernels()?, self.graphs()?))
    }

    /// The text of the stage of this name; `None` if there is no such stage.
    ///
    /// # Errors
    /// As [`Program::emit`].
    pub fn emit_named(&self, name: &str) -> Result<Option<String>, Report> {
        STAGES.iter().find(|stage| stage.name == name).map(|stage| self.emit(stage)).transpose()
    }

    /// What the script is called.
    pub fn name(&self) -> &str {
        &self.sources.get(self.main).name
    }

    /// The script as written.
    pub fn source(&self) -> &str {
        &self.sources.get(self.main).text
    }

    /// The script in the standard layout.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn format(&self) -> Result<String, Report> {
        ast::format(self.main, self.source())
            .map_err(|diagnostics| Report { diagnostics, sources: self.sources.clone() })
    }

    /// Warnings so far.
    pub fn warnings(&self) -> Report {
        self.report()
    }

    fn report(&self) -> Report {
        Report { diagnostics: self.diagnostics.borrow().clone(), sources: self.sources.clone() }
    }

    /// What went wrong after compiling.
    pub(crate) fn failed(&self, error: Diagnostic) -> Report {
        Report { diagnostics: vec![error], sources: self.sources.clone() }
    }

    /// Keeps what a stage found; an error ends the chain.
    fn keep(&self, found: Vec<Diagnostic>) -> Result<(), Report> {
        let fatal = found.iter().any(Diagnostic::is_error);
        self.diagnostics.borrow_mut().extend(found);
        if fatal { Err(self.report()) } else { Ok(()) }
    }

    fn tokens(&self) -> String {
        ast::token::print_tokens(&self.sources.get(self.main).text)
    }

    pub(crate) fn script(&self) -> Result<&ast::Script, Report> {
        let (script, found) = (&self.parsed.script, &self.parsed.found);
        if found.iter().any(Diagnostic::is_error) {
            return Err(Report { diagnostics: found.clone(), sources: self.sources.clone() });
        }
        Ok(script)
    }

    /// The typed program.
    ///
    /// # Errors
    /// The script's errors, with its warnings.
    pub fn typed(&self) -> Result<&typed::Program, Report> {
        make(&self.typed, || {
            // A broken script is still checked, so that one run shows all there is to mend.
            let Parsed { found, used, .. } = &*self.parsed;
            let (mut typed, more) = match &self.given {
                None => check::check(self.checked()),
                Some(params) => check::check_pipeline(self.checked(), params),
            };
            self.keep(found.iter().chain(used).cloned().chain(more).collect())?;
            (typed.limit, typed.unroll) = (self.options.limit, self.options.unroll);
            Ok(typed)
        })
    }

    /// What is checked.
    fn checked(&self) -> check::Parsed<'_> {
        let Parsed { script, whole, library, .. } = &*self.parsed;
        check::Parsed {
            script: whole,
            library,
            sources: &self.sources,
            catalog: &*self.files,
            real: self.real(script),
        }
    }

    /// What `real` means: the command line decides, then the script.
    fn real(&self, script: &ast::Script) -> DType {
        let declared = script.items.iter().find_map(|item| match &item.kind {
            ast::ItemKind::Real(dtype) if dtype.name == "f64" => Some(DType::F64),
            _ => None,
        });
        self.options.real.or(declared).unwrap_or(DType::F32)
    }

    /// The tensor graphs.
    ///
    /// # Errors
    /// The script's errors, with its warnings.
    pub fn graphs(&self) -> Result<&graph::Graphs, Report> {
        self.graphs_of(&self.chain)
    }

    fn graphs_of<'a>(&self, chain: &'a Chain) -> Result<&'a graph::Graphs, Report> {
        make(&chain.graphs, || {
            let (graphs, took) = self.graphs_until(&chain.set, None)?;
            chain.took.borrow_mut().push(("graph", took));
            self.keep(graphs.warnings.clone())?;
            Ok(graphs)
        })
    }

    /// The tensor graphs as they are before or after a pass.
    fn graphs_until(
        &self,
        set: &[(String, f64)],
        until: Option<Point<'_>>,
    ) -> Result<(graph::Graphs, Took), Report> {
        let typed = self.typed()?;
        let plain = match self.given {
            Some(_) => graph::plain_optimizers(typed),
            None => graph::plain(typed),
        };
        let share = self.options.share_states && self.given.is_none();
        Ok(graph::passes::run(plain, typed.limit, share.then_some(set), until))
    }

    /// The tensor graphs before any rewrite: what simplified ones are compared with.
    ///
    /// # Errors
    /// As [`Program::graphs`].
    pub fn plain_graphs(&self) -> Result<graph::Graphs, Report> {
        Ok(graph::plain(self.typed()?))
    }

    /// The fused kernels.
    ///
    /// # Errors
    /// As [`Program::graphs`].
    pub fn kernels(&self) -> Result<&kernel::Kernels, Report> {
        self.kernels_of(&self.chain)
    }

    fn kernels_of<'a>(&self, chain: &'a Chain) -> Result<&'a kernel::Kernels, Report> {
        make(&chain.kernels, || {
            let (kernels, took) = kernel::fuse_until(self.graphs_of(chain)?, None);
            chain.took.borrow_mut().push(("kernel", took));
            Ok(kernels)
        })
    }

    /// The loop nests.
    ///
    /// # Errors
    /// As [`Program::graphs`].
    pub fn loops(&self) -> Result<&loops::Loops, Report> {
        self.loops_of(&self.chain)
    }

    fn loops_of<'a>(&self, chain: &'a Chain) -> Result<&'a loops::Loops, Report> {
        make(&chain.loops, || {
            let (took, lowering) = loops::passes::run(self.kernels_of(chain)?, None);
            chain.took.borrow_mut().push(("loops", took));
            Ok(lowering.loops)
        })
    }

    /// The machine code.
    ///
    /// # Errors
    /// As [`Program::graphs`].
    pub fn native(&self) -> Result<&Native, Report> {
        self.native_of(&self.chain)
    }

    fn native_of<'a>(&self, chain: &'a Chain) -> Result<&'a Native, Report> {
        make(&chain.native, || self.loops_of(chain).map(native::compile))
    }

    /// Runs the statements of the script in order.
    ///
    /// # Errors
    /// What went wrong while it ran: files, data, a loss that is not finite, an `assert`.
    pub fn run(
        &self,
        settings: &run::Settings,
        events: &mut dyn run::Events,
    ) -> Result<run::Outcome, Report> {
        self.staged(settings, None, |_, stages| run::execute(stages, settings, events))
    }

    /// Runs the script, and says where the time went.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn profile(
        &self,
        settings: &run::Settings,
        events: &mut dyn run::Events,
    ) -> Result<(run::Outcome, Profile), Report> {
        let recorder = Rc::new(native::Profiler::default());
        self.staged(settings, Some(&recorder), |kernels, stages| {
            let outcome = run::execute(stages, settings, events)?;
            Ok((outcome, Profile::new(kernels, stages.loops, recorder.samples(), settings.threads)))
        })
    }

    /// Times the steps of each training run of the script.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn bench(&self, settings: &run::Settings, plan: &run::Timing) -> Result<Vec<run::Measured>, Report> {
        self.staged(settings, None, |_, stages| run::bench(stages, settings, plan))
    }

    /// What the compiled programs of the first step of the training run of this name read and left.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub(crate) fn first_step(
        &self,
        settings: &run::Settings,
        name: &str,
    ) -> Result<Vec<run::RecordedCall>, Report> {
        self.staged(settings, None, |_, stages| run::first_step(stages, settings, name))
    }

    /// Does something with what the stages made of the script for these settings: a program that would
    /// share other states is compiled anew.
    fn staged<T>(
        &self,
        settings: &run::Settings,
        recorder: Option<&Rc<native::Profiler>>,
        run: impl FnOnce(&kernel::Kernels, &run::CompiledScript<'_>) -> Result<T, Diagnostic>,
    ) -> Result<T, Report> {
        let guards_hold = self.graphs()?.layouts.values().all(|layout| layout.guards_hold(&settings.set));
        let changed = Chain { set: settings.set.clone(), ..Chain::default() };
        let chain = if guards_hold { &self.chain } else { &changed };
        let native = self.native_of(chain)?.with_threads(settings.threads);
        let native = recorder.map_or(native.clone(), |recorder| native.with_profiler(recorder));
        let stages = run::CompiledScript {
            typed: self.typed()?,
            graphs: self.graphs_of(chain)?,
            loops: self.loops_of(chain)?,
            native: &native,
            files: &self.files,
        };
        run(self.kernels_of(chain)?, &stages).map_err(|error| self.failed(error))
    }
}

/// The trees of the library, whose files come after the script.
fn library(sources: &Sources) -> Vec<ast::Script> {
    let parse = |(file, source): (FileId, &str)| {
        let (script, found) = ast::parse(file, source);
        if !found.is_empty() {
            crate::ice!("library", "{}", diag::render(&found, sources, false));
        }
        script
    };
    (1..).map(FileId).zip(LIBRARY.iter().map(|(_, source)| *source)).map(parse).collect()
}

/// The value of a cell, made on first use.
fn make<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T, Report>) -> Result<&T, Report> {
    match cell.get() {
        Some(made) => Ok(made),
        None => {
            let made = make()?;
            Ok(cell.get_or_init(|| made))
        }
    }
}
