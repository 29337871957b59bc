// SPDX-License-Identifier: MIT OR Apache-2.0
//! `residual` against `spec::quant::AddParams` over maps in the activation memory.

use super::bench::{Bench, Case, Later, ReadPort, command, configured, random_bytes, same};
use sepstream_hdl::post::residual::residual;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::quant::{AddParams, Multiplier};
use sepstream_spec::timing::RESIDUAL;
use sepstream_testkit::{seeds, tools_present};

/// Zero points, smallest and largest output, and the multipliers of an ADD.
#[derive(Clone, Copy, Debug)]
struct Add {
    zeros: [i8; 3],
    low: i8,
    high: i8,
    params: AddParams,
}

impl Add {
    fn random(rng: &mut fastrand::Rng) -> Self {
        let (a, b) = (rng.i8(..), rng.i8(..));
        // the input of the larger scale is halved, the other one less; their sum has about 27 bits
        let mut multiplier = |most: i32, least: i32| Multiplier {
            q: rng.i32(1 << 30..),
            shift: rng.i32(least..=most),
        };
        let half = Multiplier {
            q: 1 << 30,
            shift: 0,
        };
        let other = multiplier(-1, -31);
        let output = if a > 0 {
            multiplier(-17, -21)
        } else {
            multiplier(0, -31)
        };
        let (input1, input2) = if b > 0 { (half, other) } else { (other, half) };
        Add {
            zeros: [rng.i8(..), rng.i8(..), rng.i8(..)],
            low: a.min(b),
            high: a.max(b),
            params: AddParams {
                input1,
                input2,
                output,
            },
        }
    }

    fn fields(&self) -> Vec<(Field, u32)> {
        let byte = |value: i8| u32::from(value as u8);
        let right = |m: Multiplier| m.shift.unsigned_abs();
        let AddParams {
            input1,
            input2,
            output,
        } = self.params;
        vec![
            (Field::Residual, 1),
            (Field::AddZeroA, byte(self.zeros[0])),
            (Field::AddMulA, input1.q as u32),
            (Field::AddShiftA, right(input1)),
            (Field::AddZeroB, byte(self.zeros[1])),
            (Field::AddMulB, input2.q as u32),
            (Field::AddShiftB, right(input2)),
            (Field::AddMul, output.q as u32),
            (Field::AddShift, right(output)),
            (Field::AddZero, byte(self.zeros[2])),
            (Field::AddLow, byte(self.low)),
            (Field::AddHigh, byte(self.high)),
        ]
    }

    fn of(&self, a: u8, b: u8) -> u8 {
        let offset = |value: u8, zero: i8| i32::from(value as i8) - i32::from(zero);
        let sum = self
            .params
            .eval(offset(a, self.zeros[0]), offset(b, self.zeros[1]));
        let value = i64::from(sum) + i64::from(self.zeros[2]);
        value.clamp(self.low.into(), self.high.into()) as u8
    }
}

/// Bytes of a beat and its tag: bit 0 ends a row, bit 1 the command.
#[derive(Clone, Debug, PartialEq)]
struct Beat {
    bytes: Vec<u8>,
    tag: u32,
}

/// A beat, where its bytes lie in the maps, and the cycles to the next beat.
struct Sent {
    beat: Beat,
    place: u32,
    gap: u32,
}

