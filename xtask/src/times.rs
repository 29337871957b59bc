// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long tests take: read from what they print, and kept for `--fast`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use crate::root;

/// Seconds by the name of a test: `sim::blocks fill::rows_go_to_their_slots`.
pub type Times = BTreeMap<String, f64>;

/// Name and seconds of a test whose line this is: `test NAME ... ok <1.234s>`.
pub fn timed(line: &str) -> Option<(&str, f64)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let (_, time) = rest.rsplit_once('<')?;
    let seconds = time.strip_suffix("s>")?.parse().ok()?;
    Some((name, seconds))
}

/// The slowest tests, a line each.
pub fn slowest(times: &Times, count: usize) -> String {
    let mut sorted: Vec<_> = times.iter().collect();
    sorted.sort_by(|a, b| b.1.total_cmp(a.1));
    let line = |(name, seconds): &(&String, &f64)| format!("{seconds:7.1}  {name}\n");
    sorted.iter().take(count).map(line).collect()
}

/// In cargo's target folder.
fn file() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(target).join("test-times.json")
}

/// What was kept; nothing where no tests ran yet.
pub fn kept() -> Times {
    let text = fs::read_to_string(file()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Keeps the times of this run, beside those of tests that did not run.
pub fn keep(times: &Times) {
    let mut all = kept();
    all.extend(times.iter().map(|(name, time)| (name.clone(), *time)));
    let written = serde_json::to_vec_pretty(&all).map(|text| fs::write(file(), text));
    if !matches!(written, Ok(Ok(()))) {
        eprintln!("cannot write {}", file().display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tests_have_times() {
        assert_eq!(timed("test a::b ... ok <0.250s>"), Some(("a::b", 0.25)));
        let failed = "test a::b - should panic ... FAILED <12.000s>";
        assert_eq!(timed(failed), Some(("a::b - should panic", 12.0)));
        for other in [
            "test a::b ... ok",
            "running 3 tests",
            "test result: ok. 1 passed",
        ] {
            assert_eq!(timed(other), None);
        }
    }

    #[test]
    fn the_slowest_come_first() {
        let times = [("a", 1.0), ("b", 30.0), ("c", 2.5)].map(|(n, t)| (n.to_owned(), t));
        assert_eq!(slowest(&times.into(), 2), "   30.0  b\n    2.5  c\n");
    }
}
