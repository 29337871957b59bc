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

/// Where the command's own pixels have their fields: rows, columns, words of a pixel, of the ring, groups, idle cycles, gap, weight base.
const OWN: [Field; 8] = [
    Field::OutRows,
    Field::OutCols,
    Field::PixelWords,
    Field::RingWords,
    Field::OutGroups,
    Field::OutIdle,
    Field::RowGap,
    Field::WeightBase,
];

/// Where those of its expanding layer have them.
const EXPAND: [Field; 8] = [
    Field::ExpandRows,
    Field::ExpandCols,
    Field::ExpandWords,
    Field::ExpandRingWords,
    Field::ExpandGroups,
    Field::ExpandIdle,
    Field::ExpandGap,
    Field::ExpandWeightBase,
];

/// The pixels of the expanding layer, and the room that the line buffer has for their rows.
struct Expanding {
    pixels: Pixels,
    /// The row at work less those that the line buffer holds, and of the first row.
    place: Expr,
    first_place: Expr,
    room: Expr,
}

impl Expanding {
    fn new(m: &mut Module, config: &Config) -> Self {
        let pixels = Pixels::new(m, config, "expand_", config.values().expand_words, EXPAND);
        let released = m.input("released", map_bits(config));
        let line_rows = m.input(Field::LineRows.name(), Field::LineRows.used_bits(config));
        // as in `fill`
        let number = row_bits(config);
        let place = m.reg("expand_place", number);
        let first_place = m.wire("first_place", &(&lit(0, number) - &line_rows.zext(number)));
        let room = m.wire("room", &place.lt_s(&released.zext(number)));
        Expanding {
            pixels,
            place,
            first_place,
            room,
        }
    }
    /// Counters and outputs.
    fn finish(&self, m: &mut Module, start: &Expr, events: &Events, word: &Expr) {
        let Expanding { pixels, place, .. } = self;
        pixels.count(m, start, None, events);
        m.clocked(|s| {
            s.when(&(&events.ends & &pixels.x.last), |s| {
                s.set(place, &(place + &lit(1, place.width())))
            });
            s.when(start, |s| s.set(place, &self.first_place));
        });
        m.output("expand_done", &events.ends);
        let base = &pixels.base;
        m.output("expand_addr", &(base + &word.low(base.width())));
    }
}

/// Both sorts, and which one is at work, where there are two.
struct Sorts<'a> {
    own: &'a Pixels,
    expanding: Option<(&'a Expanding, Expr)>,
}

impl Sorts<'_> {
    /// What the sort at work has.
    fn choose(&self, get: &dyn Fn(&Pixels) -> Expr) -> Expr {
        match &self.expanding {
            Some((expanding, now)) => now.mux(&get(&expanding.pixels), &get(self.own)),
            None => get(self.own),
        }
    }
    /// Idle cycles behind a group: more behind a pixel, and behind a row.
    fn behind(&self, get: &dyn Fn(&Idle) -> Expr) -> Expr {
        self.choose(&|p| {
            let [group, pixel, row] = [0, 1, 2].map(|i: usize| get(&p.idle[i]));
            let pixel = p.x.last.mux(&row, &pixel);
            p.groups.last.mux(&pixel, &group)
        })
    }
}

/// The registers of the pixel at work.
struct State {
    at_start: Expr,
    waiting: Expr,
    wait_left: Expr,
    first: Expr,
    word: Expr,
}

impl State {
    fn new(m: &mut Module, config: &Config) -> Self {
        let v = config.values();
        let words = address_bits(v.pixel_words.max(v.expand_words));
        State {
            at_start: m.reg("at_start", 1),
            waiting: m.reg("waiting", 1),
            wait_left: m.reg("wait_left", array_idle_bits(config)),
            first: m.reg("first", 1),
            word: m.reg("word", words),
        }
    }
    /// Whether a pixel can begin, and whether the one at work, or the one that begins, is an expanding one.
    fn which(
        &self,
        m: &mut Module,
        own: &Pixels,
        expanding: Option<&Expanding>,
    ) -> (Expr, Option<Expr>) {
        let ready = m.wire("ready", &(&own.active & &own.some));
        let Some(Expanding { pixels, room, .. }) = expanding else {
            return (ready, None);
        };
        let other = [&pixels.active, &pixels.some, room].map(Expr::clone);
        let other = m.wire("expand_ready", &all(&other));
        let at_work = m.reg("expand_at_work", 1);
        let now = m.wire("expand_now", &self.at_start.mux(&!&ready, &at_work));
        m.clocked(|s| s.set(&at_work, &now));
        (&ready | &other, Some(now))
    }
}

/// What the step of a cycle is.
struct Step {
    step: Expr,
    begins: Expr,
    word_last: Expr,
    group_last: Expr,
    x_last: Expr,
    group_end: Expr,
    pixel_end: Expr,
}

