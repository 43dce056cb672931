//! `manifest.json`: what a package says of itself (`SPEC.md` section 11.2). Nothing in it is believed; verification
//! compares each statement with the records, the proof and the signed checkpoint.

use super::filters::Filters;
use super::left_out::LeftOut;
use super::members::{exactly, hash, member, members, number, object, optional, text, uint};
use super::version::Version;
use super::{FilePlace, place_of};
use crate::checkpoint::is_origin;
use crate::hash::Hash;
use crate::json::Json;
use crate::limits::{ENTRY_PACKAGE_ENTRIES_MAX, MANIFEST_BYTES_MAX, PACKAGE_ENTRIES_MAX};
use crate::path::ClaimName;
use crate::redact::Redaction;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

/// What a package says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// Which version of the format it is of.
    pub version: Version,
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
    /// What the package of an entry leaves out; there with the filter `entry`, and only with it.
    pub left_out: Option<LeftOut>,
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

/// Which claims a package hides.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RedactionRule {
    /// The claims that are hidden, or kept; none where nothing is hidden on purpose, or a profile says what.
    pub rule: Option<Redaction>,
    /// The name of the maker's own rule.
    pub profile: Option<String>,
}

/// The members of a manifest of the first version, which later ones have, too.
const MEMBERS_OF_V1: [&str; 11] = [
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

/// The member that the second version adds.
const LEFT_OUT: &str = "left_out";

/// Why bytes are no manifest.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("manifest.json: {0}")]
pub struct ManifestError(String);

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
        let mut members = Vec::from([
            ("format", self.version.format().into()),
            ("tool", self.tool.as_str().into()),
            ("created_ms", uint(self.created_ms)),
            ("origin", self.origin.as_str().into()),
            ("checkpoint", self.checkpoint.to_json()),
            ("previous", self.previous.map_or(Json::Null, Head::to_json)),
            ("filters", self.filters.to_json()),
            ("range", range.unwrap_or(Json::Null)),
            ("count", uint(self.count)),
        ]);
        if self.version >= Version::V2 {
            members.push((LEFT_OUT, self.left_out.as_ref().map_or(Json::Null, LeftOut::to_json)));
        }
        members.push(("redaction", self.redaction.to_json()));
        members.push(("files", Json::Array(self.files.iter().map(FileEntry::to_json).collect())));
        object(members)
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
        let of = |name| member(json, name);
        let version = Version::from_json(of("format")?)?;
        let added = (version >= Version::V2).then_some(LEFT_OUT);
        exactly(json, &MEMBERS_OF_V1.into_iter().chain(added).collect::<Vec<_>>())?;
        let left_out = json.get(LEFT_OUT).map_or(Ok(None), |json| optional(json, LeftOut::from_json))?;
        let manifest = Self {
            version,
            tool: text("tool", of("tool")?)?,
            created_ms: number("created_ms", of("created_ms")?)?,
            origin: text("origin", of("origin")?)?,
            checkpoint: Head::from_json("checkpoint", of("checkpoint")?)?,
            previous: optional(of("previous")?, |head| Head::from_json("previous", head))?,
            filters: Filters::from_json(of("filters")?, version)?,
            range: optional(of("range")?, range_from_json)?,
            count: number("count", of("count")?)?,
            left_out,
            redaction: RedactionRule::from_json(of("redaction")?)?,
            files: files_from_json(of("files")?)?,
        };
        if !is_origin(&manifest.origin) {
            return Err("origin: expected A-Z a-z 0-9 . _ ~ : / -".into());
        }
        manifest.check_selection()?;
        manifest.check_files()?;
        Ok(manifest)
    }

    /// What goes with the filter `entry`, and what doesn't.
    fn check_selection(&self) -> Result<(), String> {
        let of_entry = self.filters.entry.is_some();
        let (which, most) =
            if of_entry { ("with", ENTRY_PACKAGE_ENTRIES_MAX) } else { ("without", PACKAGE_ENTRIES_MAX) };
        if !(1..=most).contains(&self.count) {
            return Err(format!("count: expected 1 to {most} {which} the filter entry, got {}", self.count));
        }
        if self.left_out.is_some() != of_entry {
            let expected = if of_entry { "an object" } else { "null" };
            return Err(format!("{LEFT_OUT}: expected {expected} {which} the filter entry"));
        }
        if of_entry && self.range.is_some() {
            return Err("range: expected null with the filter entry".into());
        }
        Ok(())
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
