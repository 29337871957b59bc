// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a design is made of before synthesis: blocks of the FPGA, which are counted, and operators, whose LUTs are estimated.

use sepstream_hdl::rtl::{Array, Cost, Module};
use sepstream_hdl::technology::ecp5::BLOCK_RAM_SHAPES;

use crate::{Cells, Family};

/// A unit before synthesis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Blocks, and the LUTs of LUT memories.
    pub blocks: Cells,
    /// Everything else.
    pub operators: Cost,
}

/// Words and bits of an SB_RAM40_4K in each of its shapes.
const ICE40_SHAPES: [(u32, u32); 4] = [(256, 16), (512, 8), (1024, 4), (2048, 2)];
/// Words and bits of a TRELLIS_DPR16X4.
const LUT_RAM: (u32, u32) = (16, 4);

/// A module with all that is below it.
pub(super) fn tally(module: &Module, family: Family) -> Tally {
    let mut sum = Tally {
        blocks: Cells::default(),
        operators: module.cost(),
    };
    for cell in module.cells() {
        sum.blocks += Cells::of(cell.kind()).unwrap_or_default();
    }
    for array in module.arrays() {
        memory(&array, family, &mut sum);
    }
    for (_, child) in module.children() {
        let below = tally(child, family);
        sum.blocks += below.blocks;
        sum.operators += below.operators;
    }
    sum
}

/// Adds a memory that Yosys infers. Of the registers behind a block RAM the first is in it.
fn memory(array: &Array, family: Family, sum: &mut Tally) {
    let (kind, shapes): (_, &[(u32, u32)]) = match family {
        Family::Ecp5 if array.in_luts => ("TRELLIS_DPR16X4", &[LUT_RAM]),
        Family::Ecp5 => ("DP16KD", &BLOCK_RAM_SHAPES),
        Family::Ice40 => ("SB_RAM40_4K", &ICE40_SHAPES),
    };
    let banks = |(words, _): (u32, u32)| array.words.div_ceil(words);
    let count = |shape: (u32, u32)| banks(shape) * array.width.div_ceil(shape.1);
    let Some(shape) = shapes.iter().copied().min_by_key(|shape| count(*shape)) else {
        return;
    };
    sum.blocks += Cells::of(kind).unwrap_or_default().times(count(shape));
    let bits = u64::from(array.width);
    sum.operators.choices += u64::from(banks(shape) - 1) * bits;
    if shape != LUT_RAM {
        let operators = &mut sum.operators;
        operators.registers = operators.registers.saturating_sub(bits);
        operators.moves = operators.moves.saturating_sub(bits);
    }
}
