//! Images that are held until they are answered. Together they are bounded: a few hundred would fill the memory of a server.

use parking_lot::Mutex;
use pg_categorize_core::image::Image;
use std::ops::Deref;
use std::sync::Arc;

/// Where images are held.
pub(crate) struct Album {
    most: usize,
    held: Arc<Mutex<usize>>,
}

/// An image that is held as long as this lives.
pub(crate) struct HeldImage {
    image: Image,
    held: Arc<Mutex<usize>>,
}

impl Album {
    /// One for at most so many bytes, as they travel.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// Holds an image; `None` where there is no room.
    pub(crate) fn hold(&self, image: Image) -> Option<Arc<HeldImage>> {
        let mut held = self.held.lock();
        let more = held.checked_add(image.base64().len()).filter(|bytes| *bytes <= self.most)?;
        *held = more;
        Some(Arc::new(HeldImage { image, held: self.held.clone() }))
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        *self.held.lock()
    }
}

impl Deref for HeldImage {
    type Target = Image;

    fn deref(&self) -> &Image {
        &self.image
    }
}

impl Drop for HeldImage {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        *held = held.saturating_sub(self.image.base64().len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_again_once_nobody_holds_an_image() {
        let image = Image::new(b"GIF89a123456").unwrap();
        let album = Album::new(40);
        let first = album.hold(image.clone()).unwrap();
        let copy = first.clone();
        let second = album.hold(image.clone()).unwrap();
        assert_eq!((album.bytes(), album.hold(image.clone()).is_none()), (32, true));
        drop(first);
        assert_eq!(album.bytes(), 32);
        drop((copy, second));
        assert_eq!((album.bytes(), album.hold(image).is_some()), (0, true));
    }
}
