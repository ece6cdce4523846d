//! The bytes of a message.
//!
//! A frame is its length in bytes (4, little-endian, of what follows it), one byte of version, and JSON. A backend may
//! still hold an older library than the gateway after an update: a version that is not ours is refused, never guessed at.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// The version of what follows.
pub const VERSION: u8 = 4;

/// Bytes of the largest frame: one input of 1 MB with the largest image, or a thousand of some kilobytes, escaped.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Bytes before the JSON.
pub const HEADER_BYTES: usize = 5;

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// It says that it is longer than any frame.
    TooLong(usize),
    /// It is of another version.
    Version(u8),
    /// It is not what a frame of this version holds.
    Malformed(String),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(f, "a frame of {bytes} bytes is longer than any"),
            Self::Version(version) => write!(f, "a frame of version {version}, where {VERSION} was expected"),
            Self::Malformed(what) => write!(f, "a malformed frame: {what}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The bytes of a message.
///
/// # Errors
/// `TooLong` where it does not fit into a frame.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0, 0, 0, 0, VERSION];
    serde_json::to_writer(&mut bytes, message).map_err(|e| FrameError::Malformed(e.to_string()))?;
    let length = bytes.len() - 4;
    if length > MAX_BYTES {
        return Err(FrameError::TooLong(length));
    }
    bytes[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    Ok(bytes)
}

/// How many bytes the first frame of `bytes` has in all; `None` where too few are there to tell.
///
/// # Errors
/// Where it cannot be a frame of ours, as soon as its header is there.
pub fn length(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    if length > MAX_BYTES {
        return Err(FrameError::TooLong(length));
    }
    match header[4] {
        VERSION if length > 0 => Ok(Some(4 + length)),
        VERSION => Err(FrameError::Malformed("it is empty".into())),
        other => Err(FrameError::Version(other)),
    }
}

/// The message of a whole frame, as `length` measured it.
///
/// # Errors
/// `Malformed`, and what `length` says.
pub fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, FrameError> {
    match length(frame)? {
        Some(length) if length == frame.len() => {
            serde_json::from_slice(&frame[HEADER_BYTES..]).map_err(|e| FrameError::Malformed(e.to_string()))
        }
        _ => Err(FrameError::Malformed("it is cut".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToGateway;
    use super::*;

    #[test]
    fn what_is_no_frame_of_ours_is_refused_by_its_header() {
        assert_eq!(length(&[9, 0, 0]), Ok(None));
        assert_eq!(length(&[9, 0, 0, 0, VERSION + 1]), Err(FrameError::Version(VERSION + 1)));
        assert_eq!(length(&[0, 0, 0, 0, VERSION]), Err(FrameError::Malformed("it is empty".into())));
        assert!(matches!(length(&[0xff, 0xff, 0xff, 0xff, VERSION]), Err(FrameError::TooLong(_))));
        let nope = |length: u8| decode::<ToGateway>(&[&[length, 0, 0, 0, VERSION][..], b"nope"].concat());
        assert!(matches!(nope(5), Err(FrameError::Malformed(_))), "no message");
        assert_eq!(nope(6), Err(FrameError::Malformed("it is cut".into())));
    }
}
