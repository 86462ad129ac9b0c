//! Native code against the machine operations' own meaning, to the bit.

use super::*;
use crate::algebra::number::Number;
use crate::algebra::scalar::{Bits, MachineOp, encode};
use crate::algebra::types::DType;
use crate::loops::{
    Address, Buffer, BufferLocation, Call, Carried, Expr, Function, LoopBound as Limit, Program,
};
use crate::loops::{Stmt, Ty, Value};

use DType::{Bool, F32, F64, I32, I64};

/// A function made by hand.
#[derive(Default)]
pub(super) struct Kit {
    pub(super) pointers: Vec<DType>,
    pub(super) tables: Vec<Vec<i64>>,
    pub(super) values: Vec<Ty>,
}

impl Kit {
    pub(super) fn value(&mut self, dtype: DType, lanes: u16) -> Value {
        self.values.push(Ty { dtype, lanes });
        Value(self.values.len() as u32 - 1)
    }

    pub(super) fn def(&mut self, body: &mut Vec<Stmt>, dtype: DType, lanes: u16, expr: Expr) -> Value {
        let value = self.value(dtype, lanes);
        body.push(Stmt::Let(value, expr));
        value
    }

    pub(super) fn pointer(&mut self, dtype: DType) -> usize {
        self.pointers.push(dtype);
        self.pointers.len() - 1
    }

    pub(super) fn function(self, body: Vec<Stmt>) -> Function {
        Function {
            pointers: self.pointers,
            tables: self.tables,
            parts: None,
            immediates: 0,
            body,
            values: self.values,
        }
    }
}

/// An address that is the sum of an offset and scaled values.
pub(super) fn at(offset: i64, terms: &[(Value, i64)]) -> Address {
    Address { offset, terms: terms.to_vec() }
}

/// One function as a program of one call.
fn program(function: Function, lens: &[usize]) -> Loops {
    let buffers = function.pointers.iter().zip(lens).enumerate();
    let buffers = buffers
        .map(|(k, (&dtype, &len))| Buffer { dtype, len, name: None, location: BufferLocation::Input(k) })
        .collect();
    let call = Call { kernel: 0, function: 0, buffers: (0..lens.len()).collect(), immediates: Vec::new() };
    let program = Program {
        name: "test".to_owned(),
        buffers,
        arena_bytes: 0,
        calls: vec![call],
        regions: Vec::new(),
        commit: 1,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    Loops { programs: vec![program], functions: vec![function] }
}

/// Elements in memory.
pub(super) fn pack(dtype: DType, values: &[Bits]) -> Vec<u8> {
    values.iter().flat_map(|bits| bits.to_le_bytes()[..dtype.bytes()].to_vec()).collect()
}

/// Elements out of memory.
pub(super) fn unpack(dtype: DType, bytes: &[u8]) -> Vec<Bits> {
    bytes
        .chunks(dtype.bytes())
        .map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            Bits::from_le_bytes(word)
        })
        .collect()
}

/// Runs a function on memory, which it may change.
pub(super) fn run_for(target: &Target, function: Function, memory: &mut [Vec<u8>]) {
    let lens: Vec<usize> =
        function.pointers.iter().zip(&*memory).map(|(dtype, bytes)| bytes.len() / dtype.bytes()).collect();
    let loops = program(function, &lens);
    let native = compile_for(&loops, target);
    // Memory of words, so that it is aligned to every element type.
    let mut words: Vec<Vec<u64>> = memory.iter().map(|bytes| vec![0; bytes.len().div_ceil(8)]).collect();
    for (words, bytes) in words.iter_mut().zip(&*memory) {
        for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
            let mut full = [0; 8];
            full[..chunk.len()].copy_from_slice(chunk);
            *word = u64::from_le_bytes(full);
        }
    }
    let pointers: Vec<*mut u8> = words.iter_mut().map(|words| words.as_mut_ptr().cast()).collect();
    // SAFETY: one live, aligned buffer of the given length for each pointer.
    unsafe { native.bind(0, &pointers).run(CallRange::Whole) }
    for (words, bytes) in words.iter().zip(memory) {
        let all: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let len = bytes.len();
        bytes.copy_from_slice(&all[..len]);
    }
}

