//! The trees that one run's receipts, packages and mirrors are of. A log has one history: of a size there is one
//! root, and what two sizes have to do with each other takes a proof.

use crate::proof::receipt::{member, uint_json};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page::Page;
use provlog_core::Hash;
use provlog_core::check::{Class, Report, Status};
use provlog_core::checkpoint::Checkpoint;
use provlog_core::json::Json;
use provlog_core::package::PackageReport;
use std::collections::{BTreeMap, BTreeSet};

/// Most forks that are told apart; one is proof enough.
const FORKS_MAX: usize = 16;

/// Most sizes that are listed for people.
const SIZES_SHOWN: usize = 6;

/// Heads of one log, all signed by its key.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// By size: the root that was met first, and where.
    by_size: BTreeMap<u64, (Hash, String)>,
    /// Pairs of sizes of which a package or a mirror proved that the second extends the first.
    proven: BTreeSet<(u64, u64)>,
    compared: Vec<Fronts>,
    forks: Vec<Fork>,
}

/// A mirror, and the trees that are fronts of its own.
#[derive(Debug)]
struct Fronts {
    mirror: String,
    size: u64,
    fronts: Vec<u64>,
}

/// Two trees of one size.
#[derive(Debug)]
struct Fork {
    size: u64,
    sources: [String; 2],
}

impl Heads {
    /// Takes in the checkpoint of a receipt or of a mirror, if the log signed it, whatever else the receipt fails to prove.
    pub(crate) fn add_signed(&mut self, source: &str, report: &impl Report, checkpoint: &Checkpoint) {
        if is_signed(report) {
            self.add(source, checkpoint.size, checkpoint.root);
        }
    }

    /// Takes in the checkpoints of a package in which everything holds.
    pub(crate) fn add_package(&mut self, source: &str, report: &PackageReport) {
        if report.refusing().next().is_some() {
            return;
        }
        let head = report.manifest.checkpoint;
        self.add(source, head.size, head.root);
        if let Some(previous) = report.manifest.previous {
            self.add(source, previous.size, previous.root);
            self.proven.insert((previous.size, head.size));
        }
    }

    /// Compares the trees smaller than a mirror's, which the log signed, with the roots that `root_at` proves at their sizes.
    pub(crate) fn compare(
        &mut self,
        mirror: &str,
        head: &Checkpoint,
        root_at: &dyn Fn(u64) -> Result<Option<Hash>, Failure>,
    ) -> Result<(), Failure> {
        let smaller = self.by_size.range(1..head.size);
        let smaller: Vec<(u64, Hash)> = smaller.map(|(size, (root, _))| (*size, *root)).collect();
        let mut fronts = Vec::new();
        for (size, root) in smaller {
            match root_at(size)? {
                Some(proven) if proven == root => fronts.push(size),
                Some(proven) => self.add(mirror, size, proven),
                None => {}
            }
        }
        self.proven.extend(fronts.iter().map(|size| (*size, head.size)));
        self.compared.push(Fronts { mirror: mirror.into(), size: head.size, fronts });
        Ok(())
    }

    fn add(&mut self, source: &str, size: u64, root: Hash) {
        let (first, of) = self.by_size.entry(size).or_insert_with(|| (root, source.into()));
        if *first != root && self.forks.len() < FORKS_MAX {
            self.forks.push(Fork { size, sources: [of.clone(), source.into()] });
        }
    }

    /// Whether there are sizes next to each other without a proof between them. The fronts of one tree extend each other.
    fn unproven(&self) -> bool {
        let sizes: Vec<u64> = self.by_size.keys().copied().collect();
        let larger: BTreeSet<u64> = self.proven.iter().map(|(_, new)| *new).collect();
        let is_front = |old: u64, new: u64| old == new || self.proven.contains(&(old, new));
        let proven = |old, new| larger.iter().any(|size| is_front(old, *size) && is_front(new, *size));
        sizes.array_windows().any(|[old, new]| !proven(*old, *new))
    }

    /// Not proven, where there is a fork. That different sizes weren't compared is no refusal of any of them.
    pub(crate) fn exit(&self) -> Exit {
        if self.forks.is_empty() { Exit::Ok } else { Exit::NotProven }
    }

