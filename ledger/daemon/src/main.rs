//! `provlogd`: reads the settings, starts the logs that people read, runs the daemon, and exits with the code of what
//! came of it.

use anyhow::Context;
use provlogd::operate::config::{CommandLine, Config, Verb};
use provlogd::operate::failure::Failure;
use provlogd::operate::logs;
use provlogd::run;
use std::env;
use std::process::ExitCode;
use tracing_subscriber::filter::Targets;

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
    let verb = command_line.verb.clone();
    let config = command_line.resolve().map_err(Failure::from)?;
    start_logs(&config)?;
    match verb {
        Some(Verb::Init) => run::init(&config)?,
        Some(Verb::Token(verb)) => run::tokens(&config, &verb)?,
        None => run::run(config)?,
    }
    Ok(())
}

fn start_logs(config: &Config) -> anyhow::Result<()> {
    let filter: Targets =
        config.log_filter.parse().map_err(|_| Failure::LogFilter(config.log_filter.clone()))?;
    logs::start(config.log_format, filter).context("starting logs")?;
    Ok(())
}
