// SPDX-License-Identifier: MIT OR Apache-2.0
//! # multiplier — products in multiplier blocks of the FPGA, two of one block, or in LUTs
//! Every `*` of the design is in [`block`] and [`pair`], which `technology` puts into the blocks of an FPGA, with their registers.
//!
//! `multiplier_<a bits>x<b bits>`, `timing::BLOCK_PRODUCT` cycles; `multiplier_pair` has two of 8 bits by 8, with inputs a_0 b_0 a_1
//! b_1 and outputs m_product_0 and m_product_1:
//! | port             | dir | data            | note                                                  |
//! |------------------|-----|-----------------|-------------------------------------------------------|
//! | a b              | in  | up to 18 bits   | in two's complement                                   |
//! | m_product        | out | as many as both |                                                       |
//!
//! `lut_multiplier`, `timing::LUT_PRODUCT` cycles:
//! | port             | dir | data    | note                                                          |
//! |------------------|-----|---------|---------------------------------------------------------------|
//! | a b              | in  | 8 bits  | in two's complement                                           |
//! | m_product        | out | 16 bits |                                                               |
//!
//! `packed_multiplier`, `timing::PACKED_PRODUCT` cycles:
//! | port             | dir | data    | note                                                          |
//! |------------------|-----|---------|---------------------------------------------------------------|
//! | a                | in  | 8 bits  | factor of both                                                |
//! | w_0 w_1          | in  | 8 bits  | from -127 to 127; products are wrong with -128                |
//! | m_product_0 _1   | out | 16 bits | a w_0 and a w_1                                               |
//!
//! `adding_multiplier_pair`, `timing::BLOCK_PRODUCT` cycles and one more: inputs as the pair's, and m_sum, 16 bits, a_0 b_0 + a_1 b_1;
//! wrong where both b are -128.
//!
//! `accumulating_multiplier`, `timing::BLOCK_PRODUCT` cycles to the product and one more to its sum:
//! | port             | dir | data    | note                                                          |
//! |------------------|-----|---------|---------------------------------------------------------------|
//! | a                | in  | 16 bits | in two's complement                                           |
//! | b                | in  | 16 bits | without a sign                                                |
//! | hold             | in  | 1       | b is the one before                                           |
//! | c                | in  | 32 bits | `timing::BLOCK_PRODUCT` cycles behind a                       |
//! | m_sum            | out | 32 bits | a b + c                                                       |
//!
//! Throughput of all: a product per cycle. Invariants, over all operands: I1 `lut` · I2 `packed` (tests: `multiplier`).

use crate::rtl::{Expr, Module, cat, lit, pack};
use crate::technology::Primitive;
use sepstream_spec::timing::BLOCK_PRODUCT;
use std::rc::Rc;

/// Bits of the widest operand of a multiplier block.
pub const BLOCK_BITS: u32 = 18;

/// One product in a multiplier block: registers for its operands and its result.
pub fn block(a_bits: u32, b_bits: u32) -> Rc<Module> {
    assert!(a_bits.max(b_bits) <= BLOCK_BITS, "{a_bits} x {b_bits}");
    let mut m = Module::new(
        format!("multiplier_{a_bits}x{b_bits}"),
        &format!("Product in two's complement, {BLOCK_PRODUCT} cycles later."),
    );
    product(&mut m, "", a_bits, b_bits);
    m.set_primitive(Primitive::Multiplier { a_bits, b_bits });
    Rc::new(m)
}

/// Two products of int8 values, which some FPGAs have in one multiplier block.
pub fn pair() -> Rc<Module> {
    let mut m = Module::new(
        "multiplier_pair",
        &format!("Two products of int8 values, {BLOCK_PRODUCT} cycles later."),
    );
    product(&mut m, "_0", 8, 8);
    product(&mut m, "_1", 8, 8);
    m.set_primitive(Primitive::MultiplierPair);
    Rc::new(m)
}

/// The sum of two products of int8 values, in one block of FPGAs that have such: with b from -127 to 127 its magnitude is at most
/// 2 x 128 x 127, less than 2^15.
pub fn adding() -> Rc<Module> {
    let mut m = Module::new(
        "adding_multiplier_pair",
        &format!("Sum of two products of int8 values, {BLOCK_PRODUCT} + 1 cycles later."),
    );
    let inputs = ["a_0", "b_0", "a_1", "b_1"].map(|name| (name, m.input(name, 8)));
    let pair = m.instance("pair", &pair(), &inputs);
    let sum = &pair.out("m_product_0") + &pair.out("m_product_1");
    let sum = m.pipe("sum", &sum);
    m.output("m_sum", &sum);
    m.set_primitive(Primitive::AddingPair);
    Rc::new(m)
}

