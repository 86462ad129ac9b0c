//! Operators: how they are written, and how tightly each form of expression binds.

use std::fmt;

use super::{Expr, ExprKind};

/// Prefix operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `not`
    Not,
}

/// Infix operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `div`
    FloorDiv,
    /// `%`
    Rem,
    /// `^`
    Pow,
    /// `@`
    MatMul,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `and`
    And,
    /// `or`
    Or,
}

/// Precedence: how tightly a form binds, loosest first. The grammar has a rule for each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// `x |> f`, and all that may stand between parentheses.
    Pipe,
    /// `a or b`
    Or,
    /// `a and b`
    And,
    /// `not a`
    Not,
    /// `a < b`
    Comparison,
    /// `a + b`, and what may bound a range.
    Sum,
    /// `a * b`, and what may stand on the left of `|>`.
    Product,
    /// `-a`
    Neg,
    /// `a^b`
    Power,
    /// `match w { a => x }`, and what may stand on the right of `|>`.
    Operand,
    /// `f(x)`, `a`: what may be called.
    Postfix,
}

impl BinaryOp {
    /// The operator as it is written, its level, and the least levels of its operands.
    fn row(self) -> (&'static str, Level, [Level; 2]) {
        use Level::{And, Comparison, Neg, Not, Or, Postfix, Power, Product, Sum};
        match self {
            BinaryOp::Or => ("or", Or, [Or, And]),
            BinaryOp::And => ("and", And, [And, Not]),
            BinaryOp::Eq => ("==", Comparison, [Sum, Sum]),
            BinaryOp::Ne => ("!=", Comparison, [Sum, Sum]),
            BinaryOp::Lt => ("<", Comparison, [Sum, Sum]),
            BinaryOp::Le => ("<=", Comparison, [Sum, Sum]),
            BinaryOp::Gt => (">", Comparison, [Sum, Sum]),
            BinaryOp::Ge => (">=", Comparison, [Sum, Sum]),
            BinaryOp::Add => ("+", Sum, [Sum, Product]),
            BinaryOp::Sub => ("-", Sum, [Sum, Product]),
            BinaryOp::Mul => ("*", Product, [Product, Neg]),
            BinaryOp::Div => ("/", Product, [Product, Neg]),
            BinaryOp::FloorDiv => ("div", Product, [Product, Neg]),
            BinaryOp::Rem => ("%", Product, [Product, Neg]),
            BinaryOp::MatMul => ("@", Product, [Product, Neg]),
            BinaryOp::Pow => ("^", Power, [Postfix, Neg]),
        }
    }

    /// How tightly it binds.
    pub fn level(self) -> Level {
        self.row().1
    }

    /// How tight its operands must be to stand without parentheses.
    pub fn operands(self) -> [Level; 2] {
        self.row().2
    }
}

impl UnaryOp {
    /// How tightly it binds.
    pub fn level(self) -> Level {
        match self {
            UnaryOp::Not => Level::Not,
            UnaryOp::Neg => Level::Neg,
        }
    }

    /// How tight its operand must be to stand without parentheses: `-(-x)` keeps them.
    pub fn operand(self) -> Level {
        match self {
            UnaryOp::Not => Level::Not,
            UnaryOp::Neg => Level::Power,
        }
    }
}

impl Expr {
    /// How tightly it holds together.
    pub fn level(&self) -> Level {
        match &self.kind {
            ExprKind::Pipe(..) => Level::Pipe,
            ExprKind::Binary(op, ..) => op.level(),
            ExprKind::Unary(op, _) => op.level(),
            ExprKind::Match(..)
            | ExprKind::Groups(_)
            | ExprKind::Block(..)
            | ExprKind::Loop(_)
            | ExprKind::Sweep(_)
            | ExprKind::By(..)
            | ExprKind::Every(..)
            | ExprKind::Best(..)
            | ExprKind::Train(_)
            | ExprKind::Predict(_)
            | ExprKind::Eval(_) => Level::Operand,
            _ => Level::Postfix,
        }
    }
}

impl fmt::Display for UnaryOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnaryOp::Neg => "-",
            UnaryOp::Not => "not",
        })
    }
}

impl fmt::Display for BinaryOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().0)
    }
}
