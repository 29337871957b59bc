// SPDX-License-Identifier: MIT OR Apache-2.0
//! `table` against tables of bytes.

use super::bench::{Bench, Case, Later, random_bytes, same};
use fastrand::Rng;
use sepstream_hdl::post::table::table;
use sepstream_spec::isa::{TABLE_WORD_BYTES, TABLE_WORDS};
use sepstream_spec::timing::TABLE;
use sepstream_testkit::{seeds, tools_present};

/// Bits beside the data.
const ALONG: u32 = 9;

/// Loads random tables and looks random bytes up in a random one of them each cycle.
fn run(bench: &mut Bench, (lanes, tables): (u32, u32), seed: u64) {
    let mut rng = Rng::with_seed(seed);
    bench.restart(seed);
    let content = random_bytes(&mut rng, tables * 256);
    bench.set("t_we", true);
    for word in 0..tables * TABLE_WORDS {
        let at = (word * TABLE_WORD_BYTES) as usize;
        bench.set("t_addr", word);
        bench.set_bytes("t_data", &content[at..][..TABLE_WORD_BYTES as usize]);
        bench.tick();
    }
    bench.set("t_we", false);
    let mut expected: Later<Option<(Vec<u8>, u32)>> = Later::new(TABLE);
    for _ in 0..500 {
        let (number, along) = (rng.u32(..tables), rng.u32(..1 << ALONG));
        let data = random_bytes(&mut rng, lanes);
        bench.set("number", number);
        bench.set_bytes("s_data", &data);
        bench.set("s_along", along);
        bench.settle();
        let found = |byte: &u8| content[(number * 256) as usize + usize::from(*byte)];
        let now = (data.iter().map(found).collect(), along);
        if let Some((found, along)) = expected.put(Some(now)) {
            same(bench, "m_data", bench.bytes("m_data"), found);
            bench.expect("m_along", along);
        }
        bench.tick();
    }
}

#[test]
fn bytes_are_looked_up_in_their_table() {
    if !tools_present() {
        return;
    }
    for (lanes, tables) in [(1, 2), (3, 256), (8, 16)] {
        let mut bench = Bench::new(&table("lookup", lanes, tables, ALONG));
        for seed in seeds!(3, 2).one_by_one() {
            let _case = Case::new(format!("{lanes} lanes, {tables} tables, seed {seed}"));
            run(&mut bench, (lanes, tables), seed);
        }
    }
}
