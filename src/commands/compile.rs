// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sepstream compile`: the program image of a model, and what it costs.

use std::path::Path;

use sepstream_compiler::Options;
use sepstream_compiler::accelerate::MemoryUse;
use sepstream_runtime::engine::{Accelerator, LayerFigures, Row};
use sepstream_spec::graph::Layer;
use serde::Serialize;

use super::segments::Segments;
use crate::cli::Compile;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::report::{
    Column, Follows, LeftOut, json, percent, short_name, table, thousands, utilisation,
};

/// Writes the image and prints the report.
pub fn run(args: &Compile) -> Result<Outcome, Error> {
    let graph = super::load_network(&args.model, &args.follow)?;
    let config = super::load_config(&args.config)?;
    let options = Options::from(args.lower);
    let accelerator = Accelerator::new(&graph, config, &options)?;
    let image = accelerator.compiled.program.to_bytes();
    if let Some(path) = &args.output {
        std::fs::write(path, &image).map_err(|cause| Error::file(path, cause))?;
    }
    // what does not fit with them has no cycles to compare with
    let all = Options {
        keep_dead: true,
        ..options
    };
    let kept = Accelerator::new(&graph, accelerator.config.clone(), &all);
    let kept = kept.ok().map(|kept| kept.model_cycles().total);
    let report = Report::new(&accelerator, &args.config, image.len(), kept);
    println!(
        "{}",
        if args.json {
            json(&report)
        } else {
            report.text()
        }
    );
    Ok(Outcome::Ok)
}

#[derive(Serialize)]
struct Report {
    model: String,
    #[serde(flatten)]
    follows: Follows,
    config: String,
    image_bytes: usize,
    cycles: u64,
    macs: u64,
    live_macs: u64,
    #[serde(flatten)]
    segments: Segments,
    multipliers: u32,
    utilisation: Option<f64>,
    live_utilisation: Option<f64>,
    channels: usize,
    dead_channels: usize,
    /// Cycles with the dead channels; `None` where the network does not fit with them.
    cycles_with_dead: Option<u64>,
    layers: Vec<LayerReport>,
    host_layers: Vec<HostLayer>,
    memories: Vec<MemoryReport>,
    /// What the maps need of the activation memory at least.
    map_bytes: u64,
    /// The same if the expanded maps of inverted residuals were stored.
    unfused_map_bytes: u64,
}

#[derive(Serialize)]
struct LayerReport {
    index: usize,
    operators: String,
    name: String,
    cycles: u64,
    macs: u64,
    utilisation: Option<f64>,
    /// Share of the products in the engines' steps that only fill up channel groups and kernels.
    padding_loss: f64,
    waits_for: Option<String>,
}

#[derive(Serialize)]
struct HostLayer {
    index: usize,
    operator: String,
    /// Rules that it breaks: `simulate` cannot run it, and takes the model only without it.
    missing: Vec<&'static str>,
}

#[derive(Serialize)]
struct MemoryReport {
    memory: &'static str,
    used_bytes: u64,
    bytes: u64,
}

impl Report {
    fn new(
        accelerator: &Accelerator,
        config: &Path,
        image_bytes: usize,
        cycles_with_dead: Option<u64>,
    ) -> Self {
        let multipliers = accelerator.config.multipliers();
        let cycles = accelerator
            .commands
            .iter()
            .map(|command| command.total)
            .sum();
        let macs = accelerator.graph.total_macs();
        let live = accelerator.live();
        let layer = |n: usize, layer: LayerFigures| {
            let (info, cycles) = (&accelerator.compiled.commands[n], &accelerator.commands[n]);
            LayerReport {
                index: layer.index,
                operators: layer.operators,
                name: layer.name,
                cycles: cycles.total,
                macs: layer.macs,
                utilisation: utilisation(layer.macs, Some(cycles.total), Some(multipliers)),
                padding_loss: 1.0 - info.macs as f64 / info.slots.max(1) as f64,
                waits_for: layer.waits_for.map(|cause| cause.to_string()),
            }
        };
        let (mut layers, mut host_layers) = (Vec::new(), Vec::new());
        for (row, figures) in accelerator.rows().into_iter().zip(accelerator.layers()) {
            match row {
                Row::Host(n) => host_layers.push(HostLayer::new(&accelerator.graph.layers[n])),
                Row::Command(n) => layers.push(layer(n, figures)),
            }
        }
        let bytes = |words| u64::from(words) * u64::from(accelerator.config.word_bytes());
        Report {
            model: accelerator.graph.name.clone(),
            follows: accelerator.graph.semantics.into(),
            config: config.display().to_string(),
            image_bytes,
            cycles,
            macs,
            live_macs: live.macs,
            segments: accelerator.segments()[..].into(),
            multipliers,
            utilisation: utilisation(macs, Some(cycles), Some(multipliers)),
            live_utilisation: utilisation(live.macs, Some(cycles), Some(multipliers)),
            channels: live.channels,
            dead_channels: live.dead_channels,
            cycles_with_dead,
            layers,
            host_layers,
            memories: accelerator
                .compiled
                .memories
                .iter()
                .map(MemoryReport::new)
                .collect(),
            map_bytes: bytes(accelerator.compiled.maps.fused),
            unfused_map_bytes: bytes(accelerator.compiled.maps.unfused),
        }
    }

