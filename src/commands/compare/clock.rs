// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time on this machine: wall clock, time-stamp counter, the core's own clock, and its hardware counter where the kernel gives it.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Runs of a measurement at least, and at most.
const RUNS: std::ops::RangeInclusive<usize> = 5..=51;
/// Medians over the runs of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Of wall clock.
    pub seconds: f64,
    /// Of the core's cycles by its hardware counter.
    pub counted: Option<u64>,
    /// Runs that were made.
    pub runs: usize,
}

/// Medians of a piece of work, after one run that does not count. After the time `enough` the least number of runs will do.
pub fn measure(enough: Duration, mut work: impl FnMut()) -> Timing {
    let mut counter = Counter::new();
    work();
    let (mut seconds, mut counted) = (Vec::new(), Vec::new());
    let begin = Instant::now();
    while seconds.len() < *RUNS.start() || (seconds.len() < *RUNS.end() && begin.elapsed() < enough)
    {
        counter.start();
        let start = Instant::now();
        work();
        seconds.push(start.elapsed().as_secs_f64());
        counted.extend(counter.stop());
    }
    let runs = seconds.len();
    seconds.sort_by(f64::total_cmp);
    counted.sort_unstable();
    Timing {
        seconds: seconds[runs / 2],
        counted: counted.get(counted.len() / 2).copied(),
        runs,
    }
}

/// The core's hardware counter of cycles, where there is one.
struct Counter {
    #[cfg(target_os = "linux")]
    counter: Option<perf_event::Counter>,
}

#[cfg(target_os = "linux")]
impl Counter {
    fn new() -> Self {
        let cycles = perf_event::events::Hardware::CPU_CYCLES;
        Counter {
            counter: perf_event::Builder::new(cycles).build().ok(),
        }
    }
    fn start(&mut self) {
        if let Some(counter) = &mut self.counter {
            let started = counter.reset().and_then(|()| counter.enable());
            if started.is_err() {
                self.counter = None;
            }
        }
    }
    fn stop(&mut self) -> Option<u64> {
        let counter = self.counter.as_mut()?;
        counter.disable().ok()?;
        counter.read().ok()
    }
}

#[cfg(not(target_os = "linux"))]
impl Counter {
    fn new() -> Self {
        Counter {}
    }
    fn start(&mut self) {}
    fn stop(&mut self) -> Option<u64> {
        None
    }
}

/// Clocks of this machine, measured now.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// Of the core, in GHz: the best of several chains of steps that wait for each other and take a known number of cycles.
    pub core: f64,
    /// Of the time-stamp counter, in GHz, where there is one.
    pub tsc: Option<f64>,
}

impl Clocks {
    /// Measures both.
    pub fn measure() -> Self {
        let rounds = (0..9).map(|_| chain());
        Clocks {
            core: rounds.fold(0.0, f64::max),
            tsc: tsc(),
        }
    }
}

/// Cycles of an exclusive or and of the multiplication that waits for it: one and three on the x86-64 cores since 2010 and on
/// the larger AArch64 cores.
const STEP_CYCLES: f64 = 4.0;

/// Steps without a loop test, which is slow in debug builds.
macro_rules! four {
    ($($step:tt)*) => {
        $($step)*
        $($step)*
        $($step)*
        $($step)*
    };
}

fn chain() -> f64 {
    const ROUNDS: u32 = 100_000;
    let factor = black_box(0x9e37_79b9_7f4a_7c15u64);
    let start = Instant::now();
    let mut value = black_box(1u64);
    for _ in 0..ROUNDS {
        // each step waits for the one before; the exclusive or keeps compilers from taking powers of the factor
        four!(four!(value = (value ^ 0x5555).wrapping_mul(factor);););
    }
    black_box(value);
    f64::from(16 * ROUNDS) * STEP_CYCLES / start.elapsed().as_secs_f64() / 1e9
}

#[cfg(target_arch = "x86_64")]
fn tsc() -> Option<f64> {
    use std::arch::x86_64::_rdtsc;
    // SAFETY: every x86-64 processor has a time-stamp counter; reading it touches no memory.
    let now = || unsafe { _rdtsc() };
    let (start, ticks) = (Instant::now(), now());
    while start.elapsed() < Duration::from_millis(20) {}
    let ticks = now().wrapping_sub(ticks);
    Some(ticks as f64 / start.elapsed().as_secs_f64() / 1e9)
}

#[cfg(not(target_arch = "x86_64"))]
fn tsc() -> Option<f64> {
    None
}
