//! Bodies of forms as instructions: gives every part of a term its element type.

use std::collections::BTreeMap;

use super::emit::KernelBuilder;
use super::{Affine, Inst, InstId};
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::term::{Node, Term, call_dtype};
use crate::algebra::types::DType;

/// A body whose reads are done.
pub(super) struct TermLowering<'e, 'a> {
    pub(super) emitter: &'e mut KernelBuilder<'a>,
    pub(super) reads: Vec<InstId>,
    /// Where each axis of the form is.
    pub(super) positions: &'e [Affine],
}

/// Shared subterms by address and wanted type; looked up, never listed.
type LoweredTerms = BTreeMap<(*const Node, DType), InstId>;

impl TermLowering<'_, '_> {
    /// The value of a term in the type that its context wants.
    pub(super) fn lower(mut self, term: &Term, want: DType) -> InstId {
        self.term(term, want, &mut LoweredTerms::new())
    }

    fn term(&mut self, term: &Term, want: DType, seen: &mut LoweredTerms) -> InstId {
        let key = (std::rc::Rc::as_ptr(&term.0), want);
        if let Some(inst) = seen.get(&key) {
            return *inst;
        }
        let inst = match &*term.0 {
            Node::X(k) => self.cast(self.reads[*k], want),
            Node::Axis(k) => self.position(&self.positions[*k].clone(), want),
            Node::Const(value) => self.emitter.push(Inst::Const(*value, want)),
            Node::Call(f, args) => self.call(f, args, want, seen),
            Node::G | Node::Y => panic!("egret internal error in fuse: a derivative's hole in a body"),
        };
        seen.insert(key, inst);
        inst
    }

    fn call(&mut self, f: &'static Scalar, args: &[Term], want: DType, seen: &mut LoweredTerms) -> InstId {
        let dtype = call_dtype(f, args, want, &|hole| match hole {
            Node::X(k) => Some(self.emitter.dtype(self.reads[*k])),
            _ => None,
        });
        let args = args.iter().enumerate();
        let args = args.map(|(k, arg)| self.term(arg, f.typing.arg(dtype, k), seen)).collect();
        let result = self.emitter.push(Inst::Map(f, args, f.typing.result(dtype)));
        self.cast(result, want)
    }

    fn cast(&mut self, value: InstId, want: DType) -> InstId {
        if self.emitter.dtype(value) == want { value } else { self.emitter.push(Inst::Cast(value, want)) }
    }

    /// A position as a number.
    fn position(&mut self, position: &Affine, want: DType) -> InstId {
        let mut sum = None;
        for (axis, coefficient) in &position.terms {
            let axis = self.emitter.push(Inst::Axis(*axis, want));
            let term = match coefficient {
                1 => axis,
                _ => {
                    let factor = self.emitter.push(Inst::Const(*coefficient as f64, want));
                    self.emitter.push(Inst::Map(&scalar::MUL, vec![axis, factor], want))
                }
            };
            sum = Some(self.add(sum, term, want));
        }
        if position.offset != 0 || sum.is_none() {
            let offset = self.emitter.push(Inst::Const(position.offset as f64, want));
            sum = Some(self.add(sum, offset, want));
        }
        sum.unwrap_or_else(|| panic!("egret internal error in fuse: an empty position"))
    }

    fn add(&mut self, sum: Option<InstId>, term: InstId, want: DType) -> InstId {
        match sum {
            None => term,
            Some(sum) => self.emitter.push(Inst::Map(&scalar::ADD, vec![sum, term], want)),
        }
    }
}

impl KernelBuilder<'_> {
    /// The element type of a value.
    pub(super) fn dtype(&self, value: InstId) -> DType {
        self.insts[value.0].dtype()
    }
}

impl Inst {
    /// The element type of its value.
    ///
    /// # Panics
    /// If it is a store, which has no value.
    pub fn dtype(&self) -> DType {
        match self {
            Inst::Const(_, dtype)
            | Inst::Axis(_, dtype)
            | Inst::Load { dtype, .. }
            | Inst::Map(_, _, dtype)
            | Inst::Cast(_, dtype)
            | Inst::Reduce(_, _, dtype) => *dtype,
            Inst::Store { .. } => panic!("egret internal error in fuse: a store has no value"),
        }
    }
}
