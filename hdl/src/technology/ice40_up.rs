// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lattice iCE40 UltraPlus: multipliers and large memories.

use super::Primitive;
use crate::memory;
use crate::rtl::{CellBuilder, Expr, Module, cat, lit, pack};
use sepstream_spec::timing::{DIRECT_READ, MEMORY_READ};
use std::rc::Rc;

/// Behaviour of SB_MAC16 and SB_SPRAM256KA as they are used here.
pub const CELLS: &str = include_str!("ice40_up_cells.v");

/// Operands of an SB_MAC16 that makes two products.
const HALF: u32 = 8;
/// A multiplier with an adder.
const MAC: &str = "SB_MAC16";
/// Pins that keep an operand.
const HOLDS: [&str; 4] = ["AHOLD", "BHOLD", "CHOLD", "DHOLD"];
/// Words and bits of an SB_SPRAM256KA.
const LARGE: (u32, u32) = (16384, 16);
/// Memories of fewer bits than these take fewer than four SB_RAM40_4K, of which there are 30, to 4 SB_SPRAM256KA.
const LARGE_BITS: u32 = 4 * 4096;

/// The module for a primitive; nothing where Yosys is to infer it.
pub fn body(primitive: Primitive, name: &str) -> Option<Rc<Module>> {
    let module = match primitive {
        Primitive::Multiplier { a_bits, b_bits } if a_bits.max(b_bits) <= HALF => multiplier(
            name,
            "Product in half an SB_MAC16.",
            &[("", a_bits, b_bits)],
        ),
        Primitive::MultiplierPair => {
            let products = [("_0", HALF, HALF), ("_1", HALF, HALF)];
            multiplier(name, "Two products in one SB_MAC16.", &products)
        }
        Primitive::AddingPair => adding(name),
        Primitive::Accumulating => accumulating(name),
        Primitive::Memory {
            words,
            width,
            stored: true,
            direct,
        } if words <= LARGE.0 && words * width >= LARGE_BITS => {
            large_memory(name, words, width, direct)
        }
        _ => return None,
    };
    Some(Rc::new(module))
}

/// Clock and operands of an SB_MAC16.
fn operands<'a>(cell: CellBuilder<'a>, [a, b, c, d]: [&Expr; 4]) -> CellBuilder<'a> {
    let cell = cell.clock("CLK").high(&["CE"]);
    cell.input("A", a).input("B", b).input("C", c).input("D", d)
}

/// Its other pins: nothing is loaded, carried in or reset, and of what comes out only the result is read.
fn idle(cell: CellBuilder<'_>, out: &Expr) {
    cell.low(&["IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT"])
        .low(&[
            "OLOADTOP",
            "OLOADBOT",
            "ADDSUBTOP",
            "ADDSUBBOT",
            "OHOLDTOP",
            "OHOLDBOT",
        ])
        .low(&["CI", "ACCUMCI", "SIGNEXTIN"])
        .output("O", out)
        .open(&["CO", "ACCUMCO", "SIGNEXTOUT"])
        .done();
}

/// Up to two products of up to 8 bits each: registers for the operands and for the products.
fn multiplier(name: &str, head: &str, products: &[(&str, u32, u32)]) -> Module {
    let mut m = Module::new(name, head);
    let mut halves = [Vec::new(), Vec::new()];
    for (suffix, a_bits, b_bits) in products {
        for (i, (operand, bits)) in [("a", a_bits), ("b", b_bits)].into_iter().enumerate() {
            let input = m.input(&format!("{operand}{suffix}"), *bits);
            let wide = m.wire(&format!("{operand}{suffix}_wide"), &input.sext(HALF));
            halves[i].push(wide);
        }
    }
    let [a, b] = halves.map(|mut halves| {
        if halves.len() == 1 {
            halves.push(lit(0, HALF));
        }
        pack(&halves)
    });
    let both = m.pins("both", 4 * HALF);
    let cell = m.cell(MAC, "block").parameters(&TWO_PRODUCTS).parameters(&[
        ("TOP_8x8_MULT_REG", "1'b1"),
        ("BOT_8x8_MULT_REG", "1'b1"),
        ("TOPOUTPUT_SELECT", "2'd2"),
        ("BOTOUTPUT_SELECT", "2'd2"),
    ]);
    let zeros = lit(0, 16);
    let cell = operands(cell, [&a, &b, &zeros, &zeros]);
    idle(cell.low(&HOLDS), &both);
    for (i, (suffix, a_bits, b_bits)) in products.iter().enumerate() {
        let product = both.slice(2 * HALF * i as u32, a_bits + b_bits);
        m.output(&format!("m_product{suffix}"), &product);
    }
    m
}

