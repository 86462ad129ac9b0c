//! Kernels that are matrix products: a sum of products of two matrices in memory, then whatever is done
//! with each result. Such a kernel can be computed by the library's product, which knows the machine's
//! widest registers, or by loops like any other: whichever an estimate says is faster.

use std::fmt;

use super::{Affine, Buffer, BufferId, Inst, InstId, Kernel, whole};
use crate::algebra::form::{AxisSize, Reducer};
use crate::algebra::types::DType;
use crate::hardware::HARDWARE;

/// Positions that are written down one by one, at most.
const TABLE: usize = 1 << 16;

/// Shortest rows and columns: a vector of numbers times a matrix waits for memory in any case.
const SHORTEST: usize = 4;

/// A kernel, its axes as few as possible, as a matrix product.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Product {
    /// The sum.
    pub sum: InstId,
    /// Where the sums go.
    pub out: Out,
    /// The load of the first factor, which has the rows.
    pub left: InstId,
    /// The load of the second factor, which has the columns.
    pub right: InstId,
    /// The axis of rows.
    pub rows: usize,
    /// The axes of columns, which lie side by side in the result, outermost first. Windows of images have
    /// several, and several axes that are summed.
    pub columns: Vec<usize>,
    /// How many rows and columns there are, and how many products each result sums.
    pub sizes: [usize; 3],
    /// How many such products there are, along all other axes.
    pub count: usize,
    /// What it takes as a product, in cycles.
    pub cycles: u64,
    /// What it takes in loops, in cycles.
    pub loop_cycles: u64,
}

/// Where the sums of a product go before the rest of the kernel is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Out {
    /// Where this store writes afterwards, or writes just the sums.
    Store(InstId),
    /// Into memory for them alone, in this order of axes.
    Fresh(Vec<usize>),
}

impl Product {
    /// The kernel as a product, where that is faster than loops.
    pub(super) fn of(buffers: &[Buffer], kernel: &Kernel) -> Option<Product> {
        let sum = sum_of_products(kernel)?;
        let product = stores(buffers, kernel)
            .into_iter()
            .find_map(|store| sum.with(buffers, kernel, Out::Store(store)))
            .or_else(|| sum.with(buffers, kernel, Out::Fresh(Vec::new())))?;
        (product.cycles < product.loop_cycles).then_some(product)
    }

    /// Whether the sums are just stored, and nothing else is done with them.
    pub fn is_all(&self, kernel: &Kernel) -> bool {
        let others = kernel
            .insts
            .iter()
            .enumerate()
            .filter(|(k, inst)| matches!(inst, Inst::Store { .. }) && self.out != Out::Store(InstId(*k)));
        let plain = match self.out {
            Out::Store(store) => is_plain(kernel, store, self.sum),
            Out::Fresh(_) => false,
        };
        plain && others.count() == 0
    }
}

/// Whether a store writes just the sums.
pub fn is_plain(kernel: &Kernel, store: InstId, sum: InstId) -> bool {
    matches!(kernel.insts[store.0], Inst::Store { value, .. } if value == sum)
}

/// `2 x 64 x 128 x 784 products: 1.6 Mcycles, 6.4 Mcycles in loops`.
impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [m, n, k] = self.sizes;
        let count = if self.count > 1 { format!("{} of ", self.count) } else { String::new() };
        let (own, loops) = (super::cost::cycles(self.cycles), super::cost::cycles(self.loop_cycles));
        write!(f, "matrix product, {count}{m} x {n} x {k}: {own}, {loops} in loops")
    }
}

/// A sum of products of two loads.
struct SumOfProducts {
    sum: InstId,
    dtype: DType,
    factors: [InstId; 2],
}

/// The one reduction of a kernel, if it is a sum of products of elements of two matrices.
fn sum_of_products(kernel: &Kernel) -> Option<SumOfProducts> {
    let fixed = kernel.axes.iter().all(|axis| matches!(axis, AxisSize::Fixed(n) if *n > 0));
    if !fixed || kernel.axes.len() == kernel.n_out {
        return None;
    }
    let sums = (0..kernel.insts.len()).filter(|k| matches!(kernel.insts[*k], Inst::Reduce(..)));
    let [sum] = sums.collect::<Vec<_>>()[..] else { return None };
    let Inst::Reduce(Reducer::Sum, arg, dtype) = kernel.insts[sum] else { return None };
    let Inst::Map(f, args, _) = &kernel.insts[arg.0] else { return None };
    let factors = [*args.first()?, *args.get(1)?];
    let strided = factors.iter().all(|factor| position(kernel, *factor, dtype).is_some());
    if f.name != "mul" || !dtype.is_float() || !strided || factors[0] == factors[1] {
        return None;
    }
    let deep = kernel.in_reduction();
    let only = (0..deep.len()).filter(|k| deep[*k]).all(|k| k == arg.0 || factors.contains(&InstId(k)));
    only.then_some(SumOfProducts { sum: InstId(sum), dtype, factors })
}

