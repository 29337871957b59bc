// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the requantisers' lanes have in common: their inputs, and the sum clamped to few bits.

use crate::rtl::{Expr, Module, cat};

/// Inputs of a lane; the cycles in which it takes them are its own.
pub(crate) struct Inputs {
    pub(crate) sum: Expr,
    pub(crate) bias: Expr,
    pub(crate) multiplier: Expr,
    pub(crate) shift: Expr,
    pub(crate) zero: Expr,
    pub(crate) low: Expr,
    pub(crate) high: Expr,
}

impl Inputs {
    pub(crate) fn new(m: &mut Module) -> Self {
        Inputs {
            sum: m.input("sum", 32),
            bias: m.input("bias", 32),
            multiplier: m.input("multiplier", 31),
            shift: m.input("shift", 5),
            zero: m.input("zero", 8),
            low: m.input("low", 8),
            high: m.input("high", 8),
        }
    }
    /// The sum with its bias, registered.
    pub(crate) fn biased(&self, m: &mut Module) -> Expr {
        m.pipe("biased", &(&self.sum + &self.bias))
    }
}

/// Name of a lane's module: one that rounds either way is another one.
pub(crate) fn name(base: String, either: bool) -> String {
    match either {
        true => format!("{base}_either"),
        false => base,
    }
}

/// A sum, clamped to `bits` bits.
pub(crate) fn clamped(m: &mut Module, biased: &Expr, bits: u32) -> Expr {
    let sign = biased.bit(biased.width() - 1);
    let above = biased.slice(bits - 1, biased.width() - bits + 1);
    let fits = m.wire("sum_fits", &above.eq(&sign.repeat(above.width())));
    let end = cat(&[sign.clone(), (!&sign).repeat(bits - 1)]);
    fits.mux(&biased.low(bits), &end)
}
