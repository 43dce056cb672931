//! The file: TOML, of which every key and value knows its line and column.

use crate::operate::config::error::{ConfigError, WhereSet};
use crate::operate::config::table::Setting;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Bytes of the file: some thousand times what a long one has.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The text of the file, and what it is called.
#[derive(Debug)]
pub(super) struct ConfigText {
    file: PathBuf,
    text: String,
}

/// A value of the file.
pub(super) type TomlValue<'a> = Spanned<DeValue<'a>>;

/// A table of the file, and where it begins.
pub(super) struct TomlTable<'a> {
    pub(super) keys: &'a DeTable<'a>,
    pub(super) head: WhereSet,
}

impl ConfigText {
    pub(super) fn read(file: &Path) -> Result<Self, ConfigError> {
        let cannot = |error| ConfigError::Read { file: file.into(), error };
        let text = read(file).map_err(cannot)?;
        Ok(Self { file: file.into(), text })
    }

    pub(super) fn parse(&self) -> Result<DeTable<'_>, ConfigError> {
        DeTable::parse(&self.text).map(Spanned::into_inner).map_err(|error| {
            let (line, column) = self.position(error.span().unwrap_or(0..0).start);
            // Of the text itself it tells nothing: a secret may have got into it.
            ConfigError::Syntax { file: self.file.clone(), line, column, problem: error.message().into() }
        })
    }

    /// Where in the file a key or its value is.
    pub(super) fn place(&self, key: &str, span: &Range<usize>) -> WhereSet {
        let (line, column) = self.position(span.start);
        WhereSet::File { file: self.file.clone(), line, column, key: key.into() }
    }

    /// Line and column, both from 1; columns are characters, as editors count them.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// Refuses the first key of a table that is none of these.
    pub(super) fn refuse_unknown(
        &self,
        table: &DeTable<'_>,
        settings: &[&Setting],
        tables: &[&str],
    ) -> Result<(), ConfigError> {
        let known = || settings.iter().map(|setting| setting.key).chain(tables.iter().copied());
        let unknown = table.keys().filter(|key| !known().any(|known| known == key.get_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => {
                let known: Vec<&str> = known().collect();
                let place = self.place(&key.get_ref().escape_debug().to_string(), &key.span());
                Err(ConfigError::Unknown { place, known: known.join(", ") })
            }
        }
    }

    /// Where the value of a key is, if it has one.
    pub(super) fn place_of(&self, table: &DeTable<'_>, key: &str) -> Option<WhereSet> {
        table.get(key).map(|value| self.place(key, &value.span()))
    }

    /// The tables of an array of tables, such as `[[peer]]`, if this table has it; `head` is what stands above each of them.
    pub(super) fn tables<'a>(
        &self,
        root: &'a DeTable<'a>,
        key: &str,
        head: &str,
    ) -> Result<Option<Vec<TomlTable<'a>>>, ConfigError> {
        let Some(array) = root.get(key) else { return Ok(None) };
        let refuse = |value: &TomlValue<'_>| ConfigError::Value {
            place: self.place(key, &value.span()),
            problem: format!("expected tables, each under a head [[{head}]], got {}", in_words(value)),
        };
        let items = array.get_ref().as_array().ok_or_else(|| refuse(array))?;
        let table = |item: &'a TomlValue<'a>| {
            let keys = item.get_ref().as_table().ok_or_else(|| refuse(item))?;
            Ok(TomlTable { keys, head: self.place(key, &item.span()) })
        };
        items.iter().map(table).collect::<Result<_, _>>().map(Some)
    }
}

/// The text of a file: never waits for a pipe's writer, and never reads without an end.
fn read(path: &Path) -> io::Result<String> {
    let opened = rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    let file = File::from(opened?);
    let refuse = |detail: String| Err(io::Error::other(detail));
    if !file.metadata()?.is_file() {
        return refuse("expected a regular file, got something else".into());
    }
    let mut text = String::new();
    let got = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(got).is_ok_and(|got| got <= FILE_BYTES_MAX) {
        return Ok(text);
    }
    refuse(format!("expected at most {FILE_BYTES_MAX} bytes, got more"))
}

/// What a value is, for whoever expected another kind of one. A text isn't told: it may be a secret in the wrong place.
pub(super) fn in_words(value: &TomlValue<'_>) -> String {
    match value.get_ref() {
        DeValue::String(_) => "a string".into(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(switch) => switch.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "an array".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, mkfifoat};
    use std::fs;

    #[test]
    fn only_a_regular_file_of_some_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, large) = (folder.path().join("pipe"), folder.path().join("large"));
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        let refusal = |path: &Path| ConfigText::read(path).map(drop).unwrap_err().to_string();
        for path in [&*pipe, folder.path()] {
            assert!(refusal(path).contains("expected a regular file"), "{}", refusal(path));
        }
        let length = usize::try_from(FILE_BYTES_MAX).unwrap();
        fs::write(&large, "#".repeat(length)).unwrap();
        assert!(ConfigText::read(&large).is_ok());
        fs::write(&large, "#".repeat(length + 1)).unwrap();
        assert!(refusal(&large).contains("expected at most 1048576 bytes"), "{}", refusal(&large));
    }
}
