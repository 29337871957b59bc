// SPDX-License-Identifier: MIT OR Apache-2.0
//! `merge` against taking the runs' bytes by index.

use super::bench::{Bench, Case, Later, configured, random_bytes, same};
use sepstream_hdl::merge::merge;
use sepstream_spec::config::Config;
use sepstream_spec::timing::window_bytes;
use sepstream_testkit::{seeds, tools_present};

/// A request of the window, whose rows come later.
#[derive(Clone)]
struct Request {
    /// Offset of the runs in the row, negative left of it.
    at: i32,
    row_ok: u32,
    row_bytes: i32,
    /// Merged bytes of earlier steps, and of this one.
    skip: i32,
    count: i32,
    pad: bool,
}

impl Request {
    fn random(rng: &mut fastrand::Rng, config: &Config, run: i32) -> Self {
        let tn = config.values().tn as i32;
        // at least a byte of a run is in the row
        let row_bytes = rng.i32(1..=40);
        let bytes = rng.i32(1..=3) * run;
        let skip = rng.i32(0..(bytes + tn - 1) / tn) * tn;
        Request {
            at: rng.i32(1 - run..row_bytes),
            row_ok: rng.u32(..8),
            row_bytes,
            skip,
            count: (bytes - skip).min(tn),
            pad: rng.bool(),
        }
    }

    /// Bytes of each run left of the row, and in it.
    fn parts(&self, run: i32) -> (i32, i32) {
        let pre = (-self.at).max(0);
        (pre, (self.row_bytes - self.at).min(run) - pre)
    }

    fn place(&self, bytes: i32, config: &Config) -> usize {
        (self.at + bytes).rem_euclid(config.word_bytes() as i32) as usize
    }

    /// The step's bytes, one after the other.
    fn merged(&self, run: i32, rows: &[u8], pad_value: u8, config: &Config) -> Vec<u8> {
        let byte = |at: i32| {
            let (row, i) = (at / run, at % run);
            let inside = (0..self.row_bytes).contains(&(self.at + i));
            match inside && self.row_ok >> row & 1 == 1 {
                true => rows[row as usize * config.word_bytes() as usize + self.place(i, config)],
                false => pad_value,
            }
        };
        (self.skip..self.skip + self.count).map(byte).collect()
    }
}

/// A command, merged if it has a length of runs.
fn run(bench: &mut Bench, config: &Config, run: Option<i32>, seed: u64) {
    let word = config.word_bytes() as usize;
    let mut rng = fastrand::Rng::with_seed(seed);
    bench.restart(seed);
    let pad_value = rng.u8(..);
    bench.set("pad_value", pad_value);
    bench.set("run_bytes", run.unwrap_or(1) as u32);
    bench.set("merge_bytes", run.unwrap_or(0) as u32);
    let mut behind: Later<Option<Request>> = Later::new(window_bytes(config) - 2);
    let mut expected: Later<Option<(usize, Vec<u8>)>> = Later::new(1);
    for _ in 0..500 {
        let mut request = Request::random(&mut rng, config, run.unwrap_or(1));
        if run.is_none() {
            // data is asked for only in rows of the map
            request.row_ok |= u32::from(!request.pad);
            request.skip = 0;
        }
        let (pre, data) = request.parts(run.unwrap_or(1));
        bench.set("run_at", request.place(0, config) as u32);
        bench.set("run_first", request.place(request.skip, config) as u32);
        bench.set("run_skip", request.skip as u32);
        bench.set("run_pre", pre as u32);
        bench.set("run_data", data as u32);
        bench.set("run_pad", request.pad);
        bench.set("r_row_ok", request.row_ok);
        let rows = random_bytes(&mut rng, 3 * word as u32);
        bench.set_bytes("s_rows", &rows);
        bench.settle();
        let now = behind.put(Some(request)).map(|request| match run {
            Some(run) => {
                let first = request.place(request.skip, config);
                (first, request.merged(run, &rows, pad_value, config))
            }
            None if request.pad => (0, vec![pad_value; word]),
            None => (0, rows[..word].to_vec()),
        });
        if let Some((first, bytes)) = expected.put(now) {
            let ring = bench.bytes("m_run");
            let got = (first..first + bytes.len()).map(|i| ring[i % word]);
            same(bench, "the step's bytes", got.collect::<Vec<_>>(), bytes);
        }
        bench.tick();
    }
}

#[test]
fn rows_are_put_one_behind_the_other() {
    if !tools_present() {
        return;
    }
    for (tn, lanes, taps) in [(4, 1, 3), (16, 8, 3), (5, 12, 9), (1, 3, 3)] {
        let config = configured(tn, 1, lanes, taps, |v| v.gather_rows = 3);
        let mut bench = Bench::new(&merge(&config));
        for length in 0..=config.merge_run_bytes() as i32 {
            let _case = Case::new(format!("tn {tn}, {lanes} lanes, runs of {length}"));
            let length = (length > 0).then_some(length);
            for seed in seeds!(1, 1).one_by_one() {
                run(
                    &mut bench,
                    &config,
                    length,
                    seed + length.unwrap_or(0) as u64,
                );
            }
        }
    }
}
