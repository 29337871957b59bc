// SPDX-License-Identifier: MIT OR Apache-2.0
//! Places of maps in the arena: first fit over their lifetimes.

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
    bytes: u32,
    /// The layers, by their rank, from the one that writes it to the last that reads it.
    from: usize,
    to: usize,
}

/// Places for the maps of some layers, in the order of their execution.
pub fn places(graph: &Graph, layers: &[usize], input: TensorId, output: TensorId) -> Places {
    let mut maps = maps(graph, layers, input, output);
    // the largest first: the small ones find room between them
    maps.sort_by_key(|map| std::cmp::Reverse(map.bytes));
    let mut placed: Vec<(u32, &Map)> = Vec::new();
    for map in &maps {
        let alive = |other: &&(u32, &Map)| other.1.from <= map.to && map.from <= other.1.to;
        let mut taken: Vec<(u32, u32)> = placed
            .iter()
            .filter(alive)
            .map(|(at, other)| (*at, at + other.bytes))
            .collect();
        taken.sort_unstable();
        let mut at = 0;
        for (start, end) in taken {
            if at + map.bytes <= start {
                break;
            }
            at = at.max(end);
        }
        placed.push((at, map));
    }
    let bytes = placed.iter().map(|(at, map)| at + map.bytes).max();
    let each = |(at, map): &(u32, &Map)| {
        let at = *at;
        map.ids.iter().map(move |id| (*id, at)).collect::<Vec<_>>()
    };
    Places {
        offsets: placed.iter().flat_map(each).collect(),
        bytes: bytes.unwrap_or(0),
    }
}

fn maps(graph: &Graph, layers: &[usize], input: TensorId, output: TensorId) -> Vec<Map> {
    let new = |id: TensorId, from| Map {
        ids: vec![id],
        bytes: (graph[id].elements() as u32).next_multiple_of(4),
        from,
        to: from,
    };
    let mut maps = vec![new(input, 0)];
    for (rank, position) in layers.iter().enumerate() {
        let layer = &graph.layers[*position];
        for id in layer.inputs.iter().flatten() {
            if let Some(map) = maps.iter_mut().find(|map| map.ids.contains(id)) {
                map.to = rank;
            }
        }
        let source = (layer.op == Op::Reshape).then(|| layer.input(0)).flatten();
        match source.and_then(|id| maps.iter_mut().find(|map| map.ids.contains(&id))) {
            Some(map) => map.ids.push(layer.output()),
            None => maps.push(new(layer.output(), rank)),
        }
    }
    if let Some(map) = maps.iter_mut().find(|map| map.ids.contains(&output)) {
        map.to = layers.len();
    }
    maps
}
