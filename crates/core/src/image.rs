//! Images: which ones providers read, told by their first bytes and not by anybody's word.

/// A kind of image that providers read: all of them, but that Gemini reads no GIF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageType {
    /// PNG (RFC 2083, signature in 3.1).
    Png,
    /// JPEG (ITU T.81, B.1.1.3: SOI, then a marker).
    Jpeg,
    /// WebP (RFC 9649, 2.4).
    WebP,
    /// GIF 87a or 89a (GIF89a specification, 17).
    Gif,
}

impl ImageType {
    /// The kind that these bytes begin as.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }

    /// Its media type (IANA).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_kind() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n rest"[..], Some(ImageType::Png)),
            (b"\xff\xd8\xff\xe0", Some(ImageType::Jpeg)),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", Some(ImageType::WebP)),
            (b"GIF89a", Some(ImageType::Gif)),
            (b"GIF88a", None),
            (b"RIFF\x01\x02\x03\x04WAVE", None),
            (b"%PDF-1.7", None),
            (b"\xff\xd8", None),
            (b"", None),
        ] {
            assert_eq!(ImageType::sniff(bytes), kind, "{bytes:?}");
        }
    }
}
