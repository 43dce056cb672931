//! A package of evidence out of a running log, and the same with one byte changed: what `provlog verify` says to each.

use anyhow::{Context, bail, ensure};
use provlog_core::package::CHECKPOINT;
use provlog_examples::daemon::command;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a package lies, and what makes and judges it.
pub(crate) struct Packages<'a> {
    provlog: &'a Path,
    trust: &'a Path,
    package: PathBuf,
    new: PathBuf,
    previous: PathBuf,
    tampered: PathBuf,
}

/// A package with one byte of one file changed, and what was said to it.
pub(crate) struct Refused {
    /// The file's name.
    pub(crate) file: String,
    /// Which byte of it, counted from 0.
    pub(crate) offset: usize,
    /// The verdict.
    pub(crate) verdict: String,
    /// The checks that failed; where there are none, what is wrong with the form.
    pub(crate) because: String,
}

impl<'a> Packages<'a> {
    /// Under this folder.
    pub(crate) fn under(folder: &Path, provlog: &'a Path, trust: &'a Path) -> Self {
        let at = |name| folder.join(name);
        Self {
            provlog,
            trust,
            package: at("package"),
            new: at("package-new"),
            previous: at("package-before"),
            tampered: at("package-tampered"),
        }
    }

    /// Where the package is.
    pub(crate) fn path(&self) -> &Path {
        &self.package
    }

    /// Exports all of a log. A package of an earlier run is kept beside it, and the new one is proven to extend it.
    ///
    /// # Errors
    /// When files can't be written, or `provlog export` refuses.
    pub(crate) fn export(&self, url: &str) -> anyhow::Result<()> {
        remove(&self.new)?;
        let mut export = command(self.provlog);
        export.args(["export", "--url", url, "--trust"]).arg(self.trust).arg("--output").arg(&self.new);
        let earlier = self.package.exists();
        if earlier {
            export.arg("--previous").arg(self.package.join(CHECKPOINT));
        }
        let output = export.output().with_context(|| self.provlog.display().to_string())?;
        ensure!(output.status.success(), "provlog export: {}", String::from_utf8_lossy(&output.stderr));
        if earlier {
            remove(&self.previous)?;
            fs::rename(&self.package, &self.previous).with_context(|| self.previous.display().to_string())?;
        }
        fs::rename(&self.new, &self.package).with_context(|| self.package.display().to_string())
    }

    /// Verifies it. Gives the number of checks that passed.
    ///
    /// # Errors
    /// When `provlog verify` doesn't verify it.
    pub(crate) fn verify(&self) -> anyhow::Result<usize> {
        let judged = self.judge(&self.package)?;
        ensure!(judged["verdict"] == "verified", "the package is {judged}");
        Ok(checks(&judged, "pass").len())
    }

    /// Changes one byte in the middle of each file in turn, and demands that the file is named.
    ///
    /// # Errors
    /// When files can't be written, or a changed byte isn't noticed.
    pub(crate) fn tamper(&self) -> anyhow::Result<Vec<Refused>> {
        let mut refused = Vec::new();
        for file in names(&self.package)? {
            remove(&self.tampered)?;
            fs::create_dir(&self.tampered).with_context(|| self.tampered.display().to_string())?;
            let mut offset = 0;
            for name in names(&self.package)? {
                let mut bytes = fs::read(self.package.join(&name)).with_context(|| name.clone())?;
                if name == file && !bytes.is_empty() {
                    offset = bytes.len() / 2;
                    bytes[offset] ^= 1;
                } else if name == file {
                    bytes.push(0);
                }
                fs::write(self.tampered.join(&name), bytes).with_context(|| name.clone())?;
            }
            let judged = self.judge(&self.tampered)?;
            let failed = checks(&judged, "fail");
            let because = judged["error"].as_str().map_or_else(|| failed.join(", "), Into::into);
            // The manifest's digest is no file of the manifest: where it was changed, both of them disagree.
            let named = because.contains(&file) || judged.to_string().contains(&file);
            if judged["verdict"] == "verified" || !named {
                bail!("{file} with byte {offset} changed: expected that it is refused by name, got {judged}");
            }
            let verdict = judged["verdict"].as_str().unwrap_or_default().into();
            refused.push(Refused { file, offset, verdict, because });
        }
        Ok(refused)
    }

    /// The package's item of what `provlog verify --json` prints.
    fn judge(&self, package: &Path) -> anyhow::Result<Value> {
        let mut verify = command(self.provlog);
        verify.arg("verify").arg(package).arg("--trust").arg(self.trust).arg("--json");
        let output = verify.output().with_context(|| self.provlog.display().to_string())?;
        let said = || format!("provlog verify: {}", String::from_utf8_lossy(&output.stderr));
        let json: Value = serde_json::from_slice(&output.stdout).with_context(said)?;
        Ok(json["packages"][0].clone())
    }
}

/// Names of the checks with this status.
fn checks<'j>(judged: &'j Value, status: &str) -> Vec<&'j str> {
    let all = judged["checks"].as_array().map_or(&[][..], Vec::as_slice).iter();
    all.filter(|check| check["status"] == status).filter_map(|check| check["name"].as_str()).collect()
}

fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let context = || folder.display().to_string();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        names.push(entry.with_context(context)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}
