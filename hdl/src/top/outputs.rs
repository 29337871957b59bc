// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the sums of the pointwise array to the activation memory.

use super::beats::{Beats, Expanded};
use super::commands::Commands;
use super::tables::Tables;
use super::{Loops, of_pixel};
use crate::packer;
use crate::post::{byte_writer, requant, residual, shared_requant};
use crate::rtl::{Expr, Instance, Module, lit, pack};
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Field, Part, address_bits};
use sepstream_spec::timing;
use sepstream_spec::width::pointwise_sum_bits;

/// What the units behind the array are joined to; they drive its `hold`, `writer_valid` and `done`.
pub(super) struct Outputs<'a> {
    pub(super) config: &'a Config,
    pub(super) commands: &'a Commands,
    pub(super) loops: &'a Loops,
    /// One for each pixel of a batch, in step.
    pub(super) arrays: &'a [Instance],
    pub(super) pw_param: &'a Expr,
    pub(super) tables: Option<&'a Tables>,
}

/// What they write and read.
pub(super) struct Joined {
    /// Address of the parameters.
    pub(super) p_addr: Expr,
    /// Bytes of a word that are written, if not all.
    pub(super) bytes: Option<Expr>,
    pub(super) addr: Expr,
    pub(super) data: Expr,
    /// Read of the residual map: valid, address.
    pub(super) residual_read: Option<(Expr, Expr)>,
}

