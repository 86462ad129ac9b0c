//! A run starts from a file of tensors, of ours or of another system, or from an earlier fit.

use std::fs;
use std::path::Path;
use std::process::Command;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};

use super::{code, egret, folder, script, stderr};

/// A run of one step that changes nothing, from what `from` says.
fn text(from: &str) -> String {
    format!(
        "data d = synthetic(rows = 8, seed = 1) {{
  x = random.normal[rows, 3]()
  y = sum(x, axis = 1)
}}
model net(x: real[B, 3]) -> real[B] {{
  layer first = dense[3, 2]
  layer norm  = batchnorm[2]
  layer last  = dense[2, 1]
  sum(x |> first |> norm |> last, axis = 1)
}}
let before = train net on d {{
  loss = mean((net(x) - y)^2)
  optimizer = adam |> eg_gain |> eg_scale
  steps = 5
  seed = 9
}}
save before to \"before.safetensors\"
let fit = train net on d {{
  loss = mean((net(x) - y)^2)
  optimizer = sgd(lr = 0)
  steps = 1
  from = {from}
}}
save fit to \"fit.safetensors\"
"
    )
}

const PARAMETERS: [&str; 6] = ["first.w", "first.b", "last.w", "last.b", "norm.gain", "norm.bias"];

fn tensor(file: &Path, name: &str) -> Vec<f32> {
    let bytes = fs::read(file).expect("it was written");
    let file = SafeTensors::deserialize(&bytes).expect("it is whole");
    let data = file.tensor(name).unwrap_or_else(|_| panic!("no {name} in {:?}", file.names()));
    data.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four"))).collect()
}

