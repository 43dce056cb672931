//! Whether appends are possible: one place that knows. The sequencer finds out, at every refusal and else about once a
//! second, so that it is known without an append; health, readiness and metrics are told from here, and each change is one
//! line in the log.

use crate::store::Space;
use crate::submission::AppendError;

/// What keeps appends out, or is about to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// Why appends are refused. It passes: the journal's space, or the clock.
    pub(crate) refusal: Option<AppendError>,
    /// What is free, where that can be told.
    pub(crate) space: Option<Space>,
}

/// What is one state, however its figures change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Situation {
    Possible,
    SpaceLow,
    NoSpace,
    Clock,
}

impl Standing {
    /// What will keep appends out if nobody does anything.
    pub(crate) fn warning(&self) -> Option<String> {
        let Space { name, free_bytes, low_bytes } = self.space.as_ref()?;
        (free_bytes < low_bytes).then(|| {
            format!("{free_bytes} bytes are free for {name}, expected at least {low_bytes}, which is two segments: make room, or appends will be refused")
        })
    }

    /// Takes in what was found out.
    pub(crate) fn replace(&mut self, new: Self) {
        let changed = self.situation() != new.situation();
        *self = new;
        if changed {
            match (&self.refusal, self.warning()) {
                (Some(error), _) => tracing::error!("appends are refused, reads go on: {error}"),
                (None, Some(warning)) => tracing::warn!("appends are possible yet: {warning}"),
                (None, None) => tracing::info!("appends are possible again"),
            }
        }
    }

    fn situation(&self) -> Situation {
        match &self.refusal {
            Some(AppendError::Clock(_)) => Situation::Clock,
            Some(_) => Situation::NoSpace,
            None if self.warning().is_some() => Situation::SpaceLow,
            None => Situation::Possible,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ClockError;

    #[test]
    fn figures_change_no_situation() {
        let space = |free_bytes| Some(Space { name: "journal".into(), free_bytes, low_bytes: 10 });
        let standing = |refusal, free_bytes| Standing { refusal, space: space(free_bytes) };
        let clock = |by_ms| Some(AppendError::Clock(ClockError::Stepped { by_ms }));
        let full = |detail: &str| Some(AppendError::NoSpace { detail: detail.into() });
        for (one, other, state) in [
            (standing(None, 10), standing(None, 11), Situation::Possible),
            (standing(None, 9), standing(None, 0), Situation::SpaceLow),
            (standing(full("a"), 9), standing(full("b"), 11), Situation::NoSpace),
            (standing(clock(1), 9), standing(clock(2), 11), Situation::Clock),
        ] {
            assert_eq!((one.situation(), other.situation()), (state, state));
        }
        assert_eq!(
            Standing::default().situation(),
            Situation::Possible,
            "where nothing can be told of the space"
        );
    }
}
