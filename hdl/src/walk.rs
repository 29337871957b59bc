// SPDX-License-Identifier: MIT OR Apache-2.0
//! # walk — the runs of a command's windows, one after the other, ahead of `window`
//! A run is what one kernel row (or one pass over three) takes of the line buffer for a pixel: of a depthwise command its column passes
//! in one lane group, of a gather command padding, bytes of the map, padding.
//! | port       | dir | data             | note                                                             |
//! |------------|-----|------------------|------------------------------------------------------------------|
//! | start      | in  | 1                | take the command's fields and begin                              |
//! | take       | in  | 1                | the run at the output is taken, or there is none                 |
//! | m_valid    | out | 1                | there is a run                                                   |
//! | m_run      | out | see [`Run`]      |                                                                  |
//!
//! Latency: `timing::WINDOW_START` - 2 from start to the first run. Throughput: 1 run per cycle. Back-pressure: the output keeps a
//! run until it is taken; one more waits in a spare register, so that `take` has only the output to move. To save cells
//! (`Config::saves_cells`) there is no second stage, the third is the output, `take` moves both, and the first run leaves two cycles
//! later.
//! Bit widths: byte offsets are signed and hold a row plus padding at both sides (`isa::offset_bits`).

mod place;
mod run;
mod stage;

use crate::counter::{Counter, next_in_batch};
use crate::packer::bits_for;
use crate::rtl::{Expr, Module, all, cat, lit};
use place::Place;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, address_bits, offset_bits};
use sepstream_spec::width::{map_bits, row_bits, window_idle_bits};
use stage::Stage;
use std::rc::Rc;

pub use run::{Reach, Run, limit_bits, place_bits, reach};

