//! Ranks: the elements side by side, a call of the library that sorts them, and the rest of the kernel.

use crate::algebra::types::DType;
use crate::kernel::{BufferId, Inst, InstId, Kernel, Program, Ranks, coalesce};

use super::facts::extent;
use super::sums::SumPlace;
use super::{Function, Stmt, split};

/// The functions of a kernel that counts what comes before, with the buffers behind their pointers.
pub(super) fn functions(
    program: &mut Program,
    kernel: &Kernel,
    ranks: &Ranks,
) -> Vec<(Function, Vec<BufferId>)> {
    let others = (0..kernel.n_out).filter(|axis| *axis != ranks.axis);
    let order: Vec<usize> = others.chain([ranks.axis]).collect();
    let dtype = kernel.insts[ranks.key.0].dtype();
    let keys = SumPlace::fresh(program, kernel, dtype, &order);
    let places = SumPlace::fresh(program, kernel, DType::I32, &order);
    let mut functions = split::nest(program, &coalesce(&laying(kernel, ranks, &keys)));
    functions.push((sorting(kernel, ranks, dtype), vec![keys.buffer, places.buffer]));
    if let Some(rest) = super::product::rest(kernel, &[(ranks.count, places.load())], &[]) {
        functions.extend(split::nest(program, &coalesce(&rest)));
    }
    functions
}

/// The kernel that lays the elements side by side.
fn laying(kernel: &Kernel, ranks: &Ranks, keys: &SumPlace) -> Kernel {
    let deep = kernel.in_reduction();
    let none = Inst::Const(0.0, DType::F32);
    let before = kernel.insts[..=ranks.key.0].iter().zip(&deep);
    let mut insts: Vec<Inst> = before
        .map(|(inst, deep)| match inst {
            Inst::Store { .. } | Inst::Reduce(..) => none.clone(),
            _ if *deep => none.clone(),
            inst => inst.clone(),
        })
        .collect();
    insts.push(Inst::Store { buffer: keys.buffer, at: keys.at.clone(), value: InstId(ranks.key.0) });
    kernel.part(kernel.axes[..kernel.n_out].to_vec(), kernel.n_out, insts)
}

/// The function that calls the library.
fn sorting(kernel: &Kernel, ranks: &Ranks, dtype: DType) -> Function {
    let rows =
        (0..kernel.n_out).filter(|axis| *axis != ranks.axis).map(|axis| extent(kernel, axis)).product();
    let call = super::Ranks { keys: 0, out: 1, rows, n: ranks.n, descending: ranks.descending };
    Function {
        pointers: vec![dtype, DType::I32],
        tables: Vec::new(),
        parts: None,
        immediates: 0,
        body: vec![Stmt::Ranks(call)],
        values: Vec::new(),
    }
}
