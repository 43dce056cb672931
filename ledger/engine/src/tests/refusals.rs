//! What refuses to open, with the message that says what, where, and what to do; and that refusing changes nothing.

use super::{Folder, ORIGIN, SMALL_SEGMENT_BYTES, damage, options, submission};
use crate::durable::{Disk, OsDisk, make_folder};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opening fails; gives the message, after checking that no file was touched.
fn refusal(folder: &Folder) -> String {
    let before = files(&folder.options.data_dir);
    let Err(error) = folder.open() else { panic!("the log opened") };
    assert_eq!(files(&folder.options.data_dir), before, "refusing changed the folder");
    error.to_string()
}

fn os_disk() -> Arc<dyn Disk> {
    Arc::new(OsDisk)
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

fn put_back(folder: &Path, copy: &BTreeMap<PathBuf, Vec<u8>>) {
    for path in files(folder).into_keys().filter(|path| !copy.contains_key(path)) {
        fs::remove_file(path).unwrap();
    }
    copy.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "expected {part:?} in: {message}");
    }
}

#[test]
fn an_older_copy_of_the_journal() {
    let folder = Folder::new();
    drop(folder.fill(0, 3));
    let older = files(&folder.path("journal"));
    for upto in [5, 40] {
        drop(folder.fill(3, upto));
        put_back(&folder.path("journal"), &older);
        let segment = folder.segment(0).display().to_string();
        let ends = format!("holds 4 entries and ends in {segment} at byte ");
        let message = refusal(&folder);
        assert_says(&message, &[&ends, "(no frame: only zeros)", "older copy", "Put the newest copy"]);
        // Nothing is lost by refusing: with the newest copy it would open. Here the mark goes back as well.
        fs::remove_file(folder.path("high-water")).unwrap();
        assert_says(&refusal(&folder), &["high-water is missing", "--high-water"]);
        let log = crate::log_id::LogId(hex_id(&folder));
        let head = {
            let mut edge = crate::edge::Edge::empty();
            let frames = read_frames(&folder, 0);
            for bytes in &frames {
                let frame = crate::codec::frame::decode(bytes).unwrap();
                let extension = edge.follow(&frame).unwrap();
                edge = edge.after(&frame, &extension);
            }
            edge.head()
        };
        fs::write(folder.path("high-water"), crate::store::high_water::HighWater::first_bytes(log, &head))
            .unwrap();
        assert_eq!(folder.open().unwrap().reader().committed().checkpoint.size, 4);
    }
}

fn hex_id(folder: &Folder) -> [u8; 16] {
    let text = fs::read_to_string(folder.path("log.toml")).unwrap();
    let id = text.split_once("log_id = \"").unwrap().1.split_once('"').unwrap().0.to_owned();
    provlog_core::hex::decode_array(&id).unwrap()
}

/// All frames in a segment's file.
fn read_frames(folder: &Folder, segment: u64) -> Vec<Vec<u8>> {
    let bytes = fs::read(folder.segment(segment)).unwrap();
    let (mut frames, mut rest) = (Vec::new(), &bytes[4096..]);
    while let Ok(header) = crate::codec::frame::decode_header(rest) {
        let (frame, behind) = rest.split_at(header.frame_bytes);
        frames.push(frame.to_vec());
        rest = behind;
    }
    frames
}

#[test]
fn a_newest_segment_cut_anywhere_or_with_any_byte_flipped() {
    let folder = Folder::new();
    drop(folder.fill(0, 2));
    let path = folder.segment(0);
    let whole = fs::read(&path).unwrap();
    let end = 4096 + read_frames(&folder, 0).iter().map(Vec::len).sum::<usize>();
    for length in (0..end).step_by(97).chain([end - 1]) {
        fs::write(&path, &whole[..length]).unwrap();
        assert_says(&refusal(&folder), &[&path.display().to_string(), " at byte "]);
    }
    for position in (0..end).step_by(3) {
        let mut flipped = whole.clone();
        flipped[position] ^= 0x10;
        fs::write(&path, &flipped).unwrap();
        assert_says(&refusal(&folder), &[&path.display().to_string(), " at byte "]);
    }
    fs::write(&path, &whole).unwrap();
    folder.open().unwrap();
}

