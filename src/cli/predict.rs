//! `egret predict`: predictions with nothing but the file of a fit.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, fail, threads};
use crate::pipeline;

#[derive(Args, Debug)]
pub(super) struct PredictArgs {
    /// The fit, as `save fit to "fit.safetensors"` wrote it
    fit: PathBuf,
    /// The rows to predict for: a csv file, or arrays of NumPy where it was trained on such
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The table to write, with a line for each row
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Most threads to compute with, instead of one for each processor; the results do not depend on it
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

pub(super) fn predict(args: &PredictArgs, color: bool) -> Exit {
    let done = pipeline::predict(&args.fit, &args.data, &args.to, threads(args.threads));
    done.map(|()| 0).map_err(|report| fail(&report, color))
}