/// The outputs of a random command as the requantiser gives them.
fn random_beats(rng: &mut fastrand::Rng, config: &Config) -> Vec<Sent> {
    let v = config.values();
    let (rows, cols) = (rng.u32(1..=3), rng.u32(1..=4));
    let pixel = rng.u32(1..=3 * v.tm);
    let row_bytes = (cols * pixel).next_multiple_of(config.word_bytes());
    let tight = rng.bool();
    let mut sent = Vec::new();
    for at in 0..rows * cols {
        let (row_end, end) = (at % cols == cols - 1, at == rows * cols - 1);
        for group in (0..pixel).step_by(v.tm as usize) {
            let group_end = pixel.min(group + v.tm);
            let mut left = config.pw_group_cycles().max(config.residual_cycles());
            for from in (group..group_end).step_by(v.pw_requant as usize) {
                let to = group_end.min(from + v.pw_requant);
                let last = to == pixel;
                let gap = if to < group_end { 1 } else { left };
                left -= gap;
                sent.push(Sent {
                    beat: Beat {
                        bytes: random_bytes(rng, to - from),
                        tag: u32::from(last && row_end) | u32::from(last && end) << 1,
                    },
                    place: at / cols * row_bytes + at % cols * pixel + from,
                    gap: if tight || to < group_end {
                        gap
                    } else {
                        gap + rng.u32(..20)
                    },
                });
            }
        }
    }
    sent
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let module = residual(config, 2);
    let (word, lanes) = (config.word_bytes(), config.values().pw_requant);
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    let memory = random_bytes(&mut rng, config.activation_words() * word);
    let mut read = ReadPort::new();
    for _ in 0..8 {
        let add = Add::random(&mut rng);
        let adds = rng.u32(..4) > 0;
        let beats = random_beats(&mut rng, config);
        let base = rng.u32(..config.activation_words() / 4) * word;
        let mut fields = add.fields();
        fields[0].1 = adds.into();
        fields.push((Field::ResidualBase, base / word));
        let _case = Case::new(format!("{add:?}, adds {adds}"));
        bench.set_fields(&module, &command(&fields), config);
        let mut expected = Later::new(if adds { RESIDUAL } else { 0 });
        let mut beats = beats.into_iter().peekable();
        // the first words are there long before the first sums are
        let (mut wait, mut tail, mut cycle) = (40u32, 40, 0u32);
        let mut busy = 0;
        // where commands run ahead, turns are those of the frame
        let phase = rng.u32(..2);
        while tail > 0 {
            bench.set("start", cycle == 0);
            let now = if wait == 0 { beats.next() } else { None };
            wait = now
                .as_ref()
                .map_or(wait.saturating_sub(1), |sent| sent.gap - 1);
            let beat = now.as_ref().map(|sent| sent.beat.clone());
            bench.set("s_valid", beat.is_some());
            let shown = beat.clone().unwrap_or_else(|| Beat {
                bytes: random_bytes(&mut rng, lanes),
                tag: rng.u32(..4),
            });
            bench.set("s_count", shown.bytes.len() as u32);
            bench.set("s_tag", shown.tag);
            bench.set_bytes("s_data", &shown.bytes);
            let turn = (cycle + phase).is_multiple_of(2);
            if config.runs_ahead() {
                bench.set("turn", turn);
            }
            bench.settle();

            let sum = now.map(|Sent { beat, place, .. }| {
                let others = &memory[(base + place) as usize..];
                let bytes = beat
                    .bytes
                    .iter()
                    .zip(others)
                    .map(|(a, b)| if adds { add.of(*a, *b) } else { *a });
                Beat {
                    bytes: bytes.collect(),
                    tag: beat.tag,
                }
            });
            let want = expected.put(sum);
            bench.expect("m_valid", want.is_some());
            if let Some(want) = want {
                let count = bench.get("m_count") as usize;
                let bytes = bench.bytes("m_data")[..count].to_vec();
                same(
                    bench,
                    "the beat",
                    Beat {
                        bytes,
                        tag: bench.get("m_tag") as u32,
                    },
                    want,
                );
            }
            // the port is held every second cycle of a command that adds, and read in no other
            if cycle > 0 {
                let reads = bench.bit("r_valid");
                let own = match config.runs_ahead() {
                    true => turn,
                    false => {
                        bench.expect("hold", adds && cycle % 2 == 0);
                        bench.bit("hold")
                    }
                };
                assert!(
                    !reads || own,
                    "a read in another's turn in cycle {}",
                    bench.cycle()
                );
                busy += u32::from(reads);
            }
            let at = (bench.get("r_addr") as u32 * word) as usize;
            let from = if cycle > 0 && bench.bit("r_valid") {
                at
            } else {
                0
            };
            let data = read.next(memory[from..][..word as usize].to_vec());
            bench.tick();
            bench.set_bytes("r_data", &data);
            cycle += 1;
            tail -= u32::from(beats.peek().is_none());
        }
        assert_eq!(busy > 0, adds, "words read");
    }
}

#[test]
fn maps_are_added() {
    if !tools_present() {
        return;
    }
    for (tn, tm, lanes, ahead) in [
        (4, 4, 4, 0),
        (1, 1, 1, 0),
        (4, 9, 2, 0),
        (16, 5, 3, 0),
        (8, 40, 8, 0),
        (1, 1, 1, 1),
        (4, 9, 2, 1),
        (8, 40, 8, 1),
    ] {
        let config = configured(tn, tm, 1, 1, |v| {
            (v.pw_requant, v.activation_kib) = (lanes, 4);
            v.commands_ahead = ahead;
        });
        let mut bench = Bench::new(&residual(&config, 2));
        for seed in seeds!(10, 5).one_by_one() {
            let _case = Case::new(format!(
                "{tn} x {tm}, {lanes} lanes, ahead {ahead}, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}
