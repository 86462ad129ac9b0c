//! Draws functions over the whole language, line by line, each line typed: what an operator takes is
//! chosen among the values before it, so that values are used many times.

use super::rng::Rng;
use super::shapes;

/// What elements are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Real,
    Int,
    Bool,
}

/// A value: an argument or a line.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Typed {
    pub kind: Kind,
    pub shape: Vec<usize>,
}

/// A line of a function: an operator on values before it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub ty: Typed,
    /// The text, with `@0`, `@1`, ... for its operands.
    pub text: String,
    pub args: Vec<usize>,
}

/// A function of some real tensors.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub inputs: Vec<Vec<usize>>,
    pub lines: Vec<Line>,
}

impl Function {
    pub(crate) fn ty(&self, value: usize) -> Typed {
        match value.checked_sub(self.inputs.len()) {
            None => Typed { kind: Kind::Real, shape: self.inputs[value].clone() },
            Some(line) => self.lines[line].ty.clone(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.inputs.len() + self.lines.len()
    }
}

/// Most elements of a value.
const LARGEST: usize = 400;

/// Sizes of axes; the odd ones leave something over at every width of vectors.
const SIZES: [usize; 14] = [1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9, 16, 17, 33];

/// Smooth and bounded enough that no value overflows in some dozens of lines.
const UNARY: [&str; 36] = [
    "tanh(@0)",
    "sigmoid(@0)",
    "relu(@0)",
    "gelu(@0)",
    "silu(@0)",
    "softplus(@0)",
    "sin(@0)",
    "cos(2 * @0)",
    "@0^2 / (1 + abs(@0))",
    "sqrt(@0^2 + 1)",
    "rsqrt(@0^2 + 0.5)",
    "log(@0^2 + 0.5)",
    "log1p(abs(@0))",
    "-@0",
    "@0 / (1 + @0^2)",
    "where(@0 > 0.3, @0, 0.5 * @0)",
    "clamp(@0, -1, 1)",
    "abs(@0)",
    "exp(-abs(@0))",
    "exp(tanh(@0))",
    "exp2(sin(@0))",
    "expm1(tanh(@0))",
    "erf(@0)",
    "tan(0.5 * sin(@0))",
    "max(@0, 0.25)",
    "min(@0, 0.5)",
    "0.7 * @0 - 0.2",
    "1 - @0",
    "stop_gradient(@0) * @0",
    "real(f64(@0) * 0.75)",
    "floor(@0) + 0.5 * @0",
    "round(3 * @0) / 3 + 0 * @0",
    "@0 % 1.5",
    "sign(@0) * @0 + 1",
    "pow(abs(@0) + 0.5, 1.5)",
    "tanh(@0)^3",
];

const BINARY: [&str; 14] = [
    "@0 + @1",
    "@0 - @1",
    "@0 * tanh(@1)",
    "@0 / (1 + @1^2)",
    "max(@0, @1)",
    "min(@0, @1)",
    "where(@0 > @1, @0, @1 * @0)",
    "sigmoid(@0) * @1",
    "where(@0 < 0, @1, 2.0)",
    "@0 + 2 * @1 - @0 * 0.5",
    "pow(abs(@0) + 0.5, tanh(@1))",
    "clamp(@0, min(@1, 0), 1)",
    "(@0 - @1) * (@0 + @1) / 3",
    "real(@0 > @1) * @1",
];

/// Functions of one tensor that stand before the drawn one, to be called and differentiated.
pub(crate) const HELPERS: &str = "\
fn energy(z: real[..]) -> real = sum(sin(z) * z) / (1 + sum(z^2))
fn wave(z: real[..]) -> real[..] = sin(2 * z) / (1 + z^2)
fn doubled(z: real[..]) -> real[..] = tanh(z) * 2
  vjp y, dy => 2 * dy * (1 - (y / 2)^2)
fn clipped(z: real[..]) -> real[..] = z * 1
  vjp dy => clamp(dy, -0.5, 0.5)
";

/// Draws a function.
pub(crate) fn function(rng: &mut Rng) -> Function {
    let inputs = (0..1 + rng.below(3)).map(|_| shape(rng)).collect();
    let mut writer = Writer { rng, function: Function { inputs, lines: Vec::new() } };
    let lines = 3 + writer.below(26);
    let mut tries = 0;
    while writer.function.lines.len() < lines && tries < 20 * lines {
        tries += 1;
        let _ = writer.line();
    }
    writer.function
}

fn shape(rng: &mut Rng) -> Vec<usize> {
    loop {
        let rank = [0, 1, 1, 2, 2, 2, 3, 3, 4][rng.below(9)];
        let shape: Vec<usize> = (0..rank).map(|_| SIZES[rng.below(SIZES.len())]).collect();
        if shape.iter().product::<usize>() <= LARGEST / 4 {
            return shape;
        }
    }
}

struct Writer<'r> {
    rng: &'r mut Rng,
    function: Function,
}

impl Writer<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.rng.below(n)
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    /// A value that fits, newer ones more often: functions get deep.
    fn pick(&mut self, fits: impl Fn(&Typed) -> bool) -> Option<usize> {
        let values: Vec<usize> =
            (0..self.function.count()).filter(|value| fits(&self.function.ty(*value))).collect();
        let n = values.len();
        if n == 0 {
            return None;
        }
        let back = if self.chance(3) { self.below(n) } else { self.below(n).min(self.below(n)) };
        Some(values[n - 1 - back])
    }

