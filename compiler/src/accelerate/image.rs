// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program image of a network: its segments, and where the host keeps what goes from one to the
//! next.

use super::load::Contents;
use super::run::Run;
use super::segments::{Cut, Segment, Side};
use crate::first_fit::{Life, first_fit};
use sepstream_spec::config::Config;
use sepstream_spec::graph::{Graph, TensorId};
use sepstream_spec::program::{self, HostTensor, Program, Work};

/// The image of compiled runs.
pub fn program(
    graph: &Graph,
    cut: &Cut,
    runs: &[Run],
    contents: Contents,
    config: &Config,
) -> Program {
    let ids = tensors(graph, cut);
    let number = |id: &TensorId| ids.iter().position(|t| t == id).unwrap_or(0) as u32;
    let numbers = |ids: &[TensorId]| ids.iter().map(number).collect::<Vec<u32>>();
    let mut of_runs = runs.iter();
    let mut segments = Vec::new();
    for segment in &cut.segments {
        let run = match segment.side {
            Side::Accelerator => of_runs.next(),
            Side::Host => None,
        };
        segments.push(program::Segment {
            reads: numbers(&segment.reads),
            writes: numbers(&segment.writes),
            work: match run {
                Some(run) => Work::Accelerator(run.image()),
                None => Work::Host(indices(graph, segment)),
            },
        });
    }
    Program {
        fingerprint: config.fingerprint(),
        word_bytes: config.word_bytes(),
        overlap: runs.iter().all(|run| run.places.overlap),
        tensors: arena(graph, cut, &ids),
        inputs: numbers(&graph.inputs),
        outputs: numbers(&graph.outputs),
        segments,
        contents,
    }
}

/// The layers of a host segment, as the model file numbers them.
fn indices(graph: &Graph, segment: &Segment) -> Vec<u32> {
    let layers = segment.layers.iter();
    layers.map(|n| graph.layers[*n].index as u32).collect()
}

/// What the host keeps: inputs and outputs of the network, and what goes from segment to segment.
fn tensors(graph: &Graph, cut: &Cut) -> Vec<TensorId> {
    let mut ids = graph.inputs.clone();
    let written = cut.segments.iter().flat_map(|segment| &segment.writes);
    for id in written.chain(&graph.outputs) {
        if !ids.contains(id) {
            ids.push(*id);
        }
    }
    ids
}

/// Places of these tensors: each has its own from the segment that writes it to the last that reads
/// it.
fn arena(graph: &Graph, cut: &Cut, ids: &[TensorId]) -> Vec<HostTensor> {
    let bytes = |id: TensorId| graph[id].bytes() as u32;
    let life = |id: &TensorId| {
        let at = |ends: &dyn Fn(&Segment) -> bool| cut.segments.iter().rposition(ends);
        let last = at(&|segment| segment.reads.contains(id));
        let from = at(&|segment| segment.writes.contains(id)).unwrap_or(0);
        let to = if graph.outputs.contains(id) {
            cut.segments.len()
        } else {
            last.unwrap_or(from)
        };
        Life {
            bytes: bytes(*id).next_multiple_of(4),
            from,
            to,
        }
    };
    let lives: Vec<Life> = ids.iter().map(life).collect();
    let (offsets, _) = first_fit(&lives);
    let tensors = ids.iter().zip(offsets);
    tensors
        .map(|(id, offset)| HostTensor {
            index: id.0 as u32,
            offset,
            bytes: bytes(*id),
        })
        .collect()
}
