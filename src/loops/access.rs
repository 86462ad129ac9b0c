//! Access: positions of the kernel as addresses, guarded and gathered loads.

use crate::algebra::scalar::MachineOp;
use crate::algebra::types::DType;
use crate::kernel::{Affine, BufferId, Guard, Inst, InstId};

use super::build::POSITION;
use super::lower::KernelLowering;
use super::{Address, Expr, Ty, Value};

impl KernelLowering<'_> {
    /// A position of the kernel in a row.
    fn address(&mut self, linear: &Affine, row: usize) -> Address {
        let mut at = Address { offset: linear.offset, terms: Vec::new() };
        for (axis, coefficient) in &linear.terms {
            let place = self.at(*axis, row);
            at.offset += coefficient * place.offset;
            add(&mut at, place.var, *coefficient);
        }
        if let Some((segments, axis)) = &linear.piece {
            let starts = segments.starts().into_iter().map(|start| start as i64).collect();
            let start = self.entry(*axis, starts);
            match self.to.constant(start) {
                Some(number) => at.offset += number as i64,
                None => add(&mut at, Some(start), 1),
            }
        }
        if let Some((index, elements)) = linear.gather {
            let index = self.value(index, row);
            let index = self.to.cast(index, DType::I64);
            add(&mut at, Some(index), elements);
        }
        at.terms.sort_unstable();
        at
    }

    /// The address of `lanes` elements of a buffer, clamped into it where the kernel alone does not
    /// say that they lie inside.
    pub(super) fn safe_address(
        &mut self,
        buffer: BufferId,
        at: &Affine,
        row: usize,
        lanes: u16,
        guarded: bool,
    ) -> Address {
        let mut address = self.address(at, row);
        self.in_part(buffer, &mut address);
        if !guarded && at.gather.is_none() {
            return address;
        }
        let len = self.program.buffers[buffer.0].len as i64;
        let position = self.to.position(address);
        let span = (i64::from(lanes) - 1) * self.step(at, lanes);
        let clamped = self.to.emit(Expr::Clamp(position, len - span), POSITION);
        Address { offset: 0, terms: vec![(clamped, 1)] }
    }

    /// How far apart neighbouring lanes lie in memory.
    pub(super) fn step(&self, at: &Affine, lanes: u16) -> i64 {
        let vector = self.schedule.vector.filter(|_| lanes > 1);
        let term = vector.and_then(|vector| at.terms.iter().find(|(axis, _)| *axis == vector));
        term.map_or(1, |(_, coefficient)| *coefficient)
    }

    /// Moves to the piece of the part being done, in a buffer that has one for each.
    fn in_part(&self, buffer: BufferId, at: &mut Address) {
        let Some((split, part)) = self.split else { return };
        if let Some((_, elements)) = split.partial.iter().find(|(partial, _)| *partial == buffer) {
            add(at, Some(part), *elements as i64);
            at.terms.sort_unstable();
        }
    }

    /// The value of a load.
    pub(super) fn load(&mut self, id: InstId, row: usize, lanes: u16) -> Value {
        let kernel = self.kernel;
        let Inst::Load { buffer, at, guards, outside, dtype } = &kernel.insts[id.0] else {
            unreachable!("only loads are loaded")
        };
        let ty = Ty { dtype: *dtype, lanes };
        let holds: Vec<Option<bool>> = guards.iter().map(|guard| self.holds(guard)).collect();
        if holds.contains(&Some(false)) {
            return self.to.number(*outside, ty);
        }
        let open = guards.iter().zip(holds).filter(|(_, holds)| holds.is_none());
        let guards: Vec<&Guard> = open.map(|(guard, _)| guard).collect();
        let address = self.safe_address(*buffer, at, row, lanes, !guards.is_empty());
        let step = self.step(at, lanes);
        let loaded = self.fetch(id, *buffer, address, step, ty);
        if guards.is_empty() {
            return loaded;
        }
        let inside = self.all(&guards, row);
        let inside = self.to.widen(inside, lanes);
        let outside = self.to.number(*outside, ty);
        self.to.machine(MachineOp::Select, vec![inside, loaded, outside], *dtype)
    }

    /// Reads memory, as far out as that gives the same; the only iteration of a loop's rest stays where it is.
    fn fetch(&mut self, id: InstId, buffer: BufferId, at: Address, step: i64, ty: Ty) -> Value {
        let pointer = self.pointer(buffer);
        let constant = at.terms.is_empty() && self.facts.deps[id.0] != 0;
        let load = Expr::Load { pointer, at, step };
        match (self.facts.reload[id.0], constant) {
            (true, _) => self.to.emit_new(load, ty),
            (false, true) => self.to.emit_here(load, ty),
            (false, false) => self.to.emit(load, ty),
        }
    }

    /// Whether a guard holds at every point of the loops that are open, or at none.
    fn holds(&self, guard: &Guard) -> Option<bool> {
        if guard.bound <= 0 {
            // Nothing is inside, as in a padded empty tensor: there may be no memory to read.
            return Some(false);
        }
        let Affine { offset, terms, piece, gather } = &guard.position;
        if piece.is_some() || gather.is_some() {
            return None;
        }
        let (mut least, mut most) = (*offset, *offset);
        for (axis, coefficient) in terms {
            let (first, last) = self.range[*axis];
            let ends = [coefficient * first, coefficient * last];
            least += ends[0].min(ends[1]);
            most += ends[0].max(ends[1]);
        }
        let (inside, outside) = (least >= 0 && most < guard.bound, most < 0 || least >= guard.bound);
        (inside || outside).then_some(inside)
    }

    /// Whether all guards hold, as a scalar boolean.
    fn all(&mut self, guards: &[&Guard], row: usize) -> Value {
        let scalar = Ty { dtype: DType::Bool, lanes: 1 };
        let mut all = None;
        for guard in guards {
            let at = self.address(&guard.position, row);
            let position = self.to.position(at);
            let inside = self.to.emit(Expr::InRange(position, guard.bound), scalar);
            all = Some(match all {
                Some(before) => self.to.machine(MachineOp::And, vec![before, inside], DType::Bool),
                None => inside,
            });
        }
        match all {
            Some(all) => all,
            None => self.to.number(1.0, scalar),
        }
    }
}

/// Adds a multiple of a value.
fn add(at: &mut Address, value: Option<Value>, coefficient: i64) {
    let Some(value) = value else { return };
    match at.terms.iter_mut().find(|(have, _)| *have == value) {
        Some((_, sum)) => *sum += coefficient,
        None => at.terms.push((value, coefficient)),
    }
    at.terms.retain(|(_, coefficient)| *coefficient != 0);
}