#[test]
fn a_later_newest_segment_that_is_damaged_or_gone() {
    let folder = Folder::new();
    let log = folder.fill(0, 30);
    let newest = folder.newest_segment();
    assert!(newest > 2);
    let head = log.opened.shared.frames.edge(newest).unwrap().head();
    drop(log);
    let copy = files(&folder.path("journal"));
    // Its header was whole before it took a frame: with anything behind it, damage of it is just that.
    damage(&folder.segment(newest), |bytes| bytes[200] ^= 1);
    let damaged = format!(
        "{} at byte 0: the segment header's CRC32C is wrong: the file is damaged",
        folder.segment(newest).display()
    );
    assert_says(&refusal(&folder), &[&damaged]);
    // The same with the mark of before that segment: cutting it off would lose what was acknowledged.
    let mark = fs::read(folder.path("high-water")).unwrap();
    let log = crate::log_id::LogId(hex_id(&folder));
    fs::write(folder.path("high-water"), crate::store::high_water::HighWater::first_bytes(log, &head))
        .unwrap();
    assert_says(&refusal(&folder), &[&damaged]);
    fs::write(folder.path("high-water"), mark).unwrap();
    // With nothing behind the header it counts as absent, so the journal is behind; the same without the file.
    let before = folder.segment(newest - 1).display().to_string();
    damage(&folder.segment(newest), |bytes| bytes[4096..].fill(0));
    assert_says(&refusal(&folder), &["but 31 were acknowledged", &before]);
    damage(&folder.segment(newest), |bytes| bytes.truncate(3000));
    assert_says(&refusal(&folder), &["but 31 were acknowledged", &before]);
    fs::remove_file(folder.segment(newest)).unwrap();
    assert_says(&refusal(&folder), &["but 31 were acknowledged", &before]);
    put_back(&folder.path("journal"), &copy);
    fs::remove_file(folder.segment(1)).unwrap();
    assert_says(
        &refusal(&folder),
        &[&folder.segment(1).display().to_string(), "is missing, though later segments"],
    );
    put_back(&folder.path("journal"), &copy);
    damage(&folder.segment(newest), |bytes| bytes[4096 + 150] ^= 1);
    let says = ["at byte 4096 (the body's CRC32C is wrong)", &folder.segment(newest).display().to_string()];
    assert_says(&refusal(&folder), &says);
}

#[test]
fn a_high_water_file_that_is_missing_foreign_or_older() {
    let (folder, other) = (Folder::new(), Folder::new());
    drop(folder.fill(0, 2));
    let path = folder.path("high-water");
    let older = fs::read(&path).unwrap();
    drop(folder.fill(2, 4));
    let newest = fs::read(&path).unwrap();
    fs::write(&path, &older).unwrap();
    assert_says(
        &refusal(&folder),
        &["a second whole frame above the high-water mark of 3 entries", "older copy"],
    );
    fs::write(&path, &newest).unwrap();
    drop(folder.fill(4, 40));
    let newest = fs::read(&path).unwrap();
    fs::write(&path, &older).unwrap();
    assert_says(&refusal(&folder), &["high-water mark (3 entries) is no place", "older copy"]);
    fs::copy(other.path("high-water"), &path).unwrap();
    let ids = [hex_id(&folder), hex_id(&other)].map(|id| provlog_core::hex::encode(&id));
    assert_says(
        &refusal(&folder),
        &[&format!("high-water belongs to log {}, this is log {}", ids[1], ids[0])],
    );
    fs::write(&path, [0; 8192]).unwrap();
    assert_says(&refusal(&folder), &["neither of its two slots is whole"]);
    fs::remove_file(&path).unwrap();
    assert_says(&refusal(&folder), &["high-water is missing", "nothing is signed"]);
    fs::write(&path, newest).unwrap();
    folder.open().unwrap();
}

#[test]
fn a_high_water_mark_of_another_history_of_the_same_log() {
    let folder = Folder::new();
    drop(folder.fill(0, 2));
    let fork = files(&folder.options.data_dir);
    drop(folder.fill(2, 4));
    let mark = fs::read(folder.path("high-water")).unwrap();
    put_back(&folder.options.data_dir, &fork);
    drop(folder.fill(10, 12));
    fs::write(folder.path("high-water"), mark).unwrap();
    assert_says(
        &refusal(&folder),
        &["at 5 entries the journal's root is", "was signed at that size", "not of the same history"],
    );
}

