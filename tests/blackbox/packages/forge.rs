//! Packages in parts, each of which can be made wrong under digests, hashes and signatures that are right: what somebody
//! would make who wants a package believed.

use crate::vectors::forge::{ORIGIN, TIME_MS, log_signer, salt};
use provlog_core::cbor::{Map, Value};
use provlog_core::checkpoint::Checkpoint;
use provlog_core::entry::{Entry, Kind, TimeMs};
use provlog_core::package::{
    CHECKPOINT, CONSISTENCY, CSV, FILES, FileEntry, Filters, Head, JSON_LINES, LeftOut, MANIFEST,
    MANIFEST_SHA256, Manifest, PREVIOUS_CHECKPOINT, PROOF, RECORDS, REPORT, RedactionRule, Texts, Version,
    csv_header, record_item,
};
use provlog_core::record::{Claim, Record, Section, SectionName};
use provlog_core::tree::{NodeSource, consistency_proof, multiproof_each, root_of};
use provlog_core::{Hash, note::LogSigner};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// Names and bytes.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A log: records at some indices, and the same leaf everywhere else, so that a tree may have any size.
#[derive(Clone)]
pub struct Log {
    pub size: u64,
    pub records: BTreeMap<u64, Record>,
    pub leaves: BTreeMap<u64, Hash>,
}

impl NodeSource for Log {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        let start = index << level;
        let mut inside = self.leaves.range(start..start + (1 << level));
        match (inside.next(), level) {
            (Some((_, leaf)), 0) => Ok(*leaf),
            (None, _) => {
                let leaf = Hash::leaf(b"an entry of which nothing is known");
                Ok((0..level).fold(leaf, |node, _| Hash::node(&node, &node)))
            }
            (Some(_), _) => {
                let [left, right] = [index << 1, index << 1 | 1].map(|index| self.node(level - 1, index));
                Ok(Hash::node(&left?, &right?))
            }
        }
    }
}

impl Log {
    pub fn new(size: u64) -> Self {
        Self { size, records: BTreeMap::new(), leaves: BTreeMap::new() }
    }

    pub fn insert(&mut self, index: u64, record: Record) {
        self.leaves.insert(index, record.entry.leaf_hash());
        self.records.insert(index, record);
    }

    /// Another record in the place of this one.
    pub fn with(mut self, index: u64, record: Record) -> Self {
        self.insert(index, record);
        self
    }

    pub fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint { origin: ORIGIN.into(), size, root: root_of(self, size).unwrap() }
    }

    /// A package of these entries as they are in the log. Where none is left out between them, it claims the range.
    pub fn package(&self, indices: &[u64]) -> Package {
        let records = indices.iter().map(|index| (*index, self.records[index].clone())).collect();
        self.package_of(records)
    }

    /// A package of the first version of these records at these indices, which the log may know otherwise.
    pub fn package_of(&self, records: Vec<(u64, Record)>) -> Package {
        self.package_in(Version::V1, records)
    }

    /// The package of the last of these entries, which names all others and nothing else.
    pub fn entry_package(&self, indices: &[u64]) -> Package {
        let records = indices.iter().map(|index| (*index, self.records[index].clone())).collect();
        self.entry_package_of(records)
    }

    /// As [`Log::entry_package`], of records that the log may know otherwise.
    pub fn entry_package_of(&self, records: Vec<(u64, Record)>) -> Package {
        let entry = records[records.len() - 1].0;
        self.package_in(Version::V2, records).leaving_out(&[]).stating(|manifest| {
            manifest.filters.entry = Some(entry);
            manifest.range = None;
        })
    }

    pub fn package_in(&self, version: Version, records: Vec<(u64, Record)>) -> Package {
        let indices: Vec<u64> = records.iter().map(|(index, _)| *index).collect();
        let head = self.checkpoint(self.size);
        let (first, last) = (indices[0], indices[indices.len() - 1]);
        let count = u64::try_from(indices.len()).unwrap();
        let manifest = Manifest {
            version,
            tool: "provlog test vectors".into(),
            created_ms: TIME_MS + 86_400_000,
            origin: head.origin.clone(),
            checkpoint: Head { size: head.size, root: head.root },
            previous: None,
            filters: Filters::default(),
            range: (last - first + 1 == count).then_some(first..last + 1),
            count,
            left_out: None,
            redaction: RedactionRule::default(),
            files: Vec::new(),
        };
        let mut files = Files::new();
        files.insert(CHECKPOINT.into(), head.sign(&log_signer(ORIGIN)).into_bytes());
        let mut proof = Vec::new();
        let mut keep = |node| {
            proof.push(node);
            Ok::<(), Infallible>(())
        };
        multiproof_each(self, &indices, self.size, &mut keep).unwrap();
        files.insert(PROOF.into(), bytes_of(&proof));
        files.insert(REPORT.into(), b"<!doctype html><title>a page that nothing reads</title>\n".to_vec());
        let mut package = Package { files, manifest };
        package.write_records(&records);
        package
    }
}

/// A package in parts.
#[derive(Clone)]
pub struct Package {
    /// Every file but the manifest and its digest.
    pub files: Files,
    /// The manifest. Its list of files is made at the end, from the files.
    pub manifest: Manifest,
}

