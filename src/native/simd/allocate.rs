//! Register allocation: virtual registers in those that the machine has.
//!
//! An iteration is straight, so the value that is used last is spilled first (Belady 1966). What does not change
//! between iterations stays in registers while there are some left; the rest of it is loaded again where it is used.

use super::body::{Id, Origin, VectorBody, VectorOp, VirtualRegister};
use super::instruction::{Allocated, Constants, Instruction, Operand, Overwritten, Reg};
use super::isa::{Isa, RegisterFile, Transfer};
use super::plan::LiveIn;

/// Puts a body into registers. None if carried values would have to change places all at once, or do not fit.
pub(super) fn allocate(
    body: &VectorBody,
    isa: &dyn Isa,
    live_ins: &[LiveIn],
    constants: &mut Constants,
) -> Option<Allocated> {
    let file = isa.registers();
    let carried = body.carried.len();
    let mut allocator = Allocator {
        body,
        isa,
        live_ins,
        constants,
        uses: body.uses(),
        file,
        held: [vec![None; file.vectors], vec![None; file.masks]],
        location: vec![None; body.infos.len()],
        pinned: vec![false; body.infos.len()],
        slots: vec![None; body.infos.len()],
        out: Vec::new(),
        spills: 0,
        assigned: (0..carried as u8).map(Reg::Vector).collect(),
    };
    if carried + 4 > file.vectors {
        return None;
    }
    allocator.start();
    let before = std::mem::take(&mut allocator.out);
    for (k, op) in body.ops.iter().enumerate() {
        allocator.op(k, op);
    }
    allocator.parallel_move()?;
    let Allocator { out: iteration, assigned: carried, spills, .. } = allocator;
    Some(Allocated { before, iteration, carried, spills })
}

struct Allocator<'a> {
    body: &'a VectorBody,
    isa: &'a dyn Isa,
    live_ins: &'a [LiveIn],
    constants: &'a mut Constants,
    /// The uses of each that are still to come, the next one last.
    uses: Vec<Vec<usize>>,
    file: RegisterFile,
    /// The virtual register in each vector and each mask register.
    held: [Vec<Option<Id>>; 2],
    location: Vec<Option<Reg>>,
    /// Whether it is never spilled.
    pinned: Vec<bool>,
    slots: Vec<Option<usize>>,
    out: Vec<Instruction>,
    spills: usize,
    /// Where carried values are between iterations.
    assigned: Vec<Reg>,
}