fn run(function: Function, memory: &mut [Vec<u8>]) {
    run_for(&Target::Host, function, memory);
}

/// Equal to the bit; two NaN are equal.
fn same(dtype: DType, a: Bits, b: Bits) -> bool {
    let nan = |bits: Bits| match dtype {
        F32 => f32::from_bits(bits as u32).is_nan(),
        F64 => f64::from_bits(bits).is_nan(),
        _ => false,
    };
    a == b || nan(a) && nan(b)
}

#[track_caller]
pub(super) fn assert_same(what: &str, dtype: DType, got: &[Bits], want: &[Bits]) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (index, (&got, &want)) in got.iter().zip(want).enumerate() {
        assert!(same(dtype, got, want), "{what}: lane {index}: {got:#x} for {want:#x}");
    }
}

/// Awkward values of a type, 48 of them.
pub(super) fn samples(dtype: DType, seed: usize) -> Vec<Bits> {
    let special: Vec<Bits> = match dtype {
        Bool => vec![0, 1, 1, 0, 1],
        I32 => [0, 1, -1, 7, -7, 2, i32::MAX, i32::MIN, 1 << 20].map(|n| Bits::from(n as u32)).to_vec(),
        I64 => [0, 1, -1, 7, -7, 2, i64::MAX, i64::MIN, 1 << 40].map(|n| n as Bits).to_vec(),
        F32 | F64 => {
            let floats = [0.0, -0.0, 1.0, -1.0, 1.5, 2.5, -2.5, 1e-3, -1e6, 3.7e9, -0.4, 1e-40, 12345.678];
            let mut bits: Vec<Bits> = floats.map(|x| encode(x, dtype)).to_vec();
            bits.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|x| encode(x, dtype)));
            bits
        }
    };
    // A step that is odd and prime to the lengths, so that pairs of sequences meet in all ways.
    (0..48).map(|k| special[(k * (2 * seed + 1) + k / special.len() * seed) % special.len()]).collect()
}

/// `out[i] = make(in...[i])` over all samples, as loops of `lanes` lanes.
fn elementwise(
    lanes: u16,
    inputs: &[(DType, Vec<Bits>)],
    out: DType,
    make: impl FnOnce(&mut Kit, &mut Vec<Stmt>, &[Value]) -> Value,
) -> Vec<Bits> {
    elementwise_for(&Target::Host, lanes, inputs, out, make)
}

fn elementwise_for(
    target: &Target,
    lanes: u16,
    inputs: &[(DType, Vec<Bits>)],
    out: DType,
    make: impl FnOnce(&mut Kit, &mut Vec<Stmt>, &[Value]) -> Value,
) -> Vec<Bits> {
    let (function, mut memory) = elementwise_function(lanes, inputs, out, make);
    run_for(target, function, &mut memory);
    unpack(out, &memory[inputs.len()])
}

/// The loop of an elementwise function, and its memory.
pub(super) fn elementwise_function(
    lanes: u16,
    inputs: &[(DType, Vec<Bits>)],
    out: DType,
    make: impl FnOnce(&mut Kit, &mut Vec<Stmt>, &[Value]) -> Value,
) -> (Function, Vec<Vec<u8>>) {
    let mut kit = Kit::default();
    let mut body = Vec::new();
    let var = kit.value(I64, 1);
    let mut args = Vec::new();
    for (dtype, _) in inputs {
        let pointer = kit.pointer(*dtype);
        let load = Expr::Load { step: 1, pointer, at: at(0, &[(var, 1)]) };
        args.push(kit.def(&mut body, *dtype, lanes, load));
    }
    let value = make(&mut kit, &mut body, &args);
    let pointer = kit.pointer(out);
    body.push(Stmt::Store { step: 1, pointer, at: at(0, &[(var, 1)]), value });
    let len = inputs[0].1.len();
    let stop = Limit::Const(len as i64);
    let step = i64::from(lanes);
    let whole = Stmt::For { var, start: Limit::Const(0), stop, step, carried: Vec::new(), body };
    let mut memory: Vec<Vec<u8>> = inputs.iter().map(|(dtype, values)| pack(*dtype, values)).collect();
    memory.push(vec![0xee; len * out.bytes()]);
    (kit.function(vec![whole]), memory)
}

