// SPDX-License-Identifier: MIT OR Apache-2.0
//! Expressions: Verilog text with a known width.
//!
//! Operators demand equal widths and give that width (sums wrap); extending and cutting is explicit, so what is printed has no
//! width left to the tools' rules. Everything is unsigned; the `_s` methods read their operands in two's complement. A width
//! that does not fit is a bug in a block, found at the first generation, hence a panic with the caller's place.

use super::cost::Cost;
use std::ops::{Add, BitAnd, BitOr, BitXor, Not, Sub};

/// A value of a fixed width.
#[derive(Clone, Debug)]
pub struct Expr {
    text: String,
    width: u32,
    /// For what can be sliced: a name, a slice of one, or either with zeros above.
    part_of: Option<Part>,
    /// The operators in the text.
    cost: Cost,
    /// A constant, or a choice of constants, which takes a LUT or two whatever it says.
    table: bool,
}

/// Bits of a name: what a slice is taken from.
#[derive(Clone, Debug)]
struct Part {
    name: String,
    /// Bits of the name: one of a single bit is declared without a range, and has no bits to select.
    of: u32,
    /// The lowest bit taken.
    low: u32,
    /// Bits taken; those above them are zeros.
    bits: u32,
}

impl Expr {
    pub(super) fn named(name: impl Into<String>, width: u32) -> Self {
        let text = name.into();
        Expr {
            part_of: Some(Part {
                name: text.clone(),
                of: width,
                low: 0,
                bits: width,
            }),
            text,
            width,
            cost: Cost::default(),
            table: false,
        }
    }
    fn new(text: String, width: u32, cost: Cost) -> Self {
        assert!(width > 0, "no bits in {text}");
        Expr {
            text,
            width,
            part_of: None,
            cost,
            table: false,
        }
    }
    /// The operators in the text.
    pub fn cost(&self) -> Cost {
        self.cost
    }
    /// Width in bits.
    pub fn width(&self) -> u32 {
        self.width
    }
    /// The Verilog text.
    pub fn text(&self) -> &str {
        &self.text
    }
    pub(super) fn is_name(&self) -> bool {
        self.part_of
            .as_ref()
            .is_some_and(|part| part.name == self.text)
    }

