//! Sizes: polynomials over size variables and whole quotients of such polynomials.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// A size variable: a name met first in a signature, unique in a compilation by its number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SizeVar {
    /// Tells variables of one name apart.
    pub id: u32,
    /// As the user wrote it.
    pub name: Rc<str>,
}

/// What sizes are products of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Factor {
    Var(SizeVar),
    /// A quotient without its remainder that is no polynomial: `(n - 1) div 2`.
    Quotient(Rc<(Dim, Dim)>),
}

impl Factor {
    fn mentions(&self, var: &SizeVar) -> bool {
        match self {
            Factor::Var(have) => have == var,
            Factor::Quotient(parts) => parts.0.vars().chain(parts.1.vars()).any(|have| have == var),
        }
    }

    /// With variables replaced.
    fn substitute(&self, env: &BTreeMap<SizeVar, Dim>) -> Dim {
        match self {
            Factor::Var(var) => env.get(var).cloned().unwrap_or_else(|| Dim::var(var.clone())),
            Factor::Quotient(parts) => parts.0.substitute(env).div_floor(&parts.1.substitute(env)),
        }
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |dim: &Dim, bare: bool| if bare { dim.to_string() } else { format!("({dim})") };
        match self {
            Factor::Var(var) => f.write_str(&var.name),
            Factor::Quotient(parts) => {
                let (a, b) = (&parts.0, &parts.1);
                let one = b.as_constant().is_some() || b.as_var().is_some();
                write!(f, "{} div {}", shown(a, a.terms.len() < 2), shown(b, one))
            }
        }
    }
}

/// A product, sorted: `B * B * T`.
type Monomial = Vec<Factor>;

/// A size: a polynomial with whole coefficients, normalised, so that `1 + n == n + 1` and
/// `2 * n - n == n`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Dim {
    /// Coefficients by monomial; no zero coefficients.
    terms: BTreeMap<Monomial, i64>,
}

impl Dim {
    /// The constant `n`.
    pub fn constant(n: i64) -> Dim {
        let terms = if n == 0 { BTreeMap::new() } else { BTreeMap::from([(Vec::new(), n)]) };
        Dim { terms }
    }

    /// The variable `v`.
    pub fn var(v: SizeVar) -> Dim {
        Dim { terms: BTreeMap::from([(vec![Factor::Var(v)], 1)]) }
    }

    /// Its value if it holds no variable.
    pub fn as_constant(&self) -> Option<i64> {
        match self.terms.len() {
            0 => Some(0),
            1 => self.terms.get(&Vec::new() as &Monomial).copied(),
            _ => None,
        }
    }

    /// The variable, if it is a single variable.
    pub fn as_var(&self) -> Option<&SizeVar> {
        match self.terms.iter().next() {
            Some((monomial, 1)) if self.terms.len() == 1 => match monomial.as_slice() {
                [Factor::Var(var)] => Some(var),
                _ => None,
            },
            _ => None,
        }
    }

    /// Its value in a compiled program.
    ///
    /// # Panics
    /// If it still holds a variable: sizes are known from `graph` on.
    pub fn size(&self) -> usize {
        match self.as_constant() {
            Some(n) => usize::try_from(n).unwrap_or_else(|_| panic!("negative size {n}")),
            None => panic!("size {self} is not known yet"),
        }
    }

    /// How often a variable is added, and the rest, which does not mention it; nothing if it stands elsewhere.
    pub fn split(&self, var: &SizeVar) -> Option<(i64, Dim)> {
        let alone = vec![Factor::Var(var.clone())];
        let mut rest = self.clone();
        let times = rest.terms.remove(&alone).unwrap_or(0);
        let elsewhere = rest.terms.keys().flatten().any(|factor| factor.mentions(var));
        (!elsewhere).then_some((times, rest))
    }

