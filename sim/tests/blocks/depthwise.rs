// SPDX-License-Identifier: MIT OR Apache-2.0
//! `depthwise` against sums of products.

use super::bench::{Bench, Case, Later, ReadPort, configured, random_bytes, same};
use sepstream_hdl::depthwise::depthwise;
use sepstream_spec::config::{Config, Multiplier};
use sepstream_spec::isa::MAX_SHIFT;
use sepstream_spec::timing;
use sepstream_testkit::{seeds, tools_present};

/// Products of one step, a sum per lane.
fn products(taps: &[u8], weights: &[u8], lanes: u32) -> Vec<i32> {
    let per_lane = taps.len() / lanes as usize;
    let product = |(a, b): (&u8, &u8)| i32::from(*a as i8) * i32::from(*b as i8);
    let lane = |(a, b): (&[u8], &[u8])| a.iter().zip(b).map(product).sum();
    taps.chunks(per_lane)
        .zip(weights.chunks(per_lane))
        .map(lane)
        .collect()
}

/// The largest byte of one step's taps that have weights, for each lane, and of what is largest so far.
fn largest(taps: &[u8], weights: &[u8], most: &mut [i32]) {
    let per_lane = taps.len() / most.len();
    for (n, (tap, weight)) in taps.iter().zip(weights).enumerate() {
        if *weight != 0 {
            let most = &mut most[n / per_lane];
            *most = (*most).max(i32::from(*tap as i8));
        }
    }
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let v = config.values();
    let word = v.lanes * v.taps;
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    let extreme = seed == 0;
    let bytes = |rng: &mut fastrand::Rng| {
        if extreme {
            vec![0x80; word as usize]
        } else {
            random_bytes(rng, word)
        }
    };
    // taps without a weight, which take no part in a maximum
    let weights: Vec<Vec<u8>> = (0..config.depthwise_words())
        .map(|_| {
            let mut word = bytes(&mut rng);
            let some = config.takes_maxima();
            word.iter_mut()
                .for_each(|byte| *byte *= u8::from(!some || rng.bool()));
            word
        })
        .collect();
    let mut read = ReadPort::after(timing::near_read(config));
    // the taps come that long after the step that this block is told of one cycle late
    let mut taps_later = Later::new(timing::window_bytes(config) - 1);
    let mut expected = Later::new(timing::depthwise_sum(config) - 1);
    let busy = [1.0, 0.8, 0.4][seed as usize % 3];
    let (mut base, mut groups, mut steps) = (0, 1, 1);
    let (mut group, mut step, mut sums) = (0, 0, vec![0i32; v.lanes as usize]);
    let (mut quiet, mut takes_max) = (0, false);
    for cycle in 0..3000 {
        // a new command, once the last one's sums are out
        let start = cycle == 0 || quiet == 2 * timing::depthwise_sum(config);
        if start {
            (steps, group, step, quiet) = (rng.usize(1..=9), 0, 0, 0);
            groups = rng.usize(1..=4).min(weights.len() / steps).max(1);
            base = rng.usize(..=weights.len() - groups * steps);
            bench.set("dw_weight_base", base as u32);
            takes_max = config.takes_maxima() && rng.bool();
            if config.takes_maxima() {
                bench.set("dw_max", takes_max);
            }
        }
        let ending = quiet > 0 || (group == 0 && step == 0 && rng.u32(..20) == 0 && cycle > 0);
        quiet += u32::from(ending);
        let valid = !start && !ending && rng.f64() < busy;
        let (first, last) = (step == 0, step + 1 == steps);
        let pixel_last = group + 1 == groups;
        bench.set("start", start);
        bench.set("dw_valid", valid);
        bench.set("dw_first", if valid { first } else { rng.bool() });
        bench.set("dw_last", if valid { last } else { rng.bool() });
        bench.set("dw_pixel_last", if valid { pixel_last } else { rng.bool() });
        let taps = bytes(&mut rng);
        bench.set_bytes("s_taps", &taps_later.put(taps.clone()));
        bench.settle();

        let mut done = None;
        if valid {
            if first {
                sums.fill(if takes_max { i8::MIN.into() } else { 0 });
            }
            let weights = &weights[base + group * steps + step];
            if takes_max {
                largest(&taps, weights, &mut sums);
            } else {
                let products = products(&taps, weights, v.lanes);
                let sums = sums.iter_mut().zip(products);
                sums.for_each(|(sum, product)| *sum = sum.wrapping_add(product));
            }
            let shift = if takes_max { MAX_SHIFT } else { 0 };
            done = last.then(|| (sums.iter().map(|sum| sum << shift).collect(), pixel_last));
            step = (step + 1) % steps;
            if last {
                group = (group + 1) % groups;
            }
        }
        let want = expected.put(done);
        bench.expect("m_valid", want.is_some());
        if let Some((sums, pixel_last)) = want {
            let sums: Vec<i32> = sums;
            bench.expect("m_last", pixel_last);
            let got: Vec<i32> = bench
                .words("m_sum")
                .into_iter()
                .map(|word| word as i32)
                .collect();
            same(bench, "m_sum", got, sums);
        }
        let at = bench.get("w_addr") as usize;
        let data = read.next(weights.get(at).cloned().unwrap_or_default());
        bench.tick();
        bench.set_bytes("w_data", &data);
    }
}

