// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks without their dead channels: every channel that is left has the bytes that it had, in the reference engine.
//!
//! A failure names the command that repeats it.

use fastrand::Rng;
use sepstream_compiler::accelerate::Live;
use sepstream_sim::reference::{Runner, Trace};
use sepstream_spec::graph::{Graph, Op, TensorId};
use sepstream_testkit::network::{self, Suit};
use sepstream_testkit::{odd, planted, seeds};

/// Networks that are always the same, and new ones.
const FIXED: u64 = 500;
const NEW: u64 = 1500;

/// What was seen in all networks.
#[derive(Debug, Default)]
struct Seen {
    dead: usize,
    networks: usize,
    /// Constants that stay, as padding shows beside them.
    shown: usize,
    /// Dead channels of maps that an ADD reads.
    added: usize,
    /// Dead channels of flattened maps.
    flattened: usize,
    /// Layers of which one channel alone is left, for none is needed.
    emptied: usize,
}

#[test]
fn what_is_left_has_the_same_bytes() {
    let seeds = seeds!(FIXED, NEW);
    let mut seen = Seen::default();
    for seed in seeds.iter() {
        let mut rng = Rng::with_seed(seed);
        let mut graph = match rng.u32(0..5) {
            0 => network::pooled(&Suit::ANY, &mut rng),
            _ => network::network(&mut rng),
        };
        planted::plant(&mut graph, &mut rng);
        odd::unflatten(&mut graph, &mut rng);
        if rng.u32(0..8) == 0 {
            odd::wrap(&mut graph, &mut rng);
        }
        let live = Live::of(&graph);
        let inputs = network::inputs(&graph, &mut rng);
        let [before, after] = [&graph, &live.graph].map(|graph| {
            let runner = Runner::new(graph).expect("a random network keeps the rules");
            runner.trace(&inputs).expect("the inputs fit")
        });
        for layer in &graph.layers {
            let id = layer.output();
            let got = after.get(id).expect("the layer has run").bytes();
            let want = channels(&graph, &before, id, live.kept(id));
            assert!(
                got == want,
                "layer {} differs\n{}",
                layer.index,
                seeds.repeat(seed)
            );
        }
        let outputs = graph.outputs.iter().chain(&graph.inputs);
        for id in outputs {
            assert_eq!(
                live.graph[*id].shape,
                graph[*id].shape,
                "{}",
                seeds.repeat(seed)
            );
        }
        count(&graph, &live, &before, &mut seen);
    }
    println!("{seen:?}");
    if !seeds.single {
        let Seen {
            dead,
            networks,
            shown,
            added,
            flattened,
            emptied,
        } = seen;
        assert!(
            networks > (FIXED + NEW) as usize / 4 && dead > 10 * networks,
            "{dead} in {networks}"
        );
        for kind in [shown, added, flattened, emptied] {
            assert!(kind > 20, "{kind}");
        }
    }
}

/// Bytes of some channels of a map.
fn channels(graph: &Graph, trace: &Trace, id: TensorId, kept: &[usize]) -> Vec<u8> {
    let all = trace.get(id).expect("the layer has run").bytes();
    let pixels = all.chunks_exact(graph[id].channels());
    pixels
        .flat_map(|pixel| kept.iter().map(|&c| pixel[c]))
        .collect()
}

fn count(graph: &Graph, live: &Live, trace: &Trace, seen: &mut Seen) {
    let (dead, _) = live.left_out(graph);
    seen.dead += dead;
    seen.networks += usize::from(dead > 0);
    let left_out = |id: TensorId| graph[id].channels() - live.kept(id).len();
    for layer in &graph.layers {
        let input = layer.input(0).expect("every layer has an input");
        match &layer.op {
            Op::Add(_) => seen.added += left_out(input),
            Op::Reshape => seen.flattened += left_out(input),
            Op::Conv2d(conv) if conv.window.pads != Default::default() => {
                let (_, zero) = graph[input].per_tensor().expect("maps have one scale");
                let constant = |c: &&usize| {
                    let bytes = channels(graph, trace, input, &[**c]);
                    let first = bytes[0];
                    bytes.iter().all(|b| *b == first) && i32::from(first as i8) != zero
                };
                seen.shown += live.kept(input).iter().filter(constant).count();
            }
            _ => {}
        }
        let output = layer.output();
        seen.emptied += usize::from(live.kept(output) == [0] && graph[output].channels() > 4);
    }
}