    fn real(&mut self, fits: impl Fn(&[usize]) -> bool) -> Option<(usize, Vec<usize>)> {
        let value = self.pick(|ty| ty.kind == Kind::Real && fits(&ty.shape))?;
        Some((value, self.function.ty(value).shape))
    }

    fn push(&mut self, kind: Kind, shape: Vec<usize>, text: impl Into<String>, args: &[usize]) -> Option<()> {
        if shape.iter().product::<usize>() > LARGEST || shape.len() > 5 {
            return None;
        }
        self.function.lines.push(Line { ty: Typed { kind, shape }, text: text.into(), args: args.to_vec() });
        Some(())
    }

    fn line(&mut self) -> Option<()> {
        match self.below(30) {
            0..=3 => {
                let (a, shape) = self.real(|_| true)?;
                let text = UNARY[self.below(UNARY.len())];
                self.push(Kind::Real, shape, text, &[a])
            }
            4..=7 => {
                let (a, b, shape) = self.pair()?;
                let text = BINARY[self.below(BINARY.len())];
                self.push(Kind::Real, shape, text, &[a, b])
            }
            8..=10 => self.reduce(),
            11 => self.along(),
            12 | 13 => self.rearrange(),
            14 | 15 => self.slice(),
            16 => self.pad(),
            17 | 18 => self.join(),
            19 => self.take(),
            20 => self.order(),
            21 | 22 => self.product(),
            23 => self.windows(),
            24 => self.convolve(),
            25 => self.repeat(),
            26 => self.derived(),
            27 => self.truth(),
            28 => self.whole(),
            _ => self.made(),
        }
    }

    /// Two values that broadcast.
    fn pair(&mut self) -> Option<(usize, usize, Vec<usize>)> {
        let (a, shape) = self.real(|_| true)?;
        let (b, other) = self.real(|other| shapes::joint(&shape, other).is_some())?;
        Some((a, b, shapes::joint(&shape, &other)?))
    }

