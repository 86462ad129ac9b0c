//! A safe interpreter of loops: what native code must compute, to the bit.
//!
//! Memory is bytes; every access is checked against its buffer, every boolean byte must be 0 or 1, and
//! arenas start out as nonsense, so that reading what was never written shows.

use std::ops::Range;

use crate::algebra::ranks::ranks;
use crate::algebra::scalar::{Bits, MachineOp, decode, encode};
use crate::algebra::types::DType;

use super::{
    Address, BufferLocation, Call, Expr, Function, LoopBound, Loops, MatrixOperand, Product, Program, Ranks,
    Region, Stmt, Stride, Ty, Value,
};

/// The memory of one program: its arena, its inputs and its outputs.
#[derive(Clone, Debug)]
pub struct ProgramMemory {
    /// The arena, then one space for each buffer that has its own.
    spaces: Vec<Vec<u8>>,
    /// For each buffer its space and its bytes there.
    places: Vec<(usize, Range<usize>)>,
}

impl ProgramMemory {
    /// Memory for a program: inputs and outputs are zero.
    pub fn new(program: &Program) -> ProgramMemory {
        let mut memory = ProgramMemory { spaces: vec![vec![0xff; program.arena_bytes]], places: Vec::new() };
        for buffer in &program.buffers {
            let bytes = buffer.len * buffer.dtype.bytes();
            let place = match buffer.location {
                BufferLocation::Arena(offset) => (0, offset..offset + bytes),
                BufferLocation::Input(_) | BufferLocation::Output(_) => {
                    memory.spaces.push(vec![0; bytes]);
                    (memory.spaces.len() - 1, 0..bytes)
                }
                BufferLocation::Part { .. } | BufferLocation::Moving(_) => (0, 0..0),
            };
            memory.places.push(place);
        }
        memory.place_parts(program, &vec![0; program.regions.len()]);
        memory
    }

    /// Places what lies in other buffers, in these iterations of the regions.
    fn place_parts(&mut self, program: &Program, turns: &[usize]) {
        for k in 0..program.buffers.len() {
            self.places[k] = self.place_part(program, turns, k);
        }
    }

    fn place_part(&self, program: &Program, turns: &[usize], k: usize) -> (usize, Range<usize>) {
        let buffer = &program.buffers[k];
        let (of, start) = match buffer.location {
            BufferLocation::Part { of, start } => (of, start),
            BufferLocation::Moving(moving) => (moving.of.0, moving.place(turns[moving.region]) * buffer.len),
            _ => return self.places[k].clone(),
        };
        let (space, whole) = self.place_part(program, turns, of);
        let size = buffer.dtype.bytes();
        let from = whole.start + start * size;
        let part = from..from + buffer.len * size;
        assert!(part.end <= whole.end, "egret internal error in eval: b{k} leaves b{of}");
        (space, part)
    }

    /// The bytes of a buffer.
    pub fn bytes(&self, buffer: usize) -> &[u8] {
        let (space, range) = &self.places[buffer];
        &self.spaces[*space][range.clone()]
    }

    /// The bytes of a buffer, to be written.
    pub fn bytes_mut(&mut self, buffer: usize) -> &mut [u8] {
        let (space, range) = &self.places[buffer];
        &mut self.spaces[*space][range.clone()]
    }

    /// Writes the elements of a buffer, rounded to its type.
    pub fn set(&mut self, program: &Program, buffer: usize, values: &[f64]) {
        let dtype = program.buffers[buffer].dtype;
        assert_eq!(values.len(), program.buffers[buffer].len, "elements of b{buffer}");
        let bytes = self.bytes_mut(buffer);
        for (value, place) in values.iter().zip(bytes.chunks_exact_mut(dtype.bytes())) {
            write(place, encode(*value, dtype));
        }
    }

    /// Reads the elements of a buffer.
    pub fn get(&self, program: &Program, buffer: usize) -> Vec<f64> {
        let dtype = program.buffers[buffer].dtype;
        let elements = self.bytes(buffer).chunks_exact(dtype.bytes());
        elements.map(|place| decode(read(place, dtype), dtype)).collect()
    }
}

fn write(place: &mut [u8], bits: Bits) {
    let n = place.len();
    place.copy_from_slice(&bits.to_le_bytes()[..n]);
}

fn read(place: &[u8], dtype: DType) -> Bits {
    let mut bytes = [0; 8];
    bytes[..place.len()].copy_from_slice(place);
    let bits = Bits::from_le_bytes(bytes);
    assert!(dtype != DType::Bool || bits < 2, "egret internal error in eval: a boolean is {bits}");
    bits
}

