//! Statements as text.

use super::expr::{brackets, dims, function_name, printer, run_name, types};
use super::optimizer::lines;
use crate::print::number;
use crate::typed::data::Split;
use crate::typed::ids::DataId;
use crate::typed::program::Program;
use crate::typed::script::{
    Checkpoints, Eval, Length, Load, Predict, PredictedForm, Start, Statement, StatementKind, Swept, Train,
};

/// A statement, and its settings on lines of their own.
pub(super) fn statement(program: &Program, statement: &Statement) -> String {
    let printer = printer(program, &statement.locals, &[]);
    match &statement.kind {
        StatementKind::Let { names, value } => {
            let types = types(&program.types(value));
            format!("let {} : {types}\n{}", names.join(", "), printer.body(value))
        }
        StatementKind::Train(run) => train(program, run),
        StatementKind::Optimizer(optimizer) => format!("optimizer\n{}", lines(program, optimizer)),
        StatementKind::Eval(run) => eval(program, run),
        StatementKind::Predict(run) => predict(program, run),
        StatementKind::Act(act) => format!("{}\n", act.text(&printer)),
    }
}

fn rows(program: &Program, data: DataId, which: Split) -> String {
    format!("{}{}", program.data[data.0].name, split(which))
}

fn split(split: Split) -> &'static str {
    match split {
        Split::All => "",
        Split::Train => ".train",
        Split::Test => ".test",
    }
}

fn train(program: &Program, train: &Train) -> String {
    let printer = printer(program, &train.locals, &[]);
    let model = format!(
        "{}{}",
        function_name(program, train.optimizer.model),
        brackets(dims(&train.optimizer.sizes))
    );
    let mut text =
        format!("train {} = {model} on {}\n", train.optimizer.name, rows(program, train.data, train.split));
    for Swept { name, values } in &train.sweep {
        let values: Vec<String> = values.iter().map(|value| number(*value)).collect();
        text += &format!("  sweep {name} in [{}]\n", values.join(", "));
    }
    text += &format!("  loss = {}\n", printer.expr(&train.loss));
    for (name, metric) in &train.metrics {
        text += &format!("  metric {name} = {}\n", printer.expr(metric));
    }
    text += &lines(program, &train.optimizer);
    let length = match train.length {
        Length::Epochs(n) => format!("epochs = {n}"),
        Length::Steps(n) => format!("steps = {n}"),
    };
    let accumulate = match train.accumulate {
        1 => String::new(),
        batches => format!("accumulate = {batches}, "),
    };
    text += &format!(
        "  batch = {}, {accumulate}{length}, shuffle = {}, seed = {}\n",
        train.batch, train.shuffle, train.seed
    );
    match &train.start {
        Some((Start::Fit(fit, Load { strict, rename, transpose, .. }), _)) => {
            let fit = run_name(program, *fit);
            text += &match (strict, rename.is_empty() && transpose.is_empty()) {
                (true, true) => format!("  from = {fit}\n"),
                _ => format!(
                    "  from = {fit}, strict = {strict}, rename = {rename:?}, transpose = {transpose:?}\n"
                ),
            };
        }
        Some((Start::File(Load { path, strict, rename, transpose }), _)) => {
            text += &format!(
                "  from = {path:?}, strict = {strict}, rename = {rename:?}, transpose = {transpose:?}\n"
            );
        }
        None => {}
    }
    if let Some(kept) = &train.checkpoints {
        let Checkpoints { every, folder, keep, resume, strict } = kept;
        text += &format!(
            "  checkpoint = every {every} to {folder:?}, checkpoints = {keep}, resume = {resume}, strict = {strict}\n"
        );
    }
    if let Some(kept) = &train.keep {
        text += &format!("  keep = least {kept}\n");
    }
    if let Some(stop) = &train.stop {
        text += &format!("  stop when {stop}\n");
    }
    if let Some((data, which)) = train.validate {
        text += &format!("  validate = {}\n", rows(program, data, which));
    }
    text
}

fn eval(program: &Program, eval: &Eval) -> String {
    let printer = printer(program, &eval.locals, &[]);
    let fit = run_name(program, eval.fit);
    let mut text = format!("eval {} = {fit} on {}\n", eval.name, rows(program, eval.data, eval.split));
    for (name, metric) in &eval.metrics {
        text += &format!("  metric {name} = {}\n", printer.expr(metric));
    }
    text
}

fn predict(program: &Program, predict: &Predict) -> String {
    let printer = printer(program, &predict.locals, &[]);
    let (fit, rows) = (run_name(program, predict.fit), rows(program, predict.data, predict.split));
    let mut text = format!("predict {fit} on {rows} to {:?}\n", predict.path);
    for column in &predict.columns {
        let form = match column.form {
            PredictedForm::Numbers => "",
            PredictedForm::Logits => "logits ",
            PredictedForm::Logit => "logit ",
        };
        text += &format!("  {form}{:?} = {}\n", column.name, printer.expr(&column.value));
    }
    text
}
