//! Loops as kernels that are repeated: the body of a loop is fused as a program of its own, whose kernels then
//! stand among those of the program that the loop is in.

use std::rc::Rc;

use super::assign::BufferAssignment;
use super::emit::emit;
use super::fuse::alone;
use super::group::Groups;
use super::plan::{Class, plan};
use super::{Affine, Blocker, Buffer, BufferId, Inst, Kernel, Moving, Program, Region, Storage, Strategy};
use crate::algebra::form::AxisSize;
use crate::graph::{Feed, Leave, Loop};

/// A loop of a plan.
#[derive(Debug)]
pub(super) struct PlannedLoop {
    /// The loop, but for outputs that are what is carried.
    pub(super) repeated: Rc<Loop>,
    /// By result of that loop: the item that it is, if anybody reads it.
    pub(super) results: Vec<Option<usize>>,
    /// Items that are a carried value in all iterations.
    pub(super) histories: Vec<(usize, History)>,
    /// The groups of its body.
    pub(super) body: Groups,
    /// By result of the loop as it was.
    left: Vec<Left>,
}

/// A carried value in all iterations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct History {
    /// The output that is carried.
    pub(super) of: usize,
    /// Whether as it is after each iteration, or else before.
    pub(super) after: bool,
}

/// What a result of a loop is.
#[derive(Clone, Copy, Debug)]
enum Left {
    Output(usize),
    History(History),
}

impl PlannedLoop {
    pub(super) fn new(repeated: &Rc<Loop>) -> PlannedLoop {
        let kept: Vec<usize> =
            (0..repeated.leaves.len()).filter(|k| history(repeated, *k).is_none()).collect();
        let place = |k: usize| kept.iter().position(|have| *have == k).unwrap_or(0);
        let left = |k: usize| match history(repeated, k) {
            Some(history) => Left::History(History { of: place(history.of), ..history }),
            None => Left::Output(place(k)),
        };
        let left: Vec<Left> = (0..repeated.leaves.len()).map(left).collect();
        let feed = |feed: &Feed| match feed {
            Feed::Carried(next) => Feed::Carried(place(*next)),
            feed => *feed,
        };
        let mut body = repeated.body.clone();
        body.outputs = kept.iter().map(|k| body.outputs[*k].clone()).collect();
        let feeds = repeated.feeds.iter().map(feed).collect();
        let leaves: Vec<Leave> = kept.iter().map(|k| repeated.leaves[*k]).collect();
        let results = vec![None; leaves.len()];
        let repeated = Rc::new(Loop { feeds, leaves, body, ..**repeated });
        let body = alone(plan(&repeated.body), &repeated.body);
        PlannedLoop { repeated, results, histories: Vec::new(), body, left }
    }

    /// Notes the item that result `k` of the loop as it was is.
    pub(super) fn is(&mut self, k: usize, item: usize) {
        match self.left[k] {
            Left::Output(k) => self.results[k] = Some(item),
            Left::History(history) => self.histories.push((item, history)),
        }
    }

    /// How many places a result has: what is carried has one for each time, or two, which it is in in turn.
    pub(super) fn places(&self, k: usize) -> usize {
        let kept = self.histories.iter().any(|(_, history)| history.of == k);
        match self.repeated.carried_to(k) {
            Some(_) if kept => self.repeated.count + 1,
            Some(_) => 2,
            None => 1,
        }
    }

    /// Where what is carried lies before and after each iteration.
    pub(super) fn turns(&self, k: usize) -> [Moving; 2] {
        let (count, places) = (self.repeated.count, self.places(k));
        let back = self.repeated.reversed && places == count + 1 && places != 2;
        let (before, after) = if back { (count, count - 1) } else { (0, 1) };
        [before, after].map(|first| Moving { of: BufferId(0), region: 0, first, back, places })
    }

    /// The first element of a history among the places of what is carried.
    pub(super) fn begin(&self, history: History) -> usize {
        let [before, _] = self.turns(history.of);
        let len = self.repeated.result(history.of).count();
        if before.back == history.after { 0 } else { len }
    }
}