/// The walker.
pub fn walk(config: &Config) -> Rc<Module> {
    let mut m = Module::new(
        "walk",
        "The runs of a command's windows, one after the other, ahead of the window's steps.",
    );
    let v = config.values();
    let off = offset_bits(config);
    let line = address_bits(v.line_words);
    let rows = config.row_taps();
    let (map, row_number) = (map_bits(config), row_bits(config));
    let idle_bits = window_idle_bits(config);
    let start = m.input("start", 1);
    let take = m.input("take", 1);
    let mut field = |f: Field| m.input(f.name(), f.used_bits(config));
    let gather = field(Field::Gather);
    let row_words = field(Field::RowWords);
    let slot_limit = field(Field::SlotLimit);
    let in_rows = field(Field::InRows);
    let row_bytes = field(Field::RowBytes);
    let out_rows = field(Field::OutRows);
    let out_cols = field(Field::OutCols);
    let stride_rows = field(Field::StrideRows);
    let first_row = field(Field::FirstRow).sext(row_bits(config));
    let first_bank = field(Field::FirstBank);
    let first_slot = field(Field::FirstSlot);
    let kernel_rows = field(Field::KernelRows);
    let first_byte = field(Field::FirstByte);
    let window_step = field(Field::WindowStep);
    let row_passes = field(Field::RowPasses);
    let column_passes = field(Field::ColumnPasses);
    let lane_groups = field(Field::LaneGroups);
    let group_idle = field(Field::GroupIdle);
    let pixel_flush = field(Field::PixelFlush);
    let run_bytes = field(Field::RunBytes);
    let merge_bytes = config.merges().then(|| field(Field::MergeBytes));
    let line_base = match config.runs_ahead() {
        false => lit(0, line),
        true => field(Field::LineBase),
    };
    let rst = m.unit_reset();
    let zero = lit(0, off);
    let few_cells = config.saves_cells();
    // two stages less behind it
    let begin = m.delay("start", &start, if few_cells { 2 } else { 0 });

    m.note("What the command's fields say together, registered: the first run asks for it no sooner than it is there.");
    let any_merged = merge_bytes.as_ref().map_or(lit(0, 1), Expr::any);
    let by_row = m.wire("by_row", &(&gather & &!&any_merged));
    let row_by_row = m.pipe("row_by_row", &by_row);
    let passes = m.wire("passes", &by_row.mux(&kernel_rows, &row_passes));
    let groups = gather.mux(&lit(1, lane_groups.width()), &lane_groups);
    let groups = m.wire("groups", &groups);
    let last_slot = m.wire("slot_limit_less", &(&slot_limit - &row_words));
    let last_slot = last_slot.low(line);
    let last_slot_q = m.pipe("last_slot", &last_slot);
    let excess = m.pipe("excess", &(&run_bytes - &row_bytes));
    let down_by = row_by_row.mux(&lit(1, 3), &lit(rows.into(), 3));
    let down_by = m.wire("down_by", &down_by);

    m.note("Counters: pass over the kernel's rows, lane group, column, row.");
    let active = m.reg("active", 1);
    // all stages move together, also those that are empty: they are at a command's two ends only
    let moves = m.forward("moves", 1);
    let step = m.wire("step", &(&active & &moves));
    let pass = Counter::new(&mut m, "pass", &passes);
    let group = Counter::new(&mut m, "group", &groups);
    let x = Counter::new(&mut m, "x", &out_cols);
    let y = Counter::new(&mut m, "y", &out_rows);
    let group_step = m.wire("group_step", &(&step & &pass.last));
    let x_step = m.wire("x_step", &(&group_step & &group.last));
    let y_step = m.wire("y_step", &(&x_step & &x.last));
    // the first pass of a group, the first group of a pixel
    let [pass_first, group_first] = ["pass_first", "group_first"].map(|name| m.reg(name, 1));
    let batch = (v.tp > 1).then(|| m.reg("in_batch", bits_for(v.tp - 1)));
    let ahead = m.reg("ahead", off);
    let lane = m.reg("lane", off);
    let top = Place::regs(&mut m, "top", row_number, line);
    let cur = Place::regs(&mut m, "cur", row_number, line);
    let wrap = |slot: &Expr| {
        slot.eq(&last_slot_q)
            .mux(&line_base, &(slot + &row_words.fit(line)))
    };
    let top_down = top.down(&mut m, "top", &stride_rows, &wrap);
    let cur_down = cur.down(&mut m, "cur", &down_by, &wrap);
    let last_slot_begin = if few_cells { &last_slot_q } else { &last_slot };
    let second = first_slot
        .eq(last_slot_begin)
        .mux(&line_base, &(&first_slot + &row_words.fit(line)));
    let second = m.wire("second_slot", &second);
    m.clocked(|s| {
        for (tick, counter) in [
            (&step, &pass),
            (&group_step, &group),
            (&x_step, &x),
            (&y_step, &y),
        ] {
            s.when(tick, |s| counter.tick(s));
        }
        s.when(&step, |s| {
            s.set(&pass_first, &pass.last);
            let parts = top.parts().into_iter().zip(cur_down.parts());
            for (reg, (top, down)) in cur.parts().into_iter().zip(parts) {
                s.set(reg, &pass.last.mux(top, down));
            }
        });
        s.when(&group_step, |s| {
            s.set(&group_first, &group.last);
            let pitch = lit(config.lane_pitch().into(), off);
            s.set(&lane, &group.last.mux(&zero, &(&lane + &pitch)));
        });
        s.when(&x_step, |s| {
            s.set(&ahead, &x.last.mux(&first_byte, &(&ahead + &window_step)));
            if let Some(batch) = &batch {
                let next = next_in_batch(batch, v.tp);
                s.set(batch, &x.last.mux(&lit(0, batch.width()), &next));
            }
        });
        s.when(&y_step, |s| {
            for (reg, value) in top.parts().into_iter().zip(top_down.parts()) {
                s.set(reg, value);
            }
            for (reg, value) in cur.parts().into_iter().zip(top_down.parts()) {
                s.set(reg, value);
            }
            s.when(&y.last, |s| s.set(&active, &lit(0, 1)));
        });
        s.when(&begin, |s| {
            for counter in [&pass, &group, &x, &y] {
                match few_cells {
                    true => counter.restart(s),
                    false => counter.start(s),
                }
            }
            for flag in [&active, &pass_first, &group_first] {
                s.set(flag, &lit(1, 1));
            }
            s.set(&ahead, &first_byte);
            s.set(&lane, &zero);
            if let Some(batch) = &batch {
                s.set(batch, &lit(0, batch.width()));
            }
            for place in [&top, &cur] {
                let values = [&first_row, &first_bank, &first_slot, &second];
                for (reg, value) in place.parts().into_iter().zip(values) {
                    s.set(reg, value);
                }
            }
        });
        s.when(&rst, |s| s.set(&active, &lit(0, 1)));
    });

    m.note("Stage 1: where the window lies, beside the row and in it.");
    let sign = off - 1;
    let past = m.wire("past", &(&ahead + &excess));
    let opens = batch.as_ref().map_or(lit(1, 1), |batch| !&batch.any());
    let stop = m.wire("stop", &(&start | &rst));
    let one = Stage::new(&mut m, "1", &active, &moves, &stop);
    let before = one.put(
        &mut m,
        "before",
        &ahead.bit(sign).mux(&(&zero - &ahead), &zero),
    );
    let after = one.put(&mut m, "behind", &past.bit(sign).mux(&zero, &past));
    let inside = one.put(&mut m, "inside", &ahead.bit(sign).mux(&zero, &ahead));
    let left = one.put(&mut m, "left", &ahead);
    let place = one.put(&mut m, "place", &(&ahead + &lane));
    let row = one.put(&mut m, "row", &cur.row.low(map));
    // less padding above than the window is high, so at least 1
    let need = &top.row.low(map) + &kernel_rows.zext(map);
    let need = one.put(&mut m, "need", &need);
    let released = one.put(&mut m, "top_next", &top_down.row);
    let behind_group = &group_idle.zext(idle_bits) + &(&group.last & &pixel_flush).zext(idle_bits);
    let flags = cat(&[
        &x.last & &(&group.last & &pass.last),
        opens,
        &pass_first & &group_first,
        group.last.clone(),
        pass.last.clone(),
        pass_first.clone(),
    ]);
    let flags = one.put(&mut m, "flags", &flags);
    let dw_idle = pass.last.mux(&behind_group, &lit(0, idle_bits));
    let dw_idle = gather.mux(&lit(0, idle_bits), &dw_idle);
    let dw_idle = one.put(&mut m, "idle", &dw_idle);
    let lines = cat(&[cur.next.clone(), cur.slot.clone(), cur.bank.clone()]);
    let lines = one.put(&mut m, "lines", &lines);

    m.note("Stage 2: bytes of the map in the run, rows that are in it.");
    let two = match few_cells {
        true => Stage::wires("2", &one),
        false => Stage::new(&mut m, "2", &one.valid, &moves, &stop),
    };
    let data = &(&run_bytes - &before) - &after;
    let data = two.put(&mut m, "data", &data);
    let row_ok: Vec<Expr> = (0..rows)
        .rev()
        .map(|i| {
            let at = m.wire(&format!("kernel_row_{i}"), &(&row + &lit(i.into(), map)));
            at.lt(&in_rows)
        })
        .collect();
    let row_ok = two.put(&mut m, "row_ok", &cat(&row_ok));
    let src = row_by_row.mux(&inside, &place);
    let src = two.put(&mut m, "src", &src);
    let need = two.put(&mut m, "need", &need);
    let released = released.bit(map).mux(&lit(0, map), &released.low(map));
    let released = two.put(&mut m, "top_next", &released);
    let mut same = |name: &str, value: &Expr| two.put(&mut m, name, value);
    let [before, after, left] =
        [("before", before), ("behind", after), ("left", left)].map(|(n, e)| same(n, &e));
    let [flags, dw_idle, lines] =
        [("flags", flags), ("idle", dw_idle), ("lines", lines)].map(|(n, e)| same(n, &e));

    m.note("Stage 3: the run. One part of padding also stands for column passes, for rows outside the map, for merged rows.");
    let three = Stage::new(&mut m, "3", &two.valid, &moves, &stop);
    let mapped = m.wire("mapped", &(&row_by_row & &row_ok.bit(0)));
    let tn = lit(v.tn.into(), off);
    let in_a_step = |length: &Expr| length.le(&tn);
    let whole = gather.mux(&run_bytes, &column_passes.zext(off));
    let whole_fits = gather.mux(&in_a_step(&run_bytes), &column_passes.is(1));
    let mut whole = m.pipe("whole", &whole);
    let mut whole_fits = m.pipe("whole_fits", &whole_fits);
    if let Some(last) = &merge_bytes {
        let last = last.zext(off);
        let three_runs = m.pipe("three_runs", &(&(&run_bytes + &run_bytes) + &run_bytes));
        let last_fits = m.pipe("last_fits", &in_a_step(&last));
        let three_fit = m.pipe("three_fit", &in_a_step(&three_runs));
        let merges = m.pipe("merges", &any_merged);
        let merged = flags.bit(1).mux(&last, &three_runs);
        whole = merges.mux(&merged, &whole);
        whole_fits = merges.mux(&flags.bit(1).mux(&last_fits, &three_fit), &whole_fits);
    }
    let [has_pre, has_data, has_post] = [("pre", &before), ("data", &data), ("post", &after)]
        .map(|(name, e)| m.wire(&format!("has_{name}"), &(&mapped & &e.any())));
    let in_map = reach(config, &src.low(place_bits(config)));
    let data_fits = data.le(&in_map.first.zext(off));
    let data_fits = m.wire("data_fits", &data_fits);
    let [before_fits, after_fits] = [("before", &before), ("behind", &after)]
        .map(|(name, e)| m.wire(&format!("{name}_fits"), &in_a_step(e)));
    let in_data = m.wire("starts_in_data", &(&has_data & &!&has_pre));
    let of_first = |before: &Expr, data: &Expr, after: &Expr, whole: &Expr| {
        has_pre.mux(before, &has_data.mux(data, &has_post.mux(after, whole)))
    };
    let length = of_first(&before, &data, &after, &whole);
    let fits = of_first(&before_fits, &data_fits, &after_fits, &whole_fits);
    let then_data = m.wire("follows_data", &(&has_pre & &has_data));
    let then_post = m.wire("follows_post", &(&(&has_pre | &has_data) & &has_post));
    let steps = in_map.or(&in_data, &Reach::padding(config, &gather));
    let run = Run::new(config);
    let packed = run.pack(|name| match name {
        "length" => length.clone(),
        "fits" => fits.clone(),
        "in_data" => in_data.clone(),
        "limit" => steps[0].1.clone(),
        "ahead" => steps[1].1.clone(),
        "both" => steps[2].1.clone(),
        "third" => steps[3].1.clone(),
        "then_data" => then_data.clone(),
        "then_post" => then_post.clone(),
        "data" => data.clone(),
        "data_fits" => data_fits.clone(),
        "post" => after.clone(),
        "post_fits" => after_fits.clone(),
        "src" => src.clone(),
        "tap" => left.clone(),
        "bank" => lines.low(2),
        "slot" => lines.slice(2, line),
        "slot_next" => lines.slice(2 + line, line),
        "row_ok" => row_ok.clone(),
        "first" => flags.bit(0),
        "last" => flags.bit(1),
        "group_last" => flags.bit(2),
        "begins" => flags.bit(3),
        "opens" => flags.bit(4),
        "row_end" => flags.bit(5),
        "need" => need.clone(),
        "top_next" => released.clone(),
        "idle" => dw_idle.clone(),
        "idles" => dw_idle.any(),
        "run_pre" => before.clone(),
        "run_data" => data.clone(),
        _ => unreachable!("`{name}` is no part of a run"),
    });
    let packed = three.put(&mut m, "run", &packed);
    if few_cells {
        m.drive(&moves, &(&take | &!&three.valid));
        m.output("m_valid", &three.valid);
        m.output("m_run", &packed);
        return Rc::new(m);
    }

    m.note("The output, and a spare for the run that comes while it is full.");
    let width = run.width();
    let [valid, spare_valid] = ["out_valid", "spare_valid"].map(|name| m.reg(name, 1));
    m.drive(&moves, &!&spare_valid);
    let [out, spare] = ["out_run", "spare_run"].map(|name| m.reg(name, width));
    let comes = m.wire("comes", &(&three.valid & &moves));
    let free = m.wire("out_free", &(&take | &!&valid));
    m.clocked(|s| {
        s.when(&free, |s| {
            s.set(&out, &spare_valid.mux(&spare, &packed));
            s.set(&valid, &(&spare_valid | &comes));
            s.set(&spare_valid, &lit(0, 1));
        });
        s.when(&moves, |s| s.set(&spare, &packed));
        s.when(&all(&[comes.clone(), !&free]), |s| {
            s.set(&spare_valid, &lit(1, 1))
        });
        s.when(&stop, |s| {
            s.set(&valid, &lit(0, 1));
            s.set(&spare_valid, &lit(0, 1));
        });
    });
    m.output("m_valid", &valid);
    m.output("m_run", &out);
    Rc::new(m)
}
