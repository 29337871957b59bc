// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lattice ECP5: multipliers and memories.

use super::Primitive;
use crate::memory;
use crate::multiplier::{self, PAIR, Rows};
use crate::rtl::{Expr, Module, cat, lit};
use sepstream_spec::timing::MEMORY_READ;
use std::rc::Rc;

/// Behaviour of MULT18X18D, CCU2C and DP16KD as they are used here.
pub const CELLS: &str = include_str!("ecp5_cells.v");

/// Words and bits of a DP16KD, a block RAM of 18 kbit, in each of its shapes.
pub const BLOCK_RAM_SHAPES: [(u32, u32); 6] = [
    (512, 36),
    (1024, 18),
    (2048, 9),
    (4096, 4),
    (8192, 2),
    (16384, 1),
];

/// Memories of no more words than these are made of LUTs: a block RAM would be nearly empty.
const LUT_RAM_WORDS: u32 = 96;

/// The module for a primitive.
pub fn body(primitive: Primitive, name: &str) -> Option<Rc<Module>> {
    let module = match primitive {
        Primitive::Multiplier { a_bits, b_bits } => {
            let mut m = Module::new(name, "Product in a MULT18X18D with all its registers.");
            product(&mut m, "", a_bits, b_bits);
            m
        }
        Primitive::MultiplierPair => {
            let mut m = Module::new(
                name,
                "Two products in MULT18X18Ds with all their registers.",
            );
            product(&mut m, "_0", 8, 8);
            product(&mut m, "_1", 8, 8);
            m
        }
        Primitive::LutMultiplier => multiplier::by_rows(name, "carry chains", chain),
        // made of multipliers
        Primitive::AddingPair | Primitive::Accumulating => return None,
        // these block RAMs have output registers: Yosys does as well without
        Primitive::Memory { direct: true, .. } => return None,
        Primitive::Memory { words, width, .. } if words <= LUT_RAM_WORDS => {
            memory::described(words, width, true)
        }
        Primitive::Memory { words, width, .. } => block_memory(name, words, width),
    };
    Some(Rc::new(module))
}

fn product(m: &mut Module, suffix: &str, a_bits: u32, b_bits: u32) {
    const BITS: u32 = multiplier::BLOCK_BITS;
    let [a, b] = [("a", a_bits), ("b", b_bits)].map(|(name, bits)| {
        let operand = m.input(&format!("{name}{suffix}"), bits);
        m.wire(&format!("{name}{suffix}_wide"), &operand.sext(BITS))
    });
    let product = m.pins(&format!("product{suffix}"), a_bits + b_bits);
    let registers = ["REG_INPUTA_CLK", "REG_INPUTB_CLK", "REG_OUTPUT_CLK"];
    let mut cell = m
        .cell("MULT18X18D", &format!("block{suffix}"))
        .parameters(&registers.map(|register| (register, "\"CLK0\"")));
    for (port, operand) in [("A", a), ("B", b)] {
        cell = cell.input_bits(port, 0, &operand);
        cell = cell.high(&[&format!("SIGNED{port}")]);
        cell = cell.low(&[&format!("SOURCE{port}")]);
    }
    cell.clock("CLK0")
        .high(&["CE0"])
        .low(&["RST0"])
        .output_bits("P", 0, &product)
        .done();
    m.output(&format!("m_product{suffix}"), &product);
}

