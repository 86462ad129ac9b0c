//! Matrix products: a function that calls the library, and the rest of the kernel as one of its own.
//!
//! A product with enough to do is cut into parts along an axis that it is repeated over, or into panels of
//! columns or rows. Every result is one chain of sums in any case.

use crate::algebra::types::DType;
use crate::hardware::HARDWARE;
use crate::kernel::{
    Affine, BufferId, Inst, InstId, Kernel, Out, Product, Program, coalesce, is_plain, stride,
};

use super::build::{LoopBuilder, POSITION};
use super::facts::extent;
use super::split;
use super::sums::SumPlace;
use super::{Address, Expr, Function, LoopBound, MatrixOperand, Stride, Value};

/// Most parts.
const MOST: u64 = 16;

/// From so many parts on it does not matter that there could be more.
const ENOUGH: usize = 4;

/// Rows and columns of a part are multiples of these: whole tiles of the library. Rows are many, as each
/// part lays out the second factor for itself.
const STEPS: [usize; 2] = [96, 32];

/// A function that computes the sums, and those of the rest of the kernel if there is any.
pub(super) fn functions(
    program: &mut Program,
    kernel: &Kernel,
    product: &Product,
) -> Vec<(Function, Vec<BufferId>)> {
    let place = place(program, kernel, product);
    let done: Vec<InstId> = place.store.into_iter().collect();
    let mut functions = vec![function(program, kernel, product, (place.buffer, &place.at))];
    if let Some(rest) = rest(kernel, &[(product.sum, place.load())], &done) {
        functions.extend(split::nest(program, &coalesce(&rest)));
    }
    functions
}

/// Where the sums go.
fn place(program: &mut Program, kernel: &Kernel, product: &Product) -> SumPlace {
    let dtype = kernel.insts[product.sum.0].dtype();
    match &product.out {
        Out::Store(store) => match &kernel.insts[store.0] {
            Inst::Store { buffer, at, .. } => {
                let done = is_plain(kernel, *store, product.sum).then_some(*store);
                SumPlace { buffer: *buffer, at: at.clone(), dtype, store: done }
            }
            _ => unreachable!("sums go to a store"),
        },
        Out::Fresh(order) => SumPlace::fresh(program, kernel, dtype, order),
    }
}

/// The kernel with its sums read from memory and without the stores that are `done`, if there is anything
/// left of it.
pub(super) fn rest(kernel: &Kernel, sums: &[(InstId, Inst)], done: &[InstId]) -> Option<Kernel> {
    let deep = kernel.in_reduction();
    let mut names = vec![InstId(usize::MAX); kernel.insts.len()];
    let mut insts = Vec::new();
    for (k, inst) in kernel.insts.iter().enumerate() {
        if deep[k] || done.contains(&InstId(k)) {
            continue;
        }
        names[k] = InstId(insts.len());
        let load = sums.iter().find(|(sum, _)| *sum == InstId(k)).map(|(_, load)| load.clone());
        insts.push(load.unwrap_or_else(|| inst.renamed(&names)));
    }
    let axes = kernel.axes[..kernel.n_out].to_vec();
    let stores = insts.iter().any(|inst| matches!(inst, Inst::Store { .. }));
    stores.then(|| kernel.part(axes, kernel.n_out, insts))
}

/// What of a product is cut into parts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Rows,
    Columns,
    /// An axis along which it is repeated.
    Other(usize),
}

/// How a product is cut into parts.
struct ProductCut {
    side: Side,
    /// Positions along it.
    n: usize,
    /// Positions of a part; the last may have fewer.
    width: usize,
}

