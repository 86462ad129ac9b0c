//! Which memory does not change while a function runs.
//!
//! A load from such memory may move: next to its use, into the operation that uses it, or out of a
//! loop. It is memory that the function does not store to, under no name that any of its calls gives.

use std::ops::Range;

use crate::loops::{BufferLocation, Call, Loops, Program, Stmt};

/// What is known about the memory behind a function's pointers.
#[derive(Debug)]
pub(super) struct AliasInfo {
    /// Whether that of each pointer stays as it is.
    pub(super) read_only: Vec<bool>,
    /// Pairs of pointers that share some in any call, the lower one first.
    pub(super) may_alias: Vec<(usize, usize)>,
}

/// What is known about each function's memory.
pub(super) fn memory(loops: &Loops) -> Vec<AliasInfo> {
    let mut may_alias = vec![Vec::new(); loops.functions.len()];
    for program in &loops.programs {
        for call in &program.calls {
            overlaps(program, call, &mut may_alias[call.function]);
        }
    }
    let known = loops.functions.iter().zip(may_alias).map(|(function, may_alias)| {
        let mut written = vec![false; function.pointers.len()];
        stores(&function.body, &mut written);
        let other = |k: usize, &(a, b): &(usize, usize)| k == a && written[b] || k == b && written[a];
        let read_only = |k: usize| !written[k] && !may_alias.iter().any(|pair| other(k, pair));
        AliasInfo { read_only: (0..written.len()).map(read_only).collect(), may_alias }
    });
    known.collect()
}

/// Marks the pointers that statements store to.
fn stores(body: &[Stmt], written: &mut [bool]) {
    for stmt in body {
        match stmt {
            Stmt::Let(..) => {}
            Stmt::Store { pointer, .. } => written[*pointer] = true,
            Stmt::Product(product) => written[product.out.pointer] = true,
            Stmt::Ranks(ranks) => written[ranks.out] = true,
            Stmt::For { body, .. } => stores(body, written),
        }
    }
}

/// Adds the pairs of pointers that share memory in a call.
fn overlaps(program: &Program, call: &Call, may_alias: &mut Vec<(usize, usize)>) {
    let spans: Vec<(Space, Range<usize>)> =
        call.buffers.iter().map(|&buffer| span(program, buffer)).collect();
    for (second, (space, range)) in spans.iter().enumerate() {
        for (first, (other, bytes)) in spans[..second].iter().enumerate() {
            let meets = other == space && range.start < bytes.end && bytes.start < range.end;
            if meets && !may_alias.contains(&(first, second)) {
                may_alias.push((first, second));
            }
        }
    }
}

/// Memory that lies apart from other memory.
#[derive(PartialEq)]
enum Space {
    Arena,
    Input(usize),
    Output(usize),
    Moving(usize),
}

/// The bytes of a buffer.
fn span(program: &Program, buffer: usize) -> (Space, Range<usize>) {
    let bytes = program.buffers[buffer].len * program.buffers[buffer].dtype.bytes();
    match program.buffers[buffer].location {
        BufferLocation::Input(input) => (Space::Input(input), 0..bytes),
        BufferLocation::Output(output) => (Space::Output(output), 0..bytes),
        BufferLocation::Arena(at) => (Space::Arena, at..at + bytes),
        // It overlaps nothing that a call uses with it.
        BufferLocation::Moving(_) => (Space::Moving(buffer), 0..bytes),
        BufferLocation::Part { of, start } => {
            let (space, whole) = span(program, of);
            let start = whole.start + start * program.buffers[of].dtype.bytes();
            (space, start..start + bytes)
        }
    }
}
