// SPDX-License-Identifier: MIT OR Apache-2.0
//! `requant` and its lane against `spec::quant::Rounding::requant`.

use super::bench::{Bench, Case, Later, ReadPort, same};
use fastrand::Rng;
use sepstream_hdl::post::block_lane::block_lane;
use sepstream_hdl::post::narrow_lane::narrow_lane;
use sepstream_hdl::post::requant::{Shape, requant};
use sepstream_hdl::post::serial;
use sepstream_hdl::post::serial_lane::serial_lane;
use sepstream_hdl::post::wide_lane::wide_lane;
use sepstream_hdl::rtl::Module;
use sepstream_spec::config::WIDE_SUM;
use sepstream_spec::isa::{
    Param, ROUND_ONCE, SERIAL_BIAS_BITS, SHIFT_LEFT, param_bytes, param_parts,
};
use sepstream_spec::quant::Rounding;
use sepstream_spec::timing::{self, BLOCK_CYCLES, requant_lane};
use sepstream_spec::width::bits;
use sepstream_testkit::{seeds, tools_present};
use std::rc::Rc;

/// Zero point, smallest and largest output of a command.
#[derive(Clone, Copy, Debug)]
struct Output {
    zero: i8,
    low: i8,
    high: i8,
}

impl Output {
    /// For sums of `bits` bits with their bias.
    fn of(self, sum: i32, param: Param, bits: u32) -> i8 {
        let unused = 32 - bits;
        let sum = sum
            .wrapping_add(param.bias)
            .clamp(i32::MIN >> unused, i32::MAX >> unused);
        let value = param.steps(sum);
        let value = i64::from(value) + i64::from(self.zero);
        value.clamp(self.low.into(), self.high.into()) as i8
    }

    fn random(rng: &mut fastrand::Rng) -> Self {
        let (a, b) = (rng.i8(..), rng.i8(..));
        Output {
            zero: rng.i8(..),
            low: a.min(b),
            high: a.max(b),
        }
    }

    fn set(self, bench: &mut Bench) {
        bench.set("zero", self.zero as u8);
        bench.set("low", self.low as u8);
        bench.set("high", self.high as u8);
    }
}

/// Sums of all sizes: uniform ones alone would nearly all saturate or vanish.
fn random_sum(rng: &mut fastrand::Rng) -> i32 {
    rng.i32(..) >> rng.u32(..32)
}

fn random_param(rng: &mut fastrand::Rng, (bits, cycles, either): Kind) -> Param {
    let multiplier = if rng.u32(..8) == 0 {
        rng.i32(0..)
    } else {
        rng.i32(1 << 30..)
    };
    let shift = rng.i32(-31..=if bits == WIDE_SUM { 30 } else { 0 });
    Param {
        bias: random_sum(rng) >> unused_of_bias(cycles),
        multiplier,
        shift,
        rounding: match either && shift < 0 && rng.bool() {
            true => Rounding::Once,
            false => Rounding::Twice,
        },
    }
}

/// Bits that a bias of lanes of so many cycles does not have.
fn unused_of_bias(cycles: u32) -> u32 {
    match cycles {
        1 => 0,
        _ => 32 - SERIAL_BIAS_BITS,
    }
}

/// Bits of a lane's sums, cycles for each, and whether it rounds either way.
type Kind = (u32, u32, bool);

const KINDS: [Kind; 15] = [
    (WIDE_SUM, 1, false),
    (WIDE_SUM, 1, true),
    (18, 1, false),
    (18, 1, true),
    (19, 1, false),
    (21, 1, true),
    (24, 1, false),
    (24, 1, true),
    (18, 4, false),
    (18, 4, true),
    (18, 8, false),
    (18, 8, true),
    (21, 8, false),
    (24, 4, true),
    (24, 8, true),
];

