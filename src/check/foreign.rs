//! What people write from the habit of other libraries, and what it is called here.

use super::builtins;
use super::env::Env;
use crate::ast::{self, ExprKind as Ast};

/// Names that modules have elsewhere.
const MODULES: [&str; 8] = ["torch", "nn", "np", "numpy", "jnp", "jax", "tf", "keras"];

/// Names of values and functions.
const NAMES: &[(&str, &str)] = &[
    ("None", "another axis is made by `expand(x, axis = 1)`"),
    ("True", "write `true`"),
    ("False", "write `false`"),
    (
        "adamw",
        "it is two stages: `adam(lr = 1e-3) |> weight_decay(rate = 1e-5)`, with learning rate times decay as the rate",
    ),
    (
        "AdamW",
        "it is two stages: `adam(lr = 1e-3) |> weight_decay(rate = 1e-5)`, with learning rate times decay as the rate",
    ),
    ("Adam", "write `adam`"),
    ("SGD", "write `sgd(lr = 0.1)`, with momentum `sgd(lr = 0.1) |> momentum`"),
    ("zeros", "a number has any shape: `0`; in a `let` or `param` say it: `let a: real[3] = 0`"),
    ("ones", "a number has any shape: `1`; in a `let` or `param` say it: `let a: real[3] = 1`"),
    ("arange", "write `iota[n]`"),
    ("range", "write `iota[n]`, or `for i in 0..n` for a loop"),
    ("linspace", "write `low + (high - low) * iota[n] / (n - 1)`"),
    ("len", "sizes are the names in a type: `B` of `x: real[B, 4]`"),
    ("matmul", "write `a @ b`"),
    ("dot", "write `a @ b`"),
    ("mm", "write `a @ b`"),
    ("bmm", "write `a @ b`"),
    ("view", "write `reshape[B, 4](x)`, with every size"),
    ("flatten", "write `reshape[B, H * W](x)`, with every size"),
    ("unsqueeze", "write `expand(x, axis = 1)`"),
    ("newaxis", "another axis is made by `expand(x, axis = 1)`"),
    ("cat", "write `concat`"),
    ("concatenate", "write `concat`"),
    ("randn", "write `random.normal[n]()`"),
    ("rand", "write `random.uniform[n]()`"),
    ("mse_loss", "write `mse`"),
    ("MSELoss", "write `mse`"),
    ("l1_loss", "write `mae`"),
    ("nll_loss", "write `cross_entropy` of logits"),
    ("CrossEntropyLoss", "write `mean(cross_entropy(logits, labels))`"),
    ("categorical_crossentropy", "write `mean(soft_cross_entropy(logits, targets))`"),
    ("sparse_categorical_crossentropy", "write `mean(cross_entropy(logits, labels))`"),
    ("BCEWithLogitsLoss", "write `mean(binary_cross_entropy(logits, targets))`"),
    ("Linear", "write `dense[64, 32]`"),
    ("Dense", "write `dense[64, 32]`"),
    ("Sequential", "declare each layer, and write `x |> first |> second`"),
    ("self", "leave it out: a layer is called by its name"),
];

/// Layers by their names elsewhere.
const LAYERS: &[(&str, &str)] = &[
    ("Linear", "dense"),
    ("Dense", "dense"),
    ("Conv1d", "conv1d"),
    ("Conv2d", "conv2d"),
    ("Embedding", "embedding"),
    ("LayerNorm", "layernorm"),
    ("RMSNorm", "rmsnorm"),
    ("BatchNorm1d", "batchnorm"),
    ("BatchNorm2d", "batchnorm2d"),
    ("GroupNorm", "groupnorm"),
    ("MultiheadAttention", "attention"),
    ("TransformerEncoderLayer", "transformer"),
    ("RNN", "rnn"),
    ("GRU", "gru"),
    ("LSTM", "lstm"),
];

