//! A report that a browser has opened: what it shows, and what its reader does to it.

use super::driver::Browser;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Where pictures are left, for people to look at.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report-pictures");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A browser with a report in it.
pub struct Report<'b>(&'b Browser);

impl<'b> Report<'b> {
    pub fn open(browser: &'b Browser, path: &Path) -> Self {
        browser.open(path);
        let report = Self(browser);
        report.until_done();
        report
    }

    pub fn until_done(&self) {
        self.0.until("document.documentElement.dataset.state === 'done'");
    }

    pub fn verdict(&self) -> String {
        self.judgement()["verdict"].as_str().unwrap().into()
    }

    pub fn source(&self) -> Value {
        self.judgement()["source"].clone()
    }

    pub fn checks(&self) -> Value {
        self.judgement()["checks"].clone()
    }

    /// `{verdict, source, checks}`, with name and status of every check, as a vector's verdict has them.
    pub fn judgement(&self) -> Value {
        let body = "const {verdict, source} = document.getElementById('verdict').dataset; \
                    const row = ({dataset}) => ({name: dataset.check, status: dataset.status}); \
                    return {verdict, source, checks: Array.from(document.querySelectorAll('[data-check]'), row)}";
        self.0.script(body, &[])
    }

    pub fn failed(&self) -> Vec<String> {
        let checks = self.checks();
        let failed = checks.as_array().unwrap().iter().filter(|check| check["status"] == "fail");
        failed.map(|check| check["name"].as_str().unwrap().into()).collect()
    }

    /// Whether it says beside its verdict that there are signatures which it doesn't check.
    pub fn names_signatures(&self) -> bool {
        let text = self.0.script("return document.getElementById('verdict').textContent", &[]);
        text.as_str().unwrap().contains("Not checked by this page: signatures ")
    }

    /// Puts a text in the place for keys and trust files, and has everything checked again.
    pub fn check_with(&self, trust: &str) {
        let body = "document.getElementById('trust-text').value = arguments[0]; \
                    document.getElementById('check-again').click()";
        self.0.script(body, &[trust.into()]);
        self.until_done();
    }

    /// Chooses files of a package, and waits until they are checked.
    pub fn choose(&self, files: &[PathBuf]) {
        // What was chosen before stays chosen otherwise. The page's state is its own to set again when it has seen the files.
        let body =
            "document.getElementById('files').value = ''; document.documentElement.dataset.state = 'waiting'";
        self.0.script(body, &[]);
        let paths: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        self.0.write("#files", &paths.join("\n"));
        self.until_done();
    }

    pub fn confirm_fingerprint(&self) {
        self.0.click("#fingerprint-confirmed");
        self.until_done();
    }

    /// Nothing was refused to the page and nothing went wrong in it: no error, no violation of its policy, no request.
    pub fn expect_quiet(&self) {
        let said: Vec<String> = self.0.console();
        assert!(said.is_empty(), "the console has {said:?}");
        let requests =
            self.0.script("return performance.getEntriesByType('resource').map(entry => entry.name)", &[]);
        assert_eq!(requests, json!([]), "the page asked for something");
    }

    /// A picture of what the window shows when it is scrolled to this element.
    pub fn picture(&self, name: &str, selector: &str) {
        self.0.script("document.querySelector(arguments[0]).scrollIntoView()", &[selector.into()]);
        let path = pictures().join(format!("{name}.png"));
        fs::write(&path, self.0.screenshot()).unwrap();
        println!("picture: {}", path.display());
    }
}
