// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be done with values.
//!
//! Operators demand equal widths and give that width (sums wrap); extending and cutting is explicit, so what is printed has no
//! width left to the tools' rules. Everything is unsigned; the `_s` methods read their operands in two's complement. A width
//! that does not fit is a bug in a block, found at the first generation, hence a panic with the caller's place.

use super::node::{Binary, Expr, Op};
use std::ops::{Add, BitAnd, BitOr, BitXor, Not, Sub};

impl Expr {
    #[track_caller]
    fn binary(&self, op: Binary, other: &Expr, width: u32) -> Expr {
        assert_eq!(
            self.width(),
            other.width(),
            "widths of `{self}` {} `{other}`",
            op.symbol()
        );
        Expr::new(Op::Binary(op), width, vec![self.clone(), other.clone()])
    }
    /// 1 if equal.
    #[track_caller]
    pub fn eq(&self, other: &Expr) -> Expr {
        self.binary(Binary::Eq, other, 1)
    }
    /// 1 if equal to a constant.
    #[track_caller]
    pub fn is(&self, value: u64) -> Expr {
        self.eq(&lit(value, self.width()))
    }
    /// 1 if different.
    #[track_caller]
    pub fn ne(&self, other: &Expr) -> Expr {
        self.binary(Binary::Ne, other, 1)
    }
    /// 1 if smaller, unsigned.
    #[track_caller]
    pub fn lt(&self, other: &Expr) -> Expr {
        self.binary(Binary::Lt, other, 1)
    }
    /// 1 if smaller or equal, unsigned. Nothing is larger than the largest constant of a width.
    #[track_caller]
    pub fn le(&self, other: &Expr) -> Expr {
        let width = other.width();
        let largest = width < 64 && other.as_const() == Some((1 << width) - 1);
        if largest && self.width() == width {
            return lit(1, 1);
        }
        self.binary(Binary::Le, other, 1)
    }
    /// 1 if smaller, in two's complement.
    #[track_caller]
    pub fn lt_s(&self, other: &Expr) -> Expr {
        self.binary(Binary::LtSigned, other, 1)
    }
    /// Bit `i`.
    #[track_caller]
    pub fn bit(&self, i: u32) -> Expr {
        self.slice(i, 1)
    }
    /// `width` bits from bit `low`.
    #[track_caller]
    pub fn slice(&self, low: u32, width: u32) -> Expr {
        assert!(width > 0, "no bits of `{self}`");
        assert!(
            low + width <= self.width(),
            "bits {low}+{width} of `{self}`, which has {}",
            self.width()
        );
        if low == 0 && width == self.width() {
            return self.clone();
        }
        match self.op() {
            Op::Slice(from) => self.args()[0].slice(from + low, width),
            Op::Zext => {
                let inner = &self.args()[0];
                match inner.width().saturating_sub(low) {
                    0 => lit(0, width),
                    bits => inner.slice(low, width.min(bits)).zext(width),
                }
            }
            Op::Const(value) if width < 64 => lit(
                value.checked_shr(low).unwrap_or(0) & ((1 << width) - 1),
                width,
            ),
            _ => Expr::new(Op::Slice(low), width, vec![self.clone()]),
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
    #[track_caller]
    fn extended(&self, op: Op, width: u32) -> Expr {
        assert!(
            width >= self.width(),
            "`{self}` has {} bits, more than {width}",
            self.width()
        );
        match width == self.width() {
            true => self.clone(),
            false => Expr::new(op, width, vec![self.clone()]),
        }
    }
    /// Extended with zeros to `width`.
    #[track_caller]
    pub fn zext(&self, width: u32) -> Expr {
        self.extended(Op::Zext, width)
    }
    /// Extended with the sign to `width`.
    #[track_caller]
    pub fn sext(&self, width: u32) -> Expr {
        self.extended(Op::Sext, width)
    }
    /// Cut or extended with zeros to `width`.
    #[track_caller]
    pub fn fit(&self, width: u32) -> Expr {
        match width < self.width() {
            true => self.low(width),
            false => self.zext(width),
        }
    }
    /// Cut or extended with the sign to `width`.
    #[track_caller]
    pub fn fit_s(&self, width: u32) -> Expr {
        match width < self.width() {
            true => self.low(width),
            false => self.sext(width),
        }
    }
    /// `yes` if this bit is 1, else `no`.
    #[track_caller]
    pub fn mux(&self, yes: &Expr, no: &Expr) -> Expr {
        assert_eq!(self.width(), 1, "condition `{self}`");
        assert_eq!(
            yes.width(),
            no.width(),
            "widths of `{self}` ? `{yes}` : `{no}`"
        );
        let args = vec![self.clone(), yes.clone(), no.clone()];
        Expr::new(Op::Mux, yes.width(), args)
    }
    /// This many copies side by side.
    #[track_caller]
    pub fn repeat(&self, times: u32) -> Expr {
        match times {
            1 => self.clone(),
            _ => Expr::new(Op::Repeat(times), self.width() * times, vec![self.clone()]),
        }
    }
    /// Shifted left by a variable amount.
    #[track_caller]
    pub fn shl(&self, amount: &Expr) -> Expr {
        Expr::new(Op::Shl, self.width(), vec![self.clone(), amount.clone()])
    }
    /// Shifted right by a variable amount, the sign coming in.
    #[track_caller]
    pub fn shr_s(&self, amount: &Expr) -> Expr {
        let args = vec![self.clone(), amount.clone()];
        Expr::new(Op::ShrSigned, self.width(), args)
    }
    /// Full product in two's complement.
    #[track_caller]
    pub fn mul_s(&self, other: &Expr) -> Expr {
        let width = self.width() + other.width();
        Expr::new(Op::MulSigned, width, vec![self.clone(), other.clone()])
    }
    /// 1 if any bit is 1.
    #[track_caller]
    pub fn any(&self) -> Expr {
        match self.width() {
            1 => self.clone(),
            _ => Expr::new(Op::Any, 1, vec![self.clone()]),
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
    Expr::new(Op::Const(value), width, Vec::new())
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
#[track_caller]
pub fn cat(parts: &[Expr]) -> Expr {
    match parts {
        [one] => one.clone(),
        _ => Expr::new(Op::Cat, parts.iter().map(Expr::width).sum(), parts.to_vec()),
    }
}

/// Parts side by side, the least significant first.
#[track_caller]
pub fn pack(parts: &[Expr]) -> Expr {
    cat(&parts.iter().rev().cloned().collect::<Vec<_>>())
}

/// 1 if all are 1.
#[track_caller]
pub fn all(bits: &[Expr]) -> Expr {
    let mut all = bits[0].clone();
    for bit in &bits[1..] {
        all = &all & bit;
    }
    all
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:ident) => {
        impl $trait<&Expr> for &Expr {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: &Expr) -> Expr {
                self.binary(Binary::$op, other, self.width())
            }
        }
    };
}
operator!(BitAnd, bitand, And);
operator!(BitOr, bitor, Or);
operator!(BitXor, bitxor, Xor);
operator!(Add, add, Add);
operator!(Sub, sub, Sub);

impl Not for &Expr {
    type Output = Expr;
    #[track_caller]
    fn not(self) -> Expr {
        Expr::new(Op::Not, self.width(), vec![self.clone()])
    }
}
