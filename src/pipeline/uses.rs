//! `use "layers.eg"`: the declarations of other files, each file once, before those of the script.

use std::path::{Path, PathBuf};

use crate::ast::{self, Expr, ExprKind, Item, ItemKind, Let, Script, StrPart};
use crate::data::errors::{MISSING_FILE, UNREADABLE_FILE};
use crate::diag::{Code, Diagnostic};
use crate::input;
use crate::source::{FileId, Source, Sources, Span};

/// A path that is no plain text.
static USE_PATH: Code = Code {
    name: "use-path",
    explain: "\
`use` takes the path of a file in quotes, relative to the file that says `use`.

    use layers

Write the file's name:

    use \"layers.eg\"",
};

/// Files that use each other.
static USE_CYCLE: Code = Code {
    name: "use-cycle",
    explain: "\
A file uses itself, perhaps through others. What files declare must come in some order.

    use \"b.eg\"      // in a.eg
    use \"a.eg\"      // in b.eg

Move what both need into a third file:

    use \"common.eg\" // in a.eg and in b.eg",
};

/// A used file that does something.
static USED_STATEMENT: Code = Code {
    name: "used-statement",
    explain: "\
A file that another one uses may only declare: `fn`, `model`, `stage`, `pipeline`, `use`, and `let` of
numbers and pipelines. Data, training, printing and `real` belong to the script that is run.

    print \"ready\"   // in layers.eg

Move it to the script, or leave it out. A file of declarations can be checked by itself:

    egret check layers.eg",
};

/// The codes of this module.
pub(super) const CODES: &[&Code] = &[&USE_PATH, &USE_CYCLE, &USED_STATEMENT];

/// A file that is being read: where it lies, and the `use` that asked for it.
struct OpenFile {
    path: PathBuf,
    name: String,
    span: Option<Span>,
}

/// Reads used files into the sources.
struct UseReader<'s> {
    sources: &'s mut Sources,
    items: Vec<Item>,
    found: Vec<Diagnostic>,
    /// Files that are being read, the script first.
    open: Vec<OpenFile>,
    /// Files that have been read.
    done: Vec<PathBuf>,
    /// The files that there are, if they are not to be looked for.
    known: Option<&'s [Source]>,
}

/// A script with the declarations of all files that it uses, and what is wrong with those files.
/// `folder` is the script's; the text of every file is added to `sources`. Files that are known by the names that
/// messages have for them are not looked for.
pub(super) fn read<'s>(
    script: &Script,
    file: FileId,
    (folder, known): (&Path, Option<&'s [Source]>),
    sources: &'s mut Sources,
) -> (Script, Vec<Diagnostic>) {
    let name = sources.get(file).name.clone();
    let path = Path::new(&name).file_name().map_or(folder.to_path_buf(), |last| folder.join(last));
    let path = path.canonicalize().unwrap_or(path);
    let open = vec![OpenFile { path, name, span: None }];
    let (items, found, done) = Default::default();
    let mut reader = UseReader { sources, items, found, open, done, known };
    reader.uses(script, folder);
    let own = script.items.iter().filter(|item| !matches!(item.kind, ItemKind::Use(_))).cloned();
    reader.items.extend(own);
    (Script { items: reader.items }, reader.found)
}

