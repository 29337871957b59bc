// SPDX-License-Identifier: MIT OR Apache-2.0
//! # packer — runs of bytes to full words
//! Appends `count` bytes per beat behind those already there and gives a word whenever `width` bytes are together; `last`
//! closes the current word even if it is not full.
//! | port    | dir | data               | note                                                        |
//! |---------|-----|--------------------|-------------------------------------------------------------|
//! | s_data  | in  | `source` bytes     | a ring: the run may pass its end                            |
//! | s_first | in  | byte position      | of the run's first byte in s_data                           |
//! | s_count | in  | 1..=width bytes    | run length                                                  |
//! | s_last  | in  | 1                  | the run closes the word                                     |
//! | s_tag   | in  | 1                  | carried from a closing run to its word                      |
//! | s_valid | in  | 1                  |                                                             |
//! | m_data  | out | `width` bytes      | bytes behind the end of a closed word are old ones          |
//! | m_tag   | out | 1                  | s_tag with the word that the run closes, else 0             |
//! | m_valid | out | 1                  |                                                             |
//!
//! Latency: `timing::PACK`. Throughput: 1 beat per cycle. No back-pressure.
//! Invariant I1: after a `last` beat that fills one word and starts another, the next cycle has no beat (the rest of the run
//! goes out in it); window and pointwise control leave that cycle free.
//! Used between requantiser or line buffer and pixel buffer (`width` = tn) and in front of the activation memory.

use crate::rtl::{Expr, Module, lit, pack};
use crate::select::choose;
use std::rc::Rc;

pub use sepstream_spec::width::bits as bits_for;

/// The packer from a ring of `source` bytes, a power of two and at least `width`, to words of `width` bytes.
pub fn packer(source: u32, width: u32) -> Rc<Module> {
    assert!(source.is_power_of_two() && source >= width);
    let mut m = Module::new(
        format!("packer_{source}to{width}"),
        &format!(
            "Packs runs of bytes, taken anywhere from a ring of {source}, into words of {width} bytes."
        ),
    );
    let position_bits = bits_for(width);
    let select_bits = source.trailing_zeros();
    let data = m.input("s_data", source * 8);
    let first = m.input("s_first", select_bits);
    let count = m.input("s_count", position_bits);
    let last = m.input("s_last", 1);
    let tag = m.input("s_tag", 1);
    let valid = m.input("s_valid", 1);
    let rst = m.unit_reset();

    m.note("Stage 1: where the run goes. fill counts the bytes of the open word, 0 to width - 1.");
    let fill = m.reg("fill", position_bits);
    let sum = m.wire(
        "sum",
        &(&fill.zext(position_bits + 1) + &count.zext(position_bits + 1)),
    );
    let limit = lit(width.into(), position_bits + 1);
    // the sum is less than twice the width: of a power of two one bit says it
    let (full, spill) = match width.is_power_of_two() && width > 1 {
        true => {
            let full = sum.bit(position_bits - 1);
            (full.clone(), &full & &sum.low(position_bits - 1).any())
        }
        false => (limit.le(&sum), limit.lt(&sum)),
    };
    let full = m.wire("full", &full);
    let spill = m.wire("spill", &spill);
    let wrapped = m.wire("wrapped", &(&sum - &limit));
    m.clocked(|s| {
        s.when(&valid, |s| {
            s.set(
                &fill,
                &full.mux(&wrapped.low(position_bits), &sum.low(position_bits)),
            )
        });
        s.when(&(&valid & &last), |s| s.set(&fill, &lit(0, position_bits)));
        s.when(&rst, |s| s.set(&fill, &lit(0, position_bits)));
    });
    let run_q = m.pipe("run_q", &valid);
    let data_q = m.pipe("data_q", &data);
    let fill_q = m.pipe("fill_q", &fill);
    let word_q = m.pipe("word_q", &(&valid & &(&full | &last)));
    let last_q = m.pipe("last_q", &(&(&valid & &last) & &!&spill));
    let tag_q = m.pipe("tag_q", &tag);
    let rest_q = m.pipe("rest_q", &(&(&valid & &last) & &spill));

    m.note("Stage 2: lane j takes byte first + j - fill of the run; lanes below fill belong to the next word.");
    let start = m.wire("start", &(&first - &fill.fit(select_bits)));
    let base_q = m.pipe("base_q", &start);
    // the same bytes, counted from the next word's lane 0
    let next_q = match width % source {
        0 => base_q.clone(),
        rest => m.pipe("next_q", &(&start + &lit(rest.into(), select_bits))),
    };
    let bytes: Vec<Expr> = (0..source).map(|i| data_q.byte(i)).collect();
    let mut out = Vec::new();
    for j in 0..width {
        let below = m.wire(
            &format!("below_{j}"),
            &lit(j.into(), position_bits).lt(&fill_q),
        );
        let base = below.mux(&next_q, &base_q);
        let select = m.wire(
            &format!("select_{j}"),
            &(&base + &lit((j % source).into(), select_bits)),
        );
        let byte = choose(&bytes, &select, select_bits - 1);
        let byte = m.wire(&format!("byte_{j}"), &byte);
        let kept = m.reg(&format!("kept_{j}"), 8);
        // A lane below fill keeps its byte until the word is complete; then it takes the next word's.
        let take = m.wire(&format!("take_{j}"), &(&run_q & &(&!&below | &word_q)));
        m.clocked(|s| s.when(&take, |s| s.set(&kept, &byte)));
        out.push((&below | &!&run_q).mux(&kept, &byte));
    }
    m.note("The rest of a closing run that spilled goes out one cycle later.");
    let rest_now = m.pipe("rest_now", &rest_q);
    let m_data = m.pipe("data_d", &pack(&out));
    let m_valid = m.pipe("valid_d", &(&word_q | &rest_now));
    let tag_rest = m.pipe("tag_rest", &tag_q);
    let m_tag = m.pipe("tag_d", &(&(&last_q & &tag_q) | &(&rest_now & &tag_rest)));
    m.output("m_data", &m_data);
    m.output("m_valid", &m_valid);
    m.output("m_tag", &m_tag);
    Rc::new(m)
}
