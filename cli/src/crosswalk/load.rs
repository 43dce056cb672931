//! Crosswalk files: TOML with a framework, its controls, and the evidence queries that the controls are looked up by.
//!
//! All that is wrong with a set of files is found in one go, each problem with its file, row and field. Nothing of a set
//! with a problem in it is used.

use super::query::{Query, QueryRow};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// The form of the files that this version reads.
const FORMAT: u32 = 1;

/// Largest file, in bytes: a thousand controls at a kilobyte each.
pub(crate) const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Most controls over all files. With [`EVIDENCE_OF_CONTROL_MAX`] it bounds what an evaluation holds.
const CONTROLS_MAX: usize = 1000;

/// Most evidence queries over all files: each is put to every record of its kinds.
const EVIDENCE_MAX: usize = 500;

/// Most evidence queries of one control.
const EVIDENCE_OF_CONTROL_MAX: usize = 8;

/// Longest text of a field, in characters.
const TEXT_CHARS_MAX: usize = 2000;

/// Longest id, in characters.
const ID_CHARS_MAX: usize = 64;

/// How the sentence of every control starts.
const SUPPORTS: &str = "Supports ";

/// Parts of words that no sentence of a control may hold: records support a control, and whether it is met in law or
/// before an auditor isn't for them to say.
const CLAIMED_TOO_MUCH: [&str; 7] =
    ["complies", "comply", "complian", "complied", "certif", "satisfies", "guarantee"];

/// The crosswalk that comes with the program, each file under its name in the sources.
const BUILTIN: [(&str, &str); 12] = [
    ("evidence.toml", include_str!("../../crosswalk/evidence.toml")),
    ("nist-csf.toml", include_str!("../../crosswalk/nist-csf.toml")),
    ("nist-ai-rmf.toml", include_str!("../../crosswalk/nist-ai-rmf.toml")),
    ("nist-ssdf.toml", include_str!("../../crosswalk/nist-ssdf.toml")),
    ("owasp-agentic.toml", include_str!("../../crosswalk/owasp-agentic.toml")),
    ("owasp-aisvs.toml", include_str!("../../crosswalk/owasp-aisvs.toml")),
    ("csa-maestro.toml", include_str!("../../crosswalk/csa-maestro.toml")),
    ("eu-ai-act.toml", include_str!("../../crosswalk/eu-ai-act.toml")),
    ("iso-42001.toml", include_str!("../../crosswalk/iso-42001.toml")),
    ("soc2.toml", include_str!("../../crosswalk/soc2.toml")),
    ("slsa.toml", include_str!("../../crosswalk/slsa.toml")),
    ("guidance.toml", include_str!("../../crosswalk/guidance.toml")),
];

/// Frameworks, their controls, and the evidence that is looked for.
#[derive(Debug, Default)]
pub(crate) struct Crosswalk {
    frameworks: Vec<Framework>,
    controls: Vec<Control>,
    evidence: Vec<Evidence>,
}

/// Where a set of controls comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Framework {
    /// Short name, such as `nist-csf`.
    pub(crate) id: String,
    /// Its name in full.
    pub(crate) name: String,
    /// The edition whose ids are used.
    pub(crate) edition: String,
    /// The document, as one would cite it.
    pub(crate) source: String,
    /// Where the document is.
    pub(crate) url: String,
    /// Version of this mapping: a date.
    pub(crate) mapping: String,
    /// What a reader has to know before reading the rows.
    pub(crate) note: Option<String>,
}

/// A control, and what records say about it.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    /// Its framework's place in [`Crosswalk::frameworks`].
    pub(crate) framework: usize,
    /// Its official id.
    pub(crate) id: String,
    /// What it is about.
    pub(crate) title: String,
    /// Places in [`Crosswalk::evidence`] of what is looked for.
    pub(crate) evidence: Vec<usize>,
    /// What the evidence supports, in a sentence.
    pub(crate) supports: String,
    /// Where `id` is somebody's own label: the official ids that are meant, as `framework:id`.
    pub(crate) official: Vec<String>,
}

/// A named evidence query.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// Its name, which controls refer to.
    pub(crate) id: String,
    /// What is looked for, for people.
    pub(crate) looks_for: String,
    /// How it is looked for.
    pub(crate) query: Query,
}

/// Something wrong with a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    file: String,
    /// Such as `control AC.1`; empty where the file as a whole is meant.
    row: String,
    problem: String,
}

