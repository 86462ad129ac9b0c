//! Loops that stay loops: the graph of one iteration, and how iterations are connected.
//!
//! A loop is one node, whose arguments the inputs of its body are bound to, and which has no value of its own. Its
//! results are nodes after it.

use super::{Def, Graph};
use crate::algebra::op::Val;
use crate::algebra::types::{DType, Dim, Type};

/// A block that is repeated.
#[derive(Clone, Debug)]
pub struct Loop {
    /// How many iterations there are.
    pub count: usize,
    /// Whether the first iteration takes the last slices, and leaves the last ones.
    pub reversed: bool,
    /// By input of the body, and by argument of the loop: what it is in an iteration.
    pub feeds: Vec<Feed>,
    /// By output of the body, and by result of the loop: what is left of it.
    pub leaves: Vec<Leave>,
    /// One iteration.
    pub body: Graph,
}

/// What an input of a body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feed {
    /// The argument, in every iteration.
    Whole,
    /// The iteration's part of the argument along its first axis.
    Slice,
    /// Output `k` of the iteration before; the argument, in the first one.
    Carried(usize),
}

/// What is left of an output of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leave {
    /// That of the last iteration.
    Last,
    /// Those of all iterations, along a new first axis.
    Stacked,
}

impl Loop {
    /// The type of a value of the body in all iterations.
    pub fn stacked(&self, ty: &Type) -> Type {
        let shape = [Dim::from(self.count)].into_iter().chain(ty.shape.iter().cloned()).collect();
        Type::new(ty.dtype, shape)
    }

    /// The type of a value of the body.
    pub fn ty(&self, value: Val) -> &Type {
        &self.body.nodes[value.0 as usize].ty
    }

    /// The type of an argument.
    pub fn argument(&self, k: usize) -> Type {
        let ty = self.ty(self.body.inputs[k].value);
        match self.feeds[k] {
            Feed::Whole | Feed::Carried(_) => ty.clone(),
            Feed::Slice => self.stacked(ty),
        }
    }

    /// The type of a result.
    pub fn result(&self, k: usize) -> Type {
        let ty = self.ty(self.body.outputs[k].value);
        match self.leaves[k] {
            Leave::Last => ty.clone(),
            Leave::Stacked => self.stacked(ty),
        }
    }

    /// The input that output `k` is in the next iteration, if it is one.
    pub fn carried_to(&self, k: usize) -> Option<usize> {
        self.feeds.iter().position(|feed| *feed == Feed::Carried(k))
    }

    /// What is wrong with it, given the types of its arguments.
    pub(super) fn check(&self, args: &[&Type]) -> Result<(), String> {
        let fits = self.feeds.len() == self.body.inputs.len()
            && self.leaves.len() == self.body.outputs.len()
            && args.len() == self.feeds.len();
        if !fits {
            return Err("a loop does not bind all inputs and outputs of its body".to_owned());
        }
        for (k, arg) in args.iter().enumerate() {
            let want = self.argument(k);
            if want != **arg {
                return Err(format!("argument {k} of a loop is {arg} and not {want}"));
            }
            if let Feed::Carried(next) = self.feeds[k] {
                let output = self.body.outputs.get(next).map(|output| self.ty(output.value));
                let last = self.leaves.get(next) == Some(&Leave::Last);
                if output != Some(self.ty(self.body.inputs[k].value)) || !last {
                    return Err(format!("output {next} of a body is not carried to input {k}"));
                }
            }
        }
        super::verify::check(&self.body)
    }
}

/// The type of a loop, which has no value.
pub(super) fn nothing() -> Type {
    Type::of(DType::Bool, &[0])
}

impl Def {
    /// What it is made from.
    pub fn args(&self) -> &[Val] {
        match self {
            Def::Input(_) => &[],
            Def::Op(_, args) | Def::Loop(_, args) => args,
            Def::Result(of, _) => std::slice::from_ref(of),
        }
    }

    /// Whether it is made here, and not given.
    pub(super) fn is_made(&self) -> bool {
        !matches!(self, Def::Input(_))
    }

    /// The same, to be replaced.
    pub(super) fn args_mut(&mut self) -> &mut [Val] {
        match self {
            Def::Input(_) => &mut [],
            Def::Op(_, args) | Def::Loop(_, args) => args,
            Def::Result(of, _) => std::slice::from_mut(of),
        }
    }
}

impl Graph {
    /// The loops in it, without those in their bodies.
    pub fn loops(&self) -> impl Iterator<Item = &Loop> {
        self.nodes.iter().filter_map(|node| match &node.def {
            Def::Loop(repeated, _) => Some(&**repeated),
            _ => None,
        })
    }

    /// How many values there are, those of bodies of loops among them.
    pub fn size(&self) -> usize {
        self.nodes.len() + self.loops().map(|repeated| repeated.body.size()).sum::<usize>()
    }
}
