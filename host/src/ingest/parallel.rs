//! A few independent jobs on a few threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs every job, on as many threads as asked for and useful, inside the tokio runtime's context. Results come in the jobs'
/// order, whichever was done first. A panic of a job goes on in the caller.
pub(super) fn in_parallel<J: Sync, R: Send>(threads: usize, jobs: &[J], run: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { return done };
            done.push((at, run(job)));
        }
    };
    let runtime = tokio::runtime::Handle::current();
    let mut results = std::thread::scope(|scope| {
        let (work, runtime) = (&work, &runtime);
        let others = 1..threads.min(jobs.len());
        let others: Vec<_> = others
            .map(|_| {
                scope.spawn(move || {
                    let _runtime = runtime.enter();
                    work()
                })
            })
            .collect();
        let mut results = work();
        for other in others {
            results.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn results_come_in_the_order_of_the_jobs() {
        for threads in [0, 1, 3, 100] {
            let jobs: Vec<u64> = (0..50).collect();
            let results = in_parallel(threads, &jobs, |job| {
                std::thread::sleep(std::time::Duration::from_micros(50 - job));
                assert!(tokio::runtime::Handle::try_current().is_ok());
                job * 2
            });
            assert_eq!(results, (0..50).map(|job| job * 2).collect::<Vec<_>>());
        }
    }
}