    /// Every variable in it.
    pub fn vars(&self) -> Box<dyn Iterator<Item = &SizeVar> + '_> {
        Box::new(self.terms.keys().flatten().flat_map(|factor| match factor {
            Factor::Var(var) => Box::new(std::iter::once(var)) as Box<dyn Iterator<Item = &SizeVar>>,
            Factor::Quotient(parts) => Box::new(parts.0.vars().chain(parts.1.vars())),
        }))
    }

    /// The same polynomial with variables replaced.
    pub fn substitute(&self, env: &BTreeMap<SizeVar, Dim>) -> Dim {
        if self.as_constant().is_some() {
            return self.clone();
        }
        let mut sum = Dim::default();
        for (monomial, coefficient) in &self.terms {
            let mut product = Dim::constant(*coefficient);
            for factor in monomial {
                product = product.mul(&factor.substitute(env));
            }
            sum = sum.add(&product);
        }
        sum
    }

    /// Sum.
    pub fn add(&self, other: &Dim) -> Dim {
        let mut terms = self.terms.clone();
        for (monomial, coefficient) in &other.terms {
            let entry = terms.entry(monomial.clone()).or_insert(0);
            *entry = entry.saturating_add(*coefficient);
        }
        terms.retain(|_, coefficient| *coefficient != 0);
        Dim { terms }
    }

    /// Difference.
    pub fn sub(&self, other: &Dim) -> Dim {
        self.add(&other.mul(&Dim::constant(-1)))
    }

    /// Product.
    pub fn mul(&self, other: &Dim) -> Dim {
        let mut terms: BTreeMap<Monomial, i64> = BTreeMap::new();
        for (left, a) in &self.terms {
            for (right, b) in &other.terms {
                let mut monomial = [left.as_slice(), right.as_slice()].concat();
                monomial.sort();
                let entry = terms.entry(monomial).or_insert(0);
                *entry = entry.saturating_add(a.saturating_mul(*b));
            }
        }
        terms.retain(|_, coefficient| *coefficient != 0);
        Dim { terms }
    }

    /// Exact quotient: `2 * n / n` is `2`, `(n * n - 1) / (n + 1)` is `n - 1`. `None` when it leaves
    /// a remainder, and for a division by 0.
    pub fn div_exact(&self, other: &Dim) -> Option<Dim> {
        let (divisor, by) = other.leading()?;
        let (mut rest, mut quotient) = (self.clone(), Dim::default());
        while let Some((monomial, coefficient)) = rest.leading() {
            let monomial = without(monomial, divisor)?;
            if coefficient % by != 0 {
                return None;
            }
            let term = Dim { terms: BTreeMap::from([(monomial, coefficient / by)]) };
            rest = rest.sub(&term.mul(other));
            quotient = quotient.add(&term);
        }
        Some(quotient)
    }

    /// The quotient without its remainder: `(2 * n + 1) div 2` is `n`, `(n + 1) div 2` stays as it is, and
    /// so does a division by what is not positive.
    pub fn div_floor(&self, other: &Dim) -> Dim {
        let by = other.as_constant();
        if by.is_some_and(|by| by < 1) {
            return self.quotient(other);
        }
        if let Some(exact) = self.div_exact(other) {
            return exact;
        }
        let (whole, rest) = self.divided(other);
        let below = |by| rest.as_constant().is_some_and(|n| (0..by).contains(&n));
        match by {
            Some(by) if below(by) => whole,
            _ => whole.add(&rest.quotient(other)),
        }
    }

    /// A divisor in it that is known and not positive: such a quotient is no size.
    pub fn wrong_divisor(&self) -> Option<i64> {
        self.terms.keys().flatten().find_map(|factor| match factor {
            Factor::Var(_) => None,
            Factor::Quotient(parts) => {
                let by = parts.1.as_constant().filter(|by| *by < 1);
                by.or_else(|| parts.0.wrong_divisor()).or_else(|| parts.1.wrong_divisor())
            }
        })
    }

    /// The multiples of a size that is a single term, taken out of each term, and what is left.
    fn divided(&self, other: &Dim) -> (Dim, Dim) {
        let (mut whole, mut rest) = (Dim::default(), self.clone());
        if let (1, Some((divisor, by))) = (other.terms.len(), other.terms.iter().next()) {
            for (monomial, coefficient) in &self.terms {
                let times = coefficient.div_euclid(*by);
                if let Some(left) = without(monomial, divisor).filter(|_| times != 0) {
                    let taken = Dim { terms: BTreeMap::from([(left, times)]) };
                    rest = rest.sub(&taken.mul(other));
                    whole = whole.add(&taken);
                }
            }
        }
        (whole, rest)
    }

    fn quotient(&self, other: &Dim) -> Dim {
        let factor = Factor::Quotient(Rc::new((self.clone(), other.clone())));
        Dim { terms: BTreeMap::from([(vec![factor], 1)]) }
    }

    /// The term of highest degree, first by name order among equals: what long division divides by.
    fn leading(&self) -> Option<(&Monomial, &i64)> {
        self.terms.iter().min_by_key(|(monomial, _)| (std::cmp::Reverse(monomial.len()), *monomial))
    }

    /// What `var` must be for this polynomial to be `value`: `2 * n + 1 = 2 * m + 5` gives `m + 2`
    /// for `n`. `None` if the polynomial is not linear in `var` or the answer is not whole.
    pub fn solve(&self, var: &SizeVar, value: &Dim) -> Option<Dim> {
        let (mut slope, mut rest) = (Dim::default(), value.clone());
        for (monomial, coefficient) in &self.terms {
            let mut monomial = monomial.clone();
            let found = monomial.iter().position(|have| *have == Factor::Var(var.clone()));
            found.map(|place| monomial.remove(place));
            if monomial.iter().any(|factor| factor.mentions(var)) {
                return None;
            }
            let term = Dim { terms: BTreeMap::from([(monomial, *coefficient)]) };
            match found {
                Some(_) => slope = slope.add(&term),
                None => rest = rest.sub(&term),
            }
        }
        rest.div_exact(&slope)
    }
}

