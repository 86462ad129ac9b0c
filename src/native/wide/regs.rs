//! Registers: virtual ones in those that the machine has.
//!
//! An iteration is straight, so what is needed last leaves first. What does not change between iterations stays in
//! registers while there are some left; the rest of it is loaded again where it is needed.

use super::body::{Body, Id, Info, Op, Place, Source};
use super::encode::*;
use super::placed::{Code, FACTOR_OVERWRITTEN, Placed, Pool, Reg, SUM_OVERWRITTEN, Spot};
use super::plan::Passed;

/// Puts a body into registers. None if carried values would have to change places all at once, or do not fit.
pub(super) fn allocate(body: &Body, how: &[Passed], pool: &mut Pool) -> Option<Code> {
    let vectors = if body.level == Level::Avx512 { 32 } else { 16 };
    let carried = body.carried.len();
    let mut registers = Registers {
        body,
        how,
        pool,
        uses: body.uses(),
        held: [vec![None; vectors], vec![None; 8]],
        at: vec![None; body.infos.len()],
        fixed: vec![false; body.infos.len()],
        slots: vec![None; body.infos.len()],
        out: Vec::new(),
        spills: 0,
        homes: (0..carried as u8).map(Reg::Vector).collect(),
    };
    if carried + 4 > vectors {
        return None;
    }
    registers.start();
    let before = std::mem::take(&mut registers.out);
    for (k, op) in body.ops.iter().enumerate() {
        registers.op(k, op);
    }
    registers.hand_on()?;
    Some(Code { before, iteration: registers.out, carried: registers.homes, spills: registers.spills })
}

struct Registers<'a> {
    body: &'a Body,
    how: &'a [Passed],
    pool: &'a mut Pool,
    /// The uses of each that are still to come, the next one last.
    uses: Vec<Vec<usize>>,
    /// What each vector and each mask register holds.
    held: [Vec<Option<Id>>; 2],
    at: Vec<Option<Reg>>,
    /// Whether it never leaves its register.
    fixed: Vec<bool>,
    slots: Vec<Option<usize>>,
    out: Vec<Placed>,
    spills: usize,
    /// Where carried values are between iterations.
    homes: Vec<Reg>,
}

