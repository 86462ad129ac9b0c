//! A wide loop as a function: loops around bodies in registers.
//!
//! The function takes a block of memory: where each access starts, the positions to do, what comes from
//! outside, carried values (initial ones, and in their place the last ones), and room for what does not
//! fit into registers.

#[cfg(test)]
pub(super) mod decoded;
mod far;

use self::far::FarCall;
use super::encode::*;
use super::placed::{Code, Placed, Pool, Reg, Spot};
use super::plan::{Passed, Plan};

/// The block: offsets in bytes.
#[derive(Clone, Debug, Default)]
pub(in crate::native) struct Layout {
    /// The first position to do, or how many iterations.
    pub(in crate::native) first: i32,
    /// One past the last position.
    pub(in crate::native) end: i32,
    /// By the plan's number.
    pub(in crate::native) passed: Vec<i32>,
    /// By the plan's number.
    pub(in crate::native) carried: Vec<i32>,
    spills: i32,
    /// Bytes of all.
    pub(in crate::native) bytes: u32,
}

impl Layout {
    /// Where each access starts, by the plan's number.
    pub(in crate::native) fn base(&self, index: usize) -> i32 {
        8 * index as i32
    }

    /// The block of a loop; `sizes` are the bytes of a lane of what comes from outside.
    pub(super) fn of(plan: &Plan, sizes: &[usize], spills: usize) -> Layout {
        let words = plan.bases.len() as i32;
        let mut layout = Layout { first: 8 * words, end: 8 * words + 8, ..Layout::default() };
        let mut at = 8 * words + 16;
        let mut place = |bytes: usize| {
            let here = (at as usize).next_multiple_of(bytes.min(64)) as i32;
            at = here + bytes as i32;
            here
        };
        for ((_, how), size) in plan.passed.iter().zip(sizes) {
            layout.passed.push(place(if *how == Passed::Lane { 8 } else { size * plan.lanes }));
        }
        layout.carried = plan.carried_sizes.iter().map(|size| place(size * plan.lanes)).collect();
        layout.spills = place(64);
        layout.bytes = (layout.spills + 64 * spills as i32) as u32;
        layout
    }
}

/// Registers of addresses, in the order in which they are taken. The last ones must be put back.
const ADDRESSES: [General; 11] = [6, 8, 9, 10, 11, 3, 5, 12, 13, 14, 15];
/// How many of them need not.
const OWN: usize = 5;
/// Most accesses that start at different places.
pub(super) const MOST_BASES: usize = ADDRESSES.len();

/// The position of an iteration or how many iterations are left, where the last whole iteration starts, and the end.
const AT: General = 0;
const LAST: General = 1;
const END: General = 2;

/// A loop with so many lanes in a register.
pub(super) struct Section {
    pub(super) per: usize,
    /// Whether the last iteration overlaps the one before it.
    pub(super) overlap: bool,
    pub(super) code: Code,
}

/// Machine code of a loop.
pub(super) fn assemble(
    plan: &Plan,
    layout: &Layout,
    level: Level,
    sections: &[Section],
    pool: &Pool,
) -> Vec<u8> {
    let mut writer = Writer { plan, layout, level, to: Assembler::default(), far: Vec::new() };
    let bases = &ADDRESSES[..plan.bases.len()];
    let saved = &bases[OWN.min(bases.len())..];
    saved.iter().for_each(|register| writer.to.push(*register));
    for (index, register) in bases.iter().enumerate() {
        writer.to.load(*register, Memory::Near(BLOCK, layout.base(index)));
    }
    writer.to.load(AT, Memory::Near(BLOCK, layout.first));
    for section in sections {
        if plan.free { writer.free(section) } else { writer.ordered(section) }
    }
    writer.to.clear();
    saved.iter().rev().for_each(|register| writer.to.pop(*register));
    writer.to.ret();
    writer.far_calls(saved.len());
    writer.to.finish(&pool.bytes)
}

struct Writer<'a> {
    plan: &'a Plan<'a>,
    layout: &'a Layout,
    level: Level,
    to: Assembler,
    /// What is out of line.
    far: Vec<FarCall>,
}

