//! The codes of the checker's findings, with what `egret explain` says about each.

use crate::diag::Code;

/// Declares codes: the comment before each is its explanation.
macro_rules! codes {
    ($($(#[doc = $line:literal])* $id:ident = $name:literal;)*) => {
        $(
            #[doc = concat!("The code `", $name, "`: see its explanation.")]
            pub static $id: Code = Code { name: $name, explain: concat!($($line, "\n"),*) };
        )*
        /// All codes of this stage.
        pub const CODES: &[&Code] = &[$(&$id),*];
    };
}

codes! {
    /// A name is used that nothing in scope has.
    ///
    ///     let n = 3
    ///     print "{m}"        // `m` is not known
    ///
    /// Declare it, or correct its spelling:
    ///
    ///     print "{n}"
    UNKNOWN_NAME = "unknown-name";

    /// A type name is not one of `real f32 f64 i32 i64 bool`.
    ///
    ///     fn f(x: float[N]) -> real[N] = x
    ///
    /// Write `real` for the script's floating type:
    ///
    ///     fn f(x: real[N]) -> real[N] = x
    UNKNOWN_TYPE = "unknown-type";

    /// Two shapes have to agree and do not. Sizes agree when they are the same number or the same
    /// polynomial of size variables; two differently named sizes never agree silently.
    ///
    ///     model m(x: real[B, 64]) -> real[B, 10] {
    ///       layer out = dense[32, 10]
    ///       x |> out           // `out` takes 32 features, `x` has 64
    ///     }
    ///
    /// Give both the same size:
    ///
    ///     layer out = dense[64, 10]
    SHAPE_MISMATCH = "shape-mismatch";

    /// An element type does not fit where it is used: a boolean in arithmetic, a real where an integer is
    /// needed, `f32` mixed with `f64`.
    ///
    ///     (x > 0) + 1
    ///
    /// Convert it explicitly:
    ///
    ///     real(x > 0) + 1
    TYPE_MISMATCH = "type-mismatch";

    /// A call lacks an argument, has one too many, or names one that does not exist.
    ///
    ///     mean(x, axes = 0)
    ///
    /// Write the arguments as declared:
    ///
    ///     mean(x, axis = 0)
    WRONG_ARGUMENT = "wrong-argument";

    /// What stands in square brackets after a function or a model is fixed at compile time: sizes,
    /// numbers, functions. There must be one for each name declared there.
    ///
    ///     layer hidden = dense[64]
    ///
    /// `dense[I, O]` takes two:
    ///
    ///     layer hidden = dense[64, 32]
    WRONG_STATIC = "wrong-static";

    /// An expression has several values where one is needed, or not as many as there are names for.
    ///
    ///     let h = lstm[8, 16](x)         // two values: all states, and the last one
    ///
    /// Give each a name:
    ///
    ///     let (hs, h) = lstm[8, 16](x)
    SEVERAL_VALUES = "several-values";

    /// The head of a `for` or a `scan` does not say what is repeated, or the block does not give what the
    /// next iteration needs.
    ///
    ///     for i in 0..3 { blocks[i](x) }           // nothing goes from one iteration to the next
    ///
    /// A `for` has one range and carried values, a `scan` sequences and perhaps carried values. The block
    /// gives the next carried values, in a `scan` after them what is collected:
    ///
    ///     for i in 0..3, h = x { blocks[i](h) }
    ///     scan xt in x, h = start { let next = cell(xt, h); (next, next) }
    LOOP_FORM = "loop-form";

    /// Loops whose iterations are alike stay loops, of as many iterations as there are. Others are written out when a
    /// program is compiled: those whose `i` changes a shape or picks a layer, and those that draw random numbers. This
    /// one makes more operations than a machine compiles in reasonable time.
    ///
    ///     for i in 0..1000000, s = 0.0 { s + sum(iota[i + 1]) }
    ///
    /// Let `i` be a number or a place:
    ///
    ///     for i in 0..1000000, s = 0.0 { s + real(i) * real(i + 1) / 2 }
    LOOP_TOO_LONG = "loop-too-long";

    /// An optimizer has more stages than are compiled in reasonable time. A pipeline that names another one
    /// twice has twice its stages.
    ///
    ///     let p1 = ema |> ema
    ///     let p2 = p1 |> p1       // and so on, ten times
    ///
    /// Name the stages that are meant, each once.
    TOO_MANY_STAGES = "too-many-stages";

    /// `/` divides reals. Two integers are divided by `div`, which rounds down.
    ///
    ///     let half = 7 / 2
    ///
    /// Say which is meant:
    ///
    ///     let half = 7 div 2    // 3
    ///     let half = 7.0 / 2    // 3.5
    INT_DIVISION = "int-division";

    /// A whole number is divided by 0: `div` and `%` of whole numbers have no result for it.
    ///
    ///     let parts = 0
    ///     let size = 12 div parts
    ///
    /// Divide by another number:
    ///
    ///     let parts = 3
    DIVISION_BY_ZERO = "division-by-zero";

    /// Something that is no number is used as one: a function, a data set, a fit, text.
    ///
    ///     print "{fit}"
    ///
    /// Name one of its numbers:
    ///
    ///     print "{fit.loss}"
    NOT_A_VALUE = "not-a-value";

    /// Something that cannot be called stands before parentheses or after `|>`.
    ///
    ///     let n = 3
    ///     n(x)
    ///
    /// Call a function, a layer, or multiply:
    ///
    ///     n * x
    NOT_A_FUNCTION = "not-a-function";

    /// `layer` and `train` take a model; this is something else.
    ///
    ///     layer a = relu
    ///
    /// Call a function where it is used:
    ///
    ///     x |> hidden |> relu
    NOT_A_MODEL = "not-a-model";

    /// A size is a whole number: a literal, a size variable, or a sum, difference, product or exact
    /// quotient of these.
    ///
    ///     iota[x]
    ///
    /// Write a size:
    ///
    ///     iota[N]
    NOT_A_SIZE = "not-a-size";

    /// This must be known at compile time.
    ///
    ///     sum(x, axis = k)
    ///
    /// Write a number:
    ///
    ///     sum(x, axis = 0)
    NOT_CONSTANT = "not-constant";

    /// An optimizer is a pipeline of stages joined by `|>`; this part of it is no stage.
    ///
    ///     optimizer = adam |> relu
    ///
    /// Name stages only:
    ///
    ///     optimizer = adam |> eg_gain
    NOT_A_STAGE = "not-a-stage";

    /// `save`, `plot` and `eval` take what `train` returned.
    ///
    ///     save mlp to "m.safetensors"
    ///
    /// Name the fit:
    ///
    ///     let fit = train mlp on d { ... }
    ///     save fit to "m.safetensors"
    NOT_A_FIT = "not-a-fit";

    /// `train` and `eval` run on a data set or on one of its splits.
    ///
    ///     train m on x { ... }
    ///
    /// Name declared data:
    ///
    ///     train m on digits.train { ... }
    NOT_DATA = "not-data";

    /// A path is plain text in double quotes, without `{...}`.
    ///
    ///     save fit to model
    ///
    /// Quote it:
    ///
    ///     save fit to "model.safetensors"
    NOT_TEXT = "not-text";

    /// This is part of the language as planned but not of this version.
    ///
    ///     fn double(x: bf16[n]) -> bf16[n] = 2 * x
    ///
    /// Write what the message suggests:
    ///
    ///     fn double(x: f32[n]) -> f32[n] = 2 * x
    NOT_SUPPORTED = "not-supported";

    /// A size variable of a function that is called follows neither from the arguments nor from the type
    /// that is expected.
    ///
    ///     let w = glorot_uniform()
    ///
    /// Say the type, or what stands in square brackets:
    ///
    ///     param w: real[I, O] = glorot_uniform()
    ///     let a = steps[n = 8](0.5)      // of `fn steps[n](from: real) -> real[n]`
    SIZE_UNKNOWN = "size-unknown";

    /// `..` in a result stands for the leading axes that `..` in an argument has; without such an
    /// argument nobody knows them.
    ///
    ///     fn f(x: real[N]) -> real[.., N] = x
    ///
    /// Use it in an argument as well:
    ///
    ///     fn f(x: real[.., N]) -> real[.., N] = x
    REST_UNKNOWN = "rest-unknown";

    /// A name is declared twice in one scope. Bindings never change.
    ///
    ///     let a = 1
    ///     let a = 2
    ///
    /// Use another name:
    ///
    ///     let b = 2
    DUPLICATE_NAME = "duplicate-name";

    /// A function, directly or through others, calls itself. Functions are inlined, so that would never
    /// end.
    ///
    ///     fn f(x: real) -> real = f(x)
    ///
    /// Write it without recursion.
    RECURSION = "recursion";

    /// The initial value of a parameter is made before any data is seen, so it cannot depend on
    /// arguments.
    ///
    ///     param w: real[4] = x
    ///
    /// Use sizes, numbers and random numbers:
    ///
    ///     param w: real[4] = random.normal[4]()
    PARAM_INIT = "param-init";

    /// The shape of a parameter depends on the number of rows, which differs between training and
    /// evaluation.
    ///
    ///     model m(x: real[B, 4]) -> real[B] {
    ///       param w: real[B] = 0
    ///       ...
    ///     }
    ///
    /// Use sizes that are fixed:
    ///
    ///     param w: real[4] = 0
    PARAM_ROWS = "param-rows";

    /// A model owns parameters, so it is used through a `layer`, or as the subject of `train`.
    ///
    ///     x |> dense[4, 3]
    ///
    /// Declare the layer first:
    ///
    ///     layer out = dense[4, 3]
    ///     x |> out
    ///
    /// After a run call what it left, `fit(x)`. A function takes the model as an argument, which the loss of a run
    /// or a fit gives it:
    ///
    ///     fn energy[net: model](x: real[B, 4]) -> real = sum(net(x)^2)
    ///     loss = energy[mlp](x)          // in `train mlp on d { ... }`
    ///     print energy[fit](x)
    MODEL_WITHOUT_INSTANCE = "model-without-instance";

    /// Two uses of one model (or layer) need its parameters in different sizes.
    ///
    ///     a |> l + b |> l        // 4 features here, 5 there
    ///
    /// Use two layers.
    MODEL_SIZES = "model-sizes";

    /// A layer is declared and never used: its parameters get no gradient.
    ///
    ///     layer spare = dense[4, 4]
    ///
    /// Use it or remove it.
    UNUSED_LAYER = "unused-layer";

    /// In a stage every number belongs to a coordinate, a tensor or the whole model; a wider one cannot
    /// be kept in a narrower state.
    ///
    ///     state s: scalar[model] = 1
    ///     s <- u                 // one number per coordinate
    ///
    /// Reduce it:
    ///
    ///     s <- norm[model](u)
    STAGE_EXTENT = "stage-extent";

    /// A state that no line assigns is a constant.
    ///
    ///     state m = 0
    ///
    /// Assign it with `<-`, or use a number.
    STATE_NEVER_ASSIGNED = "state-never-assigned";

    /// `<-` assigns a state of the stage; every other name stays what it is.
    ///
    ///     u <- 2 * u
    ///
    /// Use a `let`:
    ///
    ///     let doubled = 2 * u
    NOT_A_STATE = "not-a-state";

    /// A `wrap stage` runs the pipeline before it exactly once in each step, on parameters that are known
    /// before the line in which it does.
    ///
    ///     wrap stage twice()(inner) {
    ///       w - inner(w) - inner(w)
    ///     }
    ///
    /// Keep its update under a name:
    ///
    ///     wrap stage twice()(inner) {
    ///       let u = inner(w)
    ///       w - 2 * u
    ///     }
    INNER_ONCE = "inner-once";

    /// `eval w = ...` is computed after a step, whenever the model is evaluated: from states and `w` as
    /// the step left them, `w0`, hyperparameters, `t` and `T`. Gradients, updates and `let`s of the step
    /// are gone then.
    ///
    ///     eval w = w - u
    ///
    /// Keep what it needs as a state:
    ///
    ///     state next = w0
    ///     next <- w - u
    ///     eval w = next
    EVAL_POINT = "eval-point";

    /// Two places say with which parameters to evaluate.
    ///
    ///     optimizer = adam |> lookahead |> weight_ema
    ///
    /// Keep one of them.
    EVAL_TWICE = "eval-twice";

    /// A word is not one of those that may stand here.
    ///
    ///     eg_scale(over = tensors)
    ///
    /// Use a declared one:
    ///
    ///     eg_scale(over = tensor)
    UNKNOWN_WORD = "unknown-word";

    /// `match` chooses among the words of a hyperparameter: one arm for each, none twice.
    ///
    ///     match signal { sign => a }      // `signal = sign | product`
    ///
    /// Write the others too:
    ///
    ///     match signal { sign => a, product => b }
    MATCH_ARMS = "match-arms";

    /// No stage of the optimizer has a hyperparameter `lr`, so the raw gradient would be subtracted as it
    /// is.
    ///
    ///     optimizer = momentum |> eg_scale
    ///
    /// Add a stage that sets it:
    ///
    ///     optimizer = sgd(lr = 0.1) |> momentum |> eg_scale
    PIPELINE_NO_LEARNING_RATE = "pipeline-no-learning-rate";

    /// Two stages set a learning rate; their product acts.
    ///
    ///     optimizer = adam |> sgd(lr = 0.1)
    ///
    /// Keep one of them.
    PIPELINE_TWO_LEARNING_RATES = "pipeline-two-learning-rates";

    /// A hyperparameter has a value outside of the range that its stage declares. The first bound belongs
    /// to the range, the second does not.
    ///
    ///     stage average(b = 0.9 in 0..1) { ... }
    ///     average(b = 1)
    ///
    /// Give it a value inside:
    ///
    ///     average(b = 0.99)
    ///
    /// Values given by `--set` are checked too.
    HYPERPARAMETER_RANGE = "hyperparameter-range";

    /// A stage multiplies the update, and a later one gives the same update whatever it is multiplied by:
    /// the gain has next to no effect.
    ///
    ///     optimizer = eg_gain |> adam
    ///
    /// Put the gain after it:
    ///
    ///     optimizer = adam |> eg_gain
    PIPELINE_GAIN_CANCELLED = "pipeline-gain-cancelled";

    /// A stage bounds the update after the learning rate is set, and a later one multiplies it again, so
    /// that the step is not bounded.
    ///
    ///     optimizer = adam |> clip_norm |> eg_scale
    ///
    /// Clip last, or clip the gradient:
    ///
    ///     optimizer = adam |> eg_scale |> clip_norm
    PIPELINE_CLIP_UNDONE = "pipeline-clip-undone";

    /// A pattern of a parameter group matches the path of no parameter, or `else` has none left. `*`
    /// stands for any text inside of one name, `**` for any number of names.
    ///
    ///     optimizer = { "**.bias": sgd(lr = 0.1), else: adam }
    ///
    /// Write a pattern of paths that the model has:
    ///
    ///     optimizer = { "**.b": sgd(lr = 0.1), else: adam }
    GROUP_NO_MATCH = "group-no-match";

    /// A parameter is in two groups: two optimizers would move it.
    ///
    ///     optimizer = { "hidden.**": sgd(lr = 0.1), "**.b": sgd(lr = 0.2), else: adam }
    ///
    /// Make one pattern narrower:
    ///
    ///     optimizer = { "hidden.w": sgd(lr = 0.1), "**.b": sgd(lr = 0.2), else: adam }
    GROUP_TWICE = "group-twice";

    /// A parameter is in no group: nothing would train it.
    ///
    ///     optimizer = { "**.b": sgd(lr = 0.1) }
    ///
    /// Say what happens to all others:
    ///
    ///     optimizer = { "**.b": sgd(lr = 0.1), else: adam }
    GROUP_UNCOVERED = "group-uncovered";

    /// A loss is one number. This is a tensor.
    ///
    ///     loss = cross_entropy(m(x), y)        // one number per row
    ///
    /// Average it:
    ///
    ///     loss = mean(cross_entropy(m(x), y))
    LOSS_NOT_SCALAR = "loss-not-scalar";

    /// The loss never calls the model that is trained, so nothing can be learned.
    ///
    ///     train m on d { loss = mean(y^2) ... }
    ///
    /// Call it on the data's columns:
    ///
    ///     train m on d { loss = mean((m(x) - y)^2) ... }
    LOSS_WITHOUT_MODEL = "loss-without-model";

    /// A metric is one number. This is a tensor.
    ///
    ///     metric accuracy = argmax(m(x)) == y
    ///
    /// Average it:
    ///
    ///     metric accuracy = mean(argmax(m(x)) == y)
    METRIC_NOT_SCALAR = "metric-not-scalar";

    /// A column is named that the data does not have.
    ///
    ///     data d = csv("d.csv", target = "labl")
    ///
    /// Use a name of the file's header:
    ///
    ///     data d = csv("d.csv", target = "label")
    UNKNOWN_COLUMN = "unknown-column";

    /// A fit, an evaluation or a data set has no field of this name.
    ///
    ///     fit.acuracy
    ///
    /// A fit has `loss`, its metrics, `val_loss` and `opt.STAGE.STATE`, and everything that its model declares:
    /// parameters and states as values, layers to be called.
    ///
    ///     fit.accuracy
    ///     fit.blocks[2].attn.wq
    ///     fit.opt.adam.m["hidden.w"]
    ///     fit.decoder(z)
    UNKNOWN_FIELD = "unknown-field";

    /// `train` and `eval` have fixed settings; this is none of them.
    ///
    ///     batchsize = 32
    ///
    /// They are `loss metric optimizer batch accumulate epochs steps shuffle seed validate`:
    ///
    ///     batch = 32
    UNKNOWN_SETTING = "unknown-setting";

    /// A model is trained on data of which a column is standardized, and evaluated or validated on data of
    /// which it is not, or the other way round.
    ///
    ///     data a = csv("a.csv", target = "y") { x = standardize(x) }
    ///     data b = csv("b.csv", target = "y")            // `x` of other units
    ///
    /// Write the line behind both: `b` is moved and divided by the mean and the deviation of `a`, where `a` is
    /// what the model is trained on.
    ///
    ///     data b = csv("b.csv", target = "y") { x = standardize(x) }
    OTHER_UNITS = "other-units";

    /// A run uses `x` and another column of a csv file without a target. `x` is all columns then, the other
    /// one among them: a model of `x` may simply read off what it is to find.
    ///
    ///     data homes = csv("homes.csv")
    ///     loss = mse(net(x), price)                      // `x` has the price in it
    ///
    /// Name the target, which is `y` and no part of `x`:
    ///
    ///     data homes = csv("homes.csv", target = "price")
    TARGET_AMONG_FEATURES = "target-among-features";

    /// A column with one number a row stands beside a value with another axis, of size 1. Sizes match from the
    /// right, so the result has a number for each pair of rows, and its mean is not the mean over the rows.
    ///
    ///     loss = mean((net(x) - y)^2)                    // `net(x)` is `real[rows, 1]`, `y` is `real[rows]`
    ///
    /// Take the axis away, or give the column one:
    ///
    ///     loss = mean((net(x)[:, 0] - y)^2)
    ///     loss = mean((net(x) - expand(y, axis = 1))^2)
    ROWS_AGAINST_ROWS = "rows-against-rows";

    /// A setting has a value that it does not take, or contradicts another one.
    ///
    ///     epochs = 10
    ///     steps  = 500
    ///
    /// Give one of them:
    ///
    ///     epochs = 10
    WRONG_SETTING = "wrong-setting";

    /// A sweep repeats one training run for each choice of the values of its variables. The program is
    /// compiled once, so a variable may stand where a number is read while it runs: in hyperparameters, as
    /// the seed, in the loss and in metrics.
    ///
    ///     let runs = sweep lr in [1e-3, 1e-2], size in [16, 32] {
    ///       train m on d { loss = ... optimizer = adam(lr = lr) batch = size epochs = 5 }
    ///     }
    ///
    /// Sizes are fixed when a program is compiled: write a run for each.
    ///
    ///     let runs = sweep lr in [1e-3, 1e-2], seed in 0..5 {
    ///       train m on d { loss = ... optimizer = adam(lr = lr) seed = seed epochs = 5 }
    ///     }
    ///     print runs.loss by lr
    WRONG_SWEEP = "wrong-sweep";

    /// `train` needs a loss, an optimizer, and to be told how long to go on.
    ///
    ///     train m on d { loss = mean((m(x) - y)^2) }
    ///
    /// Say all of it:
    ///
    ///     train m on d {
    ///       loss = mean((m(x) - y)^2)
    ///       optimizer = adam
    ///       epochs = 20
    ///     }
    MISSING_SETTING = "missing-setting";

    /// A batch has more rows than the data, or the batches of one step together have.
    ///
    ///     batch = 1000           // of 150 rows
    ///
    /// Take fewer, or all:
    ///
    ///     batch = full
    BATCH_TOO_LARGE = "batch-too-large";

    /// An `assert` of the script does not hold. Statements before it have run.
    ///
    ///     assert fit.accuracy > 0.99
    ASSERTION_FAILED = "assertion-failed";

    /// Data comes from `csv(path, target = column, test = share)` or `idx(x = path, y = path)`.
    ///
    ///     data d = "d.csv"
    ///
    /// Name the reader:
    ///
    ///     data d = csv("d.csv", target = "y")
    DATA_SOURCE = "data-source";

    /// A column of synthetic data is an expression with one entry for each row: its first size is `rows`,
    /// and it holds numbers.
    ///
    ///     data d = synthetic(rows = 100) { x = random.normal[4]() }
    ///
    /// Say `rows` where it is needed; a column may use those before it:
    ///
    ///     data d = synthetic(rows = 100, seed = 1) {
    ///       x = random.normal[rows, 4]()
    ///       y = sum(x, axis = 1) + 0.1 * random.normal[rows]()
    ///     }
    SYNTHETIC_COLUMN = "synthetic-column";

    /// `test` is the share of rows for the test split, between 0 and 1, and both splits need rows.
    ///
    ///     data d = csv("d.csv", target = "y", test = 20)
    ///
    /// Write a fraction:
    ///
    ///     data d = csv("d.csv", target = "y", test = 0.2)
    DATA_SHARE = "data-share";

    /// The data has no test split.
    ///
    ///     data d = csv("d.csv", target = "y")
    ///     eval fit on d.test { ... }
    ///
    /// Ask for one:
    ///
    ///     data d = csv("d.csv", target = "y", test = 0.2)
    SPLIT_MISSING = "split-missing";

    /// `grad(f, wrt = z)` where `f` has no argument `z`.
    ///
    ///     fn f(x: real, y: real) -> real = x * y
    ///     print grad(f, wrt = z)(1.0, 2.0)
    ///
    /// Name one of its arguments, or several in a list:
    ///
    ///     print grad(f, wrt = y)(1.0, 2.0)
    UNKNOWN_WRT = "unknown-wrt";

    /// There is no derivative: by an integer, of an integer or of a truth value, or of a function without
    /// arguments.
    ///
    ///     fn f(k: i32) -> real = 2.0 * k
    ///     print grad(f)(3)
    ///
    /// Differentiate real numbers by real numbers:
    ///
    ///     fn f(x: real) -> real = 2.0 * x
    ///     print grad(f)(3)
    NO_DERIVATIVE = "no-derivative";

    /// `grad`, `value_and_grad` and `hvp` are of a function that gives one number.
    ///
    ///     fn f(x: real[N]) -> real[N] = x^2
    ///     print grad(f)(iota[3])
    ///
    /// Make one number of it, or say how its elements are weighed:
    ///
    ///     print vjp(f)(iota[3], 1.0)
    GRADIENT_NOT_SCALAR = "gradient-not-scalar";

    /// A function's own derivative, `vjp dy => ...`, gives for each of its arguments that is not an integer
    /// a gradient of the argument's type, in order.
    ///
    ///     fn f(a: real[N], b: real[N]) -> real[N] = a * b
    ///       vjp dy => dy * b
    ///
    /// Give as many gradients as there are such arguments:
    ///
    ///     fn f(a: real[N], b: real[N]) -> real[N] = a * b
    ///       vjp dy => dy * b, dy * a
    DERIVATIVE_RULE = "derivative-rule";

    /// A stage asks for the loss of its step at other parameters, as `grad(loss)(w + e)` does, where there is
    /// no such loss: before the first step, after the step, where a step takes several batches, or where
    /// another program brings the gradients.
    ///
    ///     optimizer  = sam |> sgd(lr = 0.1)
    ///     accumulate = 4
    ///
    /// Take one batch in each step, or a stage that needs only `g` and `loss`:
    ///
    ///     optimizer  = sam |> sgd(lr = 0.1)
    STAGE_LOSS = "stage-loss";
}