/// Runs some calls of a program (`0..calls.len()` for all).
///
/// # Panics
/// If the program leaves a buffer or uses a value wrongly: that is an error of the compiler.
pub fn run(loops: &Loops, program: usize, calls: Range<usize>, memory: &mut ProgramMemory) {
    let program = &loops.programs[program];
    let mut turns = vec![0; program.regions.len()];
    repeat(loops, program, calls, program.regions.len(), &mut turns, memory);
}

/// Makes some calls, with the regions among the first `regions` that are there.
fn repeat(
    loops: &Loops,
    program: &Program,
    calls: Range<usize>,
    regions: usize,
    turns: &mut [usize],
    memory: &mut ProgramMemory,
) {
    let mut next = calls.start;
    while next < calls.end {
        if let Some(region) = program.region_at(next, regions) {
            let Region { calls, count } = program.regions[region].clone();
            next = calls.end;
            for turn in 0..count {
                turns[region] = turn;
                memory.place_parts(program, turns);
                repeat(loops, program, calls.clone(), region, turns, memory);
            }
            continue;
        }
        let call = &program.calls[next];
        next += 1;
        let function = &loops.functions[call.function];
        let mut frame = Activation::new(function, call, memory);
        // The last part first: if one depended on another, native code would compute something else.
        for part in (0..function.parts()).rev() {
            frame.part(part);
        }
    }
}

/// A function while it runs.
struct Activation<'a> {
    function: &'a Function,
    buffers: &'a [usize],
    immediates: &'a [i32],
    memory: &'a mut ProgramMemory,
    /// Where each value's lanes start.
    slots: Vec<usize>,
    lanes: Vec<Bits>,
}

