//! Wide loops against the machine operations' own meaning, at both levels, to the bit.

use super::*;
use crate::algebra::number::Number;
use crate::algebra::scalar::{Bits, MachineOp, encode};
use crate::algebra::types::DType;
use crate::loops::{Carried, Expr, LoopBound};
use crate::native::Target;
use crate::native::tests::{
    Kit, assert_same, at, elementwise_function, pack, restrict, run_for, samples, unpack,
};

use DType::{Bool, F32, F64, I32};

/// The set of a target.
fn set(target: &Target) -> Option<&'static str> {
    Set::of(target).map(|Set(isa)| isa.name())
}

/// A target for each instruction set that this machine has.
fn targets() -> Vec<Target> {
    let masks = "has_sse3 has_ssse3 has_sse41 has_sse42 has_avx has_avx2 has_fma has_avx512f has_avx512dq has_avx512vl";
    let wide = Target::fixed("x86_64", &masks.split(' ').collect::<Vec<_>>());
    let all = [Target::reference(), wide];
    let named = |target: &Target| SETS.into_iter().find(|isa| Some(isa.name()) == set(target));
    all.into_iter().filter(|target| named(target).is_some_and(|isa| isa.is_on(&Target::Host))).collect()
}

/// Its wide loops as text, after another decoder has read their code.
fn text(function: &Function, target: &Target) -> String {
    let loops = find(function, &[], Set::of(target));
    loops.iter().for_each(x86::decoded::check);
    loops.iter().map(|wide| listing("f", wide)).collect()
}

/// Repeats values up to a length.
fn repeated(values: &[Bits], len: usize) -> Vec<Bits> {
    values.iter().copied().cycle().take(len).collect()
}

/// An operation in wide loops of each number of lanes; the last iteration is not a whole wide one.
fn check(machine: MachineOp, dtype: DType, types: &[DType]) {
    let out = machine.result(dtype);
    let mut inputs: Vec<(DType, Vec<Bits>)> =
        types.iter().enumerate().map(|(k, &dtype)| (dtype, samples(dtype, k))).collect();
    restrict(machine, dtype, &mut inputs);
    for (target, lanes) in targets().iter().flat_map(|target| [4, 8, 16].map(|lanes| (target, lanes))) {
        let inputs: Vec<(DType, Vec<Bits>)> = inputs
            .iter()
            .map(|(dtype, values)| (*dtype, repeated(values, 401 * usize::from(lanes))))
            .collect();
        let columns = (0..inputs[0].1.len()).map(|k| inputs.iter().map(|(_, values)| values[k]).collect());
        let want: Vec<Bits> = columns.map(|args: Vec<Bits>| machine.eval(dtype, &args)).collect();
        let (function, mut memory) = elementwise_function(lanes, &inputs, out, |kit, body, args| {
            kit.def(body, out, lanes, Expr::Machine(machine, args.to_vec()))
        });
        let what = format!("{machine:?} {dtype} {lanes} {:?}", set(target));
        // With 256 bits masks are not written as bytes.
        let bytes = out == Bool && set(target) == Some("avx2");
        assert_eq!(text(&function, target).is_empty(), bytes, "{what}");
        run_for(target, function, &mut memory);
        assert_same(&what, out, &unpack(out, &memory[inputs.len()]), &want);
    }
}

#[test]
fn float_operations_have_their_meaning() {
    use MachineOp::*;
    let unary = [Neg, Abs, Sqrt, Floor, Ceil, Nearest, Sign, Exp2Int, Exponent, Fraction];
    let binary = [Add, Sub, Mul, Div, Min, Max, CopySign, FarSin, FarCos, FarTan, Lt, Le, Eq, Ne];
    for dtype in [F32, F64] {
        unary.iter().for_each(|machine| check(*machine, dtype, &[dtype]));
        binary.iter().for_each(|machine| check(*machine, dtype, &[dtype; 2]));
        check(Fma, dtype, &[dtype; 3]);
        check(IntToFloat, dtype, &[I32]);
    }
    check(Select, F32, &[Bool, F32, F32]);
}

#[test]
fn integer_operations_have_their_meaning() {
    use MachineOp::*;
    let binary = [Add, Sub, Mul, Min, Max, Lt, Le, Eq, Ne, IntXor];
    [Neg, Abs, Sign].iter().for_each(|machine| check(*machine, I32, &[I32]));
    binary.iter().for_each(|machine| check(*machine, I32, &[I32; 2]));
    check(Select, I32, &[Bool, I32, I32]);
}

