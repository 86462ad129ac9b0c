//! Runs kernels naively, one point at a time: the oracle for the stages below.

use std::ops::Range;

use super::{Affine, Buffer, BufferId, Guard, Inst, Kernel, Program, Region, Storage};
use crate::algebra::form::{AxisSize, Reducer};
use crate::algebra::tensor::round;
use crate::algebra::types::DType;

/// The contents of a program's buffers; parts lie in the buffers that they are part of.
#[derive(Clone, PartialEq, Debug)]
pub struct Buffers {
    data: Vec<Vec<f64>>,
    /// By buffer: where it lies.
    homes: Vec<(usize, usize)>,
}

impl Buffers {
    /// The elements of a buffer.
    pub fn get(&self, buffer: BufferId, len: usize) -> &[f64] {
        let (of, start) = self.homes[buffer.0];
        &self.data[of][start..start + len]
    }

    fn element(&mut self, buffer: BufferId, at: i64) -> &mut f64 {
        let (of, start) = self.homes[buffer.0];
        match usize::try_from(at) {
            Ok(at) => &mut self.data[of][start + at],
            Err(_) => panic!("egret internal error in kernels: position {at} of {buffer}"),
        }
    }
}

/// Runs a program on its inputs. Memory that nothing has written yet holds NaN.
pub fn run(program: &Program, inputs: &[Vec<f64>]) -> Buffers {
    let fresh = |buffer: &Buffer| match buffer.storage {
        Storage::Input(k) => inputs[k].clone(),
        Storage::Output(_) | Storage::Temporary => vec![f64::NAN; buffer.len],
        Storage::Part { .. } | Storage::Moving(_) => Vec::new(),
    };
    let mut turns = vec![0; program.regions.len()];
    let homes = homes(program, &turns);
    let mut memory = Buffers { data: program.buffers.iter().map(fresh).collect(), homes };
    repeat(program, 0..program.kernels.len(), program.regions.len(), &mut turns, &mut memory);
    memory.homes = self::homes(program, &turns);
    memory
}

/// Where each buffer lies in these iterations of the regions.
fn homes(program: &Program, turns: &[usize]) -> Vec<(usize, usize)> {
    let home = |k: usize| {
        let (mut k, mut start) = (k, 0);
        loop {
            (k, start) = match program.buffers[k].storage {
                Storage::Part { of, start: at } => (of.0, start + at),
                Storage::Moving(moving) => {
                    (moving.of.0, start + moving.place(turns[moving.region]) * program.buffers[k].len)
                }
                Storage::Input(_) | Storage::Output(_) | Storage::Temporary => return (k, start),
            };
        }
    };
    (0..program.buffers.len()).map(home).collect()
}

/// Runs some kernels, with the regions among the first `regions` that are there.
fn repeat(
    program: &Program,
    kernels: Range<usize>,
    regions: usize,
    turns: &mut [usize],
    memory: &mut Buffers,
) {
    let mut next = kernels.start;
    while next < kernels.end {
        let begins =
            |k: &usize| program.regions[*k].kernels.start == next && !program.regions[*k].kernels.is_empty();
        let Some(region) = (0..regions).rev().find(begins) else {
            Invocation::new(&program.kernels[next], memory).results(0);
            next += 1;
            continue;
        };
        let Region { kernels, count } = program.regions[region].clone();
        next = kernels.end;
        for turn in 0..count {
            turns[region] = turn;
            memory.homes = homes(program, turns);
            repeat(program, kernels.clone(), region, turns, memory);
        }
    }
}

/// One run of a kernel.
struct Invocation<'a> {
    kernel: &'a Kernel,
    memory: &'a mut Buffers,
    /// By instruction: whether it happens at every point or once per point of the result axes.
    deep: Vec<bool>,
    at: Vec<usize>,
    values: Vec<f64>,
}

