//! A Unix socket at a path: its file is there while somebody listens, and nobody but its owner and group may connect.

use rustix::fs::{Mode, OFlags};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Who may connect: to connect is to write.
const MODE: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::WGRP);

/// Connections that wait to be accepted, as many as std has of TCP's.
const BACKLOG: i32 = 128;

/// The file of a socket that is listened on. Removed when this is dropped, unless another one has its name by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Why a path can't be listened at.
#[derive(Debug)]
pub(crate) enum SocketFileError {
    /// There is something else, which isn't ours to remove.
    Other,
    /// The system refused, or somebody listens there.
    Io(io::Error),
}

impl From<io::Error> for SocketFileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Listens at `path`. A socket's file that was left behind there, on which nobody answers, makes room.
///
/// # Errors
/// [`SocketFileError`]; what was there before is then still there.
pub(crate) fn listen(path: &Path) -> Result<(UnixListener, SocketFile), SocketFileError> {
    make_room(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let (held, bound) = hold(path)?;
    // From here on the file goes with the error.
    let file = SocketFile { path: path.into(), device: bound.dev(), inode: bound.ino() };
    // Before the socket listens: until then nobody can connect, whatever the umask made of its mode. By what is held and not by its
    // name, which whoever may write to the folder could meanwhile give to a link to another file.
    let by_descriptor = format!("/proc/self/fd/{}", held.as_raw_fd());
    fs::set_permissions(by_descriptor, Permissions::from_mode(MODE.bits()))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((socket.into(), file))
}

/// The socket's file itself, no link followed.
fn hold(path: &Path) -> Result<(File, Metadata), SocketFileError> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?;
    let held = File::from(held);
    let metadata = held.metadata()?;
    if metadata.file_type().is_socket() { Ok((held, metadata)) } else { Err(SocketFileError::Other) }
}

fn make_room(path: &Path) -> Result<(), SocketFileError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(file) if !file.file_type().is_socket() => return Err(SocketFileError::Other),
        Ok(_) => {}
    }
    // A socket that nobody listens on refuses. One whose queue is full doesn't, has an owner, and isn't waited for.
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(fs::remove_file(path)?),
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error.into()),
        _ => Err(io::Error::from(io::ErrorKind::AddrInUse).into()),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == (self.device, self.inode));
        // What can't be removed is found to be left behind by the next start.
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_was_left_behind_makes_room_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let (listener, file) = listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o660);
        UnixStream::connect(&path).unwrap();
        assert!(
            matches!(listen(&path), Err(SocketFileError::Io(error)) if error.kind() == io::ErrorKind::AddrInUse)
        );
        drop((listener, file));
        assert!(!path.exists());

        fs::write(&path, "a letter").unwrap();
        assert!(matches!(listen(&path), Err(SocketFileError::Other)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a letter");
    }

    #[test]
    fn a_link_in_the_place_of_the_socket_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let _others = UnixListener::bind(path("others")).unwrap();
        symlink(path("others"), path("socket")).unwrap();
        fs::write(path("file"), "a letter").unwrap();
        for place in ["socket", "file"] {
            assert!(matches!(hold(&path(place)), Err(SocketFileError::Other)), "{place}");
        }
        assert!(hold(&path("others")).is_ok());
    }

    #[test]
    fn a_name_that_another_took_stays_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let first = listen(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = listen(&path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }
}
