//! `text("poem.txt", context = 64)`: windows of a text, as numbers of characters.

use std::ops::Range;
use std::rc::Rc;

use crate::algebra::types::{DType, Type};
use crate::data::arguments::{Arguments, SourceArgument, Takes};
use crate::data::formats::text::{self, Text, Windows};
use crate::data::values::put;
use crate::data::{Columns, Elements, Files, Reader, Schema, SourceKind, Values, WantedColumn};
use crate::diag::Diagnostic;

pub(super) static TEXT: SourceKind = SourceKind {
    name: "text",
    doc: "Windows of a text as numbers of characters: `x`, and `y` one character later.",
    example: "text(\"poem.txt\", context = 64, test = 0.1)",
    arguments: &[&PATH, &CONTEXT, &TEST],
    exclusive: &[],
    needed: 1,
    columns: Columns::Unnamed,
    reader: |given| Rc::new(Poem::of(given)),
};

static PATH: SourceArgument =
    SourceArgument { name: "path", takes: Takes::Path, doc: "the path of the file" };
static CONTEXT: SourceArgument = SourceArgument {
    name: "context",
    takes: Takes::Whole(1),
    doc: "the characters of a window, 64 if not given",
};
static TEST: SourceArgument = SourceArgument {
    name: "test",
    takes: Takes::OwnShare,
    doc: "the share of the characters, from the end, that is the test split",
};

#[derive(Debug)]
struct Poem {
    path: String,
    context: usize,
    test: Option<f64>,
}

impl Poem {
    fn of(given: &Arguments) -> Poem {
        Poem {
            path: given.text(&PATH).unwrap_or_default().to_owned(),
            context: given.whole(&CONTEXT).unwrap_or(64),
            test: given.share(&TEST),
        }
    }

    /// The text and its windows.
    fn windows(&self, files: &Files) -> Result<(Rc<Text>, Windows), Diagnostic> {
        let text = files.once(self.path.clone(), &self.path, text::read)?;
        let windows = text.windows(&files.path(&self.path), self.context, self.test)?;
        Ok((text, windows))
    }
}

impl Reader for Poem {
    fn schema(&self, files: &Files, _: DType) -> Result<Schema, Diagnostic> {
        let (text, windows) = self.windows(files)?;
        let column = |name: &str| (name.to_owned(), Type::of(DType::I32, &[self.context]));
        Ok(Schema {
            columns: vec![column("x"), column("y")],
            rows: windows.starts.len() - windows.test,
            test_rows: self.test.map(|_| windows.test),
            characters: text.characters.clone(),
            ..Schema::default()
        })
    }

    fn test_is_last(&self) -> bool {
        true
    }

    /// Each row is a window, and the same one character later. Test rows come last. Characters have the
    /// numbers that the text trained on gives them.
    fn column(&self, files: &Files, wanted: &WantedColumn<'_>) -> Result<Values, Diagnostic> {
        let (text, windows) = self.windows(files)?;
        let codes = match wanted.trained {
            Some(trained) if !trained.characters.is_empty() => {
                Rc::new(text.renumbered(&files.path(&self.path), trained.characters)?)
            }
            _ => text,
        };
        let shift = usize::from(wanted.name == "y");
        let starts = windows.starts.iter().map(|start| start + shift).collect();
        Ok(Values::at(self.context, starts, Box::new(Codes(codes))))
    }
}

/// The characters of a text.
#[derive(Debug)]
struct Codes(Rc<Text>);

impl Elements for Codes {
    fn copy(&self, range: Range<usize>, _: DType, out: &mut [u8]) {
        put(&self.0.codes[range], out, i32::to_ne_bytes);
    }

    fn are_below(&self, below: usize) -> bool {
        self.0.codes.iter().all(|code| usize::try_from(*code).is_ok_and(|code| code < below))
    }
}
