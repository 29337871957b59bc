// SPDX-License-Identifier: MIT OR Apache-2.0
//! What random designs and their networks have, counted: a kind that none has is one that no test sees.

mod kinds;

use std::fmt;

use sepstream_hdl::Technology;
use sepstream_spec::config::Config;

pub use kinds::Seen;

/// How many designs and networks have each kind.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    designs: Vec<usize>,
    networks: Vec<usize>,
    /// All of them.
    all: [usize; 2],
}

impl Coverage {
    /// Counts a design.
    pub fn design(&mut self, config: &Config, technology: Technology) {
        let has = kinds::DESIGN.iter().map(|(_, has)| has(config, technology));
        add(&mut self.designs, has);
        self.all[0] += 1;
    }

    /// Counts a network.
    pub fn network(&mut self, seen: &Seen) {
        add(
            &mut self.networks,
            kinds::NETWORK.iter().map(|(_, has)| has(seen)),
        );
        self.all[1] += 1;
    }

    /// Adds what others have counted.
    pub fn merge(&mut self, other: &Coverage) {
        for (own, others) in [
            (&mut self.designs, &other.designs),
            (&mut self.networks, &other.networks),
        ] {
            own.resize(own.len().max(others.len()), 0);
            own.iter_mut().zip(others).for_each(|(own, n)| *own += n);
        }
        for n in [0, 1] {
            self.all[n] += other.all[n];
        }
    }

    fn rows(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let count = |counts: &[usize], n: usize| counts.get(n).copied().unwrap_or(0);
        let designs = kinds::DESIGN.iter().enumerate();
        let networks = kinds::NETWORK.iter().enumerate();
        designs
            .map(move |(n, (name, _))| (*name, count(&self.designs, n)))
            .chain(networks.map(move |(n, (name, _))| (*name, count(&self.networks, n))))
    }

    /// The kinds that nothing has.
    pub fn missing(&self) -> Vec<&'static str> {
        let none = self.rows().filter(|(_, count)| *count == 0);
        none.map(|(name, _)| name).collect()
    }
}

fn add(counts: &mut Vec<usize>, has: impl ExactSizeIterator<Item = bool>) {
    counts.resize(has.len(), 0);
    for (count, has) in counts.iter_mut().zip(has) {
        *count += usize::from(has);
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} designs, {} networks on them",
            self.all[0], self.all[1]
        )?;
        for (n, (name, count)) in self.rows().enumerate() {
            let of = if n < kinds::DESIGN.len() {
                "designs"
            } else {
                "networks"
            };
            writeln!(f, "{count:6} {of:8} {name}")?;
        }
        Ok(())
    }
}
