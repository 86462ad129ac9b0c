//! Gradients against finite differences, for functions and losses of a script.
//!
//! A loss is checked by training for as many steps as there are coordinates to try, with a stage that
//! never moves a parameter: each step compares, on its batch and with its random numbers, the gradient in
//! one coordinate with differences of the loss. A function becomes a loss whose parameters are its
//! arguments. Everything is computed in double precision. Then the first step of the compiled program itself is
//! compared with its operators one by one: see `gradcheck/compiled.rs`.

mod compiled;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::algebra::types::DType;
use crate::ast::{self, ExprKind, Function, Item, ItemKind};
use crate::check::{calls_static, is_derivative};
use crate::diag::Diagnostic;
use crate::graph::Param;
use crate::pipeline::{Options, Program, Report};
use crate::print::number;
use crate::run::{Fit, Settings, Silent, errors};
use crate::source::Span;

pub use compiled::{Compiled, WorstNumber};

/// How far a parameter moves: less where a difference does not agree at first. A gradient that is right agrees
/// once no kink lies within the way, and one that is wrong never does.
const STEPS: [f64; 3] = [1e-5, 1e-6, 1e-7];
/// The hyperparameter that says so.
const WIDTH: &str = "opt.gradcheck_stage.width";
/// Largest relative difference of gradients that agree.
const TOLERANCE: f64 = 1e-4;
/// Gradients below this are compared absolutely: differences of the loss are no more exact.
const FLOOR: f64 = 1e-3;
/// Most coordinates that are tried of one parameter, and of all of a loss.
const MOST: (usize, usize) = (64, 600);

/// What was compared: a function's argument or a model's parameter.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// How many coordinates were tried, and how many it has.
    pub tried: (usize, usize),
    /// Those of them that lie at a kink, where there is no derivative to compare with.
    pub kinks: usize,
    /// The coordinate with the greatest relative difference.
    pub worst: Option<Worst>,
}

/// A coordinate with its derivatives.
#[derive(Clone, Debug)]
pub struct Worst {
    /// Its name: `hidden.w[3, 7]`.
    pub coordinate: String,
    /// What the gradient says.
    pub gradient: f64,
    /// What differences say.
    pub difference: f64,
    /// Their relative difference.
    pub relative: f64,
}

/// A function or a loss that was checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// How it is called in the script: `f(x: real[2, 3])`, `loss of fit`.
    pub name: String,
    /// What was compared; nothing if there is nothing to compare.
    pub compared: Vec<Compared>,
    /// The programs of its training step.
    pub compiled: Vec<Compiled>,
    /// Why nothing was compared.
    pub skipped: Option<String>,
}

impl Compared {
    /// Whether gradient and differences agree.
    pub fn agrees(&self) -> bool {
        self.worst.as_ref().is_none_or(|worst| worst.relative <= TOLERANCE)
    }
}

impl Checked {
    /// Whether all gradients agree.
    pub fn agrees(&self) -> bool {
        self.compared.iter().all(Compared::agrees) && self.compiled.iter().all(Compiled::agrees)
    }
}

impl std::fmt::Display for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.name)?;
        if let Some(why) = &self.skipped {
            return writeln!(f, "  not checked: {why}");
        }
        let width = self.compared.iter().map(|compared| compared.name.len()).max().unwrap_or(0);
        for compared in &self.compared {
            let verdict = match &compared.worst {
                None => "skipped",
                Some(_) if compared.agrees() => "agrees ",
                Some(_) => "DIFFERS",
            };
            let (tried, all) = compared.tried;
            write!(f, "  {:width$}  {verdict}  {tried} of {all}", compared.name)?;
            if compared.kinks > 0 {
                write!(f, ", {} at a kink", compared.kinks)?;
            }
            if let Some(Worst { coordinate, gradient, difference, relative }) = &compared.worst {
                write!(
                    f,
                    ", worst {coordinate}: {} against {}, relative {relative:.0e}",
                    short(*gradient),
                    short(*difference)
                )?;
            }
            writeln!(f)?;
        }
        self.compiled.iter().try_for_each(|compiled| writeln!(f, "  {compiled}"))
    }
}

/// Six digits.
fn short(x: f64) -> String {
    number(format!("{x:.5e}").parse().unwrap_or(x))
}

