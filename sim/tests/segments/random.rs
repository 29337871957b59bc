// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random networks with layers of the host in front, in between, in branches and behind.

use std::ops::AddAssign;
use std::sync::Mutex;

use fastrand::Rng;
use sepstream_compiler::accelerate::{Cut, Side};
use sepstream_runtime::engine::Host;
use sepstream_sim::cosim::Rtl;
use sepstream_sim::model::Prepared;
use sepstream_sim::reference::Value;
use sepstream_spec::config::{Config, Values};
use sepstream_spec::graph::{Graph, Op, Reverse};
use sepstream_testkit::configs::{grow, values};
use sepstream_testkit::network::{self, Suit};
use sepstream_testkit::small::{Network, window};
use sepstream_testkit::{Accelerated, Difference, build, host_layers, planted};
use sepstream_testkit::{for_all, seeds, tools_present};

/// Two arrays, one of them odd, with memories for networks as the test draws them.
const SMALL: Values = Values {
    tn: 16,
    tm: 8,
    tp: 1,
    pw_multiplier: 0,
    pw_lut_channels: 0,
    pw_requant: 4,
    pw_sum_bits: 32,
    pw_requant_cycles: 1,
    pw_rounding: 1,
    pw_tables: 0,
    residual: 4,
    lanes: 8,
    taps: 3,
    pairs: 0,
    gather_rows: 3,
    dw_multiplier: 0,
    dw_lut_lanes: 0,
    dw_requant: 3,
    dw_sum_bits: 32,
    dw_requant_cycles: 1,
    dw_max: 1,
    dw_tables: 0,
    activation_kib: 256,
    weight_kib: 256,
    depthwise_kib: 64,
    pointwise_channels: 2048,
    depthwise_channels: 2048,
    line_words: 1024,
    pixel_words: 512,
    expand_words: 64,
    commands: 16,
    map_size: 512,
    commands_ahead: 1,
};
pub const ODD: Values = Values {
    tn: 3,
    tm: 5,
    pw_requant: 5,
    residual: 5,
    lanes: 2,
    dw_requant: 2,
    line_words: 2048,
    pixel_words: 1024,
    ..SMALL
};

/// What the cases had.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Seen {
    /// Networks with more than one run.
    several_runs: u32,
    /// The host has the first segment, or the last.
    host_first: u32,
    host_last: u32,
    /// A tensor that several segments read.
    branches: u32,
    /// A run that reads several tensors.
    several_maps: u32,
}

impl Seen {
    fn of(cut: &Cut) -> Self {
        let host = |segment: Option<&sepstream_compiler::accelerate::Segment>| {
            u32::from(segment.is_some_and(|segment| segment.side == Side::Host))
        };
        let read = |id| cut.segments.iter().filter(|s| s.reads.contains(id)).count();
        let mut crossing = cut.segments.iter().flat_map(|segment| &segment.reads);
        Seen {
            several_runs: u32::from(cut.runs().count() > 1),
            host_first: host(cut.segments.first()),
            host_last: host(cut.segments.last()),
            branches: u32::from(crossing.any(|id| read(id) > 1)),
            several_maps: u32::from(cut.runs().any(|run| run.reads.len() > 1)),
        }
    }
    fn least(&self) -> u32 {
        [
            self.several_runs,
            self.host_first,
            self.host_last,
            self.branches,
            self.several_maps,
        ]
        .into_iter()
        .fold(u32::MAX, u32::min)
    }
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.several_runs += other.several_runs;
        self.host_first += other.host_first;
        self.host_last += other.host_last;
        self.branches += other.branches;
        self.several_maps += other.several_maps;
    }
}

fn draw(suit: &Suit, rng: &mut Rng) -> Graph {
    loop {
        let mut graph = network::network_for(suit, rng);
        // channels that are constant, or that nobody reads
        if rng.bool() {
            planted::plant(&mut graph, rng);
        }
        host_layers::plant(&mut graph, rng);
        // with a layer of the host in front of it, an ADD that was all there was is the host's
        if Cut::of(&graph, false).is_ok() {
            return graph;
        }
    }
}

/// The network's outputs by host and model, segment after segment.
fn outputs(accelerated: &Accelerated, config: &Config, inputs: &[Value]) -> Vec<Vec<u8>> {
    let compiled = &accelerated.compiled;
    let prepared = Prepared::all(&compiled.program, config).unwrap();
    let host = Host::new(accelerated.runner.graph(), &compiled.cut).unwrap();
    let bytes = |value: &Value| value.bytes().to_vec();
    let inputs: Vec<_> = inputs.iter().map(bytes).collect();
    let run =
        |run: usize, maps: &[&[u8]]| Ok(prepared[run].run(maps, &mut prepared[run].workspace())?);
    host.run(&inputs, run).unwrap()
}