/// Sum of two rows in a carry chain of CCU2Cs, each of which has the ANDs of two columns' rows in the LUTs of its sum.
///
/// A LUT is (A and B) xor (C and D), which passes a carry on where it is 1, else gives A and B; S is that xor the carry. The higher row
/// is A and B: to subtract it the LUT has not (A and B) in its place, and the carry begins with 1.
fn chain(m: &mut Module, rows: &Rows) -> Expr {
    const LENGTH: u32 = PAIR / 2;
    let name = format!("rows_{}", rows.first);
    let (init, begin) = if rows.is_last() {
        ("16'h8777", 1)
    } else {
        ("16'h7888", 0)
    };
    let low = m.wire(&format!("{name}_low"), &rows.a.sext(PAIR));
    let high = cat(&[rows.a.sext(PAIR - 1), lit(0, 1)]);
    let high = m.wire(&format!("{name}_high"), &high);
    let bits = [0, 1].map(|i| m.wire(&format!("{name}_bit_{i}"), &rows.bits[i]));
    let sum = m.pins(&format!("{name}_sum"), PAIR);
    let carry = m.pins(&format!("{name}_carry"), LENGTH);
    m.drive(&carry.bit(0), &lit(begin, 1));
    for i in 0..LENGTH {
        let mut cell = m
            .cell("CCU2C", &format!("{name}_cell_{i}"))
            .parameters(&[
                ("INIT0", init),
                ("INIT1", init),
                ("INJECT1_0", "\"NO\""),
                ("INJECT1_1", "\"NO\""),
            ])
            .combinational();
        for half in 0..2 {
            let column = 2 * i + half;
            cell = cell
                .input(&format!("A{half}"), &high.bit(column))
                .input(&format!("B{half}"), &bits[1])
                .input(&format!("C{half}"), &low.bit(column))
                .input(&format!("D{half}"), &bits[0])
                .output(&format!("S{half}"), &sum.bit(column));
        }
        cell = cell.input("CIN", &carry.bit(i));
        if i + 1 < LENGTH {
            cell = cell.output("COUT", &carry.bit(i + 1));
        }
        cell.done();
    }
    sum
}

/// Depths of the block RAMs that lie one behind the other, deepest first, so that each begins at a multiple of its depth:
/// as few blocks as can be, and of those ways the one with the fewest depths.
fn segments(words: u32, width: u32) -> Vec<(u32, u32)> {
    let least = BLOCK_RAM_SHAPES[0].0;
    let steps = words.div_ceil(least) as usize;
    // blocks and number of segments for the first `i * 512` words, and the last segment's shape
    let mut best = vec![(0, 0, BLOCK_RAM_SHAPES[0])];
    for i in 1..=steps {
        let options = BLOCK_RAM_SHAPES.iter().map(|&(depth, bits)| {
            let before = i.saturating_sub((depth / least) as usize);
            let (blocks, segments, _) = best[before];
            (blocks + width.div_ceil(bits), segments + 1, (depth, bits))
        });
        best.extend(options.min_by_key(|(blocks, segments, _)| (*blocks, *segments)));
    }
    let mut shapes = Vec::new();
    let mut i = steps;
    while i > 0 {
        let shape = best[i].2;
        shapes.push(shape);
        i = i.saturating_sub((shape.0 / least) as usize);
    }
    shapes.sort_unstable_by(|a, b| b.cmp(a));
    shapes
}

fn block_memory(name: &str, words: u32, width: u32) -> Module {
    let segments = segments(words, width);
    let blocks: u32 = segments.iter().map(|(_, bits)| width.div_ceil(*bits)).sum();
    let (mut m, ports) = memory::empty(
        name,
        words,
        width,
        MEMORY_READ,
        &format!(" in {blocks} DP16KD"),
    );
    let address = ports.r_addr.width();
    let mut start = 0;
    let mut out = Vec::new();
    for (i, &(depth, bits)) in segments.iter().enumerate() {
        m.note(&format!(
            "Words from {start} on: {depth} of {bits} bits a block."
        ));
        let (last, low) = (i + 1 == segments.len(), depth.trailing_zeros());
        // addresses behind the last word are not used
        let here = |addr: &Expr| match (start, last) {
            (0, true) => lit(1, 1),
            (_, true) => lit(start.into(), address).le(addr),
            _ => addr.slice(low, address - low).is((start >> low).into()),
        };
        let write = m.wire(&format!("write_{i}"), &(&ports.we & &here(&ports.w_addr)));
        let read = m.wire(&format!("here_{i}"), &here(&ports.r_addr));
        let take = if segments.len() == 1 {
            None
        } else {
            Some(m.delay(&format!("here_{i}"), &read, MEMORY_READ))
        };
        // addresses of a block have 14 bits, of which those below a word of its shape are not used
        let at = |m: &mut Module, name: &str, addr: &Expr| {
            let bits = address.min(low);
            m.wire(name, &addr.low(bits).zext(low))
        };
        let w = at(&mut m, &format!("w_at_{i}"), &ports.w_addr);
        let r = at(&mut m, &format!("r_at_{i}"), &ports.r_addr);
        let count = width.div_ceil(bits);
        let data = m.wire(&format!("data_{i}"), &ports.w_data.zext(count * bits));
        let read = m.pins(&format!("read_{i}"), count * bits);
        for b in 0..count {
            let part = |signal: &Expr| signal.slice(b * bits, bits);
            let block = Ram {
                name: format!("block_{i}_{b}"),
                shape: (depth, bits),
                write: &write,
                w_addr: &w,
                r_addr: &r,
                data: part(&data),
                read: part(&read),
            };
            block.put(&mut m);
        }
        let word = read.low(width);
        out.push(match take {
            Some(take) => m.wire(&format!("taken_{i}"), &(&word & &take.repeat(width))),
            None => word,
        });
        start += depth;
    }
    let all = out[1..]
        .iter()
        .fold(out[0].clone(), |all, word| &all | word);
    m.output("r_data", &all);
    m
}

