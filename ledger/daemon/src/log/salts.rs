//! Salts for claims that come without, from the system's random source, a page at a time.

use provlog_core::limits::SALT_BYTES;
use provlog_core::record::Salt;
use std::cell::RefCell;

/// Salts drawn at once: 4 KiB, a system call for some twenty records.
const POOL_SALTS: usize = 256;

struct Pool {
    salts: [Salt; POOL_SALTS],
    left: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { salts: [[0; SALT_BYTES]; POOL_SALTS], left: 0 }) };
}

/// `count` salts that nobody was given before.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn draw(count: usize) -> Result<Vec<Salt>, getrandom::Error> {
    POOL.with_borrow_mut(|pool| (0..count).map(|_| pool.next()).collect())
}

impl Pool {
    fn next(&mut self) -> Result<Salt, getrandom::Error> {
        if self.left == 0 {
            getrandom::fill(self.salts.as_flattened_mut())?;
            self.left = POOL_SALTS;
        }
        self.left -= 1;
        // Leaves zeros behind: a salt is what keeps a hidden value from being guessed, and stays nowhere it needn't.
        Ok(std::mem::take(&mut self.salts[self.left]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_salt_comes_twice() {
        let mut drawn: Vec<Salt> = (0..3).flat_map(|_| draw(POOL_SALTS - 1).unwrap()).collect();
        drawn.extend(std::thread::spawn(|| draw(2 * POOL_SALTS).unwrap()).join().unwrap());
        let distinct: HashSet<&Salt> = drawn.iter().collect();
        assert_eq!(distinct.len(), drawn.len());
        assert!(!distinct.contains(&[0; 16]));
    }
}
