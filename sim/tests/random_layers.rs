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
#[path = "common/random.rs"]
mod random;

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};

use accelerated::{Accelerated, Difference, build, for_all};
use common::tools_present;
use configs::{grow, relax, values, values_of_few_cells};
use fastrand::Rng;
use sepstream_sim::model;
use sepstream_spec::config::Config;
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
    let (refused, over) = (AtomicU64::new(0), AtomicU64::new(0));
    for_all(&seeds(MODEL_CASES), |&seed| {
        let mut rng = Rng::with_seed(seed);
        let graph = random::network(&mut rng);
        let mut values = match seed % 4 {
            3 => values_of_few_cells(&mut rng),
            _ => values(&mut rng, 64 * 64),
        };
        if grow(&mut values, &graph).is_none() {
            refused.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        }
        let config = relax(&mut values, std::slice::from_ref(&graph), &mut rng);
        let accelerated = Accelerated::new(&graph, &config).unwrap();
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
        let graph = random::network(rng);
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