/// A product without the factors of another.
fn without(monomial: &Monomial, divisor: &Monomial) -> Option<Monomial> {
    let mut left = monomial.clone();
    for factor in divisor {
        left.remove(left.iter().position(|have| have == factor)?);
    }
    Some(left)
}

impl From<usize> for Dim {
    fn from(n: usize) -> Dim {
        Dim::constant(n as i64)
    }
}

impl fmt::Display for Dim {
    /// Highest degree first: `2 * B * T + 1`, `(n + 1)//2 + 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            return f.write_str("0");
        }
        let mut terms: Vec<_> = self.terms.iter().collect();
        terms.sort_by_key(|(monomial, _)| std::cmp::Reverse(monomial.len()));
        for (index, (monomial, coefficient)) in terms.into_iter().enumerate() {
            let sign = if *coefficient < 0 { "-" } else { "+" };
            match index {
                0 if *coefficient < 0 => f.write_str("-")?,
                0 => {}
                _ => write!(f, " {sign} ")?,
            }
            let magnitude = coefficient.unsigned_abs();
            let alone = magnitude == 1 && monomial.len() == 1;
            let factor = |factor: &Factor| match factor {
                Factor::Quotient(_) if !alone => format!("({factor})"),
                _ => factor.to_string(),
            };
            let mut factors: Vec<String> = monomial.iter().map(factor).collect();
            if magnitude != 1 || factors.is_empty() {
                factors.insert(0, magnitude.to_string());
            }
            f.write_str(&factors.join(" * "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn var(id: u32, name: &str) -> SizeVar {
        SizeVar { id, name: Rc::from(name) }
    }

    fn n() -> Dim {
        Dim::var(var(0, "n"))
    }

    fn m() -> Dim {
        Dim::var(var(1, "m"))
    }

    fn k(value: i64) -> Dim {
        Dim::constant(value)
    }

    #[test]
    fn polynomials_compare_normalised() {
        assert_eq!(k(1).add(&n()), n().add(&k(1)));
        assert_eq!(k(2).mul(&n()).sub(&n()), n());
        assert_eq!(n().sub(&n()), k(0));
        assert_eq!(n().mul(&m()), m().mul(&n()));
        assert_ne!(n(), Dim::var(var(7, "n")), "variables of one name are told apart by number");
    }

    #[test]
    fn quotients_are_exact_or_none() {
        assert_eq!(k(2).mul(&n()).div_exact(&n()), Some(k(2)));
        assert_eq!(k(6).div_exact(&k(3)), Some(k(2)));
        assert_eq!(k(7).div_exact(&k(3)), None);
        assert_eq!(n().div_exact(&m()), None);
        assert_eq!(n().div_exact(&k(0)), None);
        assert_eq!(k(0).div_exact(&n()), Some(k(0)));
        let (sum, difference) = (n().add(&m()), n().sub(&m()));
        assert_eq!(sum.mul(&difference).div_exact(&sum), Some(difference));
        assert_eq!(n().mul(&n()).add(&k(1)).div_exact(&n().add(&k(1))), None);
    }

    #[test]
    fn quotients_without_remainder_wait_for_sizes() {
        assert_eq!(k(7).div_floor(&k(2)), k(3));
        assert_eq!(k(-1).div_floor(&k(2)), k(-1));
        assert_eq!(k(2).mul(&n()).add(&k(1)).div_floor(&k(2)), n());
        assert_eq!(n().sub(&k(2)).div_floor(&k(2)).add(&k(1)), n().div_floor(&k(2)));
        assert_eq!(n().sub(&m()).div_floor(&m()).add(&k(1)), n().div_floor(&m()));
        assert_eq!(
            k(3).mul(&n()).add(&k(5)).div_floor(&k(2)),
            n().add(&k(2)).add(&n().add(&k(1)).div_floor(&k(2)))
        );
        let half = n().add(&k(1)).div_floor(&k(2));
        assert_eq!(half, k(1).add(&n()).div_floor(&k(2)));
        assert_eq!(half.vars().count(), 1);
        assert_eq!(half.substitute(&BTreeMap::from([(var(0, "n"), k(6))])), k(3));
        assert_eq!(half.substitute(&BTreeMap::from([(var(0, "n"), k(2).mul(&m()))])), m());
        assert_eq!(half.solve(&var(0, "n"), &k(3)), None);
        assert_eq!(half.add(&k(1)).to_string(), "(n + 1) div 2 + 1");
        assert_eq!(half.mul(&m()).to_string(), "m * ((n + 1) div 2)");
        assert_eq!(n().div_floor(&k(2).mul(&m())).to_string(), "n div (2 * m)");
        let by_nothing = n().div_floor(&k(0));
        assert_eq!(by_nothing.substitute(&BTreeMap::from([(var(0, "n"), k(6))])).as_constant(), None);
    }

    #[test]
    fn linear_equations_have_a_solution_or_none() {
        let n_var = var(0, "n");
        let double = k(2).mul(&n()).add(&k(1));
        assert_eq!(double.solve(&n_var, &k(7)), Some(k(3)));
        assert_eq!(double.solve(&n_var, &k(8)), None);
        assert_eq!(double.solve(&n_var, &k(2).mul(&m()).add(&k(5))), Some(m().add(&k(2))));
        assert_eq!(n().mul(&m()).solve(&n_var, &k(6).mul(&m())), Some(k(6)));
        assert_eq!(n().mul(&n()).solve(&n_var, &k(9)), None);
        assert_eq!(m().solve(&n_var, &k(9)), None);
    }

    #[test]
    fn substitution_multiplies_out() {
        let env = BTreeMap::from([(var(0, "n"), m().add(&k(1)))]);
        let square = n().mul(&n()).substitute(&env);
        assert_eq!(square.to_string(), "m * m + 2 * m + 1");
        assert_eq!(square.substitute(&BTreeMap::from([(var(1, "m"), k(3))])).as_constant(), Some(16));
    }

    #[test]
    fn sizes_print_as_written() {
        let sizes = [k(0), k(-3), n(), n().sub(&k(1)), k(2).mul(&n()).mul(&m()).add(&n()).add(&k(1))];
        let printed: Vec<String> = sizes.iter().map(Dim::to_string).collect();
        assert_eq!(printed, ["0", "-3", "n", "n - 1", "2 * n * m + n + 1"]);
        assert_eq!(k(1).sub(&n()).to_string(), "-n + 1");
    }
}
