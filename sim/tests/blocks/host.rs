// SPDX-License-Identifier: MIT OR Apache-2.0
//! `host` against queues of what went in, with random stalls on every side.

use super::bench::{Bench, Case, ReadPort, config, configured, random_bytes, same};
use sepstream_hdl::host::host;
use sepstream_spec::config::Config;
use sepstream_spec::regs::{self, Memory, Reg};
use sepstream_testkit::{seeds, tools_present};
use std::collections::VecDeque;

/// A register access on the bus.
#[derive(Clone, Copy, Debug)]
struct Access {
    reg: Reg,
    write: Option<u32>,
}

/// A beat on its way to a memory.
#[derive(Debug, PartialEq)]
struct Load {
    memory: Memory,
    address: u32,
    slice: u32,
    data: Vec<u8>,
}

/// How often the sides are ready.
#[derive(Clone, Copy, Debug)]
struct Pace {
    source: f64,
    sink: f64,
    writer: f64,
    fill: f64,
}

/// The accelerator around the host interface, the host in front of it, and what must still come.
struct Side {
    rng: fastrand::Rng,
    pace: Pace,
    word: u32,
    beats: Vec<u32>,
    /// Words that the load bus can name.
    load_words: u32,
    memory: Vec<Vec<u8>>,
    read: ReadPort,
    // the host's side
    access: VecDeque<Access>,
    to_send: VecDeque<(Vec<u8>, bool)>,
    // registers as written
    target: Memory,
    address: u32,
    slice: u32,
    // what must still come
    loads: VecDeque<Load>,
    words: VecDeque<(Vec<u8>, bool)>,
    sending: u32,
    stalled: Option<(Vec<u8>, bool)>,
    valid: bool,
    answer: u32,
    received: Vec<u64>,
}