#[test]
fn boolean_operations_have_their_meaning() {
    use MachineOp::*;
    check(Not, Bool, &[Bool]);
    [And, Or, Eq, Ne, Lt, Le].iter().for_each(|machine| check(*machine, Bool, &[Bool, Bool]));
}

/// A random body over two inputs of singles: every value is computed lane by lane as well.
struct Random {
    seed: u64,
    /// Each value with its type and what it should be.
    values: Vec<(Value, DType, Vec<Bits>)>,
}

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.seed >> 33) as usize % n
    }

    /// A value of a type; recent ones are not preferred, so that many live long.
    fn pick(&mut self, dtype: DType) -> (Value, Vec<Bits>) {
        let of: Vec<usize> = (0..self.values.len()).filter(|k| self.values[*k].1 == dtype).collect();
        let k = of[self.below(of.len())];
        (self.values[k].0, self.values[k].2.clone())
    }

    fn step(&mut self, kit: &mut Kit, body: &mut Vec<Stmt>, lanes: u16) {
        use MachineOp::*;
        let (machine, dtype, args): (MachineOp, DType, &[DType]) = match self.below(15) {
            0 => (Add, F32, &[F32, F32]),
            1 => (Sub, F32, &[F32, F32]),
            2 => (Mul, F32, &[F32, F32]),
            3 => (Neg, F32, &[F32]),
            4 | 5 => (Fma, F32, &[F32, F32, F32]),
            6 => (Min, F32, &[F32, F32]),
            7 => (Lt, F32, &[F32, F32]),
            8 => (Or, Bool, &[Bool, Bool]),
            9 => (Not, Bool, &[Bool]),
            10 => (IntXor, I32, &[I32, I32]),
            11 => (IntToFloat, F32, &[I32]),
            12 => (Le, I32, &[I32, I32]),
            13 => (FarCos, F32, &[F32, F32]),
            _ => (Select, F32, &[Bool, F32, F32]),
        };
        let picked: Vec<(Value, Vec<Bits>)> = args.iter().map(|dtype| self.pick(*dtype)).collect();
        let out = machine.result(dtype);
        let args = picked.iter().map(|(value, _)| *value).collect();
        let value = kit.def(body, out, lanes, Expr::Machine(machine, args));
        let column = |k: usize| picked.iter().map(|(_, bits)| bits[k]).collect::<Vec<Bits>>();
        let want = (0..picked[0].1.len()).map(|k| machine.eval(dtype, &column(k))).collect();
        self.values.push((value, out, want));
    }
}

/// The sum of all floats of a random body of so many operations.
fn random_body(seed: u64, lanes: u16, steps: usize, target: &Target) -> (String, Vec<Bits>, Vec<Bits>) {
    let len = 9 * usize::from(lanes);
    let number = |k: usize, by: f64| encode((k % 23) as f64 * by - 3.0, F32);
    let floats = |by: f64| (0..len).map(|k| number(k, by)).collect::<Vec<Bits>>();
    let inputs = [
        (F32, floats(0.37)),
        (F32, floats(-1.25)),
        (I32, (0..len).map(|k| Bits::from(k as u32 * 7919)).collect()),
    ];
    let mut want = Vec::new();
    let (function, mut memory) = elementwise_function(lanes, &inputs, F32, |kit, body, args| {
        let mut random = Random { seed, values: Vec::new() };
        for (value, (dtype, bits)) in args.iter().zip(&inputs) {
            random.values.push((*value, *dtype, bits.clone()));
        }
        for number in [0.5, -2.0, 3.25] {
            let value = kit.def(body, F32, lanes, Expr::Const(Number(number)));
            random.values.push((value, F32, vec![encode(number, F32); len]));
        }
        let less = kit.def(body, Bool, lanes, Expr::Machine(MachineOp::Lt, vec![args[0], args[1]]));
        let bits = (0..len).map(|k| MachineOp::Lt.eval(F32, &[inputs[0].1[k], inputs[1].1[k]]));
        random.values.push((less, Bool, bits.collect()));
        (0..steps).for_each(|_| random.step(kit, body, lanes));
        // All of them, the last first.
        let (mut sum, mut total) = (args[0], inputs[0].1.clone());
        for (value, dtype, bits) in random.values.iter().rev() {
            let (machine, args, columns) = match dtype {
                F32 => (MachineOp::Max, vec![sum, *value], vec![&total, bits]),
                Bool => (MachineOp::Select, vec![*value, sum, args[1]], vec![bits, &total, &inputs[1].1]),
                _ => continue,
            };
            total = (0..len)
                .map(|k| machine.eval(F32, &columns.iter().map(|column| column[k]).collect::<Vec<Bits>>()))
                .collect();
            sum = kit.def(body, F32, lanes, Expr::Machine(machine, args));
        }
        want = total;
        sum
    });
    let text = text(&function, target);
    run_for(target, function, &mut memory);
    (text, unpack(F32, &memory[3]), want)
}

