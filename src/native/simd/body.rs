//! Bodies of wide loops: instructions on virtual registers.

use super::instruction::Operand;
use super::isa::Opcode;
use crate::algebra::scalar::encode;
use crate::algebra::types::DType;

/// A virtual register.
pub(super) type Id = usize;

/// Where a virtual register's value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// An operation of the body, or the iteration before.
    Body,
    /// The bits of a number, in each lane.
    Number(u64),
    /// The numbers of the lanes.
    Iota,
    /// A live-in, by its number.
    LiveIn(usize),
}

/// A virtual register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct VirtualRegister {
    pub(super) source: Origin,
    /// Bytes of a lane.
    pub(super) size: usize,
    /// Whether it is a mask register.
    pub(super) mask: bool,
    /// The first of its lanes among those of a live-in.
    pub(super) lane: usize,
}

/// An instruction.
#[derive(Clone, Debug)]
pub(super) struct VectorOp {
    pub(super) opcode: Opcode,
    /// Bytes of the longest vector that it speaks of.
    pub(super) bytes: usize,
    /// Whether lanes have 64 bits.
    pub(super) wide: bool,
    pub(super) to: Option<Id>,
    pub(super) from: Vec<Id>,
    pub(super) operand: Operand,
    pub(super) immediate: Option<u8>,
}

/// A body for so many lanes in a register.
#[derive(Default)]
pub(super) struct VectorBody {
    pub(super) per: usize,
    pub(super) ops: Vec<VectorOp>,
    pub(super) infos: Vec<VirtualRegister>,
    /// Those that no iteration changes.
    pub(super) shared: Vec<Id>,
    /// For each register of a carried value: inside the loop, and at the end of an iteration.
    pub(super) carried: Vec<(Id, Id)>,
    /// The initial value of each of them.
    pub(super) inits: Vec<Id>,
}

impl VectorBody {
    /// A new virtual register.
    pub(super) fn fresh(&mut self, info: VirtualRegister) -> Id {
        self.infos.push(info);
        self.infos.len() - 1
    }

    /// A register that no iteration changes.
    pub(super) fn shared(&mut self, info: VirtualRegister) -> Id {
        let known = self.shared.iter().find(|id| self.infos[**id] == info).copied();
        known.unwrap_or_else(|| {
            let id = self.fresh(info);
            self.shared.push(id);
            id
        })
    }

    /// The bits of a number in each lane.
    pub(super) fn number(&mut self, bits: u64, size: usize) -> Id {
        self.shared(VirtualRegister { source: Origin::Number(bits), size, mask: false, lane: 0 })
    }

    /// A float in each lane.
    pub(super) fn float(&mut self, number: f64, size: usize) -> Id {
        self.number(encode(number, if size == 4 { DType::F32 } else { DType::F64 }), size)
    }

    /// Bytes of a lane.
    pub(super) fn size(&self, id: Id) -> usize {
        self.infos[id].size
    }

    /// Adds an instruction whose result has lanes of so many bytes.
    pub(super) fn emit(
        &mut self,
        opcode: Opcode,
        size: usize,
        from: &[Id],
        operand: Operand,
        immediate: Option<u8>,
    ) -> Id {
        let to = self.fresh(VirtualRegister { source: Origin::Body, size, mask: false, lane: 0 });
        let (bytes, wide, from) = (size * self.per, size == 8, from.to_vec());
        self.ops.push(VectorOp { opcode, bytes, wide, to: Some(to), from, operand, immediate });
        to
    }

    /// Drops operations whose results nobody uses.
    pub(super) fn drop_dead(&mut self) {
        let mut live = vec![false; self.infos.len()];
        self.carried.iter().for_each(|(_, next)| live[*next] = true);
        let mut keep = vec![false; self.ops.len()];
        for (k, op) in self.ops.iter().enumerate().rev() {
            keep[k] = op.to.is_none_or(|to| live[to]);
            if keep[k] {
                op.from.iter().for_each(|from| live[*from] = true);
            }
        }
        let mut keep = keep.into_iter();
        self.ops.retain(|_| keep.next() == Some(true));
    }

    /// The operations that use each register, the last first. What is handed on is used after all of them.
    pub(super) fn uses(&self) -> Vec<Vec<usize>> {
        let mut uses = vec![Vec::new(); self.infos.len()];
        self.carried.iter().for_each(|(_, next)| uses[*next].push(self.ops.len()));
        for (k, op) in self.ops.iter().enumerate().rev() {
            op.from.iter().for_each(|id| uses[*id].push(k));
        }
        uses
    }

    /// Most registers for vectors that what iterations compute takes at once.
    pub(super) fn pressure(&self, uses: &[Vec<usize>]) -> usize {
        let counts = |id: Id| self.infos[id].source == Origin::Body && !self.infos[id].mask;
        let last = |id: Id| uses[id].first().copied();
        let mut live = self.carried.iter().filter(|(current, _)| last(*current).is_some()).count();
        let mut most = live.max(self.carried.len());
        for (k, op) in self.ops.iter().enumerate() {
            let mut ending: Vec<Id> =
                op.from.iter().copied().filter(|id| counts(*id) && last(*id) == Some(k)).collect();
            ending.sort_unstable();
            ending.dedup();
            live -= ending.len();
            live += usize::from(op.to.is_some_and(counts));
            most = most.max(live + usize::from(op.to.is_none()));
        }
        most
    }
}
