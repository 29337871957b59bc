// SPDX-License-Identifier: MIT OR Apache-2.0
//! Places of maps in the arena.

use crate::first_fit::{Life, first_fit};
use sepstream_spec::graph::{Graph, Op, TensorId};
use std::collections::BTreeMap;

/// Where maps lie.
pub struct Places {
    offsets: BTreeMap<TensorId, u32>,
    /// Bytes of the arena.
    pub bytes: u32,
}

impl Places {
    /// Offset of a map; `None` for what no layer has written.
    pub fn of(&self, id: TensorId) -> Option<u32> {
        self.offsets.get(&id).copied()
    }
}

/// A map, or several that are the same bytes.
struct Map {
    ids: Vec<TensorId>,
    /// In layers, by their rank: from the one that writes it to the last that reads it.
    life: Life,
}

/// Places for the maps of some layers, in the order of their execution.
pub fn places(graph: &Graph, layers: &[usize], input: TensorId, output: TensorId) -> Places {
    let maps = maps(graph, layers, input, output);
    let lives: Vec<Life> = maps.iter().map(|map| map.life).collect();
    let (offsets, bytes) = first_fit(&lives);
    let each = |(map, at): (&Map, u32)| {
        let ids = map.ids.iter();
        ids.map(|id| (*id, at)).collect::<Vec<_>>()
    };
    Places {
        offsets: maps.iter().zip(offsets).flat_map(each).collect(),
        bytes,
    }
}

fn maps(graph: &Graph, layers: &[usize], input: TensorId, output: TensorId) -> Vec<Map> {
    let new = |id: TensorId, from| Map {
        ids: vec![id],
        life: Life {
            bytes: (graph[id].elements() as u32).next_multiple_of(4),
            from,
            to: from,
        },
    };
    let mut maps = vec![new(input, 0)];
    for (rank, position) in layers.iter().enumerate() {
        let layer = &graph.layers[*position];
        for id in layer.inputs.iter().flatten() {
            if let Some(map) = maps.iter_mut().find(|map| map.ids.contains(id)) {
                map.life.to = rank;
            }
        }
        let source = (layer.op == Op::Reshape).then(|| layer.input(0)).flatten();
        match source.and_then(|id| maps.iter_mut().find(|map| map.ids.contains(&id))) {
            Some(map) => map.ids.push(layer.output()),
            None => maps.push(new(layer.output(), rank)),
        }
    }
    if let Some(map) = maps.iter_mut().find(|map| map.ids.contains(&output)) {
        map.life.to = layers.len();
    }
    maps
}
