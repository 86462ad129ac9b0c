//! The C interface as C uses it, and as no one should.

use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

use super::*;

const ADAM: &CStr = c"adam(lr = 0.1) |> eg_gain";

fn last() -> String {
    // SAFETY: the message ends with a zero and lives until the next call that fails.
    unsafe { CStr::from_ptr(egret_last_error()) }.to_str().expect("it is UTF-8").to_owned()
}

/// An optimizer of a `[2, 2]` and a number.
struct Owned(*mut egret_optimizer);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it comes from `egret_compile` and nobody uses it again.
        unsafe { egret_free(self.0) }
    }
}

fn compile(pipeline: &CStr) -> Owned {
    let sizes = [2, 2];
    let tensors = [
        egret_tensor { name: c"w".as_ptr(), sizes: sizes.as_ptr(), rank: 2 },
        egret_tensor { name: c"b".as_ptr(), sizes: null(), rank: 0 },
    ];
    let mut optimizer = null_mut();
    // SAFETY: everything is valid.
    let code = unsafe { egret_compile(pipeline.as_ptr(), tensors.as_ptr(), 2, 0, &mut optimizer) };
    assert_eq!(code, egret_code::Ok, "{}", last());
    Owned(optimizer)
}

fn get(optimizer: &Owned, name: &CStr) -> f64 {
    let mut value = f64::NAN;
    // SAFETY: everything is valid.
    assert_eq!(unsafe { egret_get(optimizer.0, name.as_ptr(), &mut value) }, egret_code::Ok);
    value
}

fn state(optimizer: &Owned, name: &CStr, len: usize) -> Vec<f64> {
    let mut values = vec![f64::NAN; len];
    // SAFETY: everything is valid.
    let code = unsafe { egret_state_read(optimizer.0, name.as_ptr(), values.as_mut_ptr(), len) };
    assert_eq!(code, egret_code::Ok, "{}", last());
    values
}

#[test]
fn calls_do_what_the_optimizer_does() {
    let own = compile(ADAM);
    let shapes: [(&str, &[usize]); 2] = [("w", &[2, 2]), ("b", &[])];
    let mut same =
        Optimizer::compile(ADAM.to_str().expect("text"), &shapes, Options::default()).expect("right");
    let (mut a, mut b) = ([1.0_f32, -2.0, 0.5, 3.0, 0.0], [1.0_f32, -2.0, 0.5, 3.0, 0.0]);
    for step in 0..5 {
        let g = a.map(|w| w * 2.0 - 1.0);
        // SAFETY: everything is valid.
        let code = unsafe { egret_step_f32(own.0, a.as_mut_ptr(), g.as_ptr(), 5, null()) };
        assert_eq!(code, egret_code::Ok, "{}", last());
        same.step(&mut b, &g, None).expect("it fits");
        if step == 2 {
            // SAFETY: everything is valid.
            assert_eq!(unsafe { egret_set(own.0, c"adam.lr".as_ptr(), 0.05) }, egret_code::Ok);
            same.set("adam.lr", 0.05).expect("it is there");
        }
    }
    assert_eq!(a, b);
    assert_eq!(get(&own, c"adam.lr"), 0.05);
    assert_eq!(state(&own, c"adam.m", 5), same.state("adam.m").expect("a state"));
    // SAFETY: it comes from `egret_compile`.
    assert_eq!(unsafe { egret_steps(own.0) }, 5);

    let zeros = [0.0; 5];
    // SAFETY: everything is valid.
    unsafe { egret_state_write(own.0, c"adam.m".as_ptr(), zeros.as_ptr(), 5) };
    assert_eq!(state(&own, c"adam.m", 5), zeros);
}

#[test]
fn tensors_apart_and_brain_floats() {
    let (apart, flat, brain) = (compile(ADAM), compile(ADAM), compile(ADAM));
    let (mut w, mut b) = ([1.0_f32, -2.0, 0.5, 3.0], [0.25_f32]);
    let (mut all, mut narrow, mut copy) =
        ([1.0_f32, -2.0, 0.5, 3.0, 0.25], [1.0_f32, -2.0, 0.5, 3.0, 0.25], [0; 5]);
    let (gw, gb, g) = ([1.0_f32, 2.0, 3.0, 4.0], [5.0_f32], [1.0_f32, 2.0, 3.0, 4.0, 5.0]);
    let short = g.map(crate::optimizer::bf16::round);
    let (params, gradients) = ([w.as_mut_ptr(), b.as_mut_ptr()], [gw.as_ptr(), gb.as_ptr()]);
    // SAFETY: everything is valid.
    unsafe {
        assert_eq!(egret_init_f32(flat.0, all.as_ptr(), 5), egret_code::Ok);
        egret_step_tensors_f32(apart.0, params.as_ptr(), gradients.as_ptr(), 2, null());
        egret_step_f32(flat.0, all.as_mut_ptr(), g.as_ptr(), 5, &1.5);
        egret_step_bf16_grad(brain.0, narrow.as_mut_ptr(), short.as_ptr(), copy.as_mut_ptr(), 5, null());
    }
    assert_eq!([&w[..], &b[..]].concat(), all);
    assert_eq!(narrow, all);
    assert_eq!(copy, all.map(crate::optimizer::bf16::round));
    assert!(all[0] < 1.0);
}

