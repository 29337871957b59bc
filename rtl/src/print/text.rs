// SPDX-License-Identifier: MIT OR Apache-2.0
//! Expressions as Verilog.

use crate::node::{Binary, Expr, Node, Op};
use std::collections::HashMap;
use std::fmt::{self, Write};

/// Names of nodes that are no nets, by their identity: wires that the printer makes.
pub(super) type Names = HashMap<*const Node, String>;

/// Prints expressions.
pub(super) struct Text<'a> {
    pub(super) names: &'a Names,
}

/// `[7:0] ` and the like, nothing for a bit.
pub(super) fn range(width: u32) -> String {
    match width {
        1 => String::new(),
        _ => format!("[{}:0] ", width - 1),
    }
}

/// Whether Verilog can select bits of it: it has a name.
pub(super) fn can_be_sliced(expr: &Expr) -> bool {
    match expr.op() {
        Op::Net(_) => true,
        Op::Slice(_) | Op::Zext => can_be_sliced(&expr.args()[0]),
        _ => false,
    }
}

impl Text<'_> {
    pub(super) fn of(&self, expr: &Expr) -> String {
        let mut text = String::new();
        // writing to a string does not fail
        let _ = self.write(&mut text, expr);
        text
    }

    /// A value that stands alone, without brackets around it.
    pub(super) fn alone(&self, expr: &Expr) -> String {
        let text = self.of(expr);
        let has_brackets = matches!(
            expr.op(),
            Op::Binary(_) | Op::Mux | Op::Not | Op::Shl | Op::Any
        );
        match has_brackets && !self.names.contains_key(&expr.id()) {
            true => text[1..text.len() - 1].to_string(),
            false => text,
        }
    }

    fn list(&self, out: &mut dyn Write, items: &[Expr]) -> fmt::Result {
        for (i, item) in items.iter().enumerate() {
            out.write_str(if i == 0 { "" } else { ", " })?;
            self.write(out, item)?;
        }
        Ok(())
    }

    pub(super) fn write(&self, out: &mut dyn Write, expr: &Expr) -> fmt::Result {
        if let Some(name) = self.names.get(&expr.id()) {
            return out.write_str(name);
        }
        let args = expr.args();
        let width = expr.width();
        match expr.op() {
            Op::Net(net) => out.write_str(&net.name),
            Op::Const(value) => write!(out, "{width}'d{value}"),
            Op::Slice(low) => self.slice(out, &args[0], *low, width),
            Op::Zext => {
                write!(out, "{{{}'d0, ", width - args[0].width())?;
                self.write(out, &args[0])?;
                out.write_str("}")
            }
            Op::Sext => self.sext(out, &args[0], width),
            Op::Repeat(times) => {
                write!(out, "{{{times}{{")?;
                self.write(out, &args[0])?;
                out.write_str("}}")
            }
            Op::Cat => {
                out.write_str("{")?;
                self.list(out, args)?;
                out.write_str("}")
            }
            Op::Not => self.around(out, "(~", &args[0], ")"),
            Op::Binary(Binary::LtSigned) => {
                self.around(out, "($signed(", &args[0], ") < ")?;
                self.around(out, "$signed(", &args[1], "))")
            }
            Op::Binary(op) => {
                self.around(out, "(", &args[0], "")?;
                write!(out, " {} ", op.symbol())?;
                self.around(out, "", &args[1], ")")
            }
            Op::Mux => {
                self.around(out, "(", &args[0], " ? ")?;
                self.around(out, "", &args[1], " : ")?;
                self.around(out, "", &args[2], ")")
            }
            Op::Shl => {
                self.around(out, "(", &args[0], " << ")?;
                self.around(out, "", &args[1], ")")
            }
            // The cast back to unsigned keeps the shift arithmetic inside an unsigned expression.
            Op::ShrSigned => {
                self.around(out, "$unsigned($signed(", &args[0], ") >>> ")?;
                self.around(out, "", &args[1], ")")
            }
            Op::MulSigned => {
                out.write_str("$unsigned($signed(")?;
                self.sext(out, &args[0], width)?;
                out.write_str(") * $signed(")?;
                self.sext(out, &args[1], width)?;
                out.write_str("))")
            }
            Op::Any => self.around(out, "(|", &args[0], ")"),
        }
    }

    fn around(&self, out: &mut dyn Write, before: &str, expr: &Expr, after: &str) -> fmt::Result {
        out.write_str(before)?;
        self.write(out, expr)?;
        out.write_str(after)
    }

    fn slice(&self, out: &mut dyn Write, of: &Expr, low: u32, width: u32) -> fmt::Result {
        self.write(out, of)?;
        match width {
            1 => write!(out, "[{low}]"),
            _ => write!(out, "[{}:{low}]", low + width - 1),
        }
    }

    fn sext(&self, out: &mut dyn Write, expr: &Expr, width: u32) -> fmt::Result {
        let (more, sign) = (width - expr.width(), expr.width() - 1);
        write!(out, "{{{{{more}{{")?;
        match expr.width() {
            1 => self.write(out, expr)?,
            _ if self.names.contains_key(&expr.id()) => self.slice(out, expr, sign, 1)?,
            _ => self.write(out, &expr.bit(sign))?,
        }
        self.around(out, "}}, ", expr, "}")
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Names::new();
        Text { names: &names }.write(f, self)
    }
}
