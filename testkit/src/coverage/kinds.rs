// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kinds: a row is a name, and what has it.

use sepstream_compiler::compile;
use sepstream_hdl::Technology;
use sepstream_sim::model;
use sepstream_spec::config::{Config, Field as Setting, Multiplier, WIDE_SUM};
use sepstream_spec::graph::{Graph, Op, Pads, Tensor, Window};
use sepstream_spec::isa::{Command, Field, RowsWait};
use sepstream_spec::regs::Memory;
use sepstream_spec::timing::{far, spread};
use sepstream_spec::width::{bits, depthwise_sum_bits, pointwise_sum_bits};

use crate::accelerated::Accelerated;
use crate::network::{Engine, Limit, channel_axis};

/// A network on a design.
pub struct Seen<'a> {
    /// The design.
    pub config: &'a Config,
    /// The network.
    pub graph: &'a Graph,
    /// What it goes to the limit of.
    pub limit: Option<Limit>,
    commands: Vec<Command>,
    /// Layers on the depthwise engine.
    windows: Vec<usize>,
    fused: bool,
    alone: bool,
}

impl<'a> Seen<'a> {
    /// The network that was compiled.
    pub fn new(accelerated: &Accelerated<'a>, config: &'a Config, limit: Option<Limit>) -> Self {
        let compiled = &accelerated.compiled;
        let runs = 0..compiled.runs.len();
        Seen {
            config,
            graph: accelerated.runner.graph(),
            limit,
            commands: runs
                .flat_map(|run| model::commands(&compiled.program, run, config))
                .collect(),
            windows: compiled.stages().filter_map(|s| s.window).collect(),
            fused: compiled
                .stages()
                .any(|s| s.window.is_some() && s.dense.is_some()),
            alone: compiled
                .stages()
                .any(|s| s.window.is_none() && s.dense.is_none() && s.function.is_some()),
        }
    }

    fn grouped(&self) -> bool {
        self.graph.layers.iter().any(|layer| {
            let channels = |n| self.graph.input(layer, n).map(Tensor::channels);
            matches!(layer.op, Op::Conv2d(_)) && channels(1) < channels(0)
        })
    }
    fn op(&self, is: impl Fn(&Op) -> bool) -> bool {
        self.graph.layers.iter().any(|layer| is(&layer.op))
    }
    fn windowed(&self, is: impl Fn(&Op) -> bool) -> bool {
        self.windows.iter().any(|n| is(&self.graph.layers[*n].op))
    }
    fn window(&self, is: impl Fn(&Window) -> bool) -> bool {
        self.op(|op| match op {
            Op::Conv2d(c) => is(&c.window),
            Op::DepthwiseConv2d(d) => is(&d.window),
            Op::AveragePool2d(p) | Op::MaxPool2d(p) => is(&p.window),
            _ => false,
        })
    }
    fn field(&self, field: Field) -> bool {
        self.commands.iter().any(|command| command.get(field) > 0)
    }
    /// Some rows are read as the command before writes them.
    fn waits_for_rows(&self) -> bool {
        let waits = |c: &Command| c.get(Field::RowsWait) == RowsWait::Row as u32;
        self.commands.iter().any(waits)
    }
    fn map(&self, is: impl Fn([usize; 4]) -> bool) -> bool {
        let maps = self.graph.tensors.iter().filter(|t| t.data.is_none());
        maps.filter_map(|t| t.nhwc()).any(is)
    }
    /// A weight of -128 that an engine multiplies.
    fn least_weight(&self) -> bool {
        let weights =
            |t: &sepstream_spec::graph::Tensor| t.as_i8().is_some_and(|w| w.contains(&-128));
        self.graph.tensors.iter().any(weights)
    }
    /// The compiler refuses the network where lanes always round twice.
    fn needs_one_rounding(&self) -> bool {
        let field = Setting::find("pointwise.rounding").expect("a field");
        compile(self.graph, &self.config.with(field, 0)).is_err()
    }
    /// The sums of the single layer of such a network take all bits of an engine's accumulator.
    fn fills(&self, engine: Engine) -> bool {
        let all = match engine {
            Engine::Array => pointwise_sum_bits(self.config),
            Engine::Window => depthwise_sum_bits(self.config),
        };
        // the array takes windows over a single channel
        let single = self.map(|[.., channels]| channels == 1);
        let limits = [Engine::Array, Engine::Window].map(|e| Some(Limit::Accumulator(e)));
        let own = match engine {
            Engine::Array => self.limit == limits[0] || self.limit == limits[1] && single,
            Engine::Window => self.limit == limits[1] && !single,
        };
        own && self.sum_bits() >= all
    }
    /// Bits of the largest sum of products that the first layer's inputs make.
    fn sum_bits(&self) -> u32 {
        let layer = &self.graph.layers[0];
        let weights = self.graph.input(layer, 1).expect("a layer with weights");
        let (values, axis) = (weights.as_i8().expect("int8"), channel_axis(&layer.op));
        let channels = weights.shape[axis];
        let own = values.len() / channels;
        let most = (0..channels).map(|c| {
            let of_channel = (0..own).map(|n| match axis {
                0 => values[c * own + n],
                _ => values[n * channels + c],
            });
            let least: i64 = of_channel
                .map(|w| i64::from(w) * if w > 0 { -128 } else { 127 })
                .sum();
            least.unsigned_abs() as u32 - 1
        });
        // and the sign
        bits(most.max().unwrap_or(0)) + 1
    }
}

