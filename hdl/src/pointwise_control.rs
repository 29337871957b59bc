// SPDX-License-Identifier: MIT OR Apache-2.0
//! # pointwise_control — steps the pointwise array through pixels, output groups and words
//! | port             | dir | data    | note                                                           |
//! |------------------|-----|---------|----------------------------------------------------------------|
//! | start            | in  | 1       | take the command's fields and begin                            |
//! | pixel            | in  | 1       | a pixel is complete in the pixel buffer                        |
//! | pixel_done       | out | 1       | the last read of a pixel: its place is free                    |
//! | p_addr           | out | address | pixel buffer word of the step                                  |
//! | w_addr           | out | address | weight memory word of the step                                 |
//! | step step_first step_last | out | 1 | a step; first / last of its group's sum                      |
//! | group_last row_last command_last | out | 1 | last group of the pixel; of the row; of the command   |
//!
//! Throughput: one step per cycle, no cycle lost between groups and pixels. A pixel begins when it is complete.

use crate::rtl::{Module, all, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use std::rc::Rc;

/// The control of the pointwise array.
pub fn pointwise_control(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "pointwise_control",
        "Steps the pointwise array through pixels, output groups and words.",
    );
    let pixel_address = address_bits(config.values().pixel_words);
    let weight_address = address_bits(config.weight_words());
    let start = m.input("start", 1);
    let mut field = |f: Field| m.input(f.name(), f.used_bits(config));
    let out_rows = field(Field::OutRows);
    let out_cols = field(Field::OutCols);
    let pixel_words = field(Field::PixelWords);
    let ring_words = field(Field::RingWords);
    let out_groups = field(Field::OutGroups);
    let out_idle = field(Field::OutIdle);
    let row_gap = field(Field::RowGap);
    let weight_base = field(Field::WeightBase);
    let pixel = m.input("pixel", 1);
    let rst = m.reset();
    let words = pixel_address + 1;

    let active = m.reg("active", 1);
    let at_start = m.reg("at_start", 1);
    let waiting = m.reg("waiting", 1);
    let wait_left = m.reg("wait_left", 9);
    let available = m.reg("available", words);
    let (y, x) = (m.reg("y", 16), m.reg("x", 16));
    let group = m.reg("group", 12);
    let word = m.reg("word", words);
    let base = m.reg("base", pixel_address);
    let offset = m.reg("weight_offset", weight_address);
    let mut is_last = |name: &str, at: &crate::rtl::Expr, count: &crate::rtl::Expr| {
        m.wire(name, &(at + &lit(1, at.width())).eq(count))
    };
    let word_last = is_last("word_last", &word, &pixel_words);
    let group_last = is_last("group_is_last", &group, &out_groups);
    let x_last = is_last("x_last", &x, &out_cols);
    let y_last = is_last("y_last", &y, &out_rows);
    let step = m.wire(
        "issue",
        &all(&[active.clone(), !&waiting, &!&at_start | &available.any()]),
    );
    let group_end = m.wire("group_end", &(&step & &word_last));
    let pixel_end = m.wire("pixel_end", &(&group_end & &group_last));
    let gap = m.wire("gap", &all(&[group_last.clone(), x_last.clone(), row_gap]));
    let idle = m.wire("idle", &(&out_idle.zext(9) + &gap.zext(9)));
    let begin = m.wire("begins", &(&step & &at_start));
    let base_sum = m.wire("base_sum", &(&base.zext(words) + &pixel_words));
    m.clocked(|s| {
        s.when(&step, |s| {
            s.set(&at_start, &lit(0, 1));
            s.set(
                &word,
                &word_last.mux(&lit(0, words), &(&word + &lit(1, words))),
            );
            s.set(&offset, &(&offset + &lit(1, weight_address)));
        });
        s.when(&waiting, |s| {
            s.set(&wait_left, &(&wait_left - &lit(1, 9)));
            s.set(&waiting, &!&wait_left.is(1));
        });
        s.when(&group_end, |s| {
            s.set(
                &group,
                &group_last.mux(&lit(0, 12), &(&group + &lit(1, 12))),
            );
            s.set(&waiting, &idle.any());
            s.set(&wait_left, &idle);
        });
        s.when(&pixel_end, |s| {
            s.set(&at_start, &lit(1, 1));
            s.set(&offset, &lit(0, weight_address));
            s.set(
                &base,
                &base_sum
                    .eq(&ring_words)
                    .mux(&lit(0, pixel_address), &base_sum.low(pixel_address)),
            );
            s.set(&x, &x_last.mux(&lit(0, 16), &(&x + &lit(1, 16))));
            s.when(&x_last, |s| s.set(&y, &(&y + &lit(1, 16))));
            s.when(&(&x_last & &y_last), |s| s.set(&active, &lit(0, 1)));
        });
        s.when(&(&pixel & &!&begin), |s| {
            s.set(&available, &(&available + &lit(1, words)))
        });
        s.when(&(&begin & &!&pixel), |s| {
            s.set(&available, &(&available - &lit(1, words)))
        });
        s.when(&start, |s| {
            for (reg, value) in [
                (&active, 1),
                (&at_start, 1),
                (&waiting, 0),
                (&y, 0),
                (&x, 0),
                (&group, 0),
                (&word, 0),
            ] {
                s.set(reg, &lit(value, reg.width()));
            }
            for reg in [&available, &base, &offset] {
                s.set(reg, &lit(0, reg.width()));
            }
        });
        s.when(&rst, |s| s.set(&active, &lit(0, 1)));
    });
    m.output("pixel_done", &pixel_end);
    m.output("p_addr", &(&base + &word.low(pixel_address)));
    m.output("w_addr", &(&weight_base + &offset));
    m.output("step", &step);
    m.output("step_first", &!&word.any());
    m.output("step_last", &word_last);
    m.output("group_last", &group_last);
    m.output("row_last", &x_last);
    m.output("command_last", &(&x_last & &y_last));
    Rc::new(m)
}