    /// What there is to say about more than one tree.
    pub(crate) fn write(&self, page: &mut Page) {
        for Fronts { mirror, size, fronts } in self.compared.iter().filter(|of| !of.fronts.is_empty()) {
            let fronts = sizes_text(fronts.iter());
            let text = format!("consistency: the {size} entries of {mirror} extend the trees of {fronts}");
            page.marked(Status::Pass, &text);
        }
        for Fork { size, sources: [a, b] } in &self.forks {
            page.marked(
                Status::Fail,
                &format!("fork: {a} and {b} are of two trees of {size} entries, both signed by the log: it shows more than one history"),
            );
        }
        if self.unproven() {
            let sizes = sizes_text(self.by_size.keys());
            let how = "`provlog consistency OLD NEW` proves it with the log's help, and without it a mirror of \
                       `provlog audit` of all of them, named beside them";
            page.marked(
                Status::Warn,
                &format!("consistency: not proven between trees of {sizes} entries: {how}"),
            );
        }
    }

    /// `{"sizes": n, "consistency": ..., "forks": [...]}`, where there is more than one tree.
    pub(crate) fn to_json(&self) -> Option<Json> {
        if self.by_size.len() < 2 && self.forks.is_empty() {
            return None;
        }
        let consistency = match (self.forks.is_empty(), self.unproven()) {
            (false, _) => "fork",
            (true, true) => "not proven",
            (true, false) => "proven",
        };
        let fork = |fork: &Fork| {
            let sources = fork.sources.iter().map(|source| source.as_str().into());
            Json::Object(vec![
                member("size", uint_json(fork.size)),
                member("sources", Json::Array(sources.collect())),
            ])
        };
        let sizes = u64::try_from(self.by_size.len()).unwrap_or(u64::MAX);
        Some(Json::Object(vec![
            member("sizes", uint_json(sizes)),
            member("consistency", consistency.into()),
            member("forks", Json::Array(self.forks.iter().map(fork).collect())),
        ]))
    }
}

/// `5, 7, ...`.
fn sizes_text<'a>(sizes: impl ExactSizeIterator<Item = &'a u64>) -> String {
    let more = if sizes.len() > SIZES_SHOWN { ", ..." } else { "" };
    let shown: Vec<String> = sizes.take(SIZES_SHOWN).map(u64::to_string).collect();
    format!("{}{more}", shown.join(", "))
}

/// Whether the log signed the checkpoint; a quorum may be missing.
pub(crate) fn is_signed(report: &impl Report) -> bool {
    !report.refusing().any(|check| matches!(check.class, Class::Form | Class::Trust))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(heads: &Heads) -> String {
        let mut page = Page::plain();
        heads.write(&mut page);
        page.text().into()
    }

    #[test]
    fn one_size_has_one_root_and_two_sizes_need_a_proof() {
        let mut heads = Heads::default();
        heads.add("a", 5, Hash([1; 32]));
        heads.add("b", 5, Hash([1; 32]));
        assert_eq!((heads.exit(), text(&heads), heads.to_json()), (Exit::Ok, String::new(), None));

        heads.add("c", 7, Hash([2; 32]));
        assert_eq!(heads.exit(), Exit::Ok);
        assert!(text(&heads).starts_with("! consistency: not proven between trees of 5, 7 entries"));
        heads.proven.insert((5, 7));
        assert_eq!(text(&heads), "");

        // What a mirror proves of each stands for what they have to do with each other.
        let head = |size| Checkpoint { origin: "example.com/log".into(), size, root: Hash([9; 32]) };
        heads.add("e", 6, Hash([6; 32]));
        heads.compare("short", &head(6), &|_| Ok(Some(Hash([1; 32])))).unwrap();
        assert!(text(&heads).contains("not proven between trees of 5, 6, 7 entries"));
        let roots = |size| {
            Ok(BTreeMap::from([(5, Hash([1; 32])), (6, Hash([6; 32])), (7, Hash([2; 32]))]).remove(&size))
        };
        heads.add("mirror", 9, Hash([9; 32]));
        heads.compare("mirror", &head(9), &roots).unwrap();
        assert!(
            text(&heads)
                .ends_with("\u{2713} consistency: the 9 entries of mirror extend the trees of 5, 6, 7\n")
        );
        assert_eq!(heads.exit(), Exit::Ok);
        heads.compare("torn", &head(9), &|_| Ok(None)).unwrap();
        assert_eq!(heads.exit(), Exit::Ok);
        heads.compare("forked", &head(9), &|size| Ok((size == 6).then_some(Hash([7; 32])))).unwrap();
        assert_eq!(heads.exit(), Exit::NotProven);
        assert!(text(&heads).contains("fork: e and forked are of two trees of 6 entries"));
        heads.forks.clear();

        heads.add("d", 5, Hash([3; 32]));
        assert_eq!(heads.exit(), Exit::NotProven);
        assert!(text(&heads).contains("\u{2717} fork: a and d are of two trees of 5 entries"));
        let json = heads.to_json().unwrap();
        assert_eq!(json.get("consistency").and_then(Json::as_str), Some("fork"));
    }
}
