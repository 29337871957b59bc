// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many cases on all processors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// A difference, in words.
pub type Difference = String;

/// Calls `each` for every item on all processors, and fails with everything that any of them found, behind what the item is called.
/// A panic is a difference.
pub fn for_all<T: Sync>(
    items: &[T],
    what: impl Fn(&T) -> String + Sync,
    each: impl Fn(&T) -> Vec<Difference> + Sync,
) {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            let differences = catch_unwind(AssertUnwindSafe(|| each(item)))
                .unwrap_or_else(|_| vec!["panic (its message is above)".into()]);
            let named = differences.iter().map(|found| what(item) + found);
            found
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(named);
        }
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..processors).for_each(|_| drop(scope.spawn(work))));
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(
        found.is_empty(),
        "{} differences:\n{}",
        found.len(),
        found.join("\n")
    );
}