impl<'a> Invocation<'a> {
    fn new(kernel: &'a Kernel, memory: &'a mut Buffers) -> Invocation<'a> {
        let (at, values) = (vec![0; kernel.axes.len()], vec![0.0; kernel.insts.len()]);
        Invocation { kernel, memory, deep: kernel.in_reduction(), at, values }
    }

    fn extent(&self, axis: usize) -> usize {
        match &self.kernel.axes[axis] {
            AxisSize::Fixed(n) => *n,
            AxisSize::Ragged(segments) => segments.lengths[self.at[axis - 1]],
        }
    }

    /// Runs result axes from `axis` on.
    fn results(&mut self, axis: usize) {
        if axis < self.kernel.n_out {
            for step in 0..self.extent(axis) {
                self.at[axis] = step;
                self.results(axis + 1);
            }
            return;
        }
        let first_combine = self.kernel.insts.iter().position(|inst| matches!(inst, Inst::Reduce(..)));
        let split = first_combine.unwrap_or(self.kernel.insts.len());
        for k in 0..self.kernel.insts.len() {
            match self.kernel.insts[k] {
                Inst::Reduce(combine, _, dtype) => self.values[k] = start(combine, dtype),
                _ if k < split && !self.deep[k] => self.step(k),
                _ => {}
            }
        }
        self.reduced(axis);
        for k in split..self.kernel.insts.len() {
            match self.kernel.insts[k] {
                Inst::Reduce(_, _, dtype) => self.values[k] = round(dtype, self.values[k]),
                _ if !self.deep[k] => self.step(k),
                _ => {}
            }
        }
    }

    /// Runs reduced axes from `axis` on.
    fn reduced(&mut self, axis: usize) {
        if axis < self.kernel.axes.len() {
            for step in 0..self.extent(axis) {
                self.at[axis] = step;
                self.reduced(axis + 1);
            }
            return;
        }
        for k in 0..self.kernel.insts.len() {
            match self.kernel.insts[k] {
                Inst::Reduce(combine, value, _) => {
                    self.values[k] = combine.apply(self.values[k], self.values[value.0]);
                }
                _ if self.deep[k] => self.step(k),
                _ => {}
            }
        }
    }

    /// Does one instruction.
    fn step(&mut self, k: usize) {
        let kernel = self.kernel;
        let value = |id: &super::InstId| self.values[id.0];
        self.values[k] = match &kernel.insts[k] {
            Inst::Const(value, dtype) => round(*dtype, *value),
            Inst::Axis(axis, _) => self.at[*axis] as f64,
            Inst::Load { guards, outside, .. } if !guards.iter().all(|guard| self.holds(guard)) => *outside,
            Inst::Load { buffer, at, .. } => {
                let at = self.position(at);
                *self.memory.element(*buffer, at)
            }
            Inst::Map(f, args, dtype) => {
                let args: Vec<f64> = args.iter().map(value).collect();
                round(*dtype, (f.eval)(&args))
            }
            Inst::Cast(arg, dtype) => cast(value(arg), kernel.insts[arg.0].dtype(), *dtype),
            Inst::Reduce(..) => return,
            Inst::Store { buffer, at, value } => {
                let (at, value) = (self.position(at), self.values[value.0]);
                *self.memory.element(*buffer, at) = value;
                return;
            }
        };
    }

    fn holds(&self, guard: &Guard) -> bool {
        (0..guard.bound).contains(&self.position(&guard.position))
    }

    fn position(&self, linear: &Affine) -> i64 {
        let terms = linear.terms.iter().map(|(axis, coefficient)| coefficient * self.at[*axis] as i64);
        let segment =
            linear.segment.as_ref().map_or(0, |(segments, axis)| segments.starts()[self.at[*axis]] as i64);
        let gather = linear.gather.map_or(0, |(inst, coefficient)| coefficient * self.values[inst.0] as i64);
        linear.offset + terms.sum::<i64>() + segment + gather
    }
}

fn cast(value: f64, from: DType, to: DType) -> f64 {
    match to {
        DType::Bool => f64::from(u8::from(value != 0.0)),
        DType::I32 | DType::I64 if from.is_float() => value.trunc(),
        DType::I32 | DType::I64 | DType::F32 | DType::F64 => round(to, value),
    }
}

/// Where a reduction starts, within its type.
fn start(combine: Reducer, dtype: DType) -> f64 {
    let (low, high) = match dtype {
        DType::Bool => (0.0, 1.0),
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DType::I64 => (i64::MIN as f64, i64::MAX as f64),
        DType::F32 | DType::F64 => (f64::NEG_INFINITY, f64::INFINITY),
    };
    combine.start().clamp(low, high)
}