impl Side {
    fn new(config: &Config, seed: u64, pace: Pace) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let word = config.word_bytes();
        Side {
            pace,
            word,
            beats: Memory::ALL
                .map(|memory| memory.shape(config).beats)
                .to_vec(),
            load_words: Memory::ALL
                .map(|memory| memory.shape(config).words.next_power_of_two())
                .into_iter()
                .fold(2, u32::max),
            memory: (0..config.activation_words())
                .map(|_| random_bytes(&mut rng, word))
                .collect(),
            read: ReadPort::new(),
            access: VecDeque::new(),
            to_send: VecDeque::new(),
            target: Memory::Activation,
            address: 0,
            slice: 0,
            loads: VecDeque::new(),
            words: VecDeque::new(),
            sending: 0,
            stalled: None,
            valid: false,
            answer: 0,
            received: Vec::new(),
            rng,
        }
    }

    fn write(&mut self, reg: Reg, value: u32) {
        self.access.push_back(Access {
            reg,
            write: Some(value),
        });
    }

    /// One cycle of everything.
    fn cycle(&mut self, bench: &mut Bench) {
        let access = self.access.front().copied();
        bench.set("s_wb_cyc", access.is_some());
        bench.set("s_wb_stb", access.is_some());
        bench.set(
            "s_wb_we",
            access.is_some_and(|access| access.write.is_some()),
        );
        bench.set("s_wb_adr", access.map_or(0, |access| access.reg as u32));
        bench.set(
            "s_wb_dat_w",
            access.and_then(|access| access.write).unwrap_or(0),
        );
        // a beat stays until taken; the next transfer begins when the registers are written
        self.valid |=
            self.access.is_empty() && !self.to_send.is_empty() && self.rng.f64() < self.pace.source;
        let beat = self.to_send.front().filter(|_| self.valid).cloned();
        bench.set("s_axis_tvalid", beat.is_some());
        let (data, last) = beat
            .clone()
            .unwrap_or_else(|| (random_bytes(&mut self.rng, self.word), self.rng.bool()));
        bench.set_bytes("s_axis_tdata", &data);
        bench.set("s_axis_tlast", last);
        let ready = self.rng.f64() < self.pace.sink;
        let writer = self.rng.f64() < self.pace.writer;
        let fill = self.rng.f64() < self.pace.fill;
        bench.set("m_axis_tready", ready);
        bench.set("busy_port", writer);
        bench.set("read_taken", fill);
        bench.settle();

        self.check_load(bench, writer);
        let taken = bench.bit("s_axis_tready");
        let may_stall = self.target == Memory::Activation && writer;
        assert!(
            taken || may_stall,
            "a beat waits without a reason in cycle {}",
            bench.cycle()
        );
        if let (Some((data, last)), true) = (beat, taken) {
            self.accept(data, last);
        }
        self.check_word(bench, ready);
        let ended = access.filter(|_| bench.bit("s_wb_ack"));
        if let Some(access) = ended {
            self.access.pop_front();
            self.answer = bench.get("s_wb_dat_r") as u32;
            self.acknowledged(access);
        }
        // the fill unit's address when it reads, else the host's
        let at = bench.get("a_addr") as usize;
        let from = if fill {
            self.rng.usize(..self.memory.len())
        } else {
            at
        };
        let word = self.read.next(self.memory[from].clone());
        bench.tick();
        bench.set_bytes("a_data", &word);
    }

    /// A load goes to one memory, in order; to the activation memory only in a cycle without the writer.
    fn check_load(&mut self, bench: &Bench, writer: bool) {
        let enables = bench.get("load_we") as u32;
        if enables == 0 {
            return;
        }
        assert!(enables.is_power_of_two(), "one memory at a time");
        let got = Load {
            memory: Memory::ALL[enables.trailing_zeros() as usize],
            address: bench.get("load_addr") as u32,
            slice: bench.get("load_slice") as u32,
            data: bench.bytes("load_data"),
        };
        // it stays until the writer leaves the port
        if got.memory == Memory::Activation && writer {
            return;
        }
        same(bench, "the load", Some(got), self.loads.pop_front());
    }

    fn accept(&mut self, data: Vec<u8>, last: bool) {
        self.to_send.pop_front();
        self.valid = false;
        let (memory, address, slice) = (self.target, self.address, self.slice);
        self.loads.push_back(Load {
            memory,
            address: address % self.load_words,
            slice,
            data,
        });
        self.slice += 1;
        if last || self.slice == self.beats[memory as usize] {
            self.slice = 0;
            self.address += 1;
        }
    }

    /// A word that is offered stays until taken.
    fn check_word(&mut self, bench: &Bench, ready: bool) {
        let offered = bench
            .bit("m_axis_tvalid")
            .then(|| (bench.bytes("m_axis_tdata"), bench.bit("m_axis_tlast")));
        if let Some(stalled) = self.stalled.take() {
            same(bench, "the stalled word", offered.clone(), Some(stalled));
        }
        match offered {
            Some(word) if ready => {
                self.received.push(bench.cycle());
                same(bench, "the word sent", Some(word), self.words.pop_front());
            }
            word => self.stalled = word,
        }
    }

    fn acknowledged(&mut self, access: Access) {
        match (access.reg, access.write) {
            (Reg::LoadTarget, Some(value)) => self.target = Memory::ALL[value as usize],
            (Reg::LoadAddress, Some(value)) => (self.address, self.slice) = (value, 0),
            (Reg::SendAddress, Some(value)) => self.sending = value,
            (Reg::SendWords, Some(count)) => {
                let words = &self.memory[self.sending as usize..][..count as usize];
                self.words.extend(
                    words
                        .iter()
                        .enumerate()
                        .map(|(i, word)| (word.clone(), i + 1 == count as usize)),
                );
            }
            _ => {}
        }
    }

    fn run_until(&mut self, bench: &mut Bench, done: impl Fn(&Self) -> bool) {
        let limit = bench.cycle() + 20_000;
        while !done(self) {
            assert!(bench.cycle() < limit, "it hangs");
            self.cycle(bench);
        }
    }

    fn read_reg(&mut self, bench: &mut Bench, reg: Reg) -> u32 {
        self.access.push_back(Access { reg, write: None });
        self.run_until(bench, |side| side.access.is_empty());
        self.answer
    }
}

/// Transfers back to back: the registers of each are written as soon as the last beat of the one before was taken.
fn loads_and_sends(bench: &mut Bench, config: &Config, seed: u64) {
    let mut paces = fastrand::Rng::with_seed(seed);
    let mut pace = |choices: [f64; 3]| choices[paces.usize(..3)];
    let pace = Pace {
        source: pace([1.0, 0.7, 0.2]),
        sink: pace([1.0, 0.5, 0.1]),
        writer: pace([0.0, 0.5, 0.95]),
        fill: pace([0.0, 0.5, 0.9]),
    };
    let _case = Case::new(format!("{pace:?}"));
    bench.restart(seed);
    let mut side = Side::new(config, seed, pace);
    side.write(Reg::SendWords, 0);
    for _ in 0..12 {
        let memories = Memory::all(config);
        let memory = memories[side.rng.usize(..memories.len())];
        side.write(Reg::LoadTarget, memory as u32);
        let address = side.rng.u32(..1000);
        side.write(Reg::LoadAddress, address);
        let beats = side.rng.u32(1..30);
        for beat in 1..=beats {
            let data = random_bytes(&mut side.rng, config.word_bytes());
            side.to_send.push_back((data, beat == beats));
        }
        if side.words.is_empty() && side.rng.bool() {
            let count = side.rng.u32(1..=20);
            let from = side.rng.u32(..config.activation_words() - 20);
            side.write(Reg::SendAddress, from);
            side.write(Reg::SendWords, count);
        }
        side.run_until(bench, |side| {
            side.access.is_empty() && side.to_send.is_empty()
        });
    }
    side.run_until(bench, |side| side.loads.is_empty() && side.words.is_empty());
    for _ in 0..20 {
        side.cycle(bench);
    }
}

