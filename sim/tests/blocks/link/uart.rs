// SPDX-License-Identifier: MIT OR Apache-2.0
//! `uart_rx` and `uart_tx` against a line with its own idea of time, with clocks that differ, gaps and glitches.

use super::super::bench::{Bench, Case};
use sepstream_hdl::link::uart_rx::uart_rx;
use sepstream_hdl::link::uart_tx::uart_tx;
use sepstream_testkit::{seeds, tools_present};

/// Clock and baud rate: whole and broken numbers of cycles a bit, few and many.
const RATES: [(u32, u32); 6] = [
    (4, 1),
    (16_000_000, 3_000_000),
    (8, 1),
    (12_000_000, 1_000_000),
    (104, 10),
    (12_000_000, 115_200),
];

/// Level of the line at a time in bits since the start bit.
fn level(byte: u8, stop: bool, bits: f64) -> bool {
    match bits as usize {
        0 => false,
        n @ 1..=8 => byte >> (n - 1) & 1 != 0,
        9 => stop,
        _ => true,
    }
}

#[test]
fn bytes_are_received() {
    if !tools_present() {
        return;
    }
    for (clock, baud) in RATES {
        let mut bench = Bench::new(&uart_rx(clock, baud));
        let period = f64::from(clock) / f64::from(baud);
        let tolerance = if period < 8.0 { 0.01 } else { 0.02 };
        for seed in seeds!(6, 3).one_by_one() {
            let _case = Case::new(format!("{clock} Hz, {baud} baud, seed {seed}"));
            let mut rng = fastrand::Rng::with_seed(seed);
            bench.restart(seed);
            let period = period * [1.0 - tolerance, 1.0, 1.0 + tolerance][seed as usize % 3];
            // the line is idle for the reset and a little more
            bench.set("rx", 1u32);
            for _ in 0..8 {
                bench.tick();
            }
            let (mut valid, mut errors) = (Vec::new(), 0);
            let (mut sent, mut cut) = (Vec::new(), 0);
            let mut now = 0.0;
            for n in 0..150 {
                let (byte, stop) = (rng.u8(..), rng.u8(..8) > 0);
                match stop {
                    true => sent.push(byte),
                    false => cut += 1,
                }
                // back to back, or a gap; a cut byte is followed by one, so that the line is idle again
                let gap = if n < 149 && stop && rng.bool() {
                    0.0
                } else {
                    2.0 * rng.f64() + 1.0
                };
                // a glitch of one cycle, which is less than a quarter of a bit, until the stop bit is decided: behind that, it
                // would look like the next start bit, and cost that byte
                let glitch = (period >= 8.0 && rng.bool()).then(|| rng.f64() * (10.0 + gap));
                // half a stop bit is one
                let last = if stop { 9.2 } else { 9.0 };
                let end = now + (10.0 + gap) * period;
                let begin = now;
                while now < end {
                    let bits = (now - begin) / period;
                    let glitch = glitch.is_some_and(|at| {
                        at <= bits && bits < at + 1.0 / period && !edge(bits, period) && bits < last
                    });
                    bench.set("rx", level(byte, stop, bits) != glitch);
                    bench.tick();
                    now += 1.0;
                    if bench.bit("m_valid") {
                        valid.push(bench.get("m_data") as u8);
                    }
                    errors += u32::from(bench.bit("m_error"));
                }
            }
            assert_eq!(valid, sent);
            assert_eq!(errors, cut);
        }
    }
}

/// Whether a bit begins or ends within two cycles: a glitch there is a shifted edge, which `tolerance` stands for.
fn edge(bits: f64, period: f64) -> bool {
    let from_edge = (bits - bits.round()).abs();
    from_edge * period <= 2.0
}

/// A start bit of less than half a bit is none.
#[test]
fn short_pulses_are_no_bytes() {
    if !tools_present() {
        return;
    }
    let mut bench = Bench::new(&uart_rx(160, 10));
    bench.restart(1);
    bench.set("rx", 1u32);
    for _ in 0..8 {
        bench.tick();
    }
    for length in 1..=6 {
        for n in 0..400 {
            bench.set("rx", n >= length);
            bench.tick();
            bench.expect("m_valid", 0u32);
            bench.expect("m_error", 0u32);
        }
    }
}

#[test]
fn bytes_are_sent() {
    if !tools_present() {
        return;
    }
    for (clock, baud) in RATES {
        let mut bench = Bench::new(&uart_tx(clock, baud));
        let period = f64::from(clock) / f64::from(baud);
        for seed in seeds!(3, 2).one_by_one() {
            let _case = Case::new(format!("{clock} Hz, {baud} baud, seed {seed}"));
            let mut rng = fastrand::Rng::with_seed(seed);
            bench.restart(seed);
            bench.settle();
            bench.expect("tx", 1u32);
            for _ in 0..100 {
                for _ in 0..rng.u32(..3) {
                    bench.tick();
                    bench.expect("tx", 1u32);
                    bench.expect("s_ready", 1u32);
                }
                let byte = rng.u8(..);
                bench.set("s_data", byte);
                bench.set("s_valid", 1u32);
                bench.tick();
                // taken: what is offered now comes later
                bench.set("s_data", !byte);
                bench.set("s_valid", 0u32);
                let mut cycles = 0.0;
                loop {
                    bench.settle();
                    let bits = cycles / period;
                    // away from the edges, which are right to a cycle and 0.2 % of the time
                    if !(edge(bits, period) && period > 8.0 || near(bits, period)) {
                        bench.expect("tx", level(byte, true, bits));
                    }
                    if bench.bit("s_ready") {
                        break;
                    }
                    cycles += 1.0;
                    bench.tick();
                }
                let error = (cycles / period - 10.0).abs();
                assert!(error <= 0.02 + 1.0 / period, "{cycles} cycles");
            }
        }
    }
}

/// Whether an edge may lie within this cycle, for rates of few cycles a bit.
fn near(bits: f64, period: f64) -> bool {
    let whole = (period - period.round()).abs() < 1e-9;
    !whole && (bits - bits.round()).abs() * period < 1.0
}