#[test]
fn random_bodies_are_right_whatever_fits() {
    for target in targets() {
        let (mut vectors, mut masks) = (false, false);
        for (seed, lanes) in (0..40).flat_map(|seed| [4, 8, 16].map(|lanes| (seed, lanes))) {
            let (text, got, want) = random_body(seed, lanes, 8 + 7 * seed as usize, &target);
            assert!(!text.is_empty(), "seed {seed}, {lanes} lanes: not wide");
            assert_same(&format!("seed {seed}, {lanes} lanes, {:?}", set(&target)), F32, &got, &want);
            vectors |= text.lines().any(|line| line.starts_with("  store") && line.contains("spill"));
            masks |= text.contains("kstore");
        }
        assert!(vectors, "nothing left its register");
        assert!(masks || set(&target) == Some("avx2"), "no mask left its register");
    }
}

/// `x` but at most a limit, as `min` with a limit that may be no number does it.
fn limited(lanes: u16, len: i64) -> Function {
    let mut kit = Kit::default();
    let (x, limit, out) = (kit.pointer(F32), kit.pointer(F32), kit.pointer(F32));
    let mut before = Vec::new();
    let most = kit.def(&mut before, F32, 1, Expr::Load { step: 1, pointer: limit, at: at(0, &[]) });
    let most = kit.def(&mut before, F32, lanes, Expr::Splat(most));
    let no_number = kit.def(&mut before, Bool, lanes, Expr::Machine(MachineOp::Ne, vec![most, most]));
    let (var, mut body) = (kit.value(DType::I64, 1), Vec::new());
    let load = Expr::Load { step: 1, pointer: x, at: at(0, &[(var, 1)]) };
    let mut value = kit.def(&mut body, F32, lanes, load);
    for _ in 0..8 {
        let least = kit.def(&mut body, F32, lanes, Expr::Machine(MachineOp::Min, vec![most, value]));
        value =
            kit.def(&mut body, F32, lanes, Expr::Machine(MachineOp::Select, vec![no_number, most, least]));
    }
    body.push(Stmt::Store { step: 1, pointer: out, at: at(0, &[(var, 1)]), value });
    let (start, stop, step) = (LoopBound::Const(0), LoopBound::Const(len), i64::from(lanes));
    before.push(Stmt::For { var, start, stop, step, carried: Vec::new(), body });
    kit.function(before)
}

#[test]
fn booleans_from_outside_choose() {
    for (target, lanes) in targets().iter().flat_map(|target| [4_u16, 8, 16].map(|lanes| (target, lanes))) {
        let len = 51 * usize::from(lanes);
        let function = limited(lanes, len as i64);
        assert!(!text(&function, target).is_empty(), "{lanes} lanes: not wide");
        let input: Vec<Bits> = (0..len).map(|k| encode((k % 31) as f64 / 31.0, F32)).collect();
        for limit in [0.25, f64::NAN].map(|limit| encode(limit, F32)) {
            let out = pack(F32, &repeated(&[0], len));
            let mut memory = vec![pack(F32, &input), pack(F32, &[limit]), out];
            run_for(target, function.clone(), &mut memory);
            let no_number = MachineOp::Ne.eval(F32, &[limit, limit]);
            let least = |x: Bits| MachineOp::Min.eval(F32, &[limit, x]);
            let want: Vec<Bits> =
                input.iter().map(|x| MachineOp::Select.eval(F32, &[no_number, limit, least(*x)])).collect();
            assert_same("limits", F32, &unpack(F32, &memory[2]), &want);
        }
    }
}

