// SPDX-License-Identifier: MIT OR Apache-2.0
//! All seeds of a design, as many at once as there are cores: nextpnr itself uses one.

use std::num::NonZero;
use std::panic;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::place::Placed;
use crate::Error;

/// Places and routes with the seeds from 1 on; what came of each, in their order. Behind an error none begins any more.
pub(super) fn all(
    seeds: u32,
    place: impl Fn(u32) -> Result<Placed, Error> + Sync,
) -> Result<Vec<Placed>, Error> {
    let begun = AtomicU32::new(0);
    let take = || {
        let next = |begun: u32| (begun < seeds).then(|| begun + 1);
        let before = begun.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        before.ok().map(|before| before + 1)
    };
    let work = || -> Result<Vec<Placed>, Error> {
        let mut placed = Vec::new();
        while let Some(seed) = take() {
            let one = place(seed).inspect_err(|_| begun.store(seeds, Ordering::Relaxed))?;
            placed.push(one);
        }
        Ok(placed)
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let results: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(seeds as usize))
            .map(|_| scope.spawn(work))
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect()
    });
    let mut placed = Vec::new();
    for result in results {
        placed.extend(result?);
    }
    placed.sort_by_key(|placed| placed.run.seed);
    Ok(placed)
}