    #[track_caller]
    fn binary(&self, op: &str, other: &Expr, width: u32) -> Expr {
        assert_eq!(
            self.width, other.width,
            "widths of `{}` {op} `{}`",
            self.text, other.text
        );
        Expr::new(
            format!("({} {op} {})", self.text, other.text),
            width,
            self.cost + other.cost + Cost::binary(op, self.width),
        )
    }
    /// 1 if equal.
    #[track_caller]
    pub fn eq(&self, other: &Expr) -> Expr {
        self.binary("==", other, 1)
    }
    /// 1 if equal to a constant.
    #[track_caller]
    pub fn is(&self, value: u64) -> Expr {
        self.eq(&lit(value, self.width))
    }
    /// 1 if different.
    #[track_caller]
    pub fn ne(&self, other: &Expr) -> Expr {
        self.binary("!=", other, 1)
    }
    /// 1 if smaller, unsigned.
    #[track_caller]
    pub fn lt(&self, other: &Expr) -> Expr {
        self.binary("<", other, 1)
    }
    /// 1 if smaller or equal, unsigned. Nothing is larger than the largest constant of a width.
    #[track_caller]
    pub fn le(&self, other: &Expr) -> Expr {
        let largest =
            other.width < 64 && other.text == lit((1 << other.width) - 1, other.width).text;
        if largest && self.width == other.width {
            return lit(1, 1);
        }
        self.binary("<=", other, 1)
    }
    /// 1 if smaller, in two's complement.
    #[track_caller]
    pub fn lt_s(&self, other: &Expr) -> Expr {
        assert_eq!(
            self.width, other.width,
            "widths of `{}` < `{}`",
            self.text, other.text
        );
        Expr::new(
            format!("($signed({}) < $signed({}))", self.text, other.text),
            1,
            self.cost + other.cost + Cost::binary("<", self.width),
        )
    }
    /// Bit `i`.
    #[track_caller]
    pub fn bit(&self, i: u32) -> Expr {
        self.slice(i, 1)
    }
    /// `width` bits from bit `low`.
    #[track_caller]
    pub fn slice(&self, low: u32, width: u32) -> Expr {
        assert!(width > 0, "no bits of `{}`", self.text);
        assert!(
            low + width <= self.width,
            "bits {low}+{width} of `{}`, which has {}",
            self.text,
            self.width
        );
        if low == 0 && width == self.width {
            return self.clone();
        }
        let Some(part) = &self.part_of else {
            panic!("only a name can be sliced, not `{}`", self.text);
        };
        match part.bits.saturating_sub(low) {
            0 => lit(0, width),
            bits => part.slice(low, width.min(bits)).zext(width),
        }
    }
    /// Byte `i`.
    #[track_caller]
    pub fn byte(&self, i: u32) -> Expr {
        self.slice(8 * i, 8)
    }
    /// The low `width` bits.
    #[track_caller]
    pub fn low(&self, width: u32) -> Expr {
        self.slice(0, width)
    }
    /// Extended with zeros to `width`.
    #[track_caller]
    pub fn zext(&self, width: u32) -> Expr {
        assert!(
            width >= self.width,
            "`{}` has {} bits, more than {width}",
            self.text,
            self.width
        );
        match width - self.width {
            0 => self.clone(),
            more => Expr {
                part_of: self.part_of.clone(),
                ..Expr::new(format!("{{{more}'d0, {}}}", self.text), width, self.cost)
            },
        }
    }
    /// Extended with the sign to `width`.
    #[track_caller]
    pub fn sext(&self, width: u32) -> Expr {
        assert!(
            width >= self.width,
            "`{}` has {} bits, more than {width}",
            self.text,
            self.width
        );
        match width - self.width {
            0 => self.clone(),
            more => Expr::new(
                format!(
                    "{{{{{more}{{{}}}}}, {}}}",
                    self.bit(self.width - 1).text,
                    self.text
                ),
                width,
                self.cost,
            ),
        }
    }
    /// Cut or extended with zeros to `width`.
    #[track_caller]
    pub fn fit(&self, width: u32) -> Expr {
        if width < self.width {
            self.low(width)
        } else {
            self.zext(width)
        }
    }
    /// Cut or extended with the sign to `width`.
    #[track_caller]
    pub fn fit_s(&self, width: u32) -> Expr {
        if width < self.width {
            self.low(width)
        } else {
            self.sext(width)
        }
    }
    /// `yes` if this bit is 1, else `no`.
    #[track_caller]
    pub fn mux(&self, yes: &Expr, no: &Expr) -> Expr {
        assert_eq!(self.width, 1, "condition `{}`", self.text);
        assert_eq!(
            yes.width, no.width,
            "widths of `{}` ? `{}` : `{}`",
            self.text, yes.text, no.text
        );
        let table = yes.table && no.table;
        let branches = match table {
            true => Cost::default(),
            false => yes.cost + no.cost,
        };
        let chosen = Expr::new(
            format!("({} ? {} : {})", self.text, yes.text, no.text),
            yes.width,
            self.cost
                + branches
                + Cost {
                    choices: yes.width.into(),
                    ..Cost::default()
                },
        );
        Expr { table, ..chosen }
    }
    /// This many copies side by side.
    pub fn repeat(&self, times: u32) -> Expr {
        if times == 1 {
            self.clone()
        } else {
            Expr::new(
                format!("{{{times}{{{}}}}}", self.text),
                self.width * times,
                self.cost,
            )
        }
    }
    /// Shifted left by a variable amount.
    pub fn shl(&self, amount: &Expr) -> Expr {
        Expr::new(
            format!("({} << {})", self.text, amount.text),
            self.width,
            self.shift_cost(amount),
        )
    }
    fn shift_cost(&self, amount: &Expr) -> Cost {
        self.cost
            + amount.cost
            + Cost {
                shifts: u64::from(self.width) * u64::from(amount.width),
                ..Cost::default()
            }
    }
    /// Shifted right by a variable amount, the sign coming in.
    pub fn shr_s(&self, amount: &Expr) -> Expr {
        // The cast back to unsigned keeps the shift arithmetic inside an unsigned expression.
        Expr::new(
            format!("$unsigned($signed({}) >>> {})", self.text, amount.text),
            self.width,
            self.shift_cost(amount),
        )
    }
    /// Full product in two's complement.
    pub fn mul_s(&self, other: &Expr) -> Expr {
        let width = self.width + other.width;
        Expr::new(
            format!(
                "$unsigned($signed({}) * $signed({}))",
                self.sext(width).text,
                other.sext(width).text
            ),
            width,
            self.cost
                + other.cost
                + Cost {
                    products: u64::from(self.width) * u64::from(other.width),
                    ..Cost::default()
                },
        )
    }
    /// 1 if any bit is 1.
    pub fn any(&self) -> Expr {
        if self.width == 1 {
            self.clone()
        } else {
            let cost = self.cost + Cost::binary("|", self.width);
            Expr::new(format!("(|{})", self.text), 1, cost)
        }
    }
}

