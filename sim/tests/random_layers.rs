// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random networks on random accelerators: model against reference in thousands, Verilator against both on whole designs.
//!
//! A failure names the command that repeats it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use fastrand::Rng;
use sepstream_compiler::accelerate::Stage;
use sepstream_sim::cosim::Rtl;
use sepstream_sim::model;
use sepstream_spec::config::{Config, Values};
use sepstream_spec::graph::Graph;
use sepstream_testkit::accelerated::build_for;
use sepstream_testkit::configs::{grow, least_memories, relax, values, values_of_few_cells};
use sepstream_testkit::coverage::{Coverage, Seen};
use sepstream_testkit::designs::{Case, Design, HAND};
use sepstream_testkit::network::{self, Suit};
use sepstream_testkit::shrink::shrunk;
use sepstream_testkit::{Accelerated, Difference, Frame, build, in_place, planted};
use sepstream_testkit::{for_all, seeds, tools_present};

/// Networks on the model, each in a configuration of its own: always the same, and new ones.
const MODEL_CASES: [u64; 2] = [1000, 2000];
/// Draws of a network for a configuration.
const DRAWS: usize = 50;

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
    let seeds = seeds!(MODEL_CASES[0], MODEL_CASES[1]);
    let [refused, over, sliced] = [(); 3].map(|()| AtomicU64::new(0));
    seeds.for_all(|seed| {
        let mut rng = Rng::with_seed(seed);
        let mut values = match seed % 4 {
            3 => values_of_few_cells(&mut rng),
            _ => values(&mut rng, 64 * 64),
        };
        let plants = seed.is_multiple_of(3);
        let Some(graph) = (0..DRAWS).find_map(|_| suitable(&mut values, plants, &mut rng)) else {
            refused.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        };
        let config = relax(&mut values, std::slice::from_ref(&graph), &mut rng);
        let accelerated = Accelerated::new(&graph, &config).unwrap();
        let slices = |stage: &&Stage| stage.slice.is_some();
        let slices = accelerated.compiled.stages().filter(slices).count();
        sliced.fetch_add(slices as u64, Ordering::Relaxed);
        let frame = accelerated.frame(&network::inputs(&graph, &mut rng));
        let found = accelerated.check_model(&frame).and_then(|()| {
            over.fetch_add(written_over(&accelerated)?, Ordering::Relaxed);
            Ok(())
        });
        let described = |found| format!("{found}\n  {}", describe(&graph, &config));
        found.err().map(described).into_iter().collect()
    });
    let [refused, over, sliced] = [refused, over, sliced].map(AtomicU64::into_inner);
    println!(
        "{refused} configurations without a network, {over} commands over what they read, {sliced} slices"
    );
    if !seeds.single {
        let cases = seeds.count();
        assert!(
            refused < cases / 50,
            "{refused} configurations suit no network"
        );
        assert!(
            over >= cases / 10,
            "only {over} commands write over what they read"
        );
        assert!(sliced >= 10, "only {sliced} commands take a slice");
    }
}

/// A network for a configuration whose memories grow with it.
fn suitable(values: &mut Values, plants: bool, rng: &mut Rng) -> Option<Graph> {
    let config = values.clone().check().unwrap();
    let suit = Suit::of(&config);
    // a window over a whole map, which some configurations slice
    let mut graph = match config.slices() && rng.bool() {
        true => network::pooled(&suit, rng),
        false => network::network_for(&suit, rng),
    };
    if plants {
        planted::plant(&mut graph, rng);
    }
    grow(values, &graph)?;
    Some(graph)
}

/// Commands of a network that write their map over what they read.
fn written_over(accelerated: &Accelerated) -> Result<u64, Difference> {
    let program = &accelerated.compiled.program;
    let mut over = 0;
    let runs = 0..program.runs().count();
    let commands = runs.flat_map(|run| model::commands(program, run, accelerated.config));
    for (index, command) in commands.enumerate() {
        let checked = in_place::check(&command, program.word_bytes);
        over += u64::from(checked.map_err(|found| format!("command {index}: {found}"))?);
    }
    Ok(over)
}

/// Three frames of a network: those of a limit drive the sums as far as they go.
fn frames(case: &Case, graph: &Graph, accelerated: &Accelerated, rng: &mut Rng) -> Vec<Frame> {
    let inputs = match case.limit {
        Some(_) => network::driven_inputs,
        None => network::inputs,
    };
    let frame = |_| accelerated.frame(&inputs(graph, rng));
    (0..3).map(frame).collect()
}

/// A network of a case on its design, or a smaller one.
fn check_case(
    case: &Case,
    graph: &Graph,
    config: &Config,
    rtl: &mut Rtl,
    rng: &mut Rng,
) -> Result<(), Difference> {
    let accelerated = Accelerated::new(graph, config).map_err(|error| error.to_string())?;
    let frames = frames(case, graph, &accelerated, rng);
    // what earlier programs left in registers and memories, or noise
    if rng.bool() {
        rtl.restart(rng.u64(1..)).unwrap();
    }
    rtl.stalls(rng.u64(..), *rng.choice(&[0, 0, 20, 70]).unwrap());
    frames
        .iter()
        .try_for_each(|frame| accelerated.check_model(frame))
        .and_then(|()| accelerated.check_rtl(rtl, &frames))
        .map(|_| ())
}

