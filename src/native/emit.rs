//! Loop nests to Cranelift's intermediate code, one function at a time.
//!
//! A function takes a block of pointers, one for each of its buffers, and the number of the part to do.
//! It returns nothing. Loops
//! test at their bottom; a loop that surely runs once is no loop, one whose limits are not numbers
//! is guarded by a test before it.

mod call;
mod far;

pub(super) use self::call::wide_signature;
pub(super) use self::far::far_signature;

use cranelift::codegen::ir::{self, BlockArg, GlobalValue};
use cranelift::codegen::isa::TargetFrontendConfig;
use cranelift::prelude::*;

use super::alias::AliasInfo;
use super::cast::cast;
use super::ops::{self, emitter};
use super::simd;
use super::vector::{self, ClifBuilder, Registers};
use crate::algebra::scalar::MachineOp;
use crate::algebra::types::DType;
use crate::ice;
use crate::loops::{Address, Carried, Expr, Function, LoopBound, Product, Ranks, Stmt, Stride, Ty, Value};

/// What a function uses that lies elsewhere.
pub(super) trait Symbols {
    /// Makes the data object of a constant table known inside a function.
    fn table(&self, table: usize, out: &mut ir::Function) -> GlobalValue;
    /// The name of the library's matrix product of an element type.
    fn product(&self, dtype: DType, out: &mut ir::Function) -> ir::ExternalName;
    /// The name of the library's ranks of an element type.
    fn ranks(&self, dtype: DType, out: &mut ir::Function) -> ir::ExternalName;
    /// The name of a function of great arguments, by its place among them.
    fn far(&self, index: usize, out: &mut ir::Function) -> ir::ExternalName;
    /// The name of one of the function's wide loops.
    fn wide(&self, index: usize, out: &mut ir::Function) -> ir::ExternalName;
}

/// A function with what is known about it.
pub(super) struct Task<'a> {
    pub(super) function: &'a Function,
    /// Whether the memory behind each pointer stays as it is.
    pub(super) read_only: &'a [bool],
    /// Loops that have code of their own.
    pub(super) wides: Vec<simd::VectorLoop<'a>>,
    /// The vectors that there are beside Cranelift's.
    set: Option<simd::Set>,
}

impl<'a> Task<'a> {
    pub(super) fn new(function: &'a Function, memory: &'a AliasInfo, set: Option<simd::Set>) -> Task<'a> {
        let wides = simd::find(function, &memory.may_alias, set);
        Task { function, read_only: &memory.read_only, wides, set }
    }
}

/// Every function's signature: it takes a block of pointers and the number of the part to do.
pub(super) fn signature(isa: &dyn isa::TargetIsa) -> Signature {
    let mut signature = Signature::new(isa.default_call_conv());
    signature.params.extend([AbiParam::new(types::I64); 2]);
    signature
}

/// The signature of the library's products: three pointers, three sizes, and where elements lie.
pub(super) fn product_signature(call_conv: isa::CallConv) -> Signature {
    let mut signature = Signature::new(call_conv);
    signature.params.extend([AbiParam::new(types::I64); 14]);
    signature
}

/// The signature of the library's ranks: elements, places, rows, elements of a row, and whether greatest come
/// first.
pub(super) fn ranks_signature(call_conv: isa::CallConv) -> Signature {
    let mut signature = Signature::new(call_conv);
    signature.params.extend([AbiParam::new(types::I64); 5]);
    signature
}