type OfDesign = (&'static str, fn(&Config, Technology) -> bool);
type OfNetwork = (&'static str, fn(&Seen) -> bool);

fn slow(cycles: u32) -> bool {
    cycles > 1
}
fn narrow(bits: u32, cycles: u32) -> bool {
    bits < WIDE_SUM && cycles == 1
}
/// Some in LUTs, others as the kind is.
fn beside(config: &Config, kind: Multiplier) -> bool {
    config.values().pw_lut_channels > 0 && config.pw_multiplier() == kind
}
fn units(config: &Config) -> [bool; 3] {
    let v = config.values();
    [v.residual > 0, config.expands(), v.tp > 1]
}

/// Of a design.
pub const DESIGN: &[OfDesign] = &[
    ("array of multiplier blocks", |c, _| {
        c.pw_multiplier() == Multiplier::Plain
    }),
    ("array in LUTs", |c, _| c.pw_multiplier() == Multiplier::Lut),
    ("array of packed multipliers", |c, _| {
        c.pw_multiplier() == Multiplier::Packed
    }),
    ("array with LUTs beside blocks", |c, _| {
        beside(c, Multiplier::Plain)
    }),
    ("array with LUTs beside packed", |c, _| {
        beside(c, Multiplier::Packed)
    }),
    ("array of blocks that add", |c, _| c.adds_in_blocks()),
    ("depthwise multiplier blocks", |c, _| {
        c.dw_multiplier() == Multiplier::Plain
    }),
    ("depthwise multipliers in LUTs", |c, _| {
        c.dw_multiplier() == Multiplier::Lut
    }),
    ("depthwise LUTs beside blocks", |c, _| {
        c.values().dw_lut_lanes > 0 && c.dw_multiplier() == Multiplier::Plain
    }),
    ("array, wide requantiser", |c, _| {
        c.values().pw_sum_bits == WIDE_SUM
    }),
    ("array, narrow requantiser", |c, _| {
        narrow(c.values().pw_sum_bits, c.values().pw_requant_cycles)
    }),
    ("array, requantiser of one block", |c, _| {
        c.values().pw_requant_cycles == 4
    }),
    ("array, serial requantiser", |c, _| {
        c.values().pw_requant_cycles == 8
    }),
    ("depthwise, wide requantiser", |c, _| {
        c.values().dw_sum_bits == WIDE_SUM
    }),
    ("depthwise, narrow requantiser", |c, _| {
        narrow(c.values().dw_sum_bits, c.values().dw_requant_cycles)
    }),
    ("depthwise, requantiser of one block", |c, _| {
        c.values().dw_requant_cycles == 4
    }),
    ("depthwise, serial requantiser", |c, _| {
        c.values().dw_requant_cycles == 8
    }),
    (
        "slow requantiser of the array beside a quick one",
        |c, _| slow(c.values().pw_requant_cycles) && !slow(c.values().dw_requant_cycles),
    ),
    (
        "quick requantiser of the array beside a slow one",
        |c, _| !slow(c.values().pw_requant_cycles) && slow(c.values().dw_requant_cycles),
    ),
    ("both requantisers slow", |c, _| c.saves_cells()),
    ("packed multipliers before a narrow requantiser", |c, _| {
        c.pw_multiplier() == Multiplier::Packed && c.values().pw_sum_bits < WIDE_SUM
    }),
    ("packed multipliers before a slow requantiser", |c, _| {
        c.pw_multiplier() == Multiplier::Packed && slow(c.values().pw_requant_cycles)
    }),
    ("shared requantiser, order by bytes", |c, _| {
        c.shares_requant()
    }),
    ("rounds twice", |c, _| !c.pw_rounds_once()),
    ("rounds once or twice", |c, _| c.pw_rounds_once()),
    ("one pixel at once", |c, _| c.values().tp == 1),
    ("two pixels at once", |c, _| c.values().tp == 2),
    ("more pixels at once", |c, _| c.values().tp > 2),
    ("order by words", |c, _| {
        c.values().tp > 1 && !c.shares_requant()
    }),
    ("1 tap", |c, _| c.values().taps == 1),
    ("3 taps", |c, _| c.values().taps == 3),
    ("9 taps", |c, _| c.values().taps == 9),
    ("gathers row by row", |c, _| !c.merges()),
    ("gathers several rows", |c, _| c.merges()),
    ("fewer requantiser lanes than channels", |c, _| {
        c.pw_beats() > 1
    }),
    ("fewer requantiser lanes than depthwise lanes", |c, _| {
        c.dw_beats() > 1
    }),
    ("neither residual lanes nor expanding nor order", |c, _| {
        units(c) == [false, false, false]
    }),
    ("order", |c, _| units(c) == [false, false, true]),
    ("expanding", |c, _| units(c) == [false, true, false]),
    ("expanding, order", |c, _| units(c) == [false, true, true]),
    ("residual lanes", |c, _| units(c) == [true, false, false]),
    ("residual lanes, order", |c, _| {
        units(c) == [true, false, true]
    }),
    ("residual lanes, expanding", |c, _| {
        units(c) == [true, true, false]
    }),
    ("residual lanes, expanding, order", |c, _| {
        units(c) == [true, true, true]
    }),
    ("spread array", |c, _| spread(c)),
    ("far activations", |c, _| far(c, Memory::Activation)),
    ("far weights", |c, _| far(c, Memory::Weight)),
    ("more than 32 inputs at once", |c, _| c.values().tn > 32),
    ("more than 32 outputs at once", |c, _| c.values().tm > 32),
    ("more than 16 depthwise lanes", |c, _| c.values().lanes > 16),
    ("words of 64 bytes", |c, _| c.word_bytes() == 64),
    ("slices maps", |c, _| c.slices()),
    ("sums of windows only", |c, _| !c.takes_maxima()),
    ("maxima of windows", |c, _| c.takes_maxima()),
    ("no tables", |c, _| c.values().pw_tables == 0),
    ("tables behind the array", |c, _| {
        c.values().pw_tables > 0 && c.values().dw_tables == 0
    }),
    ("tables behind both engines", |c, _| {
        c.values().dw_tables > 0
    }),
    ("one command after the other", |c, _| !c.runs_ahead()),
    ("runs ahead", |c, _| c.runs_ahead()),
    ("runs ahead, expanding", |c, _| {
        c.runs_ahead() && c.expands()
    }),
    ("runs ahead, order", |c, _| {
        c.runs_ahead() && c.values().tp > 1
    }),
    ("runs ahead, residual lanes", |c, _| {
        c.runs_ahead() && c.values().residual > 0
    }),
    ("runs ahead, spread array", |c, _| {
        c.runs_ahead() && spread(c)
    }),
    ("runs ahead, far activations", |c, _| {
        c.runs_ahead() && far(c, Memory::Activation)
    }),
    ("runs ahead, tables", |c, _| {
        c.runs_ahead() && c.values().pw_tables > 0
    }),
    ("pixels that share the lanes", |c, _| c.pair_bytes() > 0),
    ("generic bodies", |_, t| t == Technology::Generic),
    ("ECP5 bodies", |_, t| t == Technology::Ecp5),
    ("iCE40 UltraPlus bodies", |_, t| t == Technology::Ice40Up),
];

/// Of a network.
pub const NETWORK: &[OfNetwork] = &[
    ("CONV_2D of a pixel", |s| {
        s.op(|op| matches!(op, Op::Conv2d(c) if c.window.kernel == (1, 1)))
    }),
    ("CONV_2D of a window", |s| {
        s.op(|op| matches!(op, Op::Conv2d(c) if c.window.kernel != (1, 1)))
    }),
    ("CONV_2D of groups", |s| s.grouped()),
    ("DEPTHWISE_CONV_2D", |s| {
        s.op(|op| matches!(op, Op::DepthwiseConv2d(d) if d.depth_multiplier == 1))
    }),
    ("DEPTHWISE_CONV_2D with more outputs", |s| {
        s.op(|op| matches!(op, Op::DepthwiseConv2d(d) if d.depth_multiplier > 1))
    }),
    ("FULLY_CONNECTED", |s| {
        s.op(|op| matches!(op, Op::FullyConnected(_)))
    }),
    ("AVERAGE_POOL_2D", |s| {
        s.op(|op| matches!(op, Op::AveragePool2d(_)))
    }),
    ("MAX_POOL_2D between layers", |s| {
        s.field(Field::DwMax) && s.op(|op| matches!(op, Op::MaxPool2d(_)))
    }),
    ("REDUCE_MAX between layers", |s| {
        s.field(Field::DwMax) && s.op(|op| matches!(op, Op::ReduceMax(_)))
    }),
    ("MEAN", |s| s.op(|op| matches!(op, Op::Mean(_)))),
    ("ADD", |s| s.op(|op| matches!(op, Op::Add(_)))),
    ("PAD", |s| s.op(|op| matches!(op, Op::Pad(_)))),
    ("PAD by a command", |s| {
        s.windowed(|op| matches!(op, Op::Pad(_)))
    }),
    ("MUL by a constant for each channel", |s| {
        s.windowed(|op| matches!(op, Op::Mul(_)))
    }),
    ("ADD or SUB of a constant for each channel", |s| {
        s.windowed(|op| matches!(op, Op::Add(_) | Op::Sub(_)))
    }),
    ("several inputs", |s| s.graph.inputs.len() > 1),
    ("several outputs", |s| s.graph.outputs.len() > 1),
    ("kernel of 3x3", |s| s.window(|w| w.kernel == (3, 3))),
    ("kernel of more than 7", |s| {
        s.window(|w| w.kernel.0.max(w.kernel.1) > 7)
    }),
    ("stride", |s| s.window(|w| w.stride != (1, 1))),
    ("horizontal stride of more than 4", |s| {
        s.window(|w| w.stride.1 > 4)
    }),
    ("dilation", |s| s.window(|w| w.dilation != (1, 1))),
    ("padding", |s| s.window(|w| w.pads != Pads::default())),
    ("more than 128 channels", |s| {
        s.map(|[.., channels]| channels > 128)
    }),
    ("tall map", |s| {
        s.map(|[_, rows, cols, _]| rows > 20 && rows > 4 * cols)
    }),
    ("wide map", |s| {
        s.map(|[_, rows, cols, _]| cols > 20 && cols > 4 * rows)
    }),
    ("window and array in one command", |s| s.fused),
    ("command that expands", |s| s.field(Field::ExpandRows)),
    ("command that adds", |s| s.field(Field::Residual)),
    ("command of several kernel rows at once", |s| {
        let merges = |c: &Command| c.get(Field::MergeBytes) > 0 && c.get(Field::KernelRows) > 1;
        s.commands.iter().any(merges)
    }),
    ("command of pairs of pixels", |s| s.field(Field::Pairs)),
    ("command of a slice", |s| s.field(Field::RowSkip)),
    ("command with idle cycles behind a batch", |s| {
        s.field(Field::PixelIdle)
    }),
    ("command with a function of its outputs", |s| {
        s.field(Field::Table)
    }),
    ("command with a function of its depthwise outputs", |s| {
        s.field(Field::DwTable)
    }),
    ("command with a function of its expanded map", |s| {
        s.field(Field::ExpandTable)
    }),
    ("command that is a function alone", |s| s.alone),
    ("rows that begin early", |s| s.field(Field::RowsEarly)),
    ("rows that wait for rows", |s| s.waits_for_rows()),
    ("rows that take turns", |s| s.field(Field::RowsTurns)),
    ("weight of -128", |s| s.least_weight()),
    ("needs one rounding", |s| s.needs_one_rounding()),
    ("all bits of the array's sums", |s| s.fills(Engine::Array)),
    ("all bits of the depthwise sums", |s| {
        s.fills(Engine::Window)
    }),
    ("sums at the end of the array's requantiser", |s| {
        s.limit == Some(Limit::SumBits(Engine::Array))
    }),
    ("sums at the end of the depthwise requantiser", |s| {
        s.limit == Some(Limit::SumBits(Engine::Window))
    }),
    ("sums at steps of the output", |s| {
        s.limit == Some(Limit::Rounding)
    }),
    ("full order memory", |s| s.limit == Some(Limit::Order)),
];
