// SPDX-License-Identifier: MIT OR Apache-2.0
//! # window — walks the ofm's pixels and asks the line buffer for what each needs
//! Depthwise commands: per pixel and lane group the kernel's taps, `taps` per cycle (columns of up to three rows). Gather
//! commands (im2col, 1x1, fully connected): per pixel the kernel rows as runs of bytes, up to `tn` per cycle. Merged ones
//! (`merge_bytes` > 0): as many of the runs of three kernel rows together, padding among them.
//! | port        | dir | data | note                                                                    |
//! |-------------|-----|------|-------------------------------------------------------------------------|
//! | start       | in  | 1    | take the command's fields and begin                                     |
//! | filled      | in  | 16   | rows in the line buffer, with all_filled from `fill`                     |
//! | pixel_done  | in  | 1    | the pointwise array has left a pixel of the pixel buffer                |
//! | released    | out | 16   | rows that no later window needs                                         |
//! | r_*         | out |      | the request, one cycle after its step (see `line_buffer`)               |
//! | dw_*        | out | 1    | with it: step of a depthwise command, first / last of its sum, last group of the pixel |
//! | run_*       | out |      | with it: run of a gather command, its bytes, all padding, last of the pixel; see `merge` |
//!
//! Throughput: one step per cycle; none is lost between pixels or rows. A pixel begins when its rows are filled and the pixel
//! buffer has room for it (credits), so that nothing behind the window ever stalls.
//! Bit widths: byte offsets are signed and hold a row plus padding at both sides (`isa::offset_bits`); a negative one is, read
//! unsigned, beyond any row, so one comparison tells padding.

use crate::merge;
use crate::packer::bits_for;
use crate::rtl::{Expr, Module, all, lit, pack};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits, offset_bits};
use std::rc::Rc;

/// A row's place: number (signed), bank and slot in the line buffer.
#[derive(Clone)]
struct Place {
    row: Expr,
    bank: Expr,
    slot: Expr,
}