#[test]
fn sums_of_taps() {
    if !tools_present() {
        return;
    }
    for (lanes, taps, kind, in_luts, spread, maxima) in [
        (3, 9, Multiplier::Plain, 0, false, true),
        (2, 3, Multiplier::Lut, 0, false, true),
        (5, 1, Multiplier::Plain, 2, false, true),
        (4, 3, Multiplier::Plain, 0, true, true),
        (1, 1, Multiplier::Plain, 0, false, false),
        (3, 9, Multiplier::Plain, 0, false, false),
        (4, 3, Multiplier::Plain, 0, false, false),
        (7, 1, Multiplier::Plain, 0, false, false),
        (2, 3, Multiplier::Lut, 0, false, false),
        (5, 3, Multiplier::Plain, 2, false, false),
        (1, 1, Multiplier::Plain, 1, false, false),
        (2, 1, Multiplier::Lut, 1, false, false),
        (1, 9, Multiplier::Plain, 0, true, false),
        (5, 3, Multiplier::Plain, 2, true, false),
        (4, 3, Multiplier::Lut, 0, true, false),
    ] {
        let (tn, tm, weight_kib) = if spread { (13, 10, 33) } else { (4, 4, 4) };
        let config = configured(tn, tm, lanes, taps, |v| {
            (v.dw_multiplier, v.dw_lut_lanes) = (kind as u32, in_luts);
            v.weight_kib = weight_kib;
            v.dw_max = u32::from(maxima);
        });
        assert_eq!(timing::spread(&config), spread);
        let mut bench = Bench::new(&depthwise(&config));
        for seed in seeds!(6, 3).one_by_one() {
            let _case = Case::new(format!(
                "{lanes} lanes of {taps} taps, {in_luts} in LUTs, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}

/// Two lanes of one tap to a multiplier block, the last ones in LUTs.
#[test]
fn sums_of_taps_with_few_cells() {
    if !tools_present() {
        return;
    }
    for (lanes, in_luts) in [(4, 0), (5, 0), (4, 1), (5, 2), (3, 3)] {
        let config = configured(4, 2, lanes, 1, |v| {
            v.dw_lut_lanes = in_luts;
            (v.pw_sum_bits, v.pw_requant_cycles) = (24, 4);
            (v.dw_sum_bits, v.dw_requant_cycles) = (24, 4);
        });
        assert!(config.saves_cells());
        let mut bench = Bench::new(&depthwise(&config));
        for seed in seeds!(4, 2).one_by_one() {
            let _case = Case::new(format!("{lanes} lanes, {in_luts} in LUTs, seed {seed}"));
            run(&mut bench, &config, seed);
        }
    }
}