/// Sends sums through the lane, as close as it takes them, and compares each output. A serial lane sees noise where it must not
/// look, and a pause now and then.
fn run_lane(
    bench: &mut Bench,
    (bits, cycles, either): Kind,
    output: Output,
    cases: impl Iterator<Item = (i32, Param)>,
) {
    output.set(bench);
    let latency = requant_lane(bits, cycles);
    let mut expected = Later::new(latency);
    let mut rng = Rng::with_seed(9);
    let mut step = |bench: &mut Bench, case: Option<(i32, Param)>| {
        // the outputs already show the edges before; no input acts on them directly
        if let Some((sum, param)) = expected.put(case) {
            let got = bench.get("m_data") as u8 as i8;
            let want = output.of(sum, param, bits);
            assert_eq!(got, want, "sum {sum}, {param:?}, {output:?}");
        }
        bench.tick();
    };
    for (sum, param) in cases {
        bench.set("sum", sum as u32);
        if cycles == 1 {
            let shift = param.to_bytes()[8];
            bench.set("bias", param.bias as u32);
            bench.set("multiplier", param.multiplier as u32);
            bench.set("shift", shift & 0x1f);
            if bits == WIDE_SUM {
                bench.set("left", shift & SHIFT_LEFT != 0);
            }
            if either {
                bench.set("once", shift & ROUND_ONCE != 0);
            }
            step(bench, Some((sum, param)));
            continue;
        }
        // two bytes a cycle, from the cycle before the load on
        let bytes = param.to_serial_bytes();
        let part = |at: usize| u32::from(bytes[2 * at]) | u32::from(bytes[2 * at + 1]) << 8;
        for cycle in 0..cycles {
            bench.set("early", cycle == 0);
            bench.set("load", cycle == 1);
            let noise = rng.u32(..1 << 16);
            bench.set(
                "part",
                if cycle < 4 {
                    part(cycle as usize)
                } else {
                    noise
                },
            );
            step(bench, (cycle == 1).then_some((sum, param)));
            if cycle == 1 {
                bench.set("sum", rng.u32(..));
            }
        }
        bench.set("early", false);
        bench.set("load", false);
        if rng.u32(..16) == 0 {
            (0..rng.u32(..20)).for_each(|_| step(bench, None));
        }
    }
    // empty the pipeline at the end
    (0..latency).for_each(|_| step(bench, None));
}

#[test]
fn a_lane_equals_the_software() {
    if !tools_present() {
        return;
    }
    for kind in KINDS {
        let mut bench = Bench::new(&lane_of(kind));
        for seed in seeds!(1, 1).one_by_one() {
            let mut rng = fastrand::Rng::with_seed(seed);
            for round in 0..40 {
                let _case = Case::new(format!("{kind:?}, seed {seed}, round {round}"));
                let output = Output::random(&mut rng);
                bench.restart(seed + round);
                let mut cases = rng.fork();
                let case = move |_| (random_sum(&mut cases), random_param(&mut cases, kind));
                let count = 10_000 / kind.1;
                run_lane(&mut bench, kind, output, (0..count).map(case));
            }
        }
    }
}

#[test]
fn a_serial_lane_equals_the_software_for_every_sum() {
    if !tools_present() {
        return;
    }
    const BITS: u32 = 18;
    let ends = -(1 << (BITS - 1))..1 << (BITS - 1);
    let kind = (BITS, 4, true);
    let mut bench = Bench::new(&lane_of(kind));
    let output = Output {
        zero: 5,
        low: -128,
        high: 127,
    };
    // a tie in every 2^11th product; and all bits of the multiplier at work
    let factors = [(1 << 30, -10), (0x5555_5555, -8), (i32::MAX, -9)];
    let roundings = [Rounding::Twice, Rounding::Once];
    for ((multiplier, shift), rounding) in factors
        .into_iter()
        .flat_map(|factor| roundings.map(|rounding| (factor, rounding)))
    {
        bench.restart(1);
        let param = Param {
            bias: 0,
            multiplier,
            shift,
            rounding,
        };
        let cases = ends.clone().map(|sum| (sum, param));
        run_lane(&mut bench, kind, output, cases);
    }
}