impl UseReader<'_> {
    /// What the `use` lines of a file ask for, in their order.
    fn uses(&mut self, script: &Script, folder: &Path) {
        for item in &script.items {
            if let ItemKind::Use(path) = &item.kind {
                match plain(path) {
                    Some(text) => self.file(&text, path.span, folder),
                    None => self.found.push(
                        Diagnostic::error(&USE_PATH, "`use` takes a path in quotes")
                            .label(path.span, "not a path")
                            .help("write the file's name: `use \"layers.eg\"`"),
                    ),
                }
            }
        }
    }

    fn file(&mut self, written: &str, span: Span, folder: &Path) {
        let (path, text) = match self.text(&folder.join(written), written) {
            Ok(found) => found,
            Err(error) => return self.unreadable(written, span, &error),
        };
        if let Some(at) = self.open.iter().position(|open| open.path == path) {
            return self.cycle(at, span);
        }
        if self.done.contains(&path) {
            return;
        }
        let name = self.shown(written);
        let file = self.sources.add(&name, text);
        let (script, found) = ast::parse(file, &self.sources.get(file).text);
        self.found.extend(found);
        let folder = path.parent().map_or(PathBuf::new(), Path::to_path_buf);
        self.open.push(OpenFile { path: path.clone(), name, span: Some(span) });
        self.uses(&script, &folder);
        for item in script.items {
            self.declaration(item);
        }
        self.open.pop();
        self.done.push(path);
    }

    /// The path that tells a file from others, and its text.
    fn text(&self, path: &Path, written: &str) -> std::io::Result<(PathBuf, String)> {
        let Some(known) = self.known else {
            let text = input::script(path)?;
            return Ok((path.canonicalize().unwrap_or(path.to_path_buf()), text));
        };
        let name = self.shown(written);
        match known.iter().find(|source| source.name == name) {
            Some(source) => Ok((PathBuf::from(name), source.text.clone())),
            None => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    /// What messages call a file: its path from where the script's is seen.
    fn shown(&self, written: &str) -> String {
        let user = self.open.last().map_or("", |open| &open.name);
        let folder = Path::new(user).parent().unwrap_or(Path::new(""));
        let mut parts: Vec<&std::ffi::OsStr> = Vec::new();
        let joined = folder.join(written);
        for part in joined.components() {
            use std::path::Component::{CurDir, Normal, ParentDir};
            match (part, parts.last()) {
                (CurDir, _) => {}
                (ParentDir, Some(last)) if *last != ".." => drop(parts.pop()),
                (Normal(part), _) => parts.push(part),
                (other, _) => parts.push(other.as_os_str()),
            }
        }
        parts.iter().collect::<PathBuf>().display().to_string()
    }

    fn declaration(&mut self, item: Item) {
        let found = match &item.kind {
            ItemKind::Use(_) => return,
            ItemKind::Fn(_) | ItemKind::Model(_) | ItemKind::Stage(_) | ItemKind::Pipeline(_) => {
                return self.items.push(item);
            }
            ItemKind::Let(line) if is_plain(line) => return self.items.push(item),
            ItemKind::Broken(_) => return self.items.push(item),
            ItemKind::Let(_) => "a `let` of a number or a pipeline is all that a used file may compute",
            ItemKind::Real(_) => "what `real` means is said by the script that is run",
            ItemKind::Data(_) => "data is declared by the script that is run",
            _ => "a used file only declares",
        };
        let found = Diagnostic::error(&USED_STATEMENT, found).label(item.span, "in a file that is used");
        let found = self.chain(found, self.open.len());
        self.found.push(found.help("move it into the script"));
    }

    /// Adds who used whom, from the innermost file outwards.
    fn chain(&self, found: Diagnostic, until: usize) -> Diagnostic {
        let used = self.open[..until].iter().rev().filter_map(|open| Some((open.span?, &open.name)));
        used.fold(found, |found, (span, name)| found.label(span, format!("`{name}` is used here")))
    }

    fn unreadable(&mut self, written: &str, span: Span, error: &std::io::Error) {
        let shown = self.shown(written);
        let found = match error.kind() {
            std::io::ErrorKind::NotFound => {
                Diagnostic::error(&MISSING_FILE, format!("there is no file `{shown}`"))
                    .label(span, "no such file")
            }
            _ => Diagnostic::error(&UNREADABLE_FILE, format!("cannot read `{shown}`: {error}"))
                .label(span, "cannot be read"),
        };
        let found = self.chain(found, self.open.len());
        self.found.push(found.help("paths are relative to the file that says `use`; check the spelling"));
    }

    fn cycle(&mut self, at: usize, span: Span) {
        let name = &self.open[at].name;
        let through: Vec<String> =
            self.open[at + 1..].iter().map(|open| format!("`{}`", open.name)).collect();
        let message = match through.is_empty() {
            true => format!("`{name}` uses itself"),
            false => format!("`{name}` uses itself, through {}", through.join(" and ")),
        };
        let mut found = Diagnostic::error(&USE_CYCLE, message).label(span, "by this `use`");
        for open in self.open[at + 1..].iter().rev() {
            if let Some(span) = open.span {
                found = found.label(span, format!("`{}` is used here", open.name));
            }
        }
        self.found.push(found.help("move what both need into a third file"));
    }
}

/// A path as seen from a folder, where both are seen from one place.
pub(super) fn seen_from(folder: &Path, path: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) = (folder.components().collect(), path.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[shared..].iter().map(|_| std::path::Component::ParentDir);
    up.chain(to[shared..].iter().copied()).collect()
}

/// The text of a string without holes.
fn plain(path: &Expr) -> Option<String> {
    match &path.kind {
        ExprKind::Str(parts) => match parts.as_slice() {
            [StrPart::Text(text)] if !text.is_empty() => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a `let` is a number or a pipeline: nothing that runs.
fn is_plain(line: &Let) -> bool {
    fn number(expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Number { .. } | ExprKind::Name(_) => true,
            ExprKind::Unary(_, x) => number(x),
            ExprKind::Binary(_, a, b) => number(a) && number(b),
            _ => false,
        }
    }
    let pipeline = matches!(line.value.kind, ExprKind::Pipe(..) | ExprKind::Groups(_));
    line.ty.is_none() && line.names.len() == 1 && (pipeline || number(&line.value))
}