const LANES: [u16; 4] = [1, 4, 8, 16];

fn check_machine(target: &Target, machine: MachineOp, dtype: DType, types: &[DType]) {
    let out = machine.result(dtype);
    let mut inputs: Vec<(DType, Vec<Bits>)> =
        types.iter().enumerate().map(|(k, &dtype)| (dtype, samples(dtype, k))).collect();
    restrict(machine, dtype, &mut inputs);
    let want: Vec<Bits> = (0..inputs[0].1.len())
        .map(|index| {
            let args: Vec<Bits> = inputs.iter().map(|(_, values)| values[index]).collect();
            machine.eval(dtype, &args)
        })
        .collect();
    for lanes in LANES {
        let got = elementwise_for(target, lanes, &inputs, out, |kit, body, args| {
            kit.def(body, out, lanes, Expr::Machine(machine, args.to_vec()))
        });
        assert_same(&format!("{machine:?} {dtype} {lanes}"), out, &got, &want);
    }
}

/// Inputs that an operation is defined on.
pub(super) fn restrict(machine: MachineOp, dtype: DType, inputs: &mut [(DType, Vec<Bits>)]) {
    let limit = if dtype == F32 { 126.0 } else { 1022.0 };
    let values = &mut inputs[0].1;
    match machine {
        MachineOp::Exp2Int => {
            let some = [-limit, limit + 1.0, 0.0, 1.0, -1.0, 17.0, -20.0];
            *values = (0..48).map(|k| encode(some[k % 7], dtype)).collect();
        }
        MachineOp::Exponent | MachineOp::Fraction => {
            let some = [1.0, 1.5, 0.75, 3e30, 1e-30, 7.0, (-limit).exp2(), 65535.9];
            *values = (0..48).map(|k| encode(some[k % 8], dtype)).collect();
        }
        _ => {}
    }
}

#[test]
fn float_operations_have_their_meaning() {
    use MachineOp::*;
    let unary = [Neg, Abs, Sqrt, Floor, Ceil, Nearest, Sign, Exp2Int, Exponent, Fraction];
    let binary = [Add, Sub, Mul, Div, Min, Max, CopySign, FarSin, FarCos, FarTan, Lt, Le, Eq, Ne];
    for dtype in [F32, F64] {
        for machine in unary {
            check_machine(&Target::Host, machine, dtype, &[dtype]);
        }
        for machine in binary {
            check_machine(&Target::Host, machine, dtype, &[dtype; 2]);
        }
        check_machine(&Target::Host, Fma, dtype, &[dtype; 3]);
        check_machine(&Target::Host, Select, dtype, &[Bool, dtype, dtype]);
        check_machine(&Target::Host, IntToFloat, dtype, &[I32]);
    }
}

#[test]
fn integer_operations_have_their_meaning() {
    use MachineOp::*;
    let unary = [Neg, Abs, Sign, Floor, Ceil, Nearest];
    let binary = [Add, Sub, Mul, Min, Max, Lt, Le, Eq, Ne, FloorDiv, FloorRem];
    for dtype in [I32, I64] {
        for machine in unary {
            check_machine(&Target::Host, machine, dtype, &[dtype]);
        }
        for machine in binary {
            check_machine(&Target::Host, machine, dtype, &[dtype; 2]);
        }
        check_machine(&Target::Host, Select, dtype, &[Bool, dtype, dtype]);
    }
    check_machine(&Target::Host, IntXor, I32, &[I32, I32]);
}

