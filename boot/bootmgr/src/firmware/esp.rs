//! Files of the ESP that we were started from, by the firmware's own FAT driver.

use alloc::vec::Vec;

use uefi::proto::media::file::{Directory, File, FileAttribute, FileInfo, FileMode};
use uefi::proto::media::fs::SimpleFileSystem;
use uefi::{CStr16, Status};

use super::fault::Fault;

/// What we read from there, signed key lists, is a few kilobytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The root directory.
pub struct Esp(Directory);

impl Esp {
    pub fn open() -> Result<Self, Fault> {
        let device = platform::own_image()?.device().ok_or(Fault(Status::NO_MEDIA))?;
        let mut volume = platform::open::<SimpleFileSystem>(device)?;
        Ok(Self(volume.open_volume()?))
    }

    pub fn has(&mut self, path: &CStr16) -> bool {
        self.0.open(path, FileMode::Read, FileAttribute::empty()).is_ok()
    }

    /// The whole file.
    pub fn read(&mut self, path: &CStr16) -> Result<Vec<u8>, Fault> {
        let file = self.0.open(path, FileMode::Read, FileAttribute::empty())?;
        let mut file = file.into_regular_file().ok_or(Fault(Status::NOT_FOUND))?;
        let bytes = file.get_boxed_info::<FileInfo>()?.file_size();
        if bytes > MAX_FILE_BYTES {
            return Err(Fault(Status::BAD_BUFFER_SIZE));
        }
        let mut content = alloc::vec![0; bytes as usize];
        let read = file.read(&mut content)?;
        content.truncate(read);
        Ok(content)
    }

    /// The firmware's FAT driver writes and flushes the volume before it returns.
    pub fn delete(&mut self, path: &CStr16) -> Result<(), Fault> {
        Ok(self.0.open(path, FileMode::ReadWrite, FileAttribute::empty())?.delete()?)
    }
}
