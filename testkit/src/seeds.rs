// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where random tests have their seeds from: some that are always the same, and some of this run alone.
//!
//! The fixed ones keep what was once found from coming back. The new ones follow from the commit, so every commit tries other cases,
//! and a failure of one can be repeated. `SEPSTREAM_SEED=n` runs seed `n` alone.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use crate::parallel::{Difference, for_all};

/// The environment variable that picks a single seed.
pub const VARIABLE: &str = "SEPSTREAM_SEED";

/// The new seeds of all tests lie below this: numbers that a person can type.
const NEW: u64 = 1 << 32;

/// The first new seed is a multiple of this: what belongs together has seeds that are neighbours.
const TOGETHER: u64 = 16;

/// The seeds of one test.
#[derive(Debug)]
pub struct Seeds {
    seeds: Vec<u64>,
    /// A single one was asked for: what a test wants to see in many cases need not be in it.
    pub single: bool,
    test: Test,
}

/// How a test is called.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its package.
    pub package: &'static str,
    /// Its target, as the compiler calls it.
    pub target: &'static str,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Test {
            package,
            target,
            name,
        } = self;
        // a package's own tests are in its library, whose name is the package's
        match *target == package.replace('-', "_") {
            true => write!(f, "cargo test -p {package} --lib {name}"),
            false => write!(f, "cargo test -p {package} --test {target} {name}"),
        }
    }
}

/// The [`Seeds`] of the test that this stands in: how many fixed ones, how many new ones. Prints them.
#[macro_export]
macro_rules! seeds {
    ($fixed:expr, $new:expr) => {
        $crate::Seeds::new(
            $fixed,
            $new,
            $crate::seeds::Test {
                package: env!("CARGO_PKG_NAME"),
                target: env!("CARGO_CRATE_NAME"),
                name: std::thread::current().name().unwrap_or("").into(),
            },
        )
    };
}

impl Seeds {
    /// See [`seeds!`](crate::seeds!).
    pub fn new(fixed: u64, new: u64, test: Test) -> Self {
        if let Ok(seed) = std::env::var(VARIABLE) {
            let seed = seed.parse();
            return Seeds {
                seeds: vec![seed.unwrap_or_else(|_| panic!("{VARIABLE} is a number"))],
                single: true,
                test,
            };
        }
        let first = first_new();
        let seeds = (0..fixed).chain(first..first + new).collect();
        println!(
            "{}: seeds 0..{fixed} and {first}..{}",
            test.name,
            first + new
        );
        Seeds {
            seeds,
            single: false,
            test,
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.seeds.iter().copied()
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.seeds.len() as u64
    }

    /// One after the other; where the test fails at one, it says how to repeat it.
    pub fn one_by_one(self) -> OneByOne {
        OneByOne { seeds: self, at: 0 }
    }

    /// The command that repeats a seed.
    pub fn repeat(&self, seed: u64) -> String {
        format!("{VARIABLE}={seed} {}", self.test)
    }

    /// Calls `each` for every seed on all processors, and fails with everything that any of them found, each with the command that
    /// repeats it.
    pub fn for_all(&self, each: impl Fn(u64) -> Vec<Difference> + Sync) {
        for_all(
            &self.seeds,
            |seed| format!("{}\n", self.repeat(*seed)),
            |seed| each(*seed),
        );
    }
}

/// See [`Seeds::one_by_one`].
pub struct OneByOne {
    seeds: Seeds,
    at: usize,
}

impl Iterator for OneByOne {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let seed = self.seeds.seeds.get(self.at).copied();
        self.at += 1;
        seed
    }
}

impl Drop for OneByOne {
    fn drop(&mut self) {
        let last = self
            .at
            .checked_sub(1)
            .and_then(|at| self.seeds.seeds.get(at));
        if let (Some(seed), true) = (last, std::thread::panicking()) {
            println!("failed at: {}", self.seeds.repeat(*seed));
        }
    }
}

/// The first new seed: of the commit, or of the clock where there is no git.
fn first_new() -> u64 {
    let git = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output();
    match git {
        Ok(output) if output.status.success() => of(&output.stdout),
        _ => of(&SystemTime::now()),
    }
}

/// A seed made of anything, above those that tests count up to.
fn of(from: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    from.hash(&mut hasher);
    let seed = NEW / 16 + hasher.finish() % (NEW - NEW / 16);
    seed - seed % TOGETHER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_that_repeats_it() {
        let seeds = seeds!(3, 2);
        let name = "seeds::tests::a_failure_names_the_command_that_repeats_it";
        let command = format!("cargo test -p sepstream-testkit --lib {name}");
        assert_eq!(seeds.repeat(7), format!("SEPSTREAM_SEED=7 {command}"));
        let failed = std::panic::catch_unwind(|| {
            seeds.for_all(|seed| match seed {
                2 => vec!["wrong".into()],
                _ => Vec::new(),
            });
        });
        let found = *failed.unwrap_err().downcast::<String>().unwrap();
        assert!(
            found.contains("SEPSTREAM_SEED=2 ") && found.contains("wrong"),
            "{found}"
        );
    }

    #[test]
    fn new_seeds_are_those_of_a_commit() {
        let (a, b) = (of("one commit"), of("another"));
        assert_eq!(a, of("one commit"));
        assert_ne!(a, b);
        let seeds = Seeds::new(0, 4, seeds!(0, 0).test);
        if !seeds.single {
            let all: Vec<u64> = seeds.iter().collect();
            assert!(all.len() == 4 && all[0] >= NEW / 16, "{all:?}");
        }
    }
}
