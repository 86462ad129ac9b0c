//! Every optimizer stage of the library against an independent oracle in double precision: parameters
//! after each of the first five steps and after the hundredth, losses of all hundred.

#![expect(unreachable_pub, reason = "its modules are this test's own")]

mod curvature;
mod egdd;
mod first_runs;
mod oracle;
mod problem;

use egret::algebra::types::DType;
use egret::pipeline::LIBRARY;
use oracle::*;

const STEPS: [usize; 6] = [1, 2, 3, 4, 5, 100];

/// A pipeline, and the rule that it should follow.
struct Case {
    pipeline: &'static str,
    rule: fn() -> Boxed,
}

/// Gains as they are by default.
const GAIN: Exponentiated = Exponentiated { rate: 0.01, init: 1.0, bounds: Bounds(0.01, 100.0), raw: false };
/// The scale as it is by default.
const SCALE: Exponentiated = Exponentiated { rate: 0.001, init: 1.0, bounds: Bounds(0.1, 10.0), raw: false };

macro_rules! cases {
    ($($pipeline:literal => $rule:expr,)*) => { &[$(Case { pipeline: $pipeline, rule: || $rule }),*] };
}

/// Each stage as it is by default but for its learning rate, and with everything else changed.
const CASES: &[Case] = cases! {
    "sgd(lr = 0.1)" => sgd(0.1),
    "frozen" => sgd(0.0),
    "sgd(lr = 0.1) |> frozen" => sgd(0.0),
    "momentum |> sgd(lr = 0.05)" => momentum(0.05, 0.9),
    "sgd(lr = 0.05) |> momentum(mu = 0.7)" => momentum(0.05, 0.7),
    "nesterov |> sgd(lr = 0.05)" => nesterov(0.05, 0.9),
    "nesterov(mu = 0.6) |> sgd(lr = 0.05)" => nesterov(0.05, 0.6),
    "ema |> sgd(lr = 0.1)" => ema(0.1, 0.9, true),
    "ema(beta = 0.7, correct = no) |> sgd(lr = 0.1)" => ema(0.1, 0.7, false),
    "lion" => lion(1e-3, 0.9, 0.99),
    "lion(lr = 0.003, b1 = 0.8, b2 = 0.95)" => lion(0.003, 0.8, 0.95),
    "signum" => signum(1e-3, 0.9),
    "signum(lr = 0.003, beta = 0.8)" => signum(0.003, 0.8),
    "tiger" => signum(1e-3, 0.965),
    "tiger(lr = 0.003, beta = 0.8)" => signum(0.003, 0.8),
    "madgrad" => madgrad(1e-2, 0.9, 1e-6),
    "madgrad(lr = 0.02, mu = 0.8, eps = 0.01)" => madgrad(0.02, 0.8, 0.01),
    "sgd(lr = 0.1) |> weight_decay" => decay(0.1, 1e-4, false),
    "sgd(lr = 0.1) |> weight_decay(rate = 0.02)" => decay(0.1, 0.02, false),
    "sgd(lr = 0.1) |> cautious_weight_decay" => decay(0.1, 1e-4, true),
    "sgd(lr = 0.1) |> cautious_weight_decay(rate = 0.02)" => decay(0.1, 0.02, true),
    "clip_value |> sgd(lr = 0.1)" => clip_value(0.1, 1.0),
    "clip_value(max = 0.1) |> sgd(lr = 0.1)" => clip_value(0.1, 0.1),
    "clip_norm |> sgd(lr = 0.1)" => clip_norm(0.1, 1.0),
    "clip_norm(max = 0.3) |> sgd(lr = 0.1)" => clip_norm(0.1, 0.3),
    "clip_block_rms |> sgd(lr = 0.1)" => clip_block_rms(0.1, 1.0),
    "clip_block_rms(max = 0.2) |> sgd(lr = 0.1)" => clip_block_rms(0.1, 0.2),

    "adagrad" => adagrad(0.1, 0.0, 1e-10),
    "adagrad(lr = 0.1, init = 0, eps = 1e-3)" => adagrad(0.1, 0.0, 1e-3),
    "adadelta" => adadelta(1.0, 0.9, 1e-6),
    "adadelta(lr = 2, rho = 0.8, eps = 1e-4)" => adadelta(2.0, 0.8, 1e-4),
    "rmsprop" => rmsprop(1e-3, 0.99, 1e-8),
    "rmsprop(lr = 0.005, alpha = 0.9, eps = 1e-3)" => rmsprop(0.005, 0.9, 1e-3),
    "adam" => adam(1e-3, betas(0.9, 0.999, 1e-8)),
    "adam(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 1e-3)" => adam(0.02, betas(0.8, 0.95, 1e-3)),
    "adamax" => adamax(2e-3, betas(0.9, 0.999, 1e-8)),
    "adamax(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 1e-3)" => adamax(0.02, betas(0.8, 0.95, 1e-3)),
    "nadam" => nadam(1e-3, betas(0.9, 0.999, 1e-8)),
    "nadam(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 1e-3)" => nadam(0.02, betas(0.8, 0.95, 1e-3)),
    "amsgrad" => amsgrad(1e-3, betas(0.9, 0.999, 1e-8)),
    "amsgrad(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 1e-3)" => amsgrad(0.02, betas(0.8, 0.95, 1e-3)),
    "radam" => radam(1e-2, betas(0.9, 0.999, 1e-8), 5.0),
    "radam(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 1e-3, threshold = 7)" =>
        radam(0.02, betas(0.8, 0.95, 1e-3), 7.0),
    "adabelief" => adabelief(1e-3, betas(0.9, 0.999, 1e-16)),
    "adabelief(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 1e-3)" => adabelief(0.02, betas(0.8, 0.95, 1e-3)),
    "yogi" => yogi(1e-2, betas(0.9, 0.999, 1e-3), 1e-6),
    "yogi(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 1e-2, init = 0.1)" => yogi(0.02, betas(0.8, 0.95, 1e-2), 0.1),
    "adopt" => adopt(1e-3, betas(0.9, 0.9999, 1e-6)),
    "adopt(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 0.2)" => adopt(0.02, betas(0.8, 0.95, 0.2)),
    "ademamix" => ademamix(1e-3, betas(0.9, 0.999, 1e-8), 0.9999, 5.0),
    "ademamix(lr = 0.01, b1 = 0.8, b2 = 0.95, b3 = 0.99, alpha = 2, eps = 1e-3)" =>
        ademamix(0.01, betas(0.8, 0.95, 1e-3), 0.99, 2.0),
    "novograd" => novograd(1e-2, betas(0.9, 0.25, 1e-8), 0.0),
    "novograd(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 0.1, decay = 0.01)" =>
        novograd(0.02, betas(0.8, 0.95, 0.1), 0.01),
    "lars(lr = 1)" => lars(1.0, 0.9, 1e-3, 0.0, 0.0),
    "lars(lr = 0.5, mu = 0.5, trust = 0.01, decay = 0.1, eps = 0.2)" => lars(0.5, 0.5, 0.01, 0.1, 0.2),
    "lamb" => lamb(1e-2, betas(0.9, 0.999, 1e-6), 0.0),
    "lamb(lr = 0.02, b1 = 0.8, b2 = 0.95, eps = 1e-3, decay = 0.1)" => lamb(0.02, betas(0.8, 0.95, 1e-3), 0.1),

    "rprop" => rprop(1e-2, 0.5, 1.2, Bounds(1e-6, 50.0)),
    "rprop(lr = 0.02, down = 0.4, up = 1.3, min = 0.01, max = 0.03)" => rprop(0.02, 0.4, 1.3, Bounds(0.01, 0.03)),
    "delta_bar_delta(lr = 0.05)" => delta_bar_delta(0.05, 0.2, 0.2, 0.5, 1e-8),
    "delta_bar_delta(lr = 0.05, kappa = 0.01, phi = 0.3, theta = 0.7, min = 0.04)" =>
        delta_bar_delta(0.05, 0.01, 0.3, 0.7, 0.04),
    "hinton_gains |> sgd(lr = 0.1)" => hinton_gains(0.1, 0.05, 0.95, Bounds(0.01, 100.0)),
    "hinton_gains(up = 0.1, down = 0.6, min = 0.7, max = 1.5) |> sgd(lr = 0.1)" =>
        hinton_gains(0.1, 0.1, 0.6, Bounds(0.7, 1.5)),
    "idbd" => idbd(0.05, 0.01, 0.999),
    "idbd(lr = 0.1, rate = 0.1, gamma = 0.9)" => idbd(0.1, 0.1, 0.9),
    "sgd_hd(lr = 0.01)" => sgd_hd(0.01, 1e-6, Over::Model),
    "sgd_hd(lr = 0.01, rate = 0.01, over = tensor)" => sgd_hd(0.01, 0.01, Over::Tensor),
    "adam_hd" => adam_hd(1e-3, 1e-8, betas(0.9, 0.999, 1e-8), Over::Model),
    "adam_hd(lr = 0.01, rate = 1e-4, b1 = 0.8, b2 = 0.95, eps = 1e-3, over = tensor)" =>
        adam_hd(0.01, 1e-4, betas(0.8, 0.95, 1e-3), Over::Tensor),
    "hd_mul(lr = 0.01)" => hd_mul(0.01, 1e-2, Over::Model),
    "hd_mul(lr = 0.01, rate = 0.05, over = tensor)" => hd_mul(0.01, 0.05, Over::Tensor),
    "eg_gain |> sgd(lr = 0.1) |> eg_scale" => egdd(0.1, 0.0, 0.9, GAIN, SCALE, Over::Model),
    "eg_gain |> sgd(lr = 0.1) |> momentum(mu = 0.8) |> eg_scale(over = tensor)" =>
        egdd(0.1, 0.8, 0.9, GAIN, SCALE, Over::Tensor),
    "eg_gain(rate = 0.1, beta = 0.5, init = 0.9, min = 0.6, max = 1.2) |> sgd(lr = 0.1)
       |> momentum(mu = 0.8) |> eg_scale(rate = 0.05, init = 0.8, min = 0.7, max = 1.1, signal = dot)" => {
        let gain = Exponentiated { rate: 0.1, init: 0.9, bounds: Bounds(0.6, 1.2), raw: false };
        let scale = Exponentiated { rate: 0.05, init: 0.8, bounds: Bounds(0.7, 1.1), raw: true };
        egdd(0.1, 0.8, 0.5, gain, scale, Over::Model)
    },
    "eg_gain(rate = 0.1, signal = product) |> sgd(lr = 0.1) |> eg_scale(rate = 0.1, signal = dot, over = tensor)" => {
        let gain = Exponentiated { rate: 0.1, raw: true, ..GAIN };
        egdd(0.1, 0.0, 0.9, gain, Exponentiated { rate: 0.1, raw: true, ..SCALE }, Over::Tensor)
    },
    "eg_gain(signal = product) |> sgd(lr = 0.1) |> momentum |> eg_scale(over = tensor)" =>
        egdd(0.1, 0.9, 0.9, Exponentiated { raw: true, ..GAIN }, SCALE, Over::Tensor),
    "egdd(lr = 0.1)" => egdd(0.1, 0.9, 0.9, GAIN, SCALE, Over::Tensor),
    "egdd(lr = 0.1, mu = 0.5, gain_rate = 0.1, scale_rate = 0.05, beta = 0.8, signal = product, direction = dot)" => {
        let gain = Exponentiated { rate: 0.1, raw: true, ..GAIN };
        egdd(0.1, 0.5, 0.8, gain, Exponentiated { rate: 0.05, raw: true, ..SCALE }, Over::Tensor)
    },
    "d_adapt" => d_adapt(1.0, betas(0.9, 0.999, 1e-8), 1e-6, Over::Model),
    "d_adapt(lr = 0.5, b1 = 0.8, b2 = 0.95, eps = 1e-3, d0 = 1e-3, over = tensor)" =>
        d_adapt(0.5, betas(0.8, 0.95, 1e-3), 1e-3, Over::Tensor),
    "prodigy" => prodigy(1.0, betas(0.9, 0.999, 1e-8), 1e-6, 1.0, false, Over::Model),
    "prodigy(lr = 0.5, b1 = 0.8, b2 = 0.95, eps = 1e-3, d0 = 1e-3, growth = 2, correct = yes, over = tensor)" =>
        prodigy(0.5, betas(0.8, 0.95, 1e-3), 1e-3, 2.0, true, Over::Tensor),
    "prodigy(correct = yes)" => prodigy(1.0, betas(0.9, 0.999, 1e-8), 1e-6, 1.0, true, Over::Model),
    "dog" => dog(1.0, 1e-6, 1e-8, Over::Model),
    "dog(lr = 0.5, start = 1e-3, eps = 0.1, over = tensor)" => dog(0.5, 1e-3, 0.1, Over::Tensor),
    "dowg" => dowg(1.0, 1e-4, 1e-4, Over::Model),
    "dowg(lr = 0.5, start = 1e-3, eps = 0.1, over = tensor)" => dowg(0.5, 1e-3, 0.1, Over::Tensor),
    "cocob" => cocob(1.0, 100.0, 1e-8),
    "cocob(lr = 0.5, alpha = 10, eps = 0.1)" => cocob(0.5, 10.0, 0.1),
    "polyak(f_min = 0.065)" => polyak(1.0, 0.065, 0.0),
    "polyak(lr = 0.2, f_min = 0.05, eps = 0.1)" => polyak(0.2, 0.05, 0.1),
    "momo" => momo(1.0, 0.9, 0.0),
    "momo(lr = 0.2, beta = 0.5, f_min = 0.05)" => momo(0.2, 0.5, 0.05),

    "sam(rho = 0.3, eps = 1) |> sgd(lr = 0.1)" => sam(0.1, 0.3, 1.0),

    "sgd(lr = 0.1) |> weight_ema(warm = no)" => weight_ema(0.999, sgd(0.1)),
    "adam(lr = 0.01) |> weight_ema(decay = 0.9, warm = no)" => weight_ema(0.9, adam(0.01, betas(0.9, 0.999, 1e-8))),
    "sgd(lr = 0.1) |> lookahead" => lookahead(5, 0.5, sgd(0.1)),
    "adam(lr = 0.01) |> lookahead(k = 3, alpha = 0.8)" =>
        lookahead(3, 0.8, adam(0.01, betas(0.9, 0.999, 1e-8))),
    "sgd(lr = 0.1) |> schedule_free" => schedule_free(0.9, 1.0, sgd(0.1)),
    "adam(lr = 0.01, b1 = 0) |> schedule_free(beta = 0.8, weight = 0.5)" =>
        schedule_free(0.8, 0.5, adam(0.01, betas(0.0, 0.999, 1e-8))),
    "sgd(lr = 0.1) |> mechanic(s0 = 0.3)" => mechanic(0.3, 0.05, 0.01, 1e-8, sgd(0.1)),
    "adam(lr = 0.1) |> mechanic(s0 = 0.05, decay = 0.1, eps = 1e-6)" =>
        mechanic(0.05, 0.05 / 6.0, 0.1, 1e-6, adam(0.1, betas(0.9, 0.999, 1e-8))),

    "adafactor" => adafactor(1e-2, 0.8, 1.0, 1e-30, 1e-3),
    "adafactor(lr = 0.1, decay = 0.6, clip = 0.5, eps = 1e-3, min = 0.4)" => adafactor(0.1, 0.6, 0.5, 1e-3, 0.4),
    "sm3" => sm3(0.1),
    "sm3(lr = 0.03)" => sm3(0.03),
    "agc |> sgd(lr = 0.1)" => agc(0.1, 0.01, 1e-3),
    "agc(clip = 0.1, eps = 0.4) |> sgd(lr = 0.1)" => agc(0.1, 0.1, 0.4),
    "centralize |> sgd(lr = 0.1)" => centralize(0.1),
};