impl Registers<'_> {
    /// Puts carried values, and what does not change, in place.
    fn start(&mut self) {
        for (k, (current, _)) in self.body.carried.iter().enumerate() {
            let home = self.homes[k];
            let init = self.bring(self.body.inits[k], home);
            self.out.push(init);
            if !self.uses[*current].is_empty() {
                self.put(*current, home);
            }
        }
        let mut shared: Vec<Id> =
            self.body.shared.iter().copied().filter(|id| !self.uses[*id].is_empty()).collect();
        shared.sort_by_key(|id| std::cmp::Reverse(self.uses[*id].len()));
        let left = self.held[0].len().saturating_sub(self.body.pressure(&self.uses));
        // An operation may need three that have left.
        let most = if shared.len() <= left { shared.len() } else { left.saturating_sub(3) };
        // From above, so that they keep away from the homes of carried values.
        for (k, id) in shared.into_iter().take(most).enumerate() {
            let register = Reg::Vector((self.held[0].len() - 1 - k) as u8);
            let bring = self.bring(id, register);
            self.out.push(bring);
            self.fixed[id] = true;
            self.put(id, register);
        }
    }

    fn info(&self, id: Id) -> Info {
        self.body.infos[id]
    }

    fn holder(&mut self, register: Reg) -> &mut Option<Id> {
        match register {
            Reg::Vector(k) => &mut self.held[0][k as usize],
            Reg::Mask(k) => &mut self.held[1][k as usize],
        }
    }

    fn put(&mut self, id: Id, register: Reg) {
        self.at[id] = Some(register);
        *self.holder(register) = Some(id);
    }

    fn free(&mut self, id: Id) {
        if let Some(register) = self.at[id].take() {
            *self.holder(register) = None;
        }
    }

    /// Loads what does not change.
    fn bring(&mut self, id: Id, to: Reg) -> Placed {
        let Info { source, size, lane, .. } = self.info(id);
        let spread = if size == 8 { &SPREAD_DOUBLE } else { &SPREAD_SINGLE };
        let (row, spot) = match source {
            Source::Number(bits) => (spread, Spot::Pool(self.pool.number(bits, size))),
            Source::Count => (&LOAD, Spot::Pool(self.pool.count(self.body.per))),
            Source::Passed(place) if self.how[place] == Passed::Lane => (spread, Spot::Passed(place, 0)),
            Source::Passed(place) => (&LOAD, Spot::Passed(place, lane * size)),
            Source::Body => unreachable!("what iterations compute is not loaded"),
        };
        self.moved(row, size, Some(to), &[], spot)
    }

    /// An instruction that only moves a value.
    fn moved(&self, row: &'static Row, size: usize, to: Option<Reg>, from: &[Reg], spot: Spot) -> Placed {
        let (bytes, wide) = (size * self.body.per, size == 8);
        Placed { row, bytes, wide, variant: 0, to, from: from.to_vec(), spot, immediate: None }
    }

    /// A register for something, after what is needed last has left if there is none.
    fn take(&mut self, mask: bool, keep: &[Id]) -> Reg {
        let held = &self.held[usize::from(mask)];
        // Mask 0 stands for no mask.
        let first = usize::from(mask);
        let free = (first..held.len()).find(|k| held[*k].is_none());
        let k = free.unwrap_or_else(|| {
            let next = |k: &usize| {
                let id = held[*k].filter(|id| !self.fixed[*id] && !keep.contains(id))?;
                Some(self.uses[id].last().copied().unwrap_or(usize::MAX))
            };
            let farthest = (first..held.len()).filter(|k| next(k).is_some()).max_by_key(|k| next(k));
            farthest.unwrap_or_else(|| unreachable!("more operands than registers"))
        });
        let register = if mask { Reg::Mask(k as u8) } else { Reg::Vector(k as u8) };
        if let Some(id) = *self.holder(register) {
            self.leave(id, register);
        }
        register
    }

    /// Makes a register free, keeping its value in memory unless that can be had again.
    fn leave(&mut self, id: Id, register: Reg) {
        let info = self.info(id);
        if info.source == Source::Body && self.slots[id].is_none() {
            let slot = self.spills;
            self.spills += 1;
            self.slots[id] = Some(slot);
            let row = if info.mask { &MASK_STORE } else { &STORE };
            let store = self.moved(row, info.size, None, &[register], Spot::Spill(slot));
            self.out.push(store);
        }
        self.free(id);
    }

    /// The register of an operand, loaded if it is not there.
    fn need(&mut self, id: Id, keep: &[Id]) -> Reg {
        if let Some(register) = self.at[id] {
            return register;
        }
        let info = self.info(id);
        let register = self.take(info.mask, keep);
        let load = match self.slots[id] {
            Some(slot) => {
                let row = if info.mask { &MASK_MOVE } else { &LOAD };
                self.moved(row, info.size, Some(register), &[], Spot::Spill(slot))
            }
            None => self.bring(id, register),
        };
        self.out.push(load);
        self.put(id, register);
        register
    }

    fn op(&mut self, k: usize, op: &Op) {
        let mut from: Vec<Reg> = op.from.iter().map(|id| self.need(*id, &op.from)).collect();
        for id in &op.from {
            self.uses[*id].pop_if(|next| *next == k);
        }
        let ends: Vec<bool> =
            op.from.iter().map(|id| self.uses[*id].is_empty() && !self.fixed[*id]).collect();
        for (id, ends) in op.from.iter().zip(&ends) {
            if *ends {
                self.free(*id);
            }
        }
        let (mut to, mut variant) = (None, 0);
        if op.row.form == Form::Fused {
            (to, variant) = self.tie(op, &mut from, &ends);
        } else if let Some(id) = op.to {
            to = Some(self.home(id).unwrap_or_else(|| self.take(self.info(id).mask, &op.from)));
        }
        let spot = match op.place {
            Place::None => Spot::None,
            Place::Access(access, lane) => Spot::Access(access, lane),
            Place::Position => Spot::Position,
        };
        let (row, bytes, wide, immediate) = (op.row, op.bytes, op.wide, op.immediate);
        self.out.push(Placed { row, bytes, wide, variant, to, from, spot, immediate });
        if let (Some(id), Some(register)) = (op.to, to)
            && !self.uses[id].is_empty()
        {
            self.put(id, register);
        }
    }

    /// The home of what will be handed on, if it is free.
    fn home(&mut self, id: Id) -> Option<Reg> {
        let k = self.body.carried.iter().position(|(_, next)| *next == id)?;
        let home = self.homes[k];
        self.holder(home).is_none().then_some(home)
    }

    /// Chooses which operand a fused operation overwrites: one that ends, else a copy of the last.
    fn tie(&mut self, op: &Op, from: &mut Vec<Reg>, ends: &[bool]) -> (Option<Reg>, u8) {
        let [a, b, c] = [from[0], from[1], from[2]];
        let (to, variant, rest) = match ends {
            [_, _, true] => (c, SUM_OVERWRITTEN, [a, b]),
            [true, ..] => (a, FACTOR_OVERWRITTEN, [b, c]),
            [_, true, _] => (b, FACTOR_OVERWRITTEN, [a, c]),
            _ => {
                let home = op.to.and_then(|id| self.home(id));
                let to = home.unwrap_or_else(|| self.take(false, &op.from));
                let size = self.info(op.from[2]).size;
                let copy = self.moved(&MOVE, size, Some(to), &[c], Spot::None);
                self.out.push(copy);
                (to, SUM_OVERWRITTEN, [a, b])
            }
        };
        *from = rest.to_vec();
        (Some(to), variant)
    }

    /// Brings what is handed on to the places where the next iteration expects it.
    fn hand_on(&mut self) -> Option<()> {
        let mut moves: Vec<(Reg, Id)> =
            self.homes.iter().copied().zip(self.body.carried.iter().map(|(_, next)| *next)).collect();
        moves.retain(|(home, next)| self.at[*next] != Some(*home));
        while !moves.is_empty() {
            let waits =
                |home: Reg| moves.iter().any(|(to, next)| *to != home && self.at[*next] == Some(home));
            let Some(ready) = moves.iter().position(|(home, _)| !waits(*home)) else {
                self.step_aside(moves[0].0)?;
                continue;
            };
            let (home, next) = moves.remove(ready);
            let placed = match (self.at[next], self.slots[next]) {
                (Some(from), _) => self.moved(&MOVE, self.info(next).size, Some(home), &[from], Spot::None),
                (None, Some(slot)) => {
                    self.moved(&LOAD, self.info(next).size, Some(home), &[], Spot::Spill(slot))
                }
                (None, None) if self.info(next).source != Source::Body => self.bring(next, home),
                _ => return None,
            };
            self.out.push(placed);
            *self.holder(home) = Some(next);
        }
        Some(())
    }

    /// Copies what is in a register to a free one, if there is one: values that change places wait for each other.
    fn step_aside(&mut self, register: Reg) -> Option<()> {
        let id = (*self.holder(register))?;
        let free = self.held[0].iter().position(Option::is_none)?;
        let to = Reg::Vector(free as u8);
        let copy = self.moved(&MOVE, self.info(id).size, Some(to), &[register], Spot::None);
        self.out.push(copy);
        self.free(id);
        self.put(id, to);
        Some(())
    }
}
