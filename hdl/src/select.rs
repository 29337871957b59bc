// SPDX-License-Identifier: MIT OR Apache-2.0
//! Items by position: a multiplexer, and a ring that turns.

use crate::rtl::{Expr, Module, pack};
use std::ops::Range;

/// A multiplexer by position, as a tree over the bits of `select`.
pub fn choose(items: &[Expr], select: &Expr, bit: u32) -> Expr {
    match items {
        [one] => one.clone(),
        _ => {
            let (low, high) = items.split_at(items.len() / 2);
            let below = bit.saturating_sub(1);
            select
                .bit(bit)
                .mux(&choose(high, select, below), &choose(low, select, below))
        }
    }
}

/// A ring whose items of `item` bits move up by the `bits` of `by`, around the end.
pub fn turn(
    m: &mut Module,
    name: &str,
    ring: &Expr,
    item: u32,
    by: &Expr,
    bits: Range<u32>,
) -> Expr {
    bits.fold(ring.clone(), |ring, bit| {
        let (low, up) = (ring.width() - (item << bit), item << bit);
        let turned = pack(&[ring.slice(low, up), ring.low(low)]);
        m.wire(
            &format!("{name}_turn_{bit}"),
            &by.bit(bit).mux(&turned, &ring),
        )
    })
}