/// Files that can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", lines(.0))]
pub(crate) struct CrosswalkError(Vec<Problem>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRows {
    format: u32,
    framework: Option<Framework>,
    #[serde(default)]
    evidence: Vec<EvidenceRow>,
    #[serde(default)]
    control: Vec<ControlRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EvidenceRow {
    id: String,
    looks_for: String,
    query: QueryRow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlRow {
    id: String,
    title: String,
    evidence: Vec<String>,
    supports: String,
    #[serde(default)]
    official: Vec<String>,
}

impl Crosswalk {
    /// The one that comes with the program.
    ///
    /// # Errors
    /// None, as the tests hold; they are errors of the build.
    pub(crate) fn builtin() -> Result<Self, CrosswalkError> {
        Self::with_files(&[])
    }

    /// The one that comes with the program, and the user's own files, each with its name and its bytes. Their controls
    /// may refer to the evidence of every file.
    ///
    /// # Errors
    /// All that is wrong with the files.
    pub(crate) fn with_files(files: &[(String, Vec<u8>)]) -> Result<Self, CrosswalkError> {
        let builtin = BUILTIN.iter().map(|(name, text)| (*name, text.as_bytes()));
        let own = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let mut loader = Loader::default();
        let parsed: Vec<(&str, FileRows)> = builtin
            .chain(own)
            .filter_map(|(file, bytes)| loader.parse(file, bytes).map(|rows| (file, rows)))
            .collect();
        // Controls refer to evidence in any file, and to controls in any file: each is taken in before it is referred to.
        for (file, rows) in &parsed {
            rows.evidence.iter().for_each(|row| loader.evidence(file, row));
        }
        for (file, rows) in parsed {
            loader.framework(file, rows.framework, rows.control);
        }
        loader.finish()
    }

    /// Frameworks, in the order of the files.
    pub(crate) fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }

    /// Controls, in the order of the files.
    pub(crate) fn controls(&self) -> &[Control] {
        &self.controls
    }

    /// Evidence, in the order of the files.
    pub(crate) fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }
}

#[derive(Default)]
struct Loader {
    crosswalk: Crosswalk,
    /// Place of each evidence query by its id; none where the query is refused.
    places: BTreeMap<String, Option<usize>>,
    /// File of each control.
    files: Vec<String>,
    problems: Vec<Problem>,
}

impl Loader {
    fn problem(&mut self, file: &str, row: &str, problem: impl Into<String>) {
        self.problems.push(Problem { file: file.into(), row: row.into(), problem: problem.into() });
    }

    fn parse(&mut self, file: &str, bytes: &[u8]) -> Option<FileRows> {
        match toml::from_slice::<FileRows>(bytes) {
            Ok(rows) if rows.format == FORMAT => Some(rows),
            Ok(rows) => {
                self.problem(file, "", format!("format: expected {FORMAT}, got {}", rows.format));
                None
            }
            Err(error) => {
                self.problem(file, "", error.to_string().trim_end());
                None
            }
        }
    }

    fn evidence(&mut self, file: &str, row: &EvidenceRow) {
        let name = format!("evidence {:?}", row.id);
        self.id(file, &name, &row.id);
        self.text(file, &name, "looks_for", &row.looks_for);
        if self.crosswalk.evidence.len() >= EVIDENCE_MAX {
            return self.problem(
                file,
                &name,
                format!("expected at most {EVIDENCE_MAX} in all files, got more"),
            );
        }
        let query = match row.query.compile() {
            Ok(query) => query,
            Err(errors) => {
                // The id counts all the same, or each control that refers to it would be a problem too.
                self.places.insert(row.id.clone(), None);
                return errors.iter().for_each(|error| self.problem(file, &name, format!("query.{error}")));
            }
        };
        if self.places.insert(row.id.clone(), Some(self.crosswalk.evidence.len())).is_some() {
            self.problem(file, &name, "id: there is another of this id");
        }
        let (id, looks_for) = (row.id.clone(), row.looks_for.clone());
        self.crosswalk.evidence.push(Evidence { id, looks_for, query });
    }

    fn framework(&mut self, file: &str, framework: Option<Framework>, rows: Vec<ControlRow>) {
        let Some(framework) = framework else {
            if !rows.is_empty() {
                self.problem(file, "", "framework: expected one, as the file has controls; got none");
            }
            return;
        };
        let row = format!("framework {:?}", framework.id);
        self.id(file, &row, &framework.id);
        for (field, text) in [
            ("name", &framework.name),
            ("edition", &framework.edition),
            ("source", &framework.source),
            ("url", &framework.url),
            ("mapping", &framework.mapping),
        ] {
            self.text(file, &row, field, text);
        }
        if let Some(note) = &framework.note {
            self.text(file, &row, "note", note);
        }
        if self.crosswalk.frameworks.iter().any(|other| other.id == framework.id) {
            self.problem(file, &row, "id: there is another of this id");
        }
        if rows.is_empty() {
            self.problem(file, &row, "control: expected at least one, got none");
        }
        let place = self.crosswalk.frameworks.len();
        self.crosswalk.frameworks.push(framework);
        rows.into_iter().for_each(|control| self.control(file, place, control));
    }

    fn control(&mut self, file: &str, framework: usize, row: ControlRow) {
        let name = format!("control {:?}", row.id);
        self.text(file, &name, "title", &row.title);
        self.text(file, &name, "supports", &row.supports);
        if row.id.trim().is_empty() || row.id.chars().count() > ID_CHARS_MAX {
            self.problem(file, &name, format!("id: expected 1 to {ID_CHARS_MAX} characters"));
        }
        if self.crosswalk.controls.len() >= CONTROLS_MAX {
            return self.problem(
                file,
                &name,
                format!("expected at most {CONTROLS_MAX} in all files, got more"),
            );
        }
        if self.crosswalk.controls.iter().any(|other| other.framework == framework && other.id == row.id) {
            self.problem(file, &name, "id: the framework has another of this id");
        }
        if !row.supports.starts_with(SUPPORTS) {
            self.problem(file, &name, format!("supports: expected a sentence that starts with {SUPPORTS:?}"));
        }
        let sentence = row.supports.to_lowercase();
        if let Some(word) = CLAIMED_TOO_MUCH.iter().find(|word| sentence.contains(**word)) {
            self.problem(
                file,
                &name,
                format!("supports: records support a control, and prove no more: {word:?}"),
            );
        }
        let evidence = self.places_of(file, &name, &row.evidence);
        let ControlRow { id, title, supports, official, .. } = row;
        self.crosswalk.controls.push(Control { framework, id, title, evidence, supports, official });
        self.files.push(file.into());
    }

    fn places_of(&mut self, file: &str, row: &str, ids: &[String]) -> Vec<usize> {
        if ids.is_empty() || ids.len() > EVIDENCE_OF_CONTROL_MAX {
            let got = ids.len();
            self.problem(
                file,
                row,
                format!("evidence: expected 1 to {EVIDENCE_OF_CONTROL_MAX} ids, got {got}"),
            );
        }
        let mut places = Vec::new();
        for id in ids {
            match self.places.get(id) {
                Some(Some(place)) if places.contains(place) => {
                    self.problem(file, row, format!("evidence: {id:?} is there twice"));
                }
                Some(place) => places.extend(*place),
                None => self.problem(file, row, format!("evidence: there is no evidence {id:?}")),
            }
        }
        places
    }

    fn finish(mut self) -> Result<Crosswalk, CrosswalkError> {
        let all = &self.crosswalk;
        let known = |official: &str| {
            official.split_once(':').is_some_and(|(framework, id)| {
                all.controls.iter().any(|control| {
                    control.id == id
                        && all.frameworks.get(control.framework).is_some_and(|f| f.id == framework)
                })
            })
        };
        for (control, file) in all.controls.iter().zip(&self.files) {
            for official in control.official.iter().filter(|official| !known(official)) {
                let problem =
                    format!("official: expected <framework>:<control> of these files, got {official:?}");
                let row = format!("control {:?}", control.id);
                self.problems.push(Problem { file: file.clone(), row, problem });
            }
        }
        if self.problems.is_empty() { Ok(self.crosswalk) } else { Err(CrosswalkError(self.problems)) }
    }

    fn id(&mut self, file: &str, row: &str, id: &str) {
        let fits = (1..=ID_CHARS_MAX).contains(&id.len())
            && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !fits {
            self.problem(file, row, format!("id: expected 1 to {ID_CHARS_MAX} of a-z, 0-9 and -"));
        }
    }

    fn text(&mut self, file: &str, row: &str, field: &str, text: &str) {
        let chars = text.chars().count();
        if text.trim().is_empty() || chars > TEXT_CHARS_MAX {
            self.problem(
                file,
                row,
                format!(
                    "{field}: expected 1 to {TEXT_CHARS_MAX} characters that aren't all blank, got {chars}"
                ),
            );
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if !self.row.is_empty() {
            write!(f, ": {}", self.row)?;
        }
        write!(f, ": {}", self.problem)
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
