//! Hand-made kernels, lowered, verified, interpreted and compared with plain loops.

mod elementwise;
mod matrix;
mod plan;
mod programs;
mod reductions;

use crate::algebra::form::{AxisSize, Reducer};
use crate::algebra::scalar::Scalar;
use crate::algebra::types::DType;
use crate::kernel::{
    Affine, Buffer, BufferId, Guard, Inst, InstId, Kernel, Kernels, Program, Storage, Strategy,
};

use super::eval::{ProgramMemory, run};
use super::{Loops, lower, verify};

/// A program under construction: buffers and one kernel.
pub(super) struct Make {
    program: Program,
    kernel: Kernel,
}

/// Axes with coefficients.
pub(super) fn at(terms: &[(usize, i64)]) -> Affine {
    Affine { terms: terms.to_vec(), ..Affine::default() }
}

impl Make {
    pub(super) fn new(axes: &[usize], n_out: usize) -> Make {
        let axes = axes.iter().map(|n| AxisSize::Fixed(*n)).collect();
        let program = Program {
            name: "test".into(),
            buffers: Vec::new(),
            kernels: Vec::new(),
            regions: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        Make {
            program,
            kernel: Kernel {
                axes,
                n_out,
                insts: Vec::new(),
                strategy: Strategy::Nest,
                commits: false,
                phases: Vec::new(),
                not_fused: Vec::new(),
            },
        }
    }

    pub(super) fn ragged(
        lengths: &[usize],
        n_out: usize,
    ) -> (Make, std::rc::Rc<crate::algebra::form::Segments>) {
        let segments = std::rc::Rc::new(crate::algebra::form::Segments { lengths: lengths.to_vec() });
        let mut make = Make::new(&[lengths.len()], n_out);
        make.kernel.axes.push(AxisSize::Ragged(segments.clone()));
        (make, segments)
    }

    pub(super) fn buffer(&mut self, dtype: DType, len: usize, storage: Storage) -> BufferId {
        self.program.buffers.push(Buffer { dtype, len, name: None, storage });
        BufferId(self.program.buffers.len() - 1)
    }

    pub(super) fn input(&mut self, dtype: DType, len: usize) -> BufferId {
        let k = self.program.buffers.len();
        self.buffer(dtype, len, Storage::Input(k))
    }

    pub(super) fn inst(&mut self, inst: Inst) -> InstId {
        self.kernel.insts.push(inst);
        InstId(self.kernel.insts.len() - 1)
    }

    pub(super) fn load(&mut self, buffer: BufferId, at: Affine) -> InstId {
        self.load_if(buffer, at, Vec::new(), 0.0)
    }

    pub(super) fn load_if(
        &mut self,
        buffer: BufferId,
        at: Affine,
        guards: Vec<Guard>,
        outside: f64,
    ) -> InstId {
        let dtype = self.program.buffers[buffer.0].dtype;
        self.inst(Inst::Load { buffer, at, guards, outside, dtype })
    }

    pub(super) fn map(&mut self, row: &'static Scalar, args: &[InstId], dtype: DType) -> InstId {
        self.inst(Inst::Map(row, args.to_vec(), dtype))
    }

    pub(super) fn number(&mut self, value: f64, dtype: DType) -> InstId {
        self.inst(Inst::Const(value, dtype))
    }

    pub(super) fn cast(&mut self, value: InstId, dtype: DType) -> InstId {
        self.inst(Inst::Cast(value, dtype))
    }

    pub(super) fn combine(&mut self, combine: Reducer, value: InstId, dtype: DType) -> InstId {
        self.inst(Inst::Reduce(combine, value, dtype))
    }

    pub(super) fn store(&mut self, buffer: BufferId, at: Affine, value: InstId) {
        self.inst(Inst::Store { buffer, at, value });
    }

    pub(super) fn lower(mut self) -> Loops {
        self.kernel.strategy = Strategy::of(&self.program.buffers, &self.kernel);
        self.program.kernels.push(self.kernel);
        let loops = lower(&Kernels { programs: vec![self.program] });
        verify(&loops);
        loops
    }

    /// Runs the kernel on these inputs; gives the elements of every buffer afterwards.
    pub(super) fn run(self, inputs: &[(BufferId, &[f64])]) -> Vec<Vec<f64>> {
        let loops = self.lower();
        interpret(&loops, inputs)
    }
}

/// Runs program 0 on these inputs; gives the elements of every buffer afterwards.
pub(super) fn interpret(loops: &Loops, inputs: &[(BufferId, &[f64])]) -> Vec<Vec<f64>> {
    let program = &loops.programs[0];
    let mut memory = ProgramMemory::new(program);
    for (buffer, values) in inputs {
        memory.set(program, buffer.0, values);
    }
    run(loops, 0, 0..program.calls.len(), &mut memory);
    (0..program.buffers.len()).map(|buffer| memory.get(program, buffer)).collect()
}

/// Numbers with a few decimals, some negative, none repeating soon.
pub(super) fn numbers(n: usize, salt: usize) -> Vec<f64> {
    (0..n).map(|k| (((k * 37 + salt * 11) % 101) as f64 - 50.0) / 16.0).collect()
}

/// Whole numbers from 0 to `below`.
pub(super) fn whole(n: usize, below: usize) -> Vec<f64> {
    (0..n).map(|k| ((k * 7 + 3) % below) as f64).collect()
}

pub(super) fn close(have: &[f64], want: &[f64], relative: f64) {
    assert_eq!(have.len(), want.len());
    for (k, (have, want)) in have.iter().zip(want).enumerate() {
        let near = (have - want).abs() <= relative * want.abs().max(1.0);
        assert!(near, "element {k}: {have}, not {want}");
    }
}
