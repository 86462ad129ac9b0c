//! Every finding of the checker: one constructor each, and the long explanation of its code.

use crate::diag::{Code, Diagnostic};
use crate::source::Span;

/// Declares codes with their explanations, and the list of all of them.
macro_rules! codes {
    ($($id:ident = $name:literal: $explain:literal;)*) => {
        $(#[doc = concat!("The code `", $name, "`: see its explanation.")] pub static $id: Code = Code { name: $name, explain: $explain };)*
        /// All codes of this stage.
        pub const CODES: &[&Code] = &[$(&$id),*];
    };
}

codes! {
    UNKNOWN_NAME = "unknown-name": "A name is used that nothing in scope has.\n\n    let n = 3\n    print \"{m}\"        // `m` is not known\n\nDeclare it, or correct its spelling:\n\n    print \"{n}\"";
    UNKNOWN_TYPE = "unknown-type": "A type name is not one of `real f32 f64 i32 i64 bool`.\n\n    fn f(x: float[N]) -> real[N] = x\n\nWrite `real` for the script's floating type:\n\n    fn f(x: real[N]) -> real[N] = x";
    SHAPE_MISMATCH = "shape-mismatch": "Two shapes have to agree and do not. Sizes agree when they are the same number or the same polynomial of size variables; two differently named sizes never agree silently.\n\n    model m(x: real[B, 64]) -> real[B, 10] {\n      layer out = dense[32, 10]\n      x |> out           // `out` takes 32 features, `x` has 64\n    }\n\nGive both the same size:\n\n    layer out = dense[64, 10]";
    TYPE_MISMATCH = "type-mismatch": "An element type does not fit where it is used: a boolean in arithmetic, a real where an integer is needed, `f32` mixed with `f64`.\n\n    (x > 0) + 1\n\nConvert it explicitly:\n\n    real(x > 0) + 1";
    WRONG_ARGUMENT = "wrong-argument": "A call lacks an argument, has one too many, or names one that does not exist.\n\n    mean(x, axes = 0)\n\nWrite the arguments as declared:\n\n    mean(x, axis = 0)";
    WRONG_STATIC = "wrong-static": "What stands in square brackets after a function or a model is fixed at compile time: sizes, numbers, functions. There must be one for each name declared there.\n\n    layer hidden = dense[64]\n\n`dense[I, O]` takes two:\n\n    layer hidden = dense[64, 32]";
    INT_DIVISION = "int-division": "`/` divides reals. Two integers are divided by `//`, which rounds down.\n\n    let half = 7 / 2\n\nSay which is meant:\n\n    let half = 7//2       // 3: `//` without spaces, or it begins a comment\n    let half = 7.0 / 2    // 3.5";
    NOT_A_VALUE = "not-a-value": "Something that is no number is used as one: a function, a data set, a fit, text.\n\n    print \"{fit}\"\n\nName one of its numbers:\n\n    print \"{fit.loss}\"";
    NOT_A_FUNCTION = "not-a-function": "Something that cannot be called stands before parentheses or after `|>`.\n\n    let n = 3\n    n(x)\n\nCall a function, a layer, or multiply:\n\n    n * x";
    NOT_A_MODEL = "not-a-model": "`layer` and `train` take a model; this is something else.\n\n    layer a = relu\n\nCall a function where it is used:\n\n    x |> hidden |> relu";
    NOT_A_SIZE = "not-a-size": "A size is a whole number: a literal, a size variable, or a sum, difference, product or exact quotient of these.\n\n    iota[x]\n\nWrite a size:\n\n    iota[N]";
    NOT_CONSTANT = "not-constant": "This must be known at compile time.\n\n    sum(x, axis = k)\n\nWrite a number:\n\n    sum(x, axis = 0)";
    NOT_A_STAGE = "not-a-stage": "An optimizer is a pipeline of stages joined by `|>`; this part of it is no stage.\n\n    optimizer = adam |> relu\n\nName stages only:\n\n    optimizer = adam |> eg_gain";
    NOT_A_FIT = "not-a-fit": "`save`, `plot` and `eval` take what `train` returned.\n\n    save mlp to \"m.safetensors\"\n\nName the fit:\n\n    let fit = train mlp on d { ... }\n    save fit to \"m.safetensors\"";
    NOT_DATA = "not-data": "`train` and `eval` run on a data set or on one of its splits.\n\n    train m on x { ... }\n\nName declared data:\n\n    train m on digits.train { ... }";
    NOT_TEXT = "not-text": "A path is plain text in double quotes, without `{...}`.\n\n    save fit to model\n\nQuote it:\n\n    save fit to \"model.safetensors\"";
    NOT_SUPPORTED = "not-supported": "This is part of the language as planned but not of this version.\n\n    layer blocks = block[64] * 6\n\nWrite what the message suggests:\n\n    layer first  = block[64]\n    layer second = block[64]";
    SIZE_UNKNOWN = "size-unknown": "A size variable of a function that is called follows neither from the arguments nor from the type that is expected.\n\n    let w = glorot_uniform()\n\nSay the type:\n\n    param w: real[I, O] = glorot_uniform()";
    REST_UNKNOWN = "rest-unknown": "`..` in a result stands for the leading axes that `..` in an argument has; without such an argument nobody knows them.\n\n    fn f(x: real[N]) -> real[.., N] = x\n\nUse it in an argument as well:\n\n    fn f(x: real[.., N]) -> real[.., N] = x";
    DUPLICATE_NAME = "duplicate-name": "A name is declared twice in one scope. Bindings never change.\n\n    let a = 1\n    let a = 2\n\nUse another name:\n\n    let b = 2";
    RECURSION = "recursion": "A function, directly or through others, calls itself. Functions are inlined, so that would never end.\n\n    fn f(x: real) -> real = f(x)\n\nWrite it without recursion.";
    PARAM_INIT = "param-init": "The initial value of a parameter is made before any data is seen, so it cannot depend on arguments.\n\n    param w: real[4] = x\n\nUse sizes, numbers and random numbers:\n\n    param w: real[4] = random.normal[4]()";
    PARAM_ROWS = "param-rows": "The shape of a parameter depends on the number of rows, which differs between training and evaluation.\n\n    model m(x: real[B, 4]) -> real[B] {\n      param w: real[B] = 0\n      ...\n    }\n\nUse sizes that are fixed:\n\n    param w: real[4] = 0";
    MODEL_WITHOUT_INSTANCE = "model-without-instance": "A model owns parameters, so it is used through a `layer`, or as the subject of `train`.\n\n    x |> dense[4, 3]\n\nDeclare the layer first:\n\n    layer out = dense[4, 3]\n    x |> out";
    MODEL_SIZES = "model-sizes": "Two uses of one model (or layer) need its parameters in different sizes.\n\n    a |> l + b |> l        // 4 features here, 5 there\n\nUse two layers.";
    UNUSED_LAYER = "unused-layer": "A layer is declared and never used: its parameters get no gradient.\n\n    layer spare = dense[4, 4]\n\nUse it or remove it.";
    STAGE_EXTENT = "stage-extent": "In a stage every number belongs to a coordinate, a tensor or the whole model; a wider one cannot be kept in a narrower state.\n\n    state s: scalar[model] = 1\n    s <- u                 // one number per coordinate\n\nReduce it:\n\n    s <- norm[model](u)";
    STATE_NEVER_ASSIGNED = "state-never-assigned": "A state that no line assigns is a constant.\n\n    state m = 0\n\nAssign it with `<-`, or use a number.";
    NOT_A_STATE = "not-a-state": "`<-` assigns a state of the stage; every other name stays what it is.\n\n    u <- 2 * u\n\nUse a `let`:\n\n    let doubled = 2 * u";
    INNER_ONCE = "inner-once": "A `wrap stage` runs the pipeline before it exactly once in each step, on parameters that are known before the line in which it does.\n\n    wrap stage twice()(inner) {\n      w - inner(w) - inner(w)\n    }\n\nKeep its update under a name:\n\n    wrap stage twice()(inner) {\n      let u = inner(w)\n      w - 2 * u\n    }";
    EVAL_POINT = "eval-point": "`eval w = ...` is computed after a step, whenever the model is evaluated: from states and `w` as the step left them, `w0`, hyperparameters, `t` and `T`. Gradients, updates and `let`s of the step are gone then.\n\n    eval w = w - u\n\nKeep what it needs as a state:\n\n    state next = w0\n    next <- w - u\n    eval w = next";
    EVAL_TWICE = "eval-twice": "Two places say with which parameters to evaluate.\n\n    optimizer = adam |> lookahead |> weight_ema\n\nKeep one of them.";
    UNKNOWN_WORD = "unknown-word": "A word is not one of those that may stand here.\n\n    eg_scale(over = tensors)\n\nUse a declared one:\n\n    eg_scale(over = tensor)";
    MATCH_ARMS = "match-arms": "`match` chooses among the words of a hyperparameter: one arm for each, none twice.\n\n    match signal { sign => a }      // `signal = sign | product`\n\nWrite the others too:\n\n    match signal { sign => a, product => b }";
    PIPELINE_NO_LEARNING_RATE = "pipeline-no-learning-rate": "No stage of the optimizer has a hyperparameter `lr`, so the raw gradient would be subtracted as it is.\n\n    optimizer = momentum |> eg_scale\n\nAdd a stage that sets it:\n\n    optimizer = sgd(lr = 0.1) |> momentum |> eg_scale";
    PIPELINE_TWO_LEARNING_RATES = "pipeline-two-learning-rates": "Two stages set a learning rate; their product acts.\n\n    optimizer = adam |> sgd(lr = 0.1)\n\nKeep one of them.";
    HYPERPARAMETER_RANGE = "hyperparameter-range": "A hyperparameter has a value outside of the range that its stage declares. The first bound belongs to the range, the second does not.\n\n    stage average(b = 0.9 in 0..1) { ... }\n    average(b = 1)\n\nGive it a value inside:\n\n    average(b = 0.99)\n\nValues given by `--set` are checked too.";
    PIPELINE_GAIN_CANCELLED = "pipeline-gain-cancelled": "A stage multiplies the update, and a later one gives the same update whatever it is multiplied by: the gain has next to no effect.\n\n    optimizer = eg_gain |> adam\n\nPut the gain after it:\n\n    optimizer = adam |> eg_gain";
    PIPELINE_CLIP_UNDONE = "pipeline-clip-undone": "A stage bounds the update after the learning rate is set, and a later one multiplies it again, so that the step is not bounded.\n\n    optimizer = adam |> clip_norm |> eg_scale\n\nClip last, or clip the gradient:\n\n    optimizer = adam |> eg_scale |> clip_norm";
    GROUP_NO_MATCH = "group-no-match": "A pattern of a parameter group matches the path of no parameter, or `else` has none left. `*` stands for any text inside of one name, `**` for any number of names.\n\n    optimizer = { \"**.bias\": sgd(lr = 0.1), else: adam }\n\nWrite a pattern of paths that the model has:\n\n    optimizer = { \"**.b\": sgd(lr = 0.1), else: adam }";
    GROUP_TWICE = "group-twice": "A parameter is in two groups: two optimizers would move it.\n\n    optimizer = { \"hidden.**\": sgd(lr = 0.1), \"**.b\": sgd(lr = 0.2), else: adam }\n\nMake one pattern narrower:\n\n    optimizer = { \"hidden.w\": sgd(lr = 0.1), \"**.b\": sgd(lr = 0.2), else: adam }";
    GROUP_UNCOVERED = "group-uncovered": "A parameter is in no group: nothing would train it.\n\n    optimizer = { \"**.b\": sgd(lr = 0.1) }\n\nSay what happens to all others:\n\n    optimizer = { \"**.b\": sgd(lr = 0.1), else: adam }";
    LOSS_NOT_SCALAR = "loss-not-scalar": "A loss is one number. This is a tensor.\n\n    loss = cross_entropy(m(x), y)        // one number per row\n\nAverage it:\n\n    loss = mean(cross_entropy(m(x), y))";
    LOSS_WITHOUT_MODEL = "loss-without-model": "The loss never calls the model that is trained, so nothing can be learned.\n\n    train m on d { loss = mean(y^2) ... }\n\nCall it on the data's columns:\n\n    train m on d { loss = mean((m(x) - y)^2) ... }";
    METRIC_NOT_SCALAR = "metric-not-scalar": "A metric is one number. This is a tensor.\n\n    metric accuracy = argmax(m(x)) == y\n\nAverage it:\n\n    metric accuracy = mean(argmax(m(x)) == y)";
    UNKNOWN_COLUMN = "unknown-column": "A column is named that the data does not have.\n\n    data d = csv(\"d.csv\", target = \"labl\")\n\nUse a name of the file's header:\n\n    data d = csv(\"d.csv\", target = \"label\")";
    UNKNOWN_FIELD = "unknown-field": "A fit, an evaluation or a data set has no field of this name.\n\n    fit.acuracy\n\nA fit has `loss`, its metrics, `val_loss` and `opt.STAGE.STATE`:\n\n    fit.accuracy";
    UNKNOWN_SETTING = "unknown-setting": "`train` and `eval` have fixed settings; this is none of them.\n\n    batchsize = 32\n\nThey are `loss metric optimizer batch accumulate epochs steps shuffle seed validate`:\n\n    batch = 32";
    WRONG_SETTING = "wrong-setting": "A setting has a value that it does not take, or contradicts another one.\n\n    epochs = 10\n    steps  = 500\n\nGive one of them:\n\n    epochs = 10";
    MISSING_SETTING = "missing-setting": "`train` needs a loss, an optimizer, and to be told how long to go on.\n\n    train m on d { loss = mean((m(x) - y)^2) }\n\nSay all of it:\n\n    train m on d {\n      loss = mean((m(x) - y)^2)\n      optimizer = adam\n      epochs = 20\n    }";
    BATCH_TOO_LARGE = "batch-too-large": "A batch has more rows than the data, or the batches of one step together have.\n\n    batch = 1000           // of 150 rows\n\nTake fewer, or all:\n\n    batch = full";
    DATA_SOURCE = "data-source": "Data comes from `csv(path, target = column, test = share)` or `idx(x = path, y = path)`.\n\n    data d = \"d.csv\"\n\nName the reader:\n\n    data d = csv(\"d.csv\", target = \"y\")";
    DATA_SHARE = "data-share": "`test` is the share of rows for the test split, between 0 and 1, and both splits need rows.\n\n    data d = csv(\"d.csv\", target = \"y\", test = 20)\n\nWrite a fraction:\n\n    data d = csv(\"d.csv\", target = \"y\", test = 0.2)";
    SPLIT_MISSING = "split-missing": "The data has no test split.\n\n    data d = csv(\"d.csv\", target = \"y\")\n    eval fit on d.test { ... }\n\nAsk for one:\n\n    data d = csv(\"d.csv\", target = \"y\", test = 0.2)";
}

/// A name that nothing has.
pub(super) fn unknown_name(name: &str, span: Span, near: Option<String>) -> Diagnostic {
    let name = match name.char_indices().nth(60) {
        Some((end, _)) => &format!("{}...", &name[..end]),
        None => name,
    };
    let found = at(&UNKNOWN_NAME, format!("unknown name `{name}`"), span, "not in scope");
    match near {
        None => found.help("declare it before it is used, or correct its spelling"),
        near => suggest(found, near),
    }
}

/// Adds "did you mean".
pub(super) fn suggest(diagnostic: Diagnostic, near: Option<String>) -> Diagnostic {
    match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

/// One of several codes about "a word that is none of these".
pub(super) fn none_of(
    code: &'static Code,
    what: &str,
    name: &str,
    span: Span,
    known: &[String],
) -> Diagnostic {
    let list = there_is(known);
    let found =
        Diagnostic::error(code, format!("unknown {what} `{name}`")).label(span, format!("no such {what}"));
    match super::scope::nearest(name, known.iter().map(String::as_str)) {
        _ if known.is_empty() => found,
        None => found.help(list),
        near => suggest(found.note(list), near),
    }
}

/// What can be named: "there are `a`, `b` and `c`".
pub(super) fn there_is(known: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = known.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.as_slice() {
        [] => "there is none".to_string(),
        [one] => format!("there is only {one}"),
        [all @ .., last] => format!("there are {} and {last}", all.join(", ")),
    }
}

/// Something at one place, with one thing to try.
pub(super) fn at(
    code: &'static Code,
    message: impl Into<String>,
    span: Span,
    label: impl Into<String>,
) -> Diagnostic {
    Diagnostic::error(code, message).label(span, label)
}

/// Two shapes that have to agree: what was found, what was expected, and where both come from.
pub(super) fn shapes(
    message: impl Into<String>,
    found: (Span, String),
    expected: (Span, String),
) -> Diagnostic {
    Diagnostic::error(&SHAPE_MISMATCH, message)
        .label(found.0, format!("this is `{}`", found.1))
        .label(expected.0, expected.1)
}

/// `/` on integers.
pub(super) fn int_division(span: Span, (floor, real): (String, String)) -> Diagnostic {
    at(&INT_DIVISION, "`/` divides reals, and both operands are integers", span, "integer divided by integer")
        .help(format!("write `{floor}`, without spaces, to round down, or make one operand real: `{real}`"))
}

/// A position outside of an axis.
pub(super) fn outside(position: &str, size: &str, last: Option<i64>, span: Span) -> Diagnostic {
    let message = format!("position {position} is outside of an axis of size {size}");
    let help = match last {
        Some(last) => format!("positions are 0 to {last}, or -1 for the last"),
        None => "positions are known at compile time, from 0, or -1 for the last".to_string(),
    };
    at(&SHAPE_MISMATCH, message, span, "outside").help(help)
}

/// A slice in a function that does not fit the sizes that the function is called with.
pub(crate) fn misplaced((at_span, shape): (Span, String)) -> Diagnostic {
    let message = format!("this slice lies outside of a tensor of sizes {shape}");
    at(&SHAPE_MISMATCH, message, at_span, format!("its operand has sizes {shape} in one of the calls"))
        .help("call the function with larger sizes, or count from the end: `x[-2:]`")
}

/// More positions than axes.
pub(super) fn too_many_positions(given: usize, shown: &str, rank: usize, span: Span) -> Diagnostic {
    let message = format!("{given} positions into `{shown}`, which has {}", axes(rank));
    at(&SHAPE_MISMATCH, message, span, "too many positions").help(match rank {
        0 => "a single number has no positions: leave out the brackets".to_string(),
        _ => format!(
            "give {} at most",
            if rank == 1 { "1 position".into() } else { format!("{rank} positions") }
        ),
    })
}

/// A number of axes in words.
pub(super) fn axes(rank: usize) -> String {
    match rank {
        0 => "no axes".to_string(),
        1 => "1 axis".to_string(),
        _ => format!("{rank} axes"),
    }
}

/// A hyperparameter outside of its range.
pub(crate) fn out_of_range(name: &str, value: f64, range: super::typed::Range) -> Diagnostic {
    let shown = crate::print::number(value);
    let message = format!("hyperparameter `{name}` is {shown}, outside of {range}");
    let high = match range.high.is_finite() {
        true => format!(" and below {}", crate::print::number(range.high)),
        false => String::new(),
    };
    let least = crate::print::number(range.low);
    Diagnostic::error(&HYPERPARAMETER_RANGE, message).help(format!("give a number from {least}{high}"))
}

/// A name declared twice.
pub(super) fn duplicate(name: &str, span: Span, before: Option<Span>) -> Diagnostic {
    let found = at(&DUPLICATE_NAME, format!("`{name}` is declared twice"), span, "declared again");
    let found = match before {
        Some(before) => found.label(before, "first declared here"),
        None => found,
    };
    found.help("bindings never change: use another name")
}

/// Something that is no number where one is needed.
pub(super) fn not_a_value(what: &str, span: Span, help: &str) -> Diagnostic {
    let found = at(&NOT_A_VALUE, format!("{what} is not a value"), span, "a number or a tensor is needed");
    if help.is_empty() { found } else { found.help(help) }
}

/// A loss or a metric that is no number.
pub(super) fn not_scalar(code: &'static Code, what: &str, shown: &str, span: Span, text: &str) -> Diagnostic {
    at(code, format!("the {what} is `{shown}`, not one number"), span, format!("this is `{shown}`"))
        .help(format!("average it: `mean({text})`"))
}

/// Something that is planned and not there yet, and what to write so far.
pub(super) fn not_supported(what: &str, span: Span, help: &str) -> Diagnostic {
    at(&NOT_SUPPORTED, format!("{what} is not in the language yet"), span, "not supported").help(help)
}