#[test]
fn beats_reach_their_memory_and_words_the_host() {
    if !tools_present() {
        return;
    }
    for (tn, tm, lanes, taps, tables) in [
        (4, 4, 2, 3, [0, 0]),
        (1, 1, 1, 1, [4, 0]),
        (16, 8, 8, 9, [0, 0]),
        (4, 2, 2, 3, [256, 2]),
    ] {
        let config = configured(tn, tm, lanes, taps, |v| [v.pw_tables, v.dw_tables] = tables);
        let mut bench = Bench::new(&host(&config));
        for seed in seeds!(20, 10).one_by_one() {
            let _case = Case::new(format!(
                "{tn} x {tm}, {lanes} lanes of {taps} taps, seed {seed}"
            ));
            loads_and_sends(&mut bench, &config, seed);
        }
    }
}

const FREE: Pace = Pace {
    source: 1.0,
    sink: 1.0,
    writer: 0.0,
    fill: 0.0,
};

#[test]
fn words_are_sent_in_consecutive_cycles() {
    if !tools_present() {
        return;
    }
    let config = config(4, 4, 2, 3);
    let mut bench = Bench::new(&host(&config));
    bench.restart(1);
    let mut side = Side::new(&config, 1, FREE);
    side.write(Reg::SendAddress, 7);
    side.write(Reg::SendWords, 50);
    side.run_until(&mut bench, |side| side.received.len() == 50);
    assert_eq!(side.received[49] - side.received[0], 49);
}

#[test]
fn registers_tell_what_the_units_do() {
    if !tools_present() {
        return;
    }
    let config = config(4, 4, 2, 3);
    let mut bench = Bench::new(&host(&config));
    bench.restart(1);
    let mut side = Side::new(&config, 1, FREE);
    assert_eq!(side.read_reg(&mut bench, Reg::Id), regs::ID);
    assert_eq!(side.read_reg(&mut bench, Reg::Version), regs::VERSION);
    assert_eq!(
        side.read_reg(&mut bench, Reg::Fingerprint),
        config.fingerprint()
    );
    bench.set("cycles", 0x1234_5678u32);
    bench.set("layer_index", 0xbeefu32);
    assert_eq!(side.read_reg(&mut bench, Reg::Cycles), 0x1234_5678);
    assert_eq!(side.read_reg(&mut bench, Reg::Command), 0xbeef);
    for (busy, finished) in [(false, false), (true, false), (false, true)] {
        bench.set("busy", busy);
        bench.set("finished", finished);
        let flags = [(busy, regs::STATUS_BUSY), (finished, regs::STATUS_DONE)];
        let want: u32 = flags
            .iter()
            .map(|(set, bit)| if *set { *bit } else { 0 })
            .sum();
        assert_eq!(side.read_reg(&mut bench, Reg::Status), want);
    }
    // run is up for exactly one cycle, for that bit alone
    for (value, pulses) in [(regs::CONTROL_START, 1), (0, 0), (!regs::CONTROL_START, 0)] {
        side.write(Reg::Control, value);
        let mut seen = 0;
        for _ in 0..6 {
            side.cycle(&mut bench);
            bench.set("s_wb_stb", side.access.front().is_some());
            seen += u32::from(bench.bit("run"));
        }
        assert_eq!(seen, pulses, "control {value:#x}");
    }
    // sending, from the write to the last word
    side.pace.sink = 0.0;
    side.write(Reg::SendAddress, 0);
    side.write(Reg::SendWords, 2);
    assert_eq!(
        side.read_reg(&mut bench, Reg::Status) & regs::STATUS_SENDING,
        regs::STATUS_SENDING
    );
    bench.expect("sending", 1u32);
    side.pace.sink = 1.0;
    side.run_until(&mut bench, |side| side.words.is_empty());
    assert_eq!(
        side.read_reg(&mut bench, Reg::Status) & regs::STATUS_SENDING,
        0
    );
    bench.expect("sending", 0u32);
}
