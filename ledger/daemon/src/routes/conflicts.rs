//! Whether a batch can be taken whole: no idempotency key in it may stand for other values, neither in the log nor in the
//! batch itself.
//!
//! Looks before the log is asked, so another request may still use a key in between. Then the line alone is a conflict:
//! the others are in the log by that time.

use crate::http::codes::IDEMPOTENCY_KEY_CONFLICT;
use crate::http::problem::Problem;
use crate::routes::app::App;
use crate::routes::append::Draft;
use provlog_engine::{DedupKey, Outcome, Reader};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use tokio::task::yield_now;

/// Lines after which other requests get their turn: two that are compared take some 20 us.
const LINES_A_TURN: usize = 32;

/// Records that are read in one turn, and compared before the next one: each takes some 20 us.
const RECORDS_A_TURN: usize = 16;

/// Keys of the clients' choosing, and the entries whose values are those of every line under them.
pub(crate) type Agreed = HashMap<DedupKey, u64>;

/// Where a line of a batch ended up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settled {
    pub(crate) index: u64,
    pub(crate) standing: Standing,
}

/// What a line is to the entry that it stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It became the entry.
    New,
    /// The entry was there already, and says the same.
    Known,
    /// Its key was used for the entry, which says something else.
    Conflict,
}

/// Checks every line whose key the client chose.
///
/// # Errors
/// 409 that names the first line with a key of other values; whatever reading the log meets.
pub(crate) async fn check(app: &App, drafts: &[Draft]) -> Result<Agreed, Problem> {
    let (logged, in_batch) = check_in_batch(app, drafts).await;
    let mut agreed = Agreed::with_capacity(logged.len());
    compare(app, &logged, |line, same| {
        agreed.extend(line.draft.chosen_key().map(|key| (key, line.index)));
        same
    })
    .await?;
    in_batch.map(|()| agreed)
}

/// Says where the lines of a committed batch ended up. What was not `agreed` before is compared now: its key was used in
/// between. Counts retries that are some.
///
/// # Errors
/// Whatever reading the log meets. The lines are in the log all the same, and to send them again is safe.
pub(crate) async fn settle(
    app: &App,
    drafts: &[Draft],
    outcomes: &[Outcome],
    mut agreed: Agreed,
) -> Result<Vec<Settled>, Problem> {
    let mut settled = Vec::with_capacity(outcomes.len());
    let mut doubtful = Vec::new();
    for (number, (outcome, draft)) in (1..).zip(outcomes.iter().zip(drafts)) {
        let index = outcome.index();
        let standing = if outcome.is_duplicate() {
            if draft.chosen_key().is_some_and(|key| agreed.get(&key) != Some(&index)) {
                doubtful.push(Logged { number, draft, index });
            }
            Standing::Known
        } else {
            // Lines of one key were held against each other before.
            agreed.extend(draft.chosen_key().map(|key| (key, index)));
            Standing::New
        };
        settled.push(Settled { index, standing });
    }
    compare(app, &doubtful, |line, same| match same {
        Err(problem) if problem.code() == &IDEMPOTENCY_KEY_CONFLICT => {
            // Numbers were given out as the lines were gone through.
            settled[line.number - 1].standing = Standing::Conflict;
            Ok(())
        }
        same => same,
    })
    .await?;
    settled.iter().filter(|line| line.standing == Standing::Known).for_each(|_| app.metrics.retried());
    Ok(settled)
}

/// A line whose key stands for an entry of the log.
struct Logged<'a> {
    number: usize,
    draft: &'a Draft,
    index: u64,
}

/// Holds lines against the entries that their keys stand for, and hands each result to `judge`, until that gives an error.
///
/// # Errors
/// That of `judge`, with the line's number; whatever reading the log meets.
async fn compare<'a>(
    app: &App,
    logged: &[Logged<'a>],
    mut judge: impl FnMut(&Logged<'a>, Result<(), Problem>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for turn in logged.chunks(RECORDS_A_TURN) {
        let indexes: Vec<u64> = turn.iter().map(|line| line.index).collect();
        let read = move |reader: &Reader| -> Vec<_> {
            indexes.into_iter().map(|index| reader.record(index)).collect()
        };
        for (line, record) in turn.iter().zip(app.log.read(read).await?) {
            let same = |record| line.draft.check_same(&record, format_args!("entry {}", line.index));
            let same = record.map_err(Problem::from).and_then(same);
            judge(line, same).map_err(|problem| problem.on_line(line.number))?;
        }
    }
    Ok(())
}