#[test]
fn boolean_operations_have_their_meaning() {
    use MachineOp::*;
    check_machine(&Target::Host, Not, Bool, &[Bool]);
    for machine in [And, Or, Eq, Ne, Lt, Le] {
        check_machine(&Target::Host, machine, Bool, &[Bool, Bool]);
    }
    check_machine(&Target::Host, Select, Bool, &[Bool, Bool, Bool]);
}

#[test]
fn a_fused_product_is_rounded_once_without_the_instruction() {
    let plain = Target::fixed("x86_64", &["has_sse3", "has_ssse3", "has_sse41", "has_sse42"]);
    if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        check_machine(&plain, MachineOp::Fma, F32, &[F32; 3]);
        check_machine(&plain, MachineOp::Fma, F64, &[F64; 3]);
    }
}

#[test]
fn shifts_go_by_a_constant() {
    for lanes in LANES {
        for (machine, distance) in [(MachineOp::IntShr, 0), (MachineOp::IntShr, 15), (MachineOp::IntShl, 31)]
        {
            let input = samples(I32, 1);
            let want: Vec<Bits> = input.iter().map(|&x| machine.eval(I32, &[x, distance])).collect();
            let got = elementwise(lanes, &[(I32, input)], I32, |kit, body, args| {
                let by = kit.def(body, I32, lanes, Expr::Const(Number(distance as f64)));
                kit.def(body, I32, lanes, Expr::Machine(machine, vec![args[0], by]))
            });
            assert_same(&format!("{machine:?} {lanes}"), I32, &got, &want);
        }
    }
}

/// What `as` makes of it.
fn rust_cast(from: DType, to: DType, x: Bits) -> Bits {
    let double = match from {
        Bool => x as f64,
        I32 => f64::from(x as u32 as i32),
        I64 => x as i64 as f64,
        F32 => f64::from(f32::from_bits(x as u32)),
        F64 => f64::from_bits(x),
    };
    let whole = match from {
        Bool => x as i64,
        I32 => i64::from(x as u32 as i32),
        I64 => x as i64,
        F32 | F64 => double as i64,
    };
    match to {
        Bool => Bits::from(double != 0.0),
        I32 if from.is_float() => Bits::from(double as i32 as u32),
        I32 => Bits::from(whole as i32 as u32),
        I64 => whole as Bits,
        F32 if from == I64 => Bits::from((whole as f32).to_bits()),
        F32 => Bits::from((double as f32).to_bits()),
        F64 => double.to_bits(),
    }
}

#[test]
fn casts_are_rusts() {
    let all = [Bool, I32, I64, F32, F64];
    for (from, to) in all.iter().flat_map(|&from| all.map(|to| (from, to))) {
        let input = samples(from, 1);
        let want: Vec<Bits> = input.iter().map(|&x| rust_cast(from, to, x)).collect();
        for lanes in LANES {
            let got = elementwise(lanes, &[(from, input.clone())], to, |kit, body, args| {
                kit.def(body, to, lanes, Expr::Cast(args[0]))
            });
            assert_same(&format!("{from} as {to} {lanes}"), to, &got, &want);
        }
    }
}

#[test]
fn masks_meet_at_any_width() {
    // (a < b) and (c < d), of singles and doubles, selects among doubles.
    for lanes in LANES {
        let inputs =
            [(F32, samples(F32, 0)), (F32, samples(F32, 1)), (F64, samples(F64, 2)), (F64, samples(F64, 3))];
        let want: Vec<Bits> = (0..48)
            .map(|k| {
                let x = |input: usize| inputs[input].1[k];
                let first = MachineOp::Lt.eval(F32, &[x(0), x(1)]);
                let second = MachineOp::Lt.eval(F64, &[x(2), x(3)]);
                let either = MachineOp::Or.eval(Bool, &[first, second]);
                MachineOp::Select.eval(F64, &[either, x(2), x(3)])
            })
            .collect();
        let got = elementwise(lanes, &inputs, F64, |kit, body, x| {
            let first = kit.def(body, Bool, lanes, Expr::Machine(MachineOp::Lt, vec![x[0], x[1]]));
            let second = kit.def(body, Bool, lanes, Expr::Machine(MachineOp::Lt, vec![x[2], x[3]]));
            let either = kit.def(body, Bool, lanes, Expr::Machine(MachineOp::Or, vec![first, second]));
            kit.def(body, F64, lanes, Expr::Machine(MachineOp::Select, vec![either, x[2], x[3]]))
        });
        assert_same(&format!("masks {lanes}"), F64, &got, &want);
    }
}