/// Why nothing was checked.
#[derive(Clone, Debug)]
pub enum Problem {
    /// Something is wrong with the script, or went wrong while it ran.
    Report(Report),
    /// The script has nothing of the name asked for, but these.
    Unknown(Vec<String>),
}

impl From<Report> for Problem {
    fn from(report: Report) -> Problem {
        Problem::Report(report)
    }
}

/// What can be checked.
enum Subject<'a> {
    Function(&'a Function),
    Model(&'a Function),
    Loss { name: String, run: &'a ast::Run, item: usize },
}

impl Subject<'_> {
    fn name(&self) -> &str {
        match self {
            Subject::Function(function) | Subject::Model(function) => &function.name.name,
            Subject::Loss { name, .. } => name,
        }
    }
}

/// A script with its text.
struct Script<'a> {
    text: &'a str,
    items: &'a [Item],
    folder: &'a Path,
    /// As it is run: its training steps are compared with what they mean.
    program: &'a Program,
}

/// In double precision, with the data of this folder.
fn options(folder: &Path) -> Options {
    Options { real: Some(DType::F64), folder: folder.to_path_buf(), ..Options::default() }
}

/// Checks the function, model or training run of this name, or all of them: models where no training run
/// checks them.
///
/// # Errors
/// What is wrong with the script or goes wrong while it runs, or that it has nothing of that name.
pub fn gradcheck(name: &str, text: &str, folder: &Path, only: Option<&str>) -> Result<Vec<Checked>, Problem> {
    let program = Program::new(name, text, options(folder));
    program.graphs()?;
    let tree = program.script()?;
    let run = Options { folder: folder.to_path_buf(), share_states: true, ..Options::default() };
    let run = Program::new(name, text, run);
    let script = Script { text, items: &tree.items, folder, program: &run };
    let subjects = script.subjects();
    let trains = subjects.iter().any(|subject| matches!(subject, Subject::Loss { .. }));
    let meant = |subject: &&Subject| match only {
        Some(name) => subject.name() == name,
        None => !(trains && matches!(subject, Subject::Model(_))),
    };
    let chosen: Vec<&Subject> = subjects.iter().filter(meant).collect();
    if only.is_some() && chosen.is_empty() {
        return Err(Problem::Unknown(subjects.iter().map(|subject| subject.name().to_owned()).collect()));
    }
    chosen.into_iter().map(|subject| Ok(script.check(subject)?)).collect()
}