/// The position of a load that goes through memory in equal steps.
fn position(kernel: &Kernel, load: InstId, want: DType) -> Option<&Affine> {
    match &kernel.insts[load.0] {
        Inst::Load { at, guards, dtype, .. } if guards.is_empty() && *dtype == want => strided(at),
        _ => None,
    }
}

fn strided(at: &Affine) -> Option<&Affine> {
    (at.segment.is_none() && at.gather.is_none()).then_some(at)
}

/// How far apart neighbours along an axis lie.
pub fn stride(at: &Affine, axis: usize) -> i64 {
    at.terms.iter().find(|(of, _)| *of == axis).map_or(0, |(_, coefficient)| *coefficient)
}

/// Stores that sums may go to first: of every result, into memory that the kernel does not read.
/// Those of just the sums come first.
pub fn stores(buffers: &[Buffer], kernel: &Kernel) -> Vec<InstId> {
    let root = |buffer: BufferId| whole(buffers, buffer);
    let is_read = |buffer: BufferId| {
        kernel
            .insts
            .iter()
            .any(|inst| matches!(inst, Inst::Load { buffer: read, .. } if root(*read) == root(buffer)))
    };
    let writers = |buffer: BufferId| {
        let same = |inst: &&Inst| matches!(inst, Inst::Store { buffer: to, .. } if root(*to) == root(buffer));
        kernel.insts.iter().filter(same).count()
    };
    let fits = |k: &usize| match &kernel.insts[*k] {
        Inst::Store { buffer, at, .. } => {
            let whole = (0..kernel.n_out).all(|axis| stride(at, axis) != 0);
            strided(at).is_some() && whole && !is_read(*buffer) && writers(*buffer) == 1
        }
        _ => false,
    };
    let mut stores: Vec<InstId> = (0..kernel.insts.len()).filter(fits).map(InstId).collect();
    let plain = |store: &InstId| match kernel.insts[store.0] {
        Inst::Store { value, .. } => matches!(kernel.insts[value.0], Inst::Reduce(..)),
        _ => false,
    };
    stores.sort_by_key(|store| !plain(store));
    stores
}

impl SumOfProducts {
    /// The product whose sums go there, if one of the factors has the columns of the results.
    fn with(&self, buffers: &[Buffer], kernel: &Kernel, out: Out) -> Option<Product> {
        let own = [0, 1].map(|factor| self.own_axes(kernel, factor));
        let longest = |axes: &[usize]| axes.iter().copied().max_by_key(|axis| (size(kernel, *axis), *axis));
        let (second, columns, out) = match out {
            Out::Store(store) => {
                let Inst::Store { buffer, at, .. } = &kernel.insts[store.0] else { return None };
                let second = own.iter().position(|axes| axes.iter().any(|axis| stride(at, *axis) == 1))?;
                let fits = buffers[buffer.0].dtype == self.dtype;
                fits.then(|| (second, adjacent(kernel, at, &own[second]), Out::Store(store)))?
            }
            Out::Fresh(_) => {
                let columns = longest(&own[1])?;
                let others = (0..kernel.n_out).filter(|axis| *axis != columns);
                (1, vec![columns], Out::Fresh(others.chain([columns]).collect()))
            }
        };
        let rows = longest(&own[1 - second])?;
        self.product(kernel, out, [1 - second, second].map(|factor| self.factors[factor]), (rows, columns))
    }

    fn product(
        &self,
        kernel: &Kernel,
        out: Out,
        [left, right]: [InstId; 2],
        (rows, columns): (usize, Vec<usize>),
    ) -> Option<Product> {
        let span = |axes: &[usize]| axes.iter().map(|axis| size(kernel, *axis)).product::<usize>();
        let summed = kernel.axes.len() - kernel.n_out;
        let sizes = [
            size(kernel, rows),
            span(&columns),
            span(&(kernel.n_out..kernel.axes.len()).collect::<Vec<_>>()),
        ];
        let table = (columns.len() > 1 && sizes[1] > TABLE) || (summed > 1 && sizes[2] > TABLE);
        if sizes[0] < SHORTEST || sizes[1] < SHORTEST || table {
            return None;
        }
        let others = (0..kernel.n_out).filter(|axis| *axis != rows && !columns.contains(axis));
        let count = others.map(|axis| size(kernel, axis)).product();
        let lies = match columns[..] {
            [axis] if stride(position(kernel, right, self.dtype)?, axis) == 1 => Lies::Adjacent,
            [_] if stride(position(kernel, right, self.dtype)?, kernel.axes.len() - 1) == 1 => Lies::Apart,
            [.., axis] if is_run(kernel, position(kernel, right, self.dtype)?, axis) => Lies::Runs,
            _ => Lies::Anyhow,
        };
        let product = Product {
            sum: self.sum,
            out,
            left,
            right,
            rows,
            columns,
            sizes,
            count,
            cycles: 0,
            loop_cycles: 0,
        };
        let (cycles, loop_cycles) = estimate(sizes, count, lies, product.is_all(kernel));
        Some(Product { cycles, loop_cycles, ..product })
    }

