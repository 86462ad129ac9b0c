//! Where everything that training changes lies: parameters in their arena, states, cells.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::build::{Evaluator, Frame, Sizes};
use super::{CellId, CellSlot, Layout, Param, ParamGroup, Role, StateSlot};
use crate::algebra::form::Segments;
use crate::algebra::types::{DType, Dim, Type};
use crate::source::Span;
use crate::typed::{
    Cell, Expr, Extent, Function, FunctionId, LocalId, Member, Optimizer, Program, StageUse, Train,
};

/// A parameter or state found while walking a model.
pub(super) struct ModelTensor<'a> {
    /// Its path: `blocks[2].attn.wq`.
    pub path: String,
    /// Its type with all sizes known.
    pub ty: Type,
    /// Its value before training.
    pub init: &'a Expr,
    /// The model that declares it.
    pub function: &'a Function,
    /// That model's sizes.
    pub sizes: Sizes,
    /// Where a parameter is declared; a state has no place.
    pub span: Option<Span>,
}

/// The parameters and states of a model in the order of their declarations, those of a layer where the
/// layer is declared.
fn tensors<'a>(program: &'a Program, optimizer: &Optimizer, batch: &Sizes) -> Vec<ModelTensor<'a>> {
    let mut found = Vec::new();
    walk(program, optimizer.model, &model_sizes(program, optimizer, batch), "", &mut found);
    found
}

/// The states of a model.
pub(super) fn model_states<'a>(
    program: &'a Program,
    optimizer: &Optimizer,
    batch: &Sizes,
) -> Vec<ModelTensor<'a>> {
    tensors(program, optimizer, batch).into_iter().filter(|found| found.span.is_none()).collect()
}

fn walk<'a>(
    program: &'a Program,
    model: FunctionId,
    sizes: &Sizes,
    path: &str,
    found: &mut Vec<ModelTensor<'a>>,
) {
    let function = &program.functions[model.0];
    for member in &function.members {
        match member {
            Member::Param { name, ty, init, .. } | Member::State { name, ty, init } => {
                found.push(ModelTensor {
                    path: join(path, name),
                    ty: ty.substitute(sizes),
                    init,
                    function,
                    sizes: sizes.clone(),
                    span: match member {
                        Member::Param { span, .. } => Some(*span),
                        _ => None,
                    },
                })
            }
            Member::Layer { name, function, sizes: fixed } => {
                let inner = fixed.iter().map(|(var, dim)| (var.clone(), dim.substitute(sizes))).collect();
                walk(program, *function, &inner, &join(path, name), found);
            }
        }
    }
}

/// A name inside of what a path leads to.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The sizes that a training run gives to its expressions in batches of `rows` rows.
pub(super) fn batch(train: &Train, rows: usize) -> Sizes {
    Sizes::from([(train.rows.clone(), Dim::from(rows))])
}

/// A model's sizes where those of the batch are known.
pub(super) fn model_sizes(program: &Program, optimizer: &Optimizer, batch: &Sizes) -> Sizes {
    let vars = program.functions[optimizer.model.0].sizes.iter().cloned();
    vars.zip(optimizer.sizes.iter().map(|dim| dim.substitute(batch))).collect()
}

/// The parameters of a model as they lie in the arena: those of each group consecutive.
pub(super) fn arena_order<'a>(
    program: &'a Program,
    optimizer: &Optimizer,
    batch: &Sizes,
) -> Vec<ModelTensor<'a>> {
    let mut found = tensors(program, optimizer, batch);
    found.retain(|found| found.span.is_some());
    let group = |path: &String| optimizer.groups.iter().position(|group| group.params.contains(path));
    if !optimizer.groups.is_empty() {
        found.sort_by_cached_key(|found| group(&found.path));
    }
    found
}

/// The groups of an optimizer in the arena.
fn arms(params: &[Param], optimizer: &Optimizer) -> Vec<ParamGroup> {
    let counts = match optimizer.groups[..] {
        [] => vec![(params.len(), optimizer.uses.len())],
        _ => optimizer.groups.iter().map(|group| (group.params.len(), group.stages)).collect(),
    };
    let mut end = ParamGroup::default();
    let mut arms = Vec::new();
    for (n, stages) in counts {
        let own = end.params.end..end.params.end + n;
        let length: usize = params[own.clone()].iter().map(|param| param.ty.count()).sum();
        end = ParamGroup {
            params: own,
            coordinates: end.coordinates.end..end.coordinates.end + length,
            stages: end.stages.end..end.stages.end + stages,
        };
        arms.push(end.clone());
    }
    arms
}

/// The layout of the parameters and of everything else that an optimizer changes.
pub(super) fn layout(program: &Program, optimizer: &Optimizer, batch: &Sizes) -> Layout {
    let mut start = 0;
    let mut params = Vec::new();
    for found in arena_order(program, optimizer, batch) {
        let next = start + found.ty.count();
        params.push(Param { name: found.path, ty: found.ty, start });
        start = next;
    }
    let segments = Rc::new(Segments { lengths: params.iter().map(|param| param.ty.count()).collect() });
    let arms = arms(&params, optimizer);
    let mut layout = Layout { params, segments, groups: arms, ..Layout::default() };
    for (k, group) in layout.groups.iter().enumerate() {
        let pieces = ArenaExtents::of(&layout, group);
        let stages = optimizer.uses[group.stages.clone()].iter();
        layout.states.extend(stages.flat_map(|used| states(program, used, &pieces, k)));
    }
    layout.model_states =
        model_states(program, optimizer, batch).into_iter().map(|found| (found.path, found.ty)).collect();
    layout.cells = cells(program, optimizer);
    layout.ranges =
        optimizer.cells.iter().filter_map(|cell| Some((cell.name.clone(), cell.range?))).collect();
    layout
}