impl<'a> Script<'a> {
    fn subjects(&self) -> Vec<Subject<'a>> {
        let mut bare = 0;
        let mut subjects = Vec::new();
        for (item, at) in self.items.iter().enumerate() {
            match &at.kind {
                ItemKind::Fn(function) => subjects.push(Subject::Function(function)),
                ItemKind::Model(function) => subjects.push(Subject::Model(function)),
                ItemKind::Let(ast::Let {
                    name, value: ast::Expr { kind: ExprKind::Train(run), .. }, ..
                }) => {
                    subjects.push(Subject::Loss { name: name.name.clone(), run, item });
                }
                ItemKind::Expr(ast::Expr { kind: ExprKind::Train(run), .. }) => {
                    bare += 1;
                    let name = if bare == 1 { "fit".to_string() } else { format!("fit_{bare}") };
                    subjects.push(Subject::Loss { name, run, item });
                }
                _ => {}
            }
        }
        subjects
    }

    fn slice(&self, span: Span) -> &'a str {
        &self.text[span.start as usize..span.end as usize]
    }

    fn check(&self, subject: &Subject<'a>) -> Result<Checked, Report> {
        match subject {
            Subject::Function(function) => Ok(self.check_function(function, false)),
            Subject::Model(function) => Ok(self.check_function(function, true)),
            Subject::Loss { name, run, item } => {
                let compared = self.compare(&self.before(*item), &self.training(run))?;
                let compiled = compiled::compare(self.program, name)?;
                Ok(Checked { name: format!("loss of {name}"), compared, compiled, skipped: None })
            }
        }
    }

    /// Everything before a training run that it may use.
    fn before(&self, item: usize) -> String {
        let silent = |kind: &ItemKind| {
            matches!(
                kind,
                ItemKind::Print(_) | ItemKind::Plot { .. } | ItemKind::Save { .. } | ItemKind::Assert(_)
            )
        };
        let kept = |k: usize, item: &Item, until: usize| {
            let declared = !matches!(item.kind, ItemKind::Let(_) | ItemKind::Expr(_));
            !silent(&item.kind) && (declared || k < until)
        };
        let lines = self.items.iter().enumerate().filter(|(k, at)| kept(*k, at, item));
        lines.map(|(_, at)| format!("{}\n", self.slice(at.span))).collect()
    }

    /// Declarations and named numbers: what functions see.
    fn declarations(&self) -> String {
        let seen = |item: &&Item| match &item.kind {
            ItemKind::Fn(_)
            | ItemKind::Model(_)
            | ItemKind::Stage(_)
            | ItemKind::Pipeline(_)
            | ItemKind::Use(_) => true,
            ItemKind::Let(line) => fixed(&line.value),
            _ => false,
        };
        self.items.iter().filter(seen).map(|item| format!("{}\n", self.slice(item.span))).collect()
    }

    /// A training run without what says how it trains.
    fn training(&self, run: &ast::Run) -> String {
        let dropped = ["optimizer", "epochs", "steps", "accumulate", "validate"];
        let kept = run.settings.iter().filter(|setting| !dropped.contains(&setting.name.name.as_str()));
        let lines: String =
            kept.map(|set| format!("  {} = {}\n", set.name.name, self.slice(set.value.span))).collect();
        format!("train {} on {} {{\n{lines}", self.slice(run.subject.span), self.slice(run.data.span))
    }

    /// Compares the gradient of a training run with differences.
    fn compare(&self, before: &str, run: &str) -> Result<Vec<Compared>, Report> {
        let plain = Program::new("gradcheck", &script(before, run, &[]), options(self.folder));
        let graphs = plain.graphs()?;
        let layout = graphs.layouts.values().next_back().cloned().unwrap_or_default();
        let tried = tried(&layout.params);
        let program = Program::new("gradcheck", &script(before, run, &tried), options(self.folder));
        let mut found: Vec<Vec<Tested>> = Vec::new();
        for step in STEPS {
            let settings = Settings { set: vec![(WIDTH.to_owned(), step)], ..Settings::default() };
            let outcome = program.run(&settings, &mut Silent)?;
            let fit = outcome.fit(FIT).expect("the run has this name");
            let now = layout.params.iter().zip(&tried).map(|(param, tried)| tested(fit, param, tried));
            found = match found.is_empty() {
                true => now.collect(),
                false => found.into_iter().zip(now).map(better).collect(),
            };
            if found.iter().flatten().all(Tested::agrees) {
                break;
            }
        }
        let params = layout.params.iter().zip(&tried).zip(&found);
        Ok(params.map(|((param, tried), tested)| compared(param, tried, tested)).collect())
    }

    /// Tries what may stand in square brackets until the function can be called.
    fn check_function(&self, function: &Function, model: bool) -> Checked {
        let skip = |why| Checked {
            name: function.name.name.clone(),
            compared: Vec::new(),
            compiled: Vec::new(),
            skipped: Some(why),
        };
        let mut problem = None;
        for choice in 0..CHOICES.len().pow(function.statics.len().min(3) as u32) {
            let made = match self.as_model(function, model, choice) {
                Ok(made) => made,
                Err(why) => return skip(why),
            };
            match self.compare_at_random(&made.text) {
                Ok(Some(mut compared)) => {
                    compared.iter_mut().for_each(without_layer);
                    let name = self.signature(function, &made);
                    return Checked { name, compared, compiled: Vec::new(), skipped: None };
                }
                Ok(None) => return skip("its value is not finite at random arguments".into()),
                Err(message) if made.brackets.is_empty() => return skip(message),
                Err(message) => {
                    problem.get_or_insert(format!("as `{}{}`: {message}", function.name.name, made.brackets));
                }
            }
        }
        skip(problem.unwrap_or_default())
    }

    /// Compares at arguments of both signs, then at positive ones: not all functions are defined everywhere.
    /// None if the value is finite at neither; an error if there is something wrong with the model.
    fn compare_at_random(&self, model: &str) -> Result<Option<Vec<Compared>>, String> {
        for (low, high) in [("-1.5", "1.5"), ("0.3", "1.3")] {
            let model = model.replace("LOW", low).replace("HIGH", high);
            match self.compare(&(self.declarations() + &model), FUNCTION) {
                Ok(compared) => return Ok(Some(compared)),
                Err(report) if failed(&report) => {}
                Err(report) => return Err(first_message(&report)),
            }
        }
        Ok(None)
    }

    /// `f(x: real[2, 3])`
    fn signature(&self, function: &Function, made: &Made) -> String {
        let sizes = &made.sizes;
        let arg = |arg: &ast::Arg| {
            let shape: Vec<String> =
                shape(&arg.ty, sizes).iter().flatten().map(ToString::to_string).collect();
            let shape = if shape.is_empty() { String::new() } else { format!("[{}]", shape.join(", ")) };
            format!("{}: {}{shape}", arg.name.name, arg.ty.dtype.name)
        };
        let args: Vec<String> = function.args.iter().map(arg).collect();
        format!("{}{}({})", function.name.name, made.brackets, args.join(", "))
    }

    /// A function as a model whose parameters are its arguments, or a model as its layer, or why it is not
    /// checked.
    fn as_model(&self, function: &Function, is_model: bool, mut choice: usize) -> Result<Made, String> {
        let mut sizes = Sizes::new();
        let mut statics = Vec::new();
        for given in &function.statics {
            let name = &given.name.name;
            // Uses in brackets look like calls, and may be sizes or numbers.
            let first = usize::from(!calls_static(function, name));
            let chosen = CHOICES[(first + choice) % CHOICES.len()];
            choice /= CHOICES.len();
            let default = given.default.as_ref().and_then(|default| polynomial(default, &sizes));
            let size = default.or(chosen.parse().ok()).and_then(|n: i64| usize::try_from(n).ok());
            statics.push(size.map_or(chosen.to_string(), |size| size.to_string()));
            sizes.extend(size.map(|size| (name.clone(), size)));
        }
        let float = |ty: &ast::TypeExpr| ["real", "f64"].contains(&ty.dtype.name.as_str());
        let results: Vec<&ast::TypeExpr> = std::iter::once(&function.result).chain(&function.more).collect();
        let varies = is_model || function.args.iter().any(|arg| float(&arg.ty));
        if !varies || !results.iter().any(|ty| float(ty)) {
            return Err("it is not a function from `real` to `real`".into());
        }
        for arg in &function.args {
            bind(&arg.ty, &mut sizes);
        }
        let mut model = "model gradcheck_model(gradcheck_x: real[B, 1]) -> real {\n".to_string();
        let mut args = Vec::new();
        for arg in &function.args {
            let (name, shape) =
                (&arg.name.name, shape(&arg.ty, &sizes).ok_or("a size of it follows from nothing")?);
            args.push(self.argument(arg, &shape));
            if float(&arg.ty) {
                let ty = if shape.is_empty() { String::new() } else { format!("{shape:?}") };
                let _ = writeln!(model, "  param {name}: real{ty} = random.uniform{ty}(LOW, HIGH)");
            }
        }
        let brackets = if statics.is_empty() { String::new() } else { format!("[{}]", statics.join(", ")) };
        let called = format!("{}{brackets}", function.name.name);
        let called = match is_model {
            true => {
                let _ = writeln!(model, "  layer {LAYER} = {called}");
                LAYER.to_string()
            }
            false => called,
        };
        let names: Vec<String> = (0..results.len()).map(|k| format!("gradcheck_y{k}")).collect();
        let bound = if names.len() == 1 { names[0].clone() } else { format!("({})", names.join(", ")) };
        let _ = writeln!(model, "  let {bound} = {called}({})", args.join(", "));
        let mut value = "0 * sum(gradcheck_x)".to_string();
        for (name, ty) in names.iter().zip(results).filter(|(_, ty)| float(ty)) {
            let result = shape(ty, &sizes).ok_or("a size of its result follows from nothing")?;
            let _ = match result.is_empty() {
                true => write!(value, " + {name}"),
                // Weights that no symmetry of the function cancels.
                false => write!(value, " + sum({name} * (0.3 + sin(1 + 1.7 * iota{result:?})))"),
            };
        }
        let _ = writeln!(model, "  {value}\n}}");
        model += "data gradcheck_data = synthetic(rows = 1) {\n  x = random.uniform[rows, 1](0, 1)\n}\n";
        Ok(Made { text: model, brackets, sizes })
    }

    /// A parameter, or for integers and truth values a tensor of small ones.
    fn argument(&self, arg: &ast::Arg, shape: &[usize]) -> String {
        let name = &arg.name.name;
        let brackets = if shape.is_empty() { "1".to_string() } else { format!("iota{shape:?} % 2") };
        match arg.ty.dtype.name.as_str() {
            "bool" => format!("{name} = ({brackets}) == 1"),
            "i32" | "i64" => format!("{name} = {}({brackets})", arg.ty.dtype.name),
            _ => format!("{name} = {name}"),
        }
    }
}

