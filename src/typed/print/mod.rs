//! The typed program as text: one line per member, `let` and setting.

mod expr;
mod optimizer;
mod script;

use std::fmt::{self, Display, Formatter};

pub use self::expr::Printer;
use self::expr::{brackets, function_name, printer, types};
use super::data::{Data, DataSource};
use super::expr::{Expr, Local};
use super::function::{Function, Member};
use super::optimizer::Optimizer;
use super::program::Program;

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut blocks = vec![format!("typed, real = {}\n", self.real)];
        blocks.extend(self.data.iter().map(data));
        blocks.extend(self.functions.iter().map(|of| function(self, of)));
        blocks.extend(self.stages.iter().map(|stage| optimizer::stage(self, stage)));
        blocks.extend(self.statements.iter().map(|of| script::statement(self, of)));
        f.write_str(&blocks.join("\n"))
    }
}

impl Program {
    /// An optimizer as text.
    pub(crate) fn pipeline_text(&self, of: &Optimizer) -> String {
        optimizer::lines(self, of)
    }

    /// An expression as text, with these names.
    pub(crate) fn text_of(&self, locals: &[Local], expr: &Expr) -> String {
        printer(self, locals, &[]).expr(expr)
    }
}

fn data(data: &Data) -> String {
    let mut text = format!("data {} = {}", data.name, source(&data.source));
    text += &format!(" : {} rows, {} train, {} test\n", data.rows.all, data.rows.train, data.rows.test);
    for column in &data.columns {
        let standardized = data.standardize.contains(&column.name);
        text += &format!(
            "  {}{} : {}\n",
            column.name,
            if standardized { " standardized" } else { "" },
            column.ty
        );
    }
    text
}

fn source(source: &DataSource) -> String {
    match source {
        DataSource::Files(source) => source.to_string(),
        DataSource::Synthetic { seed, .. } => format!("synthetic seed = {seed}"),
    }
}

fn function(program: &Program, function: &Function) -> String {
    let printer = printer(program, &function.locals, &function.members);
    let sizes: Vec<&str> = function.sizes.iter().map(|var| &*var.name).collect();
    let args: Vec<String> =
        (0..function.n_args).map(|k| format!("{}: {}", printer.locals[k], function.locals[k].ty)).collect();
    let kind = if function.members.is_empty() { "fn" } else { "model" };
    let sizes = brackets(sizes.join(", "));
    let results = types(&program.types(&function.body));
    let mut text = format!("{kind} {}{sizes}({}) -> {results}\n", function.name, args.join(", "));
    for member in &function.members {
        text += &match member {
            Member::Param { name, ty, init, .. } => {
                format!("  param {name} = {} : {ty}\n", printer.expr(init))
            }
            Member::State { name, ty, init } => {
                format!("  state {name} = {} : {ty}\n", printer.expr(init))
            }
            Member::Layer { name, function, sizes } => {
                let sizes: Vec<String> =
                    sizes.iter().map(|(var, dim)| format!("{} = {dim}", var.name)).collect();
                format!(
                    "  layer {name} = {}{}\n",
                    function_name(program, *function),
                    brackets(sizes.join(", "))
                )
            }
        };
    }
    text += &printer.body(&function.body);
    if let Some(rule) = &function.rule {
        let gradients: Vec<String> = rule.gradients.iter().flatten().map(|expr| printer.expr(expr)).collect();
        let names = [rule.result, rule.seed].map(|local| printer.local(local));
        text += &format!("  vjp {} => {}\n", names.join(", "), gradients.join(", "));
    }
    text
}
