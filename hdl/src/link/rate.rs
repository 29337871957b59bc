// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ticks at a rate that does not divide the clock: a phase that a fixed step is added to every cycle, and whose carry ticks.

use crate::rtl::{Expr, Module, lit};

/// Cycles of a bit at least: four samples each.
pub const MIN_CLOCKS_PER_BIT: u32 = 4;
/// Cycles of a bit at most.
pub const MAX_CLOCKS_PER_BIT: u32 = 1 << 16;
/// The rate is right to one part in so many. A byte is ten bits, so a tenth of a bit would be one in 100.
const PRECISION: u128 = 500;

/// A rate as a share of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bits of the phase; 0 for a tick in every cycle.
    bits: u32,
    /// What is added, out of `2^bits`.
    step: u64,
}

impl Rate {
    /// `rate` ticks per second of a clock of `clock_hz`, which is at least that: the shortest phase that is precise enough.
    pub fn new(clock_hz: u32, rate: u64) -> Self {
        let (clock, rate) = (u128::from(clock_hz), u128::from(rate));
        let fits = |bits: &u32| {
            let step = Rate::step(clock, rate, *bits);
            let error = (step * clock).abs_diff(rate << bits);
            error * PRECISION <= rate << bits
        };
        // 2^bits > 250 clock / rate always will do: the step is then rounded by less than one part in 500
        let bits = (0..64).find(fits).unwrap_or(63);
        Rate {
            bits,
            step: Rate::step(clock, rate, bits) as u64,
        }
    }
    fn step(clock: u128, rate: u128, bits: u32) -> u128 {
        ((rate << bits) + clock / 2) / clock.max(1)
    }
    /// The ticks, beginning anew with phase 0 in the cycle behind `start`. They come from a register: the phase is a step ahead.
    pub fn ticks(&self, m: &mut Module, start: &Expr) -> Expr {
        if self.bits == 0 {
            return lit(1, 1);
        }
        let phase = m.reg("phase", self.bits);
        let tick = m.reg("tick", 1);
        let wide = self.bits + 1;
        let sum = m.wire("phase_sum", &(&phase.zext(wide) + &lit(self.step, wide)));
        m.clocked(|s| {
            s.set(&phase, &sum.low(self.bits));
            s.set(&tick, &sum.bit(self.bits));
            // no rate with a phase ticks in every cycle: the first step carries nothing
            s.when(start, |s| {
                s.set(&phase, &lit(self.step, self.bits));
                s.set(&tick, &lit(0, 1));
            });
        });
        tick
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_precise_and_phases_short() {
        assert_eq!(Rate::new(4, 4), Rate { bits: 0, step: 1 });
        assert_eq!(Rate::new(40, 5), Rate { bits: 3, step: 1 });
        let bauds = [1526u64, 9600, 115_200, 921_600, 1_000_000, 3_000_000];
        for clock in [12_000_000, 25_000_000, 48_000_000, 100_000_000] {
            for baud in bauds {
                for rate in [baud, 4 * baud] {
                    let Rate { bits, step } = Rate::new(clock, rate);
                    let got = f64::from(clock) * step as f64 / (1u64 << bits) as f64;
                    let error = (got / rate as f64 - 1.0).abs();
                    assert!(error <= 0.002 && bits <= 24, "{clock} {rate} {bits} {step}");
                }
            }
        }
    }
}
