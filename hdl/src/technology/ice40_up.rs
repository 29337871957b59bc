// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lattice iCE40 UltraPlus: multipliers and large memories.

use super::Primitive;
use crate::memory;
use crate::rtl::{Expr, Module};
use sepstream_spec::timing::{DIRECT_READ, MEMORY_READ};
use std::fmt::Write;
use std::rc::Rc;

/// Behaviour of SB_MAC16 and SB_SPRAM256KA as they are used here.
pub const CELLS: &str = include_str!("ice40_up_cells.v");

/// Operands of an SB_MAC16 that makes two products.
const HALF: u32 = 8;
/// Ports of its adders that are used in no way here.
const ADDER_IDLE: &str = ".OLOADTOP(1'b0), .OLOADBOT(1'b0), .ADDSUBTOP(1'b0), .ADDSUBBOT(1'b0), .OHOLDTOP(1'b0), .OHOLDBOT(1'b0),\n    \
     .CI(1'b0), .ACCUMCI(1'b0), .SIGNEXTIN(1'b0),";
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

/// Up to two products of up to 8 bits each: registers for the operands and for the products.
fn multiplier(name: &str, head: &str, products: &[(&str, u32, u32)]) -> Module {
    let mut m = Module::new(name, head);
    let mut operands = [Vec::new(), Vec::new()];
    for (suffix, a_bits, b_bits) in products {
        for (i, (operand, bits)) in [("a", a_bits), ("b", b_bits)].into_iter().enumerate() {
            let input = m.input(&format!("{operand}{suffix}"), *bits);
            let wide = m.wire(&format!("{operand}{suffix}_wide"), &input.sext(HALF));
            operands[i].push(wide);
        }
    }
    let [a, b] = operands.map(|halves| {
        let mut texts: Vec<_> = halves
            .iter()
            .rev()
            .map(|half| half.text().to_string())
            .collect();
        if texts.len() == 1 {
            texts.insert(0, format!("{HALF}'d0"));
        }
        format!("{{{}}}", texts.join(", "))
    });
    let both = m.raw_name("both", 4 * HALF);
    let (both_text, width) = (both.text(), 4 * HALF - 1);
    m.raw(&format!(
        "wire [{width}:0] {both_text};\n\
         SB_MAC16 #(\n    .MODE_8x8(1'b1), .A_SIGNED(1'b1), .B_SIGNED(1'b1), .A_REG(1'b1), .B_REG(1'b1),\n    \
         .TOP_8x8_MULT_REG(1'b1), .BOT_8x8_MULT_REG(1'b1), .TOPOUTPUT_SELECT(2'd2), .BOTOUTPUT_SELECT(2'd2)\n\
         ) block (\n    .CLK(clk), .CE(1'b1), .A({a}), .B({b}), .C(16'd0), .D(16'd0),\n    \
         .AHOLD(1'b0), .BHOLD(1'b0), .CHOLD(1'b0), .DHOLD(1'b0), .IRSTTOP(1'b0), .IRSTBOT(1'b0), .ORSTTOP(1'b0), .ORSTBOT(1'b0),\n    \
         {ADDER_IDLE} .O({both_text}), .CO(), .ACCUMCO(), .SIGNEXTOUT()\n);"
    ));
    for (i, (suffix, a_bits, b_bits)) in products.iter().enumerate() {
        let product = both.slice(2 * HALF * i as u32, a_bits + b_bits);
        m.output(&format!("m_product{suffix}"), &product);
    }
    m
}

