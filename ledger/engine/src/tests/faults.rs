//! Every write point, gone wrong in every way; and every sync, left out. After each the log is opened again, the oracle
//! reads all of it, it takes the rest of the script, and a power cut must change nothing of that.

use super::oracle::History;
use super::sim_disk::{Fault, Keep, SimDisk, Skip, SyncKind};
use super::{Folder, ORIGIN, SMALL_SEGMENT_BYTES, Stepped, create, options, submission};
use crate::durable::{Disk, make_folder};
use crate::options::Options;
use crate::submission::AppendError;
use std::path::Path;
use std::sync::Arc;

const FOLDER: &str = "/log";

/// Sizes of the groups that are appended; enough for a few segments.
const GROUPS: [u64; 9] = [1, 2, 1, 3, 1, 1, 4, 1, 1];

struct World {
    disk: SimDisk,
    options: Options,
    history: History,
    done: usize,
    appended: u64,
    /// Whether processes write derived files, and read all of the log in the end.
    follows: bool,
}

/// Why the script stopped.
enum Stop {
    /// The disk failed, as planned: the process would end here.
    Process(String),
    /// An invariant is broken.
    Broken(String),
}

impl World {
    fn new() -> Self {
        // Somebody made the folder, and didn't see to it that it stays.
        let disk = SimDisk::new(Path::new("/"));
        disk.create_dir(Path::new(FOLDER)).unwrap();
        Self {
            disk,
            options: options(FOLDER).0,
            history: History::default(),
            done: 0,
            appended: 0,
            follows: true,
        }
    }

    /// One process: makes the log if there is none, opens it, and does what is left of the script.
    fn process(&mut self) -> Result<(), Stop> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let settings =
            disk.exists(&self.options.settings_path()).map_err(|error| Stop::Process(error.to_string()))?;
        if !settings {
            make_folder(disk.as_ref(), &self.options.data_dir)
                .map_err(|error| Stop::Process(error.to_string()))?;
            create(&disk, &self.options, ORIGIN)
                .map_err(|error| Stop::Process(format!("creation: {error}")))?;
        }
        let mut log = Stepped::open(&disk, &self.options, SMALL_SEGMENT_BYTES)
            .map_err(|error| Stop::Process(format!("opening: {error}")))?;
        self.history.observe(&log).map_err(Stop::Broken)?;
        if self.follows {
            log.follow();
        }
        while let Some(count) = GROUPS.get(self.done) {
            self.group(&mut log, *count)?;
            self.done += 1;
        }
        if self.follows { self.history.check(&log.reader()).map_err(Stop::Process) } else { Ok(()) }
    }

    fn group(&mut self, log: &mut Stepped, count: u64) -> Result<(), Stop> {
        let group: Vec<_> = (self.appended..self.appended + count).map(submission).collect();
        let answer = match log.commit(vec![group.clone()]).remove(0) {
            Ok(answer) => answer,
            Err(AppendError::NoSpace { detail } | AppendError::Fatal { detail }) => {
                return Err(Stop::Process(detail));
            }
            Err(other) => return Err(Stop::Broken(other.to_string())),
        };
        self.appended += count;
        self.history.answered(&group, &answer).map_err(Stop::Broken)?;
        self.history.observe(log).map_err(Stop::Broken)?;
        if self.follows {
            log.follow();
        }
        Ok(())
    }

    /// Runs processes until the script is done, and then once more after a power cut that keeps only what was synced.
    fn recover(&mut self) -> Result<(), String> {
        for keep in [None, Some(Keep::Nothing)] {
            keep.into_iter().for_each(|keep| self.disk.power_cut(keep));
            match self.process() {
                Ok(()) => {}
                Err(Stop::Process(what) | Stop::Broken(what)) => return Err(what),
            }
        }
        Ok(())
    }
}

/// Lets operation `at` go wrong; gives `None` when the script has fewer, or what broke.
fn run(at: usize, fault: Fault, keep: Option<Keep>, skip: Option<Skip>) -> Option<Result<(), String>> {
    let mut world = World::new();
    skip.into_iter().for_each(|skip| world.disk.skip(skip));
    world.disk.plan(at, fault);
    let first = world.process();
    if world.disk.forget_plan() {
        return None;
    }
    if let Err(Stop::Broken(what)) = first {
        return Some(Err(what));
    }
    keep.into_iter().for_each(|keep| world.disk.power_cut(keep));
    Some(world.recover())
}

#[test]
fn every_write_point_may_fail_in_every_way() {
    let mut points = 0;
    for (fault, keep) in [
        (Fault::Failed, None),
        (Fault::FailedButPersisted, None),
        (Fault::Torn, None),
        (Fault::NoSpace, None),
        (Fault::Failed, Some(Keep::Nothing)),
        (Fault::FailedButPersisted, Some(Keep::Nothing)),
        (Fault::Torn, Some(Keep::Some(7))),
    ] {
        for at in 0.. {
            let Some(result) = run(at, fault, keep, None) else { break };
            result.unwrap_or_else(|what| panic!("operation {at}, {fault:?}, {keep:?}: {what}"));
            points = points.max(at + 1);
        }
    }
    assert!(points > 100, "the script has {points} write points");
}

#[test]
fn the_power_may_go_at_every_point() {
    for keep in [Keep::Nothing, Keep::Everything, Keep::Some(1), Keep::Some(2), Keep::Some(3)] {
        for at in 0.. {
            let Some(result) = run(at, Fault::PowerCut, Some(keep), None) else { break };
            result.unwrap_or_else(|what| panic!("operation {at}, {keep:?}: {what}"));
        }
    }
}

