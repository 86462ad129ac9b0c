//! Calls that are repeated: which pointers change from one iteration to the next.

use std::ops::Range;

use super::module::Word;
use crate::loops::{BufferLocation, Moving, Program};

/// Calls that are repeated.
#[derive(Debug)]
pub(super) struct Turning {
    pub(super) calls: Range<usize>,
    pub(super) count: usize,
    moves: Vec<Move>,
    /// Words of the block that hold the pointers of such buffers.
    words: Vec<(usize, usize)>,
}

/// A buffer whose pointer changes with the iteration.
#[derive(Debug)]
struct Move {
    buffer: usize,
    /// The buffer that it lies in.
    of: usize,
    how: Step,
}

#[derive(Debug)]
enum Step {
    /// It lies so many bytes from the beginning.
    At(usize),
    /// It goes from place to place, of so many bytes each.
    From(Moving, usize),
}

/// The pointers of a program while it runs.
#[derive(Debug)]
pub(super) struct Pointers {
    /// By buffer.
    pub(super) buffers: Vec<*mut u8>,
    /// The place of each buffer that moves.
    places: Vec<usize>,
    /// The pointers and the numbers of all calls, one after another.
    pub(super) block: Vec<*mut u8>,
}

impl Pointers {
    pub(super) fn new(buffers: &[*mut u8], block: Vec<*mut u8>) -> Pointers {
        Pointers { buffers: buffers.to_vec(), places: vec![0; buffers.len()], block }
    }
}

/// The regions of a program.
pub(super) fn regions(program: &Program, block: &[Word]) -> Vec<Turning> {
    let owners: Vec<Option<usize>> =
        (0..program.buffers.len()).map(|buffer| owner(program, buffer)).collect();
    let region = |(k, region): (usize, &crate::loops::Region)| {
        let own = |buffer: &usize| owners[*buffer] == Some(k);
        let words = block.iter().enumerate().filter_map(|(at, word)| match word {
            Word::Buffer(buffer) if own(buffer) => Some((at, *buffer)),
            _ => None,
        });
        let mut moved: Vec<usize> = (0..owners.len()).filter(own).collect();
        moved.sort_by_key(|buffer| depth(program, *buffer));
        let moves = moved.into_iter().filter_map(|buffer| moved_by(program, buffer)).collect();
        Turning { calls: region.calls.clone(), count: region.count, moves, words: words.collect() }
    };
    program.regions.iter().enumerate().map(region).collect()
}

/// The region in whose iterations a buffer changes its place.
fn owner(program: &Program, buffer: usize) -> Option<usize> {
    match program.buffers[buffer].location {
        BufferLocation::Moving(moving) => Some(moving.region),
        BufferLocation::Part { of, .. } => owner(program, of),
        BufferLocation::Input(_) | BufferLocation::Output(_) | BufferLocation::Arena(_) => None,
    }
}

/// In how many others a buffer lies.
fn depth(program: &Program, buffer: usize) -> usize {
    match program.buffers[buffer].location {
        BufferLocation::Moving(moving) => 1 + depth(program, moving.of.0),
        BufferLocation::Part { of, .. } => 1 + depth(program, of),
        BufferLocation::Input(_) | BufferLocation::Output(_) | BufferLocation::Arena(_) => 0,
    }
}

fn moved_by(program: &Program, buffer: usize) -> Option<Move> {
    let bytes = program.buffers[buffer].dtype.bytes();
    match program.buffers[buffer].location {
        BufferLocation::Moving(moving) => {
            let how = Step::From(moving, program.buffers[buffer].len * bytes);
            Some(Move { buffer, of: moving.of.0, how })
        }
        BufferLocation::Part { of, start } => Some(Move { buffer, of, how: Step::At(start * bytes) }),
        BufferLocation::Input(_) | BufferLocation::Output(_) | BufferLocation::Arena(_) => None,
    }
}

impl Turning {
    /// Whether a call is its first.
    pub(super) fn begins(&self, call: usize) -> bool {
        self.calls.start == call && !self.calls.is_empty()
    }

    /// Moves pointers to the next iteration, or to the first one.
    pub(super) fn turn(&self, pointers: &mut Pointers, first: bool) {
        for Move { buffer, of, how } in &self.moves {
            let by = match how {
                Step::At(bytes) => *bytes,
                Step::From(moving, bytes) => {
                    let place = &mut pointers.places[*buffer];
                    *place = if first { moving.first } else { next(moving, *place) };
                    *place * bytes
                }
            };
            pointers.buffers[*buffer] = pointers.buffers[*of].wrapping_add(by);
        }
        for (word, buffer) in &self.words {
            pointers.block[*word] = pointers.buffers[*buffer];
        }
    }
}

/// The place after another.
fn next(moving: &Moving, place: usize) -> usize {
    match (moving.back, place) {
        (true, 0) => moving.places - 1,
        (true, place) => place - 1,
        (false, place) if place + 1 == moving.places => 0,
        (false, place) => place + 1,
    }
}
