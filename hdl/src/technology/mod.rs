// SPDX-License-Identifier: MIT OR Apache-2.0
//! What multiplies and what stores, for each family of FPGAs.
//!
//! Every multiplier and every memory of the design is a module of its own, described by its behaviour: Verilator runs that, and
//! any tool can infer something from it. For a [`Technology`] those modules get another body of the same ports and cycles,
//! made of the family's blocks with their registers, which inference leaves unused (ECP5) or gets wrong (iCE40: Yosys drops
//! products of adder trees). [`cells`](Technology::cells) are twins of these blocks for simulation.

pub mod ecp5;
mod ice40_up;

use crate::rtl::Module;
pub use crate::rtl::Primitive;
use std::rc::Rc;

/// A family of FPGAs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Technology {
    /// None in particular: behaviour only.
    Generic,
    /// Lattice ECP5: MULT18X18D, CCU2C, DP16KD, TRELLIS_DPR16X4.
    Ecp5,
    /// Lattice iCE40 UltraPlus: SB_MAC16, SB_SPRAM256KA.
    Ice40Up,
}

impl Technology {
    /// All of them.
    pub const ALL: [Technology; 3] = [Technology::Generic, Technology::Ecp5, Technology::Ice40Up];

    /// Behaviour of the blocks that [`Technology::map`] uses, as Verilog: for simulation only, tools for the FPGA know them.
    pub fn cells(self) -> &'static str {
        match self {
            Technology::Generic => "",
            Technology::Ecp5 => ecp5::CELLS,
            Technology::Ice40Up => ice40_up::CELLS,
        }
    }

    /// The same design with the blocks of this technology.
    pub fn map(self, module: &Rc<Module>) -> Rc<Module> {
        if self == Technology::Generic {
            return module.clone();
        }
        if let Some(mapped) = module.primitive().and_then(|p| self.body(p, module.name())) {
            return mapped;
        }
        Rc::new(module.with_children(|child| self.map(child)))
    }

    /// A module for a primitive; nothing where its behaviour is as good.
    fn body(self, primitive: Primitive, name: &str) -> Option<Rc<Module>> {
        match self {
            Technology::Generic => None,
            Technology::Ecp5 => ecp5::body(primitive, name),
            Technology::Ice40Up => ice40_up::body(primitive, name),
        }
    }
}