/// A product of 16 bits by 16 to which something is added, all in one block of FPGAs that have such.
pub fn accumulating() -> Rc<Module> {
    let mut m = Module::new(
        "accumulating_multiplier",
        &format!("Product of 16 bits by 16, {BLOCK_PRODUCT} cycles later, plus a third operand."),
    );
    let [a, b] = ["a", "b"].map(|name| m.input(name, 16));
    let hold = m.input("hold", 1);
    let c = m.input("c", 32);
    let before = m.reg("b_before", 16);
    let b = m.wire("b_now", &hold.mux(&before, &b));
    m.clocked(|s| s.set(&before, &b));
    // 16 bits without a sign are 17 with one
    let inputs = [("a", a), ("b", b.zext(17))];
    let product = m
        .instance("block", &block(16, 17), &inputs)
        .out("m_product")
        .low(32);
    let sum = m.pipe("sum", &(&product + &c));
    m.output("m_sum", &sum);
    m.set_primitive(Primitive::Accumulating);
    Rc::new(m)
}

fn product(m: &mut Module, suffix: &str, a_bits: u32, b_bits: u32) {
    let [a, b] = [("a", a_bits), ("b", b_bits)].map(|(name, bits)| {
        let operand = m.input(&format!("{name}{suffix}"), bits);
        m.pipe(&format!("{name}{suffix}_q"), &operand)
    });
    let product = m.pipe(&format!("product{suffix}"), &a.mul_s(&b));
    m.output(&format!("m_product{suffix}"), &product);
}

/// A product without multiplier blocks.
pub fn lut() -> Rc<Module> {
    let mut m = by_rows("lut_multiplier", "LUTs", |m, rows| {
        let mut row = |i: usize| {
            let name = format!("row_{}", rows.first + i as u32);
            m.wire(&name, &(rows.a & &rows.bits[i].repeat(ROW)))
        };
        let (low, high) = (row(0), row(1));
        let high = cat(&[high.sext(PAIR - 1), lit(0, 1)]);
        if rows.is_last() {
            &low.sext(PAIR) - &high
        } else {
            &low.sext(PAIR) + &high
        }
    });
    m.set_primitive(Primitive::LutMultiplier);
    Rc::new(m)
}

/// Bits of a row.
const ROW: u32 = 8;
/// Bits of the sum of two rows, which is from -2 to 3 times `a`: its magnitude is 384 at most.
pub(crate) const PAIR: u32 = ROW + 2;

/// Two rows of a product.
pub(crate) struct Rows<'a> {
    /// What every row has where its bit is 1.
    pub(crate) a: &'a Expr,
    /// The lower one's number; the other lies one place higher.
    pub(crate) first: u32,
    /// Their bits.
    pub(crate) bits: [Expr; 2],
}

impl Rows<'_> {
    /// The higher one is of bit 7, which counts -128: it is subtracted.
    pub(crate) fn is_last(&self) -> bool {
        self.first == ROW - 2
    }
}

/// A product by rows, one for each bit of `b`, added in pairs; `sum` adds two of them.
pub(crate) fn by_rows(
    name: &str,
    place: &str,
    mut sum: impl FnMut(&mut Module, &Rows) -> Expr,
) -> Module {
    let title = format!("Product of two int8 values in {place}: rows added in pairs.");
    let mut m = Module::new(name, &title);
    let a = m.input("a", ROW);
    let b = m.input("b", ROW);
    let pairs: Vec<Expr> = (0..ROW / 2)
        .map(|i| {
            let rows = Rows {
                a: &a,
                first: 2 * i,
                bits: [b.bit(2 * i), b.bit(2 * i + 1)],
            };
            let sum = sum(&mut m, &rows);
            m.pipe(&format!("pair_{i}"), &sum)
        })
        .collect();
    let mut halves = Vec::new();
    for i in 0..2 {
        let [low, high] = [&pairs[2 * i], &pairs[2 * i + 1]];
        let sum = &low.sext(12) + &cat(&[high.clone(), lit(0, 2)]);
        halves.push(m.pipe(&format!("half_{i}"), &sum));
    }
    // 12 bits and 12 bits four places higher
    let product = &halves[0].sext(16) + &cat(&[halves[1].clone(), lit(0, 4)]);
    let product = m.pipe("product", &product);
    m.output("m_product", &product);
    m
}

