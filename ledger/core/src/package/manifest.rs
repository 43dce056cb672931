//! `manifest.json`: what a package says of itself (`SPEC.md` section 11.2). Nothing in it is believed; verification
//! compares each statement with the records, the proof and the signed checkpoint.

use super::{FORMAT, FilePlace, place_of};
use crate::cbor::{Map, Value};
use crate::checkpoint::is_origin;
use crate::claims::{self, DIGEST, kind_name, kind_named, to_json};
use crate::entry::{Entry, Kind};
use crate::facet::Facet;
use crate::hash::Hash;
use crate::json::Json;
use crate::limits::{INTEGER_MAX, MANIFEST_BYTES_MAX, PACKAGE_ENTRIES_MAX};
use crate::path::ClaimName;
use crate::record::{Claim, Record};
use crate::redact::Redaction;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

/// What a package says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// Name and version of the program that wrote it.
    pub tool: String,
    /// When it was written, in milliseconds since the Unix epoch; that program's own clock.
    pub created_ms: u64,
    /// The log's name.
    pub origin: String,
    /// The tree that the proof leads to.
    pub checkpoint: Head,
    /// An earlier tree that this one extends.
    pub previous: Option<Head>,
    /// Which entries were asked for.
    pub filters: Filters,
    /// The indices that are claimed to be here without a gap; none for a selection.
    pub range: Option<Range<u64>>,
    /// How many entries there are.
    pub count: u64,
    /// Which claims are hidden.
    pub redaction: RedactionRule,
    /// Every file but the manifest and its digest.
    pub files: Vec<FileEntry>,
}

/// Size and root of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Entries in the tree.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// One file of the package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileEntry {
    /// Its name, one of those that the format has.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
}

/// What entries were selected by. Without any, and with times alone, a package holds a contiguous range.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filters {
    /// Entries of this kind.
    pub kind: Option<Kind>,
    /// Entries of this time and later, in milliseconds since the Unix epoch.
    pub from_ms: Option<u64>,
    /// Entries before this time.
    pub to_ms: Option<u64>,
    /// Entries about a subject with this digest.
    pub subject: Option<Map>,
    /// Entries of this environment.
    pub environment: Option<String>,
}

/// Which claims a package hides.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RedactionRule {
    /// The claims that are hidden, or kept; none where nothing is hidden on purpose, or a profile says what.
    pub rule: Option<Redaction>,
    /// The name of the maker's own rule.
    pub profile: Option<String>,
}

/// Why bytes are no manifest.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("manifest.json: {0}")]
pub struct ManifestError(String);

impl Filters {
    /// Whether entries are selected by what is in them: such a selection's completeness can't be proven.
    #[must_use]
    pub const fn select(&self) -> bool {
        self.kind.is_some() || self.ask_claims()
    }

    /// Whether an entry is one that was asked for, by what it says itself: its kind and time.
    #[must_use]
    pub fn admit_entry(&self, entry: &Entry) -> bool {
        let time_ms = entry.time_ms.get();
        self.kind.is_none_or(|kind| entry.kind == kind)
            && self.from_ms.is_none_or(|from_ms| time_ms >= from_ms)
            && self.to_ms.is_none_or(|to_ms| time_ms < to_ms)
    }

    /// Whether anything is asked of claims.
    #[must_use]
    pub const fn ask_claims(&self) -> bool {
        self.subject.is_some() || self.environment.is_some()
    }

    /// Whether a record is one that was asked for by its claims; one that is hidden fits where `hidden_fits`.
    #[must_use]
    pub fn admit_claims(&self, record: &Record, hidden_fits: bool) -> bool {
        let fits = |facet: Facet, fits: &dyn Fn(&Value) -> bool| match facet.claim(record) {
            None => false,
            Some(Claim::Hidden(_)) => hidden_fits,
            Some(Claim::Disclosed { value, .. }) => fits(value),
        };
        let subject = |wanted| fits(Facet::Subject, &|value| Facet::Subject.has_digest(value, wanted));
        let environment = |wanted| fits(Facet::Environment, &|value| value.as_text() == Some(wanted));
        self.subject.as_ref().is_none_or(subject) && self.environment.as_deref().is_none_or(environment)
    }

    /// Whether a record may be one that was asked for: hidden claims contradict nothing.
    #[must_use]
    pub fn admit(&self, record: &Record) -> bool {
        self.admit_entry(&record.entry) && self.admit_claims(record, true)
    }
}

impl Manifest {
    /// The file's bytes: indented, so that people can read it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(&self.to_json()).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The file `manifest.sha256`, in the form of `sha256sum`.
    #[must_use]
    pub fn digest_line(manifest: &[u8]) -> String {
        format!("{}  {}\n", Hash::plain(manifest), super::MANIFEST)
    }

