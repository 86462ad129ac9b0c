//! Types of tensors: an element type and a shape whose sizes are polynomials.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// Type of an element. `real` of the language is `F32` or `F64` by the time a program is checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DType {
    /// True or false; one byte in memory.
    Bool,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl DType {
    /// Bytes an element takes in memory.
    pub fn bytes(self) -> usize {
        match self {
            DType::Bool => 1,
            DType::I32 | DType::F32 => 4,
            DType::I64 | DType::F64 => 8,
        }
    }

    /// Whether it is `F32` or `F64`.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }

    /// Whether it is an integer type.
    pub fn is_int(self) -> bool {
        matches!(self, DType::I32 | DType::I64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::Bool => "bool",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::F32 => "f32",
            DType::F64 => "f64",
        })
    }
}

/// A size variable: a name met first in a signature, unique in a compilation by its number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SizeVar {
    /// Tells variables of one name apart.
    pub id: u32,
    /// As the user wrote it.
    pub name: Rc<str>,
}

/// A product of size variables, sorted: `B * B * T`.
type Monomial = Vec<SizeVar>;

/// A size: a polynomial over size variables with whole coefficients, normalised, so that
/// `1 + n == n + 1` and `2 * n - n == n`.
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
        Dim { terms: BTreeMap::from([(vec![v], 1)]) }
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
            Some((monomial, 1)) if self.terms.len() == 1 && monomial.len() == 1 => Some(&monomial[0]),
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

    /// Every variable in it.
    pub fn vars(&self) -> impl Iterator<Item = &SizeVar> {
        self.terms.keys().flatten()
    }

    /// The same polynomial with variables replaced.
    pub fn substitute(&self, env: &BTreeMap<SizeVar, Dim>) -> Dim {
        if self.as_constant().is_some() {
            return self.clone();
        }
        let mut sum = Dim::default();
        for (monomial, coefficient) in &self.terms {
            let mut product = Dim::constant(*coefficient);
            for var in monomial {
                product = match env.get(var) {
                    Some(dim) => product.mul(dim),
                    None => product.mul(&Dim::var(var.clone())),
                };
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

    /// Exact quotient by a constant or by a polynomial that divides every term (`2 * n / n`).
    /// `None` when it leaves a remainder.
    pub fn div_exact(&self, other: &Dim) -> Option<Dim> {
        if other.terms.len() != 1 {
            return (self == other).then(|| Dim::constant(1));
        }
        let (divisor, by) = other.terms.iter().next()?;
        let mut terms = BTreeMap::new();
        for (monomial, coefficient) in &self.terms {
            let mut rest = monomial.clone();
            for var in divisor {
                rest.remove(rest.iter().position(|have| have == var)?);
            }
            if coefficient % by != 0 {
                return None;
            }
            terms.insert(rest, coefficient / by);
        }
        Some(Dim { terms })
    }
}

impl From<usize> for Dim {
    fn from(n: usize) -> Dim {
        Dim::constant(n as i64)
    }
}

impl fmt::Display for Dim {
    /// Highest degree first: `2 * B * T + 1`.
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
            let mut factors: Vec<String> = monomial.iter().map(|var| var.name.to_string()).collect();
            if magnitude != 1 || factors.is_empty() {
                factors.insert(0, magnitude.to_string());
            }
            f.write_str(&factors.join(" * "))?;
        }
        Ok(())
    }
}

/// Sizes, outermost first. Tensors are dense and row-major.
pub type Shape = Vec<Dim>;

/// Number of elements of a shape.
pub fn product(shape: &[Dim]) -> Dim {
    shape.iter().fold(Dim::constant(1), |product, dim| product.mul(dim))
}

/// A tensor type. A scalar has an empty shape.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Type {
    /// Element type.
    pub dtype: DType,
    /// Sizes.
    pub shape: Shape,
}

impl Type {
    /// A type with known or symbolic sizes.
    pub fn new(dtype: DType, shape: Shape) -> Type {
        Type { dtype, shape }
    }

    /// A type with known sizes.
    pub fn of(dtype: DType, sizes: &[usize]) -> Type {
        Type { dtype, shape: sizes.iter().map(|n| Dim::from(*n)).collect() }
    }

    /// One element.
    pub fn scalar(dtype: DType) -> Type {
        Type { dtype, shape: Vec::new() }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Known sizes (from `graph` on).
    pub fn sizes(&self) -> Vec<usize> {
        self.shape.iter().map(Dim::size).collect()
    }

    /// Known number of elements (from `graph` on).
    pub fn count(&self) -> usize {
        self.shape.iter().map(Dim::size).product()
    }

    /// The same type with size variables replaced.
    pub fn substitute(&self, env: &BTreeMap<SizeVar, Dim>) -> Type {
        Type::new(self.dtype, self.shape.iter().map(|dim| dim.substitute(env)).collect())
    }

    /// The same shape with another element type.
    pub fn with_dtype(&self, dtype: DType) -> Type {
        Type::new(dtype, self.shape.clone())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.shape.iter().map(Dim::to_string).collect();
        write!(f, "{}[{}]", self.dtype, sizes.join(", "))
    }
}