    /// Result axes that only this factor runs along.
    fn own_axes(&self, kernel: &Kernel, factor: usize) -> Vec<usize> {
        let moves = |factor: usize, axis: usize| {
            position(kernel, self.factors[factor], self.dtype).is_some_and(|at| stride(at, axis) != 0)
        };
        (0..kernel.n_out).filter(|axis| moves(factor, *axis) && !moves(1 - factor, *axis)).collect()
    }
}

fn size(kernel: &Kernel, axis: usize) -> usize {
    match kernel.axes[axis] {
        AxisSize::Fixed(n) => n,
        AxisSize::Ragged(_) => 0,
    }
}

/// Those of `own` axes, outermost first, along which a result lies without gaps.
fn adjacent(kernel: &Kernel, at: &Affine, own: &[usize]) -> Vec<usize> {
    let (mut axes, mut span) = (Vec::new(), 1);
    while let Some(axis) = own.iter().find(|axis| stride(at, **axis) == span && !axes.contains(*axis)) {
        axes.insert(0, *axis);
        span *= size(kernel, *axis) as i64;
    }
    axes
}

/// Whether the columns of a second factor lie side by side along the innermost of their axes, long enough
/// to be worth copying at once.
fn is_run(kernel: &Kernel, at: &Affine, axis: usize) -> bool {
    stride(at, axis) == 1 && size(kernel, axis) >= SHORTEST
}

/// How the columns of a second factor lie.
enum Lies {
    /// Side by side.
    Adjacent,
    /// In equal steps, and what is summed side by side.
    Apart,
    /// Side by side in runs, such as lines of an image.
    Runs,
    /// In any other way.
    Anyhow,
}

/// Cycles as products and in loops. A product is done in tiles of two vectors of columns or one, which is slower
/// where a tile waits for its own sums; the second factor is laid out, at next to no cost where its columns lie side
/// by side; what is done with the results reads them once more. Loops wait for a load in each iteration.
/// Measured within a factor of two on products of 4 to 1000 rows and columns.
fn estimate([m, n, k]: [usize; 3], count: usize, lies: Lies, all: bool) -> (u64, u64) {
    let [m, n, k, count] = [m, n, k, count].map(|size| size as u64);
    let lanes = HARDWARE.lanes(size_of::<f32>()) as u64;
    let narrow = HARDWARE.narrow_lanes(size_of::<f32>()) as u64;
    let filled = n.next_multiple_of(lanes);
    let (rows, most) = if n > lanes { (m, 6) } else { (m.max(8), 12) };
    let tiles = m.div_ceil(most) * n.div_ceil(2 * lanes);
    let laid = match lies {
        Lies::Adjacent => k * filled / (HARDWARE.ports as u64 * lanes),
        Lies::Apart | Lies::Runs => k * filled / 3,
        Lies::Anyhow => 5 * k * filled,
    };
    let again = if all { 0 } else { 40 + m * n / narrow };
    let product = 60 + 15 * tiles + rows * k * filled / HARDWARE.products + laid + again;
    (count * product, count * (10 + m * n * k / narrow))
}

impl Inst {
    /// The same on axes under new names.
    pub fn on_axes(&self, names: &[usize]) -> Inst {
        let mut inst = self.clone();
        match &mut inst {
            Inst::Axis(axis, _) => *axis = names[*axis],
            Inst::Load { at, guards, .. } => {
                *at = at.rename(names);
                guards.iter_mut().for_each(|guard| guard.position = guard.position.rename(names));
            }
            Inst::Store { at, .. } => *at = at.rename(names),
            Inst::Const(..) | Inst::Map(..) | Inst::Cast(..) | Inst::Reduce(..) => {}
        }
        inst
    }

    /// The same with operands under new names.
    pub fn renamed(&self, names: &[InstId]) -> Inst {
        let mut inst = self.clone();
        let linear = |at: &mut Affine| {
            if let Some((index, _)) = &mut at.gather {
                *index = names[index.0];
            }
        };
        match &mut inst {
            Inst::Const(..) | Inst::Axis(..) => {}
            Inst::Load { at, guards, .. } => {
                linear(at);
                guards.iter_mut().for_each(|guard| linear(&mut guard.position));
            }
            Inst::Map(_, args, _) => args.iter_mut().for_each(|arg| *arg = names[arg.0]),
            Inst::Cast(arg, _) | Inst::Reduce(_, arg, _) => *arg = names[arg.0],
            Inst::Store { at, value, .. } => {
                linear(at);
                *value = names[value.0];
            }
        }
        inst
    }
}
