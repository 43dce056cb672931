//! Whether a batch can be taken whole: no idempotency key in it may stand for other values, neither in the log nor in the
//! batch itself.
//!
//! Looks before the log is asked, so another request may still use a key in between. Then the line alone is a conflict:
//! the others are in the log by that time.

use crate::http::problem::Problem;
use crate::routes::app::App;
use crate::routes::append::Draft;
use provlog_engine::{Reader, Submission};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use tokio::task::yield_now;

/// Lines after which other requests get their turn: two that are compared take some 20 us.
const LINES_A_TURN: usize = 32;

/// Records that are read in one turn, and compared before the next one: each takes some 20 us.
const RECORDS_A_TURN: usize = 16;

/// Checks every line whose key the client chose.
///
/// # Errors
/// 409 that names the first line with a key of other values; whatever reading the log meets.
pub(crate) async fn check(app: &App, batch: &[Submission], drafts: &[Draft]) -> Result<(), Problem> {
    let (logged, in_batch) = check_in_batch(app, batch, drafts).await;
    for logged in logged.chunks(RECORDS_A_TURN) {
        let indexes: Vec<u64> = logged.iter().map(|line| line.index).collect();
        let read = move |reader: &Reader| -> Vec<_> {
            indexes.into_iter().map(|index| reader.record(index)).collect()
        };
        for (Logged { number, draft, index }, record) in logged.iter().zip(app.log.read(read).await?) {
            let compare = |record| draft.check_same(&record, format_args!("entry {index}"));
            record.map_err(Problem::from).and_then(compare).map_err(|problem| problem.on_line(*number))?;
        }
    }
    in_batch
}

/// A line whose key stands for an entry of the log.
struct Logged<'a> {
    number: usize,
    draft: &'a Draft,
    index: u64,
}

/// Holds lines of one key against each other, up to the first conflict. Returns those before it whose entries are to be
/// compared still.
async fn check_in_batch<'a>(
    app: &App,
    batch: &[Submission],
    drafts: &'a [Draft],
) -> (Vec<Logged<'a>>, Result<(), Problem>) {
    let (mut firsts, mut logged) = (HashMap::new(), Vec::new());
    for (number, (submission, draft)) in (1..).zip(batch.iter().zip(drafts)) {
        if number % LINES_A_TURN == 0 {
            yield_now().await;
        }
        let Some(key) = submission.dedup.filter(|_| draft.has_chosen_key()) else { continue };
        match firsts.entry(key) {
            Entry::Occupied(first) => {
                let (line, first): &(usize, &Draft) = first.get();
                if let Err(problem) = draft.check_same_draft(first, format_args!("line {line}")) {
                    return (logged, Err(problem.on_line(number)));
                }
            }
            Entry::Vacant(unseen) => {
                unseen.insert((number, draft));
                // A key that can't be known to be unused is refused by the log itself.
                if let Ok(Some(index)) = app.log.lookup(&key) {
                    logged.push(Logged { number, draft, index });
                }
            }
        }
    }
    (logged, Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::IDEMPOTENCY_KEY_CONFLICT;
    use crate::routes::app::tests::temporary;
    use crate::routes::append::prepare;

    /// A key of its own, or none; and the subject's name.
    type Line = (Option<&'static str>, &'static str);

    fn batch(app: &App, lines: &[Line]) -> (Vec<Submission>, Vec<Draft>) {
        let prepare_line = |(number, (key, subject)): (usize, &Line)| {
            let mut json: serde_json::Value =
                serde_json::from_str(include_str!("../operate/first_entry.json")).unwrap();
            json["claims"]["subject"][0]["name"] = (*subject).into();
            if let Some(key) = key {
                json["idempotency_key"] = (*key).into();
            }
            let submission =
                provlog_core::submission::Submission::parse(json.to_string().as_bytes()).unwrap();
            prepare(app, submission, Some(("job", number))).unwrap()
        };
        (1..).zip(lines).map(prepare_line).unzip()
    }

    #[tokio::test]
    async fn a_key_of_other_values_is_found_in_the_batch_and_in_the_log() {
        let (_folder, app) = temporary();
        let (logged, drafts) = batch(&app, &[(None, "a"), (Some("own"), "b"), (Some("own"), "b")]);
        check(&app, &logged, &drafts).await.unwrap();
        app.log.append_batch(logged).await.unwrap();

        let cases: [(&[Line], Result<(), &str>); 5] = [
            (&[(None, "a"), (Some("own"), "b"), (None, "c")], Ok(())),
            (
                &[(Some("new"), "a"), (Some("new"), "c")],
                Err("line 2: the idempotency key was used for line 1,"),
            ),
            (&[(None, "c")], Err("line 1: the idempotency key was used for entry 1,")),
            (&[(None, "a"), (Some("own"), "c")], Err("line 2: the idempotency key was used for entry 2,")),
            (&[(None, "a"), (None, "b")], Ok(())),
        ];
        for (lines, expected) in cases {
            let (prepared, drafts) = batch(&app, lines);
            match (check(&app, &prepared, &drafts).await, expected) {
                (Ok(()), Ok(())) => {}
                (Err(problem), Err(start)) => {
                    assert_eq!(problem.code(), &IDEMPOTENCY_KEY_CONFLICT);
                    assert!(problem.detail().starts_with(start), "{lines:?}: {}", problem.detail());
                }
                (got, expected) => panic!("{lines:?}: expected {expected:?}, got {got:?}"),
            }
        }
    }
}
