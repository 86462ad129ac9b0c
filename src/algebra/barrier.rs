//! Optimization barriers: a value that must not be there before another.

use super::form::{Form, Index, Read};
use super::rules::{LawSample, Mismatch, Rules, expect_count};
use super::term::x;
use super::types::Type;

/// Its first argument, but not before the second is known: what is computed from it is computed then,
/// and is not shared with what is computed from the argument itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Barrier;

impl Rules for Barrier {
    fn samples() -> Vec<LawSample<Self>> {
        let of = |a: &[usize], b: &[usize]| LawSample::of(Barrier, &[a, b]);
        vec![of(&[2, 3], &[4]), of(&[], &[1]), of(&[1], &[]), of(&[2], &[0]), of(&[0], &[2])]
    }

    fn name(&self) -> &'static str {
        "barrier"
    }

    fn attributes(&self) -> String {
        String::new()
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 2)?;
        Ok(args[0].clone())
    }

    /// The form reads one element of the second argument and does not use it.
    fn form(&self, args: &[&Type]) -> Form {
        let axes: Vec<usize> = (0..args[0].rank()).collect();
        let first = Read { index: vec![Index::constant(0); args[1].rank()], ..Read::at(1, &[]) };
        let after = (args[1].count() > 0).then_some(first);
        let reads = [Read::at(0, &axes)].into_iter().chain(after).collect();
        Form::pointwise(&args[0].sizes(), reads, x(0))
    }
}