#[test]
fn weights_to_evaluate_with() {
    let (own, plain) = (compile(c"sgd(lr = 0.5) |> weight_ema(decay = 0.5)"), compile(ADAM));
    let (mut params, gradient, mut weights) = ([1.0_f32; 5], [1.0_f32; 5], [0.0_f32; 5]);
    // SAFETY: everything is valid.
    unsafe {
        let early = egret_weights_f32(own.0, params.as_ptr(), weights.as_mut_ptr(), 5);
        assert_eq!(early, egret_code::NotStarted);
        egret_step_f32(own.0, params.as_mut_ptr(), gradient.as_ptr(), 5, null());
        let code = egret_weights_f32(own.0, params.as_ptr(), weights.as_mut_ptr(), 5);
        assert_eq!(code, egret_code::Ok, "{}", last());
        assert_ne!(weights, params);
        egret_step_f32(plain.0, params.as_mut_ptr(), gradient.as_ptr(), 5, null());
        egret_weights_f32(plain.0, params.as_ptr(), weights.as_mut_ptr(), 5);
    }
    assert_eq!(weights, params);
}

#[test]
fn states_are_listed() {
    let own = compile(ADAM);
    let mut found = Vec::new();
    loop {
        let (mut name, mut len) = (null(), 0);
        // SAFETY: everything is valid.
        let code = unsafe { egret_state_info(own.0, found.len(), &mut name, &mut len) };
        if code != egret_code::Ok {
            assert_eq!(code, egret_code::Unknown);
            assert_eq!(last(), "there is no state 4: there are 4");
            break;
        }
        // SAFETY: the name ends with a zero and lives as long as the optimizer.
        found.push((unsafe { CStr::from_ptr(name) }.to_str().expect("text").to_owned(), len));
    }
    let names = ["adam.m", "adam.v", "eg_gain.p", "eg_gain.avg"];
    assert_eq!(found, names.map(|name| (name.to_owned(), 5)));
}

#[test]
fn bad_pointers_give_codes() {
    let own = compile(ADAM);
    let mut params = [0.0_f32; 11];
    let gradient = [0.0_f32; 11];
    let (w, g) = (params.as_mut_ptr(), gradient.as_ptr());
    let (odd_w, odd_g) =
        (w.cast::<u8>().wrapping_add(1).cast::<f32>(), g.cast::<u8>().wrapping_add(2).cast::<f32>());
    let nan = f64::NAN;
    // SAFETY: what is neither null nor misaligned is valid.
    unsafe {
        let step = |w, g, len, loss| egret_step_f32(own.0, w, g, len, loss);
        for (code, expected, text) in [
            (step(null_mut(), g, 5, null()), egret_code::Null, "`params` is null"),
            (step(w, null(), 5, null()), egret_code::Null, "`gradient` is null"),
            (step(odd_w, g, 5, null()), egret_code::Misaligned, "`params` is not at a multiple of 4 bytes"),
            (step(w, odd_g, 5, null()), egret_code::Misaligned, "`gradient` is not at a multiple of 4 bytes"),
            (step(w, g, 4, null()), egret_code::Length, "`params`: 4 given, not 5"),
            (
                step(w, g, usize::MAX, null()),
                egret_code::Length,
                "`params`: 18446744073709551615 given, not 5",
            ),
            (step(w, w.add(4), 5, null()), egret_code::Overlap, "memory that is written overlaps"),
            (step(w, g, 5, &nan), egret_code::Loss, "the loss is NaN"),
            (egret_step_f32(null_mut(), w, g, 5, null()), egret_code::Null, "`optimizer` is null"),
        ] {
            // Each call leaves its own message: only the last one of this list is still there.
            assert_eq!(code, expected, "{text}");
        }
        assert_eq!(last(), "`optimizer` is null");
        step(w, odd_g, 5, null());
        assert_eq!(last(), "`gradient` is not at a multiple of 4 bytes");
        step(w, w.add(4), 5, null());
        assert_eq!(last(), "memory that is written overlaps with other memory of the call");
        let (twice, pair) = ([w, w.add(3)], [g, g]);
        let tensors = egret_step_tensors_f32(own.0, twice.as_ptr(), pair.as_ptr(), 2, null());
        assert_eq!(tensors, egret_code::Overlap);
        let tensors = egret_step_tensors_f32(own.0, twice.as_ptr(), pair.as_ptr(), 3, null());
        assert_eq!(tensors, egret_code::Length);
        let brain = egret_step_bf16_grad(own.0, w, g.cast(), w.cast(), 5, null());
        assert_eq!(brain, egret_code::Overlap);
        assert_eq!(egret_steps(null()), 0);
        assert_eq!(egret_steps(own.0), 0);
        egret_free(null_mut());
        assert_eq!(egret_set(own.0, null(), 1.0), egret_code::Null);
        assert_eq!(egret_set(own.0, c"\xff".as_ptr(), 1.0), egret_code::Text);
        assert_eq!(egret_set(own.0, c"adam.rate".as_ptr(), 1.0), egret_code::Unknown);
        assert_eq!(egret_set(own.0, c"adam.lr".as_ptr(), nan), egret_code::Value);
        assert_eq!(egret_get(own.0, c"adam.lr".as_ptr(), null_mut()), egret_code::Null);
        let mut values = [0.0; 5];
        let name = c"adam.m".as_ptr();
        assert_eq!(egret_state_read(own.0, name, values.as_mut_ptr(), 5), egret_code::NotStarted);
        assert_eq!(step(w, g, 5, null()), egret_code::Ok);
        assert_eq!(egret_state_read(own.0, name, values.as_mut_ptr(), 4), egret_code::Length);
        assert_eq!(egret_state_read(own.0, name, null_mut(), 5), egret_code::Null);
        assert_eq!(egret_state_write(own.0, c"adam".as_ptr(), values.as_ptr(), 5), egret_code::Unknown);
        assert_eq!(egret_save(own.0, c"/nowhere/at/all".as_ptr()), egret_code::File);
        assert_eq!(egret_load(own.0, c"/nowhere/at/all".as_ptr()), egret_code::File);
    }
}