    fn reduce(&mut self) -> Option<()> {
        let (a, shape) = self.real(|shape| !shape.contains(&0))?;
        let names = ["sum", "mean", "max", "min", "var", "prod", "logsumexp", "argmax", "argmin"];
        let name = names[self.below(names.len())];
        if name == "prod" && shape.iter().product::<usize>() > 40 {
            return None;
        }
        let (whole, keep) = (self.chance(4), self.chance(3));
        let one = matches!(name, "logsumexp" | "argmax" | "argmin");
        let kind = if name.starts_with("arg") { Kind::Int } else { Kind::Real };
        if one && shape.is_empty() {
            return None;
        }
        if shape.is_empty() || whole && !one {
            return self.push(kind, Vec::new(), format!("{name}(@0)"), &[a]);
        }
        let n = if one { 1 } else { 1 + self.below(shape.len()) };
        let mut axes: Vec<usize> = (0..n).map(|_| self.below(shape.len())).collect();
        axes.sort_unstable();
        axes.dedup();
        let kept = |axis: usize| !axes.contains(&axis);
        if one {
            let left = (0..shape.len()).filter(|axis| kept(*axis)).map(|axis| shape[axis]).collect();
            return self.push(kind, left, format!("{name}(@0, axis = {})", axes[0]), &[a]);
        }
        let left = match keep {
            true => (0..shape.len()).map(|axis| if kept(axis) { shape[axis] } else { 1 }).collect(),
            false => (0..shape.len()).filter(|axis| kept(*axis)).map(|axis| shape[axis]).collect(),
        };
        let list: Vec<String> = axes.iter().map(|axis| self.axis_text(*axis, shape.len())).collect();
        let axis = if list.len() == 1 { list[0].clone() } else { format!("[{}]", list.join(", ")) };
        self.push(kind, left, format!("{name}(@0, axis = {axis}, keep = {keep})"), &[a])
    }

    /// An axis, sometimes counted from the end.
    fn axis_text(&mut self, axis: usize, rank: usize) -> String {
        if self.chance(3) { (axis as i64 - rank as i64).to_string() } else { axis.to_string() }
    }

    fn along(&mut self) -> Option<()> {
        let (a, shape) = self.real(|shape| !shape.is_empty() && !shape.contains(&0))?;
        let axis = self.below(shape.len());
        let text = [
            "softmax(@0, axis = #)",
            "log_softmax(@0, axis = #)",
            "cumsum(@0, axis = #)",
            "flip(@0, #)",
            "@0 - mean(@0, axis = #, keep = true)",
            "@0 / (1 + max(@0, axis = #, keep = true)^2)",
            "flip(cumsum(flip(@0, #), axis = #), #)",
        ];
        let axis_text = self.axis_text(axis, shape.len());
        let text = text[self.below(text.len())].replace('#', &axis_text);
        self.push(Kind::Real, shape, text, &[a])
    }

    fn rearrange(&mut self) -> Option<()> {
        let (a, shape) = self.real(|_| true)?;
        let rank = shape.len();
        match self.below(7) {
            0 if rank >= 2 => {
                let (i, j) = (self.below(rank), self.below(rank));
                if i == j {
                    return None;
                }
                let mut to = shape;
                to.swap(i, j);
                self.push(Kind::Real, to, format!("transpose(@0, {i}, {j})"), &[a])
            }
            1 if rank >= 2 => {
                let order = self.rng.permutation(rank);
                let to = order.iter().map(|axis| shape[*axis]).collect();
                self.push(Kind::Real, to, format!("permute[{}](@0)", shapes::list(&order)), &[a])
            }
            2 => {
                let to = self.factors(shape.iter().product());
                self.push(Kind::Real, to.clone(), format!("reshape[{}](@0)", shapes::list(&to)), &[a])
            }
            3 => {
                let axis = self.below(rank + 1);
                let mut to = shape;
                to.insert(axis, 1);
                self.push(Kind::Real, to, format!("expand(@0, {axis})"), &[a])
            }
            4 => {
                let axis = (0..rank).find(|axis| shape[*axis] == 1)?;
                let mut to = shape;
                to.remove(axis);
                self.push(Kind::Real, to, format!("squeeze(@0, {axis})"), &[a])
            }
            5 => {
                let mut to: Vec<usize> =
                    shape.iter().map(|n| if *n == 1 { 1 + self.below(4) } else { *n }).collect();
                if self.chance(2) {
                    to.insert(0, 1 + self.below(3));
                }
                if to.is_empty() {
                    return None;
                }
                self.push(Kind::Real, to.clone(), format!("broadcast[{}](@0)", shapes::list(&to)), &[a])
            }
            _ if rank >= 1 => {
                let axis = self.below(rank);
                self.push(Kind::Real, shape, format!("flip(@0, {axis})"), &[a])
            }
            _ => None,
        }
    }

