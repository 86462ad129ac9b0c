//! `text("poem.txt", context = 64)`: windows of a text.

use std::rc::Rc;

use super::{Files, Wanted};
use crate::algebra::types::{DType, Type};
use crate::check::Schema;
use crate::diag::Diagnostic;
use crate::run::dataset::{Elements, Values};
use crate::run::text::{self, Text, Windows};

impl Files {
    /// A text and its windows.
    fn windows(
        &self,
        name: &str,
        context: usize,
        test: Option<f64>,
    ) -> Result<(Rc<Text>, Windows), Diagnostic> {
        let text = self.once(&self.texts, name.to_owned(), name, text::read)?;
        let windows = text.windows(&self.folder.join(name), context, test)?;
        Ok((text, windows))
    }

    pub(super) fn text_schema(
        &self,
        path: &str,
        context: usize,
        test: Option<f64>,
    ) -> Result<Schema, Diagnostic> {
        let (text, windows) = self.windows(path, context, test)?;
        let column = |name: &str| (name.to_owned(), Type::of(DType::I32, &[context]));
        Ok(Schema {
            columns: vec![column("x"), column("y")],
            rows: windows.starts.len() - windows.test,
            test_rows: test.map(|_| windows.test),
            characters: text.characters.clone(),
        })
    }

    /// Each row is a window, and the same one character later. Test rows come last. Characters have the
    /// numbers that the text trained on gives them.
    pub(super) fn text_column(
        &self,
        wanted: &Wanted<'_>,
        path: &str,
        context: usize,
        test: Option<f64>,
    ) -> Result<Values, Diagnostic> {
        let (text, windows) = self.windows(path, context, test)?;
        let codes = match wanted.trained {
            Some((trained, _)) if !trained.characters.is_empty() => {
                Rc::new(text.renumbered(&self.folder.join(path), &trained.characters)?)
            }
            _ => text,
        };
        let shift = usize::from(wanted.declared().name == "y");
        let starts = windows.starts.iter().map(|start| start + shift).collect();
        Ok(Values::rows(context, Elements::Windows { codes, starts }))
    }
}