fn lane_of((bits, cycles, either): Kind) -> Rc<Module> {
    let serial = serial::Kind {
        acc_bits: WIDE_SUM,
        bits,
        cycles,
        settled: false,
        either,
    };
    match cycles {
        1 if bits == WIDE_SUM => wide_lane(either),
        1 => narrow_lane(bits, either),
        BLOCK_CYCLES => block_lane(serial),
        _ => serial_lane(serial),
    }
}

#[test]
fn a_lane_equals_the_software_at_corners() {
    if !tools_present() {
        return;
    }
    let around = |bit: u32| (-1..=1i64).flat_map(move |d| [(1i64 << bit) + d, -(1i64 << bit) + d]);
    let mut sums: Vec<i32> = (0..32)
        .flat_map(around)
        .filter_map(|v| i32::try_from(v).ok())
        .collect();
    sums.sort_unstable();
    sums.dedup();
    for kind in KINDS {
        corners(kind, &sums);
    }
}

fn corners(kind: Kind, sums: &[i32]) {
    let (bits, cycles, either) = kind;
    // ties below zero are the difference
    let roundings: &[Rounding] = match either {
        true => &[Rounding::Twice, Rounding::Once],
        false => &[Rounding::Twice],
    };
    let most = if bits == WIDE_SUM { 30 } else { 0 };
    let multipliers = [
        0,
        1,
        1 << 30,
        (1 << 30) + 1,
        0x5a82_799a,
        i32::MAX - 1,
        i32::MAX,
    ];
    let mut bench = Bench::new(&lane_of(kind));
    for (zero, low, high) in [
        (0, -128, 127),
        (-128, -128, 127),
        (127, -128, 127),
        (-128, -128, -128),
        (3, 3, 100),
    ] {
        let output = Output { zero, low, high };
        bench.restart(0);
        let cases = (-31..=most).flat_map(|shift| {
            multipliers.into_iter().flat_map(move |multiplier| {
                let of = move |rounding: &Rounding| Param {
                    bias: 0,
                    multiplier,
                    shift,
                    rounding: *rounding,
                };
                let has = move |rounding: &&Rounding| shift < 0 || **rounding == Rounding::Twice;
                let params = roundings.iter().filter(has).map(of);
                params.flat_map(|param| sums.iter().map(move |&sum| (sum, param)))
            })
        });
        run_lane(&mut bench, kind, output, cases);
    }
    // the sum of accumulator and bias wraps
    let ends = [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX];
    let wrapping = ends.into_iter().flat_map(|sum| {
        ends.into_iter().flat_map(move |bias| {
            (-31..=most).map(move |shift| {
                (
                    sum,
                    Param {
                        bias: bias >> unused_of_bias(cycles),
                        multiplier: i32::MAX,
                        shift,
                        rounding: match either && shift < 0 {
                            true => Rounding::Once,
                            false => Rounding::Twice,
                        },
                    },
                )
            })
        })
    });
    run_lane(
        &mut bench,
        kind,
        Output {
            zero: -1,
            low: -128,
            high: 127,
        },
        wrapping,
    );
}

/// A beat at the output: its valid bytes, and the tag of a pixel that ends with it.
#[derive(Clone, Debug, PartialEq)]
struct Beat {
    bytes: Vec<u8>,
    tag: u32,
    context: usize,
}

/// The group whose beats are on their way, and how far the pixel is.
#[derive(Default)]
struct Model {
    group: Option<Group>,
    word: u32,
    done: u32,
}

struct Group {
    sums: Vec<i32>,
    last: bool,
    tag: u32,
    beat: u32,
    /// Cycles until the next beat, or behind the last one.
    left: u32,
}

const WORDS: u32 = 40;
const TAG_BITS: u32 = 2;