    /// Sizes with a product.
    fn factors(&mut self, mut n: usize) -> Vec<usize> {
        let mut sizes = Vec::new();
        while n > 1 && sizes.len() < 3 {
            let divisors: Vec<usize> = (1..=n).filter(|d| n.is_multiple_of(*d)).collect();
            let d = divisors[self.below(divisors.len())];
            sizes.push(d);
            n /= d;
        }
        if n != 1 || sizes.is_empty() {
            sizes.push(n);
        }
        sizes
    }

    fn slice(&mut self) -> Option<()> {
        let (a, shape) = self.real(|shape| !shape.is_empty() && !shape.contains(&0))?;
        let mut to = Vec::new();
        let mut parts = Vec::new();
        for n in shape {
            let (part, left) = self.part(n);
            parts.push(part);
            to.extend(left);
        }
        self.push(Kind::Real, to, format!("@0[{}]", parts.join(", ")), &[a])
    }

    /// What is taken along an axis of `n`, and how much that is, if the axis stays.
    fn part(&mut self, n: usize) -> (String, Option<usize>) {
        match self.below(6) {
            0 => {
                let at = self.below(n) as i64;
                (if self.chance(2) { at } else { at - n as i64 }.to_string(), None)
            }
            1 => {
                let from = self.below(n);
                (format!("{from}:"), Some(n - from))
            }
            2 => {
                let from = self.below(n);
                let to = from + 1 + self.below(n - from);
                let step = 1 + self.below(3);
                (format!("{from}:{to}:{step}"), Some((to - from).div_ceil(step)))
            }
            3 => {
                let step = 1 + self.below(3);
                (format!("::-{step}"), Some(n.div_ceil(step)))
            }
            _ => (":".to_owned(), Some(n)),
        }
    }

    fn pad(&mut self) -> Option<()> {
        let (a, mut shape) = self.real(|shape| !shape.is_empty())?;
        let axis = self.below(shape.len());
        let (before, after) = (self.below(4), self.below(4));
        let value = ["0", "0.5", "-1"][self.below(3)];
        shape[axis] += before + after;
        let text = format!("pad(@0, {axis}, before = {before}, after = {after}, value = {value})");
        self.push(Kind::Real, shape, text, &[a])
    }

    fn join(&mut self) -> Option<()> {
        let (a, shape) = self.real(|_| true)?;
        let n = 2 + self.below(2);
        if self.chance(3) {
            let axis = self.below(shape.len() + 1);
            let mut args = vec![a];
            for _ in 1..n {
                args.push(self.real(|other| other == shape)?.0);
            }
            let mut to = shape;
            to.insert(axis, n);
            return self.push(Kind::Real, to, format!("stack({}, axis = {axis})", operands(n)), &args);
        }
        if shape.is_empty() {
            return None;
        }
        let axis = self.below(shape.len());
        let (mut args, mut to) = (vec![a], shape.clone());
        for _ in 1..n {
            let alike = |other: &[usize]| {
                other.len() == shape.len() && (0..other.len()).all(|k| k == axis || other[k] == shape[k])
            };
            let (b, other) = self.real(alike)?;
            args.push(b);
            to[axis] += other[axis];
        }
        self.push(Kind::Real, to, format!("concat({}, axis = {axis})", operands(n)), &args)
    }

