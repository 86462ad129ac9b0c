//! Parameter groups: what a fit with them keeps and saves.

use std::collections::BTreeMap;
use std::fs;

use egret::optimizer::{Optimizer, Options};
use egret::pipeline::{self, Program};
use egret::run::{Settings, Silent};
use safetensors::SafeTensors;

/// Runs a fit with this optimizer and gives the shapes of what it saves.
fn saved(optimizer: &str, name: &str) -> BTreeMap<String, Vec<usize>> {
    let path = std::env::temp_dir().join(format!("egret-groups-{}-{name}.safetensors", std::process::id()));
    let source = format!(
        "data d = csv(\"small.csv\", target = \"width\")
         model line(x: real[B, 2]) -> real[B] {{
           layer hidden = dense[2, 3]
           layer out = dense[3, 1]
           sum(x |> hidden |> out, axis = 1)
         }}
         let fit = train line on d {{
           loss = mse(line(x), y)
           optimizer = {optimizer}
           batch = full
           steps = 3
         }}
         save fit to \"{}\"",
        path.display()
    );
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/run");
    let options = pipeline::Options { folder, ..pipeline::Options::default() };
    let program = Program::compile("groups.eg", &source, options)
        .unwrap_or_else(|report| panic!("{}", report.render(false)));
    program
        .run(&Settings::default(), &mut Silent)
        .unwrap_or_else(|report| panic!("{}", report.render(false)));
    let bytes = fs::read(&path).expect("it is saved");
    fs::remove_file(&path).expect("it is there");
    let file = SafeTensors::deserialize(&bytes).expect("it is a safetensors file");
    file.tensors().into_iter().map(|(name, tensor)| (name, tensor.shape().to_vec())).collect()
}

#[test]
fn states_are_saved_for_the_parameters_of_their_group() {
    let optimizer = "{ \"**.b\": adam(lr = 0.1) |> eg_scale(over = tensor), else: adam(lr = 0.01) }";
    let all = saved(optimizer, "states");
    let shape = |name: &str| all.get(name).map(Vec::as_slice);
    assert_eq!(shape("hidden.w"), Some(&[2, 3][..]));
    assert_eq!(shape("hidden.b"), Some(&[3][..]));
    assert_eq!(shape("hidden.b/adam.m"), Some(&[3][..]));
    assert_eq!(shape("out.b/adam.v"), Some(&[1][..]));
    assert_eq!(shape("hidden.w/adam_2.m"), Some(&[2, 3][..]));
    assert_eq!(shape("out.w/adam_2.v"), Some(&[3, 1][..]));
    assert_eq!(shape("hidden.w/adam.m"), None);
    assert_eq!(shape("hidden.b/adam_2.m"), None);
    assert_eq!(shape("eg_scale.s"), Some(&[2][..]), "one per tensor of the group: {all:?}");
}

#[test]
fn an_optimizer_for_other_programs_has_no_groups() {
    let source = "{ \"w\": sgd(lr = 0.1), else: adam }";
    let report = Optimizer::compile(source, &[("w", &[2]), ("b", &[1])], Options::default())
        .expect_err("groups are for `train`");
    let text = report.render(false);
    assert!(text.contains("not-a-pipeline") && text.contains("parameter groups are for `train`"), "{text}");
}
