// SPDX-License-Identifier: MIT OR Apache-2.0
//! `line_buffer` against four banks of bytes.

use super::bench::{Bench, Case, Later, configured, packed, random_bytes, same};
use sepstream_hdl::line_buffer::line_buffer;
use sepstream_spec::config::{Config, ROW_BANKS};
use sepstream_spec::isa::address_bits;
use sepstream_spec::timing::window_bytes;
use sepstream_testkit::{seeds, tools_present};

/// Bytes that a request gives: position in `m_rows` and value.
type Bytes = Vec<(usize, u8)>;

/// A request of the window.
#[derive(Clone)]
struct Request {
    bank: u32,
    slot: u32,
    slot_next: u32,
    offsets: Vec<u32>,
}

impl Request {
    /// The bytes that must come: of every row and column, from the offset to the end of the second half behind it.
    fn bytes(&self, banks: &[Vec<Option<u8>>], word: u32, rows: u32) -> Bytes {
        let mut out = Bytes::new();
        for (column, offset) in self.offsets.iter().enumerate() {
            for row in 0..rows {
                let bank = (self.bank + row) % ROW_BANKS;
                let slot = if bank < self.bank {
                    self.slot_next
                } else {
                    self.slot
                };
                for at in *offset..offset + word - offset % (word / 2) {
                    let place = (column as u32 * rows + row) * word + at % word;
                    let byte = banks[bank as usize].get((slot * word + at) as usize);
                    out.extend(byte.copied().flatten().map(|byte| (place as usize, byte)));
                }
            }
        }
        out
    }
}

fn run(bench: &mut Bench, config: &Config, seed: u64) {
    let words = config.values().line_words;
    let (word, rows, columns) = (config.word_bytes(), config.row_taps(), config.column_taps());
    let byte_bits = address_bits(words) + word.trailing_zeros();
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    let mut banks = vec![vec![None; (words * word) as usize]; ROW_BANKS as usize];
    // the memories are read in the cycle behind the request
    let mut expected: Later<Bytes> = Later::new(window_bytes(config) - 3);
    let mut before: Option<Request> = None;
    let mut late = None;
    let fill = ROW_BANKS * words;
    for cycle in 0..fill + 4000 {
        let (bank, at) = match cycle < fill {
            true => (cycle % ROW_BANKS, cycle / ROW_BANKS),
            false => (rng.u32(..ROW_BANKS), rng.u32(..words)),
        };
        let write = cycle < fill || rng.bool();
        let data = random_bytes(&mut rng, word);
        bench.set("w_valid", write);
        bench.set("w_bank", bank);
        bench.set("w_addr", at);
        bench.set_bytes("w_data", &data);
        let (slot, slot_next) = (rng.u32(..words), rng.u32(..words));
        let room = (words - slot.max(slot_next)) * word;
        let request = Request {
            bank: rng.u32(..ROW_BANKS),
            slot,
            slot_next,
            offsets: (0..columns).map(|_| rng.u32(..room)).collect(),
        };
        bench.set("r_bank", request.bank);
        bench.set("r_slot", slot);
        bench.set("r_slot_next", slot_next);
        bench.set_bytes("r_byte", &packed(&request.offsets, byte_bits));
        bench.settle();

        let place = |(bank, at): (u32, u32)| (bank as usize, (at * word) as usize);
        if write {
            // read in this cycle or the next it may be old or new
            let (bank, at) = place((bank, at));
            banks[bank][at..][..word as usize].fill(None);
        }
        let bytes = before.map_or_else(Vec::new, |before| before.bytes(&banks, word, rows));
        let got = bench.bytes("m_rows");
        for (place, want) in expected.put(bytes) {
            same(bench, &format!("byte {place} of m_rows"), got[place], want);
        }
        if let Some((to, data)) = late.take().filter(|(to, _)| !write || *to != (bank, at)) {
            let (bank, at) = place(to);
            let bytes = banks[bank][at..].iter_mut().zip(data);
            bytes.for_each(|(place, byte): (_, u8)| *place = Some(byte));
        }
        late = write.then_some(((bank, at), data));
        before = Some(request);
        bench.tick();
    }
}

#[test]
fn runs_come_from_banks_in_the_order_of_rows() {
    if !tools_present() {
        return;
    }
    // one tap: banks in one memory, or each in its own; large weight memories put a register behind the rows
    for (tn, lanes, taps, words, weight_kib) in [
        (4, 1, 1, 32, 4),
        (4, 1, 1, 24, 4),
        (5, 3, 3, 16, 4),
        (4, 2, 9, 16, 4),
        (4, 1, 1, 32, 33),
        (5, 3, 3, 16, 33),
    ] {
        let config = configured(tn, 1, lanes, taps, |v| {
            (v.line_words, v.weight_kib) = (words, weight_kib);
        });
        let mut bench = Bench::new(&line_buffer(&config));
        for seed in seeds!(3, 2).one_by_one() {
            let _case = Case::new(format!(
                "tn {tn}, {lanes} lanes of {taps} taps, {words} words, {weight_kib} KiB, seed {seed}"
            ));
            run(&mut bench, &config, seed);
        }
    }
}