#[test]
fn the_last_turn_may_overlap_the_one_before() {
    for (target, lanes) in targets().iter().flat_map(|target| [4_u16, 8, 16].map(|lanes| (target, lanes))) {
        for n in [17, 18, 31, 33, 61, 64, 65, 100, 1001].map(|n| n + i64::from(lanes)) {
            let step = i64::from(lanes);
            let mut kit = Kit::default();
            let (x, y) = (kit.pointer(F32), kit.pointer(F32));
            let (var, mut body) = (kit.value(DType::I64, 1), Vec::new());
            let here = kit.def(&mut body, DType::I64, 1, Expr::Clamp(var, n - step + 1));
            let load = Expr::Load { step: 1, pointer: x, at: at(1, &[(here, 1)]) };
            let mut value = kit.def(&mut body, F32, lanes, load);
            for _ in 0..60 {
                value = kit.def(&mut body, F32, lanes, Expr::Machine(MachineOp::Fma, vec![value; 3]));
            }
            body.push(Stmt::Store { step: 1, pointer: y, at: at(0, &[(here, 1)]), value });
            let (start, stop) = (LoopBound::Const(0), LoopBound::Const(n));
            let whole = Stmt::For { var, start, stop, step, carried: Vec::new(), body };
            let function = kit.function(vec![whole]);
            assert!(!text(&function, target).is_empty(), "{n} in {lanes} lanes: not wide");
            let input: Vec<Bits> = (0..=n).map(|k| encode(k as f64 * 1e-4, F32)).collect();
            let mut memory = vec![pack(F32, &input), pack(F32, &repeated(&[7], n as usize + 5))];
            run_for(target, function, &mut memory);
            let chain = |x: Bits| (0..60).fold(x, |x, _| MachineOp::Fma.eval(F32, &[x; 3]));
            let mut want: Vec<Bits> = input[1..].iter().map(|x| chain(*x)).collect();
            want.extend([7; 5]);
            assert_same(&format!("{n} in {lanes} lanes"), F32, &unpack(F32, &memory[1]), &want);
        }
    }
}

/// A loop over rows of memory: sums and greatest values lane by lane, from constants and from memory.
fn carried(lanes: u16, dtype: DType, iterations: i64, swapped: bool) -> Function {
    let mut kit = Kit::default();
    let (x, out, factor) = (kit.pointer(dtype), kit.pointer(dtype), kit.pointer(dtype));
    let mut before = Vec::new();
    let zero = kit.def(&mut before, dtype, lanes, Expr::Const(Number(0.0)));
    let first = kit.def(&mut before, dtype, lanes, Expr::Load { step: 1, pointer: x, at: at(0, &[]) });
    let (var, mut body) = (kit.value(DType::I64, 1), Vec::new());
    let (sum, most) = (kit.value(dtype, lanes), kit.value(dtype, lanes));
    let row = Expr::Load { step: 1, pointer: x, at: at(0, &[(var, i64::from(lanes))]) };
    let row = kit.def(&mut body, dtype, lanes, row);
    let by = kit.def(&mut body, dtype, 1, Expr::Load { step: 1, pointer: factor, at: at(0, &[(var, 1)]) });
    let by = kit.def(&mut body, dtype, lanes, Expr::Splat(by));
    let sum_next = kit.def(&mut body, dtype, lanes, Expr::Machine(MachineOp::Fma, vec![row, by, sum]));
    let mut value = kit.def(&mut body, dtype, lanes, Expr::Machine(MachineOp::Max, vec![most, row]));
    for _ in 0..8 {
        value = kit.def(&mut body, dtype, lanes, Expr::Machine(MachineOp::Fma, vec![value, by, first]));
    }
    let nexts = if swapped { [value, sum_next] } else { [sum_next, value] };
    let lasts = [kit.value(dtype, lanes), kit.value(dtype, lanes)];
    let carried = vec![
        Carried { init: zero, current: sum, next: nexts[0], last: lasts[0] },
        Carried { init: first, current: most, next: nexts[1], last: lasts[1] },
    ];
    before.push(Stmt::For {
        var,
        start: LoopBound::Const(1),
        stop: LoopBound::Const(iterations),
        step: 1,
        carried,
        body,
    });
    for (k, value) in lasts.into_iter().enumerate() {
        let at = at(k as i64 * i64::from(lanes), &[]);
        before.push(Stmt::Store { step: 1, pointer: out, at, value });
    }
    kit.function(before)
}

