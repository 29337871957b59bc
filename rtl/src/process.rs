// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clocked processes: registers' next values, and the conditions on which they take them.

use super::cost::Cost;
use super::node::{Expr, Place};
use std::panic::Location;

/// A statement of a clocked process.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Set {
        target: Expr,
        value: Expr,
        place: Place,
    },
    When {
        condition: Expr,
        then: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
}

/// Statements of a clocked process. A later assignment wins over an earlier one, as in Verilog.
#[derive(Default)]
pub struct Statements {
    pub(crate) list: Vec<Statement>,
}

impl Statements {
    /// The register's next value.
    #[track_caller]
    pub fn set(&mut self, reg: &Expr, value: &Expr) {
        assert_eq!(reg.width(), value.width(), "widths of `{reg}` <= `{value}`");
        self.list.push(Statement::Set {
            target: reg.clone(),
            value: value.clone(),
            place: Location::caller(),
        });
    }
    /// Statements under a condition.
    #[track_caller]
    pub fn when(&mut self, condition: &Expr, then: impl FnOnce(&mut Statements)) {
        self.when_else(condition, then, |_| {});
    }
    /// Statements under a condition, and others where it does not hold.
    #[track_caller]
    pub fn when_else(
        &mut self,
        condition: &Expr,
        then: impl FnOnce(&mut Statements),
        otherwise: impl FnOnce(&mut Statements),
    ) {
        assert_eq!(condition.width(), 1, "condition `{condition}`");
        self.list.push(Statement::When {
            condition: condition.clone(),
            then: inner(then),
            otherwise: inner(otherwise),
        });
    }
}

/// The statements that a closure makes.
pub(crate) fn inner(make: impl FnOnce(&mut Statements)) -> Vec<Statement> {
    let mut statements = Statements::default();
    make(&mut statements);
    statements.list
}

/// Operators of statements; `enabled` under a condition.
pub(crate) fn cost(statements: &[Statement], enabled: bool) -> Cost {
    let one = |statement: &Statement| match statement {
        Statement::Set { target, value, .. } => {
            let mut cost = value.cost().assigned(value.width());
            if enabled {
                cost.enables += u64::from(target.width());
            }
            cost
        }
        Statement::When {
            condition,
            then,
            otherwise,
        } => condition.cost() + cost(then, true) + cost(otherwise, true),
    };
    statements.iter().map(one).sum()
}

/// The values that statements read.
pub(crate) fn reads(statements: &[Statement], see: &mut dyn FnMut(&Expr)) {
    for statement in statements {
        match statement {
            Statement::Set { value, .. } => see(value),
            Statement::When {
                condition,
                then,
                otherwise,
            } => {
                see(condition);
                reads(then, see);
                reads(otherwise, see);
            }
        }
    }
}

/// The registers that statements set.
pub(crate) fn targets(statements: &[Statement], see: &mut dyn FnMut(&Expr)) {
    for statement in statements {
        match statement {
            Statement::Set { target, .. } => see(target),
            Statement::When {
                then, otherwise, ..
            } => {
                targets(then, see);
                targets(otherwise, see);
            }
        }
    }
}
