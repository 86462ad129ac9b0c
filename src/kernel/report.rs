//! What programs cost, as `egret cost` prints it.
//!
//! ```text
//! fit.step: 2410 parameters
//!   kernel  part       loops           reads     writes   flops      B/param  flop/param
//!   k0      loss       [i0:32 | i1:64]  9.5 KiB  128 B    4.1 kflop
//!   ...
//!   k7      adam       [i0:2410]        38 KiB   28 KiB   48 kflop   28       20
//!           not fused with k6: reads its sum
//!   total   8 kernels                   87 KiB   66 KiB   1.2 Mflop
//!   optimizer
//!     passes over the parameters  1: k7
//!     ...
//! ```

use std::collections::BTreeMap;

use super::cost::{Touched, bytes, flops};
use super::print::{axes, numbers};
use super::{BufferId, Cost, Kernel, Kernels, Program, whole};
use crate::graph::{CellId, Graphs, Layout, Phase, ProgramId, Purpose, Role, StateSlot};
use crate::print::number;

/// What every program costs that a script runs, training steps first.
pub fn report(kernels: &Kernels, graphs: &Graphs) -> String {
    let steps: BTreeMap<ProgramId, &Layout> = graphs
        .layouts
        .iter()
        .filter_map(|(index, layout)| Some((graphs.program(Purpose::Step(*index))?, layout)))
        .collect();
    let program = |id: ProgramId| &kernels.programs[id.0];
    let first = steps.iter().map(|(id, layout)| section(program(*id), Some(layout)));
    let rest = (0..kernels.programs.len()).map(ProgramId).filter(|id| !steps.contains_key(id));
    let texts: Vec<String> = first.chain(rest.map(|id| section(program(id), None))).collect();
    texts.join("\n")
}

