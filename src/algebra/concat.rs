//! Concatenation: tensors laid end to end in one flat tensor.

use super::form::{Form, Index, Read};
use super::rules::{LawSample, Mismatch, Rules};
use super::term::{c, x};
use super::types::{DType, Dim, Type, product};

/// Flattens its arguments and lays them end to end: the gradient of all parameters. Costs nothing
/// when each argument is computed right where it belongs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Concat;

impl Rules for Concat {
    fn samples() -> Vec<LawSample<Self>> {
        vec![
            LawSample::of(Concat, &[&[2, 2], &[], &[3]]),
            LawSample::of(Concat, &[&[0, 2], &[1]]),
            LawSample::of(Concat, &[&[4]]),
            LawSample::of(Concat, &[&[1], &[1, 1], &[]]),
        ]
    }

    fn name(&self) -> &'static str {
        "concat"
    }

    fn attributes(&self) -> String {
        String::new()
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        let Some(first) = args.first() else {
            return Err(Mismatch::new(0, "one or more operands"));
        };
        for (k, arg) in args.iter().enumerate() {
            if arg.dtype == DType::Bool || arg.dtype != first.dtype {
                return Err(Mismatch::new(
                    k,
                    format!("numbers of one type, as the first are {}", first.dtype),
                ));
            }
        }
        let total = args.iter().fold(Dim::default(), |sum, arg| sum.add(&product(&arg.shape)));
        Ok(Type::new(first.dtype, vec![total]))
    }

    /// Every element is the sum of what all arguments have there, with 0 outside of them: true, and
    /// what the reference evaluates, but not a loop anybody should run. `kernel` places the
    /// arguments' buffers instead.
    fn form(&self, args: &[&Type]) -> Form {
        let mut start = 0;
        let mut reads = Vec::new();
        for (arg, ty) in args.iter().enumerate() {
            let index = Index::affine(-start, [(0, 1)]);
            reads.push(Read { outside: Some(0.0), ..Read::flat(arg, index) });
            start += ty.count() as i64;
        }
        let body = (0..args.len()).map(x).reduce(|sum, x| sum + x).unwrap_or_else(|| c(0.0));
        Form::pointwise(&[start as usize], reads, body)
    }
}