#[test]
fn constants_positions_and_splats_fill_all_lanes() {
    for (dtype, lanes) in
        [Bool, I32, I64, F32, F64].iter().flat_map(|&dtype| LANES.map(|lanes| (dtype, lanes)))
    {
        let input = vec![(dtype, samples(dtype, 0))];
        let got = elementwise(lanes, &input, dtype, |kit, body, _| {
            kit.def(body, dtype, lanes, Expr::Const(Number(-2.75)))
        });
        assert_same(&format!("constant {dtype} {lanes}"), dtype, &got, &[encode(-2.75, dtype); 48]);
        if dtype != Bool {
            let want: Vec<Bits> = (0..48).map(|k| encode(k as f64, dtype)).collect();
            // The loop's position is value 0.
            let got = elementwise(lanes, &input, dtype, |kit, body, _| {
                kit.def(body, dtype, lanes, Expr::Iota(Value(0)))
            });
            assert_same(&format!("positions {dtype} {lanes}"), dtype, &got, &want);
        }
        if lanes > 1 {
            let got = elementwise(lanes, &input, dtype, |kit, body, _| {
                let one = kit.def(body, dtype, 1, Expr::Load { step: 1, pointer: 0, at: at(1, &[]) });
                kit.def(body, dtype, lanes, Expr::Splat(one))
            });
            assert_same(&format!("splat {dtype} {lanes}"), dtype, &got, &[input[0].1[1]; 48]);
        }
    }
}

#[test]
fn large_positions_are_rounded_once() {
    let start = (1i64 << 24) + 1;
    let mut kit = Kit::default();
    let pointer = kit.pointer(F32);
    let mut body = Vec::new();
    let first = kit.def(&mut body, I64, 1, Expr::Int(start));
    let value = kit.def(&mut body, F32, 8, Expr::Iota(first));
    body.push(Stmt::Store { step: 1, pointer, at: at(0, &[]), value });
    let mut memory = vec![vec![0; 32]];
    run(kit.function(body), &mut memory);
    let want: Vec<Bits> = (0..8).map(|k| Bits::from(((start + k) as f32).to_bits())).collect();
    assert_same("positions", F32, &unpack(F32, &memory[0]), &want);
}

/// The tree that a fold is.
fn tree(machine: MachineOp, dtype: DType, lanes: &[Bits]) -> Bits {
    if let [last] = lanes {
        return *last;
    }
    let (low, high) = lanes.split_at(lanes.len() / 2);
    let next: Vec<Bits> = low.iter().zip(high).map(|(&a, &b)| machine.eval(dtype, &[a, b])).collect();
    tree(machine, dtype, &next)
}

#[test]
fn folds_are_the_fixed_tree() {
    let cases = [
        (MachineOp::Add, F32),
        (MachineOp::Add, F64),
        (MachineOp::Mul, F64),
        (MachineOp::Max, F32),
        (MachineOp::Min, F64),
        (MachineOp::Add, I32),
        (MachineOp::Max, I64),
        (MachineOp::Or, Bool),
        (MachineOp::And, Bool),
    ];
    for ((machine, dtype), lanes) in cases.iter().flat_map(|&case| [4, 8, 16].map(|lanes| (case, lanes))) {
        let mut kit = Kit::default();
        let (from, to) = (kit.pointer(dtype), kit.pointer(dtype));
        let mut body = Vec::new();
        let value = kit.def(&mut body, dtype, lanes, Expr::Load { step: 1, pointer: from, at: at(3, &[]) });
        let value = kit.def(&mut body, dtype, 1, Expr::Horizontal(machine, value));
        body.push(Stmt::Store { step: 1, pointer: to, at: at(0, &[]), value });
        let input: Vec<Bits> = match dtype {
            F32 | F64 => (0..48).map(|k| encode(1.0 / (1.0 + k as f64), dtype)).collect(),
            other => samples(other, 1),
        };
        let want = tree(machine, dtype, &input[3..3 + lanes as usize]);
        let mut memory = vec![pack(dtype, &input), vec![0; dtype.bytes()]];
        run(kit.function(body), &mut memory);
        assert_same(&format!("fold {machine:?} {dtype} {lanes}"), dtype, &unpack(dtype, &memory[1]), &[want]);
    }
}

