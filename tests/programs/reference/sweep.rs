//! Derivatives by the tape: backwards from results, and forwards from what they are taken by.

use super::program::Eval;
use super::tape::{Node, Num};

/// Terms of sums, by number less the first.
struct Sums {
    low: Num,
    terms: Vec<Vec<(Num, f64)>>,
    depends: Vec<bool>,
    /// What derivatives are taken by.
    ends: Vec<bool>,
}

impl Sums {
    fn add(&mut self, num: Num, term: (Num, f64)) {
        self.terms[(num - self.low) as usize].push(term);
    }

    fn depends(&self, num: Num) -> bool {
        num.checked_sub(self.low).and_then(|k| self.depends.get(k as usize)).copied().unwrap_or(false)
    }
}

impl Eval<'_> {
    /// The gradient by `wrt` of the sum of results times seeds.
    pub(crate) fn gradient(&mut self, seeds: &[(Num, Num)], wrt: &[Num]) -> Vec<Num> {
        let mut sums = self.sums(wrt, seeds.iter().map(|(result, _)| *result));
        for (result, seed) in
            seeds.iter().filter(|(result, _)| sums.depends(*result)).copied().collect::<Vec<_>>()
        {
            sums.add(result, (seed, 1.0));
        }
        let high = sums.low + sums.terms.len() as Num;
        for num in (sums.low..high).rev() {
            if !sums.ends[(num - sums.low) as usize] {
                self.back(num, &mut sums);
            }
        }
        wrt.iter().map(|num| self.take(*num, &mut sums)).collect()
    }

    /// Which numbers depend on what derivatives are taken by, with room for their sums.
    fn sums(&self, wrt: &[Num], results: impl Iterator<Item = Num>) -> Sums {
        let low = wrt.iter().copied().min().unwrap_or(0);
        let high = results.chain(wrt.iter().copied()).max().unwrap_or(0) + 1;
        let n = (high - low) as usize;
        let mut sums = Sums { low, terms: vec![Vec::new(); n], depends: Vec::new(), ends: vec![false; n] };
        wrt.iter().for_each(|num| sums.ends[(num - low) as usize] = true);
        for num in low..high {
            let depends = sums.ends[(num - low) as usize] || self.reads(num, &|arg| sums.depends(arg));
            sums.depends.push(depends);
        }
        sums
    }

    /// Whether a number is made from one of some.
    fn reads(&self, num: Num, some: &dyn Fn(Num) -> bool) -> bool {
        match self.tape.node(num) {
            Node::Leaf => false,
            Node::Affine(terms) => terms.iter().any(|(arg, _)| some(*arg)),
            Node::Apply(_, args) => args.iter().any(|arg| some(*arg)),
            Node::Ruled(call, _) => self.rules[*call].args().any(some),
        }
    }

    fn take(&mut self, num: Num, sums: &mut Sums) -> Num {
        let terms = std::mem::take(&mut sums.terms[(num - sums.low) as usize]);
        if terms.is_empty() { self.tape.leaf(0.0) } else { self.tape.linear(terms) }
    }

    /// Hands the gradient of a number on to what it was made from.
    fn back(&mut self, num: Num, sums: &mut Sums) {
        let node = self.tape.node(num).clone();
        let has = !sums.terms[(num - sums.low) as usize].is_empty();
        match node {
            Node::Affine(terms) if has => {
                let gradient = self.take(num, sums);
                for (arg, by) in
                    terms.iter().filter(|(arg, _)| sums.depends(*arg)).copied().collect::<Vec<_>>()
                {
                    sums.add(arg, (gradient, by));
                }
            }
            Node::Apply(..) if has => {
                let gradient = self.take(num, sums);
                for (arg, partial) in self.tape.partials(num, &|arg| sums.depends(arg)) {
                    let product = self.tape.mul(partial, gradient);
                    sums.add(arg, (product, 1.0));
                }
            }
            // The elements of one value lie one after the other: at the first all are known.
            Node::Ruled(call, 0) if sums.depends(num) => {
                let n = self.rules[call].elements;
                let seeds = (0..n as Num).map(|k| self.take(num + k, sums)).collect();
                for (arg, gradient) in self.by_rule(call, seeds) {
                    if sums.depends(arg) {
                        sums.add(arg, (gradient, 1.0));
                    }
                }
            }
            _ => {}
        }
    }

    /// How fast results move where `wrt` moves in a direction.
    pub(crate) fn tangent(&mut self, directions: &[(Num, Num)], results: &[Num]) -> Vec<Num> {
        let wrt: Vec<Num> = directions.iter().map(|(num, _)| *num).collect();
        let mut sums = self.sums(&wrt, results.iter().copied());
        let mut moves: Vec<Option<Num>> = vec![None; sums.terms.len()];
        let low = sums.low;
        for (num, direction) in directions {
            moves[(num - low) as usize] = Some(*direction);
        }
        for num in low..low + moves.len() as Num {
            if sums.depends(num) && moves[(num - low) as usize].is_none() {
                let terms = self.forth(num, &mut sums, &moves);
                moves[(num - low) as usize] = terms;
            }
        }
        let get = |num: &Num| num.checked_sub(low).and_then(|k| moves.get(k as usize).copied().flatten());
        let found: Vec<Option<Num>> = results.iter().map(get).collect();
        found.into_iter().map(|num| num.unwrap_or_else(|| self.tape.leaf(0.0))).collect()
    }

    fn forth(&mut self, num: Num, sums: &mut Sums, moves: &[Option<Num>]) -> Option<Num> {
        let low = sums.low;
        let of = |arg: Num| arg.checked_sub(low).and_then(|k| moves.get(k as usize).copied().flatten());
        let terms: Vec<(Num, f64)> = match self.tape.node(num).clone() {
            Node::Affine(terms) => terms.iter().filter_map(|(arg, by)| Some((of(*arg)?, *by))).collect(),
            Node::Apply(..) => {
                let partials = self.tape.partials(num, &|arg| of(arg).is_some());
                let product = |(arg, partial)| Some((self.tape.mul(partial, of(arg)?), 1.0));
                partials.into_iter().filter_map(product).collect()
            }
            Node::Ruled(call, element) => return self.forth_by_rule(call, element, &of),
            Node::Leaf => Vec::new(),
        };
        (!terms.is_empty()).then(|| self.tape.linear(terms))
    }

    /// A rule is linear in its seed: what it says backwards, turned around.
    fn forth_by_rule(&mut self, call: usize, element: usize, of: &dyn Fn(Num) -> Option<Num>) -> Option<Num> {
        let seeds: Vec<Num> = (0..self.rules[call].elements).map(|_| self.tape.leaf(0.0)).collect();
        let gradients = self.by_rule(call, seeds.clone());
        let products = gradients.into_iter().filter_map(|(arg, gradient)| {
            let direction = of(arg)?;
            Some((self.tape.mul(gradient, direction), 1.0))
        });
        let terms: Vec<(Num, f64)> = products.collect();
        if terms.is_empty() {
            return None;
        }
        let (dot, one) = (self.tape.linear(terms), self.tape.leaf(1.0));
        Some(self.gradient(&[(dot, one)], &seeds)[element])
    }
}