impl<'a> Activation<'a> {
    fn new(function: &'a Function, call: &'a Call, memory: &'a mut ProgramMemory) -> Activation<'a> {
        let (buffers, immediates) = (call.buffers.as_slice(), call.immediates.as_slice());
        let mut slots = Vec::with_capacity(function.values.len());
        let mut total = 0;
        for ty in &function.values {
            slots.push(total);
            total += usize::from(ty.lanes);
        }
        assert_eq!(
            function.pointers.len(),
            buffers.len(),
            "egret internal error in eval: pointers of a call"
        );
        Activation { function, buffers, immediates, memory, slots, lanes: vec![0; total] }
    }

    fn part(&mut self, part: usize) {
        if let Some(parts) = &self.function.parts {
            let slot = self.range(parts.index).start;
            self.lanes[slot] = part as Bits;
        }
        self.block(&self.function.body);
    }

    fn ty(&self, value: Value) -> Ty {
        self.function.values[value.0 as usize]
    }

    fn range(&self, value: Value) -> Range<usize> {
        let start = self.slots[value.0 as usize];
        start..start + usize::from(self.ty(value).lanes)
    }

    fn lane(&self, value: Value, lane: usize) -> Bits {
        self.lanes[self.range(value)][lane]
    }

    /// A scalar position.
    fn int(&self, value: Value) -> i64 {
        let ty = self.ty(value);
        assert!(ty == Ty { dtype: DType::I64, lanes: 1 }, "egret internal error in eval: {value} is {ty}");
        self.lane(value, 0) as i64
    }

    fn address(&self, at: &Address) -> i64 {
        at.terms.iter().fold(at.offset, |sum, (value, coefficient)| sum + coefficient * self.int(*value))
    }

    fn bound(&self, bound: LoopBound) -> i64 {
        match bound {
            LoopBound::Const(n) => n,
            LoopBound::Value(value) => self.int(value),
        }
    }

    fn copy(&mut self, from: Value, to: Value) {
        assert_eq!(self.ty(from), self.ty(to), "egret internal error in eval: {from} becomes {to}");
        let (from, to) = (self.range(from), self.range(to));
        self.lanes.copy_within(from, to.start);
    }

    fn block(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(value, expr) => self.define(*value, expr),
                Stmt::Store { pointer, at, step, value } => self.store(*pointer, at, *step as usize, *value),
                Stmt::Product(product) => self.product(product),
                Stmt::Ranks(ranks) => self.ranks(ranks),
                Stmt::For { var, start, stop, step, carried, body } => {
                    let mut at = self.bound(*start);
                    let stop = self.bound(*stop);
                    carried.iter().for_each(|value| self.copy(value.init, value.current));
                    while at < stop {
                        let slot = self.range(*var).start;
                        self.lanes[slot] = at as Bits;
                        self.block(body);
                        let next: Vec<Vec<Bits>> =
                            carried.iter().map(|value| self.lanes[self.range(value.next)].to_vec()).collect();
                        for (value, next) in carried.iter().zip(next) {
                            let range = self.range(value.current);
                            self.lanes[range].copy_from_slice(&next);
                        }
                        at += step;
                    }
                    carried.iter().for_each(|value| self.copy(value.current, value.last));
                }
            }
        }
    }

    /// The bytes from the first to the last of `lanes` elements, `step` apart, from an address on.
    fn place(&self, pointer: usize, at: &Address, ty: Ty, step: usize) -> Range<usize> {
        let dtype = self.function.pointers[pointer];
        assert_eq!(dtype, ty.dtype, "egret internal error in eval: type of p{pointer}");
        let first = self.address(at);
        let size = dtype.bytes();
        let len = self.memory.places[self.buffers[pointer]].1.len() / size;
        let span = (usize::from(ty.lanes) - 1) * step + 1;
        let inside = first >= 0 && first as usize + span <= len;
        assert!(inside, "egret internal error in eval: p{pointer}[{first}] + {span} of {len}");
        first as usize * size..(first as usize + span) * size
    }

    fn store(&mut self, pointer: usize, at: &Address, step: usize, value: Value) {
        let ty = self.ty(value);
        let place = self.place(pointer, at, ty, step);
        let range = self.range(value);
        let bytes = &mut self.memory.bytes_mut(self.buffers[pointer])[place];
        for (bits, place) in self.lanes[range].iter().zip(bytes.chunks_mut(step * ty.dtype.bytes())) {
            write(&mut place[..ty.dtype.bytes()], *bits);
        }
    }

    fn load(&mut self, value: Value, pointer: usize, at: &Address, step: usize) {
        let ty = self.ty(value);
        let place = self.place(pointer, at, ty, step);
        let range = self.range(value);
        let bytes = &self.memory.bytes(self.buffers[pointer])[place];
        for (lane, place) in self.lanes[range].iter_mut().zip(bytes.chunks(step * ty.dtype.bytes())) {
            *lane = read(&place[..ty.dtype.bytes()], ty.dtype);
        }
    }

    /// A matrix product, for each run of the summed axis one chain of fused multiply-adds for each result.
    fn product(&mut self, product: &Product) {
        let [m, n, k] = product.sizes;
        let run = Product::run(k);
        for i in 0..m {
            for j in 0..n {
                let dtype = self.function.pointers[product.out.pointer];
                let chain = |start: usize| {
                    (start..k.min(start + run)).fold(0, |sum, l| {
                        let factors =
                            [self.element(&product.left, [i, l]), self.element(&product.right, [l, j])];
                        MachineOp::Fma.eval(dtype, &[factors[0], factors[1], sum])
                    })
                };
                let more = (run..k).step_by(run);
                let sum = more.fold(chain(0), |sum, start| MachineOp::Add.eval(dtype, &[chain(start), sum]));
                let place = self.matrix_place(&product.out, [i, j]);
                write(&mut self.memory.bytes_mut(self.buffers[product.out.pointer])[place], sum);
            }
        }
    }

    /// Places in the order of each row.
    fn ranks(&mut self, call: &Ranks) {
        let dtype = self.function.pointers[call.keys];
        let less = |a: Bits, b: Bits| MachineOp::Lt.eval(dtype, &[a, b]) == 1;
        let nan = |a: Bits| MachineOp::Ne.eval(dtype, &[a, a]) == 1;
        for row in 0..call.rows {
            let first = row * call.n * dtype.bytes();
            let bytes = &self.memory.bytes(self.buffers[call.keys])[first..first + call.n * dtype.bytes()];
            let keys: Vec<Bits> = bytes.chunks(dtype.bytes()).map(|bytes| read(bytes, dtype)).collect();
            let before = |i: usize, j: usize| {
                let (a, b) = (keys[i], keys[j]);
                if call.descending {
                    less(b, a) || !nan(a) && nan(b)
                } else {
                    less(a, b) || !nan(a) && nan(b)
                }
            };
            let ranks = ranks(call.n, before);
            let out = &mut self.memory.bytes_mut(self.buffers[call.out])[4 * row * call.n..];
            ranks.iter().zip(out.chunks_mut(4)).for_each(|(rank, place)| write(place, *rank as u32 as Bits));
        }
    }

    fn element(&self, matrix: &MatrixOperand, at: [usize; 2]) -> Bits {
        let place = self.matrix_place(matrix, at);
        let dtype = self.function.pointers[matrix.pointer];
        read(&self.memory.bytes(self.buffers[matrix.pointer])[place], dtype)
    }

    /// The bytes of an element of a matrix.
    fn matrix_place(&self, matrix: &MatrixOperand, at: [usize; 2]) -> Range<usize> {
        let ty = Ty { dtype: self.function.pointers[matrix.pointer], lanes: 1 };
        let step = |(at, step): (&usize, &Stride)| match step {
            Stride::By(by) => *at as i64 * by,
            Stride::Table(table, first) => self.function.tables[*table][self.address(first) as usize + at],
        };
        let step = at.iter().zip(&matrix.steps).map(step).sum::<i64>();
        let at = Address { offset: matrix.at.offset + step, terms: matrix.at.terms.clone() };
        self.place(matrix.pointer, &at, ty, 1)
    }

    /// Sets every lane of a value.
    fn fill(&mut self, value: Value, mut of: impl FnMut(&Self, usize) -> Bits) {
        for (lane, slot) in self.range(value).enumerate() {
            self.lanes[slot] = of(self, lane);
        }
    }

    fn define(&mut self, value: Value, expr: &Expr) {
        let ty = self.ty(value);
        match expr {
            Expr::Const(number) => self.fill(value, |_, _| encode(number.0, ty.dtype)),
            Expr::Immediate(k) => self.fill(value, |frame, _| Bits::from(frame.immediates[*k] as u32)),
            Expr::Int(number) => self.fill(value, |_, _| *number as Bits),
            Expr::Load { pointer, at, step } => self.load(value, *pointer, at, *step as usize),
            Expr::Splat(scalar) => self.fill(value, |frame, _| frame.lane(*scalar, 0)),
            Expr::Iota(first) => {
                self.fill(value, |frame, lane| encode((frame.int(*first) + lane as i64) as f64, ty.dtype));
            }
            Expr::Machine(op, args) => {
                let dtype = op_type(*op, self.ty(*args.last().unwrap_or(&value)).dtype, ty.dtype);
                self.fill(value, |frame, lane| {
                    let args: Vec<Bits> = args.iter().map(|arg| frame.lane(*arg, lane)).collect();
                    op.eval(dtype, &args)
                });
            }
            Expr::Cast(from) => {
                let of = self.ty(*from).dtype;
                self.fill(value, |frame, lane| cast(frame.lane(*from, lane), of, ty.dtype));
            }
            Expr::Horizontal(op, from) => {
                let mut lanes = self.lanes[self.range(*from)].to_vec();
                while lanes.len() > 1 {
                    lanes = halve(*op, ty.dtype, &lanes);
                }
                self.fill(value, |_, _| lanes[0]);
            }
            Expr::Table(table, at) => {
                let at = self.int(*at);
                self.fill(value, |frame, _| frame.function.tables[*table][at as usize] as Bits);
            }
            Expr::Position(at) => self.fill(value, |frame, _| frame.address(at) as Bits),
            Expr::InRange(at, n) => {
                self.fill(value, |frame, _| Bits::from((0..*n).contains(&frame.int(*at))));
            }
            Expr::Clamp(at, n) => {
                self.fill(value, |frame, _| frame.int(*at).min(*n - 1).max(0) as Bits);
            }
        }
    }
}

/// The type that an operation is done in: its operands', but for conversions.
fn op_type(op: MachineOp, operand: DType, result: DType) -> DType {
    if op == MachineOp::IntToFloat { result } else { operand }
}

/// Lane `k` with lane `k + lanes / 2`.
fn halve(op: MachineOp, dtype: DType, lanes: &[Bits]) -> Vec<Bits> {
    let (low, high) = lanes.split_at(lanes.len() / 2);
    low.iter().zip(high).map(|(a, b)| op.eval(dtype, &[*a, *b])).collect()
}

/// Floats round to nearest even, floats to integers truncate and saturate (NaN is 0), integers wrap,
/// booleans are 0 and 1, not zero is true.
fn cast(bits: Bits, from: DType, to: DType) -> Bits {
    match (from, to) {
        (DType::I64, DType::F32) => Bits::from((bits as i64 as f32).to_bits()),
        (DType::I64, DType::I32) => Bits::from(bits as u32),
        (DType::I64, DType::I64) => bits,
        (DType::F32 | DType::F64, DType::I32) => Bits::from(decode(bits, from) as i32 as u32),
        (from, to) => encode(decode(bits, from), to),
    }
}
