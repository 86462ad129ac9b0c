//! Runs kernels naively, one point at a time: the oracle for the stages below.

use super::{Affine, Buffer, BufferId, Guard, Inst, Kernel, Program, Storage};
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
    let home = |(k, buffer): (usize, &Buffer)| match buffer.storage {
        Storage::Part { of, start } => (of.0, start),
        Storage::Input(_) | Storage::Output(_) | Storage::Temporary => (k, 0),
    };
    let fresh = |buffer: &Buffer| match buffer.storage {
        Storage::Input(k) => inputs[k].clone(),
        Storage::Output(_) | Storage::Temporary => vec![f64::NAN; buffer.len],
        Storage::Part { .. } => Vec::new(),
    };
    let homes = program.buffers.iter().enumerate().map(home).collect();
    let mut memory = Buffers { data: program.buffers.iter().map(fresh).collect(), homes };
    for kernel in &program.kernels {
        Invocation::new(kernel, &mut memory).results(0);
    }
    memory
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
            AxisSize::Ragged(pieces) => pieces.lengths[self.at[axis - 1]],
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
        let piece = linear.piece.as_ref().map_or(0, |(pieces, axis)| pieces.starts()[self.at[*axis]] as i64);
        let gather = linear.gather.map_or(0, |(inst, coefficient)| coefficient * self.values[inst.0] as i64);
        linear.offset + terms.sum::<i64>() + piece + gather
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
