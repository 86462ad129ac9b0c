use super::*;
use crate::algebra::scalar;
use crate::loops::{BufferLocation, Stmt};

const F32: DType = DType::F32;

/// A chain of kernels `b1 = b0 + b0`, `b2 = b1 + b1`, ...
fn chain(lens: usize, homes: &[Storage]) -> Loops {
    let mut program = Make::new(&[], 0).program;
    for storage in homes {
        program.buffers.push(Buffer { dtype: F32, len: lens, name: None, storage: *storage });
    }
    for k in 1..homes.len() {
        let mut make = Make::new(&[lens], 1);
        make.program.buffers = program.buffers.clone();
        let x = make.load(BufferId(k - 1), at(&[(0, 1)]));
        let sum = make.map(&scalar::ADD, &[x, x], F32);
        make.store(BufferId(k), at(&[(0, 1)]), sum);
        make.kernel.commits = k + 1 == homes.len();
        program.kernels.push(make.kernel);
    }
    let loops = lower(&Kernels { programs: vec![program.clone(), program] });
    verify(&loops);
    loops
}

#[test]
fn temporaries_share_the_arena() {
    let homes = [
        Storage::Input(0),
        Storage::Temporary,
        Storage::Temporary,
        Storage::Temporary,
        Storage::Temporary,
        Storage::Output(0),
    ];
    let loops = chain(20, &homes);
    let program = &loops.programs[0];
    assert_eq!(program.arena_bytes, 256);
    let places: Vec<BufferLocation> = program.buffers[1..5].iter().map(|buffer| buffer.location).collect();
    assert_eq!(
        places,
        [
            BufferLocation::Arena(0),
            BufferLocation::Arena(128),
            BufferLocation::Arena(0),
            BufferLocation::Arena(128)
        ]
    );
    assert_eq!(program.commit, 4);
    let u = numbers(20, 1);
    let want: Vec<f64> = u.iter().map(|x| 32.0 * x).collect();
    assert_eq!(interpret(&loops, &[(BufferId(0), &u)])[5], want);
}

#[test]
fn equal_kernels_are_one_function() {
    let loops = chain(20, &[Storage::Input(0), Storage::Temporary, Storage::Temporary, Storage::Output(0)]);
    assert_eq!(loops.functions.len(), 1);
    assert_eq!(loops.programs[1].calls.len(), 3);
}

#[test]
fn parts_keep_their_whole_alive() {
    let part = |start| Storage::Part { of: BufferId(1), start };
    let homes = [Storage::Input(0), Storage::Temporary, Storage::Temporary, part(4), Storage::Output(0)];
    let mut make = Make::new(&[8], 1);
    for (storage, len) in homes.iter().zip([8, 12, 8, 8, 8]) {
        make.buffer(F32, len, *storage);
    }
    let mut kernels = Vec::new();
    for (from, to) in [(0, 3), (0, 2), (2, 4), (3, 4)] {
        let mut copy = Make::new(&[8], 1);
        copy.program.buffers = make.program.buffers.clone();
        let x = copy.load(BufferId(from), at(&[(0, 1)]));
        copy.store(BufferId(to), at(&[(0, 1)]), x);
        kernels.push(copy.kernel);
    }
    make.program.kernels = kernels;
    let loops = lower(&Kernels { programs: vec![make.program] });
    verify(&loops);
    let u = numbers(8, 1);
    assert_eq!(interpret(&loops, &[(BufferId(0), &u)])[4], u);
    assert_ne!(loops.programs[0].buffers[1].location, loops.programs[0].buffers[2].location);
}

#[test]
fn printed_form() {
    let mut make = Make::new(&[20], 1);
    let (a, s) = (make.input(F32, 20), make.input(F32, 1));
    let (x, y) = (make.load(a, at(&[(0, 1)])), make.load(s, at(&[])));
    let product = make.map(&scalar::MUL, &[x, y], F32);
    make.store(a, at(&[(0, 1)]), product);
    let text = make.lower().to_string();
    let want = "\
loops test
  arena 0 bytes
  b0 f32[20] input 0
  b1 f32[1] input 1
  call f0(b0, b1)
function f0(p0: f32, p1: f32)
  %0 = load p1[0]                          : f32
  %1 = splat %0                            : f32x8
  for %2 in 0..16 step 8
    %3 = load p0[%2]                       : f32x8
    %4 = mul %3, %1                        : f32x8
    store p0[%2] = %4
  %5 = load p0[16]                         : f32x4
  %6 = splat %0                            : f32x4
  %7 = mul %5, %6                          : f32x4
  store p0[16] = %7
";
    assert_eq!(text, want);
}

#[test]
fn axes_that_run_on_are_one() {
    let mut make = Make::new(&[4, 3, 5], 2);
    let (a, out) = (make.input(F32, 60), make.input(F32, 12));
    let x = make.load(a, at(&[(0, 15), (1, 5), (2, 1)]));
    let sum = make.combine(Reducer::Sum, x, F32);
    make.store(out, at(&[(0, 3), (1, 1)]), sum);
    let u = numbers(60, 1);
    let loops = make.lower();
    assert_eq!(loops.to_string().matches("for ").count(), 1, "{loops}");
    let want: Vec<f64> = u.chunks(5).map(|row| row.iter().sum()).collect();
    close(&interpret(&loops, &[(a, &u)])[out.0], &want, 1e-6);
}

/// `b0[i] = 2 * b0[i]` over 16 elements.
fn doubled() -> Loops {
    let mut make = Make::new(&[16], 1);
    let a = make.input(F32, 16);
    let x = make.load(a, at(&[(0, 1)]));
    let sum = make.map(&scalar::ADD, &[x, x], F32);
    make.store(a, at(&[(0, 1)]), sum);
    make.lower()
}

#[test]
#[should_panic(expected = "leaves 15 elements")]
fn a_buffer_that_is_too_short_is_found() {
    let mut loops = doubled();
    loops.programs[0].buffers[0].len = 15;
    verify(&loops);
}

#[test]
#[should_panic(expected = "of 15")]
fn the_interpreter_stays_inside_buffers() {
    let mut loops = doubled();
    loops.programs[0].buffers[0].len = 15;
    interpret(&loops, &[]);
}

#[test]
#[should_panic(expected = "used where it is not defined")]
fn a_value_used_too_early_is_found() {
    let mut loops = doubled();
    let Stmt::For { body, .. } = &mut loops.functions[0].body[0] else { panic!("a loop first") };
    body.swap(0, 1);
    verify(&loops);
}

#[test]
#[should_panic(expected = "Add of (f32x8, f32x8) is f32x4")]
fn operands_of_other_lanes_are_found() {
    let mut loops = doubled();
    loops.functions[0].values[2].lanes = 4;
    verify(&loops);
}