impl Writer<'_> {
    fn all(&mut self, code: &[Placed]) {
        code.iter().for_each(|placed| self.one(placed));
    }

    /// Iterations that do not depend on each other: whole ones, then one that ends at the end if something is left.
    fn free(&mut self, section: &Section) {
        let [iteration, check, done] = std::array::from_fn(|_| self.to.label());
        self.to.load(END, Memory::Near(BLOCK, self.layout.end));
        self.to.copy(LAST, END);
        self.to.add(LAST, -(section.per as i32));
        let (limit, over) = if section.overlap { (END, If::GreaterOrEqual) } else { (LAST, If::Greater) };
        self.to.compare(AT, limit);
        self.to.jump(over, done);
        self.all(&section.code.before);
        if section.overlap {
            self.to.jump(If::Always, check);
        }
        self.to.align();
        self.to.place(iteration);
        self.all(&section.code.iteration);
        self.to.add(AT, section.per as i32);
        self.to.place(check);
        self.to.compare(AT, LAST);
        self.to.jump(If::LessOrEqual, iteration);
        if section.overlap {
            self.to.compare(AT, END);
            self.to.jump(If::GreaterOrEqual, done);
            self.to.copy(AT, LAST);
            self.to.jump(If::Always, iteration);
        }
        self.to.place(done);
    }

    /// Iterations in their order.
    fn ordered(&mut self, section: &Section) {
        let [iteration, done] = std::array::from_fn(|_| self.to.label());
        self.all(&section.code.before);
        self.to.test(AT);
        self.to.jump(If::LessOrEqual, done);
        self.to.align();
        self.to.place(iteration);
        self.all(&section.code.iteration);
        for (index, base) in self.plan.bases.iter().enumerate().filter(|(_, base)| base.step != 0) {
            self.to.add(ADDRESSES[index], (base.step * base.size as i64 * self.plan.step) as i32);
        }
        self.to.add(AT, -1);
        self.to.jump(If::NotZero, iteration);
        self.to.place(done);
        let parts = self.plan.lanes / section.per;
        let count = self.plan.carried.len();
        for (k, register) in section.code.carried.iter().enumerate() {
            let (part, carried) = (k / count, k % count);
            let size = self.plan.carried_sizes[carried];
            let offset = self.layout.carried[carried] + (part * section.per * size) as i32;
            debug_assert!(part < parts, "a register for each part");
            self.store_last(*register, size * section.per, offset);
        }
    }

    fn store_last(&mut self, register: Reg, bytes: usize, offset: i32) {
        self.simple(&STORE, bytes, number(register), Last::Memory(Memory::Near(BLOCK, offset)));
    }

    /// An instruction of two operands on lanes of any width.
    fn simple(&mut self, row: &Row, bytes: usize, reg: u8, last: Last) {
        let v =
            Vector { row, bytes, wide: false, variant: 0, reg, second: None, last, mask: 0, immediate: None };
        self.to.vector(self.level, &v);
    }

    /// One instruction.
    fn one(&mut self, placed: &Placed) {
        if placed.row.form == Form::Far {
            return self.far(placed);
        }
        let from: Vec<u8> = placed.from.iter().map(|register| number(*register)).collect();
        let to = placed.to.map_or(0, number);
        let (mut mask, mut immediate) = (0, placed.immediate);
        let memory = self.memory(placed.spot);
        let (reg, second, last) = match placed.row.form {
            Form::Unary => (to, None, memory.unwrap_or_else(|| Last::Register(from[0]))),
            Form::Binary => (to, Some(from[0]), Last::Register(from[1])),
            Form::Shift(extension) => (extension, Some(to), Last::Register(from[0])),
            Form::Fused => (to, Some(from[0]), Last::Register(from[1])),
            Form::Test | Form::Far => unreachable!("a part of {}", placed.row.name),
            Form::Store => (from[0], None, memory.unwrap_or(Last::Register(0))),
            Form::Blend => {
                match self.level {
                    Level::Avx512 => mask = from[0],
                    Level::Avx2 => immediate = Some(from[0] << 4),
                }
                (to, Some(from[2]), Last::Register(from[1]))
            }
        };
        let Placed { row, bytes, wide, variant, .. } = *placed;
        self.to.vector(self.level, &Vector { row, bytes, wide, variant, reg, second, last, mask, immediate });
    }

    fn memory(&self, spot: Spot) -> Option<Last> {
        Some(Last::Memory(match spot {
            Spot::None => return None,
            Spot::Position => return Some(Last::Register(AT)),
            Spot::Access(access, lane) => {
                let (base, offset) = (ADDRESSES[access.base], access.offset + (lane * access.size) as i32);
                match self.plan.free {
                    true => Memory::Indexed(base, AT, access.size as u8, offset),
                    false => Memory::Near(base, offset),
                }
            }
            Spot::Pool(at) => Memory::Pool(at),
            Spot::Passed(place, byte) => Memory::Near(BLOCK, self.layout.passed[place] + byte as i32),
            Spot::Spill(slot) => Memory::Near(BLOCK, self.layout.spills + 64 * slot as i32),
        }))
    }
}

fn number(register: Reg) -> u8 {
    match register {
        Reg::Vector(k) | Reg::Mask(k) => k,
    }
}