/// A DP16KD: port A writes, port B reads; with 36 bits both ports' data pins together do either.
struct Ram<'a> {
    name: String,
    shape: (u32, u32),
    write: &'a Expr,
    w_addr: &'a Expr,
    r_addr: &'a Expr,
    data: Expr,
    read: Expr,
}

impl Ram<'_> {
    fn put(self, m: &mut Module) {
        const ADDRESS: u32 = 14;
        const PORT: u32 = 18;
        let (depth, bits) = self.shape;
        let width = bits.to_string();
        let low = ADDRESS - depth.trailing_zeros();
        let mut cell = m.cell("DP16KD", &self.name).parameters(&[
            ("DATA_WIDTH_A", width.as_str()),
            ("DATA_WIDTH_B", &width),
            ("REGMODE_A", "\"OUTREG\""),
            ("REGMODE_B", "\"OUTREG\""),
        ]);
        for (port, addr) in [("A", self.w_addr), ("B", self.r_addr)] {
            // with 18 bits and more the lowest are enables of nine bits each
            for bit in 0..low {
                let enables = port == "A" && bits >= 18 && bit < bits / 9;
                cell = cell.input(&format!("AD{port}{bit}"), &lit(enables.into(), 1));
            }
            cell = cell.input_bits(&format!("AD{port}"), low, addr);
            cell = cell.clock(&format!("CLK{port}"));
            cell = cell.high(&[&format!("CE{port}"), &format!("OCE{port}")]);
            cell = cell.low(&[&format!("RST{port}")]);
            cell = cell.input_bits(&format!("CS{port}"), 0, &lit(0, 3));
        }
        cell = cell.input("WEA", self.write).low(&["WEB"]);
        let lower = bits.min(PORT);
        cell = cell.input_bits("DIA", 0, &self.data.low(lower));
        cell = match bits - lower {
            0 => cell.output_bits("DOB", 0, &self.read),
            upper => cell
                .input_bits("DIB", 0, &self.data.slice(lower, upper))
                .output_bits("DOA", 0, &self.read.low(lower))
                .output_bits("DOB", 0, &self.read.slice(lower, upper)),
        };
        cell.done();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_take_few_blocks() {
        let blocks = |words, width| -> u32 {
            let segments = segments(words, width);
            let mut start = 0;
            for (depth, _) in &segments {
                assert_eq!(start % depth, 0, "{segments:?}");
                start += depth;
            }
            assert!(start >= words, "{segments:?}");
            segments.iter().map(|(_, bits)| width.div_ceil(*bits)).sum()
        };
        assert_eq!(blocks(512, 36), 1);
        assert_eq!(blocks(513, 36), 2);
        assert_eq!(blocks(2048, 9), 1);
        assert_eq!(blocks(16384, 1), 1);
        assert_eq!(blocks(2048, 1024), 114);
        // 4,096 words of 15 blocks twice, 1,024 of 8 blocks, 128 of 4
        assert_eq!(blocks(5248, 128), 42);
    }
}