impl Allocator<'_> {
    /// Puts carried values, and what does not change, in place.
    fn start(&mut self) {
        for (k, (current, _)) in self.body.carried.iter().enumerate() {
            let assigned = self.assigned[k];
            let init = self.materialise(self.body.inits[k], assigned);
            self.out.push(init);
            if !self.uses[*current].is_empty() {
                self.assign(*current, assigned);
            }
        }
        let mut shared: Vec<Id> =
            self.body.shared.iter().copied().filter(|id| !self.uses[*id].is_empty()).collect();
        shared.sort_by_key(|id| std::cmp::Reverse(self.uses[*id].len()));
        let left = self.held[0].len().saturating_sub(self.body.pressure(&self.uses));
        // An instruction may need three that were spilled.
        let most = if shared.len() <= left { shared.len() } else { left.saturating_sub(3) };
        // From above, so that they keep away from the registers of carried values.
        for (k, id) in shared.into_iter().take(most).enumerate() {
            let register = Reg::Vector((self.held[0].len() - 1 - k) as u8);
            let load = self.materialise(id, register);
            self.out.push(load);
            self.pinned[id] = true;
            self.assign(id, register);
        }
    }

    fn info(&self, id: Id) -> VirtualRegister {
        self.body.infos[id]
    }

    fn holder(&mut self, register: Reg) -> &mut Option<Id> {
        match register {
            Reg::Vector(k) => &mut self.held[0][k as usize],
            Reg::Mask(k) => &mut self.held[1][k as usize],
        }
    }

    fn assign(&mut self, id: Id, register: Reg) {
        self.location[id] = Some(register);
        *self.holder(register) = Some(id);
    }

    fn free(&mut self, id: Id) {
        if let Some(register) = self.location[id].take() {
            *self.holder(register) = None;
        }
    }

    /// Loads what does not change.
    fn materialise(&mut self, id: Id, to: Reg) -> Instruction {
        let VirtualRegister { source, size, lane, .. } = self.info(id);
        let (transfer, operand) = match source {
            Origin::Number(bits) => (Transfer::Splat, Operand::Constant(self.constants.number(bits, size))),
            Origin::Iota => (Transfer::Load, Operand::Constant(self.constants.iota(self.body.per))),
            Origin::LiveIn(k) if self.live_ins[k] == LiveIn::Scalar => {
                (Transfer::Splat, Operand::LiveIn(k, 0))
            }
            Origin::LiveIn(k) => (Transfer::Load, Operand::LiveIn(k, lane * size)),
            Origin::Body => unreachable!("what iterations compute is not loaded"),
        };
        self.transfer(transfer, size, Some(to), &[], operand)
    }

    /// An instruction that only moves a value.
    fn transfer(
        &self,
        transfer: Transfer,
        size: usize,
        to: Option<Reg>,
        from: &[Reg],
        operand: Operand,
    ) -> Instruction {
        let opcode = self.isa.transfer(transfer, size);
        let (bytes, wide, from) = (size * self.body.per, size == 8, from.to_vec());
        let overwritten = Overwritten::None;
        Instruction { opcode, bytes, wide, overwritten, to, from, operand, immediate: None }
    }

    /// A register for something; if none is free, that of what is used last, which is spilled.
    fn take(&mut self, mask: bool, keep: &[Id]) -> Reg {
        let held = &self.held[usize::from(mask)];
        let first = if mask { self.file.first_mask } else { 0 };
        let free = (first..held.len()).find(|k| held[*k].is_none());
        let k = free.unwrap_or_else(|| {
            let next = |k: &usize| {
                let id = held[*k].filter(|id| !self.pinned[*id] && !keep.contains(id))?;
                Some(self.uses[id].last().copied().unwrap_or(usize::MAX))
            };
            let farthest = (first..held.len()).filter(|k| next(k).is_some()).max_by_key(|k| next(k));
            farthest.unwrap_or_else(|| unreachable!("more operands than registers"))
        });
        let register = if mask { Reg::Mask(k as u8) } else { Reg::Vector(k as u8) };
        if let Some(id) = *self.holder(register) {
            self.spill(id, register);
        }
        register
    }

    /// Makes a register free, keeping its value in memory unless that can be had again.
    fn spill(&mut self, id: Id, register: Reg) {
        let info = self.info(id);
        if info.source == Origin::Body && self.slots[id].is_none() {
            let slot = self.spills;
            self.spills += 1;
            self.slots[id] = Some(slot);
            let transfer = if info.mask { Transfer::StoreMask } else { Transfer::Store };
            let store = self.transfer(transfer, info.size, None, &[register], Operand::Spill(slot));
            self.out.push(store);
        }
        self.free(id);
    }

    /// The register of an operand, loaded if it is not there.
    fn reload(&mut self, id: Id, keep: &[Id]) -> Reg {
        if let Some(register) = self.location[id] {
            return register;
        }
        let info = self.info(id);
        let register = self.take(info.mask, keep);
        let load = match self.slots[id] {
            Some(slot) => {
                let transfer = if info.mask { Transfer::LoadMask } else { Transfer::Load };
                self.transfer(transfer, info.size, Some(register), &[], Operand::Spill(slot))
            }
            None => self.materialise(id, register),
        };
        self.out.push(load);
        self.assign(id, register);
        register
    }

    fn op(&mut self, k: usize, op: &VectorOp) {
        let mut from: Vec<Reg> = op.from.iter().map(|id| self.reload(*id, &op.from)).collect();
        for id in &op.from {
            self.uses[*id].pop_if(|next| *next == k);
        }
        let ends: Vec<bool> =
            op.from.iter().map(|id| self.uses[*id].is_empty() && !self.pinned[*id]).collect();
        for (id, ends) in op.from.iter().zip(&ends) {
            if *ends {
                self.free(*id);
            }
        }
        let (mut to, mut overwritten) = (None, Overwritten::None);
        if self.isa.is_tied(op.opcode) {
            (to, overwritten) = self.tie(op, &mut from, &ends);
        } else if let Some(id) = op.to {
            to = Some(self.assigned(id).unwrap_or_else(|| self.take(self.info(id).mask, &op.from)));
        }
        let VectorOp { opcode, bytes, wide, operand, immediate, .. } = *op;
        self.out.push(Instruction { opcode, bytes, wide, overwritten, to, from, operand, immediate });
        if let (Some(id), Some(register)) = (op.to, to)
            && !self.uses[id].is_empty()
        {
            self.assign(id, register);
        }
    }

    /// The register where the next iteration expects a value, if it is free.
    fn assigned(&mut self, id: Id) -> Option<Reg> {
        let k = self.body.carried.iter().position(|(_, next)| *next == id)?;
        let assigned = self.assigned[k];
        self.holder(assigned).is_none().then_some(assigned)
    }

    /// Chooses which operand a tied instruction overwrites: one that ends, else a copy of the last.
    fn tie(&mut self, op: &VectorOp, from: &mut Vec<Reg>, ends: &[bool]) -> (Option<Reg>, Overwritten) {
        let [a, b, c] = [from[0], from[1], from[2]];
        let (to, overwritten, rest) = match ends {
            [_, _, true] => (c, Overwritten::Sum, [a, b]),
            [true, ..] => (a, Overwritten::Factor, [b, c]),
            [_, true, _] => (b, Overwritten::Factor, [a, c]),
            _ => {
                let assigned = op.to.and_then(|id| self.assigned(id));
                let to = assigned.unwrap_or_else(|| self.take(false, &op.from));
                let copy = self.copy(op.from[2], c, to);
                self.out.push(copy);
                (to, Overwritten::Sum, [a, b])
            }
        };
        *from = rest.to_vec();
        (Some(to), overwritten)
    }

    fn copy(&self, id: Id, from: Reg, to: Reg) -> Instruction {
        self.transfer(Transfer::Copy, self.info(id).size, Some(to), &[from], Operand::None)
    }

    /// Moves carried values, all at once, to the registers where the next iteration expects them.
    fn parallel_move(&mut self) -> Option<()> {
        let mut moves: Vec<(Reg, Id)> =
            self.assigned.iter().copied().zip(self.body.carried.iter().map(|(_, next)| *next)).collect();
        moves.retain(|(to, next)| self.location[*next] != Some(*to));
        while !moves.is_empty() {
            let waits =
                |to: Reg| moves.iter().any(|(other, next)| *other != to && self.location[*next] == Some(to));
            let Some(ready) = moves.iter().position(|(to, _)| !waits(*to)) else {
                self.break_cycle(moves[0].0)?;
                continue;
            };
            let (to, next) = moves.remove(ready);
            let size = self.info(next).size;
            let instruction = match (self.location[next], self.slots[next]) {
                (Some(from), _) => self.copy(next, from, to),
                (None, Some(slot)) => {
                    self.transfer(Transfer::Load, size, Some(to), &[], Operand::Spill(slot))
                }
                (None, None) if self.info(next).source != Origin::Body => self.materialise(next, to),
                _ => return None,
            };
            self.out.push(instruction);
            *self.holder(to) = Some(next);
        }
        Some(())
    }

    /// Copies what is in a register to a free one, if there is one: values that change places wait for each other.
    fn break_cycle(&mut self, register: Reg) -> Option<()> {
        let id = (*self.holder(register))?;
        let free = self.held[0].iter().position(Option::is_none)?;
        let to = Reg::Vector(free as u8);
        let copy = self.copy(id, register, to);
        self.out.push(copy);
        self.free(id);
        self.assign(id, to);
        Some(())
    }
}
