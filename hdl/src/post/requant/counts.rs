// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valid bytes of the beat at work: what its group has left, and what its pixel has left.

use super::beats::Beats;
use super::{Ports, Shape, bits_for};
use crate::rtl::{Expr, Module, lit};

/// The beat at work.
pub(super) struct Counts {
    /// It is the last of its pixel.
    pub(super) closes: Expr,
    /// Its valid bytes.
    pub(super) count: Expr,
}

impl Counts {
    /// `fresh`: the beat is the first of its pixel; `begins`: the next one is.
    pub(super) fn new(
        m: &mut Module,
        shape: &Shape,
        ports: &Ports,
        beats: &Beats,
        [fresh, begins]: [&Expr; 2],
    ) -> Self {
        let Shape {
            channels, lanes, ..
        } = *shape;
        let many = shape.beats();
        m.note("Valid bytes of the beat: what the group has left, and what the pixel has left. The beat that closes the pixel is known");
        m.note("a beat before, from what is left then.");
        // counts of them are compared with those of two groups
        let size = shape.byte_bits.max(bits_for(2 * channels));
        let pixel_bytes = ports.pixel_bytes.zext(size);
        let rest = m.reg("rest", size);
        let left = m.wire("bytes_left", &fresh.mux(&pixel_bytes, &rest));
        let in_last_beat = channels - (many - 1) * lanes;
        let in_beat = match in_last_beat == lanes {
            true => lit(lanes.into(), size),
            false => beats
                .last
                .mux(&lit(in_last_beat.into(), size), &lit(lanes.into(), size)),
        };
        let in_beat = m.wire("in_beat", &in_beat);
        let closes_next = closes_next(m, shape, beats, &left);
        let first_closes = pixel_bytes.le(&lit(lanes.min(channels).into(), size));
        // where pixels are of two sorts, a pixel's bytes are known with it
        let first_closes = match shape.contexts {
            true => m.wire("first_closes", &first_closes),
            false => m.pipe("first_closes", &first_closes),
        };
        let rest_closes = m.reg("rest_closes", 1);
        let closes = m.wire("closes", &fresh.mux(&first_closes, &rest_closes));
        if many > 1 {
            m.drive(&beats.ends, &(&beats.last | &(&closes & &beats.group_last)));
        }
        let count_bits = bits_for(lanes);
        let count = closes.mux(&left.low(count_bits), &in_beat.low(count_bits));
        let count = m.wire("count", &count);
        m.clocked(|s| {
            s.when(&beats.active, |s| {
                s.set(fresh, &lit(0, 1));
                s.set(&rest, &(&left - &in_beat));
                s.set(&rest_closes, &closes_next);
            });
            s.when(begins, |s| s.set(fresh, &lit(1, 1)));
        });
        Counts { closes, count }
    }
}

/// Whether the next beat closes the pixel, of which so much is left: this beat and the next, of another group behind a last beat.
fn closes_next(m: &mut Module, shape: &Shape, beats: &Beats, left: &Expr) -> Expr {
    let Shape {
        channels, lanes, ..
    } = *shape;
    let many = shape.beats();
    let in_last_beat = channels - (many - 1) * lanes;
    let mut within = |bytes: u32| {
        let two = lit(bytes.into(), left.width());
        m.wire(&format!("within_{bytes}"), &left.le(&two))
    };
    match (&beats.number, many) {
        (None, _) => within(2 * channels),
        (Some(_), 2) => within(channels),
        _ if in_last_beat == lanes => within(2 * lanes),
        (Some(number), _) => {
            let inside = within(2 * lanes);
            let around = within(in_last_beat + lanes);
            let turns = &number.is((many - 2).into()) | &beats.last;
            turns.mux(&around, &inside)
        }
    }
}