/// Two products by one multiplier of 18 bits by 8: P = (1024 w_1 + w_0) a = 1024 p_1 + p_0.
///
/// p_0 has 15 bits, so its upper five lie on the lower five of p_1. Those are known by themselves: they are
/// p_1 mod 32 = (w_1 mod 32) (a mod 32) mod 32, a product of few bits. The rest is subtraction.
pub fn packed() -> Rc<Module> {
    let mut m = Module::new(
        "packed_multiplier",
        "Products of one int8 value and two weights, from one multiplier of 18 bits by 8.",
    );
    let a = m.input("a", 8);
    let w_0 = m.input("w_0", 8);
    let w_1 = m.input("w_1", 8);
    m.note("|1024 w_1 + w_0| < 2^17: 18 bits. A negative w_0 takes one from w_1.");
    let above = m.wire("above", &(&w_1 - &w_0.bit(7).zext(8)));
    let weights = cat(&[above, w_0.sext(10)]);
    let inputs = [("a", weights), ("b", a.clone())];
    let both = m.instance("both", &block(BLOCK_BITS, 8), &inputs);
    let p = m.wire("both_products", &both.out("m_product"));
    let low = low_product(&mut m, &w_1, &a);
    m.note("The upper five bits of the first product, and whether they borrow from the second's.");
    let field = p.slice(10, 5);
    let high = m.pipe("high_0", &(&field - &low));
    let borrow = m.pipe("borrow", &field.lt(&low));
    let [lowest, upper] = [("lowest", 0, 10), ("upper", 15, 11)]
        .map(|(name, at, bits)| m.pipe(name, &p.slice(at, bits)));
    let low = m.pipe("low_q", &low);
    // p_1 = (P >> 10) - high_0 as a signed number; its lower five bits are low_1. One sum: a carry from below, or all ones
    let negative = high.bit(4);
    let more = &negative & &!&borrow;
    let less = m.wire("less", &(&!&negative & &borrow));
    let sum = &cat(&[upper, lit(1, 1)]) + &cat(&[less.repeat(11), more]);
    let above = m.wire("above_nudged", &sum).slice(1, 11);
    let first = m.wire("first_15", &cat(&[high, lowest]));
    let first = m.pipe("product_0", &first.sext(16));
    let second = m.pipe("product_1", &cat(&[above, low]));
    m.output("m_product_0", &first);
    m.output("m_product_1", &second);
    Rc::new(m)
}

/// (a b) mod 32 of the lower five bits, `BLOCK_PRODUCT` cycles later: a times two bits of b and times three, then their sum.
fn low_product(m: &mut Module, a: &Expr, b: &Expr) -> Expr {
    const BITS: u32 = 5;
    const { assert!(BLOCK_PRODUCT == 2) }
    let mut part = |name: &str, rows: std::ops::Range<u32>| {
        let columns = (0..BITS - rows.start)
            .map(|column| {
                let row = rows.clone().filter(|row| row - rows.start <= column);
                row.map(|row| &a.bit(column + rows.start - row) & &b.bit(row))
                    .collect()
            })
            .collect();
        let sum = sum_columns(m, name, columns);
        m.pipe(&format!("{name}_q"), &sum)
    };
    let (lower, upper) = (part("low_0", 0..2), part("low_2", 2..BITS));
    let columns = (0..BITS)
        .map(|column| match column {
            0 | 1 => vec![lower.bit(column)],
            _ => vec![lower.bit(column), upper.bit(column - 2)],
        })
        .collect();
    let sum = sum_columns(m, "low_sum", columns);
    m.pipe("low_1", &sum)
}

/// Sum of columns of single bits, by full and half adders; what the last column carries is not wanted.
fn sum_columns(m: &mut Module, name: &str, columns: Vec<Vec<Expr>>) -> Expr {
    let count = columns.len();
    let mut carries: Vec<Expr> = Vec::new();
    let mut out = Vec::new();
    for (column, bits) in columns.into_iter().enumerate() {
        let mut bits = [std::mem::take(&mut carries), bits].concat();
        let mut number = 0;
        while bits.len() > 1 && column + 1 < count {
            let taken: Vec<Expr> = bits.drain(..bits.len().min(3)).collect();
            let name = format!("{name}_{column}_{number}");
            number += 1;
            let taken: Vec<Expr> = taken
                .iter()
                .enumerate()
                .map(|(i, bit)| m.wire(&format!("{name}_{i}"), bit))
                .collect();
            let carry = match &taken[..] {
                [x, y, z] => &(x & y) | &(z & &(x ^ y)),
                _ => &taken[0] & &taken[1],
            };
            carries.push(m.wire(&format!("{name}_carry"), &carry));
            let sum = taken[1..].iter().fold(taken[0].clone(), |s, bit| &s ^ bit);
            bits.push(sum);
        }
        out.push(bits[1..].iter().fold(bits[0].clone(), |s, bit| &s ^ bit));
    }
    m.wire(name, &pack(&out))
}
