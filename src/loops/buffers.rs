//! Buffers: where each lies. Temporaries share one arena: a temporary holds its place from the first
//! call that uses it to the last, and takes the first gap that is wide enough.

use std::collections::BTreeSet;

use crate::kernel::{self, BufferId, Storage};

use super::{ALIGN, Buffer, BufferLocation, Program, Region};

/// The buffers of a program with their places, and the size of the arena in bytes.
pub(super) fn place(program: &kernel::Program, made: &Program) -> (Vec<Buffer>, usize) {
    let (offsets, bytes) = arena(program, &lives(program, made));
    let buffers = program.buffers.iter().zip(offsets).map(|(buffer, offset)| Buffer {
        dtype: buffer.dtype,
        len: buffer.len,
        name: buffer.name.as_ref().map(|name| name.to_string()),
        location: match buffer.storage {
            Storage::Input(k) => BufferLocation::Input(k),
            Storage::Output(k) => BufferLocation::Output(k),
            Storage::Temporary => BufferLocation::Arena(offset),
            Storage::Part { of, start } => BufferLocation::Part { of: of.0, start },
            Storage::Moving(moving) => BufferLocation::Moving(moving),
        },
    });
    (buffers.collect(), bytes)
}

/// For each buffer the first and the last call that uses it or a part of it. What iterations of a region have in
/// common lives through all of it.
fn lives(program: &kernel::Program, made: &Program) -> Vec<Option<(usize, usize)>> {
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; program.buffers.len()];
    for (k, call) in made.calls.iter().enumerate() {
        for buffer in &call.buffers {
            let life = &mut lives[program.memory(BufferId(*buffer)).0];
            *life = Some((life.map_or(k, |(first, _)| first), k));
        }
    }
    for (index, Region { calls, .. }) in
        made.regions.iter().enumerate().filter(|(_, region)| !region.calls.is_empty())
    {
        let common = common(program, index);
        for (buffer, life) in lives.iter_mut().enumerate() {
            let Some((first, last)) = life else { continue };
            let inside = calls.contains(first) && calls.contains(last);
            let meets = *first < calls.end && *last >= calls.start;
            if meets && (!inside || common.contains(&buffer)) {
                (*first, *last) = ((*first).min(calls.start), (*last).max(calls.end - 1));
            }
        }
    }
    lives
}

/// The buffers that others move in from iteration to iteration of a region.
fn common(program: &kernel::Program, region: usize) -> BTreeSet<usize> {
    let moves = program.buffers.iter().filter_map(|buffer| match buffer.storage {
        Storage::Moving(moving) if moving.region == region => Some(program.memory(moving.of).0),
        _ => None,
    });
    moves.collect()
}

/// A buffer of more bytes is never allocated: how many more does not count.
const MOST: usize = usize::MAX >> 8;

/// A temporary's offset in the arena (0 for other buffers), and the arena's size.
fn arena(program: &kernel::Program, lives: &[Option<(usize, usize)>]) -> (Vec<usize>, usize) {
    let mut order: Vec<(usize, usize, usize)> = Vec::new();
    for (k, buffer) in program.buffers.iter().enumerate() {
        if let (Storage::Temporary, Some((first, last))) = (buffer.storage, lives[k]) {
            order.push((first, last, k));
        }
    }
    order.sort_unstable();
    let mut offsets = vec![0; program.buffers.len()];
    let mut taken: Vec<(usize, usize, usize)> = Vec::new();
    let mut total = 0;
    for (first, last, k) in order {
        let kernel::Buffer { len, dtype, .. } = &program.buffers[k];
        let bytes = len.saturating_mul(dtype.bytes()).min(MOST).next_multiple_of(ALIGN);
        taken.retain(|(_, _, until)| *until >= first);
        let start = first_fit(&taken, bytes);
        offsets[k] = start;
        total = total.max(start.saturating_add(bytes));
        taken.push((start, start + bytes, last));
        taken.sort_unstable();
    }
    (offsets, total)
}

/// The first gap of `bytes` between ranges in ascending order.
fn first_fit(taken: &[(usize, usize, usize)], bytes: usize) -> usize {
    let mut start = 0;
    for (from, to, _) in taken {
        if start + bytes <= *from {
            break;
        }
        start = start.max(*to);
    }
    start
}