/// Largest difference, relative to the oracle's value or to 1e-3 of the greatest of them.
fn difference(ours: &[f64], oracle: &[f64]) -> f64 {
    assert_eq!(ours.len(), oracle.len());
    let scale = 1e-3 * oracle.iter().fold(0.0, |top: f64, x| top.max(x.abs()));
    let relative = |(ours, oracle): (&f64, &f64)| (ours - oracle).abs() / oracle.abs().max(scale);
    let worst = |top: f64, x: f64| if x.is_nan() { f64::INFINITY } else { top.max(x) };
    ours.iter().zip(oracle).map(relative).fold(0.0, worst)
}

/// What is wrong with a case, if something is.
fn wrong(case: &Case, real: DType, steps: &[usize], tolerance: f64) -> Option<String> {
    let trace = trace((case.rule)(), 100);
    let outcome = problem::train(case.pipeline, steps, real);
    for steps in steps.iter().copied() {
        let fit = outcome.fit(&format!("fit{steps}")).expect("the script has this fit");
        let params = |behind: &str| -> Option<Vec<f64>> {
            let params = problem::NAMES.iter().map(|name| fit.param(&format!("{name}{behind}")));
            Some(params.collect::<Option<Vec<_>>>()?.concat())
        };
        let evaluated = params("").expect("all parameters");
        let trained = params("/train").unwrap_or_else(|| evaluated.clone());
        for (ours, oracle) in [(evaluated, &trace.evaluated), (trained, &trace.trained)] {
            let oracle = &oracle[steps - 1];
            let worst = difference(&ours, oracle);
            if worst > tolerance {
                let message =
                    format!("{}: parameters after {steps} steps differ by {worst:e}", case.pipeline);
                return Some(format!("{message}\n  ours   {ours:?}\n  oracle {oracle:?}"));
            }
        }
    }
    let longest = steps.last()?;
    let series = outcome.fit(&format!("fit{longest}"))?.series("batch_loss");
    let series: Vec<f64> = series.iter().map(|point| point.1).collect();
    let worst = difference(&series, &trace.losses[..*longest]);
    (worst > tolerance).then(|| format!("{}: losses differ by {worst:e}", case.pipeline))
}