impl Step {
    fn new(m: &mut Module, state: &State, sorts: &Sorts, can_begin: &Expr) -> Self {
        let may = &!&state.at_start | can_begin;
        let step = m.wire("issue", &(&!&state.waiting & &may));
        let begins = m.wire("begins", &(&step & &state.at_start));
        m.note("Where it is in its loops; what comes behind it.");
        let word_last = m.wire("word_last", &sorts.choose(&|p| p.words.last.clone()));
        let group_last = m.wire("group_is_last", &sorts.choose(&|p| p.groups.last.clone()));
        let x_last = m.wire("x_last", &sorts.choose(&|p| p.x.last.clone()));
        let group_end = m.wire("group_end", &(&step & &word_last));
        let pixel_end = m.wire("pixel_end", &(&group_end & &group_last));
        Step {
            step,
            begins,
            word_last,
            group_last,
            x_last,
            group_end,
            pixel_end,
        }
    }
    /// Of those pixels that `of` is 1 for.
    fn events(&self, m: &mut Module, prefix: &str, of: &Expr) -> Events {
        let [step, begins, group_ends, ends] = [
            ("step", &self.step),
            ("begins", &self.begins),
            ("group_ends", &self.group_end),
            ("ends", &self.pixel_end),
        ]
        .map(|(name, event)| m.wire(&format!("{prefix}_{name}"), &(event & of)));
        Events {
            step,
            begins,
            group_ends,
            ends,
        }
    }
}

/// The registers' next values; gives the address of the weights.
fn advance(
    m: &mut Module,
    config: &Config,
    state: &State,
    sorts: &Sorts,
    now: &Step,
    [start, rst]: [&Expr; 2],
) -> Expr {
    let State {
        at_start,
        waiting,
        wait_left,
        first,
        word,
    } = state;
    let own_base = &sorts.own.weight_base;
    let words = word.width();
    let idle = m.wire("idle", &sorts.behind(&|idle| idle.cycles.clone()));
    let idles = m.wire("idles", &sorts.behind(&|idle| idle.some.clone()));
    let weight_base = sorts.choose(&|p| p.weight_base.clone());
    let weight_at = m.reg("weight_at", weight_base.width());
    let w_addr = match &sorts.expanding {
        None => weight_at.clone(),
        Some(_) => m.wire("w_addr_now", &at_start.mux(&weight_base, &weight_at)),
    };
    let ahead = config.runs_ahead();
    m.clocked(|s| {
        s.when(&now.step, |s| {
            s.set(at_start, &lit(0, 1));
            s.set(first, &now.word_last);
            let next = word + &lit(1, words);
            s.set(word, &now.word_last.mux(&lit(0, words), &next));
            s.set(&weight_at, &(&w_addr + &lit(1, w_addr.width())));
        });
        s.when(waiting, |s| {
            s.set(wait_left, &(wait_left - &lit(1, wait_left.width())));
            s.set(waiting, &!&wait_left.is(1));
        });
        s.when(&now.group_end, |s| {
            s.set(waiting, &idles);
            s.set(wait_left, &idle);
        });
        s.when(&now.pixel_end, |s| {
            s.set(at_start, &lit(1, 1));
            s.set(&weight_at, own_base);
        });
        if ahead && sorts.expanding.is_none() {
            // where there are two sorts, a pixel's base comes with it, and one of the other may be at work
            s.when(start, |s| s.set(&weight_at, own_base));
        }
        let again = if ahead { rst.clone() } else { start | rst };
        s.when(&again, |s| {
            s.set(at_start, &lit(1, 1));
            s.set(first, &lit(1, 1));
            s.set(waiting, &lit(0, 1));
            s.set(word, &lit(0, words));
            s.set(&weight_at, own_base);
        });
    });
    w_addr
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
    let own = Pixels::new(&mut m, config, "", v.pixel_words, OWN);
    let expanding = config.expands().then(|| Expanding::new(&mut m, config));
    let rst = m.unit_reset();

    m.note("Which pixel: the one at work, else the command's, else an expanding one.");
    let state = State::new(&mut m, config);
    let (can_begin, of_expand) = state.which(&mut m, &own, expanding.as_ref());
    let sorts = Sorts {
        own: &own,
        expanding: expanding.as_ref().zip(of_expand.clone()),
    };
    let now = Step::new(&mut m, &state, &sorts, &can_begin);
    let w_addr = advance(&mut m, config, &state, &sorts, &now, [&start, &rst]);

    m.note("Tokens.");
    let is_own = of_expand.as_ref().map_or(lit(1, 1), |e| !e);
    let events = now.events(&mut m, "own", &is_own);
    let expand_events = of_expand.as_ref().map(|e| now.events(&mut m, "expand", e));
    own.count(&mut m, &start, pixels_start.as_ref(), &events);
    m.output("pixel_done", &events.ends);
    m.output("p_addr", &(&own.base + &state.word.low(own.base.width())));
    if let (Some((expanding, of_expand)), Some(events)) = (&sorts.expanding, &expand_events) {
        let start = rows_start.as_ref().unwrap_or(&start);
        expanding.finish(&mut m, start, events, &state.word);
        m.output("of_expand", of_expand);
    }
    m.output("w_addr", &w_addr);
    m.output("step", &now.step);
    m.output("step_first", &state.first);
    m.output("step_last", &now.word_last);
    m.output("group_last", &now.group_last);
    if v.tp == 1 {
        m.output("row_last", &now.x_last);
    }
    let last = [is_own, now.x_last.clone(), own.y.last.clone()];
    m.output("command_last", &all(&last));
    if ahead {
        let ends = [events.ends, own.x.last.clone(), own.y.last.clone()];
        m.output("pixels_taken", &all(&ends));
    }
    Rc::new(m)
}