/// What the fields say of one sort of pixels.
struct Sort {
    base: u32,
    pixel_bytes: u32,
    output: Output,
}

/// Random pixels of random groups, of two sorts with `contexts`, through a requantiser.
fn run_groups(bench: &mut Bench, shape: Shape, seed: u64) {
    let Shape {
        channels,
        lanes,
        sum_bits,
        cycles,
        either,
        contexts,
        early,
        spread,
        ..
    } = shape;
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    let beats = channels.div_ceil(lanes);
    let parts = param_parts(cycles);
    let params: Vec<Vec<Param>> = (0..WORDS)
        .map(|_| {
            (0..lanes)
                .map(|_| random_param(&mut rng, (sum_bits, cycles, either)))
                .collect()
        })
        .collect();
    let mut read = ReadPort::new();
    let far = if spread { timing::SPREAD } else { 0 };
    let latency = far + timing::requant(sum_bits, cycles);
    let mut addressed = Later::new(far);
    let mut announced = Later::new(latency - u32::from(early));
    let mut expected = Later::new(latency);
    let mut model = Model::default();
    let (mut groups, mut group, mut context) = (1, 0, 0);
    let mut sorts = [(); 2].map(|()| Sort {
        base: 0,
        pixel_bytes: 1,
        output: Output::random(&mut rng),
    });
    sorts[0].output.set(bench);
    let busy = [1.0, 0.7, 0.2][seed as usize % 3];
    for cycle in 0..3000 {
        // a new command now and then, also in the middle of a pixel, but never in that of a group
        let start = cycle == 0 || (model.group.is_none() && rng.u32(..100) == 0);
        bench.set("start", start);
        let valid = !start && model.group.is_none() && rng.f64() < busy;
        if start || (valid && group == groups) {
            group = 0;
        }
        // the fields of one sort of pixels stay for a command
        if start || (contexts && valid && group == 0) {
            groups = rng.u32(1..=5);
            context = usize::from(contexts && rng.bool());
            let sort = &mut sorts[context];
            sort.base = rng.u32(..=WORDS - groups * beats) * parts;
            let partial = rng.u32(1..=channels);
            sort.pixel_bytes =
                (groups - 1) * channels + if rng.bool() { channels } else { partial };
            bench.set("param_base", sort.base);
            bench.set("pixel_bytes", sort.pixel_bytes);
        }
        let Sort {
            base,
            pixel_bytes,
            ref output,
        } = sorts[context];
        if start {
            model = Model::default();
        }
        let sums: Vec<i32> = (0..channels).map(|_| random_sum(&mut rng)).collect();
        let tag = rng.u32(..1 << TAG_BITS);
        if valid {
            group += 1;
            model.group = Some(Group {
                sums: sums.clone(),
                last: group == groups,
                tag,
                beat: 0,
                left: 0,
            });
        }
        let bytes: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        bench.set("s_valid", valid);
        bench.set("s_last", if valid { group == groups } else { rng.bool() });
        bench.set("s_tag", tag);
        bench.set_bytes("s_sum", &bytes);
        if contexts {
            bench.set("s_context", context as u32);
        }
        bench.settle();
        if contexts {
            // the fields are those of the sort that the block asks for
            let now = &sorts[bench.get("context_beat") as usize];
            bench.set("param_base", now.base);
            bench.set("pixel_bytes", now.pixel_bytes);
            sorts[bench.get("context_out") as usize].output.set(bench);
            bench.settle();
        }

        let mut addr = None;
        let mut beat = None;
        let mut over = false;
        if let Some(now) = model.group.as_mut().filter(|now| now.left > 0) {
            now.left -= 1;
            over = now.left == 0 && now.beat == beats;
        } else if let Some(now) = &mut model.group {
            let word = &params[(base / parts + model.word) as usize];
            addr = Some(base + model.word * parts);
            let from = now.beat * lanes;
            let count = (channels - from).min(lanes).min(pixel_bytes - model.done);
            let bytes = (0..count).map(|l| {
                output.of(now.sums[(from + l) as usize], word[l as usize], sum_bits) as u8
            });
            model.done += count;
            let tag = if model.done == pixel_bytes {
                now.tag
            } else {
                0
            };
            beat = (count > 0).then(|| Beat {
                bytes: bytes.collect(),
                tag,
                context,
            });
            model.word += 1;
            now.beat += 1;
            // a pixel's last group ends with its last byte: then the next command's fields may come
            let closed = now.last && model.done == pixel_bytes;
            if now.beat == beats || closed {
                if now.last {
                    (model.word, model.done) = (0, 0);
                }
                now.beat = beats;
            }
            // the lanes are at work until then
            now.left = cycles - 1;
            over = now.left == 0 && now.beat == beats;
        }
        if over {
            model.group = None;
        }
        if let Some(addr) = addressed.put(addr) {
            bench.expect("p_addr", addr);
        }
        let want = announced.put(beat.clone());
        bench.expect("m_valid", want.is_some());
        if let Some(want) = want {
            bench.expect("m_count", want.bytes.len() as u32);
            bench.expect("m_tag", want.tag);
        }
        if let Some(want) = expected.put(beat) {
            let got = bench.bytes("m_data")[..want.bytes.len()].to_vec();
            same(bench, "the beat", got, want.bytes);
            if contexts {
                bench.expect("m_context", want.context as u32);
            }
        }
        let at = bench.get("p_addr") as u32;
        let word = params.get((at / parts) as usize).into_iter().flatten();
        let bytes = (param_bytes(cycles) / parts) as usize;
        let from = (at % parts) as usize * bytes;
        let word: Vec<u8> = word
            .flat_map(|param| match cycles {
                1 => param.to_bytes()[from..from + bytes].to_vec(),
                _ => param.to_serial_bytes()[from..from + bytes].to_vec(),
            })
            .collect();
        let data = read.next(word);
        bench.tick();
        bench.set_bytes("p_data", &data);
    }
}