#[test]
fn values_are_carried_lane_by_lane() {
    let plain = Target::fixed("x86_64", &["has_sse3", "has_ssse3", "has_sse41", "has_sse42"]);
    let cases = [(F32, 8), (F32, 16), (F64, 4), (F64, 8)];
    for (target, (dtype, lanes)) in targets().iter().flat_map(|target| cases.map(|case| (target, case))) {
        for swapped in [false, true] {
            let iterations = 50;
            let function = carried(lanes, dtype, iterations, swapped);
            assert!(!text(&function, target).is_empty(), "{lanes} lanes: not wide");
            let count = iterations as usize * usize::from(lanes);
            let input: Vec<Bits> =
                (0..count).map(|k| encode(((k * 37) % 101) as f64 / 50.0 - 1.0, dtype)).collect();
            let factor: Vec<Bits> = (0..iterations).map(|k| encode((k % 7) as f64 / 9.0, dtype)).collect();
            let out = pack(dtype, &repeated(&[0], 2 * usize::from(lanes)));
            let mut want = vec![pack(dtype, &input), out, pack(dtype, &factor)];
            let mut got = want.clone();
            run_for(&plain, function.clone(), &mut want);
            run_for(target, function, &mut got);
            let what = format!("{dtype} {lanes} lanes, {:?}", set(target));
            assert_same(&what, dtype, &unpack(dtype, &got[1]), &unpack(dtype, &want[1]));
        }
    }
}

#[test]
fn what_is_read_elsewhere_in_the_loop_keeps_its_order() {
    // x[i + 8] = 2 * x[i]: each iteration reads what the one before wrote.
    let mut kit = Kit::default();
    let x = kit.pointer(F32);
    let (var, mut body) = (kit.value(DType::I64, 1), Vec::new());
    let value = kit.def(&mut body, F32, 8, Expr::Load { step: 1, pointer: x, at: at(0, &[(var, 1)]) });
    let value = kit.def(&mut body, F32, 8, Expr::Machine(MachineOp::Add, vec![value; 2]));
    body.push(Stmt::Store { step: 1, pointer: x, at: at(8, &[(var, 1)]), value });
    let (start, stop) = (LoopBound::Const(0), LoopBound::Const(800));
    let whole = Stmt::For { var, start, stop, step: 8, carried: Vec::new(), body };
    let function = kit.function(vec![whole]);
    for target in targets() {
        let mut memory = vec![pack(F32, &repeated(&[encode(1.0, F32)], 808))];
        run_for(&target, function.clone(), &mut memory);
        let want: Vec<Bits> = (0..808).map(|k| encode(f64::from(k / 8).exp2(), F32)).collect();
        assert_same("powers of two", F32, &unpack(F32, &memory[0]), &want);
    }
}

#[test]
fn positions_and_numbers_fill_all_lanes() {
    for (target, lanes) in targets().iter().flat_map(|target| [4_u16, 8, 16].map(|lanes| (target, lanes))) {
        let len = 51 * usize::from(lanes);
        let input = [(I32, (0..len).map(|k| Bits::from(k as u32 * 77)).collect::<Vec<Bits>>())];
        let (function, mut memory) = elementwise_function(lanes, &input, I32, |kit, body, args| {
            // The loop's position is value 0.
            let position = kit.def(body, I32, lanes, Expr::Iota(Value(0)));
            let mut value =
                kit.def(body, I32, lanes, Expr::Machine(MachineOp::IntXor, vec![args[0], position]));
            for _ in 0..20 {
                value = kit.def(body, I32, lanes, Expr::Machine(MachineOp::Add, vec![value, position]));
            }
            value
        });
        assert!(!text(&function, target).is_empty(), "{lanes} lanes: not wide");
        run_for(target, function, &mut memory);
        let want: Vec<Bits> =
            (0..len as u32).map(|k| Bits::from(((k * 77) ^ k).wrapping_add(20 * k))).collect();
        assert_same("positions", I32, &unpack(I32, &memory[1]), &want);

        let mut kit = Kit::default();
        let out = kit.pointer(F64);
        let (var, mut before) = (kit.value(DType::I64, 1), Vec::new());
        let value = kit.def(&mut before, F64, lanes, Expr::Const(Number(2.5)));
        let body = vec![Stmt::Store { step: 1, pointer: out, at: at(0, &[(var, 1)]), value }];
        let (stop, step) = (LoopBound::Const(len as i64), i64::from(lanes));
        before.push(Stmt::For { var, start: LoopBound::Const(0), stop, step, carried: Vec::new(), body });
        let mut memory = vec![pack(F64, &repeated(&[0], len))];
        run_for(target, kit.function(before), &mut memory);
        assert_same("numbers", F64, &unpack(F64, &memory[0]), &repeated(&[encode(2.5, F64)], len));
    }
}
