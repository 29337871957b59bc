// SPDX-License-Identifier: MIT OR Apache-2.0
//! # pointwise_control — steps the pointwise array through pixels, output groups and words
//! With tp > 1 a pixel here is a batch of up to tp pixels of a row, which the array takes at once.
//!
//! | port             | dir | data    | note                                                           |
//! |------------------|-----|---------|----------------------------------------------------------------|
//! | start            | in  | 1       | take the command's fields and begin                            |
//! | pixel            | in  | 1       | a pixel is complete in the pixel buffer                        |
//! | pixel_done       | out | 1       | the last read of a pixel: its place is free                    |
//! | p_addr           | out | address | pixel buffer word of the step                                  |
//! | w_addr           | out | address | weight memory word of the step                                 |
//! | step step_first step_last | out | 1 | a step; first / last of its group's sum                      |
//! | group_last row_last command_last | out | 1 | last group of the pixel; of the row (tp = 1); of the command |
//!
//! Where the configuration expands, there are two sorts of pixels, each with a buffer and tokens of its own:
//! | port             | dir | data    | note                                                           |
//! |------------------|-----|---------|----------------------------------------------------------------|
//! | expand_pixel     | in  | 1       | a pixel is complete in the expand buffer                       |
//! | expand_done      | out | 1       | the last read of a pixel: its place is free                    |
//! | expand_addr      | out | address | expand buffer word of the step                                 |
//! | released         | in  | 16      | rows that the window has left: there is room for `line_rows` more |
//! | of_expand        | out | 1       | the step is of an expanding pixel                              |
//!
//! A pixel of the command goes before an expanding one: the window is held up by a full pixel buffer at once, by a missing row
//! only at the end of its row. An expanding pixel begins only if the line buffer has room for its row.
//!
//! Throughput: one step per cycle, no cycle lost between groups and pixels. A pixel begins when it is complete.

