//! How a random program is drawn.

use crate::generator;
use crate::rng::Rng;
use crate::script::{Case, LOSSES, USES};

/// The case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut rng = Rng(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let function = generator::function(&mut rng);
    let n = function.inputs.len();
    let mut wrt: Vec<usize> = (0..n).filter(|_| rng.below(2) == 0).collect();
    if wrt.is_empty() {
        wrt.push(rng.below(n));
    }
    let uses = (0..USES.len()).filter(|which| *which == 0 || rng.below(3) == 0).collect();
    let loss = LOSSES[rng.below(LOSSES.len())];
    Case { function, uses, wrt, loss }
}
