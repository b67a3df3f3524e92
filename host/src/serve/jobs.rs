//! How many runs are on at once: a number that may change while they are.
//!
//! Raised, runs that wait begin at once. Lowered, no run is stopped: those that are on finish, and as many places are
//! not given out again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Places for runs.
#[derive(Debug)]
pub struct Jobs {
    places: Semaphore,
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    /// Runs at once.
    most: usize,
    /// Places that are taken and go with the runs that have them.
    surplus: usize,
}

impl Jobs {
    /// As many as the configuration allows: a number that costs nothing when it is never reached.
    pub const MOST: usize = 1024;

    /// Places for `most` runs, no more than [`Self::MOST`].
    pub fn new(most: usize) -> Self {
        let most = most.min(Self::MOST);
        Self { places: Semaphore::new(most), size: Mutex::new(Size { most, surplus: 0 }) }
    }

    /// Changes how many runs are on at once.
    pub fn resize(&self, most: usize) {
        let most = most.min(Self::MOST);
        let mut size = self.size();
        if let Some(more) = most.checked_sub(size.most) {
            let kept = more.min(size.surplus);
            size.surplus -= kept;
            self.places.add_permits(more - kept);
        } else {
            let fewer = size.most - most;
            size.surplus += fewer - self.places.forget_permits(fewer);
        }
        size.most = most;
    }

    /// Waits for a place, in the order of asking; `None` never comes while this lives.
    pub async fn place(&self) -> Option<Place<'_>> {
        let permit = self.places.acquire().await.ok()?;
        Some(Place { jobs: self, permit: Some(permit) })
    }

    fn size(&self) -> MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place of one run; given back when dropped.
#[derive(Debug)]
pub struct Place<'a> {
    jobs: &'a Jobs,
    permit: Option<SemaphorePermit<'a>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut size = self.jobs.size();
        if size.surplus > 0 {
            size.surplus -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn now(jobs: &Jobs) -> Option<Place<'_>> {
        jobs.place().now_or_never().flatten()
    }

    #[test]
    fn more_places_are_there_at_once() {
        let jobs = Jobs::new(1);
        let first = now(&jobs);
        assert!(first.is_some() && now(&jobs).is_none());
        let mut waiting = std::pin::pin!(jobs.place());
        assert!(waiting.as_mut().now_or_never().is_none());
        jobs.resize(2);
        assert!(waiting.now_or_never().flatten().is_some());
    }

    #[test]
    fn fewer_places_go_with_the_runs_that_have_them() {
        let jobs = Jobs::new(3);
        let (first, second) = (now(&jobs), now(&jobs));
        // One of the two that go is free, the other is taken.
        jobs.resize(1);
        assert!(now(&jobs).is_none());
        drop(first);
        assert!(now(&jobs).is_none(), "one run is still on");
        drop(second);
        let only = now(&jobs);
        assert!(only.is_some() && now(&jobs).is_none());
    }

    #[test]
    fn a_number_that_is_taken_back_costs_no_place() {
        let jobs = Jobs::new(2);
        let held = (now(&jobs), now(&jobs));
        jobs.resize(1);
        jobs.resize(3);
        let third = now(&jobs);
        assert!(third.is_some() && now(&jobs).is_none());
        drop((held, third));
        let all: Vec<_> = std::iter::from_fn(|| now(&jobs)).collect();
        assert_eq!(all.len(), 3);
    }
}