/// A function as a model, with what stands in its square brackets and the sizes of its arguments.
struct Made {
    text: String,
    brackets: String,
    sizes: Sizes,
}

/// What may stand in square brackets, in the order in which it is tried.
const CHOICES: [&str; 3] = ["tanh", "2", "0.5"];
/// The layer that a model becomes.
const LAYER: &str = "gradcheck_layer";

/// Names as the model itself says them.
fn without_layer(compared: &mut Compared) {
    let own = |name: &mut String| {
        if let Some(own) = name.strip_prefix(LAYER).and_then(|rest| rest.strip_prefix('.')) {
            *name = own.to_string();
        }
    };
    own(&mut compared.name);
    if let Some(worst) = &mut compared.worst {
        own(&mut worst.coordinate);
    }
}

/// The training run that a function becomes.
const FUNCTION: &str =
    "train gradcheck_model on gradcheck_data {\n  loss = gradcheck_model(x)\n  batch = full\n";
/// The name of the training run.
const FIT: &str = "gradcheck_fit";

/// A script that trains without moving and compares in each step one of the coordinates tried.
fn script(before: &str, run: &str, tried: &[Tried]) -> String {
    let mut text = before.to_string();
    let steps: usize = tried.iter().map(|tried| tried.count).sum();
    text += "fn gradcheck_places(w: real[N]) -> real[N] = iota[N]\nstage gradcheck_stage(lr = 1, width = 1e-5) {\n";
    text += "  state exact = 0\n  state ahead = 0\n  state behind = 0\n  let at0 = 0.0 * t\n";
    let mut first = 0;
    for (k, Tried { start, len, count }) in tried.iter().enumerate() {
        let stride = *len as f64 / *count as f64;
        let _ = writeln!(
            text,
            "  let at{} = at{k} + where(t > {first} and t <= {}, {start} + floor((t - {first} - 1) * {stride:?} + 1e-6), 0)",
            k + 1,
            first + count
        );
        first += count;
    }
    let _ = write!(
        text,
        "  let here = where(gradcheck_places(w) == at{}, 1.0, 0.0)
  exact <- exact + where(here == 1, g, 0)
  ahead <- ahead + here * (loss(w + width * here) - loss) / width
  behind <- behind + here * (loss - loss(w - width * here)) / width
  0 * lr * w0
}}
let {FIT} = {run}  optimizer = gradcheck_stage
  steps = {}
}}
",
        tried.len(),
        steps.max(1)
    );
    text
}