    fn to_json(&self) -> Json {
        let range =
            self.range.as_ref().map(|range| object([("start", uint(range.start)), ("end", uint(range.end))]));
        object([
            ("format", FORMAT.into()),
            ("tool", self.tool.as_str().into()),
            ("created_ms", uint(self.created_ms)),
            ("origin", self.origin.as_str().into()),
            ("checkpoint", self.checkpoint.to_json()),
            ("previous", self.previous.map_or(Json::Null, |head| head.to_json())),
            ("filters", self.filters.to_json()),
            ("range", range.unwrap_or(Json::Null)),
            ("count", uint(self.count)),
            ("redaction", self.redaction.to_json()),
            ("files", Json::Array(self.files.iter().map(FileEntry::to_json).collect())),
        ])
    }

    /// Reads the file. Unknown and missing members, unknown files and files twice are refused by name.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError(format!("expected at most {MANIFEST_BYTES_MAX} bytes")));
        }
        let json = Json::parse(bytes).map_err(|error| ManifestError(error.to_string()))?;
        Self::from_json(&json).map_err(ManifestError)
    }

    fn from_json(json: &Json) -> Result<Self, String> {
        const MEMBERS: [&str; 11] = [
            "format",
            "tool",
            "created_ms",
            "origin",
            "checkpoint",
            "previous",
            "filters",
            "range",
            "count",
            "redaction",
            "files",
        ];
        let [format, tool, created_ms, origin, checkpoint, previous, filters, range, count, redaction, files] =
            members(json, MEMBERS)?;
        if format.as_str() != Some(FORMAT) {
            return Err(format!("format: expected {FORMAT}, got {format}"));
        }
        let manifest = Self {
            tool: text("tool", tool)?,
            created_ms: number("created_ms", created_ms)?,
            origin: text("origin", origin)?,
            checkpoint: Head::from_json("checkpoint", checkpoint)?,
            previous: optional(previous, |head| Head::from_json("previous", head))?,
            filters: Filters::from_json(filters)?,
            range: optional(range, range_from_json)?,
            count: number("count", count)?,
            redaction: RedactionRule::from_json(redaction)?,
            files: files_from_json(files)?,
        };
        if !is_origin(&manifest.origin) {
            return Err("origin: expected A-Z a-z 0-9 . _ ~ : / -".into());
        }
        if !(1..=PACKAGE_ENTRIES_MAX).contains(&manifest.count) {
            return Err(format!("count: expected 1 to {PACKAGE_ENTRIES_MAX}, got {}", manifest.count));
        }
        manifest.check_files()?;
        Ok(manifest)
    }

    /// Exactly the files that the format has for such a package.
    fn check_files(&self) -> Result<(), String> {
        for (name, place) in super::FILES {
            let listed = self.file(name).is_some();
            match place {
                FilePlace::Always if !listed => return Err(format!("files: {name} is missing")),
                FilePlace::WithPrevious if listed != self.previous.is_some() => {
                    return Err(format!("files: {name} goes with the member previous, and only with it"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What it says of a file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl Head {
    fn to_json(self) -> Json {
        object([("size", uint(self.size)), ("root", self.root.to_hex().as_str().into())])
    }

    fn from_json(name: &str, json: &Json) -> Result<Self, String> {
        let [size, root] = members(json, ["size", "root"]).map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { size: number("size", size)?, root: hash(name, root)? })
    }
}

impl FileEntry {
    fn to_json(&self) -> Json {
        object([
            ("name", self.name.as_str().into()),
            ("size", uint(self.size)),
            ("sha256", self.sha256.to_hex().as_str().into()),
        ])
    }

    fn from_json(json: &Json) -> Result<Self, String> {
        let [name, size, sha256] =
            members(json, ["name", "size", "sha256"]).map_err(|error| format!("files: {error}"))?;
        let name = text("name", name)?;
        if place_of(&name).is_none() {
            return Err(format!("files: {name:?} is no file of this format"));
        }
        Ok(Self { size: number("size", size)?, sha256: hash(&name, sha256)?, name })
    }
}

impl Filters {
    fn to_json(&self) -> Json {
        let kind = self.kind.and_then(kind_name).map(|name| ("kind", name.into()));
        let subject = self.subject.clone().map(|digest| ("subject", to_json(&Value::Map(digest))));
        let environment = self.environment.as_deref().map(|name| ("environment", name.into()));
        let from_ms = self.from_ms.map(|ms| ("from_ms", uint(ms)));
        let to_ms = self.to_ms.map(|ms| ("to_ms", uint(ms)));
        object([kind, from_ms, to_ms, subject, environment].into_iter().flatten())
    }

    fn from_json(json: &Json) -> Result<Self, String> {
        let Json::Object(members) = json else { return Err("filters: expected an object".into()) };
        let mut filters = Self::default();
        for (name, value) in members {
            match name.as_str() {
                "kind" => {
                    let kind = value.as_str().and_then(kind_named);
                    filters.kind = Some(kind.ok_or_else(|| format!("kind: no such kind: {value}"))?.kind);
                }
                "from_ms" => filters.from_ms = Some(number(name, value)?),
                "to_ms" => filters.to_ms = Some(number(name, value)?),
                "subject" => match claims::from_json(&DIGEST, value.clone()) {
                    Ok(Value::Map(digest)) => filters.subject = Some(digest),
                    Ok(_) => return Err("subject: expected a digest".into()),
                    Err(misfit) => return Err(format!("subject: {misfit}")),
                },
                "environment" => filters.environment = Some(text(name, value)?),
                other => return Err(format!("filters: unknown member {other:?}")),
            }
        }
        Ok(filters)
    }
}

impl RedactionRule {
    fn to_json(&self) -> Json {
        let (rule, claims) = match &self.rule {
            None if self.profile.is_some() => ("profile", &[][..]),
            None => ("none", &[][..]),
            Some(Redaction::Hide(claims)) => ("hide", &claims[..]),
            Some(Redaction::Keep(claims)) => ("keep", &claims[..]),
        };
        let claims = claims.iter().map(|claim| Json::String(claim.to_string())).collect();
        let profile = self.profile.as_deref().map_or(Json::Null, Json::from);
        object([("rule", rule.into()), ("claims", Json::Array(claims)), ("profile", profile)])
    }

    fn from_json(json: &Json) -> Result<Self, String> {
        let [rule, claims, profile] =
            members(json, ["rule", "claims", "profile"]).map_err(|error| format!("redaction: {error}"))?;
        let Json::Array(claims) = claims else { return Err("claims: expected an array".into()) };
        let claim = |claim: &Json| claim.as_str().unwrap_or_default().parse::<ClaimName>();
        let claims: Vec<ClaimName> =
            claims.iter().map(claim).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        let profile = optional(profile, |name| text("profile", name))?;
        let rule = match (rule.as_str(), profile.is_some()) {
            (Some("none"), false) | (Some("profile"), true) if claims.is_empty() => None,
            (Some("hide"), false) if !claims.is_empty() => Some(Redaction::Hide(claims)),
            (Some("keep"), false) => Some(Redaction::Keep(claims)),
            _ => {
                let expected = "expected the rule none; hide or keep, with claims; or profile, with its name";
                return Err(format!("redaction: {expected}"));
            }
        };
        Ok(Self { rule, profile })
    }
}

fn files_from_json(json: &Json) -> Result<Vec<FileEntry>, String> {
    let Json::Array(files) = json else { return Err("files: expected an array".into()) };
    let files: Vec<FileEntry> = files.iter().map(FileEntry::from_json).collect::<Result<_, _>>()?;
    for (place, file) in files.iter().enumerate() {
        if files.iter().take(place).any(|other| other.name == file.name) {
            return Err(format!("files: {} is there twice", file.name));
        }
    }
    Ok(files)
}

fn range_from_json(json: &Json) -> Result<Range<u64>, String> {
    let [start, end] = members(json, ["start", "end"]).map_err(|error| format!("range: {error}"))?;
    Ok(number("start", start)?..number("end", end)?)
}

/// The members of these names, all of which must be there, and no others.
fn members<'a, const N: usize>(json: &'a Json, names: [&str; N]) -> Result<[&'a Json; N], String> {
    let Json::Object(found) = json else { return Err("expected an object".into()) };
    if let Some((name, _)) = found.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        return Err(format!("unknown member {name:?}"));
    }
    let mut values = [json; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = json.get(name).ok_or_else(|| format!("member {name} is missing"))?;
    }
    Ok(values)
}

fn optional<T>(json: &Json, read: impl Fn(&Json) -> Result<T, String>) -> Result<Option<T>, String> {
    if *json == Json::Null { Ok(None) } else { read(json).map(Some) }
}

fn text(name: &str, json: &Json) -> Result<String, String> {
    json.as_str().map(Into::into).ok_or_else(|| format!("{name}: expected a string"))
}

fn number(name: &str, json: &Json) -> Result<u64, String> {
    json.as_uint().ok_or_else(|| format!("{name}: expected an integer from 0 to {INTEGER_MAX}"))
}

fn hash(name: &str, json: &Json) -> Result<Hash, String> {
    json.as_str().and_then(Hash::from_hex).ok_or_else(|| format!("{name}: expected 64 lowercase hex digits"))
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// Everything written here is below 2^53.
fn uint(number: u64) -> Json {
    i64::try_from(number).map_or(Json::Null, Json::Integer)
}
