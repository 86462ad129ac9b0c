//! Elementwise operators.

use super::form::{Form, Read};
use super::rules::{LawSample, Mismatch, Rules, expect_count};
use super::scalar::{self, Scalar, Typing};
use super::term::{call, x};
use super::types::{DType, Type};

/// A scalar function applied at every position of tensors of one shape.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Map(pub &'static Scalar);

/// Another element type: floats round to nearest even, floats to integers truncate, booleans are 0 and 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cast(pub DType);

impl Rules for Map {
    fn samples() -> Vec<LawSample<Self>> {
        let of = |row, sizes: &[&[usize]]| LawSample::of(Map(row), sizes);
        // Every row with a derivative, where all of them are smooth: between 0.3 and 0.9.
        let smooth = |row: &&'static Scalar| matches!(row.typing, Typing::Number | Typing::Float);
        let tame = |row: &'static Scalar, sizes: &[usize]| {
            let mut sample = of(row, &vec![sizes; row.args.len()]);
            sample.args.iter_mut().flat_map(|arg| &mut arg.data).for_each(|x| *x = 0.2 + 0.35 * x.abs());
            sample
        };
        let sizes: [&[usize]; 4] = [&[3], &[], &[1, 1], &[2, 0]];
        let rows = scalar::ALL.iter().filter(|row| smooth(row));
        let rows = rows.flat_map(|row| sizes.map(|sizes| tame(row, sizes)));
        let chosen = [DType::Bool, DType::F64, DType::F64].map(|dtype| Type::of(dtype, &[2, 3]));
        let shapes = vec![
            of(&scalar::ADD, &[&[2, 3], &[2, 3]]),
            of(&scalar::MUL, &[&[1], &[1]]),
            of(&scalar::DIV, &[&[], &[]]),
            of(&scalar::NEG, &[&[2, 0]]),
            of(&scalar::EQ, &[&[4], &[4]]),
            LawSample::new(Map(&scalar::SELECT), &chosen),
        ];
        rows.chain(shapes).collect()
    }

    fn name(&self) -> &'static str {
        self.0.name
    }

    fn attributes(&self) -> String {
        String::new()
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, self.0.args.len())?;
        let dtype = result_dtype(self.0.typing, args)?;
        for (k, arg) in args.iter().enumerate() {
            if arg.shape != args[0].shape {
                return Err(Mismatch::new(k, format!("tensors of one shape, as the first is {}", args[0])));
            }
        }
        Ok(args[0].with_dtype(dtype))
    }

    fn fold(&self, numbers: &[f64], _args: &[&Type]) -> Option<f64> {
        Some((self.0.eval)(numbers))
    }

    fn form(&self, args: &[&Type]) -> Form {
        let axes: Vec<usize> = (0..args[0].rank()).collect();
        let reads: Vec<Read> = (0..args.len()).map(|arg| Read::at(arg, &axes)).collect();
        let body = call(self.0, (0..args.len()).map(x).collect::<Vec<_>>());
        Form::pointwise(&args[0].sizes(), reads, body)
    }
}

/// The element type of a row's result.
fn result_dtype(typing: Typing, args: &[&Type]) -> Result<DType, Mismatch> {
    let value = if typing == Typing::Select { 1 } else { 0 };
    let (fits, what): (fn(DType) -> bool, _) = match typing {
        Typing::Number => (|dtype| dtype != DType::Bool, "numbers"),
        Typing::Float => (DType::is_float, "floats"),
        Typing::Integer => (DType::is_int, "integers"),
        Typing::Logic => (|dtype| dtype == DType::Bool, "booleans"),
        Typing::IntToFloat => (|dtype| dtype == DType::I32, "32-bit integers"),
        Typing::Compare | Typing::Select => (|_| true, "values"),
    };
    if value == 1 && args[0].dtype != DType::Bool {
        return Err(Mismatch::new(0, "a boolean to choose by"));
    }
    for (k, arg) in args.iter().enumerate().skip(value) {
        if !fits(arg.dtype) {
            return Err(Mismatch::new(k, what));
        }
        if arg.dtype != args[value].dtype {
            return Err(Mismatch::new(k, format!("{what} of one type, as another is {}", args[value].dtype)));
        }
    }
    Ok(match typing {
        Typing::Compare => DType::Bool,
        Typing::IntToFloat => DType::F32,
        _ => args[value].dtype,
    })
}

impl Rules for Cast {
    fn samples() -> Vec<LawSample<Self>> {
        let of = |from, to, sizes| LawSample::new(Cast(to), &[Type::of(from, sizes)]);
        vec![
            of(DType::F64, DType::F64, &[2, 3]),
            of(DType::I32, DType::F64, &[4]),
            of(DType::Bool, DType::F64, &[1]),
            of(DType::F64, DType::Bool, &[0]),
            of(DType::I64, DType::I32, &[]),
        ]
    }

    fn name(&self) -> &'static str {
        "cast"
    }

    fn attributes(&self) -> String {
        String::new()
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 1)?;
        Ok(args[0].with_dtype(self.0))
    }

    fn fold(&self, numbers: &[f64], _args: &[&Type]) -> Option<f64> {
        Some(numbers[0])
    }

    /// The form reads; the conversion is to the result's type, as everywhere.
    fn form(&self, args: &[&Type]) -> Form {
        let axes: Vec<usize> = (0..args[0].rank()).collect();
        Form::pointwise(&args[0].sizes(), vec![Read::at(0, &axes)], x(0))
    }
}