/// Fields and methods of tensors: `{}` stands for the tensor.
const FIELDS: &[(&str, &str)] = &[
    ("shape", "sizes are the names in its type: `B` of `x: real[B, 4]`"),
    ("size", "sizes are the names in its type: `B` of `x: real[B, 4]`"),
    ("ndim", "the number of axes is that of its type"),
    ("dtype", "its element type is that of its type; `real(n)` casts"),
    ("T", "write `transpose({})`"),
    ("mT", "write `transpose({})`"),
    ("t", "write `transpose({})`"),
    ("view", "write `reshape[B, 4]({})`, with every size"),
    ("flatten", "write `reshape[B, H * W]({})`, with every size"),
    ("unsqueeze", "write `expand({}, axis = 1)`"),
    ("detach", "write `stop_gradient({})`"),
    ("float", "write `real({})`"),
    ("double", "write `f64({})`"),
    ("long", "write `i32({})`"),
    ("int", "write `i32({})`"),
    ("matmul", "write `{} @ b`"),
    ("dot", "write `{} @ b`"),
    ("pow", "write `{}^2`"),
    ("item", "leave it out: a tensor without axes is a number"),
    ("numpy", "leave it out; `save {} to \"x.npy\"` writes a file of NumPy"),
    ("cpu", "leave it out"),
    ("cuda", "leave it out"),
    ("to", "leave it out"),
    ("backward", "`train` differentiates the loss; `grad(f)` is a derivative"),
    ("parameters", "parameters have names: `fit.hidden.w`"),
];

fn row<'t>(table: &[(&str, &'t str)], name: &str) -> Option<&'t str> {
    table.iter().find(|(have, _)| *have == name).map(|(_, here)| *here)
}

/// What to write in place of a name.
pub(super) fn name(name: &str) -> Option<String> {
    if MODULES.contains(&name) {
        return Some("leave it out: the library is always there, without a name before it".to_string());
    }
    row(NAMES, name).map(str::to_string)
}

/// What to write in place of `x.T`, `x.mean()` or `torch.relu`.
pub(super) fn field(env: &Env<'_>, of: &ast::Expr, name: &str) -> Option<String> {
    let known = |name: &str| env.decls.find_function(name, false).is_some() || builtins::is_builtin(name);
    if is_module(of) {
        let layer =
            || row(LAYERS, name).map(|layer| format!("declare it as a layer: `layer a = {layer}[...]`"));
        let same = || known(name).then(|| format!("write `{name}(...)`: the library is always there"));
        return layer().or_else(same).or_else(|| row(NAMES, name).map(str::to_string));
    }
    let source = env.quote(of.span);
    let field = row(FIELDS, name).map(|help| help.replace("{}", &source));
    field.or_else(|| {
        known(name).then(|| format!("functions stand before what they are of: `{name}({source})`"))
    })
}

/// What to write in place of `nn.Linear(64, 32)` or `dense(64, 32)` where a layer is declared.
pub(super) fn layer(env: &Env<'_>, expr: &ast::Expr) -> Option<String> {
    let Ast::Call(callee, args) = &expr.kind else { return None };
    let written = match &callee.kind {
        Ast::Name(name) | Ast::Field(_, ast::Ident { name, .. }) => name.as_str(),
        _ => return None,
    };
    let model =
        |name: &str| env.decls.find_function(name, false).is_some_and(|def| env.decls.functions[def].model);
    let name = row(LAYERS, written).or_else(|| model(written).then_some(written))?;
    let arg = |arg: &ast::Argument| match &arg.name {
        Some(name) => format!("{} = {}", name.name, env.quote(arg.value.span)),
        None => env.quote(arg.value.span),
    };
    let args: Vec<String> = args.iter().map(arg).collect();
    Some(format!("what is static stands in square brackets: `{name}[{}]`", args.join(", ")))
}

/// Whether a dotted name begins with the name of a module of another library.
fn is_module(expr: &ast::Expr) -> bool {
    match &expr.kind {
        Ast::Name(name) => MODULES.contains(&name.as_str()) || name == "F",
        Ast::Field(of, _) => is_module(of),
        _ => false,
    }
}
