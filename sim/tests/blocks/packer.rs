// SPDX-License-Identifier: MIT OR Apache-2.0
//! `packer` against a vector of bytes.

use super::bench::{Bench, Case, Later, random_bytes, same};
use sepstream_hdl::packer::packer;
use sepstream_spec::timing::PACK;
use sepstream_testkit::{seeds, tools_present};

/// A word that comes out: its valid bytes and its tag.
type Word = Option<(Vec<u8>, bool)>;

/// The open word, and what a closing run has left for the next cycle.
#[derive(Default)]
struct Model {
    open: Vec<u8>,
    rest: Word,
}

impl Model {
    /// One cycle with the bytes of a run, `last` and tag.
    fn cycle(&mut self, width: usize, run: &[u8], last: bool, tag: bool) -> Word {
        let rest = self.rest.take();
        if run.is_empty() {
            return rest;
        }
        assert!(rest.is_none(), "the test broke invariant I1");
        self.open.extend_from_slice(run);
        let full = self.open.len() >= width;
        let word = full.then(|| self.open.drain(..width).collect::<Vec<_>>());
        if !last {
            return word.map(|word| (word, false));
        }
        let tail = std::mem::take(&mut self.open);
        match word {
            Some(word) if tail.is_empty() => Some((word, tag)),
            Some(word) => {
                self.rest = Some((tail, tag));
                Some((word, false))
            }
            None => Some((tail, tag)),
        }
    }
}

#[test]
fn runs_become_words() {
    if !tools_present() {
        return;
    }
    for (source, width) in [(4, 1), (4, 3), (8, 5), (16, 16), (64, 64)] {
        let mut bench = Bench::new(&packer(source, width));
        for seed in seeds!(6, 3).one_by_one() {
            let _case = Case::new(format!("{source} to {width}, seed {seed}"));
            let mut rng = fastrand::Rng::with_seed(seed);
            bench.restart(seed);
            let mut model = Model::default();
            let mut expected = Later::new(PACK);
            // from no gaps to many, from runs of one byte to full ones
            let busy = [1.0, 0.9, 0.5][seed as usize % 3];
            let most = if seed == 0 { 1 } else { width };
            for _ in 0..3000 {
                let valid = model.rest.is_none() && rng.f64() < busy;
                let count = if rng.bool() { most } else { rng.u32(1..=most) };
                let first = rng.u32(..source);
                let (last, tag) = (rng.u32(..6) == 0, rng.bool());
                let data = random_bytes(&mut rng, source);
                bench.set("s_valid", valid);
                bench.set("s_count", count);
                bench.set("s_first", first);
                bench.set("s_last", last);
                bench.set("s_tag", tag);
                bench.set_bytes("s_data", &data);
                bench.settle();
                let run = (first..first + count).map(|i| data[(i % source) as usize]);
                let run = if valid { run.collect() } else { Vec::new() };
                let want = expected.put(model.cycle(width as usize, &run, last, tag));
                bench.expect("m_valid", want.is_some());
                bench.expect("m_tag", want.as_ref().is_some_and(|(_, tag)| *tag));
                if let Some((bytes, _)) = want {
                    same(
                        &bench,
                        "m_data",
                        &bench.bytes("m_data")[..bytes.len()],
                        &bytes[..],
                    );
                }
                bench.tick();
            }
        }
    }
}