/// Sums `x[0..stop]` times an alternating flag into a scalar, in a loop with limits `limits`.
fn carried_sum(limits: impl Fn(&mut Kit, &mut Vec<Stmt>) -> (Limit, Limit), step: i64) -> (f64, bool) {
    let mut kit = Kit::default();
    let (x, sum_out, flag_out) = (kit.pointer(F64), kit.pointer(F64), kit.pointer(Bool));
    let mut body = Vec::new();
    let zero = kit.def(&mut body, F64, 1, Expr::Const(Number(0.5)));
    let no = kit.def(&mut body, Bool, 1, Expr::Const(Number(0.0)));
    let (start, stop) = limits(&mut kit, &mut body);
    let var = kit.value(I64, 1);
    let mut inner = Vec::new();
    let (sum, flag) = (kit.value(F64, 1), kit.value(Bool, 1));
    let element = kit.def(&mut inner, F64, 1, Expr::Load { step: 1, pointer: x, at: at(0, &[(var, 1)]) });
    let both = kit.def(&mut inner, F64, 1, Expr::Machine(MachineOp::Add, vec![sum, element]));
    let next = kit.def(&mut inner, F64, 1, Expr::Machine(MachineOp::Select, vec![flag, sum, both]));
    let other = kit.def(&mut inner, Bool, 1, Expr::Machine(MachineOp::Not, vec![flag]));
    let (last, last_flag) = (kit.value(F64, 1), kit.value(Bool, 1));
    let carried = vec![
        Carried { init: zero, current: sum, next, last },
        Carried { init: no, current: flag, next: other, last: last_flag },
    ];
    body.push(Stmt::For { var, start, stop, step, carried, body: inner });
    body.push(Stmt::Store { step: 1, pointer: sum_out, at: at(0, &[]), value: last });
    body.push(Stmt::Store { step: 1, pointer: flag_out, at: at(0, &[]), value: last_flag });
    let input: Vec<Bits> = (1..=9).map(|k| encode(f64::from(k), F64)).collect();
    let mut memory = vec![pack(F64, &input), vec![0; 8], vec![9]];
    run(kit.function(body), &mut memory);
    (f64::from_bits(unpack(F64, &memory[1])[0]), memory[2][0] == 1)
}

#[test]
fn loops_carry_values_whatever_their_limits() {
    let numbers =
        |start, stop| move |_: &mut Kit, _: &mut Vec<Stmt>| (Limit::Const(start), Limit::Const(stop));
    let values = |start, stop| {
        move |kit: &mut Kit, body: &mut Vec<Stmt>| {
            let start = kit.def(body, I64, 1, Expr::Int(start));
            let stop = kit.def(body, I64, 1, Expr::Int(stop));
            (Limit::Value(start), Limit::Value(stop))
        }
    };
    for ((start, stop, step), want) in [
        ((0, 9, 1), (25.5, true)),
        ((0, 9, 2), (15.5, true)),
        ((3, 4, 1), (4.5, true)),
        ((3, 4, 7), (4.5, true)),
        ((2, 2, 1), (0.5, false)),
        ((4, 2, 1), (0.5, false)),
        ((1, 5, 1), (6.5, false)),
    ] {
        assert_eq!(carried_sum(numbers(start, stop), step), want, "{start}..{stop} by {step}");
        assert_eq!(carried_sum(values(start, stop), step), want, "{start}..{stop} by {step}, unknown");
    }
}