impl ProductCut {
    /// Parts along another axis, of columns, or of rows: the first that gives enough, or the most.
    fn of(kernel: &Kernel, product: &Product) -> Option<ProductCut> {
        let parts = (product.cycles / HARDWARE.grain).min(MOST) as usize;
        let longest = others(kernel, product).max_by_key(|axis| extent(kernel, *axis));
        let [m, n, _] = product.sizes;
        let cuts = [
            longest.map(|axis| ProductCut::along(Side::Other(axis), extent(kernel, axis), 1, parts)),
            Some(ProductCut::along(Side::Columns, n, STEPS[1], parts)),
            Some(ProductCut::along(Side::Rows, m, STEPS[0], parts)),
        ];
        let finer = |best: &ProductCut, cut: &ProductCut| best.count() < ENOUGH && cut.count() > best.count();
        let best = |best: ProductCut, cut: ProductCut| if finer(&best, &cut) { cut } else { best };
        cuts.into_iter().flatten().reduce(best).filter(|cut| cut.count() > 1)
    }

    /// Up to so many parts of `0..n`, whole multiples of `step` long but for the last.
    fn along(side: Side, n: usize, step: usize, parts: usize) -> ProductCut {
        let iterations = n.div_ceil(step);
        ProductCut { side, n, width: iterations.div_ceil(parts.clamp(1, iterations)) * step }
    }

    fn count(&self) -> usize {
        self.n.div_ceil(self.width)
    }

    /// For each part where it begins and ends, if it is one that is `wanted` by its length.
    fn limits(&self, wanted: impl Fn(usize) -> bool) -> (Vec<i64>, Vec<i64>) {
        let parts = (0..self.count()).map(|part| {
            let (start, stop) = (part * self.width, (part * self.width + self.width).min(self.n));
            if wanted(stop - start) { (start as i64, stop as i64) } else { (0, 0) }
        });
        parts.unzip()
    }
}

/// Axes along which a product is repeated.
fn others(kernel: &Kernel, product: &Product) -> impl Iterator<Item = usize> {
    let Product { rows, columns, .. } = product.clone();
    (0..kernel.n_out).filter(move |axis| *axis != rows && !columns.contains(axis))
}