/// Two products of 8 bits, and the upper adder for both: the lower product goes out and comes back as its other operand. Registers
/// for operands, products and sum.
fn adding(name: &str) -> Module {
    let mut m = Module::new(name, "Sum of two products in one SB_MAC16.");
    let [a_0, b_0, a_1, b_1] = ["a_0", "b_0", "a_1", "b_1"].map(|name| m.input(name, 8));
    let both = m.raw_name("both", 32);
    m.raw(&format!(
        "wire [31:0] {both};\n\
         SB_MAC16 #(\n    .MODE_8x8(1'b1), .A_SIGNED(1'b1), .B_SIGNED(1'b1), .A_REG(1'b1), .B_REG(1'b1),\n    \
         .TOP_8x8_MULT_REG(1'b1), .BOT_8x8_MULT_REG(1'b1), .TOPADDSUB_LOWERINPUT(2'd1), .TOPADDSUB_UPPERINPUT(1'b1),\n    \
         .TOPOUTPUT_SELECT(2'd1), .BOTOUTPUT_SELECT(2'd2)\n\
         ) block (\n    .CLK(clk), .CE(1'b1), .A({{{a_1}, {a_0}}}), .B({{{b_1}, {b_0}}}), .C({both}[15:0]), .D(16'd0),\n    \
         .AHOLD(1'b0), .BHOLD(1'b0), .CHOLD(1'b0), .DHOLD(1'b0), .IRSTTOP(1'b0), .IRSTBOT(1'b0), .ORSTTOP(1'b0), .ORSTBOT(1'b0),\n    \
         {ADDER_IDLE} .O({both}), .CO(), .ACCUMCO(), .SIGNEXTOUT()\n);",
        both = both.text(),
        a_0 = a_0.text(),
        b_0 = b_0.text(),
        a_1 = a_1.text(),
        b_1 = b_1.text(),
    ));
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
    let sum = m.raw_name("block_sum", 32);
    m.raw(&format!(
        "wire [31:0] {sum};\n\
         SB_MAC16 #(\n    .A_SIGNED(1'b1), .B_SIGNED(1'b0), .A_REG(1'b1), .B_REG(1'b1), .PIPELINE_16x16_MULT_REG2(1'b1),\n    \
         .TOPADDSUB_LOWERINPUT(2'd2), .TOPADDSUB_UPPERINPUT(1'b1), .TOPADDSUB_CARRYSELECT(2'd2), .TOPOUTPUT_SELECT(2'd1),\n    \
         .BOTADDSUB_LOWERINPUT(2'd2), .BOTADDSUB_UPPERINPUT(1'b1), .BOTOUTPUT_SELECT(2'd1)\n\
         ) block (\n    .CLK(clk), .CE(1'b1), .A({a}), .B({b}), .C({c}[31:16]), .D({c}[15:0]), .BHOLD({hold}),\n    \
         .AHOLD(1'b0), .CHOLD(1'b0), .DHOLD(1'b0), .IRSTTOP(1'b0), .IRSTBOT(1'b0), .ORSTTOP(1'b0), .ORSTBOT(1'b0),\n    \
         {ADDER_IDLE} .O({sum}), .CO(), .ACCUMCO(), .SIGNEXTOUT()\n);",
        sum = sum.text(),
        a = a.text(),
        b = b.text(),
        c = c.text(),
        hold = hold.text(),
    ));
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
    let read = m.raw_name("read", blocks * LARGE.1);
    let bits = |signal: &Expr, block: u32| {
        let low = block * LARGE.1;
        format!("{}[{}:{low}]", signal.text(), low + LARGE.1 - 1)
    };
    let mut text = format!("wire [{}:0] {};", blocks * LARGE.1 - 1, read.text());
    for block in 0..blocks {
        let _ = write!(
            text,
            "\nSB_SPRAM256KA #() block_{block} (\n    .CLOCK(clk), .ADDRESS({}), .WREN({}), .DATAIN({}), .DATAOUT({}),\n    \
             .MASKWREN(4'b1111), .CHIPSELECT(1'b1), .STANDBY(1'b0), .SLEEP(1'b0), .POWEROFF(1'b1)\n);",
            at.text(),
            we.text(),
            bits(&data, block),
            bits(&read, block),
        );
    }
    m.raw(&text);
    let out = match direct {
        true => read.low(width),
        false => m.pipe("out", &read.low(width)),
    };
    m.output("r_data", &out);
    m
}
