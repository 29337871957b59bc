// SPDX-License-Identifier: MIT OR Apache-2.0
//! Beats of a group: which one is at work, and which is the last.

use super::{Ports, Shape};
use crate::packer::bits_for;
use crate::post::serial::Phase;
use crate::rtl::{Expr, Module, lit};

/// The beat at work.
pub(super) struct Beats {
    /// Its number in the group, where that has several.
    pub(super) number: Option<Expr>,
    /// There is one.
    pub(super) active: Expr,
    /// It is the last that a group can have.
    pub(super) last: Expr,
    /// It ends its group; `counts` drives it where a group has several.
    pub(super) ends: Expr,
    /// Its group is the last of its pixel.
    pub(super) group_last: Expr,
    /// Tag of the group.
    pub(super) tag: Expr,
}

impl Beats {
    pub(super) fn new(m: &mut Module, shape: &Shape, ports: &Ports, phase: Option<&Phase>) -> Self {
        let beats = shape.beats();
        m.note("Beat counter: beat 0 is in the cycle of s_valid. A pixel's last group ends with the pixel's last byte: a beat behind it");
        m.note("could come under the fetch of the next command, when pixel_bytes is the next one's already.");
        let (number, active, last, ends) = if beats == 1 {
            (None, ports.valid.clone(), lit(1, 1), lit(1, 1))
        } else {
            let bits = bits_for(beats - 1);
            let beat = m.reg("beat", bits);
            let busy = m.reg("busy", 1);
            let goes_on = match phase {
                None => busy.clone(),
                Some(phase) => &busy & &phase.idle,
            };
            let active = m.wire("active", &(&ports.valid | &goes_on));
            let last_beat = m.wire("last_beat", &beat.is((beats - 1).into()));
            let ends = m.forward("group_ends", 1);
            m.clocked(|s| {
                s.when(&active, |s| {
                    s.set(&beat, &ends.mux(&lit(0, bits), &(&beat + &lit(1, bits))));
                    s.set(&busy, &!&ends);
                });
                s.when(&ports.fresh_start, |s| {
                    s.set(&beat, &lit(0, bits));
                    s.set(&busy, &lit(0, 1));
                });
            });
            (Some(beat), active, last_beat, ends)
        };
        let group_last = held_from(m, shape, ports, &ports.last, ["last_held", "group_last"]);
        let tag = held_from(m, shape, ports, &ports.tag, ["tag_held", "tag_now"]);
        Beats {
            number,
            active,
            last,
            ends,
            group_last,
            tag,
        }
    }
}

/// What comes with a group, for each of its beats; names of the register that keeps it and of the value.
pub(super) fn held_from(
    m: &mut Module,
    shape: &Shape,
    ports: &Ports,
    value: &Expr,
    [held, now]: [&str; 2],
) -> Expr {
    if shape.beats() == 1 {
        return value.clone();
    }
    let held = m.reg(held, value.width());
    m.clocked(|s| s.when(&ports.valid, |s| s.set(&held, value)));
    m.wire(now, &ports.valid.mux(value, &held))
}
