//! Body of the error function.

use super::exponential::reduce_exp;
use super::*;

/// What differs between single and double precision.
struct Erf {
    /// `erf(x) / x - 1` in `x^2`, for `|x| <= 1`.
    near: &'static [f64],
    /// `log(1 - erf(x))` for `x` from 1 to `end`, error weighted by `(1 - erf(x)) / erf(x)`.
    far: &'static [f64],
    /// From here on the result rounds to 1.
    end: f64,
}

static SINGLE: Erf = Erf {
    near: &[0.12837917, -0.3761263, 0.11283618, -0.026855126, 0.0051907334, -0.00080307503, 7.920303e-05],
    far: &[
        0.0001894748,
        -1.1295848,
        -0.63320804,
        -0.10843059,
        0.025215395,
        -0.00420705,
        0.000441807,
        -2.1724083e-05,
    ],
    end: 4.0,
};

static DOUBLE: Erf = Erf {
    near: &[
        0.12837916709551256,
        -0.3761263890318347,
        0.11283791670943213,
        -0.02686617064302501,
        0.005223977605711887,
        -0.0008548325918663765,
        0.00012055293431574766,
        -1.4924711796032138e-05,
        1.644714534340529e-06,
        -1.6206530529004926e-07,
        1.3712273233828345e-08,
        -7.782376234629219e-10,
    ],
    far: &[
        -1.795480277192216e-07,
        -1.1283773299723974,
        -0.6366284856780334,
        -0.10274726129606976,
        0.01907817295369723,
        0.00028046385210521544,
        -0.00176897341963953,
        0.000641149250291327,
        -4.4806473756471354e-05,
        -7.037531265061979e-05,
        4.504113303027542e-05,
        -1.6515238988625158e-05,
        4.327400943706143e-06,
        -8.506524123179411e-07,
        1.257180696172715e-07,
        -1.3628333123483047e-08,
        1.0258414012037454e-09,
        -4.7967870678375766e-11,
        1.0498070371477065e-12,
    ],
    end: 6.0,
};

/// Error function.
pub(in super::super) fn erf(dtype: DType) -> Term {
    let erf = if dtype == DType::F64 { &DOUBLE } else { &SINGLE };
    let p = precision(dtype);
    let near = fma(&polynomial(&(x(0) * x(0)), erf.near), &x(0), &x(0));
    let size = call(&ABS, [x(0)]);
    let (n, r) = reduce_exp(p, &polynomial(&at_most(erf.end, &size), erf.far));
    let far = c(1.0) - polynomial(&r, p.exp) * exp2_int(&n);
    choose(less(&c(1.0), &size), &call(&COPY_SIGN, [far, x(0)]), &near)
}
