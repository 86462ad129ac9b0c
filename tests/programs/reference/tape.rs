//! Numbers that remember how they were made: each is a node with its value, known at once.

/// A number: an index of the tape.
pub(crate) type Num = u32;

/// How a number was made.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Given, or made in a way without a derivative.
    Leaf,
    /// A sum of multiples of numbers.
    Affine(Box<[(Num, f64)]>),
    /// A scalar function, by its name.
    Apply(&'static str, Box<[Num]>),
    /// Element `1` of the value of a function that says its own derivative, call `0` of such.
    Ruled(usize, usize),
}

/// Random relative errors of so much in everything that single precision does not hold, or that is made of such:
/// what a result moves by tells how well it is determined at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise {
    /// The greatest relative error; 0: none.
    pub size: f64,
    /// Seeds them.
    pub seed: u64,
}

/// All numbers of an evaluation.
#[derive(Debug)]
pub(crate) struct Tape {
    nodes: Vec<Node>,
    values: Vec<f64>,
    /// Whether each is what any precision computes.
    exact: Vec<bool>,
    noise: Noise,
    /// The greatest magnitude so far.
    pub greatest: f64,
}

impl Tape {
    pub(crate) fn new(noise: Noise) -> Tape {
        Tape { nodes: Vec::new(), values: Vec::new(), exact: Vec::new(), noise, greatest: 0.0 }
    }

    pub(crate) fn len(&self) -> Num {
        self.nodes.len() as Num
    }

    pub(crate) fn value(&self, num: Num) -> f64 {
        self.values[num as usize]
    }

    pub(crate) fn node(&self, num: Num) -> &Node {
        &self.nodes[num as usize]
    }

    /// A node with its value, whose error is relative to `scale`.
    fn push(&mut self, node: Node, value: f64, scale: f64) -> Num {
        let sound = |num: Num| self.exact[num as usize];
        let made = match &node {
            Node::Leaf | Node::Ruled(..) => true,
            Node::Affine(terms) => terms.iter().all(|(num, _)| sound(*num)),
            Node::Apply(_, args) => args.iter().all(|num| sound(*num)),
        };
        let exact = made && f64::from(value as f32) == value;
        let noisy = if exact { value } else { value + scale * self.noise.size * self.error() };
        self.greatest = if noisy.is_finite() { self.greatest.max(noisy.abs()) } else { f64::INFINITY };
        self.nodes.push(node);
        self.values.push(noisy);
        self.exact.push(exact);
        self.len() - 1
    }