/// One program.
fn section(program: &Program, layout: Option<&Layout>) -> String {
    let mut text = match layout {
        Some(layout) => {
            let (n, tensors) = (layout.segments.total(), layout.segments.count());
            format!("{}: {} in {}\n", program.name, count(n, "parameter"), count(tensors, "tensor"))
        }
        None => format!("{}\n", program.name),
    };
    text += &table(program, layout);
    if let Some(layout) = layout {
        text += &optimizer(program, layout);
    }
    text
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Headings of the table; the last two are for steps only.
const HEADINGS: [&str; 8] = ["kernel", "part", "loops", "reads", "writes", "flops", "B/param", "flop/param"];

fn table(program: &Program, layout: Option<&Layout>) -> String {
    let mut rows: Vec<(Vec<String>, Vec<String>)> = vec![(HEADINGS.map(str::to_owned).to_vec(), Vec::new())];
    let mut total = Cost::default();
    for (k, kernel) in program.kernels.iter().enumerate() {
        let (cost, times) = (kernel.cost(&program.buffers), program.times(k));
        total = Cost {
            reads: total.reads + times * cost.reads,
            writes: total.writes + times * cost.writes,
            flops: total.flops + times * cost.flops,
        };
        let parts: Vec<String> = kernel.phases.iter().map(Phase::to_string).collect();
        let mut row = vec![format!("k{k}"), parts.join(", "), axes(kernel)];
        row.extend(amounts(&cost));
        row.extend(layout.map_or_else(Vec::new, |layout| per_parameter(program, kernel, layout)));
        let repeated = (times > 1).then(|| format!("in a loop: {times} times"));
        rows.push((row, repeated.into_iter().chain(notes(kernel)).collect()));
    }
    let mut last = vec!["total".to_owned(), count(program.kernels.len(), "kernel"), String::new()];
    last.extend(amounts(&total));
    rows.push((last, Vec::new()));
    aligned(&rows)
}

/// How a kernel is computed if not in loops over its axes, and why it is not fused with others.
fn notes(kernel: &Kernel) -> Vec<String> {
    let blockers = kernel.not_fused.iter().map(|reason| format!("not fused with {reason}"));
    kernel.strategy.note().into_iter().chain(blockers).collect()
}

fn amounts(cost: &Cost) -> [String; 3] {
    [bytes(cost.reads), bytes(cost.writes), flops(cost.flops)]
}

/// Rows with their columns one below the other, each with its notes below it. Empty columns are
/// left out.
fn aligned(rows: &[(Vec<String>, Vec<String>)]) -> String {
    let cell = |row: &'_ Vec<String>, k: usize| row.get(k).map_or(0, |cell| cell.chars().count());
    let width = |k: usize| rows.iter().map(|(row, _)| cell(row, k)).max().unwrap_or(0);
    let filled = |k: &usize| rows[1..].iter().any(|(row, _)| cell(row, *k) > 0);
    let columns: Vec<(usize, usize)> = (0..HEADINGS.len()).filter(filled).map(|k| (k, width(k))).collect();
    let mut text = String::new();
    for (row, notes) in rows {
        let cells = columns.iter().map(|(k, width)| {
            let cell = row.get(*k).map_or("", String::as_str);
            if *k < 3 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text += format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end();
        text.push('\n');
        for note in notes {
            text += &format!("  {:<width$}  {note}\n", "", width = columns[0].1);
        }
    }
    text
}

/// Whether a kernel computes what the optimizer adds to the gradient.
fn is_optimizer(kernel: &Kernel) -> bool {
    kernel.commits || kernel.phases.iter().any(|part| matches!(part, Phase::Stage(_) | Phase::Update))
}

/// Bytes and operations per parameter of a kernel of the optimizer.
fn per_parameter(program: &Program, kernel: &Kernel, layout: &Layout) -> Vec<String> {
    if !is_optimizer(kernel) {
        return Vec::new();
    }
    let n = layout.segments.total();
    let flops = kernel.cost(&program.buffers).flops as f64 / n as f64;
    let traffic = kernel.traffic(&program.buffers);
    let bytes: usize = traffic.iter().map(|touched| long(program, touched, layout)).sum();
    match bytes {
        0 => Vec::new(),
        _ => vec![ratio(bytes, n), number(flops.round())],
    }
}

/// Bytes touched of what is as long as the parameters, or as those of a group.
fn long(program: &Program, touched: &Touched, layout: &Layout) -> usize {
    let n = layout.segments.total();
    let is_long =
        |len: usize| len == n || len > 1 && layout.groups.iter().any(|group| group.coordinates.len() == len);
    let buffer = |id: &BufferId| &program.buffers[id.0];
    let root = |id: &BufferId| buffer(&whole(&program.buffers, *id)).len;
    let long = touched.iter().filter(|(id, _)| is_long(root(id)));
    long.map(|(id, touched)| touched * buffer(id).dtype.bytes()).sum()
}

/// `28`, `4.5`.
fn ratio(bytes: usize, n: usize) -> String {
    number((bytes as f64 / n as f64 * 10.0).round() / 10.0)
}

/// Totals of the optimizer.
fn optimizer(program: &Program, layout: &Layout) -> String {
    let n = layout.segments.total();
    let (mut passes, mut moved, mut written, mut writers) = (Vec::new(), 0, 0, Vec::new());
    for (k, kernel) in program.kernels.iter().enumerate() {
        let [reads, writes] = kernel.traffic(&program.buffers).map(|touched| long(program, &touched, layout));
        if !is_optimizer(kernel) && writes > 0 {
            written += writes;
            writers.push(k);
        } else if is_optimizer(kernel) && reads + writes > 0 {
            passes.push(k);
            moved += reads + writes;
        }
    }
    let gradient = match writers[..] {
        [] if program.inputs.iter().any(|(_, role)| *role == Role::Gradient) => {
            "added up over batches before".to_owned()
        }
        [] => "not stored".to_owned(),
        _ => format!("{} to store it: {}", ratio(written, n), numbers(&writers)),
    };
    let passes_text = match passes[..] {
        [] => "0".to_owned(),
        _ => format!("{}: {}", passes.len(), numbers(&passes)),
    };
    let rows = [
        ("passes over the parameters", passes_text),
        ("bytes per parameter", ratio(moved, n)),
        ("  of the gradient", gradient),
        ("state bytes per parameter", states(layout, n)),
        ("other states", others(layout)),
        ("rests on equal values of", guards(layout)),
    ];
    let rows = rows.iter().filter(|(_, value)| !value.is_empty());
    let lines = rows.map(|(name, value)| format!("    {name:<28}{value}\n"));
    format!("  optimizer\n{}", lines.collect::<String>())
}

/// Bytes of states with one number per coordinate.
fn states(layout: &Layout, n: usize) -> String {
    let slots: Vec<_> = layout.states.iter().filter(|slot| layout.is_per_coordinate(slot)).collect();
    let own = slots.iter().filter(|slot| slot.congruent_to.is_none());
    let total: usize = own.map(|slot| slot.ty.dtype.bytes() * slot.ty.count()).sum();
    let name = |slot: &&StateSlot| match slot.congruent_to {
        Some(with) => format!("{} in {}", slot.name, layout.states[with].name),
        None => slot.name.clone(),
    };
    let names: Vec<String> = slots.iter().map(name).collect();
    match names[..] {
        [] => "0".to_owned(),
        _ => format!("{}: {}", ratio(total, n), names.join(", ")),
    }
}

/// Bytes of all other states.
fn others(layout: &Layout) -> String {
    let slots =
        layout.states.iter().filter(|slot| !layout.is_per_coordinate(slot) && slot.congruent_to.is_none());
    let texts = slots.map(|slot| format!("{} {}", bytes(slot.ty.dtype.bytes() * slot.ty.count()), slot.name));
    texts.collect::<Vec<_>>().join(", ")
}

/// Pairs of cells that sharing states rests on.
fn guards(layout: &Layout) -> String {
    let name = |cell: CellId| layout.cells[cell.0].name.as_str();
    let pairs = layout.guards.iter().map(|(a, b)| format!("{} and {}", name(*a), name(*b)));
    pairs.collect::<Vec<_>>().join(", ")
}
