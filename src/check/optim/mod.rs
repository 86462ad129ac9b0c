//! Optimizers: stages, pipelines, hyperparameters, groups of parameters.
//!
//! Comes in: a pipeline, and the stages and pipelines that are declared. Goes out: stages with their words
//! resolved; and for each optimizer the stages that it uses, their hyperparameters, which are made of
//! run-time cells, and the parameters that each group trains.

mod draft;
pub(crate) mod external;
pub(crate) mod groups;
mod hypers;
mod orders;
pub(crate) mod pipelines;
pub(crate) mod points;
mod scaling;
pub(crate) mod stages;