#[test]
fn another_logs_key_secret_journal_or_settings() {
    let (folder, other) = (Folder::new(), Folder::new());
    drop(folder.fill(0, 3));
    drop(other.fill(0, 3));
    let copy = files(&folder.options.data_dir);
    let take = |name: &str| fs::write(folder.path(name), fs::read(other.path(name)).unwrap()).unwrap();
    let cases: [(&dyn Fn(), &[&str]); 9] = [
        (&|| take("keys/log.key"), &["log.key: this is key", "genesis entry names", "--log-key"]),
        (
            &|| take("secret"),
            &["secret: expected the 32-byte secret with id", "retries would become new entries"],
        ),
        (&|| fs::write(folder.path("secret"), [1; 31]).unwrap(), &["got 31 bytes"]),
        (
            &|| take("journal/00000000000000000000.seg"),
            &[".seg belongs to log", "put this log's own file back"],
        ),
        (&|| take("log.toml"), &["secret: expected the 32-byte secret"]),
        (
            &|| settings(&folder, "format = 1", "format = 2"),
            &["log.toml: format: this program knows 1, got 2"],
        ),
        (
            &|| settings(&folder, ORIGIN, "example.com/other"),
            &["must be the genesis entry of log example.com/other"],
        ),
        (
            &|| settings(&folder, "format = 1", "format = 1\nextra = 1"),
            &["log.toml: ", "unknown field `extra`"],
        ),
        (&|| settings(&folder, "log_id = \"", "log_id = \"0"), &["log_id: expected 32 lowercase hex digits"]),
    ];
    for (change, says) in cases {
        change();
        assert_says(&refusal(&folder), says);
        put_back(&folder.options.data_dir, &copy);
    }
    folder.open().unwrap();
}

fn settings(folder: &Folder, from: &str, to: &str) {
    let text = fs::read_to_string(folder.path("log.toml")).unwrap();
    assert!(text.contains(from));
    fs::write(folder.path("log.toml"), text.replacen(from, to, 1)).unwrap();
}

#[test]
fn secret_files_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    for name in ["keys/log.key", "secret"] {
        for mode in [0o640, 0o604] {
            fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
            assert_says(&refusal(&folder), &[name, &format!("permissions are {mode:o}, expected 600")]);
        }
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder.open().unwrap();
}

/// What a service manager hands over shows what its list of access rights allows as what a group may do; no other folder does.
#[test]
fn a_key_that_a_group_may_read_is_a_credential_or_refused() {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = Folder::new();
    let key = folder.path("keys/log.key");
    let open = |mode, credentials: Option<&str>| {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let credentials = credentials.map(|name| folder.path(name));
        let options = crate::Options { credentials, ..folder.options.clone() };
        crate::Log::look(&options).map(drop).map_err(|error| error.to_string())
    };
    open(0o440, Some("keys")).unwrap();
    for (mode, credentials) in
        [(0o440, None), (0o440, Some("")), (0o440, Some("journal")), (0o444, Some("keys"))]
    {
        assert_says(
            &open(mode, credentials).unwrap_err(),
            &["log.key", &format!("permissions are {mode:o}")],
        );
    }
}

#[test]
fn a_later_format_of_the_journal() {
    let folder = Folder::new();
    damage(&folder.segment(0), |bytes| {
        bytes[35] = 3;
        let checksum = crc32c::crc32c(&bytes[..4092]);
        bytes[4092..4096].copy_from_slice(&checksum.to_be_bytes());
    });
    assert_says(&refusal(&folder), &["has format version 3, this program knows 2"]);
}

#[test]
fn a_new_log_is_made_only_where_there_is_nothing() {
    let folder = Folder::new();
    let create = |options: &crate::Options| {
        super::create(&os_disk(), options, ORIGIN).map_err(|error| error.to_string())
    };
    assert_says(&create(&folder.options).unwrap_err(), &["holds a log already"]);
    fs::remove_file(folder.path("log.toml")).unwrap();
    assert_says(
        &create(&folder.options).unwrap_err(),
        &["is there, but", "an old key never signs a second history"],
    );

    let (empty, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut options, _) = options(empty.path());
    options.high_water = Some(folder.path("high-water"));
    assert_says(&create(&options).unwrap_err(), &["high-water is there"]);
    options.high_water = Some(elsewhere.path().join("mark"));
    options.log_key = Some(folder.path("keys/log.key"));
    assert_says(&create(&options).unwrap_err(), &["log.key is there"]);
    options.log_key = Some(elsewhere.path().join("key"));
    let bad = super::create(&os_disk(), &options, "two words").unwrap_err().to_string();
    assert_says(&bad, &["origin \"two words\": expected 1 to 255 of"]);
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "nothing was made");
    create(&options).unwrap();
    assert!(elsewhere.path().join("mark").exists() && elsewhere.path().join("key").exists());
    assert!(!empty.path().join("keys").exists() && !empty.path().join("creating").exists());
}

