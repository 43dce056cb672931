//! An issuer of tokens, for what callers with tokens cost: a new key, its JWKS in a file, and one token on standard output; or in a file
//! many appends, each with a token that is bound to it, and on standard output how many such tokens one core verifies.

use anyhow::{Context, anyhow, bail};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use clap::{Parser, ValueEnum};
use provlog_benches::{prepared, workload};
use provlog_core::Hash;
use provlog_core::record::SectionName;
use provlog_core::submission::Submission;
use provlog_evidence::jwk::Jwks;
use provlog_evidence::jwt::{Issuer, IssuerKeys, UnverifiedToken};
use serde_json::json;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How long a token holds, in seconds.
const VALID_S: u64 = 3_600;

/// Tokens that are verified for the rates.
const VERIFIED: usize = 4_000;

/// Makes a key, writes it as a JWKS, and prints a token with claims as a job of GitHub Actions has.
#[derive(Parser)]
struct Options {
    /// What the token has in iss.
    #[arg(long, default_value = "https://issuer.example.com")]
    issuer: String,
    /// What it has in aud.
    #[arg(long, default_value = "https://log.example.com")]
    audience: String,
    /// How it is signed.
    #[arg(long, value_enum, default_value_t = Algorithm::EdDsa)]
    algorithm: Algorithm,
    /// The file of keys that is written.
    #[arg(long)]
    jwks: PathBuf,
    /// Write so many appends to the log of --origin, each with a token that is bound to it.
    #[arg(long, requires_all = ["origin", "requests"], value_name = "COUNT")]
    bound: Option<usize>,
    /// The log that they are for.
    #[arg(long)]
    origin: Option<String>,
    /// The file that they are written to.
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Algorithm {
    #[value(name = "EdDSA")]
    EdDsa,
    #[value(name = "ES256")]
    Es256,
    /// With 2,048 bits, as GitHub's.
    #[value(name = "RS256")]
    Rs256,
}

enum Key {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let key = Key::generate(options.algorithm)?;
    let jwks = json!({"keys": [key.jwk()]}).to_string();
    fs::write(&options.jwks, &jwks).with_context(|| format!("can't write {}", options.jwks.display()))?;
    match (options.bound, &options.origin, &options.requests) {
        (Some(count), Some(origin), Some(path)) => {
            let tokens = write_bound(&options, &key, origin, count, path)?;
            print_rates(&options, &key, origin, &jwks, &tokens)
        }
        _ => {
            println!("{}", key.token(&options.issuer, &options.audience)?);
            Ok(())
        }
    }
}

/// A token, and the digest of the submission that it is bound to.
type BoundToken = (String, [u8; 32]);

/// An append, and its token.
type BoundAppend = (Vec<u8>, BoundToken);

/// Writes the appends; gives back the first of their tokens.
fn write_bound(
    options: &Options,
    key: &Key,
    origin: &str,
    count: usize,
    path: &PathBuf,
) -> anyhow::Result<Vec<BoundToken>> {
    let threads = thread::available_parallelism().map_or(1, Into::into);
    let share = |number: usize| (number..count).step_by(threads);
    let parts: anyhow::Result<Vec<Vec<BoundAppend>>> = thread::scope(|scope| {
        let each =
            |number| scope.spawn(move || share(number).map(|at| append(options, key, origin, at)).collect());
        let threads: Vec<_> = (0..threads).map(each).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?).collect()
    });
    let parts = parts?;
    let file = File::create(path).with_context(|| format!("can't write {}", path.display()))?;
    let (mut file, mut tokens) = (BufWriter::new(file), Vec::new());
    for (request, token) in parts.into_iter().flatten() {
        prepared::write(&mut file, &request)?;
        if tokens.len() < VERIFIED {
            tokens.push(token);
        }
    }
    file.flush()?;
    Ok(tokens)
}

