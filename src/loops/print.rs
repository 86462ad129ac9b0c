//! The printed form of loops, for `emit loops`.

use std::fmt::{self, Formatter, Write};

use crate::print::number;

use super::{
    Address, BufferLocation, Carried, Expr, Function, LoopBound, Loops, MatrixOperand, Moving, Product,
    Program, Ranks, Stmt, Stride, Ty, Value,
};

/// Entries of a table that are listed.
const ENTRIES: usize = 72;

impl fmt::Display for Loops {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for program in &self.programs {
            write!(f, "{program}")?;
        }
        for (k, function) in self.functions.iter().enumerate() {
            write!(f, "function f{k}{function}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "loops {}", self.name)?;
        writeln!(f, "  arena {}", bytes(self.arena_bytes))?;
        for (k, buffer) in self.buffers.iter().enumerate() {
            let name = buffer.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
            writeln!(f, "  b{k} {}[{}]{name} {}", buffer.dtype, buffer.len, buffer.location)?;
        }
        for (k, call) in self.calls.iter().enumerate() {
            let regions = || self.regions.iter().enumerate();
            for (number, region) in regions().rev().filter(|(_, region)| region.calls.start == k) {
                writeln!(f, "  loop {number}: {} times", region.count)?;
            }
            if k == self.commit {
                writeln!(f, "  commit")?;
            }
            let buffers: Vec<String> = call.buffers.iter().map(|buffer| format!("b{buffer}")).collect();
            let immediates: Vec<String> = call.immediates.iter().map(i32::to_string).collect();
            let immediates = if immediates.is_empty() {
                String::new()
            } else {
                format!(" immediates {}", immediates.join(", "))
            };
            writeln!(f, "  call f{}({}){immediates}", call.function, buffers.join(", "))?;
            for (number, _) in regions().filter(|(_, region)| region.calls.end == k + 1) {
                writeln!(f, "  end of loop {number}")?;
            }
        }
        Ok(())
    }
}

/// `24 KiB` where that is exact, else `1000 bytes`.
fn bytes(n: usize) -> String {
    if n >= 1024 && n.is_multiple_of(1024) { format!("{} KiB", n / 1024) } else { format!("{n} bytes") }
}

impl fmt::Display for BufferLocation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            BufferLocation::Input(k) => write!(f, "input {k}"),
            BufferLocation::Output(k) => write!(f, "output {k}"),
            BufferLocation::Arena(offset) => write!(f, "arena+{offset}"),
            BufferLocation::Part { of, start } => write!(f, "b{of}+{start}"),
            BufferLocation::Moving(Moving { of, region, first, back, places }) => {
                let order = if *back { " back" } else { "" };
                write!(f, "{of} at {first} of {places}{order}, loop {region}")
            }
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pointers: Vec<String> =
            self.pointers.iter().enumerate().map(|(k, dtype)| format!("p{k}: {dtype}")).collect();
        let parts =
            self.parts.map_or(String::new(), |parts| format!(" part {} of {}", parts.index, parts.count));
        writeln!(f, "({}){parts}", pointers.join(", "))?;
        for (k, table) in self.tables.iter().enumerate() {
            let entries: Vec<String> = table.iter().take(ENTRIES).map(i64::to_string).collect();
            let more = match table.len().saturating_sub(ENTRIES) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            writeln!(f, "  table t{k} [{}]{more}", entries.join(", "))?;
        }
        self.block(f, &self.body, 1)
    }
}

impl Function {
    fn block(&self, f: &mut Formatter<'_>, stmts: &[Stmt], depth: usize) -> fmt::Result {
        stmts.iter().try_for_each(|stmt| self.stmt(f, stmt, depth))
    }

    fn stmt(&self, f: &mut Formatter<'_>, stmt: &Stmt, depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        match stmt {
            Stmt::Let(value, expr) => {
                let text = format!("{indent}{value} = {expr}");
                writeln!(f, "{text:<42} : {}", self.values[value.0 as usize])
            }
            Stmt::Store { pointer, at, step, value } => {
                writeln!(f, "{indent}store p{pointer}[{at}]{} = {value}", Every(*step))
            }
            Stmt::Product(product) => writeln!(f, "{indent}{product}"),
            Stmt::Ranks(ranks) => writeln!(f, "{indent}{ranks}"),
            Stmt::For { var, start, stop, step, carried, body } => {
                write!(f, "{indent}for {var} in {start}..{stop} step {step}")?;
                writeln!(
                    f,
                    "{}",
                    list(" carry ", carried, |c: &Carried| format!("{} = {}", c.current, c.init))
                )?;
                self.block(f, body, depth + 1)?;
                match carried.as_slice() {
                    [] => Ok(()),
                    carried => {
                        let next = list("next ", carried, |c| format!("{} = {}", c.last, c.next));
                        writeln!(f, "{indent}{next}")
                    }
                }
            }
        }
    }
}