#[test]
fn wrong_texts_and_shapes_give_codes() {
    let sizes = [2_usize, usize::MAX];
    let name = c"w".as_ptr();
    let right = egret_tensor { name, sizes: sizes.as_ptr(), rank: 1 };
    let odd = sizes.as_ptr().cast::<u8>().wrapping_add(3).cast();
    let mut optimizer: *mut egret_optimizer = null_mut();
    let mut compile = |text: *const c_char, tensors: &[egret_tensor]| {
        // SAFETY: what is neither null nor misaligned is valid.
        let code = unsafe { egret_compile(text, tensors.as_ptr(), tensors.len(), 0, &mut optimizer) };
        assert!(optimizer.is_null());
        code
    };
    let adam = ADAM.as_ptr();
    assert_eq!(compile(null(), &[right]), egret_code::Null);
    assert_eq!(compile(c"\xff".as_ptr(), &[right]), egret_code::Text);
    assert_eq!(compile(adam, &[]), egret_code::Pipeline);
    assert_eq!(compile(adam, &[egret_tensor { name: null(), ..right }]), egret_code::Null);
    assert_eq!(compile(adam, &[egret_tensor { sizes: null(), ..right }]), egret_code::Null);
    assert_eq!(compile(adam, &[egret_tensor { sizes: odd, ..right }]), egret_code::Misaligned);
    assert_eq!(compile(adam, &[egret_tensor { rank: usize::MAX, ..right }]), egret_code::Length);
    assert_eq!(compile(adam, &[egret_tensor { rank: 2, ..right }]), egret_code::Pipeline);
    assert_eq!(compile(adam, &[right, right]), egret_code::Pipeline);
    assert!(last().contains("two parameters are called `w`"), "{}", last());
    assert_eq!(compile(c"adm".as_ptr(), &[right]), egret_code::Pipeline);
    assert!(last().contains("unknown stage `adm`"), "{}", last());
    // SAFETY: what is not null is valid.
    let nowhere = unsafe { egret_compile(adam, &right, 1, 0, null_mut()) };
    assert_eq!(nowhere, egret_code::Null);
}

#[test]
fn panics_stay_inside() {
    let code = guard(|| crate::ice!("capi", "a test"));
    assert_eq!(code, egret_code::Internal);
    assert!(last().starts_with("egret internal error in capi: a test"));
}

#[test]
fn files_of_other_pipelines_name_both() {
    let (own, other) = (compile(ADAM), compile(c"adam(lr = 0.1)"));
    let path = std::env::temp_dir().join(format!("egret-capi-{}.safetensors", std::process::id()));
    let file = CString::new(path.to_str().expect("text")).expect("no zero in it");
    let (mut params, gradient) = ([1.0_f32; 5], [1.0_f32; 5]);
    // SAFETY: everything is valid.
    unsafe {
        assert_eq!(egret_save(own.0, file.as_ptr()), egret_code::NotStarted);
        egret_step_f32(own.0, params.as_mut_ptr(), gradient.as_ptr(), 5, null());
        assert_eq!(egret_save(own.0, file.as_ptr()), egret_code::Ok);
        assert_eq!(egret_load(other.0, file.as_ptr()), egret_code::Mismatch);
        assert!(last().contains("adam |> eg_gain(signal = sign); this optimizer is for adam"), "{}", last());
        assert_eq!(egret_load(own.0, file.as_ptr()), egret_code::Ok);
    }
    std::fs::remove_file(path).expect("it is there");
}
