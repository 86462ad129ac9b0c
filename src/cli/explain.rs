//! `egret explain`: what a diagnostic code means.

use super::{Exit, print, unknown, usage};
use crate::pipeline;

pub(super) fn explain(code: Option<&str>) -> Exit {
    let Some(name) = code else {
        let names: String = pipeline::codes().map(|code| format!("{}\n", code.name)).collect();
        return print(&names);
    };
    match pipeline::codes().find(|code| code.name == name) {
        Some(code) => print(&format!("{}\n\n{}\n", code.name, code.text())),
        None => {
            let names: Vec<&str> = pipeline::codes().map(|code| code.name).collect();
            Err(usage(&unknown("diagnostic code", name, &names)))
        }
    }
}
