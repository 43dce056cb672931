//! The command line, and the environment behind it.

use crate::operate::config::error::{ConfigError, WhereSet};
use crate::operate::config::resolve::{Config, resolve};
use crate::operate::config::scope::Word;
use crate::operate::config::table::{Form, SETTINGS, Setting};
use crate::operate::token::TokenVerb;
use clap::builder::{OsStringValueParser, Resettable};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// The command line.
#[derive(Parser, Clone, Debug)]
#[command(name = "provlogd", version, about = "Keeps a provlog: an append-only, signed log of provenance entries.", after_help = crate::operate::exit_codes::HELP)]
pub struct CommandLine {
    /// TOML file with any of the settings below, named as the flags with underscores [default: none]
    #[arg(long, value_name = "FILE", env = "PROVLOGD_CONFIG")]
    pub config: Option<PathBuf>,

    /// Takes the wall clock as it is, for this start, where it contradicts the log or the boot-time clock
    // Neither in the file nor in the environment: it is an answer to one refusal, and left there it would answer all.
    #[arg(long)]
    pub accept_clock: bool,

    /// What to do instead of serving the log.
    #[command(subcommand)]
    pub verb: Option<Verb>,

    /// The settings among the flags and variables.
    #[arg(skip)]
    words: Vec<Word>,
}

/// What the program does beside serving a log.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    /// Makes the log, tells what was made, and ends; takes the settings of the daemon that is to serve it
    Init,
    /// Says who may call: makes, lists and revokes tokens; a daemon that serves the log takes that at once
    #[command(subcommand)]
    Token(TokenVerb),
    /// Writes and checks the file of settings
    #[command(subcommand)]
    Config(ConfigVerb),
}

/// What to do about the file of settings.
#[derive(Subcommand, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfigVerb {
    /// Prints a file with every setting, what it does, and its default
    Default,
    /// Reads all that a start would read, changes nothing, and tells what holds, or the first thing that is wrong
    Check,
}

impl CommandLine {
    /// Reads the command line, and the environment behind it. A variable that is set and empty counts as not set: that is
    /// how scripts and unit files unset them.
    ///
    /// # Errors
    /// What clap has to say: also the help, where that is asked for.
    pub fn read(arguments: impl IntoIterator<Item: Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        // Settings may stand before and behind the verb.
        let command = command().mut_args(|argument| {
            let variable = argument.get_env().and_then(std::env::var_os);
            let empty = variable.is_some_and(|value| value.is_empty());
            let argument = argument.global(true);
            if empty { argument.env(Resettable::Reset) } else { argument }
        });
        let matches = command.try_get_matches_from(arguments)?;
        let words = SETTINGS.iter().filter_map(|setting| word(setting, &matches)).collect();
        Ok(Self { words, ..Self::from_arg_matches(&matches)? })
    }

    /// Reads the file, if one is named, and puts the command line over it.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting, where it was set, what was expected and what was got.
    pub fn resolve(&self) -> Result<Config, ConfigError> {
        resolve(&self.words, self.config.as_deref(), self.accept_clock)
    }
}

fn command() -> Command {
    CommandLine::command().args(SETTINGS.map(argument))
}

/// The flag and the variable of a setting. What they say is read where that of the file is.
fn argument(setting: &'static Setting) -> Arg {
    let argument = Arg::new(setting.key)
        .long(setting.flag())
        .env(setting.variable())
        .value_name(setting.takes)
        .value_parser(OsStringValueParser::new())
        .help(format!("{} [default: {}]", setting.help, setting.default_in_words()));
    match setting.form {
        Form::Switch => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        _ => argument,
    }
}

fn word(setting: &'static Setting, matches: &ArgMatches) -> Option<Word> {
    let word = matches.get_one::<OsString>(setting.key)?.clone();
    let place = match matches.value_source(setting.key) {
        Some(ValueSource::EnvVariable) => WhereSet::Variable(setting.variable()),
        _ => WhereSet::Flag(format!("--{}", setting.flag())),
    };
    Some(Word { key: setting.key, word, place })
}
