//! Reports in a browser.