/// One append, with its token in the header.
fn append(options: &Options, key: &Key, origin: &str, number: usize) -> anyhow::Result<BoundAppend> {
    let subject = Hash::plain(format!("{origin} {number}").as_bytes()).to_hex();
    let body = workload::cbor_submission(&subject, u64::try_from(number)?)?;
    let submission = Submission::parse_cbor(&body)?;
    let kind = submission.kind().kind;
    let digest = submission.seal()?.digest(SectionName::Submitted, kind);
    let token = key.token(&options.issuer, &format!("{origin}:{digest}"))?;
    let head = format!(
        "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/cbor\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Ok(([head.into_bytes(), body].concat(), (token, digest.0)))
}

/// How many of these one core verifies: their signatures alone, and all of them as a log does.
fn print_rates(
    options: &Options,
    key: &Key,
    origin: &str,
    jwks: &str,
    tokens: &[BoundToken],
) -> anyhow::Result<()> {
    let alone = rate(tokens, |(token, _)| {
        let (signed, signature) = token.rsplit_once('.').context("no token")?;
        let signature = Base64UrlUnpadded::decode_vec(signature).map_err(|error| anyhow!("{error}"))?;
        key.verify(signed.as_bytes(), &signature)
    })?;
    let (issuer, keys) = (Issuer::Oidc(options.issuer.clone()), Jwks::parse(jwks.as_bytes())?.keys);
    let now_ms = now_s()? * 1_000;
    let whole = rate(tokens, |(token, digest)| {
        let token = UnverifiedToken::parse(token)?.of_submission(origin, digest, now_ms)?;
        token.verified(IssuerKeys::by_kid(&issuer, &keys)).map(drop).map_err(Into::into)
    })?;
    println!("{alone:.0} {whole:.0}");
    Ok(())
}

fn rate(tokens: &[BoundToken], verify: impl Fn(&BoundToken) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let start = Instant::now();
    tokens.iter().try_for_each(verify)?;
    let count = u32::try_from(tokens.len())?;
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

impl Key {
    fn generate(algorithm: Algorithm) -> anyhow::Result<Self> {
        let none = |_| anyhow!("no key was made");
        Ok(match algorithm {
            Algorithm::EdDsa => Self::EdDsa(Ed25519KeyPair::generate().map_err(none)?),
            Algorithm::Es256 => {
                Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(none)?)
            }
            Algorithm::Rs256 => Self::Rs256(RsaKeyPair::generate(rsa::KeySize::Rsa2048).map_err(none)?),
        })
    }

    fn jwk(&self) -> serde_json::Value {
        match self {
            Self::EdDsa(key) => {
                let x = encode(key.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "bench", "x": x})
            }
            Self::Es256(key) => {
                // An uncompressed point: 4, and both coordinates.
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": "bench", "x": encode(x), "y": encode(y)})
            }
            Self::Rs256(key) => {
                // RFC 8017, A.1.1, of 2,048 bits: heads of 4 and 5 bytes, the modulus, a head of 2, and the exponent.
                let der = key.public_key().as_ref();
                let (n, e) = (&der[9..265], &der[267..]);
                json!({"kty": "RSA", "use": "sig", "kid": "bench", "n": encode(n), "e": encode(e)})
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::EdDsa(_) => "EdDSA",
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
        }
    }

    fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let none = |_| anyhow!("no signature was made");
        match self {
            Self::EdDsa(key) => Ok(key.sign(message).as_ref().into()),
            Self::Es256(key) => Ok(key.sign(&SystemRandom::new(), message).map_err(none)?.as_ref().into()),
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(none)?;
                Ok(signature)
            }
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> anyhow::Result<()> {
        let verified = match self {
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key.public_key()).verify(message, signature),
            Self::Es256(key) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key()).verify(message, signature)
            }
            Self::Rs256(key) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key())
                .verify(message, signature),
        };
        if verified.is_err() {
            bail!("a signature doesn't verify");
        }
        Ok(())
    }

    fn token(&self, issuer: &str, audience: &str) -> anyhow::Result<String> {
        let now_s = now_s()?;
        let payload = json!({
            "iss": issuer,
            "aud": audience,
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
        let header = json!({"alg": self.name(), "kid": "bench", "typ": "JWT"});
        let signed =
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(payload.to_string().as_bytes()));
        Ok(format!("{signed}.{}", encode(&self.sign(signed.as_bytes())?)))
    }
}

fn now_s() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