/// The smallest part of a network that still differs, and how.
fn smallest(case: &Case, config: &Config, rtl: &mut Rtl, rng: &Rng) -> (Graph, Option<Difference>) {
    let rtl = Mutex::new(rtl);
    let found = |graph: &Graph| {
        let mut rtl = rtl.lock().unwrap();
        // a hung design would fail all that follow
        rtl.restart(0).unwrap();
        // one that does not compile is no smaller case
        Accelerated::new(graph, config).ok()?;
        check_case(case, graph, config, &mut rtl, &mut rng.clone()).err()
    };
    let graph = shrunk(&case.graph, |graph| found(graph).is_some());
    let difference = found(&graph);
    (graph, difference)
}

fn check_design(seed: u64) -> (Coverage, Vec<Difference>) {
    let design = Design::drawn(seed);
    let config = &design.config;
    let mut coverage = Coverage::default();
    coverage.design(config, design.technology);
    let begin = Instant::now();
    let mut rtl = build_for(config, design.technology);
    let built = begin.elapsed().as_secs_f32();
    let mut found = Vec::new();
    for (n, case) in design.cases.iter().enumerate() {
        let accelerated = Accelerated::new(&case.graph, config).unwrap();
        coverage.network(&Seen::new(&accelerated, config, case.limit));
        let mut rng = Rng::with_seed(seed ^ n as u64);
        let before = rng.clone();
        let result = check_case(case, &case.graph, config, &mut rtl, &mut rng);
        if let Err(difference) = result {
            let (small, again) = smallest(case, config, &mut rtl, &before);
            let (technology, limit) = (design.technology, case.limit);
            found.push(format!(
                "network {n} ({limit:?}) on {technology:?}: {difference}\n  {}\n  of which this differs: {again:?}\n  {}",
                describe(&case.graph, config),
                describe(&small, config),
            ));
            rtl.restart(0).unwrap();
        }
    }
    println!(
        "seed {seed}: {:?}, {} products, built in {built:.1} s, {} networks in {:.1} s",
        design.technology,
        config.multipliers(),
        design.cases.len(),
        begin.elapsed().as_secs_f32() - built
    );
    (coverage, found)
}

#[test]
fn verilator_equals_model_and_reference() {
    if !tools_present() {
        return;
    }
    let seeds = seeds!(HAND, HAND);
    let coverage = Mutex::new(Coverage::default());
    seeds.for_all(|seed| {
        let (seen, found) = check_design(seed);
        coverage.lock().unwrap().merge(&seen);
        found
    });
    let coverage = coverage.into_inner().unwrap();
    println!("{coverage}");
    let missing = coverage.missing();
    assert!(
        missing.is_empty() || seeds.single,
        "no design or network has: {missing:?}"
    );
}

/// Two designs that slice: arrays, lanes and taps of their own, with and without expanding layers.
fn slicing() -> [Values; 2] {
    let few = Values {
        tn: 2,
        tp: 4,
        pw_sum_bits: 24,
        pw_requant_cycles: 4,
        residual: 1,
        lanes: 2,
        dw_sum_bits: 24,
        dw_requant_cycles: 4,
        activation_kib: 32,
        weight_kib: 32,
        depthwise_kib: 32,
        pointwise_channels: 512,
        depthwise_channels: 512,
        line_words: 80,
        pixel_words: 64,
        commands: 40,
        map_size: 255,
        commands_ahead: 0,
        ..least_memories()
    };
    let more = Values {
        tn: 7,
        tm: 3,
        tp: 2,
        pw_requant: 2,
        pw_requant_cycles: 8,
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
    let seeds = seeds!(50, 50);
    for_all(
        &slicing(),
        |_| String::new(),
        |values| {
            let config = values.clone().check().unwrap();
            let mut rtl = tools.then(|| build(&config));
            let mut found = Vec::new();
            // slices, last ones of fewer channels, single ones, those that leave out most of a pixel
            let mut reached = [0; 4];
            for seed in seeds.iter() {
                let mut rng = Rng::with_seed(seed);
                let graph = network::pooled(&Suit::of(&config), &mut rng);
                // some fit as a whole, or not even in slices
                let Ok(accelerated) = Accelerated::new(&graph, &config) else {
                    continue;
                };
                let stages = accelerated.compiled.stages();
                let slices: Vec<_> = stages.filter_map(|stage| stage.slice).collect();
                let Some(last) = slices.last() else { continue };
                reached[0] += slices.len();
                reached[1] += usize::from(last.channels < slices[0].channels);
                reached[2] += usize::from(slices.len() == 1);
                reached[3] += usize::from(slices.len() > 3);
                let frames: Vec<_> = (0..2)
                    .map(|_| accelerated.frame(&network::inputs(&graph, &mut rng)))
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
                    let (repeat, what) = (seeds.repeat(seed), describe(&graph, &config));
                    found.push(format!("{repeat}\n{difference}\n  {what}"));
                }
            }
            if reached.contains(&0) && !seeds.single {
                found.push(format!("too few cases: {reached:?}"));
            }
            found
        },
    );
}
