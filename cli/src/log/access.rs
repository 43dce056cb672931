//! Where a log is and what to believe of it: the arguments of every verb that asks one, and what they open.

use super::client::{ANSWER_BYTES_MAX, Client};
use super::identity::Identity;
use super::svid::Svid;
use super::url::{LogUrl, UrlError};
use crate::local::settings::tls::{TlsArgs, TlsFiles};
use crate::local::settings::token::TokenArgs;
use crate::local::settings::{LogPlace, Settings, SettingsError, TrustArgs, TrustFile};
use crate::proof::head::{Head, parse_proof};
use crate::show::failure::Failure;
use crate::show::page;
use clap::Args;
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::limits::NOTE_BYTES_MAX;
use provlog_core::trust::Trust;

/// Where the log is.
#[derive(Debug, Args)]
pub(crate) struct UrlArgs {
    /// Where the log is: https://, http://, or unix:/PATH of a socket [default: the configuration's, else the trust file's, else
    /// http://127.0.0.1:4180]
    #[arg(long, env = "PROVLOG_URL", hide_env_values = true, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    tls: TlsArgs,
}

impl UrlArgs {
    /// The log, where no trust file says where it is. It is sent no token: what is asked of it then everybody may ask, and nobody knows
    /// yet who answers.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let settings = Settings::load(None)?;
        if let Some(unheeded) = settings.unheeded(false, self.url.is_none()) {
            page::say(&unheeded);
        }
        self.address(&settings, None, None).client()
    }

    fn address(&self, settings: &Settings, trust: Option<&TrustFile>, token: Option<&TokenArgs>) -> Address {
        let LogPlace { url, tls, is_own } = settings.place(self.url.as_deref(), self.tls.files(), trust);
        Address { url: url.into(), tls, is_own, token: token.cloned() }
    }
}

/// Which log to ask, and which to believe.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    #[command(flatten)]
    url: UrlArgs,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    trust: TrustArgs,
}

/// A log: what to believe of it, and where it is. Nothing is asked of it yet.
#[derive(Debug)]
pub(crate) struct Log {
    /// Its key.
    pub(crate) trust: TrustFile,
    address: Address,
}

/// Where a log is, and with what it is asked.
#[derive(Debug)]
pub(crate) struct Address {
    url: String,
    tls: TlsFiles,
    /// Whether it is the user's own word.
    is_own: bool,
    /// None where it is asked without one.
    token: Option<TokenArgs>,
}

impl Address {
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.client_of(None)
    }

    /// With what a workload is known by over TLS, where it gives nothing else to be known by.
    fn client_of(&self, svid: Option<&Svid>) -> Result<Client, Failure> {
        if self.tls.identity.is_some() && !self.is_own {
            return Err(UrlError::IdentityAbroad(self.url.clone()).into());
        }
        let url = LogUrl::parse(&self.url)?;
        let given = self.tls.identity.as_ref();
        if given.is_some() && !url.is_tls() {
            return Err(UrlError::IdentityInClear(url.to_string()).into());
        }
        let token = self.token.as_ref().map(TokenArgs::find).transpose()?.flatten();
        let given = given.map(Identity::read).transpose().map_err(UrlError::from)?;
        let svid = svid.filter(|_| token.is_none() && url.is_tls()).map(Svid::identity);
        let client = Client::new(&self.url, self.tls.ca.as_deref(), given.as_ref().or(svid))?;
        // Also on this machine: whoever has an account on it may listen there.
        if token.is_some() && !self.is_own {
            return Err(UrlError::TokenAbroad(self.url.clone()).into());
        }
        Ok(client.with_token(token)?)
    }
}

impl LogArgs {
    /// The log, with the trust file that believes it.
    pub(crate) fn open(&self) -> Result<Log, SettingsError> {
        let (trust, address) = self.find()?;
        Ok(Log { trust: trust.ok_or(SettingsError::NoTrust)?, address })
    }

    /// The trust file, if there is one, and where the log is.
    pub(crate) fn find(&self) -> Result<(Option<TrustFile>, Address), SettingsError> {
        let settings = self.trust.settings()?;
        let trust = self.trust.find(&settings)?;
        if let Some(unheeded) = self.trust.unheeded(&settings, self.url.url.is_none()) {
            page::say(&unheeded);
        }
        let address = self.url.address(&settings, trust.as_ref(), Some(&self.token));
        Ok((trust, address))
    }
}

impl Log {
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.address.client()
    }

    /// As [`Self::client`], for entries that are bound to a workload: by its SVID, or by tokens.
    pub(crate) fn client_bound_by(&self, svid: Option<&Svid>) -> Result<Client, Failure> {
        if !self.address.is_own {
            return Err(UrlError::ProofAbroad(self.address.url.clone()).into());
        }
        let client = self.address.client_of(svid)?;
        if svid.is_none() {
            // Whoever reads a token can't use it for another entry, and could still append in the workload's place, or read what else it
            // says.
            client.check_private()?;
        }
        Ok(client)
    }
}

/// The log's newest checkpoint, believed.
pub(crate) fn newest(client: &Client, trust: &Trust) -> Result<Head, Failure> {
    let note = client.get("/checkpoint", NOTE_BYTES_MAX)?;
    Head::verified(format!("{}/checkpoint", client.base()), &note, trust)
}

/// The log's proof that a later tree extends an earlier one, unverified.
pub(crate) fn fetch_proof(client: &Client, old: &Checkpoint, new: &Checkpoint) -> Result<Vec<Hash>, Failure> {
    let path = format!("/v1/consistency?old={}&new={}", old.size, new.size);
    let answer = client.get(&path, ANSWER_BYTES_MAX)?;
    parse_proof(&format!("{}{path}", client.base()), &answer)
}
