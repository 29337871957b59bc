// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random whole designs: a configuration, a family of FPGAs, and networks drawn for it.
//!
//! Eight designs are a hand. What they are made of is dealt from decks, so that a hand has every kind of part, and most of them beside
//! each other's. What was dealt stays: networks are drawn to suit, and only memories grow with them.

mod deck;

use fastrand::Rng;
use sepstream_hdl::Technology;
use sepstream_spec::config::{Config, Values};
use sepstream_spec::graph::Graph;

use crate::accelerated::Accelerated;
use crate::configs::{grow, relax, settle};
use crate::network::{Limit, Suit, network_for, pooled};

/// Designs of a hand: seeds that are neighbours, from a multiple of it on.
pub const HAND: u64 = 8;

/// Random networks of a design, besides those that go to its limits.
const NETWORKS: usize = 18;
/// Draws of a network that may be in vain, one after the other.
const DRAWS: usize = 60;
/// Cycles that a network may take in Verilator.
const MOST_CYCLES: u64 = 30_000;

/// Words of a line buffer that is to be too small for some maps, so that they are sliced.
const MOST_SLICED_WORDS: u32 = 48;

/// Of a [`Limit`]: more where most have an end of their sums elsewhere.
fn at_limit(limit: Limit) -> usize {
    match limit {
        Limit::SumBits(_) => 8,
        Limit::Accumulator(_) | Limit::Order | Limit::Rounding => 4,
    }
}

/// A network of a design.
pub struct Case {
    /// The network.
    pub graph: Graph,
    /// What it goes to the limit of.
    pub limit: Option<Limit>,
}

/// A design that holds all its networks.
pub struct Design {
    /// Its configuration.
    pub config: Config,
    /// Its family of FPGAs.
    pub technology: Technology,
    /// Its networks.
    pub cases: Vec<Case>,
}

impl Design {
    /// The design of a seed.
    pub fn drawn(seed: u64) -> Self {
        let (drawn, technology) = deck::deal(seed);
        let mut rng = Rng::with_seed(seed);
        let mut values = drawn.clone();
        let mut graphs = Vec::new();
        while graphs.len() < NETWORKS {
            match (0..DRAWS).find_map(|_| random(&mut values, &mut rng)) {
                Some(graph) => graphs.push(graph),
                None => break,
            }
        }
        let mut config = relax(&mut values, &graphs, &mut rng);
        let mut limits = Vec::new();
        for limit in Limit::ALL {
            for _ in 0..at_limit(limit) {
                let drawn = (0..DRAWS).find_map(|_| {
                    let graph = limit.network(&config, &mut rng)?;
                    quick(&mut values, graph)
                });
                let Some(graph) = drawn else { break };
                config = values.clone().check().expect("grown by the rules");
                limits.push(limit);
                graphs.push(graph);
            }
        }
        let config = settle(&mut values, &graphs);
        assert_eq!(
            kinds(&drawn),
            kinds(config.values()),
            "nothing but memories grows"
        );
        let random = graphs.len() - limits.len();
        let limits = std::iter::repeat_n(None, random).chain(limits.into_iter().map(Some));
        let cases = graphs.into_iter().zip(limits);
        Design {
            config,
            technology,
            cases: cases.map(|(graph, limit)| Case { graph, limit }).collect(),
        }
    }
}

/// A random network, for which memories grow.
fn random(values: &mut Values, rng: &mut Rng) -> Option<Graph> {
    let config = values.clone().check().expect("drawn by the rules");
    let suit = Suit::of(&config);
    let graph = match config.slices() && rng.bool() {
        true => pooled(&suit, rng),
        false => network_for(&suit, rng),
    };
    quick(values, graph)
}

/// The network, if memories alone make it fit and if it does not take long.
fn quick(values: &mut Values, graph: Graph) -> Option<Graph> {
    let mut grown = values.clone();
    grow(&mut grown, &graph)?;
    let config = grown.clone().check().expect("grown by the rules");
    let whole = config.slices() && grown.line_words > MOST_SLICED_WORDS;
    let cycles = Accelerated::new(&graph, &config).unwrap().total_cycles();
    (!whole && cycles <= MOST_CYCLES).then(|| {
        *values = grown;
        graph
    })
}

/// All that is no size of a memory.
fn kinds(values: &Values) -> Values {
    let none = crate::configs::least_memories();
    Values {
        pw_tables: values.pw_tables.min(1),
        dw_tables: values.dw_tables.min(1),
        activation_kib: none.activation_kib,
        weight_kib: none.weight_kib,
        depthwise_kib: none.depthwise_kib,
        pointwise_channels: none.pointwise_channels,
        depthwise_channels: none.depthwise_channels,
        line_words: none.line_words,
        pixel_words: none.pixel_words,
        expand_words: values.expand_words.min(1),
        commands: none.commands,
        map_size: none.map_size,
        ..values.clone()
    }
}
