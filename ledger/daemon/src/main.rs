//! `provlogd`: reads the settings, starts the logs that people read, runs the daemon, and exits with the code of what
//! came of it.

use anyhow::Context;
use provlogd::operate::config::{CommandLine, Config, ConfigVerb, Verb};
use provlogd::operate::failure::Failure;
use provlogd::operate::logs;
use provlogd::operate::reload::{Reload, SetLogFilter};
use provlogd::run;
use std::env;
use std::process::ExitCode;

/// An append allocates some hundred times, half of it freed on another thread than it was made on.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command_line = CommandLine::read(env::args_os()).unwrap_or_else(|told| told.exit());
    match run(command_line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (told, code) = match error.downcast_ref::<Failure>() {
                // Its text has its causes already.
                Some(failure) => (failure.to_string(), failure.exit_code()),
                None => (format!("{error:#}"), 1),
            };
            eprintln!("provlogd: {told}");
            ExitCode::from(code)
        }
    }
}

fn run(command_line: CommandLine) -> anyhow::Result<()> {
    if command_line.verb == Some(Verb::Config(ConfigVerb::Default)) {
        // Also where the file that there is can't be read.
        run::default_config();
        return Ok(());
    }
    let config = command_line.resolve().map_err(Failure::from)?;
    let set_log_filter = start_logs(&config)?;
    match &command_line.verb {
        Some(Verb::Init) => run::init(&config)?,
        Some(Verb::Token(verb)) => run::tokens(&config, verb)?,
        Some(Verb::Config(_)) => run::check_config(&config)?,
        None => run::run(config.clone(), Reload::new(command_line, config, set_log_filter))?,
    }
    Ok(())
}

fn start_logs(config: &Config) -> anyhow::Result<SetLogFilter> {
    let handle = logs::start(config.log_format, config.log_filter.clone()).context("starting logs")?;
    Ok(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())))
}
