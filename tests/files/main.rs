//! Tests of which each is one file: cases with their snapshots, training traces of an oracle, and what holds
//! for every script there is.

mod cases;
mod golden;
mod laws;
mod stand_in;

/// Stages whose cases are whole programs.
const SCRIPTS: &str = r"^(cases/(check|graph|kernel|loops|native|run|tour)|golden)/[^/]*\.eg$";
const TREES: &str = r"^cases/ast/[^/]*\.eg$";
const EG: &str = r"\.eg$";

datatest_stable::harness! {
    { test = cases::ast, root = "tests/cases/ast", pattern = r"\.eg$" },
    { test = cases::check, root = "tests/cases/check", pattern = r"\.eg$" },
    { test = cases::graph, root = "tests/cases/graph", pattern = r"\.eg$" },
    { test = cases::kernel, root = "tests/cases/kernel", pattern = r"\.eg$" },
    { test = cases::cost, root = "tests/cases/cost", pattern = r"\.eg$" },
    { test = cases::loops, root = "tests/cases/loops", pattern = r"\.eg$" },
    { test = cases::native, root = "tests/cases/native", pattern = r"\.eg$" },
    { test = cases::run, root = "tests/cases/run", pattern = r"^[^/]*\.eg$" },
    { test = cases::error, root = "tests/cases/error", pattern = r"^[^/]*\.eg$" },
    { test = cases::tour, root = "tests/cases/tour", pattern = r"\.eg$" },
    { test = golden::golden, root = "tests/golden", pattern = r"\.json$" },
    { test = laws::engines_agree, root = "tests", pattern = SCRIPTS },
    { test = laws::engines_agree, root = "examples", pattern = EG },
    { test = laws::printing_is_stable, root = "tests", pattern = SCRIPTS },
    { test = laws::printing_is_stable, root = "examples", pattern = EG },
    { test = laws::formatting_is_stable, root = "tests", pattern = SCRIPTS },
    { test = laws::formatting_is_stable, root = "tests", pattern = TREES },
    { test = laws::formatting_is_stable, root = "examples", pattern = EG },
    { test = laws::formatting_is_stable, root = "src/std", pattern = EG },
    { test = laws::formatting_keeps_the_meaning, root = "tests", pattern = SCRIPTS },
    { test = laws::formatting_keeps_the_meaning, root = "examples", pattern = EG },
    { test = laws::formatting_keeps_the_tree, root = "tests", pattern = TREES },
    { test = laws::formatting_keeps_the_tree, root = "src/std", pattern = EG },
}
