//! Matrix products: a function that calls the library, and the rest of the kernel as one of its own.
//!
//! A product with enough to do is cut into parts along an axis that it is repeated over, or into panels of
//! columns or rows. Every result is one chain of sums in any case.

use crate::algebra::types::DType;
use crate::kernel::{
    Buffer, BufferId, Home, Inst, InstId, Kernel, Linear, Out, Product, Program, is_plain, stride,
};

use super::build::{Builder, POSITION};
use super::facts::extent;
use super::{Address, Bound, Expr, Function, Matrix, Value};

/// Cycles of a part, at least: some microseconds.
const GRAIN: u64 = 1 << 14;

/// Most parts.
const MOST: u64 = 64;

/// Rows and columns of a part are multiples of these: whole tiles of the library.
const STEPS: [usize; 2] = [24, 32];

/// A function that computes the sums, and the rest of the kernel if there is any.
pub(super) fn split(
    program: &mut Program,
    kernel: &Kernel,
    product: &Product,
) -> ((Function, Vec<BufferId>), Option<Kernel>) {
    let (buffer, at) = place(program, kernel, product);
    let rest = (!product.is_all(kernel)).then(|| rest(kernel, product, buffer, &at));
    (function(program, kernel, product, (buffer, &at)), rest)
}

/// Where the sums go.
fn place(program: &mut Program, kernel: &Kernel, product: &Product) -> (BufferId, Linear) {
    match &product.out {
        Out::Store(store) => match &kernel.insts[store.0] {
            Inst::Store { buffer, at, .. } => (*buffer, at.clone()),
            _ => unreachable!("sums go to a store"),
        },
        Out::Fresh(order) => {
            let (mut terms, mut len) = (Vec::new(), 1);
            for axis in order.iter().rev() {
                terms.push((*axis, len as i64));
                len *= extent(kernel, *axis);
            }
            terms.sort_unstable();
            let dtype = kernel.insts[product.sum.0].dtype();
            program.buffers.push(Buffer { dtype, len, name: None, home: Home::Temporary });
            (BufferId(program.buffers.len() - 1), Linear { terms, ..Linear::default() })
        }
    }
}

/// The kernel with the sums read from memory.
fn rest(kernel: &Kernel, product: &Product, buffer: BufferId, at: &Linear) -> Kernel {
    let deep = kernel.is_deep();
    let mut names = vec![InstId(usize::MAX); kernel.insts.len()];
    let mut insts = Vec::new();
    for (k, inst) in kernel.insts.iter().enumerate() {
        let done = product.out == Out::Store(InstId(k)) && is_plain(kernel, InstId(k), product.sum);
        if deep[k] || done {
            continue;
        }
        names[k] = InstId(insts.len());
        insts.push(match inst {
            Inst::Combine(_, _, dtype) => {
                Inst::Load { buffer, at: at.clone(), guards: Vec::new(), outside: 0.0, dtype: *dtype }
            }
            inst => inst.renamed(&names),
        });
    }
    let axes = kernel.axes[..kernel.n_out].to_vec();
    Kernel { axes, insts, ..kernel.clone() }
}

/// How a product is cut into parts.
struct Cut {
    axis: usize,
    /// Positions along it.
    n: usize,
    /// Positions of a part; the last may have fewer.
    width: usize,
}

impl Cut {
    /// About as many parts as are worth it: along another axis, else of columns, else of rows.
    fn of(kernel: &Kernel, product: &Product) -> Option<Cut> {
        let parts = (product.cycles / GRAIN).min(MOST) as usize;
        let others = (0..kernel.n_out).filter(|axis| !product.axes.contains(axis));
        let longest = others.max_by_key(|axis| extent(kernel, *axis));
        let cuts = [
            longest.map(|axis| Cut::along(axis, extent(kernel, axis), 1, parts)),
            Some(Cut::along(product.axes[1], product.sizes[1], STEPS[1], parts)),
            Some(Cut::along(product.axes[0], product.sizes[0], STEPS[0], parts)),
        ];
        let best = |best: Cut, cut: Cut| if cut.count() > 2 * best.count() { cut } else { best };
        cuts.into_iter().flatten().reduce(best).filter(|cut| cut.count() > 1)
    }

    /// Up to so many parts of `0..n`, whole multiples of `step` long but for the last.
    fn along(axis: usize, n: usize, step: usize, parts: usize) -> Cut {
        let turns = n.div_ceil(step);
        Cut { axis, n, width: turns.div_ceil(parts.clamp(1, turns)) * step }
    }

    fn count(&self) -> usize {
        self.n.div_ceil(self.width)
    }

