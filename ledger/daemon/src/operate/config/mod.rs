//! What the operator sets: one TOML file, whose every key outside of tables is also a flag and a `PROVLOGD_*` variable.
//!
//! A flag wins over a variable, a variable over the file, the file over the default. Keys that nobody knows are refused, and
//! whatever is refused is named by where it was set. This room reads no file but that one, and opens nothing.

mod command_line;
mod defaults;
mod error;
mod file;
mod grants;
mod issuers;
mod listeners;
mod live;
mod preset;
mod resolve;
mod rules;
mod scope;
mod table;
mod trust_domains;

#[cfg(test)]
mod tests;

pub use command_line::{CommandLine, ConfigVerb, Verb};
pub use error::{ConfigError, WhereSet};
pub use resolve::{Config, OtherOrigin, WithoutLog};

pub(crate) use defaults::default_file;
pub(crate) use scope::Told;
pub(crate) use table::LISTEN_DEFAULT;