    fn take(&mut self) -> Option<()> {
        let (a, shape) = self.real(|shape| !shape.is_empty() && !shape.contains(&0))?;
        let axis = self.below(shape.len());
        let n = shape[axis];
        if self.chance(2) {
            let at: Vec<usize> = (0..1 + self.below(5)).map(|_| self.below(n)).collect();
            let mut to = shape;
            to[axis] = at.len();
            let text = format!("take(@0, [{}], axis = {axis})", shapes::list(&at));
            return self.push(Kind::Real, to, text, &[a]);
        }
        let index = self.pick(|ty| ty.kind == Kind::Int && ty.shape.len() <= 2)?;
        let at = self.function.ty(index).shape;
        let to = [&shape[..axis], &at, &shape[axis + 1..]].concat();
        self.push(Kind::Real, to, format!("take(@0, @1 % {n}, axis = {axis})"), &[a, index])
    }

    fn order(&mut self) -> Option<()> {
        let (a, shape) = self
            .real(|shape| !shape.is_empty() && !shape.contains(&0) && shape.iter().product::<usize>() < 80)?;
        let axis = self.below(shape.len());
        let descending = self.chance(2);
        match self.below(3) {
            0 => self.push(
                Kind::Real,
                shape,
                format!("sort(@0, axis = {axis}, descending = {descending})"),
                &[a],
            ),
            1 => self.push(
                Kind::Int,
                shape,
                format!("argsort(@0, axis = {axis}, descending = {descending})"),
                &[a],
            ),
            _ => {
                let k = 1 + self.below(shape[axis]);
                let mut to = shape;
                to[axis] = k;
                self.push(
                    Kind::Real,
                    to,
                    format!("{{ let (top, _) = top_k[{k}](@0, axis = {axis})\n top }}"),
                    &[a],
                )
            }
        }
    }

    fn product(&mut self) -> Option<()> {
        let (a, left) = self.real(|shape| !shape.is_empty())?;
        let n = *left.last()?;
        match self.below(4) {
            0 => {
                let (b, right) = self.real(|shape| shape.len() == 2 && shape[0] == n && left.len() >= 2)?;
                let to = [&left[..left.len() - 1], &right[1..]].concat();
                self.push(Kind::Real, to, "@0 @ @1 / 4", &[a, b])
            }
            1 => {
                if left.len() < 2 {
                    return None;
                }
                let mut to = left.clone();
                to[left.len() - 1] = left[left.len() - 2];
                self.push(Kind::Real, to, "@0 @ transpose(@0) / 4", &[a])
            }
            2 => {
                let (b, right) = self.real(|shape| shape.len() == 1 && shape[0] == n && left.len() == 2)?;
                let _ = right;
                self.push(Kind::Real, vec![left[0]], "@0 @ @1 / 4", &[a, b])
            }
            _ => self.einsum(a, &left),
        }
    }

    /// A product of two tensors with random letters.
    fn einsum(&mut self, a: usize, left: &[usize]) -> Option<()> {
        let (b, right) = self.real(|shape| !shape.is_empty() && shape.len() <= 3)?;
        if left.len() > 3 {
            return None;
        }
        let letters = ["i", "j", "k", "l", "m", "n"];
        let mut sizes: Vec<usize> = left.to_vec();
        let mut second = Vec::new();
        for n in &right {
            let same = (0..left.len()).find(|k| left[*k] == *n && !second.contains(k));
            let label = same.unwrap_or(sizes.len());
            if label == sizes.len() {
                sizes.push(*n);
            }
            second.push(label);
        }
        let shared: Vec<usize> = (0..left.len()).filter(|label| second.contains(label)).collect();
        let mut out: Vec<usize> = (0..sizes.len()).filter(|label| !shared.contains(label)).collect();
        for label in shared {
            if self.chance(2) {
                out.push(label);
            }
        }
        let order = self.rng.permutation(out.len());
        let out: Vec<usize> = order.iter().map(|k| out[*k]).collect();
        let name = |labels: &[usize]| labels.iter().map(|label| letters[*label]).collect::<String>();
        if sizes.iter().product::<usize>() > 4000 {
            return None;
        }
        let first: Vec<usize> = (0..left.len()).collect();
        let text = format!("einsum[\"{}, {} -> {}\"](@0, @1) / 4", name(&first), name(&second), name(&out));
        self.push(Kind::Real, out.iter().map(|label| sizes[*label]).collect(), text, &[a, b])
    }

