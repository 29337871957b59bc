// SPDX-License-Identifier: MIT OR Apache-2.0
//! `expand` with `feed`: every pixel of a map, in order, whole, and never more of them than the ring holds.

use super::bench::{Bench, Case, Later, ReadPort, command, configured, random_bytes, same};
use super::row_gate::Before;
use sepstream_hdl::expand::expand;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::timing::MEMORY_READ;
use sepstream_testkit::{seeds, tools_present};

/// The reads of a map: one per run.
struct Reads {
    map: Map,
    /// Bytes of a packer beat and of a memory word.
    beat: u32,
    word: u32,
    pixel: u32,
    /// Bytes of it that have been read.
    read: u32,
    /// A cycle is idle, for a run that spills.
    waiting: bool,
}

/// As the fields say.
struct Map {
    base: u32,
    rows: u32,
    cols: u32,
    bytes: u32,
    row_words: u32,
    /// Pixels of the ring.
    ring: u32,
}

impl Reads {
    fn of(map: Map, config: &Config) -> Self {
        Reads {
            map,
            beat: config.values().tn,
            word: config.word_bytes(),
            pixel: 0,
            read: 0,
            waiting: false,
        }
    }
    /// Where the next read is, its row, and if it begins a row; `None` behind the last.
    fn next(&self) -> Option<(u32, u32, bool)> {
        let Map { cols, bytes, .. } = self.map;
        let (y, x) = (self.pixel / cols, self.pixel % cols);
        let at = x * bytes + self.read;
        let address = self.map.base + y * self.map.row_words + at / self.word;
        (y < self.map.rows).then_some((address, y, at == 0))
    }
    /// The address read in this cycle, if `done` pixels are done and a row may be begun.
    fn cycle(&mut self, hold: bool, done: u32, open: impl Fn(u32) -> bool) -> Option<u32> {
        let waiting = std::mem::take(&mut self.waiting);
        let room = self.read > 0 || self.pixel < done + self.map.ring;
        let (address, row, begins) = self.next()?;
        if hold || waiting || !room || begins && !open(row) {
            return None;
        }
        let bytes = self.map.bytes;
        let place = (self.pixel % self.map.cols * bytes + self.read) % self.word;
        let count = self.beat.min(self.word - place).min(bytes - self.read);
        self.read += count;
        if self.read == bytes {
            let tail = (bytes - 1) % self.beat + 1;
            (self.pixel, self.read) = (self.pixel + 1, 0);
            self.waiting = tail < count;
        }
        Some(address)
    }
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let module = expand(config);
    let (v, word) = (config.values(), config.word_bytes());
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    let memory = random_bytes(&mut rng, config.activation_words() * word);
    let at = |address: u32| memory[(address * word) as usize..][..word as usize].to_vec();
    for _ in 0..12 {
        let (rows, cols) = (rng.u32(1..=3), rng.u32(1..=9));
        let bytes = match rng.u32(..4) {
            0 => 1,
            _ => rng.u32(1..=v.expand_words.min(5) * v.tn),
        };
        let words = bytes.div_ceil(v.tn);
        let ring = rng.u32(1..=v.expand_words / words);
        let row_words = (cols * bytes).div_ceil(word);
        if rows * row_words > config.activation_words() {
            continue;
        }
        let base = rng.u32(..=config.activation_words() - rows * row_words);
        let mut before = Before::random(&mut rng);
        let fields = [
            (Field::InBase, base),
            (Field::ExpandRows, rows),
            (Field::ExpandCols, cols),
            (Field::ExpandBytes, bytes),
            (Field::ExpandTail, (bytes - 1) % v.tn + 1),
            (Field::ExpandRing, ring),
            (Field::ExpandRingWords, ring * words),
            (Field::RowsWait, before.wait),
        ];
        let _case = Case::new(format!("command {fields:?}"));
        bench.set_fields(&module, &command(&fields), config);
        for port in ["hold", "pixel_done", "p_addr"] {
            bench.set(port, 0u32);
        }
        if config.runs_ahead() {
            before.set(bench);
        }
        bench.set("start", 1u32);
        bench.settle();
        bench.expect("r_valid", 0u32);
        bench.tick();
        bench.set("start", 0u32);

        let (holds, takes) = (rng.bool(), [0.9, 0.05][rng.usize(..2)]);
        let mut port = ReadPort::new();
        // pixels complete, taken, and in the ring; words of the one being read
        let (mut complete, mut taken, mut reading) = (0, 0, None::<u32>);
        let mut read = Later::new(MEMORY_READ);
        let mut seen = Vec::new();
        let map = Map {
            base,
            rows,
            cols,
            bytes,
            row_words,
            ring,
        };
        let mut reads = Reads::of(map, config);
        let mut tail = 10;
        while tail > 0 {
            if config.runs_ahead() {
                before.set(bench);
            }
            let hold = holds && rng.bool();
            bench.set("hold", hold);
            let word_read = match reading {
                None if complete > taken && rng.f64() < takes => Some(0),
                other => other,
            };
            let place = taken % ring * words + word_read.unwrap_or(0);
            bench.set("p_addr", place);
            let last = word_read.is_some_and(|n| n + 1 == words);
            bench.set("pixel_done", last);
            bench.settle();
            let open = |row| !config.runs_ahead() || before.open(row);
            let address = reads.cycle(hold, taken, open);
            bench.expect("r_valid", address.is_some());
            if let Some(address) = address {
                bench.expect("r_addr", address);
            }
            before.go_on(rows, &mut rng);
            if let Some((pixel, n)) = read.put(word_read.map(|n| (taken, n))) {
                let (y, x) = (pixel / cols, pixel % cols);
                let from = (base + y * row_words) * word + x * bytes + n * v.tn;
                let count = v.tn.min(bytes - n * v.tn) as usize;
                let want = &memory[from as usize..][..count];
                let got = bench.bytes("p_data")[..count].to_vec();
                same(
                    bench,
                    &format!("pixel {pixel}, word {n}"),
                    got,
                    want.to_vec(),
                );
                seen.push(pixel);
            }
            complete += u32::from(bench.bit("pixel"));
            assert!(complete - taken <= ring, "more pixels than the ring holds");
            taken += u32::from(last);
            reading = match word_read {
                Some(n) if !last => Some(n + 1),
                _ => None,
            };
            tail -= u32::from(taken == rows * cols);
            let data = port.next(at(address.unwrap_or(base)));
            bench.tick();
            bench.set_bytes("r_data", &data);
        }
        assert_eq!(complete, rows * cols);
        assert_eq!(seen.len() as u32, rows * cols * words);
    }
}

#[test]
fn pixels_come_whole_and_in_order() {
    if !tools_present() {
        return;
    }
    for (tn, lanes, ahead) in [
        (4, 1, 0),
        (16, 8, 1),
        (22, 23, 0),
        (3, 13, 1),
        (1, 1, 0),
        (1, 1, 1),
    ] {
        let config = configured(tn, 1, lanes, 1, |v| {
            (v.expand_words, v.map_size) = (11, 9);
            v.commands_ahead = ahead;
        });
        let mut bench = Bench::new(&expand(&config));
        for seed in seeds!(20, 10).one_by_one() {
            let _case = Case::new(format!(
                "tn {tn}, lanes {lanes}, ahead {ahead}, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}
