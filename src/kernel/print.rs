//! Kernels as text.

use std::fmt;

use super::{
    Affine, Blocker, Buffer, BufferId, Guard, Inst, InstId, Kernel, Kernels, Moving, NotFused, Program,
    Storage,
};
use crate::algebra::form::AxisSize;
use crate::print::number;

/// Runs of kernels that are listed in a reason.
const RUNS: usize = 4;

impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, program) in self.programs.iter().enumerate() {
            if k > 0 {
                writeln!(f)?;
            }
            write!(f, "{program}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kernels {}", self.name)?;
        for (k, buffer) in self.buffers.iter().enumerate() {
            writeln!(f, "  b{k}{buffer}")?;
        }
        for k in 0..self.kernels.len() {
            let regions = || self.regions.iter().enumerate();
            for (number, region) in regions().rev().filter(|(_, region)| region.kernels.start == k) {
                writeln!(f, "  loop {number}: {} times", region.count)?;
            }
            self.kernel(f, k)?;
            for (number, _) in regions().filter(|(_, region)| region.kernels.end == k + 1) {
                writeln!(f, "  end of loop {number}")?;
            }
        }
        for output in &self.outputs {
            writeln!(f, "  return {} = {}", output.name, output.buffer)?;
        }
        Ok(())
    }
}