/// Fills `out`, whose signature is set, with the body of `function`.
pub(super) fn emit(
    out: &mut ir::Function,
    config: TargetFrontendConfig,
    context: &mut FunctionBuilderContext,
    task: &Task,
    symbols: &dyn Symbols,
) {
    let function = task.function;
    let table_values = (0..function.tables.len()).map(|index| symbols.table(index, out)).collect();
    let mut b = FunctionBuilder::new(out, context);
    let entry = b.create_block();
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    let (block, part) = (b.block_params(entry)[0], b.block_params(entry)[1]);
    let pointers = (0..function.pointers.len()).map(|index| pointer(&mut b, block, index)).collect();
    let count = function.values.len();
    let mut emit = FunctionEmitter {
        b,
        function,
        read_only: task.read_only,
        wides: &task.wides,
        set: task.set,
        guards: 0,
        block,
        pointers,
        tables: table_values,
        symbols,
        products: Vec::new(),
        values: vec![Registers::new(); count],
        definitions: vec![None; count],
        depths: vec![0; count],
        depth: 0,
    };
    if let Some(parts) = &function.parts {
        emit.define(parts.index, vec![part]);
    }
    emit.body(&function.body);
    emit.b.ins().return_(&[]);
    emit.b.seal_all_blocks();
    emit.b.finalize(config);
}

/// Pointer `index` of the block, which does not change while the function runs.
fn pointer(b: &mut ClifBuilder, block: ir::Value, index: usize) -> ir::Value {
    let flags = MemFlagsData::trusted().with_readonly().with_can_move();
    b.ins().load(types::I64, flags, block, 8 * index as i32)
}

/// What is known while a function is emitted.
struct FunctionEmitter<'a, 'b> {
    b: ClifBuilder<'b>,
    function: &'a Function,
    /// Whether the memory behind each pointer stays as it is.
    read_only: &'a [bool],
    /// The loops that are called.
    wides: &'a [simd::VectorLoop<'a>],
    /// The vectors that there are beside Cranelift's.
    set: Option<simd::Set>,
    /// Loops around that may not run at all.
    guards: usize,
    /// Where pointers and numbers lie.
    block: ir::Value,
    pointers: Vec<ir::Value>,
    tables: Vec<GlobalValue>,
    symbols: &'a dyn Symbols,
    /// The library's products known so far.
    products: Vec<(DType, ir::FuncRef)>,
    /// The registers of each value defined so far.
    values: Vec<Registers>,
    /// The expression behind each value that has one.
    definitions: Vec<Option<&'a Expr>>,
    /// How many loops each value varies in.
    depths: Vec<usize>,
    /// Loops around what is being emitted.
    depth: usize,
}