    fn text(&self) -> String {
        use Column::{Number, Text};
        let share = |share: Option<f64>| share.map_or("-".into(), percent);
        let layers = self.layers.iter().map(|layer| {
            vec![
                layer.index.to_string(),
                layer.operators.clone(),
                thousands(layer.cycles),
                thousands(layer.macs),
                share(layer.utilisation),
                percent(layer.padding_loss),
                layer.waits_for.clone().unwrap_or_default(),
                short_name(&layer.name),
            ]
        });
        let (cycles, macs) = (thousands(self.cycles), thousands(self.live_macs));
        let total = [
            "",
            "total",
            &cycles,
            &macs,
            &share(self.live_utilisation),
            "",
            "",
            "",
        ]
        .map(String::from)
        .to_vec();
        let columns = [
            Number("#"),
            Text("operators"),
            Number("cycles"),
            Number("MACs"),
            Number("utilisation"),
            Number("padding loss"),
            Text("waits for"),
            Text("writes"),
        ];
        let memories = table(
            &[
                Text("memory"),
                Number("used bytes"),
                Number("bytes"),
                Number("used"),
            ],
            self.memories.iter().map(MemoryReport::row),
        );
        let host: Vec<_> = self.host_layers.iter().map(HostLayer::text).collect();
        let host = if host.is_empty() {
            String::new()
        } else {
            format!(", on the host: {}", host.join(", "))
        };
        let maps = if self.map_bytes == self.unfused_map_bytes {
            String::new()
        } else {
            format!(
                "\n\nmaps need {} bytes of activation memory, {} if expanded maps were stored",
                thousands(self.map_bytes),
                thousands(self.unfused_map_bytes)
            )
        };
        let segments = self.segments.text(self.macs);
        let segments = segments.map_or(String::new(), |text| format!("\n\n{text}"));
        format!(
            "{}\n\n{memories}{maps}{}{segments}\n\n{} for {}: {} bytes of program, {} multipliers{host}",
            table(&columns, layers.chain([total])),
            self.dead(),
            self.model,
            self.config,
            thousands(self.image_bytes as u64),
            self.multipliers,
        )
    }
}

impl HostLayer {
    fn new(layer: &Layer) -> Self {
        HostLayer {
            index: layer.index,
            operator: layer.kind().to_owned(),
            missing: layer.missing().iter().map(|m| m.rule).collect(),
        }
    }
    fn text(&self) -> String {
        let own = if self.missing.is_empty() {
            ""
        } else {
            " (of your own: `simulate` cannot run it)"
        };
        format!("{} {}{own}", self.index, self.operator)
    }
}

impl Report {
    /// What leaving out dead channels saves; nothing where there are none.
    fn dead(&self) -> String {
        let left_out = LeftOut {
            channels: self.channels,
            dead_channels: self.dead_channels,
            macs: self.macs,
            live_macs: self.live_macs,
            utilisation: self.utilisation,
        };
        let Some(line) = left_out.line() else {
            return String::new();
        };
        let with = match self.cycles_with_dead {
            Some(cycles) => format!("with them it takes {} cycles", thousands(cycles)),
            None => "with them the network does not fit".into(),
        };
        format!("\n\n{line}; {with} (--keep-dead)")
    }
}

impl MemoryReport {
    fn new(memory: &MemoryUse) -> Self {
        let bytes = |words: u32| u64::from(words) * u64::from(memory.shape.bytes);
        MemoryReport {
            memory: memory.memory.name(),
            used_bytes: bytes(memory.used),
            bytes: bytes(memory.shape.words),
        }
    }
    fn row(&self) -> Vec<String> {
        let used = percent(self.used_bytes as f64 / self.bytes.max(1) as f64);
        vec![
            self.memory.into(),
            thousands(self.used_bytes),
            thousands(self.bytes),
            used,
        ]
    }
}