impl fmt::Display for Ranks {
    /// `ranks p1[0..] = p0[0..], 3 rows of 50000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ranks { keys, out, rows, n, descending } = self;
        write!(f, "ranks p{out}[0..] = p{keys}[0..], {rows} rows of {n}")?;
        if *descending { write!(f, ", descending") } else { Ok(()) }
    }
}

impl fmt::Display for Product {
    /// `product p0[%2] by (128, 1) = p1[0] by (784, 1) * p2[%2] by (128, 1), 64 x 32 x 784`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let matrix = |MatrixOperand { pointer, at, steps: [row, column] }: &MatrixOperand| {
            format!("p{pointer}[{at}] by ({row}, {column})")
        };
        let [m, n, k] = self.sizes;
        let (out, left, right) = (matrix(&self.out), matrix(&self.left), matrix(&self.right));
        write!(f, "product {out} = {left} * {right}, {m} x {n} x {k}")
    }
}

impl fmt::Display for Stride {
    /// `64`, or `t2` or `t2[%1]`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Stride::By(by) => write!(f, "{by}"),
            Stride::Table(table, at) if *at == Address::default() => write!(f, "t{table}"),
            Stride::Table(table, at) => write!(f, "t{table}[{at}]"),
        }
    }
}

/// `head` and items with commas; nothing if there are none.
fn list<T>(head: &str, items: &[T], show: impl Fn(&T) -> String) -> String {
    let items: Vec<String> = items.iter().map(show).collect();
    if items.is_empty() { String::new() } else { format!("{head}{}", items.join(", ")) }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Const(value) => f.write_str(&number(value.0)),
            Expr::Int(value) => write!(f, "{value}"),
            Expr::Immediate(k) => write!(f, "immediate {k}"),
            Expr::Load { pointer, at, step } => write!(f, "load p{pointer}[{at}]{}", Every(*step)),
            Expr::Splat(value) => write!(f, "splat {value}"),
            Expr::Iota(value) => write!(f, "iota {value}"),
            Expr::Machine(op, args) => {
                write!(f, "{}", snake(&format!("{op:?}")))?;
                let args: Vec<String> = args.iter().map(Value::to_string).collect();
                write!(f, " {}", args.join(", "))
            }
            Expr::Cast(value) => write!(f, "cast {value}"),
            Expr::Horizontal(op, value) => write!(f, "reduce {} {value}", snake(&format!("{op:?}"))),
            Expr::Table(table, at) => write!(f, "t{table}[{at}]"),
            Expr::Position(at) => write!(f, "position {at}"),
            Expr::InRange(value, n) => write!(f, "in_range {value}, {n}"),
            Expr::Clamp(value, n) => write!(f, "clamp {value}, {n}"),
        }
    }
}

/// `IntAdd` as `int_add`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for (k, letter) in name.char_indices() {
        if k > 0 && letter.is_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

impl fmt::Display for Address {
    /// Values first, then the constant: `%1 + 32*%3 + 7`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut item = |negative: bool, body: String| {
            let sign = match (text.is_empty(), negative) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            };
            write!(text, "{sign}{body}")
        };
        for (value, coefficient) in &self.terms {
            match coefficient.unsigned_abs() {
                1 => item(*coefficient < 0, value.to_string())?,
                n => item(*coefficient < 0, format!("{n}*{value}"))?,
            }
        }
        if self.offset != 0 || self.terms.is_empty() {
            item(self.offset < 0, self.offset.unsigned_abs().to_string())?;
        }
        f.write_str(&text)
    }
}

impl fmt::Display for LoopBound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            LoopBound::Const(n) => write!(f, "{n}"),
            LoopBound::Value(value) => write!(f, "{value}"),
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.lanes {
            1 => write!(f, "{}", self.dtype),
            lanes => write!(f, "{}x{lanes}", self.dtype),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// How far apart elements lie, if they are not neighbours.
struct Every(i64);

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 1 { Ok(()) } else { write!(f, " by {}", self.0) }
    }
}
