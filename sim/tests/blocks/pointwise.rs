// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pointwise` against matrix products.

use super::bench::{Bench, Case, Later, configured, random_bytes, same};
use sepstream_hdl::pointwise::pointwise;
use sepstream_spec::config::{Config, Multiplier};
use sepstream_spec::timing;
use sepstream_testkit::{seeds, tools_present};

const TAG_BITS: u32 = 3;

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let (tn, tm) = (config.values().tn, config.values().tm);
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    // the largest product, in groups long enough for sums of many bits
    let extreme = seed == 0;
    let longest = if extreme {
        config.values().pixel_words
    } else {
        9
    };
    let bytes = |rng: &mut fastrand::Rng, n| {
        if extreme {
            vec![0x80; n as usize]
        } else {
            random_bytes(rng, n)
        }
    };
    let symmetric = config.pw_multiplier() == Multiplier::Packed || config.adds_in_blocks();
    let least = if symmetric { -127 } else { -128 };
    let weights = |rng: &mut fastrand::Rng, n| -> Vec<u8> {
        let bytes = bytes(rng, n).into_iter();
        bytes.map(|b| (b as i8).max(least) as u8).collect()
    };
    let mut pixel_later = Later::new(timing::pixel_read(config));
    let mut weight_later = Later::new(timing::array_read(config));
    let mut expected = Later::new(timing::pointwise_sum(config));
    let busy = [1.0, 0.8, 0.4][seed as usize % 3];
    let (mut step, mut steps) = (0, 1);
    let mut sums = vec![0i32; tm as usize];
    for _ in 0..3000 {
        let valid = rng.f64() < busy;
        let (first, last) = (step == 0, step + 1 == steps);
        let tag = rng.u32(..1 << TAG_BITS);
        bench.set("step", valid);
        bench.set("step_first", if valid { first } else { rng.bool() });
        bench.set("step_last", if valid { last } else { rng.bool() });
        bench.set("s_tag", tag);
        let (pixel, weight) = (bytes(&mut rng, tn), weights(&mut rng, tn * tm));
        bench.set_bytes("s_pixel", &pixel_later.put(pixel.clone()));
        bench.set_bytes("s_weight", &weight_later.put(weight.clone()));
        bench.settle();

        let mut done = None;
        if valid {
            if first {
                sums.fill(0);
            }
            for (sum, weight) in sums.iter_mut().zip(weight.chunks(tn as usize)) {
                for (a, b) in pixel.iter().zip(weight) {
                    *sum = sum.wrapping_add(i32::from(*a as i8) * i32::from(*b as i8));
                }
            }
            done = last.then(|| (sums.clone(), tag));
            step += 1;
            if last {
                (step, steps) = (0, rng.u32(1..=longest));
            }
        }
        let want = expected.put(done);
        bench.expect("m_valid", want.is_some());
        if let Some((sums, tag)) = want {
            bench.expect("m_tag", tag);
            let got: Vec<i32> = bench
                .words("m_sum")
                .into_iter()
                .map(|word| word as i32)
                .collect();
            same(bench, "m_sum", got, sums);
        }
        bench.tick();
    }
}

#[test]
fn sums_of_input_channels() {
    if !tools_present() {
        return;
    }
    use Multiplier::{Lut, Packed, Plain};
    for (tn, tm, kind, in_luts, few_cells) in [
        (1, 1, Plain, 0, false),
        (3, 5, Plain, 0, false),
        (16, 2, Plain, 0, false),
        (17, 1, Plain, 0, false),
        (1, 9, Plain, 0, false),
        (3, 2, Lut, 0, false),
        (5, 4, Packed, 0, false),
        (2, 3, Packed, 0, false),
        (1, 1, Packed, 0, false),
        (1, 1, Plain, 0, true),
        (2, 1, Plain, 0, true),
        (5, 2, Plain, 0, true),
        (8, 3, Plain, 0, true),
        (3, 2, Lut, 0, true),
        // the last channels in LUTs: as slow as the others, slower and faster; with a channel that has no partner; all
        (3, 4, Lut, 1, false),
        (5, 3, Plain, 2, false),
        (4, 7, Packed, 2, false),
        (2, 2, Packed, 2, false),
        (5, 3, Plain, 1, true),
        (4, 2, Plain, 1, true),
        (1, 2, Plain, 1, true),
        (4, 2, Packed, 2, true),
        // spread: a place for every two channels, or for each
        (13, 10, Packed, 0, false),
        (13, 10, Packed, 3, false),
        (12, 11, Plain, 0, false),
        (12, 11, Plain, 4, false),
    ] {
        let config = configured(tn, tm, 1, 1, |v| {
            (v.pw_multiplier, v.pw_lut_channels) = (kind as u32, in_luts);
            v.pixel_words = 300;
            if tn * tm > 128 {
                v.weight_kib = 33;
            }
            if few_cells {
                v.pixel_words = 16;
                (v.pw_sum_bits, v.pw_requant_cycles) = (24, 4);
                (v.dw_sum_bits, v.dw_requant_cycles) = (24, 4);
            }
        });
        assert_eq!(config.saves_cells(), few_cells);
        assert_eq!(timing::spread(&config), tn * tm > 128);
        let mut bench = Bench::new(&pointwise(&config, TAG_BITS));
        for seed in seeds!(4, 2).one_by_one() {
            let _case = Case::new(format!(
                "{tn} x {tm} {kind:?}, {in_luts} in LUTs, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}
