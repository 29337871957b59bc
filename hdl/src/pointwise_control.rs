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
//! | released         | in  | rows    | rows that the window has left: there is room for `line_rows` more |
//! | of_expand        | out | 1       | the step is of an expanding pixel                              |
//!
//! Where commands run ahead, pixels come before the loops of their command begin:
//! | port             | dir | data    | note                                                           |
//! |------------------|-----|---------|----------------------------------------------------------------|
//! | pixels_start     | in  | 1       | the first pixel of a command comes next, into an empty buffer  |
//! | rows_start       | in  | 1       | start of the expanding layer                                   |
//! | pixels_taken     | out | 1       | the last step for the command's last own pixel                 |
//! The first step is `timing::OUTPUTS_START` behind `start` at least.
//!
//! A pixel of the command goes before an expanding one: the window is held up by a full pixel buffer at once, by a missing row
//! only at the end of its row. An expanding pixel begins only if the line buffer has room for its row.
//!
//! Throughput: one step per cycle, no cycle lost between groups and pixels. A pixel begins when it is complete.

use crate::counter::Counter;
use crate::rtl::{Expr, Module, all, lit};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits};
use sepstream_spec::width::{array_idle_bits, map_bits, row_bits};
use std::rc::Rc;

/// A number of idle cycles, and if it is any.
struct Idle {
    cycles: Expr,
    some: Expr,
}

/// A sort of pixels: the command's own, or those of its expanding layer.
struct Pixels {
    prefix: &'static str,
    /// A new pixel is complete.
    arrives: Expr,
    rows: Expr,
    pixel_words: Expr,
    ring_words: Expr,
    weight_base: Expr,
    /// Idle cycles behind a group, behind a batch, behind a row.
    idle: [Idle; 3],
    words: Counter,
    groups: Counter,
    x: Counter,
    y: Counter,
    active: Expr,
    available: Expr,
    /// Any are available.
    some: Expr,
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
        let named = |name: &str| format!("{prefix}{name}");
        let tp = config.values().tp;
        // batches of a power of two are counted as such, of other numbers by their pixels
        let (cols, step) = if tp == 1 {
            (cols, 1)
        } else if tp.is_power_of_two() {
            let bits = tp.trailing_zeros();
            // fewer than columns, whose count has room for a batch
            let width = cols.width();
            let whole = cols.slice(bits, width - bits).zext(width);
            let batches = &whole + &cols.low(bits).any().zext(width);
            (m.wire(&named("batches"), &batches), 1)
        } else {
            (cols, tp)
        };
        let field = match prefix {
            "" => Field::PixelIdle,
            _ => Field::ExpandPixelIdle,
        };
        let behind = field.used_bits(config);
        let width = array_idle_bits(config);
        let behind_group = idle.zext(width);
        let behind_pixel = match behind {
            0 => behind_group.clone(),
            bits => &behind_group + &m.input(field.name(), bits).zext(width),
        };
        let behind_row = &behind_pixel + &gap.zext(width);
        // fields stay for a command, and no group ends in its first cycles
        let idle = [
            ("group", behind_group),
            ("pixel", behind_pixel),
            ("row", behind_row),
        ]
        .map(|(name, cycles)| {
            let cycles = m.pipe(&named(&format!("idle_{name}")), &cycles);
            let some = m.pipe(&named(&format!("idles_{name}")), &cycles.any());
            Idle { cycles, some }
        });
        let mut counter =
            |name: &str, count: &Expr, step: u32| Counter::by(m, &named(name), count, step);
        let words = counter("words", &pixel_words, 1);
        let groups = counter("groups", &groups, 1);
        let x = counter("columns", &cols, step);
        let y = counter("rows", &rows, 1);
        Pixels {
            prefix,
            arrives: m.input(&named("pixel"), 1),
            active: m.reg(&named("active"), 1),
            available: m.reg(&named("available"), address + 1),
            some: m.reg(&named("some"), 1),
            base: m.reg(&named("base"), address),
            words,
            groups,
            x,
            y,
            idle,
            rows,
            pixel_words,
            ring_words,
            weight_base,
        }
    }
    fn wire(&self, m: &mut Module, name: &str, value: &Expr) -> Expr {
        m.wire(&format!("{}{name}", self.prefix), value)
    }
    /// Counters, tokens and place in the ring; the events are of this sort's pixels. `tokens`: where pixels may come before the
    /// loops' start, what begins them.
    fn count(&self, m: &mut Module, start: &Expr, tokens: Option<&Expr>, events: &Events) {
        let Events {
            step,
            begins,
            group_ends,
            ends,
        } = events;
        let words = self.available.width();
        let address = self.base.width();
        let last_base = m.pipe(
            &format!("{}last_base", self.prefix),
            &(&self.ring_words - &self.pixel_words),
        );
        let at_end = self.base.zext(words).eq(&last_base);
        let next = &self.base + &self.pixel_words.fit(address);
        let row_ends = self.wire(m, "row_ends", &(ends & &self.x.last));
        let rst = m.unit_reset();
        let one = lit(1, words);
        // a pixel comes later than that
        let started = m.pipe(&format!("{}started", self.prefix), start);
        m.clocked(|s| {
            for (tick, counter) in [
                (step, &self.words),
                (group_ends, &self.groups),
                (ends, &self.x),
                (&row_ends, &self.y),
            ] {
                s.when(tick, |s| counter.tick(s));
            }
            s.when(ends, |s| {
                s.set(&self.base, &at_end.mux(&lit(0, address), &next))
            });
            s.when(&(&row_ends & &self.y.last), |s| {
                s.set(&self.active, &lit(0, 1))
            });
            s.when(&(&self.arrives & &!begins), |s| {
                s.set(&self.available, &(&self.available + &one));
                s.set(&self.some, &lit(1, 1));
            });
            s.when(&(begins & &!&self.arrives), |s| {
                s.set(&self.available, &(&self.available - &one));
                s.set(&self.some, &!&self.available.is(1));
            });
            s.when(&started, |s| {
                for counter in [&self.words, &self.groups, &self.x, &self.y] {
                    counter.restart(s);
                }
                if tokens.is_some() {
                    s.set(&self.active, &self.rows.any());
                }
            });
            s.when(tokens.unwrap_or(start), |s| {
                if tokens.is_none() {
                    s.set(&self.active, &self.rows.any());
                }
                for reg in [&self.available, &self.some, &self.base] {
                    s.set(reg, &lit(0, reg.width()));
                }
            });
            s.when(&rst, |s| s.set(&self.active, &lit(0, 1)));
        });
    }
}

