// SPDX-License-Identifier: MIT OR Apache-2.0
//! All seeds of a design, as many at once as there are cores: nextpnr itself uses one.
//!
//! nextpnr's router goes on until it has routed everything, which with some seeds it never has: one that takes much longer than another
//! did is stopped, by the clock on the wall. Neither that nor a failure of nextpnr with one seed loses the others.

use std::num::NonZero;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::place::Placed;
use crate::Error;

/// How much longer than the slowest seed that is done another may take ..
const TIMES: u32 = 2;
/// .. and how long whatever the others take.
const LEAST: Duration = Duration::from_secs(10 * 60);

/// A seed and what came of it: a frequency or a fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Seed of nextpnr.
    pub seed: u32,
    /// Highest frequency of the accelerator's clock, after routing, in MHz; `None` when it was not routed.
    pub fmax_mhz: Option<f64>,
    /// Wall clock.
    pub seconds: f64,
    /// Why it was not routed.
    pub fault: Option<String>,
}

/// How long a seed may take, by those that are done.
pub(super) struct Patience {
    least: Duration,
    /// Time of the slowest, in milliseconds.
    slowest: AtomicU64,
    is_ended: AtomicBool,
}

impl Patience {
    fn new(least: Duration) -> Self {
        Patience {
            least,
            slowest: AtomicU64::new(0),
            is_ended: AtomicBool::new(false),
        }
    }
    /// A seed is routed.
    fn learn(&self, time: Duration) {
        // the 1 tells it from none
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        self.slowest.fetch_max(millis, Ordering::Relaxed);
    }
    /// There will be no result.
    fn end(&self) {
        self.is_ended.store(true, Ordering::Relaxed);
    }
    /// Whether one that has taken so long is to be stopped: never before another is done, but where there will be no result.
    pub(super) fn is_over(&self, time: Duration) -> bool {
        let slowest = Duration::from_millis(self.slowest.load(Ordering::Relaxed));
        let is_slow = !slowest.is_zero() && time > slowest.saturating_mul(TIMES).max(self.least);
        is_slow || self.is_ended.load(Ordering::Relaxed)
    }
}

/// A seed that has been tried.
struct Tried {
    seed: u32,
    time: Duration,
    result: Result<Placed, Error>,
}

impl Tried {
    fn run(&self) -> Run {
        let (fmax_mhz, fault) = match &self.result {
            Ok(placed) => (Some(placed.fmax_mhz), None),
            Err(error) => (None, Some(error.in_short())),
        };
        Run {
            seed: self.seed,
            fmax_mhz,
            seconds: self.time.as_secs_f64(),
            fault,
        }
    }
}

/// Places and routes with the seeds from 1 on, and tells of each as soon as it is done: what came of all, in their order, and the
/// fastest, of equal ones the first.
///
/// # Errors
/// What is not one seed's fault, which ends all; that of the first seed when nextpnr routes none.
pub(super) fn all(
    seeds: u32,
    place: impl Fn(u32, &Patience) -> Result<Placed, Error> + Sync,
    tell: impl Fn(Run) + Sync,
) -> Result<(Vec<Run>, Placed), Error> {
    within(Patience::new(LEAST), seeds, place, tell)
}

