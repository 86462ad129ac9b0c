//! Tensors made from nothing.

use std::collections::BTreeMap;

use super::form::{Form, Index, Read, strides};
use super::number::Number;
use super::rules::{LawSample, Mismatch, Rules, expect_count};
use super::scalar::UNIFORM;
use super::term::{Term, axis, c, call, x};
use super::types::{DType, Dim, Shape, SizeVar, Type};
use crate::print::number;

/// A source of elements.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Fill {
    /// One number everywhere. Takes no arguments.
    Const {
        /// The number.
        value: Number,
        /// Element type.
        dtype: DType,
        /// Shape.
        to: Shape,
    },
    /// The row-major position of each element, from 0. Takes no arguments.
    Iota {
        /// Element type.
        dtype: DType,
        /// Shape.
        to: Shape,
    },
    /// Uniform numbers in `[0, 1)`. Takes the key, `i32[2]`; element `i` is a pure function of the
    /// key, `site` and `i`, so it depends on neither threads nor history.
    Random {
        /// Tells uses with one key apart.
        site: u32,
        /// Element type.
        dtype: DType,
        /// Shape.
        to: Shape,
    },
}

impl Fill {
    /// The result's type.
    fn ty(&self) -> Type {
        let (Fill::Const { dtype, to, .. } | Fill::Iota { dtype, to } | Fill::Random { dtype, to, .. }) =
            self;
        Type::new(*dtype, to.clone())
    }
}

/// The row-major position in a tensor of these sizes.
fn position(sizes: &[usize]) -> Term {
    let strides = strides(sizes);
    let terms = strides.into_iter().enumerate().filter(|(_, stride)| *stride != 0);
    let terms = terms.map(|(k, stride)| if stride == 1 { axis(k) } else { axis(k) * c(stride as f64) });
    terms.reduce(|sum, term| sum + term).unwrap_or_else(|| c(0.0))
}

impl Rules for Fill {
    fn samples() -> Vec<LawSample<Self>> {
        let to = |sizes: &[usize]| sizes.iter().map(|n| Dim::from(*n)).collect::<Shape>();
        let constant = |value, dtype, sizes: &[usize]| {
            LawSample::of(Fill::Const { value: Number(value), dtype, to: to(sizes) }, &[])
        };
        let iota = |dtype, sizes: &[usize]| LawSample::of(Fill::Iota { dtype, to: to(sizes) }, &[]);
        let random = |site, sizes: &[usize]| {
            let random = Fill::Random { site, dtype: DType::F64, to: to(sizes) };
            LawSample::new(random, &[Type::of(DType::I32, &[2])])
        };
        vec![
            constant(0.5, DType::F64, &[2, 3]),
            constant(3.0, DType::I32, &[]),
            constant(1.0, DType::Bool, &[0]),
            iota(DType::F64, &[2, 1, 3]),
            iota(DType::I32, &[4]),
            iota(DType::I32, &[]),
            iota(DType::F64, &[1]),
            iota(DType::F64, &[0, 2]),
            random(7, &[2, 3]),
            random(0x9000_0000, &[0]),
        ]
    }

    fn substitute(&self, sizes: &BTreeMap<SizeVar, Dim>) -> Fill {
        let shape = |to: &Shape| to.iter().map(|dim| dim.substitute(sizes)).collect();
        match self {
            Fill::Const { value, dtype, to } => Fill::Const { value: *value, dtype: *dtype, to: shape(to) },
            Fill::Iota { dtype, to } => Fill::Iota { dtype: *dtype, to: shape(to) },
            Fill::Random { site, dtype, to } => Fill::Random { site: *site, dtype: *dtype, to: shape(to) },
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Fill::Const { .. } => "const",
            Fill::Iota { .. } => "iota",
            Fill::Random { .. } => "random",
        }
    }

    fn attributes(&self) -> String {
        match self {
            Fill::Const { value, .. } => number(value.0),
            Fill::Iota { .. } => String::new(),
            Fill::Random { site, .. } => format!("site = {site}"),
        }
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        let ty = self.ty();
        match self {
            Fill::Const { .. } | Fill::Iota { .. } => expect_count(args, 0)?,
            Fill::Random { .. } => {
                expect_count(args, 1)?;
                if !self.ty().dtype.is_float() {
                    return Err(Mismatch::new(0, "a key for floats"));
                }
                if *args[0] != Type::new(DType::I32, vec![Dim::constant(2)]) {
                    return Err(Mismatch::new(0, "a key, i32[2]"));
                }
            }
        }
        Ok(ty)
    }

    fn form(&self, _args: &[&Type]) -> Form {
        let sizes = self.ty().sizes();
        match self {
            Fill::Const { value, .. } => Form::pointwise(&sizes, Vec::new(), c(value.0)),
            Fill::Iota { .. } => Form::pointwise(&sizes, Vec::new(), position(&sizes)),
            Fill::Random { site, .. } => {
                let key = |k| Read { arg: 0, index: vec![Index::constant(k)], outside: None };
                let site = c(f64::from(*site as i32));
                let body = call(&UNIFORM, [x(0), x(1), site, position(&sizes)]);
                Form::pointwise(&sizes, vec![key(0), key(1)], body)
            }
        }
    }
}