/// Which coordinates of a parameter are tried: as many, evenly apart.
struct Tried {
    start: usize,
    len: usize,
    count: usize,
}

fn tried(params: &[Param]) -> Vec<Tried> {
    let most = MOST.0.min((MOST.1 / params.len().max(1)).max(2));
    let tried = |param: &Param| {
        let len = param.ty.count();
        Tried { start: param.start, len, count: len.min(most) }
    };
    params.iter().map(tried).collect()
}

/// A coordinate that was tried.
#[derive(Clone, Copy)]
struct Tested {
    /// Which of its parameter.
    element: usize,
    gradient: f64,
    difference: f64,
    relative: f64,
    /// Whether the loss bends there: there is no derivative to compare with.
    kink: bool,
}

impl Tested {
    fn agrees(&self) -> bool {
        !self.kink && self.relative <= TOLERANCE
    }
}

/// Of two tests of the same coordinates those that agree better.
fn better((before, now): (Vec<Tested>, Vec<Tested>)) -> Vec<Tested> {
    let choose = |(before, now): (Tested, Tested)| match (before.kink, now.kink) {
        (true, false) => now,
        (false, false) if now.relative < before.relative => now,
        _ => before,
    };
    before.into_iter().zip(now).map(choose).collect()
}

/// The coordinates of a parameter that were tried.
fn tested(fit: &Fit, param: &Param, tried: &Tried) -> Vec<Tested> {
    let state = |name: &str| fit.state(&format!("gradcheck_stage.{name}")).unwrap_or_default();
    let [exact, ahead, behind] = ["exact", "ahead", "behind"].map(state);
    let scale = |x: f64, y: f64| x.abs().max(y.abs()).max(FLOOR);
    let one = |k: usize| {
        let element = (k as f64 * tried.len as f64 / tried.count as f64 + 1e-6).floor() as usize;
        let element = element.min(param.ty.count() - 1);
        let at = tried.start + element;
        let (gradient, difference) = (exact[at], (ahead[at] + behind[at]) / 2.0);
        let relative = (gradient - difference).abs() / scale(gradient, difference);
        Tested {
            element,
            gradient,
            difference,
            relative: if relative.is_nan() { f64::INFINITY } else { relative },
            kink: (ahead[at] - behind[at]).abs() > 0.02 * scale(ahead[at], behind[at]),
        }
    };
    (0..tried.count).map(one).collect()
}