/// One network: bytes of every command in the model, the outputs of the whole, then bytes and
/// cycles in Verilator.
fn check(
    accelerated: &Accelerated,
    config: &Config,
    rtl: Option<&mut Rtl>,
    rng: &mut Rng,
) -> Result<(), Difference> {
    let graph = accelerated.runner.graph();
    let mut frames = Vec::new();
    for _ in 0..2 {
        let inputs = network::inputs(graph, rng);
        let frame = accelerated.frame(&inputs);
        accelerated.check_model(&frame)?;
        let wanted = graph.outputs.iter().map(|id| frame.trace.get(*id));
        let wanted = wanted.map(|value| value.unwrap().bytes().to_vec());
        if !wanted.eq(outputs(accelerated, config, &inputs)) {
            return Err("the network's outputs are not the reference's".into());
        }
        frames.push(frame);
    }
    match rtl {
        Some(rtl) => accelerated.check_rtl(rtl, &frames).map(|_| ()),
        None => Ok(()),
    }
}

fn described(found: Difference, graph: &Graph, config: &Config) -> Difference {
    let layers: Vec<_> = graph.layers.iter().map(|layer| layer.kind()).collect();
    format!("{found}\n  {layers:?}\n  {:?}", config.values())
}

#[test]
fn networks_with_host_layers_on_the_model() {
    let seeds = seeds!(100, 200);
    let seen = Mutex::new(Seen::default());
    seeds.for_all(|seed| {
        let mut rng = Rng::with_seed(seed);
        let mut values = values(&mut rng, 16 * 16);
        let suit = Suit::of(&values.clone().check().unwrap());
        let drawn = (0..50).find_map(|_| {
            let graph = draw(&suit, &mut rng);
            grow(&mut values, &graph).map(|()| graph)
        });
        let Some(graph) = drawn else {
            return Vec::new();
        };
        let config = values.check().unwrap();
        let accelerated = Accelerated::new(&graph, &config).unwrap();
        *seen.lock().unwrap() += Seen::of(&accelerated.compiled.cut);
        let found = check(&accelerated, &config, None, &mut rng).err();
        found
            .map(|found| described(found, &graph, &config))
            .into_iter()
            .collect()
    });
    let seen = seen.into_inner().unwrap();
    println!("{seen:?}");
    assert!(seeds.single || seen.least() >= 3, "{seen:?}");
}

#[test]
fn networks_with_host_layers_in_verilator() {
    if !tools_present() {
        return;
    }
    let seeds = seeds!(10, 15);
    let seen = Mutex::new(Seen::default());
    for_all(
        &[SMALL, ODD],
        |values| format!("{}x{}: ", values.tn, values.tm),
        |values| {
            let config = values.clone().check().unwrap();
            let (suit, mut rtl) = (Suit::of(&config), build(&config));
            let mut found = Vec::new();
            for seed in seeds.iter() {
                let mut rng = Rng::with_seed(seed);
                let graph = draw(&suit, &mut rng);
                // some are too large
                let Ok(accelerated) = Accelerated::new(&graph, &config) else {
                    continue;
                };
                *seen.lock().unwrap() += Seen::of(&accelerated.compiled.cut);
                let result = check(&accelerated, &config, Some(&mut rtl), &mut rng);
                found.extend(result.err().map(|difference| {
                    let repeat = seeds.repeat(seed);
                    format!("{repeat}: {}", described(difference, &graph, &config))
                }));
            }
            found
        },
    );
    let seen = seen.into_inner().unwrap();
    println!("{seen:?}");
    assert!(seeds.single || seen.several_runs >= 10, "{seen:?}");
}

/// A map that only gets another shape goes to the host under both of its names.
#[test]
fn renamed_maps_cross() {
    let (mut network, input) = Network::new("renamed", &[1, 4, 4, 6]);
    let map = network.conv(input, window(3, 3), 6);
    let flat = network.mean(map);
    let pooled = network.pool(map, window(2, 2));
    let row = network.layer(Op::Reshape, &[pooled], &[1, 6]);
    let dense = network.fully_connected(row, 5);
    let reverse = |network: &mut Network, map, shape: &[usize]| {
        let axes = vec![shape.len() - 1];
        network.layer(Op::ReverseV2(Reverse { axes }), &[map], shape)
    };
    let turned = reverse(&mut network, row, &[1, 6]);
    let other = reverse(&mut network, pooled, &[1, 1, 1, 6]);
    let last = network.fully_connected(turned, 4);
    network.graph.outputs = vec![flat, dense, other, last, pooled];
    let graph = network.graph;
    let config = ODD.check().unwrap();
    let accelerated = Accelerated::new(&graph, &config).unwrap();
    let mut runs = accelerated.compiled.cut.runs();
    assert!(
        runs.next().unwrap().writes.contains(&row),
        "{:?}",
        accelerated.compiled.cut
    );
    let result = check(&accelerated, &config, None, &mut Rng::with_seed(1));
    assert_eq!(result, Ok(()));
}
