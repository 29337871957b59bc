// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order of segments: each layer has a level, even for the host and odd for the accelerator,
//! and those of a level are a segment.
//!
//! A layer's level is the lowest that is not below those of the layers it reads from. So there are
//! as few segments as the alternation on the longest path through the network asks for, whatever
//! its branches.

use sepstream_spec::graph::Op;

use super::{Cut, Net, Side};

/// The side of a level.
pub fn side(level: usize) -> Side {
    if level.is_multiple_of(2) {
        Side::Host
    } else {
        Side::Accelerator
    }
}

/// The level of each layer. Layers of the accelerator that give it no product to compute go to the
/// host where that saves a segment, or, in later runs than the first, bytes between the two.
pub fn levels(net: &Net, mut on_accelerator: Vec<bool>) -> Vec<usize> {
    let mut now = lowest(net, &on_accelerator);
    let mut paid = cost(net, &now);
    loop {
        let before = paid;
        for group in idle_groups(net, &now) {
            let without = moved(net, &on_accelerator, &group);
            let levels = lowest(net, &without);
            let cost = cost(net, &levels);
            let cheaper = cost.0 < paid.0 || now[group[0]] > 1 && cost < paid;
            if cheaper && without.contains(&true) {
                (on_accelerator, now, paid) = (without, levels, cost);
            }
        }
        if paid == before {
            return now;
        }
    }
}

/// Where layers run when these go to the host, and with them sums of maps that are all the host's
/// then, and new shapes of them.
fn moved(net: &Net, on_accelerator: &[bool], group: &[usize]) -> Vec<bool> {
    let mut now = on_accelerator.to_vec();
    group.iter().for_each(|n| now[*n] = false);
    for n in 0..now.len() {
        let follows = matches!(net.graph.layers[n].op, Op::Add(_) | Op::Reshape);
        let behind = net.before(n).any(|p| on_accelerator[p] && !now[p]);
        if follows && behind && !net.before(n).any(|p| now[p]) {
            now[n] = false;
        }
    }
    now
}

/// Segments, then bytes between the two sides.
fn cost(net: &Net, levels: &[usize]) -> (usize, u64) {
    let cut = Cut::by_level(net, levels);
    (cut.segments.len(), cut.bytes_across(net.graph))
}

/// The lowest level of each layer.
pub fn lowest(net: &Net, on_accelerator: &[bool]) -> Vec<usize> {
    let mut levels: Vec<usize> = Vec::new();
    for (n, accelerated) in on_accelerator.iter().enumerate() {
        let least = net.before(n).map(|p| levels[p]).max().unwrap_or(0);
        let odd = usize::from(*accelerated);
        levels.push(least + usize::from(least % 2 != odd));
    }
    levels
}

/// Layers of one level of the accelerator that hang together by their tensors and have no products.
fn idle_groups(net: &Net, levels: &[usize]) -> Vec<Vec<usize>> {
    let mut group: Vec<usize> = (0..levels.len()).collect();
    for n in 0..levels.len() {
        for before in net.before(n) {
            if levels[before] == levels[n] {
                let (old, new) = (group[n], group[before]);
                group
                    .iter_mut()
                    .filter(|g| **g == old)
                    .for_each(|g| *g = new);
            }
        }
    }
    let members =
        |first: usize| -> Vec<usize> { (0..levels.len()).filter(|n| group[*n] == first).collect() };
    let accelerated = (0..levels.len()).filter(|n| side(levels[*n]) == Side::Accelerator);
    let groups = accelerated.filter(|n| group[*n] == *n).map(members);
    let products = |n: &usize| net.graph.macs(&net.graph.layers[*n]);
    let idle = |group: &Vec<usize>| group.iter().all(|n| products(n) == 0);
    groups.filter(idle).collect()
}
