// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lattice ECP5: multipliers and memories.

use super::Primitive;
use crate::memory;
use crate::multiplier::{self, PAIR, Rows};
use crate::rtl::{Expr, Module, cat, lit};
use sepstream_spec::timing::MEMORY_READ;
use std::fmt::Write;
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
            memory::described(words, width, "(* ram_style = \"distributed\" *) ")
        }
        Primitive::Memory { words, width, .. } => block_memory(name, words, width),
    };
    Some(Rc::new(module))
}

/// A block's instance: parameters, and ports of single bits.
fn cell(
    kind: &str,
    name: &str,
    parameters: &[(&str, String)],
    ports: &[(String, String)],
) -> String {
    let list = |pairs: Vec<(&str, &str)>, gap: &str| {
        let items: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!(".{name}({value})"))
            .collect();
        let lines: Vec<_> = items.chunks(8).map(|line| line.join(", ")).collect();
        lines.join(&format!(",\n{gap}"))
    };
    let parameters = list(
        parameters.iter().map(|(n, v)| (*n, v.as_str())).collect(),
        "    ",
    );
    let ports = list(
        ports
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect(),
        "    ",
    );
    format!("{kind} #(\n    {parameters}\n) {name} (\n    {ports}\n);")
}

/// Ports `<prefix>0` and on, on the bits of a signal.
fn bus(
    ports: &mut Vec<(String, String)>,
    prefix: &str,
    first: u32,
    signal: &Expr,
    bits: std::ops::Range<u32>,
) {
    for (i, bit) in bits.enumerate() {
        let wire = match signal.width() {
            1 => signal.text().into(),
            _ => format!("{}[{bit}]", signal.text()),
        };
        ports.push((format!("{prefix}{}", first + i as u32), wire));
    }
}

fn constant(ports: &mut Vec<(String, String)>, name: &str, value: u32) {
    ports.push((name.into(), format!("1'b{value}")));
}

fn product(m: &mut Module, suffix: &str, a_bits: u32, b_bits: u32) {
    const BITS: u32 = multiplier::BLOCK_BITS;
    let mut ports = Vec::new();
    for (name, port, bits) in [("a", "A", a_bits), ("b", "B", b_bits)] {
        let operand = m.input(&format!("{name}{suffix}"), bits);
        let wide = m.wire(&format!("{name}{suffix}_wide"), &operand.sext(BITS));
        bus(&mut ports, port, 0, &wide, 0..BITS);
        constant(&mut ports, &format!("SIGNED{port}"), 1);
        constant(&mut ports, &format!("SOURCE{port}"), 0);
    }
    ports.push(("CLK0".into(), "clk".into()));
    constant(&mut ports, "CE0", 1);
    constant(&mut ports, "RST0", 0);
    let product = m.raw_name(&format!("product{suffix}"), a_bits + b_bits);
    bus(&mut ports, "P", 0, &product, 0..a_bits + b_bits);
    let registers = ["REG_INPUTA_CLK", "REG_INPUTB_CLK", "REG_OUTPUT_CLK"];
    let parameters = registers.map(|register| (register, "\"CLK0\"".to_string()));
    let text = cell("MULT18X18D", &format!("block{suffix}"), &parameters, &ports);
    m.raw(&format!(
        "wire [{}:0] {};\n{text}",
        a_bits + b_bits - 1,
        product.text()
    ));
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
    let sum = m.raw_name(&format!("{name}_sum"), PAIR);
    let carry = m.raw_name(&format!("{name}_carry"), LENGTH);
    let mut text = format!(
        "wire [{}:0] {};\nwire [{}:0] {};\nassign {}[0] = 1'b{begin};",
        PAIR - 1,
        sum.text(),
        LENGTH - 1,
        carry.text(),
        carry.text(),
    );
    for i in 0..LENGTH {
        let mut ports = Vec::new();
        for half in 0..2 {
            let column = 2 * i + half..2 * i + half + 1;
            bus(&mut ports, "A", half, &high, column.clone());
            bus(&mut ports, "B", half, &bits[1], 0..1);
            bus(&mut ports, "C", half, &low, column.clone());
            bus(&mut ports, "D", half, &bits[0], 0..1);
            bus(&mut ports, "S", half, &sum, column);
        }
        ports.push(("CIN".into(), format!("{}[{i}]", carry.text())));
        if i + 1 < LENGTH {
            ports.push(("COUT".into(), format!("{}[{}]", carry.text(), i + 1)));
        }
        let parameters = [
            ("INIT0", init.to_string()),
            ("INIT1", init.to_string()),
            ("INJECT1_0", "\"NO\"".into()),
            ("INJECT1_1", "\"NO\"".into()),
        ];
        let instance = format!("{name}_cell_{i}");
        let _ = write!(text, "\n{}", cell("CCU2C", &instance, &parameters, &ports));
    }
    m.raw(&text);
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
        let read = m.raw_name(&format!("read_{i}"), count * bits);
        let mut text = format!("wire [{}:0] {};", count * bits - 1, read.text());
        for b in 0..count {
            let part = b * bits..(b + 1) * bits;
            let instance = format!("block_{i}_{b}");
            let block = ram(
                &instance,
                (depth, bits),
                write.text(),
                &w,
                &r,
                (&data, &read),
                part,
            );
            let _ = write!(text, "\n{block}");
        }
        m.raw(&text);
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
fn ram(
    name: &str,
    (depth, bits): (u32, u32),
    write: &str,
    w_addr: &Expr,
    r_addr: &Expr,
    (data, read): (&Expr, &Expr),
    part: std::ops::Range<u32>,
) -> String {
    const ADDRESS: u32 = 14;
    const PORT: u32 = 18;
    let low = ADDRESS - depth.trailing_zeros();
    let mut ports = Vec::new();
    for (port, addr) in [("A", w_addr), ("B", r_addr)] {
        // with 18 bits and more the lowest are enables of nine bits each
        for bit in 0..low {
            constant(
                &mut ports,
                &format!("AD{port}{bit}"),
                (port == "A" && bits >= 18 && bit < bits / 9) as u32,
            );
        }
        bus(
            &mut ports,
            &format!("AD{port}"),
            low,
            addr,
            0..depth.trailing_zeros(),
        );
        ports.push((format!("CLK{port}"), "clk".into()));
        for (pin, value) in [("CE", 1), ("OCE", 1), ("RST", 0), ("CS", 0)] {
            match pin {
                "CS" => (0..3).for_each(|i| constant(&mut ports, &format!("CS{port}{i}"), value)),
                _ => constant(&mut ports, &format!("{pin}{port}"), value),
            }
        }
    }
    ports.push(("WEA".into(), write.into()));
    constant(&mut ports, "WEB", 0);
    let (lower, upper) = (
        part.start..part.end.min(part.start + PORT),
        part.start + PORT..part.end,
    );
    bus(&mut ports, "DIA", 0, data, lower.clone());
    if upper.is_empty() {
        bus(&mut ports, "DOB", 0, read, lower);
    } else {
        bus(&mut ports, "DIB", 0, data, upper.clone());
        bus(&mut ports, "DOA", 0, read, lower);
        bus(&mut ports, "DOB", 0, read, upper);
    }
    let parameters = [
        ("DATA_WIDTH_A", bits.to_string()),
        ("DATA_WIDTH_B", bits.to_string()),
        ("REGMODE_A", "\"OUTREG\"".into()),
        ("REGMODE_B", "\"OUTREG\"".into()),
    ];
    cell("DP16KD", name, &parameters, &ports)
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
