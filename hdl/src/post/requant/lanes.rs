// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the sums to the outputs: holding registers, the choice of a beat's sums, the lanes, and what goes along with them.

use super::beats::Beats;
use super::counts::Counts;
use super::{Ports, Shape, bits_for};
use crate::post::narrow_lane::narrow_lane;
use crate::post::serial::{self, held, pulses};
use crate::post::wide_lane::wide_lane;
use crate::rtl::{Expr, Module, pack};
use sepstream_spec::config::WIDE_SUM;
use sepstream_spec::timing;
use std::rc::Rc;

/// Pulses of lanes that take several cycles: the second one behind the first.
struct Load {
    early: Expr,
    load: Expr,
}

/// Gives out the beats.
pub(super) fn lanes(m: &mut Module, shape: &Shape, ports: &Ports, beats: Beats, counts: &Counts) {
    m.note("Hold the sums, pick the beat's lanes.");
    let hold = hold(m, shape, ports);
    let far = shape.far();
    let late = timing::requant_load(shape.cycles) - 1;
    // a lane of several cycles looks at its sum twice, and the beat's number goes on behind its first cycle
    let beat_cycles = far + late + u32::from(shape.cycles > 1);
    // for the lanes that take sums of a second beat
    let turning = shape.places().min(shape.channels - shape.lanes);
    let numbers = beats
        .number
        .map(|number| m.delayed_copies("beat", &number, beat_cycles, turning));
    let control = m.delay(
        "control",
        &pack(&[
            beats.active,
            counts.closes.clone(),
            counts.count.clone(),
            beats.tag,
        ]),
        1 + far,
    );
    let module = shape.lane();
    let load = (shape.cycles > 1).then(|| {
        let early = m.delay("early", &control.bit(0), late - 1);
        let load = m.pipe("load", &early);
        Load { early, load }
    });
    let mut outputs = Vec::new();
    for l in 0..shape.lanes {
        let mut picked = hold[l as usize].clone();
        for b in 1..shape.beats() {
            let channel = b * shape.lanes + l;
            if let (Some(numbers), true) = (&numbers, channel < shape.channels) {
                let number = &numbers[(l % turning) as usize];
                picked = number.is(b.into()).mux(&hold[channel as usize], &picked);
            }
        }
        // where a lane takes several cycles, it stays until that has taken it
        let sum = match shape.cycles {
            1 => m.pipe(&format!("sum_{l}"), &picked),
            _ => m.wire(&format!("sum_{l}"), &picked),
        };
        let inputs = inputs(shape, ports, l, &sum, load.as_ref());
        let inst = m.instance(&format!("lane_{l}"), &module, &inputs);
        outputs.push(inst.out("m_data"));
    }
    m.output("m_data", &pack(&outputs));
    tell(m, shape, &control, load);
}

impl Shape {
    /// Places that the lanes lie in, where they are apart.
    fn places(&self) -> u32 {
        if self.spread { self.lanes } else { 1 }
    }
    /// The module of a lane.
    fn lane(&self) -> Rc<Module> {
        match self.cycles {
            1 if self.sum_bits == WIDE_SUM => wide_lane(self.either),
            1 => narrow_lane(self.sum_bits, self.either),
            // fields of a command stay until its last output is written
            cycles => serial::lane(serial::Kind {
                acc_bits: self.acc_bits,
                bits: self.sum_bits,
                cycles,
                settled: !self.contexts,
                either: self.either,
            }),
        }
    }
}

/// The sums of the group at work.
fn hold(m: &mut Module, shape: &Shape, ports: &Ports) -> Vec<Expr> {
    let places = shape.places();
    let sums = m.delay("far_sum", &ports.sums, shape.far());
    let takes = match shape.spread {
        true => m.copies("far_valid", &ports.valid, places),
        false => vec![ports.valid.clone()],
    };
    (0..shape.channels)
        .map(|c| {
            let hold = m.reg(&format!("hold_{c}"), shape.acc_bits);
            let sum = sums.slice(WIDE_SUM * c, shape.acc_bits);
            let take = &takes[(c % shape.lanes % places) as usize];
            m.clocked(|s| s.when(take, |s| s.set(&hold, &sum)));
            hold
        })
        .collect()
}

/// Inputs of lane `l`.
fn inputs(
    shape: &Shape,
    ports: &Ports,
    l: u32,
    sum: &Expr,
    load: Option<&Load>,
) -> Vec<(&'static str, Expr)> {
    let part = shape.part();
    let (base, params) = (l * part, &ports.params);
    let [zero, low, high] = ports.ends.clone();
    let mut inputs = vec![
        ("sum", sum.sext(WIDE_SUM)),
        ("zero", zero),
        ("low", low),
        ("high", high),
    ];
    if let Some(Load { early, load }) = load {
        inputs.extend([
            ("early", early.clone()),
            ("load", load.clone()),
            ("part", params.slice(base, part)),
        ]);
    } else {
        inputs.extend([
            ("bias", params.slice(base, 32)),
            ("multiplier", params.slice(base + 32, 31)),
            ("shift", params.slice(base + 64, 5)),
        ]);
    }
    if shape.sum_bits == WIDE_SUM {
        inputs.push(("left", params.bit(base + 71)));
    }
    if shape.either && shape.cycles == 1 {
        inputs.push(("once", params.bit(base + 70)));
    }
    inputs
}

/// Valid, count and tag of the beats that come out; in `control` they are as the sums go into the lanes.
fn tell(m: &mut Module, shape: &Shape, control: &Expr, load: Option<Load>) {
    let (cycles, count_bits) = (shape.cycles, bits_for(shape.lanes));
    let told = timing::requant_lane(shape.sum_bits, cycles) - u32::from(shape.early);
    // the count stands at `first` among the fields, the tag behind it
    let (valid, last, fields, first) = match load {
        None => {
            let control = m.delay("control_lane", control, 1 + told);
            (control.bit(0), control.bit(1), control, 2)
        }
        Some(Load { load, .. }) => {
            let [active, fields] =
                [(0, 1), (1, control.width() - 1)].map(|(low, width)| control.slice(low, width));
            let with_load = m.reg("fields", fields.width());
            m.clocked(|s| s.when(&active, |s| s.set(&with_load, &fields)));
            let at = pulses(m, &load, told);
            let fields = held(m, "fields", &with_load, &at, cycles, cycles - 2, told);
            let valid = at[told as usize].clone();
            (valid.clone(), &fields.bit(0) & &valid, fields, 1)
        }
    };
    m.output("m_valid", &valid);
    m.output("m_count", &fields.slice(first, count_bits));
    let told = fields.slice(first + count_bits, shape.tag);
    m.output("m_tag", &(&last.repeat(shape.tag) & &told));
}
