//! What is known of the issuers that people use, so that a configuration need not say it.
//!
//! Nothing here enters a verification: what a token proves is read off the token.

/// A kind of issuer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preset {
    /// What a configuration calls it.
    pub name: &'static str,
    /// The one issuer, where there is only one that everybody uses.
    pub issuer: Option<&'static str>,
    /// Whether a job, while it runs, gets a token with an audience of its choice: only then can a token be bound to what is
    /// submitted.
    pub job_chooses_audience: bool,
    /// Whether it is known that no person starts its jobs. Then a job may approve what a person wrote, and the other way round.
    pub no_person_starts_its_jobs: bool,
}

/// All of them. No preset knows that no person starts its jobs: people push, press buttons and run `kubectl`, and what
/// else attests a workload doesn't say who started it. Whoever runs an issuer for machines alone has to say so.
pub const PRESETS: [Preset; 5] = [
    Preset {
        name: "github-actions",
        issuer: Some("https://token.actions.githubusercontent.com"),
        job_chooses_audience: true,
        no_person_starts_its_jobs: false,
    },
    // `id_tokens` are written into the job before it starts.
    Preset {
        name: "gitlab",
        issuer: Some("https://gitlab.com"),
        job_chooses_audience: false,
        no_person_starts_its_jobs: false,
    },
    // A pod may ask for one where its role grants it `create` on `serviceaccounts/token`.
    Preset { name: "kubernetes", issuer: None, job_chooses_audience: true, no_person_starts_its_jobs: false },
    Preset { name: "spiffe", issuer: None, job_chooses_audience: true, no_person_starts_its_jobs: false },
    Preset { name: "generic", issuer: None, job_chooses_audience: false, no_person_starts_its_jobs: false },
];

impl Preset {
    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}
