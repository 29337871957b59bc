// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random layers on random accelerators: model against reference in thousands, Verilator against both on some designs.
//!
//! A failure names its seed; `SEPSTREAM_SEED=n` runs that one alone.

#[path = "common/accelerated.rs"]
mod accelerated;
mod common;
#[path = "common/configs.rs"]
mod configs;
#[path = "common/in_place.rs"]
mod in_place;
#[path = "common/planted.rs"]
mod planted;
#[path = "common/random.rs"]
mod random;

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};

use accelerated::{Accelerated, Difference, build, for_all};
use common::tools_present;
use configs::{grow, relax, values, values_of_few_cells};
use fastrand::Rng;
use sepstream_compiler::accelerate::Stage;
use sepstream_sim::model;
use sepstream_spec::config::{Config, Values};
use sepstream_spec::graph::Graph;
use sepstream_spec::isa::{Command, Field};

/// Networks on the model, each in a configuration of its own.
const MODEL_CASES: u64 = 3000;
/// Designs in Verilator.
const DESIGNS: u64 = 14;
/// Networks on each of them.
const NETWORKS: usize = 24;
/// Cycles that a network may take in Verilator.
const MOST_CYCLES: u64 = 30_000;

fn seeds(count: u64) -> Vec<u64> {
    match env::var("SEPSTREAM_SEED") {
        Ok(seed) => vec![seed.parse().expect("SEPSTREAM_SEED is a number")],
        Err(_) => (0..count).collect(),
    }
}

fn describe(graph: &Graph, config: &Config) -> String {
    let layer = |l: &sepstream_spec::graph::Layer| {
        let input = &graph.input(l, 0).unwrap().shape;
        format!("\n    {:?} {input:?} -> {:?}", l.op, graph.output(l).shape)
    };
    let layers: String = graph.layers.iter().map(layer).collect();
    format!("{:?}{layers}", config.values())
}

#[test]
fn model_equals_reference() {
    let [refused, over, sliced] = [(); 3].map(|()| AtomicU64::new(0));
    for_all(&seeds(MODEL_CASES), |&seed| {
        let mut rng = Rng::with_seed(seed);
        let mut graph = random::network(&mut rng);
        let mut values = match seed % 4 {
            3 => values_of_few_cells(&mut rng),
            _ => values(&mut rng, 64 * 64),
        };
        if pools(&values, &mut rng) {
            graph = random::pooled(&mut rng);
        }
        if seed % 3 == 0 {
            planted::plant(&mut graph, &mut rng);
        }
        if grow(&mut values, &graph).is_none() {
            refused.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        }
        let config = relax(&mut values, std::slice::from_ref(&graph), &mut rng);
        let accelerated = Accelerated::new(&graph, &config).unwrap();
        let slices = |stage: &&Stage| stage.slice.is_some();
        let slices = accelerated
            .compiled
            .plan
            .stages
            .iter()
            .filter(slices)
            .count();
        sliced.fetch_add(slices as u64, Ordering::Relaxed);
        let frame = accelerated.frame(&random::inputs(&graph, &mut rng));
        let found = accelerated.check_model(&frame).and_then(|()| {
            over.fetch_add(written_over(&accelerated)?, Ordering::Relaxed);
            Ok(())
        });
        found
            .err()
            .map(|found| format!("seed {seed}: {found}\n  {}", describe(&graph, &config)))
            .into_iter()
            .collect()
    });
    let refused = refused.into_inner();
    assert!(
        refused < MODEL_CASES / 20,
        "{refused} networks do not fit any configuration"
    );
    let over = over.into_inner();
    assert!(
        over >= MODEL_CASES / 10 || env::var("SEPSTREAM_SEED").is_ok(),
        "only {over} commands write over what they read"
    );
    let sliced = sliced.into_inner();
    assert!(
        sliced >= 10 || env::var("SEPSTREAM_SEED").is_ok(),
        "only {sliced} commands take a slice"
    );
}

/// Whether a network is to have a window over a whole map, which a configuration slices.
fn pools(values: &Values, rng: &mut Rng) -> bool {
    let config = values.clone().check();
    config.is_ok_and(|config| config.slices()) && rng.bool()
}

/// Commands of a network that write their map over what they read.
fn written_over(accelerated: &Accelerated) -> Result<u64, Difference> {
    let program = &accelerated.compiled.program;
    let mut over = 0;
    for (index, command) in model::commands(program).iter().enumerate() {
        let checked = in_place::check(command, program.word_bytes);
        over += u64::from(checked.map_err(|found| format!("command {index}: {found}"))?);
    }
    Ok(over)
}

/// Networks that share one configuration, which is just large enough for all of them.
fn family(rng: &mut Rng) -> (Vec<Graph>, Config) {
    let few_cells = rng.u32(..4) == 0;
    let mut values = match few_cells {
        true => values_of_few_cells(rng),
        false => values(rng, 512),
    };
    let mut graphs = Vec::new();
    while graphs.len() < NETWORKS {
        let graph = match pools(&values, rng) {
            true => random::pooled(rng),
            false => random::network(rng),
        };
        let mut grown = values.clone();
        if grow(&mut grown, &graph).is_none() {
            continue;
        }
        let config = grown.clone().check().unwrap();
        if few_cells && !config.shares_requant() {
            continue; // it adds maps
        }
        if Accelerated::new(&graph, &config).unwrap().total_cycles() <= MOST_CYCLES {
            values = grown;
            graphs.push(graph);
        }
    }
    let config = relax(&mut values, &graphs, rng);
    (graphs, config)
}

