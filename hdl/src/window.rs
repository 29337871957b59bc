// SPDX-License-Identifier: MIT OR Apache-2.0
//! # window — asks the line buffer for what each of the ofm's pixels needs
//! Depthwise commands: per pixel and lane group the kernel's taps, `taps` per cycle (columns of up to three rows). Gather
//! commands (im2col, 1x1, fully connected): per pixel the kernel rows as runs of bytes, up to `tn` per cycle. Merged ones
//! (`merge_bytes` > 0): as many of the runs of three kernel rows together, padding among them.
//! | port        | dir | data | note                                                                    |
//! |-------------|-----|------|-------------------------------------------------------------------------|
//! | start       | in  | 1    | take the command's fields and begin                                     |
//! | filled      | in  | rows | rows in the line buffer, with all_filled from `fill`                     |
//! | pixel_done  | in  | 1    | the pointwise array has left a pixel of the pixel buffer                |
//! | released    | out | rows | rows that no later window needs                                         |
//! | r_*         | out |      | the request, one cycle after its step (see `line_buffer`)               |
//! | dw_*        | out | 1    | with it: step of a depthwise command, first / last of its sum, last group of the pixel |
//! | run_*       | out |      | with it: run of a gather command, its bytes, all padding, last of the pixel; see `merge` |
//!
//! `walk` makes the runs ahead of time; here is what depends on the step before. Throughput: one step per cycle; none is lost between
//! pixels or rows. A pixel begins when its rows are filled (`timing::ROW_READY` before) and the pixel buffer has room for it
//! (credits), so that nothing behind the window ever stalls.

use crate::merge;
use crate::rtl::{Expr, Module, all, lit, pack};
use crate::walk::{Reach, Run, limit_bits, place_bits, reach, walk};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, offset_bits};
use sepstream_spec::width::{map_bits, window_idle_bits};
use std::rc::Rc;

