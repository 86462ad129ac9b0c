//! Stages and optimizers as text.

use super::expr::{Printer, printer};
use crate::typed::expr::{Expr, ExprKind};
use crate::typed::optimizer::{Cell, Optimizer, StageUse};
use crate::typed::program::Program;
use crate::typed::stage::Stage;

pub(super) fn stage(program: &Program, stage: &Stage) -> String {
    let printer = printer(program, &stage.locals, &[]);
    let words = stage.words.iter().map(|(name, word)| format!("{name} = {word}"));
    let hypers = stage.hypers.iter().map(|local| printer.local(*local));
    let head: Vec<String> = hypers.chain(words).collect();
    let word = if stage.inner.is_some() { "wrap stage" } else { "stage" };
    let mut text = format!("{word} {}({})\n", stage.name, head.join(", "));
    for state in &stage.states {
        let (name, ty) = (printer.local(state.local), &stage.locals[state.local.0].ty);
        text += &format!("  state {name} = {} : {ty}\n", printer.expr(&state.init));
    }
    let inner = |line: usize| match &stage.inner {
        Some(inner) if inner.line == line => format!("  u = inner({})\n", printer.expr(&inner.point)),
        _ => String::new(),
    };
    for (k, (local, value)) in stage.lines.iter().enumerate() {
        text += &inner(k);
        let assigned = stage.states.iter().any(|state| state.local == *local);
        let arrow = if assigned { "<-" } else { "=" };
        text += &format!("  {} {arrow} {} : {}\n", printer.local(*local), printer.expr(value), value.ty);
    }
    text += &inner(stage.lines.len());
    if let Some(eval) = &stage.eval {
        text += &format!("  eval w = {} : {}\n", printer.expr(eval), eval.ty);
    }
    text + &printer.body(&stage.result)
}

/// The numbers of an optimizer, its groups and its stages, a line each.
pub(super) fn lines(program: &Program, optimizer: &Optimizer) -> String {
    let mut text = String::new();
    let names = cell_names(&optimizer.cells);
    let printer = Printer { program, locals: names.clone(), members: &[] };
    let whole = |cell: &&Cell| optimizer.uses.iter().any(|of| is_hyper(program, of, cell));
    for cell in optimizer.cells.iter().filter(|cell| !whole(cell)) {
        text += &format!("  {} = {}\n", cell.name, printer.expr(&cell.value));
    }
    let mut groups = optimizer.groups.iter();
    let mut left = 0;
    for stage in &optimizer.uses {
        if left == 0
            && let Some(group) = groups.next()
        {
            text += &format!("  {}: {}\n", group.text(), group.params.join(" "));
            left = group.stages;
        }
        left = left.saturating_sub(1);
        text += &format!("  |> {}\n", stage_use(program, stage, &optimizer.cells, &names));
    }
    text
}

/// Whether a cell is a hyperparameter of a stage under its own name.
fn is_hyper(program: &Program, of: &StageUse, cell: &Cell) -> bool {
    let stage = &program.stages[of.stage.0];
    stage.hypers.iter().any(|local| cell.name == format!("opt.{}.{}", of.name, stage.locals[local.0].name))
}

fn stage_use(program: &Program, of: &StageUse, cells: &[Cell], names: &[String]) -> String {
    let stage = &program.stages[of.stage.0];
    let printer = Printer { program, locals: names.to_vec(), members: &[] };
    let own = |value: &'_ Expr| {
        let cell =
            cells.iter().find(|cell| matches!(value.kind, ExprKind::Local(local) if local == cell.local));
        cell.filter(|cell| is_hyper(program, of, cell)).map(|cell| cell.value.clone())
    };
    let values: Vec<Expr> =
        of.hypers.iter().map(|value| own(value).unwrap_or_else(|| value.clone())).collect();
    let hypers = stage.hypers.iter().zip(&values);
    let hypers =
        hypers.map(|(local, value)| format!("{} = {}", stage.locals[local.0].name, printer.expr(value)));
    let words = stage.words.iter().map(|(name, word)| format!("{name} = {word}"));
    let all: Vec<String> = hypers.chain(words).collect();
    let renamed = if of.name == stage.name { String::new() } else { format!("{} = ", of.name) };
    format!("{renamed}{}({})", stage.name, all.join(", "))
}

/// Names of what hyperparameters mention, by their locals.
fn cell_names(cells: &[Cell]) -> Vec<String> {
    let mut names = vec!["t".to_owned(), "T".to_owned()];
    for cell in cells {
        names.resize(names.len().max(cell.local.0 + 1), String::new());
        names[cell.local.0].clone_from(&cell.name);
    }
    names
}
