//! Reading settings: a flag wins over a variable, a variable over the file, the file over the default.
//!
//! All that is read is noted as it will be told: a reload compares what was noted before and after.

use crate::operate::config::error::{ConfigError, WhereSet};
use crate::operate::config::file::{ConfigText, TomlValue, in_words};
use crate::operate::config::table::{Form, Setting, Unset, listed, quoted};
use std::borrow::Cow;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Before the name of a credential.
const CREDENTIAL: &str = "credential:";

/// The folder of the credentials that a service manager hands over (systemd.exec(5), LoadCredential).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// A setting that a flag or a variable has.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) key: &'static str,
    pub(crate) word: OsString,
    pub(crate) place: WhereSet,
}

/// A setting and its value, as they are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    /// Whether a running daemon takes another value.
    pub(crate) live: bool,
}

/// A value, and where it was set.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) place: WhereSet,
}

/// Where settings are looked for: the command line and the file's root, or one table of the file.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    words: &'a [Word],
    table: Option<(&'a ConfigText, &'a DeTable<'a>)>,
    /// Of the table within the file, whose keys have no defaults.
    head: Option<WhereSet>,
    told: Vec<Told>,
}

enum Source<'a> {
    Word(&'a OsStr),
    Toml(&'a ConfigText, &'a TomlValue<'a>),
}

impl<'a> Scope<'a> {
    /// Of all settings.
    pub(super) fn whole(words: &'a [Word], file: Option<(&'a ConfigText, &'a DeTable<'a>)>) -> Self {
        Self { words, table: file, head: None, told: Vec::new() }
    }

    /// Of one table of the file.
    pub(super) fn of_table(file: &'a ConfigText, table: &'a DeTable<'a>, head: WhereSet) -> Self {
        Self { words: &[], table: Some((file, table)), head: Some(head), told: Vec::new() }
    }

    /// Notes the tables of an array, as they will be told.
    pub(super) fn note_tables(&mut self, key: &'static str, live: bool, tables: &[String]) {
        self.told.push(Told { key, value: format!("[{}]", tables.join(", ")), live });
    }

    /// Notes that a setting has no value.
    pub(super) fn note_unset(&mut self, setting: &'static Setting) {
        self.note(setting, UNSET.into());
    }

    fn note(&mut self, setting: &'static Setting, value: String) {
        self.told.push(Told { key: setting.key, value, live: setting.live });
    }

    /// All that was noted.
    pub(super) fn told(&self) -> Vec<Told> {
        self.told.clone()
    }

    /// All that was noted, as one table of TOML.
    pub(super) fn as_inline_table(&self) -> String {
        let set = self.told.iter().filter(|told| told.value != UNSET);
        let pairs: Vec<String> = set.map(|Told { key, value, .. }| format!("{key} = {value}")).collect();
        format!("{{ {} }}", pairs.join(", "))
    }

    /// Where a setting is set, if it is.
    pub(super) fn place(&self, setting: &'static Setting) -> Option<WhereSet> {
        self.given(setting).map(|found| found.place)
    }

    fn given(&self, setting: &'static Setting) -> Option<Found<Source<'a>>> {
        if let Some(word) = self.words.iter().find(|word| word.key == setting.key) {
            return Some(Found { value: Source::Word(&word.word), place: word.place.clone() });
        }
        let (file, table) = self.table?;
        let value = table.get(setting.key)?;
        Some(Found { value: Source::Toml(file, value), place: file.place(setting.key, &value.span()) })
    }

    fn find(&self, setting: &'static Setting) -> Option<Found<Source<'a>>> {
        self.given(setting).or(match setting.unset {
            Unset::Is(word) if self.head.is_none() => {
                Some(Found { value: Source::Word(word.as_ref()), place: WhereSet::Default(setting.key) })
            }
            _ => None,
        })
    }

    /// Reads a setting that has a default, or that its table has to have.
    fn demand(&self, setting: &'static Setting) -> Result<Found<Source<'a>>, ConfigError> {
        self.find(setting).ok_or_else(|| self.missing(setting))
    }

    /// The error of a setting that this table has to have.
    pub(super) fn missing(&self, setting: &'static Setting) -> ConfigError {
        self.missing_key(setting.key)
    }

    /// The same of tables that this table has to have.
    pub(super) fn missing_key(&self, key: &'static str) -> ConfigError {
        let place = self.head.clone().unwrap_or(WhereSet::Default(key));
        ConfigError::Missing { place, key }
    }

    /// `true` or `false`.
    pub(super) fn switch(&mut self, setting: &'static Setting) -> Result<bool, ConfigError> {
        let Found { value, place } = self.demand(setting)?;
        let refuse = |got| wrong(&place, "true or false", got);
        let value = match value {
            Source::Word(word) if word == "true" => true,
            Source::Word(word) if word == "false" => false,
            Source::Word(word) => return Err(refuse(shown(word))),
            Source::Toml(_, value) => value.get_ref().as_bool().ok_or_else(|| refuse(in_words(value)))?,
        };
        self.note(setting, value.to_string());
        Ok(value)
    }

    /// The same, if it is set or has a default.
    pub(super) fn switch_if_set(
        &mut self,
        setting: &'static Setting,
    ) -> Result<Option<Found<bool>>, ConfigError> {
        let Some(Found { place, .. }) = self.find(setting) else {
            self.note_unset(setting);
            return Ok(None);
        };
        Ok(Some(Found { value: self.switch(setting)?, place }))
    }

    /// A whole number within the setting's bounds.
    pub(super) fn number(&mut self, setting: &'static Setting) -> Result<u64, ConfigError> {
        let Found { value, place } = self.demand(setting)?;
        let (least, most) = setting.bounds();
        let (number, got) = match value {
            Source::Word(word) => (word.to_str().and_then(|word| word.parse::<i128>().ok()), shown(word)),
            Source::Toml(_, value) => {
                let number = value.get_ref().as_integer();
                let number = number.and_then(|it| i128::from_str_radix(it.as_str(), it.radix()).ok());
                (number, in_words(value))
            }
        };
        let number = match number {
            None => return Err(wrong(&place, "a whole number", got)),
            Some(number) if number < i128::from(least) => {
                return Err(wrong(&place, &format!("at least {least}"), number.to_string()));
            }
            Some(number) => u64::try_from(number).ok().filter(|number| *number <= most),
        };
        let number = number.ok_or_else(|| wrong(&place, &format!("at most {most}"), got))?;
        self.note(setting, number.to_string());
        Ok(number)
    }

    /// A text, if it is set.
    pub(super) fn text(&mut self, setting: &'static Setting) -> Result<Option<Found<String>>, ConfigError> {
        let Some(Found { value, place }) = self.find(setting) else {
            self.note_unset(setting);
            return Ok(None);
        };
        let value = match value {
            Source::Word(word) => word.to_str().ok_or_else(|| wrong(&place, "UTF-8", shown(word)))?.into(),
            Source::Toml(_, value) => text_of(value, &place)?,
        };
        self.note(setting, quoted(&value));
        Ok(Some(Found { value, place }))
    }

    /// What a text says, if it is set; `read` says what was expected and what was got where it says nothing.
    pub(super) fn read<T>(
        &mut self,
        setting: &'static Setting,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<Found<T>>, ConfigError> {
        let Some(Found { value, place }) = self.text(setting)? else { return Ok(None) };
        match read(&value) {
            Ok(value) => Ok(Some(Found { value, place })),
            Err(problem) => Err(ConfigError::Value { place, problem }),
        }
    }

    /// A path, if it is set; that of a credential, where the setting takes one.
    pub(super) fn path(&mut self, setting: &'static Setting) -> Result<Option<Found<PathBuf>>, ConfigError> {
        let Some(Found { value, place }) = self.find(setting) else {
            self.note_unset(setting);
            return Ok(None);
        };
        let path: PathBuf = match value {
            Source::Word(word) => word.into(),
            Source::Toml(_, value) => text_of(value, &place)?.into(),
        };
        refuse_secret(&path, &place)?;
        let credential = path.to_str().and_then(|path| path.strip_prefix(CREDENTIAL));
        let value = match credential.filter(|_| setting.form == Form::Credential) {
            Some(name) => credential_path(name, &place, credentials_folder())?,
            None => path.clone(),
        };
        self.note(setting, quoted(&path.to_string_lossy()));
        Ok(Some(Found { value, place }))
    }

    /// Texts, each with its place; none where it isn't set.
    pub(super) fn list(&mut self, setting: &'static Setting) -> Result<Vec<Found<String>>, ConfigError> {
        let Some(Found { value, place }) = self.find(setting) else {
            self.note(setting, "[]".into());
            return Ok(Vec::new());
        };
        let items: Vec<Found<String>> = match value {
            Source::Word(word) => {
                let words = word.to_str().ok_or_else(|| wrong(&place, "UTF-8", shown(word)))?.split(',');
                words.map(|word| Found { value: word.trim().into(), place: place.clone() }).collect()
            }
            Source::Toml(file, value) => {
                let expected = "an array of strings";
                let items = value.get_ref().as_array();
                let items = items.ok_or_else(|| wrong(&place, expected, in_words(value)))?;
                let item = |item: &TomlValue<'_>| {
                    let place = file.place(setting.key, &item.span());
                    match item.get_ref().as_str() {
                        Some(text) => Ok(Found { value: text.into(), place }),
                        None => Err(wrong(&place, expected, format!("{} in it", in_words(item)))),
                    }
                };
                items.iter().map(item).collect::<Result<_, _>>()?
            }
        };
        self.note(setting, listed(items.iter().map(|item| Cow::from(&item.value))));
        Ok(items)
    }
}

/// Reads each item; `read` says what it expected.
pub(super) fn each<T>(
    items: Vec<Found<String>>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, ConfigError> {
    let item = |Found { value, place }: Found<String>| {
        read(&value).map_err(|problem| ConfigError::Value { place, problem })
    };
    items.into_iter().map(item).collect()
}

/// What is told of a setting that has no value.
const UNSET: &str = "unset";

/// The error of a value that isn't what its setting takes.
pub(super) fn wrong(place: &WhereSet, expected: &str, got: String) -> ConfigError {
    ConfigError::Value { place: place.clone(), problem: format!("expected {expected}, got {got}") }
}

fn shown(word: &OsStr) -> String {
    quoted(&word.to_string_lossy())
}

fn text_of(value: &TomlValue<'_>, place: &WhereSet) -> Result<String, ConfigError> {
    match value.get_ref() {
        DeValue::String(text) if text.is_empty() => {
            Err(wrong(place, "a string with something in it", "\"\"".into()))
        }
        DeValue::String(text) => Ok(text.clone().into_owned()),
        _ => Err(wrong(place, "a string", in_words(value))),
    }
}

/// Refuses a key in the place of its path, before anything tells the path.
fn refuse_secret(path: &Path, place: &WhereSet) -> Result<(), ConfigError> {
    let text = path.to_string_lossy();
    if text.contains(char::is_control) || text.starts_with("-----BEGIN") || text.starts_with("PRIVATE+KEY+") {
        let got = "something else; a secret is never a value itself: put it into a file of mode 600";
        return Err(wrong(place, "the path of a file", got.into()));
    }
    Ok(())
}

/// Where a service manager put credentials, if one did.
pub(super) fn credentials_folder() -> Option<PathBuf> {
    folder_named(env::var_os(CREDENTIALS_DIRECTORY))
}

fn folder_named(variable: Option<OsString>) -> Option<PathBuf> {
    variable.filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Where the credential of this name is.
fn credential_path(name: &str, place: &WhereSet, folder: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        let expected = "credential: and the name of a credential, without a slash";
        return Err(wrong(place, expected, quoted(&format!("{CREDENTIAL}{name}"))));
    }
    match folder {
        Some(folder) => Ok(folder.join(name)),
        None => Err(ConfigError::NoCredentials { place: place.clone(), name: name.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_lies_in_the_folder_that_the_service_manager_names() {
        let place = WhereSet::Default("log_key");
        let path = |name: &str, folder: Option<&str>| {
            credential_path(name, &place, folder_named(folder.map(OsString::from)))
        };
        assert_eq!(
            path("log.key", Some("/run/credentials/x")).unwrap(),
            Path::new("/run/credentials/x/log.key")
        );
        for (name, folder, expected) in [
            ("", Some("/run"), "got \"credential:\""),
            ("a/b", Some("/run"), "without a slash"),
            ("..", Some("/run"), "got \"credential:..\""),
            ("log.key", None, "LoadCredential=log.key:FILE"),
            ("log.key", Some(""), "got no such variable"),
        ] {
            let error = path(name, folder).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}
