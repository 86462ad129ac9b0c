//! `egret explain`: what a diagnostic code means, and what a name of the library does.

use super::{Exit, print, unknown, usage};
use crate::pipeline;

pub(super) fn explain(code: Option<&str>) -> Exit {
    let Some(name) = code else {
        let names: String = pipeline::codes().map(|code| format!("{}\n", code.name)).collect();
        return print(&names);
    };
    match pipeline::codes().find(|code| code.name == name) {
        Some(code) => print(&format!("{}\n\n{}\n", code.name, code.text())),
        None => match pipeline::about(name) {
            Some(text) => print(&text),
            None => {
                let codes = pipeline::codes().map(|code| code.name.to_string());
                let names: Vec<String> = codes.chain(pipeline::library_names()).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                Err(usage(&unknown("diagnostic code or name of the library", name, &names)))
            }
        },
    }
}
