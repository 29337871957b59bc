// SPDX-License-Identifier: MIT OR Apache-2.0
//! `bridge` against the rules of docs/host-link.md: random requests in and out of order, words of all sizes, an accelerator that
//! takes its time.

use super::super::bench::{Bench, Case, config, random_bytes};
use sepstream_firmware::link::{Kind, MAX_DATA, Receiver, Refusal, Reply, Request, Verdict};
use sepstream_hdl::link::bridge::bridge;
use sepstream_spec::config::Config;
use sepstream_spec::timing::MEMORY_READ;
use sepstream_testkit::{seeds, tools_present};
use std::collections::VecDeque;

/// What the accelerator's ports have seen and will give.
#[derive(Default)]
struct Accelerator {
    /// Register, and the value of a write.
    accesses: Vec<(u8, Option<u32>)>,
    beats: Vec<(Vec<u8>, bool)>,
    words: VecDeque<Vec<u8>>,
    value: u32,
}

/// Around the block: its buffer, and the accelerator.
struct Side {
    bench: Bench,
    rng: fastrand::Rng,
    word: usize,
    request: [u8; 256],
    reply: [u8; 256],
    accelerator: Accelerator,
    /// How often the accelerator's ports are ready.
    pace: f64,
}

impl Side {
    /// One request as `deframe` gives it; the reply's kind and payload, as `enframe` would send it.
    fn ask(&mut self, kind: u8, number: u8, payload: &[u8]) -> Option<(u8, Vec<u8>)> {
        self.bench.set("f_kind", kind);
        self.bench.set("f_number", number);
        self.bench.set("f_length", payload.len() as u16);
        self.bench
            .set("f_first", payload.first().copied().unwrap_or(0x5a));
        let second = payload.get(1).copied().unwrap_or(0xff);
        self.bench
            .set("f_second", u8::from(second >> 1 != 0) << 1 | second & 1);
        for (n, byte) in payload.iter().enumerate() {
            self.request[n % 256] = *byte;
        }
        self.bench.set("f_valid", 1u32);
        let mut found = None;
        let mut ack = false;
        // what the buffer gives, MEMORY_READ cycles behind its address
        let mut reads = VecDeque::from([0u8; MEMORY_READ as usize - 1]);
        for n in 0..20_000 {
            let b = &mut self.bench;
            let access = b.bit("m_wb_cyc");
            ack = n > 0 && access && !ack && self.rng.f64() < self.pace;
            b.set("m_wb_ack", ack);
            b.set(
                "m_wb_dat_r",
                if ack {
                    self.accelerator.value
                } else {
                    self.rng.u32(..)
                },
            );
            let ready = self.rng.f64() < self.pace;
            b.set("m_axis_tready", ready);
            let word = self.accelerator.words.front();
            let valid = word.is_some() && self.rng.f64() < self.pace;
            b.set("sending", word.is_some());
            b.set("s_axis_tvalid", valid);
            match word {
                Some(word) if valid => b.set_bytes("s_axis_tdata", word),
                _ => b.set_bytes(
                    "s_axis_tdata",
                    &random_bytes(&mut self.rng, self.word as u32),
                ),
            }
            b.set("r_done", found.is_some());
            b.settle();
            // n = 0 is the cycle of the frame; three later it is judged
            if n == 4 && !b.bit("hold") {
                return None;
            }
            b.expect("ignored", n == 3 && !is_request(kind, payload));
            if n > 0 && found.is_some() {
                b.tick();
                b.expect("hold", 0u32);
                return found;
            }
            if b.bit("r_start") {
                let length = b.get("r_length") as usize;
                let payload = match b.bit("r_refuses") {
                    true => vec![b.get("r_reason") as u8, b.get("r_expected") as u8],
                    false => self.reply[..length].to_vec(),
                };
                assert_eq!(payload.len(), length);
                found = Some((b.get("r_kind") as u8, payload));
            }
            if ack && b.bit("m_wb_cyc") {
                let value = b.bit("m_wb_we").then(|| b.get("m_wb_dat_w") as u32);
                self.accelerator
                    .accesses
                    .push((b.get("m_wb_adr") as u8, value));
            }
            if ready && b.bit("m_axis_tvalid") {
                let beat = b.bytes("m_axis_tdata");
                self.accelerator.beats.push((beat, b.bit("m_axis_tlast")));
            }
            if valid && b.bit("s_axis_tready") {
                self.accelerator.words.pop_front();
            }
            if b.bit("b_we") {
                self.reply[b.get("b_w_addr") as usize] = b.get("b_w_data") as u8;
            }
            reads.push_back(self.request[b.get("b_r_addr") as usize]);
            b.tick();
            b.set("b_data", reads.pop_front().unwrap());
            b.set("f_valid", 0u32);
        }
        panic!("no reply");
    }
}

fn is_request(kind: u8, payload: &[u8]) -> bool {
    match (Kind::from_number(kind), payload) {
        (Some(Kind::Open), []) | (Some(Kind::Read), [_]) | (Some(Kind::Fetch), [_, _]) => true,
        (Some(Kind::Write), payload) => payload.len() == 5,
        (Some(Kind::Load), [0 | 1, data @ ..]) => data.len() <= MAX_DATA,
        _ => false,
    }
}

fn payload(request: &Request) -> Vec<u8> {
    match *request {
        Request::Open => vec![],
        Request::Write { register, value } => [&[register][..], &value.to_le_bytes()].concat(),
        Request::Read { register } => vec![register],
        Request::Load { beats, last } => [&[last.into()][..], beats].concat(),
        Request::Fetch { bytes } => bytes.to_le_bytes().to_vec(),
    }
}

