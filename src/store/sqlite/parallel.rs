//! Reading the file on one core while the others make values of what was read.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Mutex, mpsc};
use std::thread;

use crate::store::StoreError;

/// Hands what `read` gives away to `parse`, on as many threads as there are cores; `read` runs on this one, which
/// then helps. The answers are in the order in which they were given away.
///
/// # Errors
/// The one of `read`, else the first of `parse`.
pub(super) fn spread<I: Send, O: Send>(
    read: impl FnOnce(&mut dyn FnMut(I)) -> Result<(), StoreError>,
    parse: impl Fn(I) -> Result<O, StoreError> + Sync,
) -> Result<Vec<O>, StoreError> {
    let (give, given) = mpsc::channel::<(usize, I)>();
    let given = Mutex::new(given);
    let take = || given.lock().ok()?.recv().ok();
    let work = || {
        let mut done = Vec::new();
        while let Some((nth, raw)) = take() {
            done.push((nth, parse(raw)));
        }
        done
    };
    let parallel = thread::available_parallelism().map_or(1, NonZero::get);
    let mut done = thread::scope(|scope| {
        // Without helpers it only takes longer.
        let helpers: Vec<_> =
            (1..parallel).filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let mut nth = 0;
        let read = read(&mut |raw| {
            // `given` outlives this.
            let _ = give.send((nth, raw));
            nth += 1;
        });
        drop(give);
        let mut done = work();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|why| resume_unwind(why)));
        }
        read.map(|()| done)
    })?;
    done.sort_unstable_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let made = spread(
            |give| {
                (0..1_000).for_each(give);
                Ok(())
            },
            |it: u32| Ok(it * 2),
        );
        assert_eq!(made.unwrap(), (0..1_000).map(|it| it * 2).collect::<Vec<_>>());
    }

    #[test]
    fn what_went_wrong_on_either_side_is_told() {
        let refuse = |it: u32| {
            if it == 7 { Err(StoreError::Closed) } else { Ok(it) }
        };
        let give = |give: &mut dyn FnMut(u32)| {
            (0..20).for_each(give);
            Ok(())
        };
        assert!(matches!(spread(give, refuse), Err(StoreError::Closed)));
        let broken = |_: &mut dyn FnMut(u32)| Err(StoreError::Closed);
        assert!(matches!(spread(broken, Ok), Err(StoreError::Closed)));
    }
}