#[test]
fn stages_follow_their_rules() {
    let found: Vec<String> = CASES.iter().filter_map(|case| wrong(case, DType::F64, &STEPS, 1e-10)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// From its default `s0`, Mechanic moves so little at first that a change of the last bit becomes one of
/// 1e-7 after a hundred steps.
#[test]
fn mechanic_follows_its_rule_at_first() {
    let case = Case {
        pipeline: "sgd(lr = 0.1) |> mechanic",
        rule: || mechanic(1e-6, 1e-6 / 6.0, 0.01, 1e-8, sgd(0.1)),
    };
    assert_eq!(wrong(&case, DType::F64, &STEPS[..5], 1e-10), None);
}

/// Where the gradient vanishes, its direction, and so the step of SAM, depends on the last bits.
#[test]
fn sam_follows_its_rule_at_first() {
    let case = Case { pipeline: "sam |> sgd(lr = 0.1)", rule: || sam(0.1, 0.05, 1e-12) };
    assert_eq!(wrong(&case, DType::F64, &STEPS[..5], 1e-10), None);
}

#[test]
fn stages_follow_their_rules_in_single_precision() {
    let found: Vec<String> = CASES.iter().filter_map(|case| wrong(case, DType::F32, &[5], 2e-4)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// No stage divides by a length that is zero: a parameter without gradient, or a gradient that is zero as
/// a whole, leaves all parameters finite.
#[test]
fn zero_gradients_leave_parameters_finite() {
    for (loss, real) in [("mean((live(x) - y)^2)", DType::F32), ("0 * mean(live(x))", DType::F64)] {
        for case in CASES {
            let script = problem::with_dead_parameter(case.pipeline, loss);
            let outcome = problem::run(&script, &problem::folder(), real);
            let fit = outcome.fit("fit").expect("the script has this fit");
            for name in ["w", "dead"] {
                let values = fit.param(name).expect("a parameter");
                assert!(values.iter().all(|x| x.is_finite()), "{}: {name} is {values:?}", case.pipeline);
            }
        }
    }
}

/// A trace in which nothing moves compares nothing.
#[test]
fn rules_move_all_parameters() {
    let start = problem::start();
    for case in CASES.iter().filter(|case| !case.pipeline.contains("frozen")) {
        let trace = trace((case.rule)(), 100);
        let moved = start.iter().zip(&trace.evaluated[99]).all(|(a, b)| a != b);
        assert!(moved, "{} leaves a parameter as it is", case.pipeline);
    }
}

/// The names of the stages and pipelines in the library.
fn stages() -> impl Iterator<Item = &'static str> {
    let name = |line: &'static str| {
        let start =
            ["stage ", "wrap stage ", "pipeline "].iter().find_map(|start| line.strip_prefix(start))?;
        start.split('(').next()
    };
    LIBRARY.iter().flat_map(move |(_, source)| source.lines().filter_map(name))
}

#[test]
fn every_stage_has_a_case() {
    let used = |stage: &str| {
        let words = |case: &Case| {
            let mut words = case.pipeline.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            words.any(|word| word == stage)
        };
        CASES.iter().any(words) || curvature::STAGES.contains(&stage)
    };
    let missing: Vec<&str> = stages().filter(|stage| !used(stage)).collect();
    assert!(stages().count() > 40);
    assert!(missing.is_empty(), "no oracle for {missing:?}");
}