    /// For each part where its turns of `width` begin and end; or those of what is left over.
    fn limits(&self, rest: bool) -> (Vec<i64>, Vec<i64>) {
        let parts = (0..self.count()).map(|part| {
            let (start, stop) = (part * self.width, (part * self.width + self.width).min(self.n));
            if (stop - start < self.width) == rest { (start as i64, stop as i64) } else { (0, 0) }
        });
        parts.unzip()
    }
}

/// Loops around calls of the library.
struct Lowering<'a> {
    kernel: &'a Kernel,
    product: &'a Product,
    cut: Option<(Cut, Value)>,
    /// The first factor, the second and the results.
    matrices: [(BufferId, &'a Linear); 3],
    pointers: Vec<BufferId>,
    to: Builder,
    /// Where axes are at that are not at 0.
    at: Vec<(usize, Value)>,
}

fn function(
    program: &Program,
    kernel: &Kernel,
    product: &Product,
    out: (BufferId, &Linear),
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
    let mut to = Builder::new();
    let cut = Cut::of(kernel, product).map(|cut| {
        let part = to.parts(cut.count());
        (cut, part)
    });
    let mut lowering = Lowering { kernel, product, cut, matrices, pointers, to, at: Vec::new() };
    lowering.outer(0);
    (lowering.to.finish(types), lowering.pointers)
}

impl Lowering<'_> {
    /// Loops over axes from the `axis`-th on that are not the product's.
    fn outer(&mut self, axis: usize) {
        if axis == self.kernel.n_out {
            return self.panels();
        }
        let n = extent(self.kernel, axis);
        if self.product.axes.contains(&axis) || n == 1 {
            return self.outer(axis + 1);
        }
        let (start, stop) = match self.cut.as_ref().filter(|(cut, _)| cut.axis == axis) {
            Some((cut, part)) => {
                let part = *part;
                let starts = (0..cut.count()).map(|part| (part * cut.width) as i64).collect();
                let stops = (0..cut.count()).map(|part| ((part + 1) * cut.width).min(n) as i64).collect();
                (self.limit(starts, part), self.limit(stops, part))
            }
            None => (Bound::Const(0), Bound::Const(n as i64)),
        };
        self.turns(axis, start, stop, 1, &mut |this| this.outer(axis + 1));
    }

    /// The entry of a table for the part being done.
    fn limit(&mut self, table: Vec<i64>, part: Value) -> Bound {
        let table = self.to.table(table);
        Bound::Value(self.to.emit(Expr::Table(table, part), POSITION))
    }

    fn turns(
        &mut self,
        axis: usize,
        start: Bound,
        stop: Bound,
        step: usize,
        body: &mut dyn FnMut(&mut Self),
    ) {
        let (open, _) = self.to.open(start, stop, step as i64, &[]);
        self.at.push((axis, open.var()));
        body(self);
        self.at.pop();
        self.to.close(open, &[]);
    }

    /// The product, or a panel of it in each part.
    fn panels(&mut self) {
        let sizes = self.product.sizes;
        let cut = self.cut.as_ref().map(|(cut, part)| (cut.axis, cut.n, cut.width, *part));
        let side = |axis| self.product.axes.iter().position(|of| *of == axis);
        let Some((side, (axis, n, width, part))) = cut.and_then(|cut| Some((side(cut.0)?, cut))) else {
            return self.call(sizes);
        };
        for (rest, width) in [(false, width), (true, n % width)] {
            let Some((cut, _)) = self.cut.as_ref().filter(|_| width > 0) else { continue };
            let (starts, stops) = cut.limits(rest);
            let (start, stop) = (self.limit(starts, part), self.limit(stops, part));
            let mut sizes = sizes;
            sizes[side] = width;
            self.turns(axis, start, stop, width, &mut |this| this.call(sizes));
        }
    }

    fn call(&mut self, sizes: [usize; 3]) {
        let [m, n, k] = self.product.axes;
        let [left, right, out] =
            [(0, [m, k]), (1, [k, n]), (2, [m, n])].map(|(which, axes)| self.matrix(which, axes));
        self.to.product(super::Product { sizes, left, right, out });
    }

    fn matrix(&self, which: usize, axes: [usize; 2]) -> Matrix {
        let (buffer, linear) = self.matrices[which];
        let pointer = self.pointers.iter().position(|have| *have == buffer).unwrap_or_default();
        let terms = self.at.iter().map(|(axis, var)| (*var, stride(linear, *axis)));
        let terms = terms.filter(|(_, coefficient)| *coefficient != 0).collect();
        let at = Address { offset: linear.offset, terms };
        Matrix { pointer, at, strides: axes.map(|axis| stride(linear, axis)) }
    }
}