/// The history that a result is: the value of an output that is carried, or of the input that it is carried to.
fn history(repeated: &Loop, k: usize) -> Option<History> {
    let value = repeated.body.outputs[k].value;
    let carried = |of: &usize| repeated.leaves[*of] == Leave::Last && repeated.carried_to(*of).is_some();
    if repeated.leaves[k] != Leave::Stacked || repeated.count < 2 {
        return None;
    }
    let after =
        (0..repeated.leaves.len()).filter(carried).find(|of| repeated.body.outputs[*of].value == value);
    let before = repeated.body.inputs.iter().zip(&repeated.feeds).find_map(|(input, feed)| match feed {
        Feed::Carried(of) if input.value == value => Some(*of),
        _ => None,
    });
    let history = |of: usize, after: bool| History { of, after };
    before.map(|of| history(of, false)).or(after.map(|of| history(of, true)))
}

impl Groups {
    /// Does something with the groups of a program and with those of the bodies of its loops.
    pub(super) fn each(&mut self, pass: &impl Fn(&mut Groups)) {
        for inner in &mut self.plan.loops {
            inner.body.each(pass);
        }
        pass(self);
    }
}

/// Adds the kernels of a loop to a program.
pub(super) fn splice(program: &mut Program, groups: &Groups, memory: &BufferAssignment, id: usize) {
    let Class::Loop(number) = groups.plan.items[id].class else { return };
    let planned = &groups.plan.loops[number];
    let body = &planned.repeated.body;
    let inner = emit(&planned.body, BufferAssignment::place(&planned.body, body), body);
    let args: Vec<BufferId> = groups.plan.items[id].args.iter().map(|arg| placed(memory, *arg)).collect();
    let mut splicer = Splicer {
        region: program.regions.len() + inner.regions.len(),
        program,
        repeated: &planned.repeated,
        planned,
        args,
        left: &memory.left[number],
        names: Vec::new(),
    };
    splicer.starts();
    splicer.buffers(&inner);
    splicer.kernels(inner);
}

fn placed(memory: &BufferAssignment, item: usize) -> BufferId {
    memory.main[item].unwrap_or_else(|| panic!("egret internal error in fuse: value {item} is in no memory"))
}

/// A program that the kernels of a loop are added to.
struct Splicer<'a> {
    program: &'a mut Program,
    repeated: &'a Loop,
    planned: &'a PlannedLoop,
    /// The buffers of its arguments.
    args: Vec<BufferId>,
    /// The buffers of its results, those of what is carried with two places.
    left: &'a [BufferId],
    /// The number of its region.
    region: usize,
    /// By buffer of the body: what it is in the program.
    names: Vec<BufferId>,
}