    fn windows(&mut self) -> Option<()> {
        let (a, shape) = self.real(|shape| !shape.is_empty() && shape.iter().any(|n| *n >= 2))?;
        let axis = self.below(shape.len());
        let (stride, dilation) = (1 + self.below(2), 1 + self.below(2));
        let taps = 1 + self.below(3);
        let span = (taps - 1) * dilation + 1;
        let n = shape[axis];
        if span > n {
            return None;
        }
        let mut to = shape;
        to[axis] = (n - span) / stride + 1;
        to.insert(axis + 1, taps);
        let text = format!("windows[{taps}](@0, axis = {axis}, stride = {stride}, dilation = {dilation})");
        self.push(Kind::Real, to, text, &[a])
    }

    fn convolve(&mut self) -> Option<()> {
        let (a, shape) = self.real(|shape| (3..=4).contains(&shape.len()) && !shape.contains(&0))?;
        let spatial = shape.len() - 2;
        if self.chance(3) {
            return self.pool(a, &shape);
        }
        let groups = if shape[1].is_multiple_of(2) && self.chance(2) { 2 } else { 1 };
        let outputs = groups * (1 + self.below(3));
        let taps: Vec<usize> = (0..spatial).map(|_| 1 + self.below(3)).collect();
        let kernel = [&[outputs, shape[1] / groups], &taps[..]].concat();
        let (stride, padding, dilation) = (1 + self.below(2), self.below(2), 1 + self.below(2));
        let mut to = vec![shape[0], outputs];
        for (n, taps) in shape[2..].iter().zip(&taps) {
            let span = (taps - 1) * dilation + 1;
            to.push((n + 2 * padding).checked_sub(span)? / stride + 1);
        }
        let options =
            format!("stride = {stride}, padding = {padding}, dilation = {dilation}, groups = {groups}");
        let name = if spatial == 1 { "conv1d" } else { "conv2d" };
        if let Some((b, _)) = self.real(|shape| shape == kernel) {
            return self.push(Kind::Real, to, format!("{name}(@0, @1, {options})"), &[a, b]);
        }
        let text = format!("{name}(@0, sin(iota[{}]), {options})", shapes::list(&kernel));
        self.push(Kind::Real, to, text, &[a])
    }

    fn pool(&mut self, a: usize, shape: &[usize]) -> Option<()> {
        let k = 1 + self.below(2);
        let (stride, padding) = (1 + self.below(2), self.below(k));
        let mut to = shape.to_vec();
        match self.below(3) {
            0 => {
                to[2..].iter_mut().for_each(|n| *n *= k);
                self.push(Kind::Real, to, format!("upsample[{k}](@0)"), &[a])
            }
            which => {
                for n in &mut to[2..] {
                    *n = (*n + 2 * padding).checked_sub(k)? / stride + 1;
                }
                let name = ["avg_pool", "max_pool"][which - 1];
                let text = format!("{name}[{k}](@0, stride = {stride}, padding = {padding})");
                self.push(Kind::Real, to, text, &[a])
            }
        }
    }

