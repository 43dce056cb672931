//! What the service manager is told (sd_notify(3)); without `$NOTIFY_SOCKET` nobody is.

use sd_notify::{NotifyState, notify};

/// It listens, or it goes on after a reload.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// It reads its settings anew; [`ready`] ends that. `Type=notify-reload` wants the time of it too.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        // A RELOADING=1 without its time would have the service ended.
        Err(error) => tracing::warn!(%error, "the service manager isn't told of this reload"),
    }
}

/// It takes no more requests.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("answers requests in flight, and stops")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        tracing::warn!(%error, "the service manager can't be told");
    }
}
