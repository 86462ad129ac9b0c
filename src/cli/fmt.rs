//! `egret fmt`: the standard layout of scripts.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, PROGRAM, STANDARD_INPUT, complain, fail, load, print, usage};
use crate::run::save::write_atomically;
use crate::typed::{LIMIT, UNROLL};

#[derive(Args, Debug)]
pub(super) struct FmtArgs {
    /// The scripts; `-` is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Name the scripts that are not in the standard layout, print nothing else, and exit with 1 if there are any
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Put the standard layout into the files themselves
    #[arg(long)]
    write: bool,
}

pub(super) fn fmt(args: &FmtArgs, color: bool) -> Exit {
    let streamed = args.files.iter().any(|file| file == Path::new(STANDARD_INPUT));
    if args.write && streamed {
        return Err(usage("standard input cannot be written to: leave out `--write`"));
    }
    if args.files.len() > 1 && !args.write && !args.check {
        return Err(usage(
            "the layout of several scripts goes into their files (`--write`) or is checked (`--check`)",
        ));
    }
    // All of them are looked at, whatever is wrong with one.
    let codes: Vec<u8> =
        args.files.iter().map(|file| one(args, file, color).unwrap_or_else(|code| code)).collect();
    Ok(codes.into_iter().max().unwrap_or(0))
}

fn one(args: &FmtArgs, file: &Path, color: bool) -> Exit {
    let program = load(file, None, (LIMIT, UNROLL))?;
    let text = program.format().map_err(|report| fail(&report, color))?;
    let differs = program.source() != text;
    match (args.check, args.write) {
        (true, _) if differs => {
            print(&format!("{}\n", file.display()))?;
            Err(PROGRAM)
        }
        (false, true) if differs => replace(file, &text),
        (false, false) => print(&text),
        _ => Ok(0),
    }
}

/// Puts a text into a file, or leaves it as it is: a link goes on to lead to it.
fn replace(file: &Path, text: &str) -> Exit {
    let written = file.canonicalize().and_then(|file| write_atomically(&file, text.as_bytes()));
    written.map(|()| 0).map_err(|error| {
        complain(&format!("cannot write `{}`: {error}", file.display()));
        PROGRAM
    })
}