#[test]
fn parameters_are_those_of_an_earlier_fit_and_of_its_file() {
    let folder = folder("from_fit");
    let output = egret(&["run", "-q", &script(&folder, &text("before"))], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let [before, fit] = ["before", "fit"].map(|name| folder.join(format!("{name}.safetensors")));
    let same = |what: &str| {
        for name in PARAMETERS {
            assert_eq!(tensor(&before, name), tensor(&fit, name), "{name} {what}");
        }
    };
    same("of the fit");
    // The states of the optimizer that the file has too are no parameters.
    let output = egret(&["run", "-q", &script(&folder, &text("\"before.safetensors\""))], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    same("of the file");
}

/// A layer called as a stage is, with a state of the model called as a state of that stage.
#[test]
fn a_model_state_is_told_from_a_state_of_the_optimizer() {
    let folder = folder("from_like_named");
    let model = "model inner(x: real[B, 3]) -> real[B, 3] {
  state s: real[3] = 0
  s <- 0.9 * s + 0.1 * mean(x, axis = 0)
  x - s
}
model net";
    let named = text("\"before.safetensors\"")
        .replace("model net", model)
        .replace("layer first", "layer eg_scale = inner\n  layer first")
        .replace("x |> first", "x |> eg_scale |> first");
    let earlier = named.split("let fit").next().expect("a text");
    let output = egret(&["run", "-q", &script(&folder, earlier)], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let output = egret(&["run", "-q", &script(&folder, &named)], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(tensor(&folder.join("before.safetensors"), "eg_scale.s").len(), 3);
}

/// A file as PyTorch names and lays out a model: `fc1`, matrices transposed.
fn foreign(path: &Path, leave_out: &str, extra: bool) {
    let numbers =
        |n: usize, from: f32| (0..n).flat_map(|k| (from + k as f32).to_le_bytes()).collect::<Vec<u8>>();
    let mut tensors = vec![
        ("fc1.weight", vec![2, 3], numbers(6, 0.0)),
        ("fc1.bias", vec![2], numbers(2, 10.0)),
        ("fc2.weight", vec![1, 2], numbers(2, 20.0)),
        ("fc2.bias", vec![1], numbers(1, 30.0)),
        ("bn.weight", vec![2], numbers(2, 40.0)),
        ("bn.bias", vec![2], numbers(2, 50.0)),
        ("bn.running_mean", vec![2], numbers(2, 60.0)),
        ("bn.running_var", vec![2], numbers(2, 70.0)),
    ];
    tensors.retain(|(name, ..)| *name != leave_out);
    if extra {
        tensors.push(("bn.num_batches_tracked", vec![1], numbers(1, 0.0)));
    }
    let views = tensors.iter().map(|(name, shape, data)| {
        (*name, TensorView::new(Dtype::F32, shape.clone(), data).expect("it has so many bytes"))
    });
    serialize_to_file(views, None, path).expect("it can be written");
}

const LOAD: &str = "load(\"torch.safetensors\", transpose = [\"**.w\"], rename = {
    \"fc1.weight\": \"first.w\", \"fc1.bias\": \"first.b\", \"fc2.weight\": \"last.w\", \"fc2.bias\": \"last.b\",
    \"bn.weight\": \"norm.gain\", \"bn.bias\": \"norm.bias\", \"bn.*_mean\": \"norm.mean\", \"bn.*_var\": \"norm.variance\"
  })";

#[test]
fn names_and_layout_of_another_system_are_translated() {
    let folder = folder("from_torch");
    foreign(&folder.join("torch.safetensors"), "", false);
    let output = egret(&["run", "-q", &script(&folder, &text(LOAD))], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let fit = folder.join("fit.safetensors");
    assert_eq!(tensor(&fit, "first.w"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(tensor(&fit, "last.w"), [20.0, 21.0]);
    assert_eq!(tensor(&fit, "norm.bias"), [50.0, 51.0]);
}

#[test]
fn what_does_not_fit_is_listed_before_anything_runs() {
    let folder = folder("from_misfit");
    let file = folder.join("torch.safetensors");
    let run = |from: &str| {
        let output = egret(&["run", &script(&folder, &text(from))], &folder);
        (code(&output), stderr(&output))
    };
    foreign(&file, "", false);
    let (exit, said) = run("\"torch.safetensors\"");
    assert_eq!(exit, 1);
    for part in [
        "error[other-tensors]",
        "missing: `first.w` f32 [3, 2], ",
        "left over: `bn.bias` f32 [2], ",
        "rename = {",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!folder.join("before.safetensors").exists(), "the run before has begun");
    let (exit, said) = run(&LOAD.replace("transpose = [\"**.w\"], ", ""));
    assert_eq!(exit, 1);
    assert!(said.contains("`first.w`: f32 [2, 3] there, f32 [3, 2] here"), "{said}");
    assert!(said.contains("transpose = ["), "{said}");
    foreign(&file, "fc1.bias", true);
    let (exit, said) = run(LOAD);
    assert_eq!(exit, 1);
    assert!(
        said.contains("missing: `first.b` f32 [2]") && said.contains("left over: `bn.num_batches_tracked`"),
        "{said}"
    );
    let (exit, said) = run(&LOAD.replace("transpose", "strict = false, transpose"));
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("warning: fit: missing: `first.b` f32 [2]"), "{said}");
    assert_eq!(tensor(&folder.join("fit.safetensors"), "norm.gain"), [40.0, 41.0]);
    let (exit, said) = run("\"none.safetensors\"");
    assert_eq!(exit, 1);
    assert!(said.contains("error[missing-file]"), "{said}");
    fs::write(&file, "nothing of the kind").expect("it can be written");
    let (exit, said) = run("\"torch.safetensors\"");
    assert_eq!(exit, 1);
    assert!(said.contains("it is not a whole safetensors file"), "{said}");
}

/// Needs Python with the packages `safetensors` and `numpy`.
#[test]
fn a_file_of_the_python_package_is_read() {
    let folder = folder("from_python");
    let write = "import numpy as np, safetensors.numpy as st\n\
        a = lambda n, *s: (np.arange(np.prod(s)) + n).reshape(s).astype(np.float64)\n\
        st.save_file({'fc1.weight': a(0, 2, 3), 'fc1.bias': a(10, 2), 'fc2.weight': a(20, 1, 2), 'fc2.bias': a(30, 1),\n\
        'bn.weight': a(40, 2), 'bn.bias': a(50, 2), 'bn.running_mean': a(60, 2), 'bn.running_var': a(70, 2)},\n\
        'torch.safetensors')\n";
    let python = Command::new("python3").args(["-c", write]).current_dir(&folder).output();
    if !python.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 with safetensors and numpy is not there");
        return;
    }
    let output = egret(&["run", "-q", &script(&folder, &text(LOAD))], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(tensor(&folder.join("fit.safetensors"), "first.w"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
}