/// The window walker.
pub fn window(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "window",
        "Walks the ofm's pixels and asks the line buffer for what each needs.",
    );
    let v = config.values();
    let (rows, columns) = (config.row_taps(), config.column_taps());
    let line = address_bits(v.line_words);
    let off = offset_bits(config);
    let ring = Field::RingPixels.used_bits(config);
    let start = m.input("start", 1);
    let mut field = |f: Field| m.input(f.name(), f.used_bits(config));
    let gather = field(Field::Gather);
    let row_words = field(Field::RowWords);
    let slot_limit = field(Field::SlotLimit);
    let in_rows = field(Field::InRows);
    let row_bytes = field(Field::RowBytes);
    let out_rows = field(Field::OutRows);
    let out_cols = field(Field::OutCols);
    let stride_rows = field(Field::StrideRows);
    let first_row = field(Field::FirstRow);
    let first_bank = field(Field::FirstBank);
    let first_slot = field(Field::FirstSlot);
    let kernel_rows = field(Field::KernelRows);
    let first_byte = field(Field::FirstByte);
    let window_step = field(Field::WindowStep);
    let row_passes = field(Field::RowPasses);
    let column_passes = field(Field::ColumnPasses);
    let pixel_bytes = field(Field::PixelBytes);
    let lane_groups = field(Field::LaneGroups);
    let group_idle = field(Field::GroupIdle);
    let pixel_flush = field(Field::PixelFlush);
    let run_bytes = field(Field::RunBytes);
    let tail_bytes = field(Field::TailBytes);
    let ring_pixels = field(Field::RingPixels);
    let merge_bytes = config.merges().then(|| field(Field::MergeBytes));
    let filled = m.input("filled", 16);
    let all_filled = m.input("all_filled", 1);
    let pixel_done = m.input("pixel_done", 1);
    let rst = m.reset();
    let pixel_bytes = pixel_bytes.zext(off);
    let is_last = |m: &mut Module, name: &str, at: &Expr, count: &Expr| {
        m.wire(name, &(at + &lit(1, at.width())).eq(count))
    };

    m.note("Position: the pixel at work, and the window of the pixel after it.");
    let active = m.reg("active", 1);
    let setup = m.reg("setup", 1);
    let at_start = m.reg("at_start", 1);
    let y = m.reg("y", 16);
    let x = m.reg("x", 16);
    let ahead = m.reg("ahead", off);
    let y_last = is_last(&mut m, "y_last", &y, &out_rows);
    let x_last = is_last(&mut m, "x_last", &x, &out_cols);
    let x_next = m.wire(
        "x_next",
        &(&setup | &x_last).mux(&lit(0, 16), &(&x + &lit(1, 16))),
    );
    let x_next_last = is_last(&mut m, "x_next_last", &x_next, &out_cols);

    m.note("Rows: top of the window, and the row at work in it.");
    let place = |m: &mut Module, name: &str| Place {
        row: m.reg(&format!("{name}_row"), 16),
        bank: m.reg(&format!("{name}_bank"), 2),
        slot: m.reg(&format!("{name}_slot"), line),
    };
    let next_slot = |m: &mut Module, name: &str, slot: &Expr| {
        let sum = m.wire(
            &format!("{name}_slot_sum"),
            &(&slot.zext(line + 1) + &row_words),
        );
        m.wire(
            &format!("{name}_slot_next"),
            &sum.eq(&slot_limit).mux(&lit(0, line), &sum.low(line)),
        )
    };
    // At most 4 rows at a time, so at most one turn of the banks
    let advance = |m: &mut Module, name: &str, p: &Place, slot_next: &Expr, by: &Expr| {
        let bank = m.wire(&format!("{name}_bank_sum"), &(&p.bank.zext(3) + by));
        Place {
            row: m.wire(&format!("{name}_row_to"), &(&p.row + &by.zext(16))),
            bank: bank.low(2),
            slot: m.wire(
                &format!("{name}_slot_to"),
                &bank.bit(2).mux(slot_next, &p.slot),
            ),
        }
    };
    let top = place(&mut m, "top");
    let cur = place(&mut m, "cur");
    let top_slot_next = next_slot(&mut m, "top", &top.slot);
    let cur_slot_next = next_slot(&mut m, "cur", &cur.slot);
    let top_down = advance(&mut m, "top", &top, &top_slot_next, &stride_rows);
    let merges = merge_bytes.as_ref().map_or(lit(0, 1), Expr::any);
    let merges = m.wire("merges", &merges);
    let row_by_row = m.wire("row_by_row", &(&gather & &!&merges));
    let pass_rows = row_by_row.mux(&lit(1, 3), &lit(rows.into(), 3));
    let cur_down = advance(&mut m, "cur", &cur, &cur_slot_next, &pass_rows);

    m.note("A pixel begins when its rows are there and the pixel buffer has room.");
    let inflight = m.reg("inflight", ring);
    let need = m.wire("need", &(&top.row.sext(17) + &kernel_rows.zext(17)));
    let ready = m.wire("row_ready", &(&all_filled | &!&filled.zext(17).lt_s(&need)));
    // the pixels of a batch share their place in the buffer
    let opens = match v.tp.trailing_zeros() {
        0 => lit(1, 1),
        bits => m.wire("opens_batch", &!&x.low(bits).any()),
    };
    let credit = m.wire("credit", &(&inflight.ne(&ring_pixels) | &!&opens));
    let waiting = m.reg("waiting", 1);
    let go = all(&[active.clone(), !&waiting, &!&at_start | &(&ready & &credit)]);
    let issue = m.wire("issue", &go);

    m.note("Depthwise: columns in a pass, passes over rows, lane groups.");
    let (px, py) = (m.reg("column_pass", 8), m.reg("row_pass", 8));
    let group = m.reg("group", 12);
    let left = m.reg("left", off);
    let tap = m.reg("tap", off);
    let lane = m.reg("lane", off);
    let px_last = is_last(&mut m, "column_last", &px, &column_passes);
    let py_last = is_last(&mut m, "row_last", &py, &row_passes);
    let group_last = is_last(&mut m, "group_last", &group, &lane_groups);
    let taps_end = m.wire("taps_end", &(&px_last & &py_last));
    let column_step = if columns == 1 {
        pixel_bytes.clone()
    } else {
        &(&pixel_bytes + &pixel_bytes) + &pixel_bytes
    };

    m.note(
        "Gather: each kernel row is padding, data, padding; a step takes a piece of one of them.",
    );
    let seg = |m: &mut Module, name: &str| {
        [
            m.reg(&format!("pixel_{name}"), off),
            m.reg(&format!("rest_{name}"), off),
        ]
    };
    let [pixel_pre, rest_pre] = seg(&mut m, "pre");
    let [pixel_data, rest_data] = seg(&mut m, "data");
    let [pixel_post, rest_post] = seg(&mut m, "post");
    let [pixel_src, rest_src] = seg(&mut m, "src");
    let ky = m.reg("kernel_row", 8);
    let runs = m.wire("runs", &merges.mux(&row_passes, &kernel_rows));
    let ky_last = is_last(&mut m, "kernel_row_last", &ky, &runs);
    let run_start = m.reg("run_start", 1);
    let row_in = m.wire("row_in", &cur.row.lt(&in_rows));
    let zero = lit(0, off);
    let mut run_pre = row_in.mux(&pixel_pre, &run_bytes);
    if let Some(last) = &merge_bytes {
        m.note("A merged run counts as padding, whatever it holds: that is cut every tn bytes.");
        let three = &(&run_bytes + &run_bytes) + &run_bytes;
        let merged = m.wire("merged", &ky_last.mux(&last.zext(off), &three));
        run_pre = merges.mux(&merged, &run_pre);
    }
    let run_in = m.wire("run_in", &(&row_in & &!&merges));
    let pre = m.wire("pre", &run_start.mux(&run_pre, &rest_pre));
    let data = m.wire(
        "data",
        &run_start.mux(&run_in.mux(&pixel_data, &zero), &rest_data),
    );
    let post = m.wire(
        "post",
        &run_start.mux(&run_in.mux(&pixel_post, &zero), &rest_post),
    );
    let src = m.wire("src", &run_start.mux(&pixel_src, &rest_src));
    let in_pre = m.wire("in_pre", &pre.any());
    let in_data = m.wire("in_data", &(&!&in_pre & &data.any()));
    let avail = m.wire("avail", &in_pre.mux(&pre, &in_data.mux(&data, &post)));
    let count_bits = bits_for(v.tn);
    let tn = lit(v.tn.into(), off);
    // any run of word_bytes - (offset in the half word) bytes can be read at once
    let half_bits = config.word_bytes().trailing_zeros() - 1;
    let reach = m.wire(
        "reach",
        &(&lit(config.word_bytes().into(), off) - &src.low(half_bits).zext(off)),
    );
    let reach = &reach.lt(&tn).mux(&reach, &tn);
    let limit = m.wire("limit", &in_data.mux(reach, &tn));
    let fits = m.wire("fits", &avail.le(&limit));
    let count = m.wire("count", &fits.mux(&avail, &limit));
    let no_more = in_pre.mux(
        &!&(&data.any() | &post.any()),
        &(&!&in_data | &!&post.any()),
    );
    let run_end = m.wire("run_end", &(&fits & &no_more));
    let pixel_runs_end = m.wire("pixel_runs_end", &(&run_end & &ky_last));
    let spill = m.wire("spill", &tail_bytes.lt(&count.fit(8)));

    m.note("End of a sum or run, idle cycles behind it, end of the pixel and of the row.");
    let unit_end = m.wire(
        "unit_end",
        &(&issue & &gather.mux(&pixel_runs_end, &taps_end)),
    );
    let flush = m.wire("flush", &(&group_last & &pixel_flush));
    let idle = m.wire(
        "idle",
        &gather.mux(&spill.zext(9), &(&group_idle.zext(9) + &flush.zext(9))),
    );
    let wait_left = m.reg("wait_left", 9);
    let closing = m.reg("closing", 1);
    let wait_end = m.wire("wait_end", &(&waiting & &wait_left.is(1)));
    let closes = m.wire("closes", &(&gather | &group_last));
    let pixel_end = m.wire(
        "pixel_end",
        &(&all(&[unit_end.clone(), !&idle.any(), closes.clone()]) | &(&wait_end & &closing)),
    );
    let row_end = m.wire("row_end", &(&pixel_end & &x_last));
    let load = m.wire("load", &(&pixel_end | &setup));

    m.note("The window of the next pixel: its bytes left of the row, in it, right of it.");
    let past = m.wire("past", &(&(&ahead + &run_bytes) - &row_bytes));
    let sign = off - 1;
    let load_pre = m.wire("load_pre", &ahead.bit(sign).mux(&(&zero - &ahead), &zero));
    let load_post = m.wire("load_post", &past.bit(sign).mux(&zero, &past));
    let load_data = m.wire("load_data", &(&(&run_bytes - &load_pre) - &load_post));

    m.clocked(|s| {
        s.when(&issue, |s| s.set(&at_start, &lit(0, 1)));
        s.when(&(&issue & &!&gather), |s| {
            s.set(&px, &px_last.mux(&lit(0, 8), &(&px + &lit(1, 8))));
            s.set(&tap, &px_last.mux(&left, &(&tap + &column_step)));
            s.when(&px_last, |s| {
                s.set(&py, &py_last.mux(&lit(0, 8), &(&py + &lit(1, 8))));
                s.set(&cur.row, &py_last.mux(&top.row, &cur_down.row));
                s.set(&cur.bank, &py_last.mux(&top.bank, &cur_down.bank));
                s.set(&cur.slot, &py_last.mux(&top.slot, &cur_down.slot));
            });
            s.when(&taps_end, |s| {
                s.set(
                    &group,
                    &group_last.mux(&lit(0, 12), &(&group + &lit(1, 12))),
                );
                s.set(
                    &lane,
                    &group_last.mux(&zero, &(&lane + &lit(config.lane_pitch().into(), off))),
                );
            });
        });
        s.when(&(&issue & &gather), |s| {
            s.set(&rest_pre, &in_pre.mux(&(&pre - &count), &pre));
            s.set(&rest_data, &in_data.mux(&(&data - &count), &data));
            s.set(
                &rest_post,
                &(&in_pre | &in_data).mux(&post, &(&post - &count)),
            );
            s.set(&rest_src, &in_data.mux(&(&src + &count), &src));
            s.set(&run_start, &run_end);
            s.when(&run_end, |s| {
                s.set(&ky, &ky_last.mux(&lit(0, 8), &(&ky + &lit(1, 8))));
                s.set(&cur.row, &cur_down.row);
                s.set(&cur.bank, &cur_down.bank);
                s.set(&cur.slot, &cur_down.slot);
            });
        });
        s.when(&waiting, |s| s.set(&wait_left, &(&wait_left - &lit(1, 9))));
        s.when(&wait_end, |s| s.set(&waiting, &lit(0, 1)));
        s.when(&(&unit_end & &idle.any()), |s| {
            s.set(&waiting, &lit(1, 1));
            s.set(&wait_left, &idle);
            s.set(&closing, &closes);
        });
        s.when(&load, |s| {
            s.set(&at_start, &lit(1, 1));
            s.set(&x, &x_next);
            s.set(
                &ahead,
                &x_next_last.mux(&first_byte, &(&ahead + &window_step)),
            );
            s.set(&left, &ahead);
            s.set(&tap, &ahead);
            s.set(&pixel_pre, &load_pre);
            s.set(&pixel_data, &load_data);
            s.set(&pixel_post, &load_post);
            s.set(&pixel_src, &ahead.bit(sign).mux(&zero, &ahead));
            s.set(&cur.row, &row_end.mux(&top_down.row, &top.row));
            s.set(&cur.bank, &row_end.mux(&top_down.bank, &top.bank));
            s.set(&cur.slot, &row_end.mux(&top_down.slot, &top.slot));
        });
        s.when(&row_end, |s| {
            s.set(&y, &(&y + &lit(1, 16)));
            s.set(&top.row, &top_down.row);
            s.set(&top.bank, &top_down.bank);
            s.set(&top.slot, &top_down.slot);
            s.when(&y_last, |s| s.set(&active, &lit(0, 1)));
        });
        s.when(&setup, |s| {
            s.set(&setup, &lit(0, 1));
            s.set(&active, &lit(1, 1));
        });
        let begin = all(&[issue.clone(), at_start.clone(), opens]);
        s.when(&(&begin & &!&pixel_done), |s| {
            s.set(&inflight, &(&inflight + &lit(1, ring)))
        });
        s.when(&(&pixel_done & &!&begin), |s| {
            s.set(&inflight, &(&inflight - &lit(1, ring)))
        });
        s.when(&start, |s| {
            s.set(&setup, &lit(1, 1));
            s.set(&waiting, &lit(0, 1));
            s.set(&run_start, &lit(1, 1));
            s.set(&y, &lit(0, 16));
            s.set(&x, &lit(0, 16));
            s.set(&ahead, &first_byte);
            s.set(&top.row, &first_row);
            s.set(&top.bank, &first_bank);
            s.set(&top.slot, &first_slot);
            for counter in [&px, &py, &ky] {
                s.set(counter, &lit(0, 8));
            }
            s.set(&group, &lit(0, 12));
            s.set(&lane, &zero);
            s.set(&inflight, &lit(0, ring));
        });
        s.when(&rst, |s| {
            s.set(&active, &lit(0, 1));
            s.set(&setup, &lit(0, 1));
        });
    });
    m.output("released", &top.row.bit(15).mux(&lit(0, 16), &top.row));

    m.note("The request.");
    let base = m.wire("base", &row_by_row.mux(&src, &(&tap + &lane)));
    let mut bytes = Vec::new();
    let mut column_ok = Vec::new();
    let mut offset = (base, tap.clone());
    for c in 0..columns {
        if c > 0 {
            offset = (
                m.wire(&format!("base_{c}"), &(&offset.0 + &pixel_bytes)),
                m.wire(&format!("tap_{c}"), &(&offset.1 + &pixel_bytes)),
            );
        }
        bytes.push(offset.0.low(off - 2));
        column_ok.push(offset.1.lt(&row_bytes));
    }
    let row_ok: Vec<Expr> = (0..rows)
        .map(|i| (&cur.row + &lit(i.into(), 16)).lt(&in_rows))
        .collect();
    let dw = m.wire("dw", &(&issue & &!&gather));
    let mut outputs = vec![
        ("r_byte", pack(&bytes)),
        ("r_bank", cur.bank.clone()),
        ("r_slot", cur.slot.clone()),
        ("r_slot_next", cur_slot_next),
        ("r_column_ok", pack(&column_ok)),
        ("r_row_ok", pack(&row_ok)),
        ("dw_valid", dw),
        ("dw_first", &!&px.any() & &!&py.any()),
        ("dw_last", taps_end),
        ("dw_pixel_last", group_last),
        ("run_valid", &issue & &gather),
        ("run_count", count.low(count_bits)),
        ("run_pad", !&in_data),
        ("run_last", pixel_runs_end),
    ];
    if config.merges() {
        m.note("Merged bytes of the pixel's pass over rows that earlier steps took.");
        let skip = m.reg("skip", merge::skip_bits(config));
        let taken = &skip + &count.fit(skip.width());
        m.clocked(|s| {
            s.when(&(&issue & &merges), |s| {
                s.set(&skip, &run_end.mux(&lit(0, skip.width()), &taken))
            });
            s.when(&start, |s| s.set(&skip, &lit(0, skip.width())));
        });
        let run_bits = merge::run_bits(config);
        outputs.push(("run_skip", skip));
        outputs.push(("run_pre", pixel_pre.low(run_bits)));
        outputs.push(("run_data", pixel_data.low(run_bits)));
    }
    for (name, value) in outputs {
        let q = m.pipe(&format!("{name}_q"), &value);
        m.output(name, &q);
    }
    Rc::new(m)
}