/// Two products of 8 bits in two's complement, of operands in registers.
const TWO_PRODUCTS: [(&str, &str); 5] = [
    ("MODE_8x8", "1'b1"),
    ("A_SIGNED", "1'b1"),
    ("B_SIGNED", "1'b1"),
    ("A_REG", "1'b1"),
    ("B_REG", "1'b1"),
];

/// Two products of 8 bits, and the upper adder for both: the lower product goes out and comes back as its other operand. Registers
/// for operands, products and sum.
fn adding(name: &str) -> Module {
    let mut m = Module::new(name, "Sum of two products in one SB_MAC16.");
    let [a_0, b_0, a_1, b_1] = ["a_0", "b_0", "a_1", "b_1"].map(|name| m.input(name, 8));
    let both = m.pins("both", 32);
    let cell = m
        .cell(MAC, "block")
        .parameters(&TWO_PRODUCTS)
        .parameters(&[
            ("TOP_8x8_MULT_REG", "1'b1"),
            ("BOT_8x8_MULT_REG", "1'b1"),
            ("TOPADDSUB_LOWERINPUT", "2'd1"),
            ("TOPADDSUB_UPPERINPUT", "1'b1"),
        ])
        .parameters(&[("TOPOUTPUT_SELECT", "2'd1"), ("BOTOUTPUT_SELECT", "2'd2")]);
    let (a, b) = (cat(&[a_1, a_0]), cat(&[b_1, b_0]));
    let cell = operands(cell, [&a, &b, &both.low(16), &lit(0, 16)]);
    idle(cell.low(&HOLDS), &both);
    m.output("m_sum", &both.slice(16, 16));
    m
}

/// A product of 16 bits by 16, and its adder: registers for operands, product and sum.
fn accumulating(name: &str) -> Module {
    let mut m = Module::new(
        name,
        "Product of 16 bits by 16 plus a third operand, in one SB_MAC16.",
    );
    let [a, b] = ["a", "b"].map(|name| m.input(name, 16));
    let hold = m.input("hold", 1);
    let c = m.input("c", 32);
    let sum = m.pins("block_sum", 32);
    let cell = m
        .cell(MAC, "block")
        .parameters(&[
            ("A_SIGNED", "1'b1"),
            ("B_SIGNED", "1'b0"),
            ("A_REG", "1'b1"),
            ("B_REG", "1'b1"),
            ("PIPELINE_16x16_MULT_REG2", "1'b1"),
        ])
        .parameters(&[
            ("TOPADDSUB_LOWERINPUT", "2'd2"),
            ("TOPADDSUB_UPPERINPUT", "1'b1"),
            ("TOPADDSUB_CARRYSELECT", "2'd2"),
            ("TOPOUTPUT_SELECT", "2'd1"),
        ])
        .parameters(&[
            ("BOTADDSUB_LOWERINPUT", "2'd2"),
            ("BOTADDSUB_UPPERINPUT", "1'b1"),
            ("BOTOUTPUT_SELECT", "2'd1"),
        ]);
    let cell = operands(cell, [&a, &b, &c.slice(16, 16), &c.low(16)]);
    let cell = cell.input("BHOLD", &hold);
    idle(cell.low(&["AHOLD", "CHOLD", "DHOLD"]), &sum);
    m.output("m_sum", &sum);
    m
}

/// Blocks side by side. They have one port, which a write takes: no unit looks at what is read then.
fn large_memory(name: &str, words: u32, width: u32, direct: bool) -> Module {
    let blocks = width.div_ceil(LARGE.1);
    // a memory of the same size that is read and written at once has the name without that
    let name = format!("{name}_stored");
    let (mut m, ports) = memory::empty(
        &name,
        words,
        width,
        if direct { DIRECT_READ } else { MEMORY_READ },
        &format!(" in {blocks} SB_SPRAM256KA"),
    );
    let memory::Ports {
        we,
        w_addr,
        w_data,
        r_addr,
    } = ports;
    let at = we.mux(&w_addr, &r_addr).zext(LARGE.0.trailing_zeros());
    let at = m.wire("at", &at);
    let data = m.wire("data", &w_data.zext(blocks * LARGE.1));
    let read = m.pins("read", blocks * LARGE.1);
    for block in 0..blocks {
        let low = block * LARGE.1;
        m.cell("SB_SPRAM256KA", &format!("block_{block}"))
            .clock("CLOCK")
            .input("ADDRESS", &at)
            .input("WREN", &we)
            .input("DATAIN", &data.slice(low, LARGE.1))
            .output("DATAOUT", &read.slice(low, LARGE.1))
            .input("MASKWREN", &lit(0b1111, 4))
            .high(&["CHIPSELECT"])
            .low(&["STANDBY", "SLEEP"])
            .high(&["POWEROFF"])
            .done();
    }
    let out = match direct {
        true => read.low(width),
        false => m.pipe("out", &read.low(width)),
    };
    m.output("r_data", &out);
    m
}
