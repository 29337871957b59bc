// SPDX-License-Identifier: MIT OR Apache-2.0
//! # block_lane — the requantiser's lane with one multiplier block: a sum in four cycles
//! Ports as in `serial`.
//!
//! s = 2^14 s_1 + s_0 and m = 2^16 m_1 + m_0 have four products, each in a cycle: s_0 m_0, s_1 m_0, s_0 m_1, s_1 m_1. Behind the block's
//! product is its adder, A <- A' + product, where A' is 2^30 (the first rounding) for the first of them, then A >> 14, A >> 2,
//! A >> 14: what is shifted out is below the next product and wanted by none. A ends as the product without 30 bits.
//! Throughput: 1 sum in four cycles. No back-pressure.
//! Bit widths: s_0 has 14 bits, s_1 at most 10 with its sign, m_0 16, m_1 15. A is less than 2^30 + 2^30, then in (-2^26, 2^26), then
//! in (-2^30, 2^30): 32 bits in two's complement never wrap. The doubled high product is A >> 1.

use super::serial::{Kind, Lane};
use crate::multiplier::accumulating;
use crate::rtl::{Module, cat, lit};
use sepstream_spec::timing::BLOCK_CYCLES;
use std::rc::Rc;

/// Bits of s_0.
const LOW: u32 = 14;

/// The lane; its `cycles` are `BLOCK_CYCLES`.
pub fn block_lane(kind: Kind) -> Rc<Module> {
    let Kind { acc_bits, bits, .. } = kind;
    let mut m = Module::new(
        kind.name(format!("block_lane_{acc_bits}_{bits}")),
        &format!("One sum, clamped to {bits} bits, to one INT8 output in {BLOCK_CYCLES} cycles."),
    );
    let lane = Lane::new(&mut m, kind);
    let at = &lane.at;
    let s = m.reg("clamped", bits);
    let factor = m.reg("factor", 16);
    m.clocked(|c| {
        c.when(&at[1], |c| c.set(&s, &lane.clamped));
        c.when(&(&at[1] | &at[2]), |c| c.set(&factor, &lane.part));
    });
    m.note("The upper half of s in every second cycle, in which the block keeps its half of the multiplier.");
    let upper = m.wire("upper", &(&at[3] | &at[5]));
    let half = upper.mux(&s.slice(LOW, bits - LOW).sext(16), &s.low(LOW).zext(16));
    let sum = m.forward("block_sum", 32);
    let [by_low, by_two] = [LOW, 16 - LOW].map(|by| sum.slice(by, 32 - by).sext(32));
    let nudge = match lane.once(&mut m, "once_of_block", 4) {
        None => lit(1 << 30, 32),
        Some(once) => cat(&[lit(0, 1), !&once, lit(0, 30)]),
    };
    let carried = at[4].mux(&nudge, &at[6].mux(&by_two, &by_low));
    let inputs = [("a", half), ("b", factor), ("hold", upper), ("c", carried)];
    let block = m.instance("block", &accumulating(), &inputs);
    m.drive(&sum, &block.out("m_sum"));
    let product = sum.slice(1, bits);
    lane.finish(&mut m, &product);
    Rc::new(m)
}
