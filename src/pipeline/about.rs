//! What names of the library are: how each is declared, and what its documentation says.

use super::LIBRARY;
use crate::ast::{self, Ident, Item, ItemKind};
use crate::check::builtins;
use crate::source::FileId;

/// The declarations of the library, each with its file and the text of that.
fn declarations() -> impl Iterator<Item = (&'static str, &'static str, Item)> {
    LIBRARY.iter().flat_map(|(file, text)| {
        let (script, _) = ast::parse(FileId::default(), text);
        script.items.into_iter().map(move |item| (*file, *text, item))
    })
}

/// The name that an item of the library declares.
fn name(item: &Item) -> Option<&Ident> {
    match &item.kind {
        ItemKind::Fn(function) | ItemKind::Model(function) => Some(&function.name),
        ItemKind::Stage(stage) => Some(&stage.name),
        ItemKind::Pipeline(pipeline) => Some(&pipeline.name),
        _ => None,
    }
}

/// All names of the library, builtin functions among them.
pub(crate) fn library_names() -> Vec<String> {
    let declared = declarations().filter_map(|(.., item)| name(&item).map(|name| name.name.clone()));
    declared.chain(builtins::names().map(str::to_string)).collect()
}

/// What is said of a name of the library: of a model and a function of one name, both.
pub(crate) fn about(wanted: &str) -> Option<String> {
    let declared = declarations().filter(|(.., item)| name(item).is_some_and(|name| name.name == wanted));
    let mut said: Vec<String> = declared.map(|(file, text, item)| declaration(file, text, &item)).collect();
    if builtins::is_builtin(wanted) {
        let names = builtins::arg_names(wanted);
        said.push(format!("{wanted}({})\n\nA builtin function.\n", names.join(", ")));
    }
    (!said.is_empty()).then(|| said.join("\n"))
}

/// How something is declared, its documentation, and where it is.
fn declaration(file: &str, text: &str, item: &Item) -> String {
    let source = text.get(item.span.start as usize..item.span.end as usize).unwrap_or_default();
    let head = source.split(" {\n").next().unwrap_or_default();
    let head = head.split(" =\n").next().unwrap_or_default();
    format!("{head}\n\n{}\n\nIn {file}.\n", item.doc.trim())
}
