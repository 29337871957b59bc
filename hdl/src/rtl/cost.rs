// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a module is made of before any synthesis: operators by the bits that they work on, registers, primitives.
//!
//! An [`Expr`](super::Expr) carries the operators in its text, and the module in which that text is written takes them over.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

macro_rules! cost {
    ($($(#[$doc:meta])* $kind:ident),* $(,)?) => {
        /// Operators, each kind as the sum of its bits.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Cost { $($(#[$doc])* pub $kind: u64),* }

        impl Cost {
            /// Names of the fields, in the order of [`Cost::values`].
            pub const NAMES: [&str; [$(stringify!($kind)),*].len()] = [$(stringify!($kind)),*];
            /// The fields in the order of [`Cost::NAMES`].
            pub fn values(&self) -> [u64; Cost::NAMES.len()] { [$(self.$kind),*] }
            /// From fields in the order of [`Cost::NAMES`].
            pub fn of([$($kind),*]: [u64; Cost::NAMES.len()]) -> Self { Cost { $($kind),* } }
        }
    };
}

cost! {
    /// Registers.
    registers,
    /// Sums, differences and comparisons of size: a bit of a carry chain each.
    sums,
    /// Comparisons with equal, operands' bits.
    equals,
    /// Choices of one of two.
    choices,
    /// And, or, exclusive or, or of all bits.
    logic,
    /// Shifts by a variable amount: bits of the operand times bits of the amount.
    shifts,
    /// Products that are no primitive: bits of one operand times those of the other.
    products,
    /// Assignments to registers under a condition.
    enables,
    /// Assignments to registers of values without operators: a register without logic before it.
    moves,
}

impl Cost {
    /// A value of this width that a register takes, after the operators in it.
    pub(super) fn assigned(self, width: u32) -> Self {
        let moves = if self == Cost::default() {
            u64::from(width)
        } else {
            0
        };
        Cost { moves, ..self }
    }

    /// An operator of two operands of this width.
    pub(super) fn binary(op: &str, width: u32) -> Self {
        let bits = u64::from(width);
        let none = Cost::default();
        match op {
            "+" | "-" | "<" | "<=" => Cost { sums: bits, ..none },
            "==" | "!=" => Cost {
                equals: bits,
                ..none
            },
            _ => Cost {
                logic: bits,
                ..none
            },
        }
    }
}

impl Add for Cost {
    type Output = Cost;
    fn add(self, other: Cost) -> Cost {
        let (mut a, b) = (self.values(), other.values());
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        Cost::of(a)
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        *self = *self + other;
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(items: I) -> Cost {
        items.fold(Cost::default(), Add::add)
    }
}