fn within(
    patience: Patience,
    seeds: u32,
    place: impl Fn(u32, &Patience) -> Result<Placed, Error> + Sync,
    tell: impl Fn(Run) + Sync,
) -> Result<(Vec<Run>, Placed), Error> {
    let begun = AtomicU32::new(0);
    let take = || {
        let next = |begun: u32| (begun < seeds).then(|| begun + 1);
        let before = begun.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        before.ok().map(|before| before + 1)
    };
    let work = || -> Result<Vec<Tried>, Error> {
        let mut done = Vec::new();
        while let Some(seed) = take() {
            let start = Instant::now();
            let result = place(seed, &patience);
            let time = start.elapsed();
            let result = match result {
                Err(error) if !error.is_of_seed() => {
                    begun.store(seeds, Ordering::Relaxed);
                    patience.end();
                    return Err(error);
                }
                result => result.inspect(|_| patience.learn(time)),
            };
            let tried = Tried { seed, time, result };
            tell(tried.run());
            done.push(tried);
        }
        Ok(done)
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
    let mut tried = Vec::new();
    for result in results {
        tried.extend(result?);
    }
    tried.sort_by_key(|tried: &Tried| tried.seed);
    let runs = tried.iter().map(Tried::run).collect();
    Ok((runs, best(tried)?))
}

fn best(tried: Vec<Tried>) -> Result<Placed, Error> {
    let mut best: Option<Placed> = None;
    let mut fault = None;
    for Tried { result, .. } in tried {
        match result {
            Ok(placed) if best.as_ref().is_none_or(|b| placed.fmax_mhz > b.fmax_mhz) => {
                best = Some(placed);
            }
            Ok(_) => (),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    best.ok_or_else(|| fault.unwrap_or(Error::NoSeeds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sepstream_toolchain as tools;
    use std::sync::Mutex;

    fn placed(seed: u32, fmax_mhz: f64) -> Placed {
        Placed {
            seed,
            fmax_mhz,
            resources: Vec::new(),
            details: serde_json::Value::Null,
        }
    }

    fn failed(log: &str) -> Error {
        Error::Tool(tools::Error::Failed {
            name: "nextpnr".into(),
            command: "nextpnr --seed".into(),
            log: log.into(),
        })
    }

    #[test]
    fn the_fastest_is_taken_and_of_equal_ones_the_first() {
        let speeds = [90.0, 100.0, 100.0];
        let place = |seed: u32, _: &Patience| Ok(placed(seed, speeds[seed as usize - 1]));
        let (runs, best) = all(3, place, |_| ()).unwrap();
        let told: Vec<_> = runs.iter().map(|run| (run.seed, run.fmax_mhz)).collect();
        assert_eq!(told, [(1, Some(90.0)), (2, Some(100.0)), (3, Some(100.0))]);
        assert_eq!(best.seed, 2);
        assert!(matches!(all(0, place, |_| ()), Err(Error::NoSeeds)));
    }

    /// Seed 2 goes on until it is stopped, seed 3 fails.
    #[test]
    fn a_seed_that_is_not_routed_loses_no_other() {
        let place = |seed: u32, patience: &Patience| match seed {
            2 => {
                let start = Instant::now();
                while !patience.is_over(start.elapsed()) {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(Error::Unrouted)
            }
            3 => Err(failed("Info: on\nERROR: no way\n1 warning, 1 error")),
            _ => Ok(placed(seed, 50.0)),
        };
        let told = Mutex::new(Vec::new());
        let tell = |run| told.lock().unwrap().push(run);
        let patience = Patience::new(Duration::from_millis(20));
        let (runs, best) = within(patience, 3, place, tell).unwrap();
        let mut told = told.into_inner().unwrap();
        told.sort_by_key(|run| run.seed);
        assert_eq!(told, runs);
        assert_eq!((best.seed, runs.len()), (1, 3));
        assert_eq!(runs[0].fault, None);
        assert_eq!((runs[1].fmax_mhz, runs[2].fmax_mhz), (None, None));
        assert!(runs[1].fault.as_ref().unwrap().contains("stopped"));
        assert_eq!(runs[2].fault.as_deref(), Some("ERROR: no way"));
    }

    #[test]
    fn without_any_the_first_error_is_told() {
        let error = all(2, |seed, _| Err(failed(&format!("seed {seed}"))), |_| ());
        assert!(error.err().unwrap().to_string().ends_with("seed 1"));
    }

    /// Seed 1 would go on for ever.
    #[test]
    fn what_no_seed_can_mend_ends_all() {
        let place = |seed: u32, patience: &Patience| match seed {
            1 if thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) => {
                while !patience.is_over(Duration::ZERO) {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(Error::Unrouted)
            }
            _ => Err(Error::NoSeeds),
        };
        assert!(matches!(all(3, place, |_| ()), Err(Error::NoSeeds)));
    }

    #[test]
    fn nobody_is_stopped_before_another_is_done() {
        let patience = Patience::new(Duration::from_secs(10));
        let seconds = Duration::from_secs;
        assert!(!patience.is_over(seconds(1_000_000)));
        patience.learn(seconds(1));
        assert!(!patience.is_over(seconds(10)) && patience.is_over(seconds(11)));
        patience.learn(seconds(100));
        patience.learn(seconds(3));
        assert!(!patience.is_over(seconds(200)) && patience.is_over(seconds(201)));
    }
}
