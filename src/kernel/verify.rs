//! What must hold for kernels.

use std::collections::BTreeMap;
use std::ops::Range;

use super::affine::inside;
use super::{Affine, Buffer, BufferId, Inst, InstId, Kernel, Kernels, Moving, Program, Storage};
use crate::algebra::form::AxisSize;
use crate::algebra::scalar::Typing;
use crate::algebra::types::DType;
use crate::graph::OutputTarget;
use crate::ice;

/// Checks every program.
///
/// # Panics
/// With the pass before, the first rule that does not hold and the printed program: an internal error.
pub fn verify(kernels: &Kernels, pass: &str) {
    for program in &kernels.programs {
        if let Err(fault) = program.check() {
            ice!(pass, "{fault}\n{program}");
        }
    }
}

/// By buffer that is no part of another: the elements that are stored.
type StoredRanges = BTreeMap<BufferId, Vec<Range<usize>>>;

type Verdict = Result<(), String>;

fn ensure(holds: bool, rule: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(rule()) }
}

impl Program {
    /// The first rule that does not hold.
    pub(crate) fn check(&self) -> Verdict {
        let mut stored = StoredRanges::new();
        for (k, buffer) in self.buffers.iter().enumerate() {
            if let Storage::Part { of, start } = buffer.storage {
                let whole = &self.buffers[of.0];
                let is_whole = !matches!(whole.storage, Storage::Part { .. });
                let fits = start + buffer.len <= whole.len && buffer.dtype == whole.dtype;
                ensure(is_whole && fits, || format!("b{k} is no part of {of}"))?;
            }
            if let Storage::Moving(Moving { of, region, first, places, .. }) = buffer.storage {
                let whole = &self.buffers[of.0];
                let fits = places * buffer.len <= whole.len && buffer.dtype == whole.dtype;
                let known = first < places && region < self.regions.len();
                ensure(fits && known, || format!("b{k} does not move in {of}"))?;
            }
        }
        for (k, kernel) in self.kernels.iter().enumerate() {
            let in_kernel = |fault: String| format!("k{k}: {fault}");
            self.check_kernel(kernel, &stored).map_err(in_kernel)?;
            for (buffer, _) in kernel.stores() {
                let (root, elements) = match self.buffers[buffer.0].storage {
                    // All iterations together fill it.
                    Storage::Moving(Moving { of, .. }) => self.extent_in_root(of),
                    _ => self.extent_in_root(buffer),
                };
                stored.entry(root).or_default().push(elements);
            }
        }
        for output in &self.outputs {
            let kept = matches!(output.target, OutputTarget::InPlace(k) if self.inputs[k].0 == output.buffer);
            ensure(kept || self.is_ready(output.buffer, &stored), || format!("{} is not made", output.name))?;
        }
        Ok(())
    }

    /// Whether a buffer holds its value: it is given, or every element is stored, as a whole or in parts.
    fn is_ready(&self, buffer: BufferId, stored: &StoredRanges) -> bool {
        let (root, wanted) = self.extent_in_root(buffer);
        let given = |buffer: BufferId| matches!(self.buffers[buffer.0].storage, Storage::Input(_));
        if given(buffer) || given(root) {
            return true;
        }
        let mut parts = stored.get(&root).cloned().unwrap_or_default();
        parts.sort_unstable_by_key(|part| part.start);
        let covered = parts.into_iter().fold(wanted.start, |covered, part| match part.start <= covered {
            true => covered.max(part.end),
            false => covered,
        });
        covered >= wanted.end
    }

    /// The buffer whose memory a buffer is, and its elements there.
    fn extent_in_root(&self, buffer: BufferId) -> (BufferId, Range<usize>) {
        let Buffer { storage, len, .. } = &self.buffers[buffer.0];
        match *storage {
            Storage::Part { of, start } => {
                let (root, whole) = self.extent_in_root(of);
                (root, whole.start + start..whole.start + start + len)
            }
            Storage::Moving(Moving { of, first, .. }) => {
                let (root, whole) = self.extent_in_root(of);
                (root, whole.start + first * len..whole.start + (first + 1) * len)
            }
            Storage::Input(_) | Storage::Output(_) | Storage::Temporary => (buffer, 0..*len),
        }
    }

    fn check_kernel(&self, kernel: &Kernel, stored: &StoredRanges) -> Verdict {
        for (axis, extent) in kernel.axes.iter().enumerate() {
            if let AxisSize::Ragged(segments) = extent {
                let before = axis.checked_sub(1).map(|axis| &kernel.axes[axis]);
                let holds = before == Some(&AxisSize::Fixed(segments.count()));
                ensure(holds, || format!("i{axis} does not follow its segments"))?;
            }
        }
        let fits = kernel.strategy.fits(&self.buffers, kernel);
        ensure(fits, || "it cannot be computed as its strategy says".to_string())?;
        let deep = kernel.in_reduction();
        for (k, inst) in kernel.insts.iter().enumerate() {
            for arg in inst.args() {
                let holds = arg.0 < k && !matches!(kernel.insts[arg.0], Inst::Store { .. });
                ensure(holds, || format!("instruction {k} uses instruction {}", arg.0))?;
            }
            self.check_types(kernel, inst)?;
            match inst {
                Inst::Load { .. } => self.check_load(kernel, k, stored)?,
                Inst::Store { buffer, at, .. } => {
                    self.check_store(kernel, *buffer, at)?;
                    let once = !deep[k] || kernel.tells_apart(at);
                    ensure(once, || format!("{buffer} is written several times"))?;
                }
                Inst::Reduce(..) => {
                    let holds = kernel.n_out < kernel.axes.len();
                    ensure(holds, || "nothing to put together".to_string())?;
                }
                Inst::Const(..) | Inst::Axis(..) | Inst::Map(..) | Inst::Cast(..) => {}
            }
        }
        Ok(())
    }

