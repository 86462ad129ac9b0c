//! What is more than a case in a file: the command, the C interface, and laws over whole programs.

mod broadcasts;
mod buffers;
mod checkpoint;
mod cli;
mod coverage;
mod extent_mixes;
mod extents;
mod gradchecks;
mod groups;
mod model_states;
mod optim;
mod paper;
mod points;
mod readme;
mod report;
mod sharing;
mod small;
#[path = "../files/stand_in.rs"]
mod stand_in;
mod still;
mod sweeps;
mod threads;
