//! Native code of each function of one argument against its meaning, on all 2^32 arguments.

use super::accuracy::{float_rows, ulps};
use super::*;
use crate::algebra::form::AxisSize;
use crate::graph::{OutputTarget, ProgramId, Role};
use crate::kernel::{
    Affine, Buffer, BufferId, Inst, InstId, Kernel, Kernels, Output, Program, Storage, Strategy,
};
use crate::native::CallRange;
use crate::run::machine::Machine;
use crate::{loops, native};

/// Arguments of one call.
const CHUNK: usize = 1 << 16;

/// A kernel that applies a row to one buffer and leaves the results in another.
fn program(row: &'static Scalar) -> Kernels {
    let buffer = |storage| Buffer { dtype: DType::F32, len: CHUNK, name: None, storage };
    let at = Affine { terms: vec![(0, 1)], ..Affine::default() };
    let (from, to) = (BufferId(0), BufferId(1));
    let load =
        Inst::Load { buffer: from, at: at.clone(), guards: Vec::new(), outside: 0.0, dtype: DType::F32 };
    let insts = vec![
        load,
        Inst::Map(row, vec![InstId(0)], DType::F32),
        Inst::Store { buffer: to, at, value: InstId(1) },
    ];
    let axes = vec![AxisSize::Fixed(CHUNK)];
    let (strategy, parts, not_fused) = (Strategy::Nest, Vec::new(), Vec::new());
    let kernel = Kernel { axes, n_out: 1, insts, strategy, commits: false, phases: parts, not_fused };
    let output = Output { name: "y".to_owned(), buffer: to, target: OutputTarget::Result, gives: None };
    let program = Program {
        name: "row".to_owned(),
        buffers: vec![buffer(Storage::Input(0)), buffer(Storage::Output(0))],
        kernels: vec![kernel],
        regions: Vec::new(),
        inputs: vec![(from, Role::Column(0))],
        outputs: vec![output],
    };
    Kernels { programs: vec![program] }
}

/// The worst error over a range of bits, and where.
fn scan(row: &'static Scalar, bits: std::ops::Range<u64>) -> (f64, f32) {
    let loops = loops::lower(&program(row));
    let native = native::compile(&loops);
    let mut machine = Machine::new(&native, &loops, ProgramId(0)).expect("there is memory");
    let mut got = vec![0.0_f32; CHUNK];
    let mut worst = (0.0, 0.0);
    for start in bits.step_by(CHUNK) {
        let chunk = machine.input_bytes(0).chunks_exact_mut(4).zip(start as u32..=u32::MAX);
        chunk.for_each(|(place, bits)| place.copy_from_slice(&bits.to_ne_bytes()));
        machine.run(CallRange::Whole);
        machine.output(0).copy_to(&mut got);
        for (bits, got) in (start as u32..=u32::MAX).zip(&got) {
            let argument = f32::from_bits(bits);
            let exact = (row.eval)(&[f64::from(argument)]);
            if (exact as f32).to_bits() == got.to_bits() {
                continue;
            }
            let error = ulps(f64::from(*got), exact, DType::F32);
            // A NaN that is wrong is as far away as can be.
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if error > worst.0 && claimed(row, argument) {
                worst = (error, argument);
            }
        }
    }
    worst
}

/// Where the bound is claimed.
fn claimed(row: &Scalar, argument: f32) -> bool {
    super::accuracy::claimed(row, DType::F32, &[f64::from(argument)])
}

/// `EGRET_ROWS=exp,log` chooses some. Most of the time goes into the reference, in double precision: half a
/// minute for each function on two processors.
#[test]
#[ignore = "takes minutes: run in release"]
fn every_single_argument_is_within_bounds() {
    let chosen = std::env::var("EGRET_ROWS").unwrap_or_default();
    let unary = float_rows().filter(|row| row.args.len() == 1 && row.ulp > 0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).next_power_of_two() as u64;
    for row in unary.filter(|row| chosen.is_empty() || chosen.split(',').any(|name| name == row.name)) {
        let share = (1 << 32) / threads;
        let (error, at) = std::thread::scope(|scope| {
            let scans = (0..threads).map(|k| scope.spawn(move || scan(row, k * share..(k + 1) * share)));
            let scans: Vec<_> = scans.collect();
            let found = scans.into_iter().map(|scan| scan.join().expect("a scan does not panic"));
            found.fold((0.0, 0.0), |all, found| if found.0 > all.0 { found } else { all })
        });
        println!("{:9} f32, all inputs: {error:.4} ulp at {at:e} (bits {:#010x})", row.name, at.to_bits());
        assert!(error <= f64::from(row.ulp), "{} {error} ulp at {at:e}", row.name);
    }
}