    /// A load lies inside its buffer, which is made before and not yet overwritten elsewhere.
    fn check_load(&self, kernel: &Kernel, k: usize, stored: &StoredRanges) -> Verdict {
        let Inst::Load { buffer, at, guards, .. } = &kernel.insts[k] else { return Ok(()) };
        ensure(self.is_ready(*buffer, stored), || format!("{buffer} is read before it is made"))?;
        let safe = at.gather.is_some() || !guards.is_empty();
        let len = self.buffers[buffer.0].len as i64;
        ensure(safe || fits(at, len, kernel), || format!("a load lies outside {buffer}"))?;
        let clashes = |inst: &Inst| match inst {
            Inst::Store { buffer: to, at: place, .. } => to == buffer && place != at,
            _ => false,
        };
        ensure(!kernel.insts[..k].iter().any(clashes), || format!("{buffer} is read after it is written"))
    }

    /// A store lies inside its buffer, and only commits write what outlives the program.
    fn check_store(&self, kernel: &Kernel, buffer: BufferId, at: &Affine) -> Verdict {
        let len = self.buffers[buffer.0].len as i64;
        ensure(fits(at, len, kernel), || format!("a store lies outside {buffer}"))?;
        let outlives = matches!(self.buffers[buffer.0].storage, Storage::Input(_));
        ensure(kernel.commits || !outlives, || format!("{buffer} is written without commit"))
    }

    fn check_types(&self, kernel: &Kernel, inst: &Inst) -> Verdict {
        let ty = |id: &InstId| kernel.insts[id.0].dtype();
        match inst {
            Inst::Load { buffer, dtype, .. } => {
                ensure(self.buffers[buffer.0].dtype == *dtype, || format!("{buffer} is no {dtype}"))
            }
            Inst::Store { buffer, value, .. } => {
                let dtype = self.buffers[buffer.0].dtype;
                ensure(dtype == ty(value), || format!("{buffer} is given {}", ty(value)))
            }
            Inst::Map(f, args, dtype) => {
                let args: Vec<DType> = args.iter().map(ty).collect();
                let holds = args.len() == f.args.len() && well_typed(f.typing, &args, *dtype);
                ensure(holds, || format!("{} of {args:?} is no {dtype}", f.name))
            }
            Inst::Reduce(_, value, dtype) => {
                ensure(ty(value) == *dtype, || format!("a {dtype} is put together from {}", ty(value)))
            }
            Inst::Const(..) | Inst::Axis(..) | Inst::Cast(..) => Ok(()),
        }
    }
}

fn well_typed(typing: Typing, args: &[DType], result: DType) -> bool {
    let alike = |args: &[DType]| args.iter().all(|dtype| *dtype == args[0]);
    match typing {
        Typing::Number => alike(args) && args[0] == result,
        Typing::Float => alike(args) && args[0] == result && result.is_float(),
        Typing::Integer => alike(args) && args[0] == result && result.is_int(),
        Typing::Compare => alike(args) && result == DType::Bool,
        Typing::Logic => alike(args) && args[0] == DType::Bool && result == DType::Bool,
        Typing::Select => args[0] == DType::Bool && alike(&args[1..]) && args[1] == result,
        Typing::IntToFloat => alike(args) && args[0] == DType::I32 && result.is_float(),
    }
}

fn fits(at: &Affine, len: i64, kernel: &Kernel) -> bool {
    let empty = |extent: &AxisSize| super::affine::longest(extent) == 0;
    inside(at, len, &kernel.axes) || kernel.axes.iter().any(empty)
}

impl Kernel {
    /// Buffers that it writes, and where.
    pub fn stores(&self) -> impl Iterator<Item = (BufferId, &Affine)> {
        self.insts.iter().filter_map(|inst| match inst {
            Inst::Store { buffer, at, .. } => Some((*buffer, at)),
            _ => None,
        })
    }

    /// Whether a position differs from point to point.
    fn tells_apart(&self, at: &Affine) -> bool {
        let single = |extent: &AxisSize| *extent == AxisSize::Fixed(1);
        (0..self.axes.len()).all(|axis| at.depends_on(axis) || single(&self.axes[axis]))
    }
}

impl Inst {
    /// The values it uses.
    pub fn args(&self) -> Vec<InstId> {
        let gathered = |at: &Affine| at.gather.map(|(inst, _)| inst);
        match self {
            Inst::Const(..) | Inst::Axis(..) => Vec::new(),
            Inst::Load { at, guards, .. } => {
                let positions = guards.iter().map(|guard| &guard.position).chain([at]);
                positions.filter_map(gathered).collect()
            }
            Inst::Map(_, args, _) => args.clone(),
            Inst::Cast(arg, _) | Inst::Reduce(_, arg, _) => vec![*arg],
            Inst::Store { at, value, .. } => gathered(at).into_iter().chain([*value]).collect(),
        }
    }
}
