// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report of a run, for `simulate` and `demo`.

use sepstream_runtime::compare::{Comparison, Difference};
use sepstream_runtime::engine::{Cycles, LayerFigures, LiveFigures, SegmentFigures};
use serde::Serialize;

use super::segments::Segments;
use crate::cli::EngineKind;
use crate::report::{
    Column, Follows, LeftOut, count, or_dash, percent, short_name, table, thousands, utilisation,
};

/// Figures of one run; what an engine does not have is null.
#[derive(Default, Serialize)]
pub struct Report {
    /// Name of the network.
    pub model: String,
    /// Whose arithmetic it follows.
    #[serde(flatten)]
    pub follows: Follows,
    /// What executed it.
    pub engine: EngineKind,
    /// File of the configuration.
    pub config: Option<String>,
    /// Frames that were run.
    pub frames: usize,
    /// Seed of the input, if it was noise.
    pub noise_seed: Option<u64>,
    /// Share of the cycles in which the host streams were stalled at random, in per cent.
    pub stall_percent: Option<u32>,
    /// Seed of these stalls.
    pub stall_seed: Option<u64>,
    /// Where the wanted results come from.
    pub checked_against: Option<Against>,
    /// Elements compared with wanted results, over all frames.
    pub compared: Option<u64>,
    /// Elements that differ.
    pub mismatches: Option<u64>,
    /// The first of them.
    pub first_difference: Option<Difference>,
    /// Cycles of one frame: from start, its input in the activation memory, to the last output byte written.
    pub cycles: Option<u64>,
    /// Cycles of loading the input and reading the output over the stream ports.
    pub io_cycles: Option<u64>,
    /// Cycles between frames in steady state, the next input loaded under this frame.
    pub interval: Option<u64>,
    /// Multiply-accumulates of one frame, as the file has them.
    pub macs: u64,
    /// How the network is cut.
    #[serde(flatten)]
    pub segments: Segments,
    /// Those that are left without dead channels.
    pub live_macs: Option<u64>,
    /// 8x8 products per cycle of the accelerator.
    pub multipliers: Option<u32>,
    /// macs / (cycles x multipliers).
    pub utilisation: Option<f64>,
    /// live_macs / (cycles x multipliers).
    pub live_utilisation: Option<f64>,
    /// Channels that layers write.
    pub channels: Option<usize>,
    /// Those of them that are dead and left out.
    pub dead_channels: Option<usize>,
    /// Form of the kernels that computed the bytes, of the model.
    pub kernels: Option<String>,
    /// Wall clock of the simulation, without the extra frames that an engine runs to measure the interval.
    pub seconds_per_frame: f64,
    /// Layers in the order of execution.
    pub layers: Vec<LayerReport>,
}

/// Where wanted results come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Against {
    /// The file given.
    File,
    /// The software reference, run on the same frames.
    Reference,
}

/// Figures of one layer.
#[derive(Serialize)]
pub struct LayerReport {
    /// Index of its first operator in the model file.
    pub index: usize,
    /// Operators in it.
    pub operators: String,
    /// Tensor that it writes.
    pub name: String,
    /// Cycles.
    pub cycles: Option<u64>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// macs / (cycles x multipliers).
    pub utilisation: Option<f64>,
    /// What it waits for most of the time.
    pub waits_for: Option<String>,
}

impl Report {
    /// Takes in what is left without dead channels; needs cycles to be set.
    pub fn set_live(&mut self, live: Option<LiveFigures>) {
        self.live_macs = live.map(|live| live.macs);
        self.channels = live.map(|live| live.channels);
        self.dead_channels = live.map(|live| live.dead_channels);
        let macs = self.live_macs;
        self.live_utilisation = macs.and_then(|n| utilisation(n, self.cycles, self.multipliers));
    }

    /// Takes in how the network is cut.
    pub fn set_segments(&mut self, segments: &[SegmentFigures]) {
        self.segments = segments.into();
    }

    /// What is left out, in a sentence.
    fn left_out(&self) -> Option<String> {
        let left_out = LeftOut {
            channels: self.channels?,
            dead_channels: self.dead_channels?,
            macs: self.macs,
            live_macs: self.live_macs?,
            utilisation: self.utilisation,
        };
        left_out.line()
    }