impl<'a> FunctionEmitter<'a, '_> {
    fn ty(&self, value: Value) -> Ty {
        self.function.values[value.0 as usize]
    }

    fn parts(&self, value: Value) -> &[ir::Value] {
        &self.values[value.0 as usize]
    }

    /// The register of a scalar.
    fn scalar(&self, value: Value) -> ir::Value {
        let parts = self.parts(value);
        if parts.len() != 1 {
            ice!("native", "%{} is not a defined scalar", value.0);
        }
        parts[0]
    }

    fn define(&mut self, value: Value, parts: Registers) {
        let lanes: usize = parts.iter().map(|&part| self.lanes(part)).sum();
        let ty = self.ty(value);
        if lanes != ty.lanes as usize {
            ice!("native", "%{} has {lanes} lanes of {}", value.0, ty.lanes);
        }
        self.values[value.0 as usize] = parts;
        self.depths[value.0 as usize] = self.depth;
    }

    fn lanes(&self, part: ir::Value) -> usize {
        vector::type_of(&self.b, part).lane_count() as usize
    }

    /// Calls the library.
    fn product(&mut self, product: &Product) {
        let callee = self.library(self.function.pointers[product.out.pointer]);
        let [left, right, out] = product.matrices().map(|(matrix, _)| matrix);
        let mut args: Vec<ir::Value> = Vec::new();
        for matrix in [left, right, out] {
            let (base, offset) = self.place(matrix.pointer, &matrix.at);
            args.push(self.b.ins().iadd_imm_s(base, i64::from(offset)));
        }
        args.extend(product.sizes.map(|size| self.b.ins().iconst(types::I64, size as i64)));
        args.push(self.steps(&left.steps[0])[0]);
        for step in [&left.steps[1], &right.steps[0], &right.steps[1]] {
            args.extend(self.steps(step));
        }
        args.push(self.steps(&out.steps[0])[0]);
        self.b.ins().call(callee, &args);
    }

    /// Calls the library.
    fn ranks(&mut self, ranks: &Ranks) {
        let name = self.symbols.ranks(self.function.pointers[ranks.keys], self.b.func);
        let signature = self.b.import_signature(ranks_signature(self.b.func.signature.call_conv));
        let data = ir::ExtFuncData { name, signature, colocated: false, patchable: false };
        let callee = self.b.import_function(data);
        let (keys, out) = (self.pointers[ranks.keys], self.pointers[ranks.out]);
        let numbers = [ranks.rows as i64, ranks.n as i64, i64::from(ranks.descending)];
        let [rows, n, descending] = numbers.map(|number| self.b.ins().iconst(types::I64, number));
        self.b.ins().call(callee, &[keys, out, rows, n, descending]);
    }

    /// A distance and the address of a table, of which one is 0.
    fn steps(&mut self, step: &Stride) -> [ir::Value; 2] {
        let none = self.b.ins().iconst(types::I64, 0);
        match step {
            Stride::By(by) => [self.b.ins().iconst(types::I64, *by), none],
            Stride::Table(table, at) => {
                let base = self.b.ins().symbol_value(types::I64, self.tables[*table]);
                let at = self.position(at);
                let at = self.times(at, 8);
                [none, self.b.ins().iadd(base, at)]
            }
        }
    }

    /// The library's product of an element type.
    fn library(&mut self, dtype: DType) -> ir::FuncRef {
        if let Some((_, known)) = self.products.iter().find(|(have, _)| *have == dtype) {
            return *known;
        }
        let name = self.symbols.product(dtype, self.b.func);
        let signature = self.b.import_signature(product_signature(self.b.func.signature.call_conv));
        let data = ir::ExtFuncData { name, signature, colocated: false, patchable: false };
        let callee = self.b.import_function(data);
        self.products.push((dtype, callee));
        callee
    }

    fn body(&mut self, body: &'a [Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Let(value, expr) => {
                let parts = self.expr(*value, expr);
                self.define(*value, parts);
                self.definitions[value.0 as usize] = Some(expr);
                if let Expr::Position(at) = expr {
                    self.depths[value.0 as usize] = self.address_depth(at);
                }
            }
            Stmt::Store { pointer, at, step, value } => self.store(*pointer, at, *step, *value),
            Stmt::Product(product) => self.product(product),
            Stmt::Ranks(ranks) => self.ranks(ranks),
            Stmt::For { var, start, stop, step, carried, body } => {
                self.for_loop(*var, *start, *stop, *step, carried, body)
            }
        }
    }

    fn for_loop(
        &mut self,
        var: Value,
        start: LoopBound,
        stop: LoopBound,
        step: i64,
        carried: &'a [Carried],
        body: &'a [Stmt],
    ) {
        if let Some(index) = self.is_wide(var) {
            return self.wide(index, carried);
        }
        match (start, stop) {
            (LoopBound::Const(start), LoopBound::Const(stop)) if start >= stop => self.no_turn(carried),
            (LoopBound::Const(start), LoopBound::Const(stop)) if start.saturating_add(step) >= stop => {
                self.one_turn(var, start, carried, body)
            }
            _ => self.iterations(LoopHead { var, start, stop, step }, carried, body),
        }
    }

    /// A loop that never runs.
    fn no_turn(&mut self, carried: &[Carried]) {
        for carry in carried {
            self.define(carry.last, self.parts(carry.init).to_vec());
        }
    }

    /// A loop that runs once.
    fn one_turn(&mut self, var: Value, start: i64, carried: &'a [Carried], body: &'a [Stmt]) {
        let start = self.b.ins().iconst(types::I64, start);
        self.define(var, vec![start]);
        for carry in carried {
            self.define(carry.current, self.parts(carry.init).to_vec());
        }
        self.body(body);
        for carry in carried {
            self.define(carry.last, self.parts(carry.next).to_vec());
        }
    }

    /// Any other loop.
    fn iterations(&mut self, head: LoopHead, carried: &'a [Carried], body: &'a [Stmt]) {
        let (start, stop) = (self.bound(head.start), self.bound(head.stop));
        let inits: Vec<Registers> = carried.iter().map(|carry| self.parts(carry.init).to_vec()).collect();
        let (iteration, after) = (self.b.create_block(), self.b.create_block());
        let flat: Registers = inits.iter().flatten().copied().collect();
        self.enter(&head, start, stop, &flat, iteration, after);

        self.b.switch_to_block(iteration);
        let guard = usize::from(!head.surely_runs());
        self.depth += 1;
        self.guards += guard;
        let position = self.b.append_block_param(iteration, types::I64);
        self.define(head.var, vec![position]);
        for (carry, init) in carried.iter().zip(&inits) {
            let current = self.params(iteration, init);
            self.define(carry.current, current);
        }
        self.body(body);
        let mut nexts = Registers::new();
        for (carry, init) in carried.iter().zip(&inits) {
            nexts.extend(self.like(carry.next, init[0]));
        }
        let next = self.b.ins().iadd_imm_s(position, head.step);
        let more = self.b.ins().icmp(IntCC::SignedLessThan, next, stop);
        let (again, done) = (args(Some(next), &nexts), args(None, &nexts));
        self.b.ins().brif(more, iteration, &again, after, &done);
        self.depth -= 1;
        self.guards -= guard;

        self.b.switch_to_block(after);
        for (carry, init) in carried.iter().zip(&inits) {
            let last = self.params(after, init);
            self.define(carry.last, last);
        }
    }

    /// Goes into a loop, past a test if it may not run at all.
    fn enter(
        &mut self,
        head: &LoopHead,
        start: ir::Value,
        stop: ir::Value,
        inits: &[ir::Value],
        iteration: Block,
        after: Block,
    ) {
        let (first, none) = (args(Some(start), inits), args(None, inits));
        if head.surely_runs() {
            self.b.ins().jump(iteration, &first);
        } else {
            let some = self.b.ins().icmp(IntCC::SignedLessThan, start, stop);
            self.b.ins().brif(some, iteration, &first, after, &none);
        }
    }

    fn bound(&mut self, bound: LoopBound) -> ir::Value {
        match bound {
            LoopBound::Const(n) => self.b.ins().iconst(types::I64, n),
            LoopBound::Value(value) => self.scalar(value),
        }
    }

    /// Parameters of a block, of the types of `parts`.
    fn params(&mut self, block: Block, parts: &[ir::Value]) -> Registers {
        let types: Vec<Type> = parts.iter().map(|&part| vector::type_of(&self.b, part)).collect();
        types.into_iter().map(|ty| self.b.append_block_param(block, ty)).collect()
    }

    /// A value in registers like `sample`: masks have a width.
    fn like(&mut self, value: Value, sample: ir::Value) -> Registers {
        let parts = self.parts(value).to_vec();
        let ty = self.ty(value);
        if ty.dtype != DType::Bool || ty.lanes == 1 {
            return parts;
        }
        let register = vector::type_of(&self.b, sample);
        vector::mask_as(&mut self.b, &parts, register)
    }

    fn address_depth(&self, at: &Address) -> usize {
        at.terms.iter().map(|(value, _)| self.depths[value.0 as usize]).max().unwrap_or(0)
    }

    /// `sum(scale * coefficient * value)` added to `base`, what varies least first, so that the rest
    /// of it leaves inner loops.
    fn add_terms(
        &mut self,
        base: Option<ir::Value>,
        terms: &[(Value, i64)],
        scale: i64,
    ) -> Option<ir::Value> {
        let mut terms = terms.to_vec();
        terms.sort_by_key(|(value, _)| self.depths[value.0 as usize]);
        let mut sum = base;
        for (value, coefficient) in terms {
            let value = self.scalar(value);
            let term = self.times(value, coefficient * scale);
            sum = Some(match sum {
                Some(sum) => self.b.ins().iadd(sum, term),
                None => term,
            });
        }
        sum
    }

    /// A product by a constant; a shift can be part of an address.
    fn times(&mut self, value: ir::Value, by: i64) -> ir::Value {
        match by {
            1 => value,
            by if by > 0 && by.count_ones() == 1 => {
                self.b.ins().ishl_imm_s(value, i64::from(by.trailing_zeros()))
            }
            by => self.b.ins().imul_imm_s(value, by),
        }
    }

    /// Where elements lie: an address and an offset in bytes.
    fn place(&mut self, pointer: usize, at: &Address) -> (ir::Value, i32) {
        let bytes = self.function.pointers[pointer].bytes() as i64;
        let base = self.pointers[pointer];
        let base = self.add_terms(Some(base), &at.terms, bytes).unwrap_or(base);
        // The offsets of a vector's registers are added to this one.
        match i32::try_from(at.offset * bytes) {
            Ok(offset) if offset < i32::MAX - (1 << 20) => (base, offset),
            _ => (self.b.ins().iadd_imm_s(base, at.offset * bytes), 0),
        }
    }

    /// Flags of loads from a pointer. What stays as it is may be loaded earlier or later, but never
    /// before it is known that a loop runs: the address may be wrong if it does not.
    fn load_flags(&self, pointer: usize) -> MemFlagsData {
        let flags = MemFlagsData::new().with_notrap();
        if self.read_only[pointer] && self.guards == 0 {
            flags.with_readonly().with_can_move()
        } else {
            flags
        }
    }

    fn load(&mut self, ty: Ty, pointer: usize, at: &Address) -> Registers {
        let flags = self.load_flags(pointer);
        let (base, offset) = self.place(pointer, at);
        if ty.dtype == DType::Bool && ty.lanes > 1 {
            let groups = 0..i32::from(ty.lanes) / 4;
            return groups
                .map(|group| vector::load_mask(&mut self.b, flags, base, offset + 4 * group))
                .collect();
        }
        let (register, count) = vector::layout(ty);
        let bytes = register.bytes() as i32;
        let offsets = (0..count as i32).map(|index| offset + index * bytes);
        offsets.map(|offset| self.load_register(register, flags, base, offset)).collect()
    }

    /// A register from memory that need not be aligned to it. Cranelift 0.135 folds loads into `cmpps` and
    /// `cmppd` without AVX, which fault there; those of integers it does not.
    fn load_register(&mut self, ty: Type, flags: MemFlagsData, base: ir::Value, offset: i32) -> ir::Value {
        let loaded = if ty.is_vector() && self.set.is_none() { vector::int_type(ty) } else { ty };
        let value = self.b.ins().load(loaded, flags, base, offset);
        vector::bits(&mut self.b, ty, value)
    }

    /// Every other element: of two registers that meet in the third of them, so that nothing beyond the
    /// last is read.
    fn load_even(&mut self, ty: Ty, pointer: usize, at: &Address) -> Registers {
        let flags = self.load_flags(pointer);
        let (base, offset) = self.place(pointer, at);
        let (register, count) = vector::layout(ty);
        let even = |index: i32| {
            let at = offset + 32 * index;
            let [low, high] = [at, at + 12].map(|at| self.load_register(register, flags, base, at));
            vector::shuffle(&mut self.b, low, high, [0, 2, 5, 7])
        };
        (0..count as i32).map(even).collect()
    }

    /// Lane by lane to every other element.
    fn store_even(&mut self, base: ir::Value, offset: i32, parts: &[ir::Value]) {
        let flags = MemFlagsData::new().with_notrap();
        for (index, part) in parts.iter().enumerate() {
            let words = vector::bits(&mut self.b, types::I32X4, *part);
            for lane in 0..4 {
                let word = self.b.ins().extractlane(words, lane);
                self.b.ins().store(flags, word, base, offset + 32 * index as i32 + 8 * i32::from(lane));
            }
        }
    }

    fn store(&mut self, pointer: usize, at: &Address, step: i64, value: Value) {
        let flags = MemFlagsData::new().with_notrap();
        let (base, offset) = self.place(pointer, at);
        let ty = self.ty(value);
        let mut parts = self.parts(value).to_vec();
        if ty.dtype == DType::Bool && ty.lanes > 1 {
            parts = vector::mask_as(&mut self.b, &parts, types::I32X4);
            parts = parts.into_iter().map(|mask| vector::pack_mask(&mut self.b, mask)).collect();
        }
        if step != 1 {
            return self.store_even(base, offset, &parts);
        }
        let mut offset = offset;
        for part in parts {
            self.b.ins().store(flags, part, base, offset);
            offset += vector::type_of(&self.b, part).bytes() as i32;
        }
    }

    fn expr(&mut self, value: Value, expr: &'a Expr) -> Registers {
        let ty = self.ty(value);
        match expr {
            Expr::Const(number) => self.constant(ty, number.0),
            Expr::Immediate(k) => self.given(ty, *k),
            Expr::Int(n) => vec![self.b.ins().iconst(types::I64, *n)],
            Expr::Load { pointer, at, step: 1 } => self.load(ty, *pointer, at),
            Expr::Load { pointer, at, .. } => self.load_even(ty, *pointer, at),
            Expr::Splat(scalar) => self.splat(ty, *scalar),
            Expr::Iota(start) => self.positions(ty, *start),
            Expr::Machine(machine, args) => self.machine(ty, *machine, args),
            Expr::Cast(arg) => {
                let (from, parts) = (self.ty(*arg), self.parts(*arg).to_vec());
                cast(&mut self.b, from.dtype, ty.dtype, ty.lanes as usize, &parts)
            }
            Expr::Horizontal(machine, arg) => vec![self.fold(*machine, *arg)],
            Expr::Table(table, at) => vec![self.table(*table, *at)],
            Expr::Position(at) => vec![self.position(at)],
            Expr::InRange(position, n) => {
                let (position, n) = (self.scalar(*position), self.b.ins().iconst(types::I64, *n));
                vec![self.b.ins().icmp(IntCC::UnsignedLessThan, position, n)]
            }
            Expr::Clamp(position, n) => vec![self.clamp(*position, *n)],
        }
    }

    fn constant(&mut self, ty: Ty, number: f64) -> Registers {
        let (register, count) = vector::layout(ty);
        let lane = match ty.dtype {
            DType::Bool if ty.lanes > 1 => u64::from(number != 0.0).wrapping_neg(),
            DType::Bool => u64::from(number != 0.0),
            DType::I32 => number as i32 as u64,
            DType::I64 => number as i64 as u64,
            DType::F32 => u64::from((number as f32).to_bits()),
            DType::F64 => number.to_bits(),
        };
        vec![vector::constant(&mut self.b, register, lane); count]
    }

    /// A number behind the pointers of the block, which does not change while the function runs.
    fn given(&mut self, ty: Ty, k: usize) -> Registers {
        let (register, count) = vector::layout(ty);
        let flags = MemFlagsData::trusted().with_readonly().with_can_move();
        let at = 8 * (self.pointers.len() + k) as i32;
        let number = self.b.ins().load(types::I32, flags, self.block, at);
        let part = if ty.lanes == 1 { number } else { self.b.ins().splat(register, number) };
        vec![part; count]
    }

    fn splat(&mut self, ty: Ty, scalar: Value) -> Registers {
        let (register, count) = vector::layout(ty);
        let mut scalar = self.scalar(scalar);
        if ty.dtype == DType::Bool {
            scalar = self.b.ins().uextend(types::I32, scalar);
            scalar = self.b.ins().ineg(scalar);
        }
        vec![self.b.ins().splat(register, scalar); count]
    }

    /// Positions go through types that hold them exactly, so a float is rounded once.
    fn positions(&mut self, ty: Ty, start: Value) -> Registers {
        let start = self.scalar(start);
        let exact = match ty.dtype {
            DType::F32 => DType::F64,
            other => other,
        };
        if ty.lanes == 1 {
            return cast(&mut self.b, DType::I64, ty.dtype, 1, &[start]);
        }
        let first = cast(&mut self.b, DType::I64, exact, 1, &[start])[0];
        let (register, count) = vector::layout(Ty { dtype: exact, lanes: ty.lanes });
        let first = self.b.ins().splat(register, first);
        let parts: Registers = (0..count).map(|index| self.counted(exact, register, first, index)).collect();
        cast(&mut self.b, exact, ty.dtype, ty.lanes as usize, &parts)
    }

    /// `first` plus the numbers of the lanes of register `index`.
    fn counted(&mut self, dtype: DType, register: Type, first: ir::Value, index: usize) -> ir::Value {
        let per = register.lane_count() as usize;
        let lanes = index * per..(index + 1) * per;
        let bytes: Vec<u8> = match dtype {
            DType::I32 => lanes.flat_map(|lane| (lane as i32).to_le_bytes()).collect(),
            DType::I64 => lanes.flat_map(|lane| (lane as i64).to_le_bytes()).collect(),
            DType::F64 => lanes.flat_map(|lane| (lane as f64).to_le_bytes()).collect(),
            _ => ice!("native", "positions of type {dtype}"),
        };
        let lanes = vector::vector_constant(&mut self.b, register, bytes);
        if dtype == DType::F64 { self.b.ins().fadd(first, lanes) } else { self.b.ins().iadd(first, lanes) }
    }

    fn machine(&mut self, ty: Ty, machine: MachineOp, args: &'a [Value]) -> Registers {
        if machine == MachineOp::IntToFloat {
            let parts = self.parts(args[0]).to_vec();
            return cast(&mut self.b, DType::I32, ty.dtype, ty.lanes as usize, &parts);
        }
        if machine.far().is_some() {
            return self.far(ty, machine, args);
        }
        let args = match machine {
            MachineOp::IntShl | MachineOp::IntShr => self.shift_operands(args),
            MachineOp::Fma => args.iter().map(|&arg| self.maybe_negated(arg)).collect(),
            // True is the least of masks.
            MachineOp::Lt | MachineOp::Le if self.ty(args[0]).dtype == DType::Bool && ty.lanes > 1 => {
                self.operands(&[args[1], args[0]])
            }
            _ => self.operands(args),
        };
        let count = args[0].len();
        let emit = emitter(machine);
        if ty.lanes > 1 && matches!(machine, MachineOp::FloorDiv | MachineOp::FloorRem) {
            return self.lane_by_lane(ty, emit, &args);
        }
        (0..count)
            .map(|index| {
                let registers: Registers = args.iter().map(|arg| arg[index]).collect();
                emit(&mut self.b, &registers)
            })
            .collect()
    }

    /// An operation that only scalars have.
    fn lane_by_lane(&mut self, ty: Ty, emit: ops::OpEmitter, args: &[Registers]) -> Registers {
        let mut scalars = Registers::new();
        for index in 0..ty.lanes as usize {
            let lanes: Registers = args.iter().map(|arg| vector::lane(&mut self.b, arg, index)).collect();
            scalars.push(emit(&mut self.b, &lanes));
        }
        vector::gather(&mut self.b, vector::register_type(ty.dtype), &scalars)
    }

    /// Operands with masks as wide as the other operands; of masks alone, as the first.
    fn operands(&mut self, args: &[Value]) -> Vec<Registers> {
        let lead = args.iter().find(|&&arg| self.ty(arg).dtype != DType::Bool).unwrap_or(&args[0]);
        let sample = self.parts(*lead)[0];
        args.iter().map(|&arg| self.like(arg, sample)).collect()
    }

    /// A negated operand of a fused product, in the form that Cranelift fuses too.
    fn maybe_negated(&mut self, arg: Value) -> Registers {
        let Some(Expr::Machine(MachineOp::Neg, inner)) = self.definitions[arg.0 as usize] else {
            return self.parts(arg).to_vec();
        };
        if !self.ty(arg).dtype.is_float() {
            return self.parts(arg).to_vec();
        }
        let inner = self.parts(inner[0]).to_vec();
        inner.into_iter().map(|part| self.b.ins().fneg(part)).collect()
    }

    /// The value and, for each of its registers, the one distance.
    fn shift_operands(&mut self, args: &[Value]) -> Vec<Registers> {
        let value = self.parts(args[0]).to_vec();
        let distance = match self.definitions[args[1].0 as usize] {
            Some(Expr::Const(n)) => self.b.ins().iconst(types::I32, n.0 as i64),
            Some(Expr::Splat(scalar)) => self.scalar(*scalar),
            _ if self.ty(args[1]).lanes == 1 => self.scalar(args[1]),
            _ => ice!("native", "a shift by %{}, which varies", args[1].0),
        };
        let count = value.len();
        vec![value, vec![distance; count]]
    }

    /// Lane `k` with lane `k + lanes / 2`, until one is left.
    fn fold(&mut self, machine: MachineOp, arg: Value) -> ir::Value {
        let (ty, mut parts) = (self.ty(arg), self.parts(arg).to_vec());
        if !(ty.lanes.is_power_of_two()) {
            ice!("native", "fold of {} lanes", ty.lanes);
        }
        let emit = emitter(machine);
        while parts.len() > 1 {
            let half = parts.split_off(parts.len() / 2);
            for (low, high) in parts.iter_mut().zip(half) {
                *low = emit(&mut self.b, &[*low, high]);
            }
        }
        let register = vector::type_of(&self.b, parts[0]);
        let mut whole = parts[0];
        if register.lane_count() == 4 {
            let high = vector::upper(&mut self.b, whole);
            whole = emit(&mut self.b, &[whole, high]);
        }
        let (low, high) = (self.b.ins().extractlane(whole, 0), self.b.ins().extractlane(whole, 1));
        let folded = emit(&mut self.b, &[low, high]);
        if ty.dtype == DType::Bool { ops::truth(&mut self.b, folded) } else { folded }
    }

    fn table(&mut self, table: usize, at: Value) -> ir::Value {
        let base = self.b.ins().symbol_value(types::I64, self.tables[table]);
        let at = self.scalar(at);
        let at = self.times(at, 8);
        let at = self.b.ins().iadd(base, at);
        self.b.ins().load(types::I64, MemFlagsData::trusted().with_readonly(), at, 0)
    }

    fn position(&mut self, at: &Address) -> ir::Value {
        match self.add_terms(None, &at.terms, 1) {
            None => self.b.ins().iconst(types::I64, at.offset),
            Some(sum) if at.offset == 0 => sum,
            Some(sum) => self.b.ins().iadd_imm_s(sum, at.offset),
        }
    }

    fn clamp(&mut self, position: Value, n: i64) -> ir::Value {
        let position = self.scalar(position);
        let (zero, last) = (self.b.ins().iconst(types::I64, 0), self.b.ins().iconst(types::I64, n - 1));
        let below = self.b.ins().smin(position, last);
        self.b.ins().smax(below, zero)
    }
}

/// The head of a loop.
struct LoopHead {
    var: Value,
    start: LoopBound,
    stop: LoopBound,
    step: i64,
}

impl LoopHead {
    /// Whether there is a first iteration for certain; called when the limits are not empty numbers.
    fn surely_runs(&self) -> bool {
        matches!((self.start, self.stop), (LoopBound::Const(_), LoopBound::Const(_)))
    }
}

/// Arguments of a jump.
fn args(position: Option<ir::Value>, carried: &[ir::Value]) -> Vec<BlockArg> {
    position.into_iter().chain(carried.iter().copied()).map(BlockArg::Value).collect()
}
