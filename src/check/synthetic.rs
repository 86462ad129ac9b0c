//! Data that is computed: `data d = synthetic(rows = 512, seed = 1) { x = random.normal[rows, 4]() ... }`.

use crate::algebra::types::{DType, Dim, Type};
use crate::ast;
use crate::source::Span;

use super::Checker;
use super::calls::Call;
use super::errors::{self, at};
use super::scope::{Binding, Checked, Place, Poison, Scope};
use super::text;
use crate::typed::{Column, Data, DataSource, Expr, LocalId};

/// What the size of the rows is called in expressions of columns.
const ROWS: &str = "rows";

impl<'a> Checker<'a> {
    /// A data set whose columns are expressions over all of its rows, each of which sees those before it.
    pub(super) fn synthetic(&mut self, item: &'a ast::Data, call: &Call<'a, '_>) -> Checked<Data> {
        let args = self.match_args(call, &[ROWS, "seed", "test"], 1, None)?;
        let rows_expr = args[0].ok_or(Poison)?;
        let rows = self.whole(rows_expr, ROWS, 1);
        let seed = args[1].map_or(Ok(0), |seed| self.whole(seed, "seed", 0));
        let test = args[2].map(|test| self.test_share(test)).transpose();
        let (rows, seed, test) = (rows?, seed?, test?);
        let counts = self.split_rows(test, rows, None, call.span)?;
        let mut scope = Scope::new(Place::Statement, false, self.real);
        scope.bind(ROWS, Binding::Size(Dim::from(rows)), rows_expr.span);
        let made: Vec<_> =
            item.transforms.iter().map(|line| self.synthetic_column(&mut scope, line, rows)).collect();
        let made: Vec<(Column, (LocalId, Expr))> = made.into_iter().collect::<Checked<_>>()?;
        if made.is_empty() {
            let found =
                at(&errors::SYNTHETIC_COLUMN, "synthetic data has no columns", call.span, "only rows");
            return Err(self.report(found.help("give it some: `{ x = random.normal[rows, 4]() }`")));
        }
        let (columns, exprs) = made.into_iter().unzip();
        Ok(Data {
            name: item.name.name.clone(),
            source: DataSource::Synthetic { seed: seed as u64, locals: scope.locals, columns: exprs },
            test: test.map(|(share, _)| share),
            characters: Vec::new(),
            columns,
            standardize: Vec::new(),
            rows: counts,
            span: item.name.span,
        })
    }

    /// One column, bound to its name for those after it.
    fn synthetic_column(
        &mut self,
        scope: &mut Scope,
        line: &'a ast::Let,
        rows: usize,
    ) -> Checked<(Column, (LocalId, Expr))> {
        let name = &line.name;
        if let Some(before) = scope.declared(&name.name) {
            return Err(self.report(errors::duplicate(&name.name, name.span, Some(before))));
        }
        let value = self.let_value(scope, line);
        let Ok(value) = value else {
            scope.bind(&name.name, Binding::Error, name.span);
            return Err(Poison);
        };
        let local = scope.bind_local(&name.name, value.ty.clone(), name.span);
        let ty = self.row_type(&value.ty, rows, &name.name, line.value.span)?;
        Ok((Column { name: name.name.clone(), ty }, (local, value)))
    }

    /// The type of a row of a column.
    fn row_type(&mut self, ty: &Type, rows: usize, name: &str, span: Span) -> Checked<Type> {
        let shown = text::show(ty, self.real);
        let is_rows = ty.shape.first().is_some_and(|dim| *dim == Dim::from(rows));
        if is_rows && ty.dtype != DType::Bool {
            return Ok(Type::new(ty.dtype, ty.shape[1..].to_vec()));
        }
        let (message, help) = match is_rows {
            true => {
                (format!("column `{name}` is `{shown}`; columns are numbers"), format!("write `i32({name})`"))
            }
            false => (
                format!("column `{name}` is `{shown}`, which has no entry for each of the {rows} rows"),
                "let its first size be `rows`: `random.normal[rows, 4]()`".to_owned(),
            ),
        };
        Err(self.report(at(&errors::SYNTHETIC_COLUMN, message, span, format!("`{shown}`")).help(help)))
    }
}
