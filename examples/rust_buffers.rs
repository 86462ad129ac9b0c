//! An Egret optimizer on buffers of this program: a line through points, by hand-written gradients.

use egret::optimizer::{Optimizer, Options};

const X: [[f32; 2]; 6] = [[0.0, 1.0], [1.0, 0.5], [2.0, -1.0], [3.0, 0.0], [4.0, 2.0], [5.0, -0.5]];
const Y: [f32; 6] = [1.5, 2.2, 6.1, 7.3, 6.4, 12.2];

/// The mean squared error at `params` (two weights, then the bias), and its gradient.
fn loss(params: &[f32; 3]) -> (f32, [f32; 3]) {
    let (mut loss, mut gradient) = (0.0, [0.0; 3]);
    for (x, y) in X.iter().zip(Y) {
        let error = params[0] * x[0] + params[1] * x[1] + params[2] - y;
        loss += error * error / 6.0;
        gradient[0] += error * x[0] / 3.0;
        gradient[1] += error * x[1] / 3.0;
        gradient[2] += error / 3.0;
    }
    (loss, gradient)
}

/// The loss after 200 steps.
pub(crate) fn fit() -> Result<f32, Box<dyn std::error::Error>> {
    let shapes: [(&str, &[usize]); 2] = [("weights", &[2]), ("bias", &[])];
    let pipeline = "adam(lr = 0.1) |> eg_gain |> eg_scale";
    let mut optimizer =
        Optimizer::compile(pipeline, &shapes, Options::default()).map_err(|report| report.render(false))?;
    let mut params = [0.0; 3];
    for step in 0..200 {
        if step == 150 {
            optimizer.set("adam.lr", 0.01)?;
        }
        let (value, gradient) = loss(&params);
        optimizer.step(&mut params, &gradient, Some(value.into()))?;
    }
    Ok(loss(&params).0)
}

#[allow(dead_code, reason = "the tests use `fit` alone")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("loss {:.6}", fit()?);
    Ok(())
}