#[test]
fn a_carried_mask_keeps_its_width() {
    // any = any or x < 0, of doubles, from a constant mask.
    for lanes in [4, 8] {
        let mut kit = Kit::default();
        let (x, out) = (kit.pointer(F64), kit.pointer(Bool));
        let mut body = Vec::new();
        let no = kit.def(&mut body, Bool, lanes, Expr::Const(Number(0.0)));
        let zero = kit.def(&mut body, F64, lanes, Expr::Const(Number(0.0)));
        let (var, any, last) = (kit.value(I64, 1), kit.value(Bool, lanes), kit.value(Bool, lanes));
        let mut inner = Vec::new();
        let element =
            kit.def(&mut inner, F64, lanes, Expr::Load { step: 1, pointer: x, at: at(0, &[(var, 1)]) });
        let below = kit.def(&mut inner, Bool, lanes, Expr::Machine(MachineOp::Lt, vec![element, zero]));
        let next = kit.def(&mut inner, Bool, lanes, Expr::Machine(MachineOp::Or, vec![below, any]));
        let carried = vec![Carried { init: no, current: any, next, last }];
        let (start, stop) = (Limit::Const(0), Limit::Const(4 * i64::from(lanes)));
        body.push(Stmt::For { var, start, stop, step: i64::from(lanes), carried, body: inner });
        body.push(Stmt::Store { step: 1, pointer: out, at: at(0, &[]), value: last });
        let lanes = lanes as usize;
        let input: Vec<f64> =
            (0..4 * lanes).map(|k| if k == 2 || k == 2 * lanes + 3 { -1.0 } else { 1.0 }).collect();
        let input: Vec<Bits> = input.into_iter().map(f64::to_bits).collect();
        let mut memory = vec![pack(F64, &input), vec![9; lanes]];
        run(kit.function(body), &mut memory);
        let want: Vec<u8> = (0..lanes).map(|lane| u8::from(lane == 2 || lane == 3)).collect();
        assert_eq!(memory[1], want);
    }
}

#[test]
fn positions_tables_and_limits_address_memory() {
    // out[3 * i + 1] = in_range(t[i], 6) ? x[clamp(t[i] - 2, 6)] : -1, for t = 0, 9, -4, 7, 3.
    let mut kit = Kit { tables: vec![vec![0, 9, -4, 7, 3]], ..Kit::default() };
    let (x, out) = (kit.pointer(F32), kit.pointer(F32));
    let var = kit.value(I64, 1);
    let mut body = Vec::new();
    let entry = kit.def(&mut body, I64, 1, Expr::Table(0, var));
    let inside = kit.def(&mut body, Bool, 1, Expr::InRange(entry, 6));
    let moved = kit.def(&mut body, I64, 1, Expr::Position(at(-2, &[(entry, 1)])));
    let safe = kit.def(&mut body, I64, 1, Expr::Clamp(moved, 6));
    let element = kit.def(&mut body, F32, 1, Expr::Load { step: 1, pointer: x, at: at(0, &[(safe, 1)]) });
    let minus = kit.def(&mut body, F32, 1, Expr::Const(Number(-1.0)));
    let value = kit.def(&mut body, F32, 1, Expr::Machine(MachineOp::Select, vec![inside, element, minus]));
    body.push(Stmt::Store { step: 1, pointer: out, at: at(1, &[(var, 3)]), value });
    let (start, stop) = (Limit::Const(0), Limit::Const(5));
    let body = vec![Stmt::For { var, start, stop, step: 1, carried: Vec::new(), body }];
    let input: Vec<Bits> = (0..6).map(|k| encode(f64::from(10 * k), F32)).collect();
    let mut memory = vec![pack(F32, &input), vec![0; 64]];
    run(kit.function(body), &mut memory);
    let got = unpack(F32, &memory[1]);
    let got: Vec<f32> = (0..5).map(|k| f32::from_bits(got[3 * k + 1] as u32)).collect();
    assert_eq!(got, [0.0, -1.0, -1.0, -1.0, 10.0]);
}
