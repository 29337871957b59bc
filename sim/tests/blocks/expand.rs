// SPDX-License-Identifier: MIT OR Apache-2.0
//! `expand` with `feed`: every pixel of a map, in order, whole, and never more of them than the ring holds.

use super::bench::{Bench, Case, Later, ReadPort, command, configured, random_bytes, same};
use sepstream_hdl::expand::expand;
use sepstream_spec::config::Config;
use sepstream_spec::isa::Field;
use sepstream_spec::timing::MEMORY_READ;
use sepstream_testkit::{seeds, tools_present};

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
        let fields = [
            (Field::InBase, base),
            (Field::ExpandRows, rows),
            (Field::ExpandCols, cols),
            (Field::ExpandBytes, bytes),
            (Field::ExpandTail, (bytes - 1) % v.tn + 1),
            (Field::ExpandRing, ring),
            (Field::ExpandRingWords, ring * words),
        ];
        let _case = Case::new(format!("command {fields:?}"));
        bench.set_fields(&module, &command(&fields), config);
        for port in ["hold", "pixel_done", "p_addr"] {
            bench.set(port, 0u32);
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
        let mut tail = 10;
        while tail > 0 {
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
            if hold {
                bench.expect("r_valid", 0u32);
            }
            let address = bench.get("r_addr") as u32 % config.activation_words();
            if bench.bit("r_valid") {
                assert!(
                    (base..base + rows * row_words).contains(&address),
                    "reads word {address}"
                );
            }
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
            let data = port.next(at(address));
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
    for (tn, lanes) in [(4, 1), (16, 8), (22, 23), (3, 13), (1, 1)] {
        let config = configured(tn, 1, lanes, 1, |v| {
            (v.expand_words, v.map_size) = (11, 9);
        });
        let mut bench = Bench::new(&expand(&config));
        for seed in seeds!(20, 10).one_by_one() {
            let _case = Case::new(format!("tn {tn}, lanes {lanes}, seed {seed}"));
            run(&mut bench, &config, seed);
        }
    }
}
