// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a module is made of before any synthesis: operators by the bits that they work on, and registers.

use super::node::{Binary, Expr, Op};
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
    pub(crate) fn assigned(self, width: u32) -> Self {
        match self == Cost::default() {
            true => Cost {
                moves: width.into(),
                ..self
            },
            false => self,
        }
    }
    /// Registers of this width.
    pub(crate) fn registers(width: u32) -> Self {
        Cost {
            registers: width.into(),
            ..Cost::default()
        }
    }
}

impl Expr {
    /// The operators in it: those of a value that is used twice count twice.
    pub fn cost(&self) -> Cost {
        *self
            .node()
            .cost
            .get_or_init(|| self.own_cost() + self.cost_of_args())
    }
    /// A constant, or a choice of constants, which takes a LUT or two whatever it says.
    fn is_table(&self) -> bool {
        match self.op() {
            Op::Const(_) => true,
            Op::Mux => self.args()[1..].iter().all(Expr::is_table),
            _ => false,
        }
    }
    fn cost_of_args(&self) -> Cost {
        match self.op() {
            Op::Mux if self.is_table() => self.args()[0].cost(),
            _ => self.args().iter().map(Expr::cost).sum(),
        }
    }
    fn own_cost(&self) -> Cost {
        let none = Cost::default();
        let bits = |at: usize| u64::from(self.args()[at].width());
        match self.op() {
            Op::Binary(op) => op.cost(bits(0)),
            Op::Any => Cost {
                logic: bits(0),
                ..none
            },
            Op::Mux => Cost {
                choices: self.width().into(),
                ..none
            },
            Op::Shl | Op::ShrSigned => Cost {
                shifts: bits(0) * bits(1),
                ..none
            },
            Op::MulSigned => Cost {
                products: bits(0) * bits(1),
                ..none
            },
            Op::Net(_) | Op::Const(_) | Op::Slice(_) | Op::Zext | Op::Sext => none,
            Op::Repeat(_) | Op::Cat | Op::Not => none,
        }
    }
}

impl Binary {
    /// The operator for operands of so many bits.
    fn cost(self, bits: u64) -> Cost {
        let none = Cost::default();
        match self {
            Binary::Add | Binary::Sub | Binary::Lt | Binary::Le | Binary::LtSigned => {
                Cost { sums: bits, ..none }
            }
            Binary::Eq | Binary::Ne => Cost {
                equals: bits,
                ..none
            },
            Binary::And | Binary::Or | Binary::Xor => Cost {
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
