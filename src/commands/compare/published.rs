// SPDX-License-Identifier: MIT OR Apache-2.0
//! Figures that others published for microcontrollers: `bench/published.yaml`.

use std::collections::BTreeMap;

use sepstream_spec::graph::Graph;
use serde::Deserialize;

use super::report::{How, Row};
use crate::error::Error;

const TEXT: &str = include_str!("../../../bench/published.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    networks: BTreeMap<String, Network>,
    sources: BTreeMap<String, String>,
    devices: Vec<Device>,
}

/// What tells a network: its input, and its multiply-accumulates.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    input: Vec<usize>,
    macs: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Device {
    name: String,
    kernels: String,
    clock_mhz: f64,
    source: String,
    /// Frames per second of each network.
    frames_per_second: BTreeMap<String, f64>,
}

/// A row for each device with a figure for this network.
pub fn rows(graph: &Graph) -> Result<Vec<Row>, Error> {
    let published: Published = serde_yaml::from_str(TEXT)
        .map_err(|error| Error::Input(format!("bench/published.yaml: {error}")))?;
    let Some((name, _)) = published
        .networks
        .iter()
        .find(|(_, network)| network.is(graph))
    else {
        let why = "no figures of this network are known; there are those of MLPerf Tiny";
        return Ok(vec![Row::missing("microcontrollers", How::Published, why)]);
    };
    let rows = published.devices.iter().filter_map(|device| {
        let rate = device.frames_per_second.get(name)?;
        let source = published.sources.get(&device.source)?;
        Some(Row {
            cycles: Some((device.clock_mhz * 1e6 / rate).round() as u64),
            clock_mhz: Some(device.clock_mhz),
            milliseconds: Some(1e3 / rate),
            note: format!("{rate} frames/s at {} MHz: {source}", device.clock_mhz),
            ..Row::new(
                format!("{}, {}", device.name, device.kernels),
                How::Published,
            )
        })
    });
    Ok(rows.collect())
}

impl Network {
    fn is(&self, graph: &Graph) -> bool {
        let input = graph.inputs.first().map(|id| &graph[*id].shape);
        input == Some(&self.input) && graph.total_macs() == self.macs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_of_a_network_and_has_a_source() {
        let published: Published = serde_yaml::from_str(TEXT).unwrap();
        for device in &published.devices {
            assert!(
                published.sources.contains_key(&device.source),
                "{}",
                device.name
            );
            for network in device.frames_per_second.keys() {
                assert!(
                    published.networks.contains_key(network),
                    "{}: {network}",
                    device.name
                );
            }
        }
    }
}