impl Part {
    /// `width` bits from bit `low`, which it has.
    fn slice(&self, low: u32, width: u32) -> Expr {
        let (name, from) = (&self.name, self.low + low);
        let text = match width {
            _ if width == self.of => name.clone(),
            1 => format!("{name}[{from}]"),
            _ => format!("{name}[{}:{from}]", from + width - 1),
        };
        let part = Part {
            name: name.clone(),
            of: self.of,
            low: from,
            bits: width,
        };
        Expr {
            part_of: Some(part),
            ..Expr::new(text, width, Cost::default())
        }
    }
}

/// A constant.
#[track_caller]
pub fn lit(value: u64, width: u32) -> Expr {
    assert!(
        width >= 64 || value >> width == 0,
        "{value} does not fit {width} bits"
    );
    let constant = Expr::new(format!("{width}'d{value}"), width, Cost::default());
    Expr {
        table: true,
        ..constant
    }
}

/// A constant in two's complement.
#[track_caller]
pub fn lit_s(value: i64, width: u32) -> Expr {
    assert!(
        width < 64 && value >= -(1 << (width - 1)) && value < 1 << (width - 1),
        "{value} does not fit {width} bits"
    );
    lit(value as u64 & ((1 << width) - 1), width)
}

/// Parts side by side, the most significant first.
pub fn cat(parts: &[Expr]) -> Expr {
    if let [one] = parts {
        return one.clone();
    }
    let text = parts
        .iter()
        .map(|p| p.text.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    Expr::new(
        format!("{{{text}}}"),
        parts.iter().map(|p| p.width).sum(),
        parts.iter().map(|p| p.cost).sum(),
    )
}

/// Parts side by side, the least significant first.
pub fn pack(parts: &[Expr]) -> Expr {
    cat(&parts.iter().rev().cloned().collect::<Vec<_>>())
}

/// 1 if all are 1.
pub fn all(bits: &[Expr]) -> Expr {
    bits.iter().skip(1).fold(bits[0].clone(), |a, b| &a & b)
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:literal) => {
        impl $trait<&Expr> for &Expr {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: &Expr) -> Expr {
                self.binary($op, other, self.width)
            }
        }
    };
}
operator!(BitAnd, bitand, "&");
operator!(BitOr, bitor, "|");
operator!(BitXor, bitxor, "^");
operator!(Add, add, "+");
operator!(Sub, sub, "-");

impl Not for &Expr {
    type Output = Expr;
    fn not(self) -> Expr {
        Expr::new(format!("(~{})", self.text), self.width, self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::{Expr, lit};

    #[test]
    fn a_name_with_zeros_above_can_be_sliced() {
        let wide = Expr::named("x", 4).zext(9);
        let slice = |low, width| wide.slice(low, width).text().to_string();
        assert_eq!(slice(0, 9), "{5'd0, x}");
        assert_eq!(slice(1, 2), "x[2:1]");
        assert_eq!(slice(3, 1), "x[3]");
        assert_eq!(slice(2, 5), "{3'd0, x[3:2]}");
        assert_eq!(slice(4, 3), lit(0, 3).text());
        assert_eq!(wide.slice(1, 6).slice(1, 4).text(), "{2'd0, x[3:2]}");
        let bit = Expr::named("y", 1).zext(3);
        assert_eq!(bit.slice(0, 2).text(), "{1'd0, y}");
        assert_eq!(bit.bit(0).text(), "y");
    }
}
