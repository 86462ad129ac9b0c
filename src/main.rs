//! The `egret` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    egret::cli::main()
}