impl Program {
    fn kernel(&self, f: &mut fmt::Formatter<'_>, k: usize) -> fmt::Result {
        let kernel = &self.kernels[k];
        let commits = if kernel.commits { " commits" } else { "" };
        let head = format!("  k{k} {}{commits}", axes(kernel));
        writeln!(f, "{head:<46} {}", kernel.cost(&self.buffers))?;
        if let Some(note) = kernel.strategy.note() {
            writeln!(f, "    {note}")?;
        }
        for line in lines(kernel) {
            writeln!(f, "    {line}")?;
        }
        for reason in &kernel.not_fused {
            writeln!(f, "    not fused with {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Display for NotFused {
    /// `k3: reads the sum`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", numbers(&self.from))?;
        match self.why {
            Blocker::Reduction(combine) => write!(f, "reads its {}", combine.name()),
            Blocker::Recomputation(times) => write!(f, "would be recomputed {times} times"),
            Blocker::Padding => f.write_str("reads padding around its values"),
            Blocker::IndexMismatch => f.write_str("reads its values in another order"),
            Blocker::Concatenation => f.write_str("concatenated before it is read"),
            Blocker::Dependence(kernel) => write!(f, "k{kernel} has to come between"),
            Blocker::Commits => f.write_str("results do not wait for commits"),
            Blocker::Size => f.write_str("together they would be too large"),
        }
    }
}

/// `k1`, `k1 to k4`, `k1, k3 to k5`; of many runs the first ones.
pub(super) fn numbers(kernels: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for kernel in kernels {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *kernel => *last = *kernel,
            _ => runs.push((*kernel, *kernel)),
        }
    }
    let run = |(first, last): &(usize, usize)| match last - first {
        0 => format!("k{first}"),
        1 => format!("k{first}, k{last}"),
        _ => format!("k{first} to k{last}"),
    };
    let shown: Vec<String> = runs.iter().take(RUNS).map(run).collect();
    let more: usize = runs.iter().skip(RUNS).map(|(first, last)| last - first + 1).sum();
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

impl fmt::Display for Buffer {
    /// ` params: f32[2410] in`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        write!(f, ": {}[{}]", self.dtype, self.len)?;
        match self.storage {
            Storage::Input(_) => f.write_str(" in"),
            Storage::Output(_) => f.write_str(" out"),
            Storage::Temporary => Ok(()),
            Storage::Part { of, start } => write!(f, " at {of}[{start}]"),
            Storage::Moving(Moving { of, region, first, back, places }) => {
                let order = if back { " back" } else { "" };
                write!(f, " in {of} at {first} of {places}{order}, loop {region}")
            }
        }
    }
}

impl fmt::Display for BufferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

impl Kernel {
    /// Its loops as printed: `[i0:32, i1:32 | i2:64]`.
    pub fn axes_text(&self) -> String {
        axes(self)
    }
}

/// `[i0:32, i1:32 | i2:64]`.
pub(super) fn axes(kernel: &Kernel) -> String {
    let axis = |(k, extent): (usize, &AxisSize)| match extent {
        AxisSize::Fixed(n) => format!("i{k}:{n}"),
        AxisSize::Ragged(_) => format!("i{k}:segment"),
    };
    let axes: Vec<String> = kernel.axes.iter().enumerate().map(axis).collect();
    let (results, reduced) = axes.split_at(kernel.n_out);
    match (results, reduced) {
        (results, []) => format!("[{}]", results.join(", ")),
        ([], reduced) => format!("[| {}]", reduced.join(", ")),
        _ => format!("[{} | {}]", results.join(", "), reduced.join(", ")),
    }
}

/// One line for each instruction, types aligned.
fn lines(kernel: &Kernel) -> Vec<String> {
    let mut names = vec![String::new(); kernel.insts.len()];
    let mut texts = Vec::new();
    let mut n_values = 0;
    for (k, inst) in kernel.insts.iter().enumerate() {
        if !matches!(inst, Inst::Store { .. }) {
            names[k] = format!("%{n_values}");
            n_values += 1;
        }
        texts.push(text(inst, &names));
    }
    let values = texts.iter().zip(&names).filter(|(_, name)| !name.is_empty());
    let width = values.map(|(text, name)| text.len() + name.len()).max().unwrap_or(0).min(60) + 3;
    let line = |((inst, text), name): ((&Inst, String), &String)| {
        if name.is_empty() {
            return text;
        }
        let left = format!("{name} = {text}");
        format!("{left:<width$} : {}", inst.dtype())
    };
    kernel.insts.iter().zip(texts).zip(&names).map(line).collect()
}

fn text(inst: &Inst, names: &[String]) -> String {
    let name = |id: &InstId| names[id.0].as_str();
    match inst {
        Inst::Const(value, _) => number(*value),
        Inst::Axis(axis, _) => format!("i{axis}"),
        Inst::Load { buffer, at, guards, outside, .. } => {
            let inner = format!("load {buffer}[{}]", position(at, names));
            if guards.is_empty() {
                inner
            } else {
                format!("{inner} if {} else {}", conditions(guards, names), number(*outside))
            }
        }
        Inst::Map(f, args, _) => {
            format!("{} {}", f.name, args.iter().map(name).collect::<Vec<_>>().join(", "))
        }
        Inst::Cast(arg, dtype) => format!("{dtype} {}", name(arg)),
        Inst::Reduce(combine, arg, _) => format!("{} {}", combine.name(), name(arg)),
        Inst::Store { buffer, at, value } => {
            format!("store {buffer}[{}] = {}", position(at, names), name(value))
        }
    }
}

fn conditions(guards: &[Guard], names: &[String]) -> String {
    let one = |guard: &Guard| format!("0 <= {} < {}", position(&guard.position, names), guard.bound);
    guards.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `64*i0 + i1 + 2048`.
fn position(at: &Affine, names: &[String]) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some((_, axis)) = &at.segment {
        parts.push(format!("segment(i{axis})"));
    }
    for (axis, coefficient) in &at.terms {
        parts.push(if *coefficient == 1 { format!("i{axis}") } else { format!("{coefficient}*i{axis}") });
    }
    if let Some((inst, coefficient)) = &at.gather {
        let name = &names[inst.0];
        parts.push(if *coefficient == 1 { name.clone() } else { format!("{coefficient}*{name}") });
    }
    if at.offset != 0 || parts.is_empty() {
        parts.push(at.offset.to_string());
    }
    parts.join(" + ").replace("+ -", "- ")
}