#[test]
fn groups_become_beats() {
    if !tools_present() {
        return;
    }
    for (n, (channels, lanes, sum_bits, cycles, contexts, early, spread)) in [
        (1, 1, WIDE_SUM, 1, false, false, false),
        (3, 1, WIDE_SUM, 1, false, true, false),
        (5, 2, WIDE_SUM, 1, false, false, false),
        (9, 3, WIDE_SUM, 1, false, true, false),
        (8, 8, WIDE_SUM, 1, false, false, false),
        (7, 6, WIDE_SUM, 1, false, true, false),
        (5, 2, 20, 1, false, false, false),
        (5, 2, WIDE_SUM, 1, true, false, false),
        (8, 8, WIDE_SUM, 1, true, false, false),
        (4, 4, 18, 1, true, false, false),
        (1, 1, 18, 8, false, false, false),
        (3, 1, 20, 4, false, true, false),
        (7, 3, 23, 8, true, false, false),
        (2, 2, 18, 4, true, false, false),
        (9, 4, 20, 1, false, true, true),
        (3, 3, WIDE_SUM, 1, true, false, true),
        (5, 2, 21, 4, false, false, true),
        (3, 1, 18, 8, true, false, true),
    ]
    .into_iter()
    .enumerate()
    {
        let shape = Shape {
            channels,
            lanes,
            acc_bits: WIDE_SUM,
            sum_bits,
            cycles,
            either: n % 3 < 2,
            param_words: WORDS * param_parts(cycles),
            byte_bits: bits(5 * channels),
            tag: TAG_BITS,
            contexts,
            early,
            spread,
        };
        let mut bench = Bench::new(&requant("requant", shape));
        for seed in seeds!(6, 3).one_by_one() {
            let _case = Case::new(format!("{shape:?}, seed {seed}"));
            run_groups(&mut bench, shape, seed);
        }
    }
}
