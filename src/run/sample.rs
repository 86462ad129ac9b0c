//! Text that a fit writes: the next character again and again.

use super::execute::Interpreter;
use super::machine::Machine;
use super::rng::{self, Stream};
use crate::algebra::scalar::UNIFORM;
use crate::diag::Diagnostic;
use crate::graph::{ProgramId, Role};
use crate::native::CallRange;
use crate::typed::Sample;

/// Where the logits of a sample are made.
pub(super) struct LogitSource {
    /// The program of the statement.
    pub program: ProgramId,
    /// The output that they are.
    pub output: usize,
    /// The input that the window is.
    pub column: usize,
}

/// The prompt and what comes after it, a function of the seed.
pub(super) fn sample(
    script: &mut Interpreter<'_>,
    sample: &Sample,
    from: &LogitSource,
    seed: u64,
) -> Result<String, Diagnostic> {
    let mut machine = script.machine(from.program)?;
    let characters = script.stages.typed.data[sample.data.0].characters.clone();
    let mut text = sample.prompt.clone();
    for number in 0..sample.count {
        let logits = next(&mut machine, from, &text, characters.len());
        script.check_positions(&machine, format_args!(""), None)?;
        text.push(draw(&logits, sample.temperature, uniform(seed, number)));
    }
    Ok(text.into_iter().map(|code| characters[code as usize]).collect())
}

/// Logits of the character after a text, of which the model sees as much as a window holds. A shorter
/// text stands at the front; what is behind it is hidden from a causal model.
fn next(machine: &mut Machine, from: &LogitSource, text: &[i32], vocab: usize) -> Vec<f64> {
    let role = Role::Column(from.column);
    let context =
        machine.roles().iter().find(|(_, have)| *have == role).map_or(0, |(k, _)| machine.memory(*k).len());
    let seen = &text[text.len().saturating_sub(context)..];
    let mut window = vec![0.0; context];
    window.iter_mut().zip(seen).for_each(|(place, code)| *place = f64::from(*code));
    machine.set(&role, &window);
    machine.run(CallRange::Whole);
    let logits = machine.output(from.output).to_f64();
    logits[(seen.len() - 1) * vocab..][..vocab].to_vec()
}

/// The place of a number drawn with these logits.
fn draw(logits: &[f64], temperature: f64, uniform: f64) -> i32 {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if temperature == 0.0 {
        return logits.iter().position(|logit| *logit == top).unwrap_or(0) as i32;
    }
    let weights: Vec<f64> = logits.iter().map(|logit| ((logit - top) / temperature).exp()).collect();
    let mut left = uniform * weights.iter().sum::<f64>();
    let chosen = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    chosen.unwrap_or(logits.len() - 1) as i32
}

fn uniform(seed: u64, number: usize) -> f64 {
    let [low, high] = rng::key(seed).map(f64::from);
    (UNIFORM.eval)(&[low, high, f64::from(Stream::Sample.site() as i32), number as f64])
}