#[test]
fn an_interrupted_creation_is_taken_up_with_the_same_places_only() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut options, _) = options(folder.path());
    options.log_key = Some(elsewhere.path().join("key"));
    super::create(&os_disk(), &options, ORIGIN).unwrap();
    // As if the power had gone just before log.toml got its name.
    fs::rename(folder.path().join("log.toml"), folder.path().join("log.toml.new")).unwrap();
    let key = fs::read(elsewhere.path().join("key")).unwrap();
    let signer = provlog_core::note::LogSigner::parse(String::from_utf8_lossy(&key).trim()).unwrap();
    let settings = fs::read_to_string(folder.path().join("log.toml.new")).unwrap();
    let id = settings.lines().find_map(|line| line.strip_prefix("log_id = \"")?.strip_suffix('"')).unwrap();
    let recorded = format!(
        "high-water {:?}\nkey {:?}\nlog {id}\nvkey {}\n.\n",
        options.high_water_path(),
        options.log_key_path(),
        signer.verifier()
    );
    fs::write(folder.path().join("creating"), recorded).unwrap();
    let other = crate::Options { log_key: None, ..options.clone() };
    let error = super::create(&os_disk(), &other, ORIGIN).unwrap_err().to_string();
    assert_says(&error, &["creation that was interrupted", &elsewhere.path().display().to_string()]);
    assert_eq!(fs::read(elsewhere.path().join("key")).unwrap(), key);
    // Another log's key has come to lie there since: it is not ours to remove.
    let others =
        provlog_core::note::LogSigner::from_seed("example.com/other", &[3; 32]).unwrap().to_secret_string();
    fs::write(elsewhere.path().join("key"), &others).unwrap();
    let error = super::create(&os_disk(), &options, ORIGIN).unwrap_err().to_string();
    assert_says(&error, &["key is there"]);
    assert_eq!(fs::read_to_string(elsewhere.path().join("key")).unwrap(), others);
    fs::write(elsewhere.path().join("key"), &key).unwrap();
    super::create(&os_disk(), &options, ORIGIN).unwrap();
    assert_ne!(fs::read(elsewhere.path().join("key")).unwrap(), key, "another log, another key");
    let disk = os_disk();
    let mut log = super::Stepped::open(&disk, &options, SMALL_SEGMENT_BYTES).unwrap();
    log.append(submission(1)).unwrap();
}

#[test]
fn what_a_log_makes_is_its_owners_alone_and_what_is_there_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let temporary = tempfile::tempdir().unwrap();
    let (options, _) = options(temporary.path().join("log"));
    make_folder(&OsDisk, &options.data_dir).unwrap();
    super::create(&os_disk(), &options, ORIGIN).unwrap();
    let disk = os_disk();
    let fill = || {
        let mut log = super::Stepped::open(&disk, &options, SMALL_SEGMENT_BYTES).unwrap();
        log.follow();
        (0..30).for_each(|n| drop(log.append(submission(n)).unwrap()));
        log.follow();
    };
    fill();
    for folder in ["", "journal", "keys", "tiles"] {
        assert_eq!(mode(&options.data_dir.join(folder)), 0o700, "{folder}");
    }
    let made = files(&options.data_dir);
    assert!(made.contains_key(&options.data_dir.join("tiles/mark")), "derived files are among them");
    for path in made.keys().filter(|path| **path != options.trust_path()) {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    let shown = [(".", 0o755), ("journal", 0o750), ("positions", 0o644), ("high-water", 0o640)];
    for (name, bits) in shown {
        fs::set_permissions(options.data_dir.join(name), fs::Permissions::from_mode(bits)).unwrap();
    }
    fill();
    for (name, bits) in shown {
        assert_eq!(mode(&options.data_dir.join(name)), bits, "{name}");
    }
}
