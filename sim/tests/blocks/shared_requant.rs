// SPDX-License-Identifier: MIT OR Apache-2.0
//! `shared_requant` against `spec::quant::Rounding::requant`.

use super::bench::{Bench, Case, Later, ReadPort, configured};
use fastrand::Rng;
use sepstream_hdl::post::shared_requant::shared_requant;
use sepstream_spec::config::Config;
use sepstream_spec::isa::{Param, param_parts};
use sepstream_spec::quant::Rounding;
use sepstream_spec::timing;
use sepstream_spec::width::pointwise_sum_bits;
use sepstream_testkit::{seeds, tools_present};

/// What comes out for a pixel: byte, last of its batch, of the command.
type Output = Option<(u8, bool, bool)>;

/// Random batches of random groups, some as close as they may come.
fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let v = config.values();
    let (tp, cycles) = (v.tp, v.pw_requant_cycles);
    let mut rng = Rng::with_seed(seed);
    bench.restart(seed);
    let beats = config.pw_param_words() / param_parts(cycles);
    let params: Vec<Param> = (0..beats)
        .map(|_| Param {
            bias: rng.i32(..) >> rng.u32(8..32),
            multiplier: rng.i32(1 << 30..),
            shift: -rng.i32(0..20),
            rounding: match config.pw_rounds_once() && rng.bool() {
                true => Rounding::Once,
                false => Rounding::Twice,
            },
        })
        // as it is stored
        .map(|param| Param::from_serial_bytes(param.to_serial_bytes()))
        .collect();
    let mut read = ReadPort::new();
    let mut expected: Later<Output> = Later::new(timing::pw_requant(config));
    let (zero, low, high) = (rng.i8(..), rng.i8(..0), rng.i8(0..));
    bench.set("zero", zero as u8);
    bench.set("low", low as u8);
    bench.set("high", high as u8);
    let unused = 32 - pointwise_sum_bits(config);
    let busy = [1.0, 0.8, 0.1][seed as usize % 3];
    let (mut groups, mut group, mut base) = (1, 0, 0);
    // pixels of the group at work that are still to begin, and cycles until the next of them, or until another group may come
    let mut at_work: Vec<(u8, bool, bool)> = Vec::new();
    let mut left = 0;
    for cycle in 0..4000 {
        let free = at_work.is_empty() && left == 0;
        let start = cycle == 0 || (free && rng.u32(..60) == 0);
        bench.set("start", start);
        if start {
            (groups, group) = (rng.u32(1..=6), 0);
            base = rng.u32(..=beats - groups);
            bench.set("param_base", base * param_parts(cycles));
        }
        let valid = free && !start && rng.f64() < busy;
        let [last, end] = [valid && group + 1 == groups, rng.bool()];
        let sums: Vec<i32> = (0..tp)
            .map(|_| rng.i32(..) >> rng.u32(unused..32))
            .collect();
        if valid {
            let param = params[(base + group) as usize];
            let clamped = 32 - v.pw_sum_bits;
            at_work = sums
                .iter()
                .rev()
                .map(|sum| {
                    let sum = (sum + param.bias).clamp(i32::MIN >> clamped, i32::MAX >> clamped);
                    let value = param.steps(sum);
                    let value = value.saturating_add(zero.into());
                    (value.clamp(low.into(), high.into()) as u8, last, end)
                })
                .collect();
            group = if last { 0 } else { group + 1 };
        }
        let bytes: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        bench.set_bytes("s_sum", &bytes);
        bench.set("s_valid", valid);
        bench.set("s_last", if valid { last } else { rng.bool() });
        bench.set("s_end", end);
        bench.settle();
        let mut begins = None;
        if left == 0 {
            begins = at_work.pop();
            left = if begins.is_some() { cycles } else { 0 };
        }
        left = left.saturating_sub(1);
        let want = expected.put(begins);
        bench.expect("m_valid", want.is_some());
        if let Some((byte, last, end)) = want {
            bench.expect("m_data", byte);
            bench.expect("m_last", last);
            bench.expect("m_end", end);
        }
        let at = bench.get("p_addr") as u32;
        let bytes = params[(at / param_parts(cycles)) as usize].to_serial_bytes();
        let part = (at % param_parts(cycles)) as usize * 2;
        let data = read.next(bytes[part..part + 2].to_vec());
        bench.tick();
        bench.set_bytes("p_data", &data);
    }
}

#[test]
fn pixels_come_one_after_the_other() {
    if !tools_present() {
        return;
    }
    for (tp, cycles, sum_bits) in [(5, 4, 18), (2, 8, 24), (8, 4, 21), (2, 4, 19), (3, 8, 18)] {
        let config = configured(2, 1, 1, 1, |v| {
            (v.tp, v.residual, v.expand_words) = (tp, 0, 0);
            (v.pw_sum_bits, v.pw_requant_cycles) = (sum_bits, cycles);
            (v.dw_sum_bits, v.dw_requant_cycles) = (18, 8);
        });
        assert!(config.shares_requant());
        let mut bench = Bench::new(&shared_requant(&config));
        for seed in seeds!(6, 3).one_by_one() {
            let _case = Case::new(format!("{tp} pixels, {cycles} cycles, seed {seed}"));
            run(&mut bench, &config, seed);
        }
    }
}