use crate::rtl::{Expr, Module, all, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use std::rc::Rc;

/// 8 bits behind a group, 16 behind a batch, and a gap.
const WAIT_BITS: u32 = 17;

/// A sort of pixels: the command's own, or those of its expanding layer.
struct Pixels {
    prefix: &'static str,
    /// A new pixel is complete.
    arrives: Expr,
    rows: Expr,
    cols: Expr,
    pixel_words: Expr,
    ring_words: Expr,
    groups: Expr,
    idle: Expr,
    gap: Expr,
    /// Idle cycles behind a batch, besides those behind its last group.
    pixel_idle: Option<Expr>,
    weight_base: Expr,
    active: Expr,
    available: Expr,
    y: Expr,
    x: Expr,
    base: Expr,
}

impl Pixels {
    /// Fields: rows, columns, words of a pixel, of the ring, groups, idle cycles, gap, weight base.
    fn new(
        m: &mut Module,
        config: &Config,
        prefix: &'static str,
        buffer_words: u32,
        fields: [Field; 8],
    ) -> Self {
        let [
            rows,
            cols,
            pixel_words,
            ring_words,
            groups,
            idle,
            gap,
            weight_base,
        ] = fields.map(|f| m.input(f.name(), f.used_bits(config)));
        let address = address_bits(buffer_words);
        let field = match prefix {
            "" => Field::PixelIdle,
            _ => Field::ExpandPixelIdle,
        };
        let bits = field.used_bits(config);
        let pixel_idle = (bits > 0).then(|| m.input(field.name(), bits));
        let tp = config.values().tp;
        let cols = if tp == 1 {
            cols
        } else {
            let bits = tp.trailing_zeros();
            let whole = cols.slice(bits, 16 - bits).zext(16);
            m.wire(
                &format!("{prefix}batches"),
                &(&whole + &cols.low(bits).any().zext(16)),
            )
        };
        let mut reg = |name: &str, width| m.reg(&format!("{prefix}{name}"), width);
        Pixels {
            prefix,
            active: reg("active", 1),
            available: reg("available", address + 1),
            y: reg("y", 16),
            x: reg("x", 16),
            base: reg("base", address),
            arrives: m.input(&format!("{prefix}pixel"), 1),
            rows,
            cols,
            pixel_words,
            ring_words,
            groups,
            idle,
            gap,
            pixel_idle,
            weight_base,
        }
    }
    fn wire(&self, m: &mut Module, name: &str, value: &Expr) -> Expr {
        m.wire(&format!("{}{name}", self.prefix), value)
    }
    /// Tokens, place in the ring, row and column; `begins` and `ends` are of this sort's pixels.
    fn count(&self, m: &mut Module, start: &Expr, begins: &Expr, ends: &Expr) {
        let words = self.available.width();
        let address = self.base.width();
        let sum = self.wire(m, "base_sum", &(&self.base.zext(words) + &self.pixel_words));
        let at_end = sum.eq(&self.ring_words);
        let x_last = last(&self.x, &self.cols);
        let y_last = last(&self.y, &self.rows);
        let rst = m.reset();
        m.clocked(|s| {
            s.when(ends, |s| {
                s.set(&self.base, &at_end.mux(&lit(0, address), &sum.low(address)));
                s.set(&self.x, &x_last.mux(&lit(0, 16), &(&self.x + &lit(1, 16))));
                s.when(&x_last, |s| s.set(&self.y, &(&self.y + &lit(1, 16))));
                s.when(&(&x_last & &y_last), |s| s.set(&self.active, &lit(0, 1)));
            });
            s.when(&(&self.arrives & &!begins), |s| {
                s.set(&self.available, &(&self.available + &lit(1, words)))
            });
            s.when(&(begins & &!&self.arrives), |s| {
                s.set(&self.available, &(&self.available - &lit(1, words)))
            });
            s.when(start, |s| {
                s.set(&self.active, &self.rows.any());
                for reg in [&self.available, &self.y, &self.x, &self.base] {
                    s.set(reg, &lit(0, reg.width()));
                }
            });
            s.when(&rst, |s| s.set(&self.active, &lit(0, 1)));
        });
    }
}

/// `at` counts from 0 and is at its last value.
fn last(at: &Expr, count: &Expr) -> Expr {
    (at + &lit(1, at.width())).eq(count)
}

/// The control of the pointwise array.
pub fn pointwise_control(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "pointwise_control",
        "Steps the pointwise array through pixels, output groups and words.",
    );
    let v = config.values();
    let weight_address = address_bits(config.weight_words());
    let start = m.input("start", 1);
    let own = Pixels::new(
        &mut m,
        config,
        "",
        v.pixel_words,
        [
            Field::OutRows,
            Field::OutCols,
            Field::PixelWords,
            Field::RingWords,
            Field::OutGroups,
            Field::OutIdle,
            Field::RowGap,
            Field::WeightBase,
        ],
    );
    let expand = config.expands().then(|| {
        let pixels = Pixels::new(
            &mut m,
            config,
            "expand_",
            v.expand_words,
            [
                Field::ExpandRows,
                Field::ExpandCols,
                Field::ExpandWords,
                Field::ExpandRingWords,
                Field::ExpandGroups,
                Field::ExpandIdle,
                Field::ExpandGap,
                Field::ExpandWeightBase,
            ],
        );
        let released = m.input("released", 16);
        let line_rows = m.input(Field::LineRows.name(), Field::LineRows.used_bits(config));
        let room = m.wire("room", &pixels.y.lt(&(&released + &line_rows)));
        (pixels, room)
    });
    let rst = m.reset();

    m.note("Which pixel: the one at work, else the command's, else an expanding one.");
    let words = address_bits(v.pixel_words.max(v.expand_words)) + 1;
    let at_start = m.reg("at_start", 1);
    let waiting = m.reg("waiting", 1);
    let wait_left = m.reg("wait_left", WAIT_BITS);
    let group = m.reg("group", 12);
    let word = m.reg("word", words);
    let offset = m.reg("weight_offset", weight_address);
    let ready = m.wire("ready", &(&own.active & &own.available.any()));
    let (can_begin, of_expand) = match &expand {
        None => (ready, None),
        Some((pixels, room)) => {
            let other = m.wire(
                "expand_ready",
                &all(&[pixels.active.clone(), pixels.available.any(), room.clone()]),
            );
            let at_work = m.reg("expand_at_work", 1);
            let of_expand = m.wire("expand_now", &at_start.mux(&!&ready, &at_work));
            m.clocked(|s| s.set(&at_work, &of_expand));
            (&ready | &other, Some(of_expand))
        }
    };
    let step = m.wire("issue", &(&!&waiting & &(&!&at_start | &can_begin)));
    let begins = m.wire("begins", &(&step & &at_start));

    m.note("Its counters.");
    let choose = |get: &dyn Fn(&Pixels) -> Expr| match (&expand, &of_expand) {
        (Some((pixels, _)), Some(of_expand)) => of_expand.mux(&get(pixels), &get(&own)),
        _ => get(&own),
    };
    let pixel_words = choose(&|p| p.pixel_words.zext(words));
    let word_last = m.wire("word_last", &last(&word, &pixel_words));
    let group_last = m.wire(
        "group_is_last",
        &last(&group, &choose(&|p| p.groups.clone())),
    );
    let x_last = m.wire("x_last", &choose(&|p| last(&p.x, &p.cols)));
    let y_last = m.wire("y_last", &last(&own.y, &own.rows));
    let group_end = m.wire("group_end", &(&step & &word_last));
    let pixel_end = m.wire("pixel_end", &(&group_end & &group_last));
    let row_gap = choose(&|p| p.gap.clone());
    let gap = m.wire("gap", &all(&[group_last.clone(), x_last.clone(), row_gap]));
    let idle = choose(&|p| p.idle.clone());
    let idle = &idle.zext(WAIT_BITS) + &gap.zext(WAIT_BITS);
    let idle = if own.pixel_idle.is_some() {
        let behind = choose(&|p| p.pixel_idle.clone().unwrap_or_else(|| lit(0, 16)));
        let behind = group_last.mux(&behind, &lit(0, 16));
        m.wire("idle", &(&idle + &behind.zext(WAIT_BITS)))
    } else {
        m.wire("idle", &idle)
    };
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
            s.set(&wait_left, &(&wait_left - &lit(1, WAIT_BITS)));
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
        });
        s.when(&(&start | &rst), |s| {
            s.set(&at_start, &lit(1, 1));
            for reg in [&waiting, &group, &word, &offset] {
                s.set(reg, &lit(0, reg.width()));
            }
        });
    });

    m.note("Tokens.");
    let is_own = of_expand.as_ref().map_or(lit(1, 1), |e| !e);
    let done = m.wire("own_ends", &(&pixel_end & &is_own));
    let own_begins = m.wire("own_begins", &(&begins & &is_own));
    own.count(&mut m, &start, &own_begins, &done);
    m.output("pixel_done", &done);
    m.output("p_addr", &(&own.base + &word.low(own.base.width())));
    if let (Some((pixels, _)), Some(of_expand)) = (&expand, &of_expand) {
        let done = m.wire("expand_ends", &(&pixel_end & of_expand));
        let begins = m.wire("expand_begins", &(&begins & of_expand));
        pixels.count(&mut m, &start, &begins, &done);
        m.output("expand_done", &done);
        m.output(
            "expand_addr",
            &(&pixels.base + &word.low(pixels.base.width())),
        );
        m.output("of_expand", of_expand);
    }
    m.output("w_addr", &(&choose(&|p| p.weight_base.clone()) + &offset));
    m.output("step", &step);
    m.output("step_first", &!&word.any());
    m.output("step_last", &word_last);
    m.output("group_last", &group_last);
    if v.tp == 1 {
        m.output("row_last", &x_last);
    }
    m.output("command_last", &all(&[is_own, x_last, y_last]));
    Rc::new(m)
}