    fn repeat(&mut self) -> Option<()> {
        let (a, shape) = self.real(|shape| !shape.is_empty() && (1..=5).contains(&shape[0]))?;
        let (n, rest) = (shape[0], shape[1..].to_vec());
        let ty = real(&rest);
        match self.below(9) {
            0 => self.push(
                Kind::Real,
                rest,
                format!("for i in 0..{n}, h: {ty} = 0.5 {{ tanh(h + @0[i]) }}"),
                &[a],
            ),
            1 => {
                let (b, _) = self.real(|other| other == rest)?;
                let text =
                    format!("for i in 0..{n}, h = @1, g: {ty} = 1 {{ (h * 0.5 + g * @0[i], sin(h)) }}");
                self.push(Kind::Real, rest, format!("{{ let (h, _) = {text}\n h }}"), &[a, b])
            }
            2 => {
                let text = format!(
                    "{{ let (_, ys) = scan xt in @0, h: {ty} = 0.1 {{\n let next = 0.5 * h + sin(xt)\n (next, next * xt)\n }}\n ys }}"
                );
                self.push(Kind::Real, shape, text, &[a])
            }
            3 => {
                let body = "for j in 0..3, g = h { sin(g + @0[i]) * (1 + real(j) / 8) }";
                self.push(Kind::Real, rest, format!("for i in 0..{n}, h: {ty} = 0.5 {{ {body} }}"), &[a])
            }
            4 => {
                let next = "h - 0.25 * grad(energy)(h + @0[i])";
                self.push(Kind::Real, rest, format!("for i in 0..{n}, h: {ty} = 0.1 {{ {next} }}"), &[a])
            }
            5 => {
                let next = format!("h * 0.5 + @0[{n} - 1 - i] * real(i)");
                self.push(Kind::Real, rest, format!("for i in 0..{n}, h: {ty} = 0 {{ {next} }}"), &[a])
            }
            6 => {
                let text = format!("for i in 0..{n}, h = @0 {{ h * 0.75 + sin(h[i]) }}");
                self.push(Kind::Real, shape, text, &[a])
            }
            7 if rest.len() == 2 => {
                let (b, _) = self.real(|other| other == rest)?;
                let next = "tanh(xt @ (transpose(@1) @ h) / 8 + h)";
                let text = format!(
                    "{{ let (_, ys) = scan xt in @0, h = @1 {{ let next = {next}\n (next, next + xt)\n }}\n ys }}"
                );
                self.push(Kind::Real, shape, text, &[a, b])
            }
            _ => {
                let (b, _) = self.real(|other| other == shape)?;
                let text = "scan u in @0, v in @1 { u * cos(v) }";
                self.push(Kind::Real, shape, text, &[a, b])
            }
        }
    }

    fn derived(&mut self) -> Option<()> {
        let (a, shape) = self.real(|shape| shape.iter().product::<usize>() <= 60)?;
        let texts = [
            "grad(energy)(@0)",
            "vjp(wave)(@0, cos(@0))",
            "jvp(wave)(@0, sin(@0))",
            "hvp(energy)(@0, tanh(@0))",
            "doubled(@0)",
            "clipped(@0)",
            "checkpoint(wave)(@0)",
            "checkpoint(doubled)(@0) * @0",
            "wave(@0)",
        ];
        let text = texts[self.below(texts.len())];
        self.push(Kind::Real, shape, text, &[a])
    }

    fn truth(&mut self) -> Option<()> {
        match self.below(5) {
            0 | 1 => {
                let (a, b, shape) = self.pair()?;
                let text =
                    ["@0 > @1", "@0 <= @1", "@0 < @1 and @0 > 0", "not (@0 >= @1)", "@0 > 0 or @1 > 0.5"];
                let text = text[self.below(text.len())];
                self.push(Kind::Bool, shape, text, &[a, b])
            }
            2 => {
                let c = self.pick(|ty| ty.kind == Kind::Bool && !ty.shape.is_empty())?;
                let shape = self.function.ty(c).shape;
                let axis = self.below(shape.len());
                let name = ["any", "all"][self.below(2)];
                let mut to = shape;
                to.remove(axis);
                self.push(Kind::Bool, to, format!("{name}(@0, axis = {axis})"), &[c])
            }
            _ => {
                let c = self.pick(|ty| ty.kind == Kind::Bool)?;
                let shape = self.function.ty(c).shape;
                let (a, left) = self.real(|other| shapes::joint(&shape, other).is_some())?;
                let both = shapes::joint(&shape, &left)?;
                let (b, right) = self.real(|other| shapes::joint(&both, other).is_some())?;
                let to = shapes::joint(&both, &right)?;
                self.push(Kind::Real, to, "where(@0, @1, @2)", &[c, a, b])
            }
        }
    }

