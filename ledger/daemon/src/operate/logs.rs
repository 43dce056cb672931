//! The lines that the daemon logs to stderr, as text or as JSON, each with the request that it is of.

use crate::http::request_id;
use serde::Serialize;
use serde_json::{Map, Value};
use std::error::Error;
use std::fmt::{self, Debug};
use std::io;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// The form of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// Time, request, level, target and message, for people.
    #[default]
    Text,
    /// A JSON object a line: `time` (RFC 3339, UTC), `level`, `target`, `request` where there is one, `message`, and `fields`.
    Json,
}

/// Starts the lines. The filter can be replaced while they go on, by what is returned.
///
/// # Errors
/// Where something else of the process has done so.
pub fn start(format: LogFormat, filter: Targets) -> Result<Handle<Targets, Registry>, TryInitError> {
    let (filter, handle) = reload::Layer::new(filter);
    let lines = match format {
        LogFormat::Text => layer().with_timer(TimeAndRequest).with_writer(io::stderr).boxed(),
        LogFormat::Json => layer().event_format(JsonLines).with_writer(io::stderr).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    Ok(handle)
}

/// The head of a line of text.
struct TimeAndRequest;

impl FormatTime for TimeAndRequest {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(writer)?;
        request_id::current().map_or(Ok(()), |request| write!(writer, " {request}"))
    }
}

struct JsonLines;

#[derive(Serialize)]
struct JsonLine {
    time: String,
    level: &'static str,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    message: String,
    /// Whatever else is told, by its name.
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = JsonLine {
            time: String::new(),
            level: event.metadata().level().as_str(),
            target: event.metadata().target().into(),
            request: request_id::current().map(|request| request.to_string()),
            message: String::new(),
            fields: Map::new(),
        };
        SystemTime.format_time(&mut Writer::new(&mut line.time))?;
        event.record(&mut line);
        writeln!(writer, "{}", serde_json::to_string(&line).map_err(|_| fmt::Error)?)
    }
}

impl JsonLine {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            (name, value) => drop(self.fields.insert(name.into(), value)),
        }
    }
}

impl Visit for JsonLine {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, value.to_string().into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}