/// Holds lines of one key against each other, up to the first conflict. Returns those before it whose entries are to be
/// compared still.
async fn check_in_batch<'a>(app: &App, drafts: &'a [Draft]) -> (Vec<Logged<'a>>, Result<(), Problem>) {
    let (mut firsts, mut logged) = (HashMap::new(), Vec::new());
    for (number, draft) in (1..).zip(drafts) {
        if number % LINES_A_TURN == 0 {
            yield_now().await;
        }
        let Some(key) = draft.chosen_key() else { continue };
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
    use crate::http::codes::IDEMPOTENCY_KEY_CONFLICT;
    use crate::routes::app::tests::{anybody, temporary};
    use crate::routes::append::prepare;

    /// A key of its own, or none; and the subject's name.
    type Line = (Option<&'static str>, &'static str);

    async fn batch(app: &App, lines: &[Line]) -> (Vec<provlog_engine::Submission>, Vec<Draft>) {
        let (mut batch, mut drafts) = (Vec::new(), Vec::new());
        for (number, (key, subject)) in (1..).zip(lines) {
            let mut json: serde_json::Value =
                serde_json::from_str(include_str!("../operate/first_entry.json")).unwrap();
            json["claims"]["subject"][0]["name"] = (*subject).into();
            if let Some(key) = key {
                json["idempotency_key"] = (*key).into();
            }
            let submission =
                provlog_core::submission::Submission::parse(json.to_string().as_bytes()).unwrap();
            let (line, draft) = prepare(app, &anybody(app), submission, Some(("job", number))).await.unwrap();
            batch.push(line);
            drafts.push(draft);
        }
        (batch, drafts)
    }

    #[tokio::test]
    async fn a_key_of_other_values_is_found_in_the_batch_and_in_the_log() {
        let (_folder, app) = temporary();
        let (logged, drafts) = batch(&app, &[(None, "a"), (Some("own"), "b"), (Some("own"), "b")]).await;
        check(&app, &drafts).await.unwrap();
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
            let (_, drafts) = batch(&app, lines).await;
            match (check(&app, &drafts).await.map(drop), expected) {
                (Ok(()), Ok(())) => {}
                (Err(problem), Err(start)) => {
                    assert_eq!(problem.code(), &IDEMPOTENCY_KEY_CONFLICT);
                    assert!(problem.detail().starts_with(start), "{lines:?}: {}", problem.detail());
                }
                (got, expected) => panic!("{lines:?}: expected {expected:?}, got {got:?}"),
            }
        }
    }
    #[tokio::test]
    async fn a_key_that_others_use_in_between_is_a_conflict_of_its_line_alone() {
        let (_folder, app) = temporary();
        let (others, _) = batch(&app, &[(Some("one"), "a"), (Some("two"), "other")]).await;
        let lines = [(Some("one"), "a"), (Some("two"), "b"), (Some("three"), "c"), (Some("three"), "c")];
        let (mine, drafts) = batch(&app, &lines).await;
        let agreed = check(&app, &drafts).await.unwrap();
        assert!(agreed.is_empty());
        app.log.append_batch(others).await.unwrap();
        let outcomes = app.log.append_batch(mine).await.unwrap().outcomes;
        let settled = settle(&app, &drafts, &outcomes, agreed).await.unwrap();
        let expected =
            [(1, Standing::Known), (2, Standing::Conflict), (3, Standing::New), (3, Standing::Known)];
        assert_eq!(settled, expected.map(|(index, standing)| Settled { index, standing }));

        let agreed = check(&app, &drafts[..1]).await.unwrap();
        assert_eq!(agreed.into_values().collect::<Vec<_>>(), [1]);
    }
}