    /// A number between -1 and 1 for the next node.
    fn error(&self) -> f64 {
        let mut bits = (self.noise.seed ^ self.nodes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((bits >> 11) as f64) / f64::from(2.0_f32.powi(52)) - 1.0
    }

    pub(crate) fn leaf(&mut self, value: f64) -> Num {
        self.push(Node::Leaf, value, value)
    }

    /// Another number of the same value: what is differentiated by it is not by the first.
    pub(crate) fn copy(&mut self, of: Num) -> Num {
        let value = self.value(of);
        self.nodes.push(Node::Affine(Box::new([(of, 1.0)])));
        self.values.push(value);
        self.exact.push(self.exact[of as usize]);
        self.len() - 1
    }

    /// A number of this value without a past.
    pub(crate) fn stop(&mut self, of: Num) -> Num {
        let value = self.value(of);
        self.nodes.push(Node::Leaf);
        self.values.push(value);
        self.exact.push(self.exact[of as usize]);
        self.len() - 1
    }

    pub(crate) fn ruled(&mut self, call: usize, element: usize, of: Num) -> Num {
        let copy = self.stop(of);
        self.nodes[copy as usize] = Node::Ruled(call, element);
        copy
    }

    pub(crate) fn linear(&mut self, terms: Vec<(Num, f64)>) -> Num {
        match terms[..] {
            [(num, 1.0)] => num,
            _ => {
                let values = || terms.iter().map(|(num, by)| by * self.values[*num as usize]);
                let (sum, scale) = (values().sum(), values().map(f64::abs).sum());
                self.valued(terms, sum, scale)
            }
        }
    }

    /// A sum of multiples whose value is computed otherwise.
    fn valued(&mut self, terms: Vec<(Num, f64)>, value: f64, scale: f64) -> Num {
        self.push(Node::Affine(terms.into_boxed_slice()), value, scale)
    }

    pub(crate) fn mul(&mut self, a: Num, b: Num) -> Num {
        self.apply("mul", &[a, b])
    }

    pub(crate) fn scale(&mut self, a: Num, by: f64) -> Num {
        self.linear(vec![(a, by)])
    }

    /// A scalar function of floats.
    pub(crate) fn apply(&mut self, name: &'static str, args: &[Num]) -> Num {
        let x: Vec<f64> = args.iter().map(|arg| self.value(*arg)).collect();
        match name {
            "add" => self.linear(vec![(args[0], 1.0), (args[1], 1.0)]),
            "sub" => self.linear(vec![(args[0], 1.0), (args[1], -1.0)]),
            "neg" => self.linear(vec![(args[0], -1.0)]),
            "fma" => {
                let product = self.mul(args[0], args[1]);
                self.apply("add", &[product, args[2]])
            }
            "abs" => self.valued(vec![(args[0], sign(x[0]))], x[0].abs(), x[0]),
            "rem" => {
                let quotient = (x[0] / x[1]).floor();
                self.valued(vec![(args[0], 1.0), (args[1], -quotient)], x[0] - quotient * x[1], x[0])
            }
            "max" => args[usize::from(x[0] <= x[1])],
            "min" => args[usize::from(x[0] >= x[1])],
            "select" => args[if x[0] != 0.0 { 1 } else { 2 }],
            "sign" => self.leaf(sign(x[0])),
            "floor" => self.leaf(x[0].floor()),
            "ceil" => self.leaf(x[0].ceil()),
            "round" => self.leaf(x[0].round_ties_even()),
            "floor_div" => self.leaf((x[0] / x[1]).floor()),
            "lt" | "le" | "gt" | "ge" | "eq" | "ne" | "and" | "or" | "not" => {
                self.leaf(f64::from(holds(name, &x)))
            }
            _ => {
                let value = function(name, &x);
                self.push(Node::Apply(name, args.into()), value, value)
            }
        }
    }

    /// The greatest or the least of some numbers; equal ones share the derivative.
    pub(crate) fn extreme(&mut self, args: &[Num], greatest: bool) -> Num {
        let values = args.iter().map(|arg| self.value(*arg));
        let top = values.reduce(|a, b| if greatest { a.max(b) } else { a.min(b) });
        let Some(top) = top else {
            return self.leaf(if greatest { f64::NEG_INFINITY } else { f64::INFINITY });
        };
        let ties: Vec<Num> = args.iter().copied().filter(|arg| self.value(*arg) == top).collect();
        let share = 1.0 / ties.len() as f64;
        match ties[..] {
            [only] => only,
            _ => self.valued(ties.into_iter().map(|tie| (tie, share)).collect(), top, 0.0),
        }
    }

    /// What a function's value moves by with each argument that `wanted` asks for.
    pub(crate) fn partials(&mut self, num: Num, wanted: &dyn Fn(Num) -> bool) -> Vec<(Num, Num)> {
        let Node::Apply(name, args) = self.node(num).clone() else { return Vec::new() };
        let which: Vec<usize> = (0..args.len()).filter(|k| wanted(args[*k])).collect();
        which.into_iter().map(|k| (args[k], self.partial(name, &args, num, k))).collect()
    }

    fn partial(&mut self, name: &'static str, args: &[Num], y: Num, k: usize) -> Num {
        let x = args[0];
        match (name, k) {
            ("mul", _) => args[1 - k],
            ("div", 0) => self.reciprocal(args[1]),
            ("div", _) => {
                let quotient = self.apply("div", &[y, args[1]]);
                self.scale(quotient, -1.0)
            }
            ("sqrt", _) => {
                let reciprocal = self.reciprocal(y);
                self.scale(reciprocal, 0.5)
            }
            ("rsqrt", _) => {
                let quotient = self.apply("div", &[y, x]);
                self.scale(quotient, -0.5)
            }
            ("exp", _) => y,
            ("exp2", _) => self.scale(y, std::f64::consts::LN_2),
            ("expm1", _) => self.apply("exp", &[x]),
            ("log", _) => self.reciprocal(x),
            ("log1p", _) => {
                let next = self.plus(x, 1.0);
                self.reciprocal(next)
            }
            ("sin", _) => self.apply("cos", &[x]),
            ("cos", _) => {
                let sin = self.apply("sin", &[x]);
                self.scale(sin, -1.0)
            }
            ("tan", _) => {
                let square = self.mul(y, y);
                self.plus(square, 1.0)
            }
            ("tanh", _) => {
                let square = self.mul(y, y);
                let negative = self.scale(square, -1.0);
                self.plus(negative, 1.0)
            }
            ("sigmoid", _) => {
                let square = self.mul(y, y);
                self.apply("sub", &[y, square])
            }
            ("softplus", _) => self.apply("sigmoid", &[x]),
            ("erf", _) => {
                let square = self.mul(x, x);
                let negative = self.scale(square, -1.0);
                let bell = self.apply("exp", &[negative]);
                self.scale(bell, std::f64::consts::FRAC_2_SQRT_PI)
            }
            ("pow", 0) => {
                let less = self.plus(args[1], -1.0);
                let power = self.apply("pow", &[x, less]);
                self.mul(args[1], power)
            }
            ("pow", _) if self.value(x) <= 0.0 => self.leaf(0.0),
            ("pow", _) => {
                let log = self.apply("log", &[x]);
                self.mul(y, log)
            }
            _ => panic!("the reference knows no derivative of {name}"),
        }
    }

    fn reciprocal(&mut self, x: Num) -> Num {
        let one = self.leaf(1.0);
        self.apply("div", &[one, x])
    }

    fn plus(&mut self, x: Num, by: f64) -> Num {
        let by = self.leaf(by);
        self.apply("add", &[x, by])
    }
}

fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

fn holds(name: &str, x: &[f64]) -> bool {
    match name {
        "lt" => x[0] < x[1],
        "le" => x[0] <= x[1],
        "gt" => x[0] > x[1],
        "ge" => x[0] >= x[1],
        "eq" => x[0] == x[1],
        "ne" => x[0] != x[1],
        "and" => x[0] != 0.0 && x[1] != 0.0,
        "or" => x[0] != 0.0 || x[1] != 0.0,
        _ => x[0] == 0.0,
    }
}

fn function(name: &str, x: &[f64]) -> f64 {
    let a = x[0];
    match name {
        "mul" => a * x[1],
        "div" => a / x[1],
        "sqrt" => a.sqrt(),
        "rsqrt" => a.sqrt().recip(),
        "exp" => a.exp(),
        "exp2" => a.exp2(),
        "expm1" => a.exp_m1(),
        "log" => a.ln(),
        "log1p" => a.ln_1p(),
        "sin" => a.sin(),
        "cos" => a.cos(),
        "tan" => a.tan(),
        "tanh" => a.tanh(),
        "sigmoid" => 1.0 / (1.0 + (-a).exp()),
        "softplus" => a.max(0.0) + (-a.abs()).exp().ln_1p(),
        "erf" => libm::erf(a),
        "pow" => a.powf(x[1]),
        _ => panic!("the reference knows no function {name}"),
    }
}

/// An integer function; the result wraps to `bits`.
pub(crate) fn whole(name: &str, x: &[f64], bits: u32) -> f64 {
    let [a, b] = [x[0] as i64, x.get(1).map_or(0, |b| *b as i64)];
    let value = match name {
        "add" => a.wrapping_add(b),
        "sub" => a.wrapping_sub(b),
        "mul" => a.wrapping_mul(b),
        "neg" => a.wrapping_neg(),
        "abs" => a.wrapping_abs(),
        "max" => a.max(b),
        "min" => a.min(b),
        "sign" => a.signum(),
        "floor" | "ceil" | "round" => a,
        "floor_div" if b == 0 => 0,
        "floor_div" => quotient(a, b),
        "rem" if b == 0 => a,
        "rem" => a.wrapping_sub(quotient(a, b).wrapping_mul(b)),
        _ => panic!("the reference knows no integer function {name}"),
    };
    if bits == 32 { f64::from(value as i32) } else { value as f64 }
}

/// The quotient rounded down.
fn quotient(a: i64, b: i64) -> i64 {
    let (quotient, rest) = (a.wrapping_div(b), a.wrapping_rem(b));
    quotient - i64::from(rest != 0 && (a < 0) != (b < 0))
}
