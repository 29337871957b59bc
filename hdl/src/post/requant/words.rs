// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words of the parameter memory: which one the beat at work wants.

use super::beats::Beats;
use super::{Ports, Shape};
use crate::post::serial::{PART_BITS, Phase};
use crate::rtl::{Expr, Module, lit};
use sepstream_spec::isa::address_bits;

/// Gives out the address; tells when the next beat is the first of a pixel. `fresh` says that this one is.
pub(super) fn address(
    m: &mut Module,
    shape: &Shape,
    ports: &Ports,
    beats: &Beats,
    phase: &Option<Phase>,
    [pixel_end, fresh]: [&Expr; 2],
) -> Expr {
    let address = address_bits(shape.param_words);
    let at = m.reg(
        "param_at",
        address - phase.as_ref().map_or(0, |_| PART_BITS),
    );
    let begins = m.wire("begins", &(&ports.fresh_start | pixel_end));
    let word = match phase {
        // where pixels are of two sorts, a pixel's base is known with it
        None => {
            let word = match shape.contexts {
                true => fresh.mux(&ports.param_base, &at),
                false => at.clone(),
            };
            m.clocked(|s| {
                s.when(&beats.active, |s| s.set(&at, &(&word + &lit(1, address))));
                if !shape.contexts {
                    s.when(&begins, |s| s.set(&at, &ports.param_base));
                }
            });
            word
        }
        Some(phase) => in_parts(m, shape, ports, beats, phase, [pixel_end, fresh, &at]),
    };
    let word = m.delay("far_word", &word, shape.far());
    m.output("p_addr", &word);
    begins
}

/// The address where a beat's parameters are in several words; `at` is the register of the beat's number.
fn in_parts(
    m: &mut Module,
    shape: &Shape,
    ports: &Ports,
    beats: &Beats,
    phase: &Phase,
    [pixel_end, fresh, at]: [&Expr; 3],
) -> Expr {
    phase.advance(m, &beats.active);
    let base = phase.beat_of(&ports.param_base);
    let next = at + &lit(1, base.width());
    if shape.contexts {
        let first = m.wire("first_word", &(fresh & &phase.idle));
        m.clocked(|s| {
            s.when(&(&beats.active & fresh), |s| s.set(at, &base));
            s.when(&phase.last, |s| s.set(at, &next));
        });
        return phase.word(&first.mux(&base, at));
    }
    let ended = m.reg("pixel_ended", 1);
    m.clocked(|s| {
        s.when(&beats.active, |s| s.set(&ended, pixel_end));
        s.when(&phase.last, |s| s.set(at, &ended.mux(&base, &next)));
        s.when(&ports.fresh_start, |s| s.set(at, &base));
    });
    phase.word(at)
}