/// A sync fails, the process is started again on what the page cache shows, and then the power goes.
#[test]
fn what_a_failed_sync_left_in_the_cache_is_not_relied_on() {
    let created = operations_of_creation();
    for keep in [Keep::Nothing, Keep::Some(1), Keep::Some(2)] {
        for at in created..created + 24 {
            for cut in 0..14 {
                let mut world = World::new();
                world.follows = false;
                world.disk.plan(at, Fault::Failed);
                let first = world.process();
                assert!(matches!(first, Ok(()) | Err(Stop::Process(_))), "operation {at}");
                world.disk.plan(cut, Fault::PowerCut);
                let second = world.process();
                assert!(matches!(second, Ok(()) | Err(Stop::Process(_))), "operation {at}, then {cut}");
                world.disk.power_cut(keep);
                world.follows = true;
                world.recover().unwrap_or_else(|what| panic!("operation {at}, then {cut}, {keep:?}: {what}"));
            }
        }
    }
}

fn operations_of_creation() -> usize {
    let world = World::new();
    let before = world.disk.operations();
    let disk: Arc<dyn Disk> = Arc::new(world.disk.clone());
    create(&disk, &world.options, ORIGIN).unwrap();
    world.disk.operations() - before
}

#[test]
fn every_sync_is_needed() {
    // A segment header's own sync is not among them: the first frame's has the header too. It is there so that a disk
    // that fails is found before the segment is named and an index assigned. Nor are those of derived files: without them
    // a power cut costs a rebuild, and nothing else.
    let syncs: [(&str, Skip); 10] = [
        ("the folder's above the data folder", |path, _| path == Path::new("/")),
        ("a frame's", |path, kind| is_segment(path) && kind == SyncKind::Data),
        ("the journal folder's", |path, kind| path.ends_with("journal") && kind == SyncKind::Folder),
        ("the high-water mark's", |path, kind| path.ends_with("high-water") && kind == SyncKind::Data),
        ("the new high-water file's", |path, kind| path.ends_with("high-water") && kind == SyncKind::All),
        ("the data folder's", |path, kind| path == Path::new(FOLDER) && kind == SyncKind::Folder),
        ("log.toml's", |path, _| path.ends_with("log.toml.new")),
        ("the key's", |path, _| path.ends_with("log.key")),
        ("the key folder's", |path, kind| path.ends_with("keys") && kind == SyncKind::Folder),
        ("the secret's", |path, _| path.ends_with("secret")),
    ];
    for (name, skip) in syncs {
        let found = [Keep::Nothing, Keep::Some(1), Keep::Some(2), Keep::Some(3)].into_iter().any(|keep| {
            let mut points = (0..).map_while(|at| run(at, Fault::PowerCut, Some(keep), Some(skip)));
            points.any(|result| result.is_err())
        });
        assert!(found, "leaving out {name} sync breaks nothing that these tests see");
    }
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "seg")
}

#[test]
fn no_space_refuses_and_loses_nothing_and_appends_go_on_when_it_returns() {
    let world = World::new();
    let disk: Arc<dyn Disk> = Arc::new(world.disk.clone());
    create(&disk, &world.options, ORIGIN).unwrap();
    let mut log = Stepped::open(&disk, &world.options, SMALL_SEGMENT_BYTES).unwrap();
    world.disk.set_space(Some(0));
    let (mut history, mut n) = (History::default(), 0);
    let refused = loop {
        match log.commit(vec![vec![submission(n)]]).remove(0) {
            Ok(answer) => history.answered(&[submission(n)], &answer).unwrap(),
            Err(error) => break error,
        }
        n += 1;
    };
    assert!(
        matches!(&refused, AppendError::NoSpace { detail } if detail.contains("00000000000000000001.seg")),
        "{refused}"
    );
    assert!(n > 0);
    for _ in 0..3 {
        assert_eq!(log.append(submission(n)).unwrap_err(), refused);
    }
    history.check(&log.reader()).unwrap();
    world.disk.set_space(None);
    let answer = log.commit(vec![vec![submission(n)]]).remove(0).unwrap();
    history.answered(&[submission(n)], &answer).unwrap();
    assert_eq!(answer.committed.checkpoint.size, n + 2, "genesis, and {n} before");
    history.check(&log.reader()).unwrap();
}

/// A copy that was put back has holes where the segment was reserved, may lack the zeros at its end, and here there is no
/// space for either.
#[test]
fn a_log_put_back_onto_a_full_disk_is_read_and_takes_appends_when_there_is_space() {
    for torn in [0, 60] {
        let (folder, disk) = Folder::simulated();
        drop(folder.fill(0, 2));
        let path = folder.segment(0);
        let end = disk.bytes(&path).iter().rposition(|byte| *byte != 0).unwrap() + 1;
        disk.damage(&path, |bytes| {
            bytes.truncate(end);
            bytes.resize(end + torn, 9);
        });
        disk.make_hole(&path, end);
        disk.set_space(Some(0));
        let put_back = disk.bytes(&path);
        let mut log = folder.open().unwrap();
        for index in 0..3 {
            log.reader().record(index).unwrap();
        }
        for _ in 0..3 {
            let error = log.append(submission(2)).unwrap_err();
            assert!(matches!(error, AppendError::NoSpace { .. }), "{error}");
        }
        assert_eq!(disk.bytes(&path), put_back, "nothing was written");
        disk.set_space(Some(u64::from(SMALL_SEGMENT_BYTES)));
        assert_eq!(log.append(submission(2)).unwrap().outcome.index(), 3);
        assert_eq!(disk.bytes(&path).len(), usize::try_from(SMALL_SEGMENT_BYTES).unwrap());
        drop(log);
        let log = folder.open().unwrap();
        assert_eq!(log.reader().committed().checkpoint.size, 4);
        assert_eq!(log.opened.shared.frames.newest(), 0, "there was room in the first segment");
    }
}
