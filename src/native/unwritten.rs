//! Which memory does not change while a function runs.
//!
//! A load from such memory may move: next to its use, into the operation that uses it, or out of a
//! loop. It is memory that the function does not store to, under no name that any of its calls gives.

use std::ops::Range;

use crate::loops::{Call, Loops, Place, Program, Stmt};

/// For each function and each of its pointers whether its memory stays as it is.
pub(super) fn unwritten(loops: &Loops) -> Vec<Vec<bool>> {
    let written: Vec<Vec<bool>> = loops
        .functions
        .iter()
        .map(|function| {
            let mut written = vec![false; function.pointers.len()];
            stores(&function.body, &mut written);
            written
        })
        .collect();
    let mut unwritten: Vec<Vec<bool>> =
        written.iter().map(|written| written.iter().map(|written| !written).collect()).collect();
    for program in &loops.programs {
        for call in &program.calls {
            overlaps(program, call, &written[call.function], &mut unwritten[call.function]);
        }
    }
    unwritten
}

/// Marks the pointers that statements store to.
fn stores(body: &[Stmt], written: &mut [bool]) {
    for stmt in body {
        match stmt {
            Stmt::Let(..) => {}
            Stmt::Store { pointer, .. } => written[*pointer] = true,
            Stmt::Product(product) => written[product.out.pointer] = true,
            Stmt::For { body, .. } => stores(body, written),
        }
    }
}

/// Takes back what one call's buffers show to be written under another name.
fn overlaps(program: &Program, call: &Call, written: &[bool], unwritten: &mut [bool]) {
    let spans: Vec<(Space, Range<usize>)> =
        call.buffers.iter().map(|&buffer| span(program, buffer)).collect();
    for (pointer, (space, range)) in spans.iter().enumerate() {
        let meets = |other: &Range<usize>| range.start < other.end && other.start < range.end;
        let mut others = spans.iter().zip(written);
        if others.any(|((other, bytes), written)| *written && other == space && meets(bytes)) {
            unwritten[pointer] = false;
        }
    }
}

/// Memory that lies apart from other memory.
#[derive(PartialEq)]
enum Space {
    Arena,
    Input(usize),
    Output(usize),
}

/// The bytes of a buffer.
fn span(program: &Program, buffer: usize) -> (Space, Range<usize>) {
    let bytes = program.buffers[buffer].len * program.buffers[buffer].dtype.bytes();
    match program.buffers[buffer].place {
        Place::Input(input) => (Space::Input(input), 0..bytes),
        Place::Output(output) => (Space::Output(output), 0..bytes),
        Place::Arena(at) => (Space::Arena, at..at + bytes),
        Place::Part { of, start } => {
            let (space, whole) = span(program, of);
            let start = whole.start + start * program.buffers[of].dtype.bytes();
            (space, start..start + bytes)
        }
    }
}
