//! Loops in a graph under construction: their results, and their bodies written down once more.

use std::rc::Rc;

use super::super::region::nothing;
use super::super::{Def, Feed, Graph, Leave, Loop, Node, Output};
use super::{Builder, CustomVjp, Derivative, Rematerialised, Ways};
use crate::algebra::fill::Fill;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::view::View;
use crate::ice;

/// The value of an operator of a body, where it is known already.
pub(in crate::graph) type Known<'k> = dyn FnMut(&mut Builder, Val, (&Op, &[Val])) -> Option<Val> + 'k;

impl Builder {
    /// Adds a loop.
    pub(in crate::graph) fn repeated(&mut self, repeated: Rc<Loop>, args: Vec<Val>, ways: Rc<Ways>) -> Val {
        let made = self.push(Def::Loop(repeated, args), nothing());
        self.ways.bodies.insert(made, ways);
        made
    }

    /// A loop and its arguments.
    pub(in crate::graph) fn looped(&self, value: Val) -> (&Rc<Loop>, &[Val]) {
        match &self.node(value).def {
            Def::Loop(repeated, args) => (repeated, args),
            _ => ice!("build", "%{} is no loop", value.0),
        }
    }

    /// How derivatives pass the values of a loop's body.
    pub(in crate::graph) fn body_ways(&self, made: Val) -> Rc<Ways> {
        self.ways.bodies.get(&made).cloned().unwrap_or_default()
    }

    /// Result `k` of a loop.
    pub(in crate::graph) fn result(&mut self, made: Val, k: usize) -> Val {
        if let Some(have) = self.results.get(&(made, k)) {
            return *have;
        }
        let (repeated, _) = self.looped(made);
        let (ty, name) =
            (repeated.result(k), repeated.body.nodes[repeated.body.outputs[k].value.0 as usize].name.clone());
        let value = self.push(Def::Result(made, k), ty);
        self.nodes[value.0 as usize].name = name;
        self.results.insert((made, k), value);
        value
    }

    /// Result `k` of a loop, if somebody asked for it.
    pub(in crate::graph) fn has_result(&self, made: Val, k: usize) -> Option<Val> {
        self.results.get(&(made, k)).copied()
    }

    /// What is defined like another value, with other arguments.
    pub(super) fn again(&mut self, def: Def, args: &[Val], body: Rc<Ways>) -> Val {
        match def {
            Def::Input(_) => ice!("build", "an input is written again"),
            Def::Op(op, _) => self.emit(op, args),
            Def::Loop(repeated, _) => self.repeated(repeated, args.to_vec(), body),
            Def::Result(_, k) => self.result(args[0], k),
        }
    }

    /// A value of a loop's body in all iterations, along a new first axis.
    pub(in crate::graph) fn in_all(&mut self, made: Val, inner: Val) -> Val {
        let (repeated, args) = self.looped(made);
        let ty = repeated.stacked(repeated.ty(inner));
        let inner = uncopied(&repeated.body, inner);
        match &repeated.body.nodes[inner.0 as usize].def {
            Def::Input(k) if repeated.feeds[*k] == Feed::Slice => return args[*k],
            Def::Input(k) if repeated.feeds[*k] == Feed::Whole => {
                let (axes, arg) = ((1..ty.rank()).collect(), args[*k]);
                return self.emit(Op::View(View::Broadcast { to: ty.shape, axes }), &[arg]);
            }
            Def::Op(Op::Fill(Fill::Const { value, .. }), _) => {
                let number = value.0;
                return self.constant(number, &ty);
            }
            _ => {}
        }
        let have =
            |k: &usize| repeated.leaves[*k] == Leave::Stacked && repeated.body.outputs[*k].value == inner;
        let have = (0..repeated.leaves.len()).find(have);
        let k = have.unwrap_or_else(|| self.stack(made, inner));
        self.result(made, k)
    }

    fn stack(&mut self, made: Val, inner: Val) -> usize {
        let Def::Loop(repeated, _) = &mut self.nodes[made.0 as usize].def else {
            ice!("build", "%{} is no loop", made.0)
        };
        let repeated = Rc::make_mut(repeated);
        let k = repeated.leaves.len();
        repeated.body.outputs.push(Output::result(format!("each.{k}"), inner));
        repeated.leaves.push(Leave::Stacked);
        k
    }

    /// Writes a body down here, with these values as its inputs. `known` may have the value of an operator
    /// already. Gives what became of each value.
    pub(in crate::graph) fn inline(
        &mut self,
        body: &Graph,
        ways: &Ways,
        inputs: &[Val],
        known: &mut Known<'_>,
    ) -> Vec<Val> {
        let (mut values, mut begins): (Vec<Val>, Vec<usize>) = (Vec::new(), Vec::new());
        for (index, node) in body.nodes.iter().enumerate() {
            let old = Val(index as u32);
            begins.push(self.len());
            self.at(node.span);
            let args: Vec<Val> = node.def.args().iter().map(|arg| values[arg.0 as usize]).collect();
            let value = match &node.def {
                Def::Input(k) => inputs[*k],
                _ if ways.stops.contains(&old) => self.stop_gradient(args[0]),
                _ if ways.derivatives.contains_key(&old) || copies(body, node) => self.copy(args[0]),
                Def::Op(op, _) => {
                    known(self, old, (op, &args)).unwrap_or_else(|| self.emit(op.clone(), &args))
                }
                def => {
                    let inner = ways.bodies.get(&old).cloned().unwrap_or_default();
                    self.again(def.clone(), &args, inner)
                }
            };
            values.push(value);
        }
        self.inline_ways(ways, &values, &begins);
        values
    }

    /// Says of the values of a body that is written down how derivatives pass them.
    fn inline_ways(&mut self, ways: &Ways, values: &[Val], begins: &[usize]) {
        let now = |value: &Val| values[value.0 as usize];
        for (old, way) in &ways.derivatives {
            let way = match way {
                Derivative::Custom(rule) => Derivative::Custom(CustomVjp {
                    args: rule.args.iter().map(now).collect(),
                    gradients: rule.gradients.iter().map(|gradient| gradient.as_ref().map(now)).collect(),
                    seed: now(&rule.seed),
                }),
                Derivative::Rematerialise(again) => Derivative::Rematerialise(Rematerialised {
                    args: again.args.iter().map(now).collect(),
                    from: begins[again.from],
                    value: now(&again.value),
                }),
            };
            self.passed(now(old), way);
        }
    }
}

/// What a value of a body is a copy of.
fn uncopied(body: &Graph, mut value: Val) -> Val {
    while let node = &body.nodes[value.0 as usize]
        && copies(body, node)
    {
        value = node.def.args()[0];
    }
    value
}

/// Whether a value is a copy of another, which a derivative may be taken by.
fn copies(body: &Graph, node: &Node) -> bool {
    match &node.def {
        Def::Op(Op::View(View::Reshape { to }), args) => *to == body.nodes[args[0].0 as usize].ty.shape,
        _ => false,
    }
}