impl Package {
    /// `records.cbor` and its two texts.
    pub fn write_records(&mut self, records: &[(u64, Record)]) {
        let mut texts = Texts::default();
        for (index, record) in records {
            texts.add(self.manifest.version, *index, record);
        }
        let items = records.iter().flat_map(|(index, record)| record_item(*index, record)).collect();
        self.files.insert(RECORDS.into(), items);
        self.files.insert(JSON_LINES.into(), texts.json.into_bytes());
        self.files.insert(CSV.into(), (csv_header(self.manifest.version) + &texts.csv).into_bytes());
    }

    /// With the log's checkpoint at `size` as the earlier one.
    pub fn with_previous(self, log: &Log, size: u64) -> Self {
        self.with_previous_by(log, size, &log_signer(ORIGIN))
    }

    pub fn with_previous_by(mut self, log: &Log, size: u64, signer: &LogSigner) -> Self {
        let checkpoint = log.checkpoint(size);
        self.manifest.previous = Some(Head { size, root: checkpoint.root });
        self.files.insert(PREVIOUS_CHECKPOINT.into(), checkpoint.sign(signer).into_bytes());
        let proof = consistency_proof(log, size, self.manifest.checkpoint.size.max(size)).unwrap();
        self.files.insert(CONSISTENCY.into(), bytes_of(&proof));
        self
    }

    /// Saying that these are left out.
    pub fn leaving_out(self, indices: &[u64]) -> Self {
        let left_out = LeftOut::of(&indices.iter().copied().collect());
        self.stating(|manifest| manifest.left_out = Some(left_out))
    }

    pub fn stating(mut self, change: impl FnOnce(&mut Manifest)) -> Self {
        change(&mut self.manifest);
        self
    }

    /// With these bytes as the file.
    pub fn with_file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(name.into(), bytes.into());
        self
    }

    /// The file after a change, which must change something.
    pub fn changing(self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = self.files[name].clone();
        change(&mut bytes);
        assert_ne!(bytes, self.files[name], "{name} is as it was");
        self.with_file(name, bytes)
    }

    /// The text after the first `from` in it became `to`.
    pub fn rewording(self, name: &str, from: &str, to: &str) -> Self {
        self.changing(name, |bytes| {
            *bytes = std::str::from_utf8(bytes).unwrap().replacen(from, to, 1).into_bytes();
        })
    }

    /// Every file, with the lengths and digests that they have.
    pub fn finish(&self) -> Files {
        self.finish_listing(|_| {})
    }

    /// Every file, but the list of them is changed before it is written.
    pub fn finish_listing(&self, change: impl FnOnce(&mut Vec<FileEntry>)) -> Files {
        let mut manifest = self.manifest.clone();
        let entry = |name: &str, bytes: &Vec<u8>| FileEntry {
            name: name.into(),
            size: u64::try_from(bytes.len()).unwrap(),
            sha256: Hash::plain(bytes),
        };
        let listed = FILES.iter().filter_map(|(name, _)| Some(entry(name, self.files.get(*name)?)));
        manifest.files = listed.collect();
        change(&mut manifest.files);
        self.finish_with(&manifest.to_bytes())
    }

    /// Every file, but one text in the manifest is another.
    pub fn finish_rewording(&self, from: &str, to: &str) -> Files {
        let text = String::from_utf8(self.finish()[MANIFEST].clone()).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        self.finish_with(text.replacen(from, to, 1).as_bytes())
    }

    /// Every file, under this manifest.
    pub fn finish_with(&self, manifest: &[u8]) -> Files {
        let mut files = self.files.clone();
        files.insert(MANIFEST_SHA256.into(), Manifest::digest_line(manifest).into_bytes());
        files.insert(MANIFEST.into(), manifest.to_vec());
        files
    }
}

pub fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// A record of these claims, logged at this time.
pub fn record(kind: u8, time_ms: u64, submitted: &[(&str, Value)], attested: &[(&str, Value)]) -> Record {
    let section = |section: SectionName, claims: &[(&str, Value)]| {
        let claim = |(name, value): &(&str, Value)| {
            let salt = salt(&format!("package {kind} {time_ms} {section} {name}"));
            (name.to_string(), Claim::disclosed(salt, value.clone()))
        };
        Section::from_claims(claims.iter().map(claim).collect()).unwrap()
    };
    let submitted = section(SectionName::Submitted, submitted);
    let attested = section(SectionName::Attested, attested);
    let kind = Kind::new(kind).unwrap();
    let entry = Entry {
        kind,
        time_ms: TimeMs::new(time_ms).unwrap(),
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    Record { entry, submitted, attested }
}

pub fn map(entries: &[(&str, Value)]) -> Value {
    let entries = entries.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    Value::Map(Map::from_entries(entries).unwrap())
}

pub fn list(items: &[Value]) -> Value {
    Value::Array(items.to_vec())
}

pub fn sha256(of: &str) -> Value {
    map(&[("sha256", Value::Bytes(Hash::plain(of.as_bytes()).0.to_vec()))])
}

pub fn absent(reason: &str) -> Value {
    map(&[("absent", reason.into())])
}
