//! A drawn function as a script: its value and its derivatives by every way to ask for them, and as the
//! loss of a training step.

use super::generator::{Function, HELPERS, Kind, real};
use super::shapes;

/// A function with how it is used.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub function: Function,
    /// The statements: values, derivatives and training, by their place in [`USES`].
    pub uses: Vec<usize>,
    /// By which arguments derivatives are taken.
    pub wrt: Vec<usize>,
    /// How the loss is made of the value `r`.
    pub loss: &'static str,
}

/// Losses.
pub(crate) const LOSSES: [&str; 5] =
    ["sum(r * cos(r))", "sum(r^2) / 8", "sum(tanh(r))", "sum(abs(r)) * 0.5", "sum(sin(r)) * sum(r) / 16"];

/// Ways to use a function.
pub(crate) const USES: [&str; 6] = ["value", "grad", "vjp", "jvp", "hvp", "train"];

impl Case {
    /// The last real value, and those that nothing reads: they are part of the loss.
    fn ends(&self) -> (usize, Vec<usize>) {
        let function = &self.function;
        // A signature has no size of 0.
        let real = |value: &usize| {
            let ty = function.ty(*value);
            ty.kind == Kind::Real && !ty.shape.contains(&0)
        };
        let last = (0..function.count()).rev().find(real).unwrap_or(0);
        let read = |value: &usize| function.lines.iter().any(|line| line.args.contains(value));
        (last, (0..function.count()).filter(|value| *value != last && !read(value)).collect())
    }

    /// The shape of the function's value.
    pub(crate) fn result(&self) -> Vec<usize> {
        self.function.ty(self.ends().0).shape
    }

    fn params(&self) -> String {
        let params =
            self.function.inputs.iter().enumerate().map(|(k, shape)| format!("v{k}: {}", real(shape)));
        params.collect::<Vec<_>>().join(", ")
    }

    fn names(&self, letter: char) -> String {
        let names: Vec<String> = (0..self.function.inputs.len()).map(|k| format!("{letter}{k}")).collect();
        names.join(", ")
    }

    fn body(&self) -> String {
        let n = self.function.inputs.len();
        let lines = self.function.lines.iter().enumerate().map(|(k, line)| {
            let mut text = line.text.clone();
            for (arg, value) in line.args.iter().enumerate().rev() {
                text = text.replace(&format!("@{arg}"), &format!("v{value}"));
            }
            let kind = match line.ty.kind {
                Kind::Real => "real",
                Kind::Int => "i32",
                Kind::Bool => "bool",
            };
            format!("  let v{} = {text} // {kind}[{}]\n", n + k, shapes::list(&line.ty.shape))
        });
        lines.collect()
    }

    /// The script.
    pub(crate) fn script(&self) -> String {
        let (last, sinks) = self.ends();
        let sink = |value: &usize| match self.function.ty(*value).kind {
            Kind::Real => format!(" + sum(v{value}) / 32"),
            Kind::Int => format!(" + sum(sin(real(v{value})))"),
            Kind::Bool => format!(" + sum(real(v{value})) / 8"),
        };
        let sinks: String = sinks.iter().map(sink).collect();
        let mut text = format!(
            "{HELPERS}fn f({}) -> {} {{\n{}  v{last}{sinks}\n}}\nfn loss({}) -> real {{\n  let r = f({})\n  {}\n}}\n",
            self.params(),
            real(&self.result()),
            self.body(),
            self.params(),
            self.names('v'),
            self.loss
        );
        for (k, shape) in self.function.inputs.iter().enumerate() {
            let value = match shape.is_empty() {
                true => "0.625".to_owned(),
                false => format!("sin(iota[{}])", shapes::list(shape)),
            };
            text.push_str(&format!("let a{k} = {value}\n"));
        }
        self.uses.iter().for_each(|which| text.push_str(&self.statement(USES[*which])));
        text
    }

    fn statement(&self, which: &str) -> String {
        let args = self.names('a');
        let wrt: Vec<String> = self.wrt.iter().map(|k| format!("v{k}")).collect();
        let by = format!("wrt = [{}]", wrt.join(", "));
        let names = |letter: char| {
            let names: Vec<String> = self.wrt.iter().map(|k| format!("{letter}{k}")).collect();
            if names.len() == 1 { names[0].clone() } else { format!("({})", names.join(", ")) }
        };
        let like = |k: &usize| format!("cos(a{k} + 1)");
        let directions: Vec<String> = self.wrt.iter().map(like).collect();
        let directions = directions.join(", ");
        match which {
            "value" => format!("let r = f({args})\n"),
            "grad" => format!("let {} = grad(loss, {by})({args})\n", names('g')),
            "vjp" => {
                let shape = self.result();
                let seed = if shape.is_empty() {
                    "0.75".to_owned()
                } else {
                    format!("cos(iota[{}])", shapes::list(&shape))
                };
                format!("let {} = vjp(f, {by})({args}, {seed})\n", names('p'))
            }
            "jvp" => format!("let j = jvp(f, {by})({args}, {directions})\n"),
            "hvp" => format!("let {} = hvp(loss, {by})({args}, {directions})\n", names('h')),
            _ => self.training(),
        }
    }

    /// One step of plain gradient descent on all arguments.
    fn training(&self) -> String {
        let params = self.function.inputs.iter().enumerate();
        let params: String =
            params.map(|(k, shape)| format!("  param v{k}: {} = 0.5\n", real(shape))).collect();
        format!(
            "data d = synthetic(rows = 2, seed = 3) {{ x = iota[rows] }}\nmodel m(x: real[B]) -> real {{\n{params}  \
             loss({}) + mean(x) / 8\n}}\nlet fit = train m on d {{\n  loss = m(x)\n  optimizer = sgd(lr = 1)\n  \
             batch = full\n  steps = 1\n}}\n",
            self.names('v')
        )
    }
}