/// What the tests of a parameter say together.
fn compared(param: &Param, tried: &Tried, tested: &[Tested]) -> Compared {
    let smooth = tested.iter().filter(|test| !test.kink);
    let worst = smooth.max_by(|a, b| a.relative.total_cmp(&b.relative)).map(|test| Worst {
        coordinate: coordinate(param, test.element),
        gradient: test.gradient,
        difference: test.difference,
        relative: test.relative,
    });
    let kinks = tested.iter().filter(|test| test.kink).count();
    Compared { name: param.name.clone(), tried: (tried.count, tried.len), kinks, worst }
}

/// `hidden.w[3, 7]`
fn coordinate(param: &Param, mut element: usize) -> String {
    let mut places = Vec::new();
    for size in param.ty.sizes().iter().rev() {
        places.insert(0, (element % size).to_string());
        element /= size;
    }
    if places.is_empty() { param.name.clone() } else { format!("{}[{}]", param.name, places.join(", ")) }
}

/// Sizes by their names.
type Sizes = BTreeMap<String, usize>;

/// Gives sizes that are not known yet small numbers, no two alike at first.
fn bind(ty: &ast::TypeExpr, sizes: &mut Sizes) {
    for size in &ty.shape {
        if let ExprKind::Name(name) = &size.kind
            && !sizes.contains_key(name)
        {
            sizes.insert(name.clone(), 2 + sizes.len() % 4);
        }
    }
}

/// A shape in numbers; `..` is one axis.
fn shape(ty: &ast::TypeExpr, sizes: &Sizes) -> Option<Vec<usize>> {
    let size = |expr: &ast::Expr| match &expr.kind {
        ExprKind::Rest => Some(2),
        _ => polynomial(expr, sizes).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0),
    };
    ty.shape.iter().map(size).collect()
}

fn polynomial(expr: &ast::Expr, sizes: &Sizes) -> Option<i64> {
    use ast::BinaryOp::{Add, FloorDiv, Mul, Sub};
    match &expr.kind {
        ExprKind::Number { value, integer: true } => Some(*value as i64),
        ExprKind::Name(name) => sizes.get(name).map(|n| *n as i64),
        ExprKind::Binary(op, a, b) => {
            let (a, b) = (polynomial(a, sizes)?, polynomial(b, sizes)?);
            match op {
                Add => Some(a + b),
                Sub => Some(a - b),
                Mul => Some(a * b),
                FloorDiv => a.checked_div_euclid(b),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a `let` of the script is a number or a function: functions see it.
fn fixed(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::Name(_) => true,
        ExprKind::Unary(_, x) => fixed(x),
        ExprKind::Binary(_, a, b) => fixed(a) && fixed(b),
        ExprKind::Call(f, args) => {
            matches!(&f.kind, ExprKind::Name(name) if is_derivative(name))
                && args.iter().all(|arg| fixed(&arg.value))
        }
        _ => false,
    }
}

fn failed(report: &Report) -> bool {
    report.diagnostics.iter().any(|found| found.code.name == errors::TRAINING_FAILED.name)
}

fn first_message(report: &Report) -> String {
    let first = report.diagnostics.iter().find(|found: &&Diagnostic| found.is_error());
    first.map_or_else(|| "it does not compile".to_string(), |found| found.message.clone())
}