impl Outputs<'_> {
    /// Joins them.
    pub(super) fn join(&self, m: &mut Module) -> Joined {
        match self.config.shares_requant() {
            true => self.by_bytes(m),
            false => self.by_words(m),
        }
    }

    fn start(&self) -> Expr {
        self.commands.start(Part::Outputs)
    }

    fn field(&self, field: Field) -> Expr {
        self.commands.field(Part::Outputs, field)
    }

    /// One requantiser for all pixels of a batch, whose outputs go to their places one by one.
    fn by_bytes(&self, m: &mut Module) -> Joined {
        let Outputs { config, arrays, .. } = *self;
        let sums: Vec<Expr> = arrays.iter().map(|array| array.out("m_sum")).collect();
        // ends of command and batch
        let tag = arrays[0].out("m_tag");
        let [zero, low, high] =
            [Field::OutZero, Field::OutLow, Field::OutHigh].map(|f| self.field(f));
        let out = m.instance(
            "pointwise_requant",
            &shared_requant::shared_requant(config),
            &[
                ("s_sum", pack(&sums)),
                ("s_valid", arrays[0].out("m_valid")),
                ("s_last", tag.bit(1)),
                ("s_end", tag.bit(0)),
                ("param_base", self.field(Field::ParamBase)),
                ("start", self.start()),
                ("zero", zero),
                ("low", low),
                ("high", high),
                ("p_data", self.pw_param.clone()),
            ],
        );
        m.drive(&self.loops.hold, &lit(0, 1));
        let data = out.out("m_data");
        let along = ["m_valid", "m_last", "m_end"].map(|port| out.out(port));
        let (data, [valid, last, end]) = match self.tables {
            None => (data, along),
            Some(tables) => {
                let number = self.field(Field::Table);
                tables.look_up(m, "pointwise_table", &number, &data, along.each_ref())
            }
        };
        m.note("Writer: rows of whole words, one after the other from out_base.");
        let unit = byte_writer::byte_writer(config);
        let inputs = [("s_valid", valid), ("s_last", last), ("s_end", end)];
        let inputs = self.commands.with_fields(Part::Outputs, &unit, &inputs);
        let writer = m.instance("byte_writer", &unit, &inputs);
        let bytes = writer.out("m_we");
        m.drive(&self.loops.writer_valid, &bytes.any());
        let done = m.pipe("done_q", &writer.out("m_done"));
        m.drive(&self.loops.done, &done);
        Joined {
            p_addr: out.out("p_addr"),
            bytes: Some(bytes),
            addr: writer.out("m_addr"),
            data: data.repeat(config.word_bytes()),
            residual_read: None,
        }
    }

    /// Requantisers for each pixel of a batch, whose outputs are put in order and written by words.
    fn by_words(&self, m: &mut Module) -> Joined {
        let config = self.config;
        let outs = self.requantised(m);
        m.note("Expanded rows go to the line buffer, everything else on to the activation memory.");
        let (beats, of_expand) = self.outputs(m, &outs);
        let mut own = beats.clone();
        if let (Some(expanded), Some(of_expand)) = (&self.loops.expanded, of_expand) {
            own.valid = m.wire("own_valid", &(&beats.valid & &!&of_expand));
            let made = Beats {
                valid: &beats.valid & &of_expand,
                ..beats
            };
            self.to_line_buffer(m, expanded, &made);
        }
        let [cols, bytes] = [Field::OutCols, Field::OutBytes].map(|f| self.field(f));
        let adds = self.field(Field::Residual);
        let pieces = (config.values().residual > 0).then_some(&adds);
        let own = own.ordered(m, config, "order", &self.start(), &cols, &bytes, pieces);
        let (own, residual_read) = self.added(m, own, &adds);
        let (addr, data) = self.written(m, &own);
        Joined {
            p_addr: outs[0].out("p_addr"),
            bytes: None,
            addr,
            data,
            residual_read,
        }
    }

    /// The requantisers.
    fn requantised(&self, m: &mut Module) -> Vec<Instance> {
        let Outputs { config, arrays, .. } = *self;
        let v = config.values();
        // whoever puts pixels in order counts their rows
        let rows = u32::from(v.tp == 1);
        let tag = arrays[0].out("m_tag");
        let pw_requant = requant::requant("pointwise_requant", shape(config));
        let mut fields = [
            ("param_base", Field::ParamBase, Field::ExpandParamBase),
            ("pixel_bytes", Field::OutBytes, Field::ExpandOutBytes),
            ("zero", Field::OutZero, Field::ExpandZero),
            ("low", Field::OutLow, Field::ExpandLow),
            ("high", Field::OutHigh, Field::ExpandHigh),
        ]
        .map(|(port, own, other)| (port, self.field(own), other));
        let contexts = self.loops.expanded.as_ref().map(|_| {
            let contexts = ["context_beat", "context_out"].map(|name| m.forward(name, 1));
            for (n, (_, value, other)) in fields.iter_mut().enumerate() {
                let other = self.commands.field(Part::Rows, *other);
                *value = contexts[usize::from(n > 1)].mux(&other, value);
            }
            contexts
        });
        // groups of an expanding layer may be on their way when a command's outputs begin; none needs a counter forgotten
        let start = match (config.runs_ahead(), &contexts) {
            (true, Some(_)) => lit(0, 1),
            _ => self.start(),
        };
        let mut inputs = vec![
            ("s_valid", arrays[0].out("m_valid")),
            ("s_last", tag.bit(rows + 1)),
            // ends of row and command; to put pixels in order, ends of command and pixel
            ("s_tag", tag.low(2)),
            ("start", start),
            ("p_data", self.pw_param.clone()),
        ];
        inputs.extend(fields.map(|(port, value, _)| (port, value)));
        if contexts.is_some() {
            inputs.push(("s_context", tag.bit(rows + 2)));
        }
        let outs: Vec<Instance> = (0..v.tp)
            .map(|p| {
                let mut inputs = inputs.clone();
                inputs.push(("s_sum", arrays[p as usize].out("m_sum")));
                m.instance(
                    &of_pixel("pointwise_requant", p, v.tp),
                    &pw_requant,
                    &inputs,
                )
            })
            .collect();
        for wire in contexts.iter().flatten() {
            m.drive(wire, &outs[0].out(wire.name()));
        }
        outs
    }

    /// What comes out of the requantisers, through their tables where there are any; whether it is of the expanded map.
    fn outputs(&self, m: &mut Module, outs: &[Instance]) -> (Beats, Option<Expr>) {
        let out = &outs[0];
        let mut data: Vec<Expr> = outs.iter().map(|out| out.out("m_data")).collect();
        let mut along = ["m_count", "m_tag", "m_valid"].map(|port| out.out(port));
        let mut of_expand = self.loops.expanded.as_ref().map(|_| out.out("m_context"));
        if let Some(tables) = self.tables {
            let number = self.field(Field::Table);
            let number = match &of_expand {
                None => number,
                Some(of_expand) => {
                    let of_it = self.commands.field(Part::Rows, Field::ExpandTable);
                    m.wire("pointwise_table_number", &of_expand.mux(&of_it, &number))
                }
            };
            let name = |p| of_pixel("pointwise_table", p, outs.len() as u32);
            // the other pixels' go along with the first one's
            for (p, data) in (1..).zip(&mut data[1..]) {
                (*data, []) = tables.look_up(m, &name(p), &number, data, []);
            }
            let [count, tag, valid] = &along;
            let first = name(0);
            match &of_expand {
                None => {
                    let told = [count, tag, valid];
                    (data[0], along) = tables.look_up(m, &first, &number, &data[0], told);
                }
                Some(told) => {
                    let told = [count, tag, valid, told];
                    let (found, [count, tag, valid, told]) =
                        tables.look_up(m, &first, &number, &data[0], told);
                    (data[0], along) = (found, [count, tag, valid]);
                    of_expand = Some(told);
                }
            }
        }
        let [count, tag, valid] = along;
        let beats = Beats {
            data: pack(&data),
            first: lit(0, self.config.word_bytes().trailing_zeros()),
            count,
            tag,
            valid,
        };
        (beats, of_expand)
    }

    /// Outputs of an expanding layer.
    fn to_line_buffer(&self, m: &mut Module, expanded: &Expanded, made: &Beats) {
        let [cols, bytes] =
            [Field::ExpandCols, Field::ExpandOutBytes].map(|f| self.commands.field(Part::Rows, f));
        let start = self.commands.start(Part::Rows);
        let made = made.ordered(m, self.config, "expand_order", &start, &cols, &bytes, None);
        let packed = made.packed(m, self.config, "line_packer", &made.tag.bit(0), &lit(1, 1));
        for (wire, port) in [
            (&expanded.valid, "m_valid"),
            (&expanded.row_last, "m_tag"),
            (&expanded.data, "m_data"),
        ] {
            m.drive(wire, &packed.out(port));
        }
    }

    /// The outputs with a residual map added, if the command says so, and what that reads.
    fn added(&self, m: &mut Module, own: Beats, adds: &Expr) -> (Beats, Option<(Expr, Expr)>) {
        let config = self.config;
        let v = config.values();
        m.note("Residual map, added to the outputs.");
        let turn = config.runs_ahead().then(|| self.commands.out("turn"));
        if v.residual == 0 {
            m.drive(&self.loops.hold, &lit(0, 1));
            return (own, None);
        }
        let unit = residual::residual(config, 2);
        let lanes = packer::bits_for(v.pw_requant);
        let mut inputs = vec![
            ("s_data", own.data.fit(v.pw_requant * 8)),
            ("s_count", own.count.fit(lanes)),
            ("s_tag", own.tag.clone()),
            ("s_valid", own.valid.clone()),
            ("r_data", self.loops.activation_data.clone()),
        ];
        inputs.extend(turn.as_ref().map(|turn| ("turn", !turn)));
        let inputs = self.commands.with_fields(Part::Outputs, &unit, &inputs);
        let residual = m.instance("residual", &unit, &inputs);
        // without an addition the outputs pass by, a whole word at once if tp pixels make one
        let [data, count, tag, valid] =
            ["m_data", "m_count", "m_tag", "m_valid"].map(|port| residual.out(port));
        let own = Beats {
            data: adds.mux(&data.zext(own.data.width()), &own.data),
            count: adds.mux(&count.zext(own.count.width()), &own.count),
            first: own.first,
            tag,
            valid,
        };
        let hold = match turn {
            None => residual.out("hold"),
            Some(turn) => &self.commands.field(Part::Rows, Field::RowsTurns) & &!&turn,
        };
        m.drive(&self.loops.hold, &hold);
        (own, Some((residual.out("r_valid"), residual.out("r_addr"))))
    }

    /// Address and data of the writer.
    fn written(&self, m: &mut Module, own: &Beats) -> (Expr, Expr) {
        let config = self.config;
        m.note("Writer: rows of whole words, one after the other from out_base.");
        let (row_last, command_last) = (own.tag.bit(0), own.tag.bit(1));
        let packed = own.packed(m, config, "out_packer", &row_last, &command_last);
        let address = address_bits(config.activation_words());
        let out_addr = m.reg("out_addr", address);
        let valid = packed.out("m_valid");
        let start = self.start();
        m.clocked(|s| {
            s.when(&valid, |s| {
                s.set(&out_addr, &(&out_addr + &lit(1, address)))
            });
            s.when(&start, |s| s.set(&out_addr, &self.field(Field::OutBase)));
        });
        m.drive(&self.loops.writer_valid, &valid);
        let done_q = m.pipe("done_q", &packed.out("m_tag"));
        m.drive(&self.loops.done, &done_q);
        if let Some(ahead) = &self.loops.ahead {
            m.note("Rows that are written, their last word in any case.");
            let ends = &own.valid & &row_last;
            let ends = m.delay("row_ends", &ends, timing::ROW_VISIBLE - 1);
            let rows = m.reg("written_rows", ahead.rows_written.width());
            m.clocked(|s| {
                s.when(&ends, |s| s.set(&rows, &(&rows + &lit(1, rows.width()))));
                s.when(&start, |s| s.set(&rows, &lit(0, rows.width())));
            });
            m.drive(&ahead.rows_written, &rows);
        }
        (out_addr, packed.out("m_data"))
    }
}

/// Shape of the array's requantisers.
fn shape(config: &Config) -> requant::Shape {
    let v = config.values();
    requant::Shape {
        channels: v.tm,
        lanes: v.pw_requant,
        acc_bits: pointwise_sum_bits(config),
        sum_bits: v.pw_sum_bits,
        cycles: v.pw_requant_cycles,
        either: config.pw_rounds_once(),
        param_words: config.pw_param_words(),
        byte_bits: Field::OutBytes.used_bits(config),
        tag: 2,
        contexts: config.expands(),
        early: false,
        spread: timing::spread(config),
    }
}
