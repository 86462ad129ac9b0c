//! Rebasing: what a kernel reads and writes at a constant distance into a buffer becomes a part of that
//! buffer, so that kernels of equal layers, whose parameters lie at other places of one arena, are one
//! function.

use std::collections::BTreeMap;

use crate::kernel::{Affine, Buffer, BufferId, Inst, Kernel, Program, Storage};

/// The program with parts in place of constant offsets.
pub(super) fn rebase(program: &Program) -> Program {
    let mut program = program.clone();
    let mut parts: BTreeMap<(BufferId, i64), BufferId> = BTreeMap::new();
    for k in 0..program.kernels.len() {
        for (buffer, offset) in offsets(&program.kernels[k]) {
            // Reads that are guarded may be outside of the buffer altogether.
            if offset as usize >= program.buffers[buffer.0].len {
                continue;
            }
            let fresh = *parts.entry((buffer, offset)).or_insert_with(|| {
                program.buffers.push(part(&program.buffers[buffer.0], buffer, offset as usize));
                BufferId(program.buffers.len() - 1)
            });
            for inst in &mut program.kernels[k].insts {
                if let Some((used, at)) = access(inst).filter(|(used, _)| **used == buffer) {
                    *used = fresh;
                    at.offset -= offset;
                }
            }
        }
    }
    program
}

/// The buffers that a kernel touches at positive distances only, with the least of them.
fn offsets(kernel: &Kernel) -> BTreeMap<BufferId, i64> {
    let mut least: BTreeMap<BufferId, i64> = BTreeMap::new();
    for inst in &kernel.insts {
        let (Inst::Load { buffer, at, .. } | Inst::Store { buffer, at, .. }) = inst else { continue };
        // Where positions run backwards or come from data, the distance is not the least position.
        let plain = at.gather.is_none() && at.segment.is_none() && at.terms.iter().all(|term| term.1 >= 0);
        let offset = if plain { at.offset.max(0) } else { 0 };
        let have = least.entry(*buffer).or_insert(offset);
        *have = (*have).min(offset);
    }
    least.retain(|_, offset| *offset > 0);
    least
}

fn access(inst: &mut Inst) -> Option<(&mut BufferId, &mut Affine)> {
    match inst {
        Inst::Load { buffer, at, .. } | Inst::Store { buffer, at, .. } => Some((buffer, at)),
        Inst::Const(..) | Inst::Axis(..) | Inst::Map(..) | Inst::Cast(..) | Inst::Reduce(..) => None,
    }
}

fn part(whole: &Buffer, id: BufferId, offset: usize) -> Buffer {
    let (of, start) = match whole.storage {
        Storage::Part { of, start } => (of, start + offset),
        Storage::Input(_) | Storage::Output(_) | Storage::Temporary | Storage::Moving(_) => (id, offset),
    };
    let len = whole.len.saturating_sub(offset);
    Buffer { dtype: whole.dtype, len, name: None, storage: Storage::Part { of, start } }
}
