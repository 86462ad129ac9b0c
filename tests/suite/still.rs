//! Every stage of the library where nothing moves: gradients of zero, parameters of zero, one coordinate,
//! hyperparameters at the least of their range. Nothing becomes NaN or infinite.

use egret::ast::{self, ItemKind};
use egret::pipeline::{LIBRARY, Options, Program};
use egret::run::{Settings, Silent};
use egret::source::FileId;

/// A stage with the hyperparameters that can be zero.
struct Stage {
    name: String,
    /// Whether it has a learning rate.
    sets_rate: bool,
    /// Those without a default.
    needs: Vec<String>,
    zeros: Vec<String>,
}

fn stages() -> Vec<Stage> {
    let mut all = Vec::new();
    for (_, text) in LIBRARY {
        for item in ast::parse(FileId(0), text).0.items {
            let ItemKind::Stage(stage) = item.kind else { continue };
            let source = &text[stage.name.span.start as usize..];
            let head = &source[..source.find('{').unwrap_or(0)];
            let hyper = |part: &str| {
                let name = part.split([' ', '=']).find(|word| !word.is_empty()).unwrap_or_default();
                name.trim_matches(['(', ')']).to_owned()
            };
            let list = head[head.find('(').unwrap_or(0)..].trim_start_matches('(');
            let list = list.split(')').next().unwrap_or_default();
            let parts: Vec<&str> = list.split(',').filter(|part| !part.trim().is_empty()).collect();
            let needs = parts.iter().filter(|part| !part.contains('=')).map(|part| hyper(part));
            // A number that only keeps a quotient from being 0/0 is not tried as 0.
            let zero = |part: &&&str| part.contains(" in 0..") && !hyper(part).starts_with("eps");
            // A second moment of the gradient's distance from its mean, where the mean is the gradient itself,
            // is zero, and the step is as long as `eps` lets it be.
            let far = |name: &String| stage.name.name == "adabelief" && name == "b1";
            let zeros = parts.iter().filter(zero).map(|part| hyper(part)).filter(|name| !far(name)).collect();
            let sets_rate = parts.iter().any(|part| hyper(part) == "lr");
            all.push(Stage { name: stage.name.name, sets_rate, needs: needs.collect(), zeros });
        }
    }
    all
}

/// A pipeline with the stage in it, and these hyperparameters.
fn pipeline(stage: &Stage, set: &[String]) -> String {
    let needs = stage.needs.iter().filter(|name| !set.iter().any(|one| one.starts_with(&format!("{name} "))));
    let args: Vec<String> = needs.map(|name| format!("{name} = 0.1")).chain(set.iter().cloned()).collect();
    let used = format!("{}({})", stage.name, args.join(", "));
    match stage.name.as_str() {
        // It looks at the gradient, not at an update.
        "sam" => format!("{used} |> sgd(lr = 1)"),
        _ if stage.sets_rate => used,
        _ => format!("sgd(lr = 1) |> {used}"),
    }
}

/// What training leaves: parameters and states that are no finite numbers.
fn broken(pipeline: &str, size: usize, start: &str, loss: &str) -> Vec<String> {
    let script = format!(
        "data d = synthetic(rows = 4, seed = 1) {{\n  x = random.normal[rows, 2]()\n}}
model m(x: real[B, 2]) -> real {{
  param w: real[{size}] = {start}
  param v: real[{size}, {size}] = {start}
  sum((w - 1)^2) + sum((v - 1)^2)
}}
let fit = train m on d {{
  loss = {loss} * m(x)
  optimizer = {pipeline}
  batch = 1
  epochs = 3
}}
print \"{{fit(iota[1, 2])}}\"
"
    );
    let program = Program::new("still.eg", &script, Options::default());
    let outcome = match program.run(&Settings::default(), &mut Silent) {
        Ok(outcome) => outcome,
        Err(report) => return vec![report.render(false)],
    };
    let fit = outcome.fit("fit").expect("it is trained");
    let mut found = Vec::new();
    let mut look = |name: &str, values: Vec<f64>| {
        if values.iter().any(|value| !value.is_finite()) {
            found.push(format!("{name} = {values:?}"));
        }
    };
    look("parameters", fit.parameters());
    let states = fit.states().map(str::to_owned).collect::<Vec<_>>();
    for name in states {
        look(&name, fit.state(&name).expect("it has the state"));
    }
    found
}

#[test]
fn stages_stand_still_where_nothing_moves() {
    let mut wrong = Vec::new();
    for stage in stages() {
        let zero = |name: &String| vec![format!("{name} = 0")];
        let sets: Vec<Vec<String>> =
            std::iter::once(Vec::new()).chain(stage.zeros.iter().map(zero)).collect();
        for set in sets {
            let pipeline = pipeline(&stage, &set);
            for (size, start, loss) in
                [(3, "0.5", "0"), (3, "0", "0"), (1, "0", "1"), (1, "1", "1"), (2, "0", "1")]
            {
                let found = broken(&pipeline, size, start, loss);
                if !found.is_empty() {
                    wrong.push(format!(
                        "{pipeline}, {size} of {start}, loss times {loss}: {}",
                        found.join("; ")
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