/// The window walker.
pub fn window(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "window",
        "Asks the line buffer for what each of the ofm's pixels needs.",
    );
    let columns = config.column_taps();
    let off = offset_bits(config);
    let (map, idle_bits) = (map_bits(config), window_idle_bits(config));
    let ring = Field::RingPixels.used_bits(config);
    let start = m.input("start", 1);
    let unit = walk(config);
    let mut inputs = vec![("start", start.clone())];
    for f in Field::ALL {
        if unit.ports().iter().any(|port| port.name == f.name()) {
            inputs.push((f.name(), m.input(f.name(), f.used_bits(config))));
        }
    }
    let field = |f: Field| {
        let port = inputs.iter().find(|(name, _)| *name == f.name());
        port.map(|(_, value)| value.clone())
    };
    let gather = field(Field::Gather).expect("walk takes it");
    let row_bytes = field(Field::RowBytes).expect("walk takes it");
    let merge_bytes = field(Field::MergeBytes);
    let pixel_bytes = m.input(
        Field::PixelBytes.name(),
        Field::PixelBytes.used_bits(config),
    );
    let pixel_bytes = pixel_bytes.zext(off);
    let tail_bytes = m.input(Field::TailBytes.name(), Field::TailBytes.used_bits(config));
    let ring_pixels = m.input(Field::RingPixels.name(), ring);
    let pairs = Field::Pairs;
    let pairs = (config.pair_bytes() > 0).then(|| m.input(pairs.name(), 1));
    let filled = m.input("filled", map);
    let all_filled = m.input("all_filled", 1);
    let pixel_done = m.input("pixel_done", 1);
    let rst = m.unit_reset();

    m.note("The run at work, and the one behind it.");
    let take = m.forward("take", 1);
    inputs.push(("take", take.clone()));
    let runs = m.instance("walk", &unit, &inputs);
    let next_valid = runs.out("m_valid");
    let next = m.wire("next_run", &runs.out("m_run"));
    let parts = Run::new(config);
    let part = |name: &str| parts.part(&next, name);
    let limit_width = limit_bits(config);
    let valid = m.reg("valid", 1);
    let rest = m.reg("rest", off);
    // bytes that this step takes at most, the one behind it, both together; where the third begins; if this step takes the rest
    let limit = m.reg("limit", limit_width);
    let ahead = m.reg("ahead", limit_width);
    let both = m.reg("both", limit_width + 1);
    let third = m.reg("third", place_bits(config));
    let fits = m.reg("fits", 1);
    let [in_data, then_data, then_post] =
        ["in_data", "then_data", "then_post"].map(|name| m.reg(name, 1));
    let src = m.reg("src", off);
    let tap = m.reg("tap", off);
    let at_start = m.reg("at_start", 1);
    // what does not change while the run is at work
    let mut kept: Vec<(&str, Expr)> = vec![
        ("data", m.reg("data", off)),
        ("data_fits", m.reg("data_fits", 1)),
        ("post", m.reg("post", off)),
        ("post_fits", m.reg("post_fits", 1)),
        ("bank", m.reg("bank", 2)),
        ("slot", m.reg("slot", part("slot").width())),
        ("slot_next", m.reg("slot_next", part("slot").width())),
        ("row_ok", m.reg("row_ok", config.row_taps())),
        ("first", m.reg("first", 1)),
        ("last", m.reg("last", 1)),
        ("group_last", m.reg("group_last", 1)),
        ("opens", m.reg("opens", 1)),
        ("row_end", m.reg("row_end", 1)),
        ("need", m.reg("need", map)),
        ("top_next", m.reg("top_next", map)),
        ("idle", m.reg("idle", idle_bits)),
        ("idles", m.reg("idles", 1)),
    ];
    if config.merges() {
        let bits = merge::run_bits(config);
        kept.push(("run_pre", m.reg("pixel_pre", bits)));
        kept.push(("run_data", m.reg("pixel_data", bits)));
    }
    let of_run = |name: &str| {
        let found = kept.iter().find(|(part, _)| *part == name);
        found.expect("a part of the run").1.clone()
    };

    m.note("A pixel begins when its rows are there and the pixel buffer has room.");
    let inflight = m.reg("inflight", ring);
    let ready = m.reg("ready", 1);
    let full = m.reg("full", 1);
    let opens = of_run("opens");
    let credit = &!&full | &!&opens;
    let waiting = m.reg("waiting", 1);
    let may = &!&at_start | &(&ready & &credit);
    let issue = m.wire("issue", &all(&[valid.clone(), !&waiting, may]));

    m.note("The step: what it takes of the run, and if that is the end of the part, of the run, of the sum.");
    let count = m.wire("count", &fits.mux(&rest.low(limit_width), &limit));
    let more = &then_data | &then_post;
    let ends = m.wire("ends", &(&fits & &!&more));
    let run_end = m.wire("run_end", &(&issue & &ends));
    let unit_end = m.wire("unit_end", &(&run_end & &of_run("last")));
    let load = m.wire("load", &(&run_end | &!&valid));
    m.drive(&take, &load);
    let rest_fits = m.wire("rest_fits", &rest.le(&both.zext(off)));
    let third_reach = reach(config, &third);
    let wide = limit_width + 1;
    let both_next = m.wire(
        "both_next",
        &(&ahead.zext(wide) + &third_reach.first.zext(wide)),
    );
    let part_steps = reach(config, &src.low(place_bits(config)))
        .or(&then_data, &Reach::padding(config, &gather));
    let part_fits = then_data.mux(&of_run("data_fits"), &of_run("post_fits"));
    let on = [
        (&limit, ahead.clone()),
        (&ahead, in_data.mux(&third_reach.first, &ahead)),
        (&both, in_data.mux(&both_next, &both)),
        (&third, in_data.mux(&third_reach.next, &third)),
    ];
    let mut stepped = vec![("fits", &fits, fits.mux(&part_fits, &rest_fits))];
    for ((reg, on), (name, next_part)) in on.iter().zip(&part_steps) {
        stepped.push((name, reg, fits.mux(next_part, on)));
    }
    let column_step = if columns == 1 {
        pixel_bytes.clone()
    } else {
        &(&pixel_bytes + &pixel_bytes) + &pixel_bytes
    };
    let column_step = m.wire("column_step", &column_step);
    // in padding the offset stays where the map's bytes begin
    let moves = m.wire("moves", &(&in_data | &!&gather));
    let by = gather.mux(&limit.zext(off), &column_step);
    let first_step = m.reg("first_step", 1);

    m.note("Idle cycles behind a sum or a pixel.");
    let spill = m.wire(
        "spill",
        &all(&[gather.clone(), tail_bytes.lt(&rest.fit(tail_bytes.width()))]),
    );
    let wait_left = m.reg("wait_left", idle_bits);
    let wait_end = m.wire("wait_end", &wait_left.is(1));

    let ring_one = lit(1, ring);
    let begins = m.wire("begins", &(&issue & &all(&[at_start.clone(), opens])));
    let ring_less = m.wire("ring_less", &(&inflight + &ring_one).eq(&ring_pixels));
    let released = m.reg("released_rows", map);
    m.clocked(|s| {
        s.when(&issue, |s| {
            s.set(&at_start, &lit(0, 1));
            s.set(&first_step, &lit(0, 1));
            s.set(&rest, &(&rest - &limit.zext(off)));
            s.when(&moves, |s| s.set(&src, &(&src + &by)));
            s.set(&tap, &(&tap + &column_step));
            s.when(&fits, |s| {
                s.set(&rest, &then_data.mux(&of_run("data"), &of_run("post")));
                s.set(&in_data, &then_data);
                s.set(&then_data, &lit(0, 1));
                s.set(&then_post, &(&then_data & &then_post));
            });
        });
        s.when(&(&issue | &load), |s| {
            for (name, reg, value) in &stepped {
                s.set(reg, &load.mux(&part(name), value));
            }
        });
        // rows that are filled stay so as long as a run waits for them
        s.set(&ready, &(&all_filled | &of_run("need").le(&filled)));
        s.when(&load, |s| {
            s.set(&valid, &next_valid);
            s.set(&first_step, &lit(1, 1));
            s.set(&rest, &part("length"));
            s.set(&at_start, &part("begins"));
            s.set(&ready, &(&all_filled | &part("need").le(&filled)));
            for (name, reg) in [
                ("in_data", &in_data),
                ("then_data", &then_data),
                ("then_post", &then_post),
                ("src", &src),
                ("tap", &tap),
            ] {
                s.set(reg, &part(name));
            }
            kept.iter().for_each(|(name, reg)| s.set(reg, &part(name)));
        });
        s.when(&waiting, |s| {
            s.set(&wait_left, &(&wait_left - &lit(1, idle_bits)));
            s.set(&waiting, &!&wait_end);
        });
        s.when(&unit_end, |s| {
            s.set(&waiting, &(&of_run("idles") | &spill));
            s.set(&wait_left, &gather.mux(&lit(1, idle_bits), &of_run("idle")));
            s.when(&of_run("row_end"), |s| {
                s.set(&released, &of_run("top_next"))
            });
        });
        s.when(&(&begins & &!&pixel_done), |s| {
            s.set(&inflight, &(&inflight + &ring_one));
            s.set(&full, &ring_less);
        });
        s.when(&(&pixel_done & &!&begins), |s| {
            s.set(&inflight, &(&inflight - &ring_one));
            s.set(&full, &lit(0, 1));
        });
        s.when(&start, |s| {
            for reg in [&valid, &waiting] {
                s.set(reg, &lit(0, 1));
            }
            s.set(&inflight, &lit(0, ring));
            s.set(&full, &!&ring_pixels.any());
            // row 0 or above it
            s.set(&released, &lit(0, map));
        });
        s.when(&rst, |s| s.set(&valid, &lit(0, 1)));
    });
    m.output("released", &released);

    m.note("The request.");
    let mut bytes = Vec::new();
    let (mut column_ok, mut second_ok) = (Vec::new(), Vec::new());
    let mut offset = (src.clone(), tap.clone());
    for c in 0..columns {
        if c > 0 {
            offset = (
                m.wire(&format!("base_{c}"), &(&offset.0 + &pixel_bytes)),
                m.wire(&format!("tap_{c}"), &(&offset.1 + &pixel_bytes)),
            );
        }
        bytes.push(offset.0.low(off - 2));
        // a negative one is, read unsigned, beyond any row
        column_ok.push(offset.1.lt(&row_bytes));
        if let Some(pairs) = &pairs {
            let second = &offset.1 + &lit(config.pair_bytes().into(), off);
            second_ok.push(pairs.mux(&second, &offset.1).lt(&row_bytes));
        }
    }
    column_ok.extend(second_ok);
    let mut outputs = vec![
        ("r_byte", pack(&bytes)),
        ("r_bank", of_run("bank")),
        ("r_slot", of_run("slot")),
        ("r_slot_next", of_run("slot_next")),
        ("r_column_ok", pack(&column_ok)),
        ("r_row_ok", of_run("row_ok")),
        ("dw_valid", &issue & &!&gather),
        ("dw_first", &of_run("first") & &first_step),
        ("dw_last", &ends & &of_run("last")),
        ("dw_pixel_last", of_run("group_last")),
        ("run_valid", &issue & &gather),
        ("run_count", count),
        ("run_pad", !&in_data),
        ("run_last", &ends & &of_run("last")),
    ];
    if let Some(merge_bytes) = &merge_bytes {
        m.note("Merged bytes of the pixel's pass over rows that earlier steps took.");
        let skip = m.reg("skip", merge::skip_bits(config));
        let taken = &skip + &limit.fit(skip.width());
        let merges = m.pipe("merges", &merge_bytes.any());
        m.clocked(|s| {
            s.when(&(&issue & &merges), |s| s.set(&skip, &taken));
            s.when(&load, |s| s.set(&skip, &lit(0, skip.width())));
        });
        outputs.push(("run_skip", skip));
        outputs.push(("run_pre", of_run("run_pre")));
        outputs.push(("run_data", of_run("run_data")));
    }
    for (name, value) in outputs {
        let q = m.pipe(&format!("{name}_q"), &value);
        m.output(name, &q);
    }
    Rc::new(m)
}