/// A parameter as a matrix: its last axis runs along a row. A vector is one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct ParamMatrix {
    /// Its first element in the arena.
    pub start: usize,
    /// The number of columns of all parameters before it.
    pub first_column: usize,
    /// How many rows it has.
    pub rows: usize,
    /// How many columns it has.
    pub columns: usize,
}

/// The pieces of an arena that stages know as extents; with groups, of the group's part of it.
#[derive(Clone, Debug, Default)]
pub(super) struct ArenaExtents {
    /// Where they lie in the arena.
    pub coordinates: std::ops::Range<usize>,
    /// Coordinates of each tensor.
    pub tensors: Rc<Segments>,
    /// Coordinates of each row, once a stage asks for them: there may be many.
    rows: OnceCell<Rc<Segments>>,
    /// Rows of each tensor.
    pub tensor_rows: Rc<Segments>,
    /// Columns of each tensor.
    pub tensor_columns: Rc<Segments>,
    /// The parameters.
    pub matrices: Rc<[ParamMatrix]>,
}

impl ArenaExtents {
    /// Those of a group.
    pub(super) fn of(layout: &Layout, group: &ParamGroup) -> ArenaExtents {
        let params = &layout.params[group.params.clone()];
        let mut matrices = Vec::new();
        let mut first_column = 0;
        for param in params {
            let columns = param.ty.sizes().last().copied().unwrap_or(1);
            let rows = param.ty.count() / columns;
            matrices.push(ParamMatrix {
                start: param.start - group.coordinates.start,
                first_column,
                rows,
                columns,
            });
            first_column += columns;
        }
        let segments = |lengths: Vec<usize>| Rc::new(Segments { lengths });
        ArenaExtents {
            coordinates: group.coordinates.clone(),
            tensors: segments(params.iter().map(|param| param.ty.count()).collect()),
            rows: OnceCell::new(),
            tensor_rows: segments(matrices.iter().map(|matrix| matrix.rows).collect()),
            tensor_columns: segments(matrices.iter().map(|matrix| matrix.columns).collect()),
            matrices: matrices.into(),
        }
    }

    /// Coordinates of each row.
    pub(super) fn rows(&self) -> Rc<Segments> {
        let row = |matrix: &ParamMatrix| std::iter::repeat_n(matrix.columns, matrix.rows);
        let lengths = || self.matrices.iter().flat_map(row).collect();
        self.rows.get_or_init(|| Rc::new(Segments { lengths: lengths() })).clone()
    }
}

/// The states of a stage in a pipeline.
fn states(program: &Program, used: &StageUse, pieces: &ArenaExtents, group: usize) -> Vec<StateSlot> {
    let states = program.stages[used.stage.0].states.iter();
    let slot = |name: &str, extent| StateSlot {
        name: join(&used.name, name),
        extent,
        group,
        congruent_to: None,
        ty: match extent {
            Extent::Coordinate => Type::of(program.real, &[pieces.tensors.total()]),
            Extent::Row => Type::of(DType::F64, &[pieces.tensor_rows.total()]),
            Extent::Column => Type::of(DType::F64, &[pieces.tensor_columns.total()]),
            Extent::Tensor => Type::of(DType::F64, &[pieces.tensors.count()]),
            Extent::Vector(n) => Type::of(DType::F64, &[n]),
            Extent::Group | Extent::Model => Type::scalar(DType::F64),
        },
    };
    states.map(|state| slot(&state.name, state.extent)).collect()
}

/// The name of a hyperparameter's cell.
pub(super) fn cell_name(program: &Program, used: &StageUse, hyper: usize) -> String {
    let stage = &program.stages[used.stage.0];
    format!("opt.{}.{}", used.name, stage.locals[stage.hypers[hyper].0].name)
}

/// The cells of an optimizer that are the same in every step; the others are computed in each.
fn cells(program: &Program, optimizer: &Optimizer) -> Vec<CellSlot> {
    let slot = |cell: &Cell| {
        let value = number(program, optimizer, &cell.value)?;
        Some(CellSlot { name: cell.name.clone(), value, local: cell.local, swept: cell.swept })
    };
    optimizer.cells.iter().filter_map(slot).collect()
}

/// The value of an expression if it is a number whatever the step.
fn number(program: &Program, optimizer: &Optimizer, expr: &Expr) -> Option<f64> {
    let layouts = BTreeMap::new();
    let mut evaluator = Evaluator::new(program, &layouts);
    let mut frame = Frame::default();
    let mut unknown = |evaluator: &mut Evaluator, name: &str, role, local| {
        let value = evaluator.builder.input(name, role, Type::scalar(DType::F64));
        frame.bind(local, value);
    };
    unknown(&mut evaluator, "t", Role::Step, LocalId(0));
    unknown(&mut evaluator, "T", Role::Total, LocalId(1));
    for (k, cell) in optimizer.cells.iter().enumerate() {
        unknown(&mut evaluator, &cell.name, Role::Cell(CellId(k)), cell.local);
    }
    let value = evaluator.eval(expr, &mut frame);
    evaluator.builder.as_constant(value)
}
