//! Images: which ones providers read, told by their first bytes and not by anybody's word; what is asked about one, and how
//! it travels.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

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

/// An image that is asked about. It is known by all of its bytes: what looks alike may be another.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    bytes: &'a [u8],
    kind: ImageType,
    digest: [u8; 32],
}

impl<'a> Picture<'a> {
    /// The picture of these bytes; `None` where they begin as no image that providers read.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { bytes, kind: ImageType::sniff(bytes)?, digest: Sha256::digest(bytes).into() })
    }

    /// SHA-256 of its bytes.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// It as it travels. This copies it: what is known need not.
    pub fn to_image(&self) -> Image {
        Image { kind: self.kind, base64: STANDARD.encode(self.bytes).into() }
    }
}

/// An image as requests carry it, and what backends tell the gateway. Copies share its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    kind: ImageType,
    base64: Arc<str>,
}

impl Image {
    /// An image of these bytes; `None` where they begin as no image that providers read.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Some(Self { kind: ImageType::sniff(bytes)?, base64: STANDARD.encode(bytes).into() })
    }

    /// Its kind.
    pub fn kind(&self) -> ImageType {
        self.kind
    }

    /// Its bytes in base64 (RFC 4648, 4).
    pub fn base64(&self) -> &str {
        &self.base64
    }

    /// It as a URL that holds it (RFC 2397).
    pub fn data_url(&self) -> String {
        format!("data:{};base64,{}", self.kind.media_type(), self.base64)
    }

    /// An image of these digits.
    fn from_base64(digits: String) -> Option<Self> {
        // The sixteen first digits are twelve bytes, which tell every kind. The rest need not be decoded: a provider that
        // finds fault with it says so.
        let head = STANDARD.decode(digits.get(..digits.len().min(16))?).ok()?;
        let (body, padding) = digits.split_at(digits.trim_end_matches('=').len());
        let plain = body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
        let whole = plain && padding.len() < 3 && digits.len().is_multiple_of(4);
        let kind = ImageType::sniff(&head).filter(|_| whole)?;
        Some(Self { kind, base64: digits.into() })
    }
}

/// Its bytes are nobody's business, and many.
impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} digits", self.kind.media_type(), self.base64.len())
    }
}

/// Its digits, so that it can travel in JSON.
impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.base64)
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        Self::from_base64(digits).ok_or_else(|| D::Error::custom("no image: base64 of one is"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

    #[test]
    fn an_image_travels_as_its_digits() {
        for end in 0..PNG.len() {
            let image = Image::new(&PNG[..end]);
            assert_eq!(image.is_some(), end >= 8);
            let Some(image) = image else { continue };
            let json = serde_json::to_string(&image).unwrap();
            assert_eq!(serde_json::from_str::<Image>(&json).ok(), Some(image), "{json}");
        }
        for wrong in [
            "",
            "iVBORw0KGgo",
            "iVBORw0KGgoAAAAA\nAAA",
            "iVBORw0KGgoAAAAAAAA",
            "JVBERi0xLjcKAAAA",
            "iVBORw0KGgoAA\"AA",
            "é",
        ] {
            let json = serde_json::to_string(wrong).unwrap();
            assert!(serde_json::from_str::<Image>(&json).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Image>("7").is_err());
    }

    #[test]
    fn a_picture_is_known_by_all_of_its_bytes() {
        let (one, other) = (Picture::new(PNG).unwrap(), Picture::new(&PNG[..PNG.len() - 1]).unwrap());
        assert_ne!(one.digest(), other.digest());
        assert_eq!(Some(one.to_image()), Image::new(PNG));
        assert!(Picture::new(b"%PDF-1.7").is_none());
        assert_eq!(format!("{:?}", one.to_image()), "image/png in 24 digits");
    }

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