impl Splicer<'_> {
    fn buffer(&mut self, buffer: Buffer) -> BufferId {
        self.program.buffers.push(buffer);
        BufferId(self.program.buffers.len() - 1)
    }

    /// Copies what is carried into the first iteration to its place.
    fn starts(&mut self) {
        for (k, feed) in self.repeated.feeds.iter().enumerate() {
            if let Feed::Carried(next) = *feed {
                let from = self.args[k];
                let Buffer { dtype, len, .. } = self.program.buffers[from.0];
                let [before, _] = self.planned.turns(next);
                let storage = Storage::Part { of: self.left[next], start: before.first * len };
                let to = self.buffer(Buffer { dtype, len, name: None, storage });
                let copy = copied(&self.program.buffers, from, to);
                self.program.kernels.push(copy);
            }
        }
    }

    fn buffers(&mut self, inner: &Program) {
        for buffer in &inner.buffers {
            let named = match buffer.storage {
                Storage::Input(k) => self.input(k, buffer),
                Storage::Output(k) => self.output(k, buffer),
                Storage::Temporary => self.buffer(buffer.clone()),
                Storage::Part { of, start } => self.part(self.names[of.0], start, buffer),
                Storage::Moving(moving) => {
                    let region = moving.region + self.region - inner.regions.len();
                    let moving = Moving { of: self.names[moving.of.0], region, ..moving };
                    self.buffer(Buffer { storage: Storage::Moving(moving), ..buffer.clone() })
                }
            };
            self.names.push(named);
        }
    }

    fn part(&mut self, of: BufferId, start: usize, buffer: &Buffer) -> BufferId {
        let storage = match self.program.buffers[of.0].storage {
            Storage::Part { of, start: before } => Storage::Part { of, start: before + start },
            _ => Storage::Part { of, start },
        };
        self.buffer(Buffer { storage, ..buffer.clone() })
    }

    fn moving(&mut self, of: BufferId, first: usize, places: usize, buffer: &Buffer) -> BufferId {
        let back = self.repeated.reversed;
        let moving = Moving { of, region: self.region, first, back, places };
        self.buffer(Buffer { storage: Storage::Moving(moving), ..buffer.clone() })
    }

    /// The place of the first iteration in what has one for each.
    fn first(&self) -> usize {
        if self.repeated.reversed { self.repeated.count - 1 } else { 0 }
    }

    fn input(&mut self, k: usize, buffer: &Buffer) -> BufferId {
        match self.repeated.feeds[k] {
            Feed::Whole => self.args[k],
            Feed::Slice => self.moving(self.args[k], self.first(), self.repeated.count, buffer),
            Feed::Carried(next) => self.turned(next, 0, buffer),
        }
    }

    fn output(&mut self, k: usize, buffer: &Buffer) -> BufferId {
        match self.repeated.leaves[k] {
            Leave::Stacked => self.moving(self.left[k], self.first(), self.repeated.count, buffer),
            Leave::Last if self.repeated.carried_to(k).is_some() => self.turned(k, 1, buffer),
            Leave::Last => self.left[k],
        }
    }

    /// Where what is carried lies before or after each iteration.
    fn turned(&mut self, k: usize, which: usize, buffer: &Buffer) -> BufferId {
        let turned = self.planned.turns(k)[which];
        let moving = Moving { of: self.left[k], region: self.region, ..turned };
        self.buffer(Buffer { storage: Storage::Moving(moving), ..buffer.clone() })
    }

    fn kernels(&mut self, inner: Program) {
        let base = self.program.kernels.len();
        for mut kernel in inner.kernels {
            for inst in &mut kernel.insts {
                if let Inst::Load { buffer, .. } | Inst::Store { buffer, .. } = inst {
                    *buffer = self.names[buffer.0];
                }
            }
            for reason in &mut kernel.not_fused {
                reason.from.iter_mut().for_each(|from| *from += base);
                if let Blocker::Dependence(between) = &mut reason.why {
                    *between += base;
                }
            }
            self.program.kernels.push(kernel);
        }
        let moved = |region: Region| {
            let Region { kernels, count } = region;
            Region { kernels: kernels.start + base..kernels.end + base, count }
        };
        self.program.regions.extend(inner.regions.into_iter().map(moved));
        let kernels = base..self.program.kernels.len();
        self.program.regions.push(Region { kernels, count: self.repeated.count });
    }
}

/// Copies a whole buffer to another.
pub(super) fn copied(buffers: &[Buffer], from: BufferId, to: BufferId) -> Kernel {
    let buffer = &buffers[from.0];
    let single = buffer.len == 1;
    let at = if single { Affine::default() } else { Affine::axis(0) };
    let load =
        Inst::Load { buffer: from, at: at.clone(), guards: Vec::new(), outside: 0.0, dtype: buffer.dtype };
    let axes = if single { Vec::new() } else { vec![AxisSize::Fixed(buffer.len)] };
    let store = Inst::Store { buffer: to, at, value: super::InstId(0) };
    let (n_out, insts) = (axes.len(), vec![load, store]);
    let strategy = Strategy::Nest;
    Kernel { axes, n_out, insts, strategy, commits: false, phases: Vec::new(), not_fused: Vec::new() }
}
