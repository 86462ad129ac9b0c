//! Optimizers: stages, pipelines, hyperparameters, groups of parameters.

pub(crate) mod draft;
pub(crate) mod external;
pub(crate) mod groups;
pub(crate) mod hypers;
pub(crate) mod orders;
pub(crate) mod pipelines;
pub(crate) mod points;
pub(crate) mod scaling;
pub(crate) mod stages;