    /// Takes in cycles; needs [`Report::multipliers`] to be set.
    pub fn set_layers(&mut self, layers: Vec<LayerFigures>, cycles: Option<&Cycles>) {
        self.cycles = cycles.map(|cycles| cycles.total);
        self.io_cycles = cycles.and_then(|cycles| cycles.io);
        self.interval = cycles.and_then(|cycles| cycles.interval);
        self.utilisation = utilisation(self.macs, self.cycles, self.multipliers);
        let report = |(i, layer): (usize, LayerFigures)| {
            let cycles = cycles.and_then(|cycles| *cycles.layers.get(i)?);
            LayerReport {
                index: layer.index,
                operators: layer.operators,
                name: layer.name,
                cycles,
                macs: layer.macs,
                utilisation: utilisation(layer.macs, cycles, self.multipliers),
                waits_for: layer.waits_for.map(|cause| cause.to_string()),
            }
        };
        self.layers = layers.into_iter().enumerate().map(report).collect();
    }

    /// Takes in the comparison with wanted results.
    pub fn set_comparison(&mut self, against: Against, comparison: Comparison) {
        self.checked_against = Some(against);
        self.compared = Some(comparison.elements);
        self.mismatches = Some(comparison.mismatches);
        self.first_difference = comparison.first_difference;
    }

    /// The report for people.
    pub fn text(&self) -> String {
        use Column::{Number, Text};
        let rows = self.layers.iter().map(|layer| {
            vec![
                layer.index.to_string(),
                layer.operators.clone(),
                or_dash(layer.cycles.map(thousands)),
                thousands(layer.macs),
                or_dash(layer.utilisation.map(percent)),
                layer.waits_for.clone().unwrap_or_default(),
                short_name(&layer.name),
            ]
        });
        let total = vec![
            String::new(),
            "total".into(),
            or_dash(self.cycles.map(thousands)),
            thousands(self.live_macs.unwrap_or(self.macs)),
            or_dash(self.live_utilisation.or(self.utilisation).map(percent)),
            String::new(),
            String::new(),
        ];
        let columns = [
            Number("#"),
            Text("operators"),
            Number("cycles"),
            Number("MACs"),
            Number("utilisation"),
            Text("waits for"),
            Text("writes"),
        ];
        let mut text = table(&columns, rows.chain([total]));
        text += &format!(
            "\n\n{}: {} on {}",
            self.model,
            count(self.frames, "frame"),
            self.engine
        );
        for (what, number) in [
            ("io cycles", self.io_cycles),
            ("cycles between frames", self.interval),
        ] {
            if let Some(number) = number {
                text += &format!(", {} {what}", thousands(number));
            }
        }
        if let Some(multipliers) = self.multipliers {
            text += &format!(", {multipliers} multipliers");
        }
        text += &format!(
            ", {:.1} ms per frame here\n",
            self.seconds_per_frame * 1000.0
        );
        for part in [self.left_out(), self.segments.text(self.macs)] {
            text += &part.map_or(String::new(), |part| format!("{part}\n"));
        }
        if let Some(seed) = self.noise_seed {
            text += &format!("input: noise, --seed {seed}\n");
        }
        if let (Some(percent), Some(seed)) = (self.stall_percent, self.stall_seed) {
            text += &format!("host streams stalled in {percent} % of the cycles, --seed {seed}\n");
        }
        text += &match (self.compared, self.mismatches, &self.first_difference) {
            (Some(compared), Some(mismatches), Some(first)) => {
                let (mismatches, compared) = (thousands(mismatches), thousands(compared));
                format!("DIFFERENT: {mismatches} of {compared} elements; first: {first}")
            }
            (Some(compared), ..) => {
                let source = match self.checked_against {
                    Some(Against::Reference) => "those of the reference",
                    _ => "those of the file",
                };
                format!("equal: all {} elements are {source}", thousands(compared))
            }
            _ => "not checked".into(),
        };
        text
    }
}
