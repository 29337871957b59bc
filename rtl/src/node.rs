// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nodes: what an expression is made of.

use super::cost::Cost;
use std::cell::OnceCell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

/// A line of a block's Rust code.
pub(crate) type Place = &'static Location<'static>;

/// A value of a fixed width: a handle to a node that never changes.
#[derive(Clone)]
pub struct Expr(Rc<Node>);

/// What a node does with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    /// A value that a module declares.
    Net(Net),
    /// A number.
    Const(u64),
    /// Bits of the argument, the lowest of which is given here.
    Slice(u32),
    /// The argument with zeros above.
    Zext,
    /// The argument with copies of its sign above.
    Sext,
    /// Copies of the argument side by side.
    Repeat(u32),
    /// Arguments side by side, the most significant first.
    Cat,
    /// All bits inverted.
    Not,
    /// Two operands.
    Binary(Binary),
    /// A bit, and what is chosen where it is 1, and else.
    Mux,
    /// Shifted left.
    Shl,
    /// Shifted right with the sign.
    ShrSigned,
    /// Full product in two's complement.
    MulSigned,
    /// 1 if any bit is 1.
    Any,
}

/// Operators of two operands of the same width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Binary {
    And,
    Or,
    Xor,
    Add,
    Sub,
    Eq,
    Ne,
    Lt,
    Le,
    LtSigned,
}

/// A name of a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Net {
    pub(crate) name: Rc<str>,
    pub(crate) kind: NetKind,
    /// The module that declares it.
    pub(crate) owner: u64,
}

/// What drives a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NetKind {
    /// The module's surroundings.
    Input,
    /// Its one value.
    Wire,
    /// A value that comes later.
    Forward,
    /// A process.
    Register,
    /// A memory.
    Read,
    /// Pins of cells.
    Pins,
    /// An instance.
    Instance,
}

pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) width: u32,
    pub(crate) args: Vec<Expr>,
    /// The line that made it.
    pub(crate) place: Place,
    /// Kept once it has been asked for: nodes are used many times.
    pub(crate) cost: OnceCell<Cost>,
}

impl Expr {
    #[track_caller]
    pub(crate) fn new(op: Op, width: u32, args: Vec<Expr>) -> Self {
        assert!(width > 0, "no bits");
        Expr(Rc::new(Node {
            op,
            width,
            args,
            place: Location::caller(),
            cost: OnceCell::new(),
        }))
    }
    #[track_caller]
    pub(crate) fn net(name: &str, kind: NetKind, owner: u64, width: u32) -> Self {
        let name = name.into();
        Expr::new(Op::Net(Net { name, kind, owner }), width, Vec::new())
    }
    pub(crate) fn node(&self) -> &Node {
        &self.0
    }
    pub(crate) fn op(&self) -> &Op {
        &self.0.op
    }
    pub(crate) fn args(&self) -> &[Expr] {
        &self.0.args
    }
    pub(crate) fn place(&self) -> Place {
        self.0.place
    }
    /// What tells nodes apart that are no copies of each other.
    pub(crate) fn id(&self) -> *const Node {
        Rc::as_ptr(&self.0)
    }
    /// Width in bits.
    pub fn width(&self) -> u32 {
        self.0.width
    }
    /// The net, if it is one.
    pub(crate) fn as_net(&self) -> Option<&Net> {
        match self.op() {
            Op::Net(net) => Some(net),
            _ => None,
        }
    }
    /// The number, if it is one.
    pub(crate) fn as_const(&self) -> Option<u64> {
        match self.op() {
            Op::Const(value) => Some(*value),
            _ => None,
        }
    }
    /// Its name in its module.
    ///
    /// # Panics
    /// When it has none, because it is an operator's value.
    #[track_caller]
    pub fn name(&self) -> &str {
        match self.as_net() {
            Some(net) => &net.name,
            None => panic!("`{self}` has no name"),
        }
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}` of {} bits", self.width())
    }
}

impl Binary {
    /// As Verilog writes it.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Binary::And => "&",
            Binary::Or => "|",
            Binary::Xor => "^",
            Binary::Add => "+",
            Binary::Sub => "-",
            Binary::Eq => "==",
            Binary::Ne => "!=",
            Binary::Lt | Binary::LtSigned => "<",
            Binary::Le => "<=",
        }
    }
}
