//! Rounds of batches: however many there are at a time, and whenever the work between them is done, the same is found.

use super::*;

/// A package whose batches are run in some way.
struct Run<'p> {
    package: &'p Memory,
    workers: usize,
    /// How often the work that needs no batch is done before them, and after.
    before: usize,
    after: usize,
}

impl Files for Run<'_> {
    fn names(&self) -> Vec<String> {
        self.package.names()
    }

    fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable> {
        self.package.open(name)
    }

    fn workers(&self) -> usize {
        self.workers
    }

    fn check<'m>(&self, batches: Vec<Batch<'m>>, meanwhile: &mut dyn FnMut()) -> Vec<Checked> {
        (0..self.before).for_each(|_| meanwhile());
        let checked = batches.into_iter().map(Batch::check).collect();
        (0..self.after).for_each(|_| meanwhile());
        checked
    }
}

/// The good package, and packages that differ in a byte, an end or an order of their records or texts.
fn packages() -> Vec<Memory> {
    let good = whole();
    let changed = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut package = good.clone();
        change(package.0.get_mut(name).unwrap());
        // Whoever wants it believed lists the files as they are.
        package.restate(|_| {});
        package
    };
    let mut packages = Vec::from([good.clone()]);
    for name in [RECORDS, JSON_LINES, CSV] {
        let length = good.0[name].len();
        packages.extend((0..length).step_by(151).map(|at| changed(name, &|bytes| bytes[at] ^= 1)));
        packages.extend((0..length).step_by(997).map(|at| changed(name, &|bytes| bytes.truncate(at))));
        packages.push(changed(name, &|bytes| bytes.push(0)));
        packages.push(changed(name, &|bytes| bytes.extend(bytes.clone())));
    }
    packages
}

#[test]
fn the_verdict_is_the_same_however_batches_are_run() {
    let trust = trust();
    let mut verdicts = [0; 2];
    for package in packages() {
        let once = Run { package: &package, workers: 1000, before: 1, after: 0 };
        let expected = Verifier::new(&trust).package(&once);
        verdicts[usize::from(expected.is_ok())] += 1;
        for (workers, before, after) in [(1, 0, 0), (1, 1, 0), (2, 0, 1), (3, 2, 2), (1000, 0, 0)] {
            let run = Run { package: &package, workers, before, after };
            let got = Verifier::new(&trust).package(&run);
            assert_eq!(got, expected, "{workers} at a time, {before} before and {after} after");
        }
    }
    assert!(verdicts[0] > 100 && verdicts[1] == 1, "{verdicts:?}");
}