/// Executes a request on paper: what the ports must see, and the reply.
fn execute(request: &Request, side: &Side, next: u8, want: &mut Accelerator) -> (u8, Vec<u8>) {
    let word = side.word;
    let plain = |kind: Kind| (kind as u8, vec![]);
    let refused = |reason: Refusal| (Kind::Refused as u8, vec![reason as u8, next]);
    match *request {
        Request::Open => plain(Kind::Opened),
        Request::Write { register: 11.., .. } | Request::Read { register: 11.. } => {
            refused(Refusal::Request)
        }
        Request::Write { register, value } => {
            want.accesses.push((register, Some(value)));
            plain(Kind::Written)
        }
        Request::Read { register } => {
            want.accesses.push((register, None));
            (
                Kind::Value as u8,
                side.accelerator.value.to_le_bytes().into(),
            )
        }
        Request::Load { beats, last: false } if beats.len() % word > 0 => refused(Refusal::Request),
        Request::Load { beats, last } => {
            let count = beats.len().div_ceil(word);
            for (n, beat) in beats.chunks(word).enumerate() {
                let mut beat = beat.to_vec();
                beat.resize(word, 0);
                want.beats.push((beat, last && n + 1 == count));
            }
            plain(Kind::Loaded)
        }
        Request::Fetch { bytes } if usize::from(bytes) > MAX_DATA => refused(Refusal::Request),
        Request::Fetch { bytes } if usize::from(bytes) % word > 0 => refused(Refusal::Request),
        Request::Fetch { bytes } => {
            let count = usize::from(bytes) / word;
            let there = want.words.len();
            let words: Vec<Vec<u8>> = want.words.drain(..count.min(there)).collect();
            match there < count {
                true => refused(Refusal::NoData),
                false => (Kind::Fetched as u8, words.concat()),
            }
        }
    }
}

fn run(bench: Bench, config: &Config, seed: u64) -> Bench {
    let word = config.word_bytes() as usize;
    let mut side = Side {
        bench,
        rng: fastrand::Rng::with_seed(seed),
        word,
        request: [0; 256],
        reply: [0; 256],
        accelerator: Accelerator::default(),
        pace: [1.0, 0.3][seed as usize % 2],
    };
    side.bench.restart(seed);
    let mut receiver = Receiver::default();
    let mut kept = (0, vec![]);
    for n in 0..120 {
        side.accelerator.value = side.rng.u32(..);
        let data = random_bytes(&mut fastrand::Rng::with_seed(seed + n), 256);
        let whole = side.rng.usize(..=256 / word) * word;
        let (register, value) = (side.rng.u8(..13), side.rng.u32(..));
        let (length, last) = match side.rng.u8(..4) {
            0 => (side.rng.usize(..=256), side.rng.bool()),
            1 => (side.rng.usize(..=256), true),
            _ => (whole, side.rng.bool()),
        };
        let request = match side.rng.u8(..9) {
            0 if n > 3 => Request::Open,
            1 | 2 => Request::Write { register, value },
            3 | 4 => Request::Read { register },
            5 | 6 => Request::Load {
                beats: &data[..length],
                last,
            },
            _ => Request::Fetch {
                bytes: match side.rng.u8(..6) {
                    0 => side.rng.u16(..600),
                    _ => whole as u16,
                },
            },
        };
        // words of the result stream: enough, or for once not
        let missing = usize::from(side.rng.u8(..8) == 0);
        while side.accelerator.words.len() * word + missing * word < whole {
            let fresh = random_bytes(&mut side.rng, word as u32);
            side.accelerator.words.push_back(fresh);
        }
        let number = match side.rng.u8(..8) {
            0 => receiver.expected().wrapping_sub(1),
            1 => side.rng.u8(..),
            _ => receiver.expected(),
        };
        let mut want = Accelerator {
            words: side.accelerator.words.clone(),
            ..Accelerator::default()
        };
        side.accelerator.accesses.clear();
        side.accelerator.beats.clear();
        let verdict = receiver.judge(request.kind(), number);
        let next = receiver.expected();
        let reply = match verdict {
            Verdict::Execute => {
                kept = execute(&request, &side, next, &mut want);
                kept.clone()
            }
            Verdict::Repeat => kept.clone(),
            Verdict::Refuse(reason) => (Kind::Refused as u8, vec![reason as u8, next]),
        };
        let case = format!("request {n}: {request:?} with number {number}: {verdict:?}");
        let got = side.ask(request.kind() as u8, number, &payload(&request));
        assert_eq!(got, Some(reply), "{case}");
        assert_eq!(side.accelerator.accesses, want.accesses, "{case}");
        assert_eq!(side.accelerator.beats, want.beats, "{case}");
        assert_eq!(side.accelerator.words, want.words, "{case}");

        // frames that are no requests change nothing
        let kind = side.rng.u8(..16);
        let length = side.rng.usize(..7);
        let odd = random_bytes(&mut side.rng, length as u32);
        if !is_request(kind, &odd) {
            assert_eq!(side.ask(kind, number, &odd), None, "{kind} {odd:?}");
        }
    }
    side.bench
}

#[test]
fn requests_are_executed_once_and_in_order() {
    if !tools_present() {
        return;
    }
    assert_eq!(Reply::Opened.kind() as u8, Kind::Open as u8 + 8);
    for (tn, tm) in [(4, 4), (8, 3), (64, 1)] {
        let config = config(tn, tm, 1, 1);
        let mut bench = Bench::new(&bridge(&config));
        for seed in seeds!(10, 5).one_by_one() {
            let _case = Case::new(format!("tn {tn}, tm {tm}, seed {seed}"));
            bench = run(bench, &config, seed);
        }
    }
}
