//! An issuer of tokens, for what callers with tokens cost: a new key, its JWKS in a file, and one token on standard output.

use anyhow::{Context, anyhow};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64ct::{Base64UrlUnpadded, Encoding};
use clap::Parser;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long the token holds, in seconds.
const VALID_S: u64 = 3_600;

/// Makes a key, writes it as a JWKS, and prints a token with claims as a job of GitHub Actions has.
#[derive(Parser)]
struct Options {
    /// What the token has in iss.
    #[arg(long, default_value = "https://issuer.example.com")]
    issuer: String,
    /// What it has in aud.
    #[arg(long, default_value = "https://log.example.com")]
    audience: String,
    /// The file of keys that is written.
    #[arg(long)]
    jwks: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let key = Ed25519KeyPair::generate().map_err(|_| anyhow!("no key was made"))?;
    let x = encode(key.public_key().as_ref());
    let jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "bench", "x": x}]});
    fs::write(&options.jwks, jwks.to_string())
        .with_context(|| format!("can't write {}", options.jwks.display()))?;

    let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let payload = json!({
        "iss": options.issuer,
        "aud": options.audience,
        "sub": "repo:example/app:ref:refs/heads/main",
        "iat": now_s,
        "exp": now_s + VALID_S,
        "jti": "2f4fa9f1-3f0f-4d4d-8f0e-6f2f6b7e7f3b",
        "actor": "somebody",
        "actor_id": "1000001",
        "event_name": "push",
        "job_workflow_ref": "example/app/.github/workflows/release.yml@refs/heads/main",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "repository": "example/app",
        "repository_id": "123456",
        "repository_owner": "example",
        "repository_owner_id": "77",
        "run_attempt": "1",
        "run_id": "7700000001",
        "runner_environment": "github-hosted",
        "sha": "4015b57a143aec5156fd1444a017a32137a3fd0f",
    });
    let header = json!({"alg": "EdDSA", "kid": "bench", "typ": "JWT"});
    let signed =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(payload.to_string().as_bytes()));
    println!("{signed}.{}", encode(key.sign(signed.as_bytes()).as_ref()));
    Ok(())
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
