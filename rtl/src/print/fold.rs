// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values as they are printed: constants folded, and equal nodes one.

use crate::expr::lit;
use crate::node::{Binary, Expr, Node, Op};
use std::collections::HashMap;

/// What tells two nodes of the same arguments apart.
type Key = (Op, u32, Vec<*const Node>);

/// Folds the values of a module.
#[derive(Default)]
pub(super) struct Folder {
    /// What nodes were and what they are folded, by the identity of what they were, which lives on here.
    memo: HashMap<*const Node, (Expr, Expr)>,
    /// Folded nodes by what they are.
    known: HashMap<Key, Expr>,
}

impl Folder {
    /// A value of the same bits. Equal ones are the same node.
    pub(super) fn fold(&mut self, expr: &Expr) -> Expr {
        if let Some((_, folded)) = self.memo.get(&expr.id()) {
            return folded.clone();
        }
        let args: Vec<Expr> = expr.args().iter().map(|arg| self.fold(arg)).collect();
        let folded = simple(expr.op(), expr.width(), &args)
            .unwrap_or_else(|| Expr::new(expr.op().clone(), expr.width(), args));
        let folded = self.one(&folded);
        let both = (expr.clone(), folded.clone());
        self.memo.insert(expr.id(), both);
        folded
    }

    /// The node that stands for all equal ones.
    fn one(&mut self, expr: &Expr) -> Expr {
        let args: Vec<Expr> = expr.args().iter().map(|arg| self.one(arg)).collect();
        let ids = args.iter().map(Expr::id).collect();
        let key = (expr.op().clone(), expr.width(), ids);
        let new = || match args.iter().zip(expr.args()).all(|(a, b)| a.id() == b.id()) {
            true => expr.clone(),
            false => Expr::new(expr.op().clone(), expr.width(), args.clone()),
        };
        self.known.entry(key).or_insert_with(new).clone()
    }
}

/// All bits of a width that a constant can have.
fn ones(width: u32) -> u64 {
    u64::MAX >> (64 - width.min(64))
}

fn is_zero(expr: &Expr) -> bool {
    expr.as_const() == Some(0)
}

fn is_ones(expr: &Expr) -> bool {
    expr.width() <= 64 && expr.as_const() == Some(ones(expr.width()))
}

/// A simpler value, where there is one.
fn simple(op: &Op, width: u32, args: &[Expr]) -> Option<Expr> {
    match op {
        Op::Slice(low) => Some(args[0].slice(*low, width)),
        Op::Mux => mux(&args[0], &args[1], &args[2]),
        Op::Binary(op) => binary(*op, &args[0], &args[1]),
        Op::Not => match args[0].op() {
            Op::Not => Some(args[0].args()[0].clone()),
            Op::Const(value) if width <= 64 => Some(lit(!value & ones(width), width)),
            _ => None,
        },
        Op::Zext if width <= 64 => args[0].as_const().map(|value| lit(value, width)),
        Op::Any => args[0].as_const().map(|value| lit((value != 0).into(), 1)),
        Op::Cat | Op::Repeat(_) if width <= 64 => joined(op, args).map(|value| lit(value, width)),
        _ => None,
    }
}

/// Constants side by side.
fn joined(op: &Op, args: &[Expr]) -> Option<u64> {
    let times = match op {
        Op::Repeat(times) => *times,
        _ => 1,
    };
    let mut all = 0;
    for arg in (0..times).flat_map(|_| args) {
        all = all << arg.width() | arg.as_const()?;
    }
    Some(all)
}

fn mux(condition: &Expr, yes: &Expr, no: &Expr) -> Option<Expr> {
    match condition.as_const() {
        Some(0) => return Some(no.clone()),
        Some(_) => return Some(yes.clone()),
        None => (),
    }
    let bits = (yes.width() == 1).then(|| (yes.as_const(), no.as_const()));
    match bits {
        _ if yes.id() == no.id() => Some(yes.clone()),
        Some((Some(1), Some(0))) => Some(condition.clone()),
        Some((Some(0), Some(1))) => Some(inverted(condition)),
        Some((Some(0), _)) => Some(&inverted(condition) & no),
        Some((Some(_), _)) => Some(condition | no),
        Some((_, Some(0))) => Some(condition & yes),
        Some((_, Some(_))) => Some(&inverted(condition) | yes),
        _ => None,
    }
}

fn inverted(bit: &Expr) -> Expr {
    match bit.op() {
        Op::Not => bit.args()[0].clone(),
        _ => !bit,
    }
}

fn binary(op: Binary, a: &Expr, b: &Expr) -> Option<Expr> {
    let width = a.width();
    if let (Some(x), Some(y)) = (a.as_const(), b.as_const()) {
        let truth = match op {
            Binary::Eq => Some(x == y),
            Binary::Ne => Some(x != y),
            Binary::Lt => Some(x < y),
            Binary::Le => Some(x <= y),
            _ => None,
        };
        if let Some(truth) = truth {
            return Some(lit(truth.into(), 1));
        }
    }
    let either = |is: fn(&Expr) -> bool| match (is(a), is(b)) {
        (true, _) => Some(b.clone()),
        (_, true) => Some(a.clone()),
        _ => None,
    };
    match op {
        Binary::And if is_zero(a) || is_zero(b) => Some(lit(0, width)),
        Binary::Or if is_ones(a) || is_ones(b) => Some(lit(ones(width), width)),
        Binary::And | Binary::Or if a.id() == b.id() => Some(a.clone()),
        Binary::And => either(is_ones),
        Binary::Or | Binary::Xor | Binary::Add => either(is_zero),
        Binary::Sub if is_zero(b) => Some(a.clone()),
        Binary::Eq | Binary::Ne if width == 1 => {
            let (bit, value) = match (a.as_const(), b.as_const()) {
                (None, Some(value)) => (a, value),
                (Some(value), None) => (b, value),
                _ => return None,
            };
            match (op == Binary::Eq) == (value == 1) {
                true => Some(bit.clone()),
                false => Some(inverted(bit)),
            }
        }
        _ => None,
    }
}