/// What happens to a sort of pixels in a cycle: a step, and if it is the first of a pixel, the last of a group, of a pixel.
struct Events {
    step: Expr,
    begins: Expr,
    group_ends: Expr,
    ends: Expr,
}

/// The control of the pointwise array.
pub fn pointwise_control(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "pointwise_control",
        "Steps the pointwise array through pixels, output groups and words.",
    );
    let v = config.values();
    let start = m.input("start", 1);
    let ahead = config.runs_ahead();
    let pixels_start = ahead.then(|| m.input("pixels_start", 1));
    let rows_start = (ahead && config.expands()).then(|| m.input("rows_start", 1));
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
        let released = m.input("released", map_bits(config));
        let line_rows = m.input(Field::LineRows.name(), Field::LineRows.used_bits(config));
        // as in `fill`
        let number = row_bits(config);
        let place = m.reg("expand_place", number);
        let first_place = m.wire("first_place", &(&lit(0, number) - &line_rows.zext(number)));
        let room = m.wire("room", &place.lt_s(&released.zext(number)));
        (pixels, (place, first_place), room)
    });
    let rst = m.unit_reset();

    m.note("Which pixel: the one at work, else the command's, else an expanding one.");
    let words = address_bits(v.pixel_words.max(v.expand_words));
    let at_start = m.reg("at_start", 1);
    let waiting = m.reg("waiting", 1);
    let wait_left = m.reg("wait_left", array_idle_bits(config));
    let first = m.reg("first", 1);
    let word = m.reg("word", words);
    let ready = m.wire("ready", &(&own.active & &own.some));
    let (can_begin, of_expand) = match &expand {
        None => (ready, None),
        Some((pixels, _, room)) => {
            let other = [&pixels.active, &pixels.some, room].map(Expr::clone);
            let other = m.wire("expand_ready", &all(&other));
            let at_work = m.reg("expand_at_work", 1);
            let of_expand = m.wire("expand_now", &at_start.mux(&!&ready, &at_work));
            m.clocked(|s| s.set(&at_work, &of_expand));
            (&ready | &other, Some(of_expand))
        }
    };
    let step = m.wire("issue", &(&!&waiting & &(&!&at_start | &can_begin)));
    let begins = m.wire("begins", &(&step & &at_start));

    m.note("Where it is in its loops; what comes behind it.");
    let choose = |get: &dyn Fn(&Pixels) -> Expr| match (&expand, &of_expand) {
        (Some((pixels, ..)), Some(of_expand)) => of_expand.mux(&get(pixels), &get(&own)),
        _ => get(&own),
    };
    let word_last = m.wire("word_last", &choose(&|p| p.words.last.clone()));
    let group_last = m.wire("group_is_last", &choose(&|p| p.groups.last.clone()));
    let x_last = m.wire("x_last", &choose(&|p| p.x.last.clone()));
    let group_end = m.wire("group_end", &(&step & &word_last));
    let pixel_end = m.wire("pixel_end", &(&group_end & &group_last));
    let behind = |get: &dyn Fn(&Idle) -> Expr| {
        choose(&|p| {
            let [group, pixel, row] = [0, 1, 2].map(|i: usize| get(&p.idle[i]));
            let pixel = p.x.last.mux(&row, &pixel);
            p.groups.last.mux(&pixel, &group)
        })
    };
    let idle = m.wire("idle", &behind(&|idle| idle.cycles.clone()));
    let idles = m.wire("idles", &behind(&|idle| idle.some.clone()));
    let weight_base = choose(&|p| p.weight_base.clone());
    let weight_at = m.reg("weight_at", weight_base.width());
    let w_addr = match &of_expand {
        None => weight_at.clone(),
        Some(_) => m.wire("w_addr_now", &at_start.mux(&weight_base, &weight_at)),
    };
    m.clocked(|s| {
        s.when(&step, |s| {
            s.set(&at_start, &lit(0, 1));
            s.set(&first, &word_last);
            s.set(
                &word,
                &word_last.mux(&lit(0, words), &(&word + &lit(1, words))),
            );
            s.set(&weight_at, &(&w_addr + &lit(1, w_addr.width())));
        });
        s.when(&waiting, |s| {
            s.set(&wait_left, &(&wait_left - &lit(1, wait_left.width())));
            s.set(&waiting, &!&wait_left.is(1));
        });
        s.when(&group_end, |s| {
            s.set(&waiting, &idles);
            s.set(&wait_left, &idle);
        });
        s.when(&pixel_end, |s| {
            s.set(&at_start, &lit(1, 1));
            s.set(&weight_at, &own.weight_base);
        });
        if ahead && expand.is_none() {
            // where there are two sorts, a pixel's base comes with it, and one of the other may be at work
            s.when(&start, |s| s.set(&weight_at, &own.weight_base));
        }
        let again = if ahead { rst.clone() } else { &start | &rst };
        s.when(&again, |s| {
            s.set(&at_start, &lit(1, 1));
            s.set(&first, &lit(1, 1));
            s.set(&waiting, &lit(0, 1));
            s.set(&word, &lit(0, words));
            s.set(&weight_at, &own.weight_base);
        });
    });

    m.note("Tokens.");
    let is_own = of_expand.as_ref().map_or(lit(1, 1), |e| !e);
    let mut events = |prefix: &str, of: &Expr| {
        let [step, begins, group_ends, ends] = [
            ("step", &step),
            ("begins", &begins),
            ("group_ends", &group_end),
            ("ends", &pixel_end),
        ]
        .map(|(name, event)| m.wire(&format!("{prefix}_{name}"), &(event & of)));
        Events {
            step,
            begins,
            group_ends,
            ends,
        }
    };
    let own_events = events("own", &is_own);
    let expand_events = of_expand.as_ref().map(|e| events("expand", e));
    own.count(&mut m, &start, pixels_start.as_ref(), &own_events);
    m.output("pixel_done", &own_events.ends);
    m.output("p_addr", &(&own.base + &word.low(own.base.width())));
    if let (Some((pixels, (place, first_place), _)), Some(of_expand), Some(events)) =
        (&expand, &of_expand, &expand_events)
    {
        let start = rows_start.as_ref().unwrap_or(&start);
        pixels.count(&mut m, start, None, events);
        m.clocked(|s| {
            s.when(&(&events.ends & &pixels.x.last), |s| {
                s.set(place, &(place + &lit(1, place.width())))
            });
            s.when(start, |s| s.set(place, first_place));
        });
        m.output("expand_done", &events.ends);
        m.output(
            "expand_addr",
            &(&pixels.base + &word.low(pixels.base.width())),
        );
        m.output("of_expand", of_expand);
    }
    m.output("w_addr", &w_addr);
    m.output("step", &step);
    m.output("step_first", &first);
    m.output("step_last", &word_last);
    m.output("group_last", &group_last);
    if v.tp == 1 {
        m.output("row_last", &x_last);
    }
    m.output("command_last", &all(&[is_own, x_last, own.y.last.clone()]));
    if ahead {
        let ends = [
            own_events.ends.clone(),
            own.x.last.clone(),
            own.y.last.clone(),
        ];
        m.output("pixels_taken", &all(&ends));
    }
    Rc::new(m)
}