    fn whole(&mut self) -> Option<()> {
        match self.below(7) {
            0 => {
                let (a, shape) = self.real(|_| true)?;
                self.push(Kind::Int, shape, "i32(clamp(7 * @0, -90, 90))", &[a])
            }
            1 => {
                let i = self.pick(|ty| ty.kind == Kind::Int)?;
                let shape = self.function.ty(i).shape;
                let texts = [
                    "@0 * 3 - 1",
                    "@0 % 5",
                    "@0 div 3",
                    "abs(@0) + 2",
                    "max(@0, 1)",
                    "-@0",
                    "min(@0, 4) * @0",
                ];
                let text = texts[self.below(texts.len())];
                self.push(Kind::Int, shape, text, &[i])
            }
            2 => {
                let i = self.pick(|ty| ty.kind == Kind::Int)?;
                let shape = self.function.ty(i).shape;
                let j = self.pick(|ty| ty.kind == Kind::Int && shapes::joint(&shape, &ty.shape).is_some())?;
                let to = shapes::joint(&shape, &self.function.ty(j).shape)?;
                let texts = ["@0 + @1", "@0 - 2 * @1", "max(@0, @1)", "where(@0 > @1, @0, 3)"];
                let text = texts[self.below(texts.len())];
                self.push(Kind::Int, to, text, &[i, j])
            }
            3 => {
                let i = self.pick(|ty| ty.kind == Kind::Int)?;
                let shape = self.function.ty(i).shape;
                self.push(Kind::Real, shape, "sin(real(@0) / 3)", &[i])
            }
            4 => {
                let i = self.pick(|ty| ty.kind == Kind::Int)?;
                let shape = self.function.ty(i).shape;
                let n = 2 + self.below(4);
                self.push(Kind::Real, [&shape[..], &[n]].concat(), format!("one_hot[{n}](@0 % {n})"), &[i])
            }
            5 => {
                let i =
                    self.pick(|ty| ty.kind == Kind::Int && !ty.shape.is_empty() && !ty.shape.contains(&0))?;
                let mut shape = self.function.ty(i).shape;
                let axis = self.below(shape.len());
                shape.remove(axis);
                let name = ["sum", "max", "min"][self.below(3)];
                self.push(Kind::Int, shape, format!("{name}(@0, axis = {axis})"), &[i])
            }
            _ => {
                let c = self.pick(|ty| ty.kind == Kind::Bool)?;
                let shape = self.function.ty(c).shape;
                let (kind, text) = [(Kind::Real, "real(@0)"), (Kind::Int, "i32(@0)")][self.below(2)];
                self.push(kind, shape, text, &[c])
            }
        }
    }

    /// What is made from nothing.
    fn made(&mut self) -> Option<()> {
        let shape = shape(self.rng);
        if shape.is_empty() {
            return None;
        }
        let list = shapes::list(&shape);
        match self.below(4) {
            0 => self.push(Kind::Real, shape, format!("iota[{list}] / 8"), &[]),
            1 => self.push(Kind::Real, shape, format!("broadcast[{list}](0.5)"), &[]),
            2 => self.push(Kind::Real, shape, format!("cos(iota[{list}])"), &[]),
            _ => self.push(Kind::Int, shape, format!("i32(iota[{list}]) % 7"), &[]),
        }
    }
}

/// `@0, @1, ..`
fn operands(n: usize) -> String {
    let names: Vec<String> = (0..n).map(|k| format!("@{k}")).collect();
    names.join(", ")
}

/// The type of a real tensor.
pub(crate) fn real(shape: &[usize]) -> String {
    if shape.is_empty() { "real".to_owned() } else { format!("real[{}]", shapes::list(shape)) }
}