/// Commands of a network that take several kernel rows per cycle.
fn merged(accelerated: &Accelerated) -> u64 {
    let commands = model::commands(&accelerated.compiled.program);
    let merges = |c: &&Command| c.get(Field::MergeBytes) > 0 && c.get(Field::KernelRows) > 1;
    commands.iter().filter(merges).count() as u64
}

fn check_design(seed: u64, merges: &AtomicU64) -> Vec<Difference> {
    let mut rng = Rng::with_seed(seed);
    let (graphs, config) = family(&mut rng);
    let mut rtl = build(&config);
    let mut found = Vec::new();
    for (n, graph) in graphs.iter().enumerate() {
        let accelerated = Accelerated::new(graph, &config).unwrap();
        merges.fetch_add(merged(&accelerated), Ordering::Relaxed);
        let frames: Vec<_> = (0..3)
            .map(|_| accelerated.frame(&random::inputs(graph, &mut rng)))
            .collect();
        // what earlier programs left in registers and memories, or noise
        if rng.bool() {
            rtl.restart(rng.u64(1..)).unwrap();
        }
        rtl.stalls(rng.u64(..), *rng.choice(&[0, 0, 20, 70]).unwrap());
        let result = frames
            .iter()
            .try_for_each(|frame| accelerated.check_model(frame))
            .and_then(|()| accelerated.check_rtl(&mut rtl, &frames));
        if let Err(difference) = result {
            found.push(format!(
                "seed {seed}, network {n}: {difference}\n  {}",
                describe(graph, &config)
            ));
            // a hung design would fail all that follow
            rtl.restart(0).unwrap();
        }
    }
    found
}

#[test]
fn verilator_equals_model_and_reference() {
    if tools_present() {
        let (seeds, merges) = (seeds(DESIGNS), AtomicU64::new(0));
        for_all(&seeds, |&seed| check_design(seed, &merges));
        let merges = merges.into_inner();
        assert!(
            merges >= 10 || seeds.len() == 1,
            "only {merges} commands take several kernel rows per cycle"
        );
    }
}

/// Two designs that slice: arrays, lanes and taps of their own, with and without expanding layers.
fn slicing() -> [Values; 2] {
    let few = Values {
        tn: 2,
        tm: 1,
        tp: 4,
        pw_multiplier: 0,
        pw_lut_channels: 0,
        pw_requant: 1,
        pw_sum_bits: 24,
        pw_requant_cycles: 4,
        pw_rounding: 1,
        residual: 1,
        lanes: 2,
        taps: 1,
        gather_rows: 1,
        dw_multiplier: 0,
        dw_lut_lanes: 0,
        dw_requant: 1,
        dw_sum_bits: 24,
        dw_requant_cycles: 4,
        activation_kib: 32,
        weight_kib: 32,
        depthwise_kib: 32,
        pointwise_channels: 512,
        depthwise_channels: 512,
        line_words: 80,
        pixel_words: 64,
        expand_words: 0,
        commands: 40,
        map_size: 255,
    };
    let more = Values {
        tn: 7,
        tm: 3,
        tp: 2,
        pw_requant: 2,
        pw_requant_cycles: 8,
        pw_rounding: 1,
        residual: 2,
        lanes: 4,
        taps: 3,
        dw_requant: 3,
        line_words: 64,
        expand_words: 16,
        ..few.clone()
    };
    [few, more]
}

/// Windows over whole maps, a slice of the channels at a time.
#[test]
fn slices_equal_the_whole() {
    let tools = tools_present();
    for_all(&slicing(), |values| {
        let config = values.clone().check().unwrap();
        let mut rtl = tools.then(|| build(&config));
        let mut found = Vec::new();
        // slices, last ones of fewer channels, single ones, those that leave out most of a pixel
        let mut reached = [0; 4];
        for seed in 0..100 {
            let mut rng = Rng::with_seed(seed);
            let graph = random::pooled(&mut rng);
            // some fit as a whole, or not even in slices
            let Ok(accelerated) = Accelerated::new(&graph, &config) else {
                continue;
            };
            let stages = &accelerated.compiled.plan.stages;
            let slices: Vec<_> = stages.iter().filter_map(|stage| stage.slice).collect();
            let Some(last) = slices.last() else { continue };
            reached[0] += slices.len();
            reached[1] += usize::from(last.channels < slices[0].channels);
            reached[2] += usize::from(slices.len() == 1);
            reached[3] += usize::from(slices.len() > 3);
            let frames: Vec<_> = (0..2)
                .map(|_| accelerated.frame(&random::inputs(&graph, &mut rng)))
                .collect();
            let result = frames
                .iter()
                .try_for_each(|frame| accelerated.check_model(frame))
                .and_then(|()| written_over(&accelerated))
                .and_then(|_| match &mut rtl {
                    Some(rtl) => accelerated.check_rtl(rtl, &frames).map(|_| ()),
                    None => Ok(()),
                });
            if let Err(difference) = result {
                let what = describe(&graph, &config);
                found.push(format!("seed {seed}: {difference}\n  {what}"));
            }
        }
        if reached.contains(&0) {
            found.push(format!("too few cases: {reached:?}"));
        }
        found
    });
}