/// Loops around calls of the library.
struct ProductLowering<'a> {
    kernel: &'a Kernel,
    product: &'a Product,
    cut: Option<(ProductCut, Value)>,
    /// The first factor, the second and the results.
    matrices: [(BufferId, &'a Affine); 3],
    pointers: Vec<BufferId>,
    to: LoopBuilder,
    /// Where axes are at that are not at 0.
    at: Vec<(usize, Value)>,
    /// The first row or column of a panel.
    panel: Option<(Side, Value)>,
}

fn function(
    program: &Program,
    kernel: &Kernel,
    product: &Product,
    out: (BufferId, &Affine),
) -> (Function, Vec<BufferId>) {
    let load = |id: InstId| match &kernel.insts[id.0] {
        Inst::Load { buffer, at, .. } => (*buffer, at),
        _ => unreachable!("factors are loads"),
    };
    let matrices = [load(product.left), load(product.right), out];
    let mut pointers: Vec<BufferId> = Vec::new();
    for (buffer, _) in matrices {
        if !pointers.contains(&buffer) {
            pointers.push(buffer);
        }
    }
    let types: Vec<DType> = pointers.iter().map(|buffer| program.buffers[buffer.0].dtype).collect();
    let mut to = LoopBuilder::new();
    let cut = ProductCut::of(kernel, product).map(|cut| {
        let part = to.parts(cut.count());
        (cut, part)
    });
    let (at, panel) = (Vec::new(), None);
    let mut lowering = ProductLowering { kernel, product, cut, matrices, pointers, to, at, panel };
    lowering.outer(others(kernel, product).collect());
    (lowering.to.finish(types), lowering.pointers)
}

impl ProductLowering<'_> {
    /// Loops over axes along which the product is repeated.
    fn outer(&mut self, mut axes: Vec<usize>) {
        if axes.is_empty() {
            return self.panels();
        }
        let axis = axes.remove(0);
        let (start, stop) = match self.cut.as_ref().filter(|(cut, _)| cut.side == Side::Other(axis)) {
            Some((cut, _)) => self.part(cut.limits(|_| true)),
            None => (LoopBound::Const(0), LoopBound::Const(extent(self.kernel, axis) as i64)),
        };
        let (open, _) = self.to.open(start, stop, 1, &[]);
        self.at.push((axis, open.var()));
        self.outer(axes);
        self.at.pop();
        self.to.close(open, &[]);
    }

    /// What the tables say for the part being done.
    fn part(&mut self, (starts, stops): (Vec<i64>, Vec<i64>)) -> (LoopBound, LoopBound) {
        let part = self.cut.as_ref().map(|(_, part)| *part).expect("only parts have limits");
        let mut limit = |table: Vec<i64>| {
            let table = self.to.table(table);
            LoopBound::Value(self.to.emit(Expr::Table(table, part), POSITION))
        };
        (limit(starts), limit(stops))
    }

    /// The product, or a panel of it in each part.
    fn panels(&mut self) {
        let cut = self.cut.as_ref().map(|(cut, _)| (cut.side, cut.n, cut.width));
        let Some((side, n, whole)) = cut.filter(|(side, ..)| !matches!(side, Side::Other(_))) else {
            return self.call(self.product.sizes);
        };
        for width in [whole, n % whole] {
            let Some((cut, _)) = self.cut.as_ref().filter(|_| width > 0) else { continue };
            let (start, stop) = self.part(cut.limits(|n| n == width));
            let mut sizes = self.product.sizes;
            sizes[usize::from(side == Side::Columns)] = width;
            let (open, _) = self.to.open(start, stop, width as i64, &[]);
            self.panel = Some((side, open.var()));
            self.call(sizes);
            self.to.close(open, &[]);
        }
    }

    fn call(&mut self, sizes: [usize; 3]) {
        let (rows, columns) = (vec![self.product.rows], self.product.columns.clone());
        let summed: Vec<usize> = (self.kernel.n_out..self.kernel.axes.len()).collect();
        let left = self.matrix(0, [(&rows, Some(Side::Rows)), (&summed, None)]);
        let right = self.matrix(1, [(&summed, None), (&columns, Some(Side::Columns))]);
        let out = self.matrix(2, [(&rows, Some(Side::Rows)), (&columns, Some(Side::Columns))]);
        self.to.product(super::Product { sizes, left, right, out });
    }

    /// A factor or the result, each of its sides one or several axes of the kernel.
    fn matrix(&mut self, which: usize, sides: [(&[usize], Option<Side>); 2]) -> MatrixOperand {
        let (buffer, linear) = self.matrices[which];
        let pointer = self.pointers.iter().position(|have| *have == buffer).unwrap_or_default();
        let terms = self.at.iter().map(|(axis, var)| (*var, stride(linear, *axis)));
        let terms = terms.filter(|(_, coefficient)| *coefficient != 0).collect();
        let mut at = Address { offset: linear.offset, terms };
        let steps = sides.map(|(axes, side)| {
            let first = self.panel.filter(|(of, _)| Some(*of) == side).map(|(_, first)| first);
            match self.step(linear, axes) {
                Stride::By(by) => {
                    at.terms.extend(first.map(|first| (first, by)));
                    Stride::By(by)
                }
                Stride::Table(table, mut entry) => {
                    entry.terms.extend(first.map(|first| (first, 1)));
                    Stride::Table(table, entry)
                }
            }
        });
        MatrixOperand { pointer, at, steps }
    }

    /// Where elements along some axes lie, the innermost last.
    fn step(&mut self, linear: &Affine, axes: &[usize]) -> Stride {
        if let [axis] = axes {
            return Stride::By(stride(linear, *axis));
        }
        let mut places = vec![0];
        for axis in axes {
            let along = (0..extent(self.kernel, *axis) as i64).map(|k| k * stride(linear, *axis));
            places = places.iter().flat_map(|place| along.clone().map(move |step| place + step)).collect();
        }
        let by = places.get(1).copied().unwrap_or(0);
        match places.iter().zip(0..).all(|(place, k)| *place == k * by) {
            true => Stride::By(by),
            false => Stride::Table(self.to.table(places), Address::default()),
        }
    }
}
