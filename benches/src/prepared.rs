//! Requests that are made before a run, in a file: each behind its length, four bytes, the highest first.

use std::io::{self, Write};

/// A file that isn't one of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected requests behind their lengths, got bytes that end within one")]
pub struct NotPrepared;

/// Writes the next one.
///
/// # Errors
/// Those of the writer; a request of 4 GiB.
pub fn write(file: &mut impl Write, request: &[u8]) -> io::Result<()> {
    let length = u32::try_from(request.len()).map_err(io::Error::other)?;
    file.write_all(&length.to_be_bytes())?;
    file.write_all(request)
}

/// All of them, in their order.
///
/// # Errors
/// [`NotPrepared`].
pub fn read(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, NotPrepared> {
    let mut requests = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk().ok_or(NotPrepared)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| NotPrepared)?;
        let (request, rest) = rest.split_at_checked(length).ok_or(NotPrepared)?;
        requests.push(request.into());
        bytes = rest;
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let requests = [b"GET / HTTP/1.1".to_vec(), Vec::new(), vec![7; 70_000]];
        let mut file = Vec::new();
        requests.iter().for_each(|request| write(&mut file, request).unwrap());
        assert_eq!(read(&file).unwrap(), requests);
        assert_eq!(read(&file[..file.len() - 1]), Err(NotPrepared));
        assert_eq!(read(b""), Ok(Vec::new()));
    }
}
