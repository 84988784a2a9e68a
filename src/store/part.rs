//! Files that are written beside their place and moved there when they are whole, so that nobody reads half of one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// Rights of a file that only its owner reads and writes.
const OWNER_ONLY: u32 = 0o600;

/// A file on its way to its place, for its owner only. It has a name that nothing else has, and is removed when it is
/// dropped before it got there.
#[derive(Debug)]
pub struct Part {
    at: PathBuf,
    place: PathBuf,
}

impl Part {
    /// Begins a file that is to be at `to`, or at what a link there leads to: the link stays.
    ///
    /// # Errors
    /// There is a file, and it is not to be replaced by `force`; what is there is no file; or the directory cannot be
    /// written.
    pub fn new(to: &Path, force: bool) -> Result<(Self, File), StoreError> {
        let failed = |why: io::Error| refused(to, &why);
        let place = match to.symlink_metadata() {
            Err(why) if why.kind() == io::ErrorKind::NotFound => to.to_owned(),
            Err(why) => return Err(failed(why)),
            Ok(_) if to.metadata().is_ok_and(|it| !it.is_file()) => {
                return Err(failed(io::Error::other("it is a directory or a device, and no file")));
            }
            Ok(_) if !force => return Err(StoreError::Taken(to.to_owned())),
            Ok(link) if link.is_symlink() => to.canonicalize().map_err(failed)?,
            Ok(_) => to.to_owned(),
        };
        let mut name = place.as_os_str().to_owned();
        let id = uuid::Uuid::new_v4().simple().to_string();
        name.push(format!(".{}.part", id.split_at(8).0));
        let at = PathBuf::from(name);
        let file = File::options().write(true).create_new(true).mode(OWNER_ONLY).open(&at).map_err(failed)?;
        Ok((Self { at, place }, file))
    }

    /// The file as long as it is written.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Moves it to its place.
    ///
    /// # Errors
    /// It cannot be moved; nothing is left of it.
    pub fn keep(self) -> Result<(), StoreError> {
        fs::rename(&self.at, &self.place).map_err(|why| refused(&self.place, &why))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is there no more when all went well, and nobody else has its name.
        let _ = fs::remove_file(&self.at);
    }
}

/// Why nothing can be written there.
pub fn refused(to: &Path, why: &io::Error) -> StoreError {
    match why.kind() {
        io::ErrorKind::StorageFull => StoreError::Full(to.to_owned()),
        _ => StoreError::NotWritable(to.to_owned(), why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(to: &Path, force: bool) -> Result<(), StoreError> {
        let (part, mut file) = Part::new(to, force)?;
        file.write_all(b"new").unwrap();
        part.keep()
    }

    #[test]
    fn a_link_stays_and_leads_to_what_was_written() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("other")).unwrap();
        fs::write(at("other/old"), "old").unwrap();
        symlink(at("other/old"), at("link")).unwrap();
        fs::hard_link(at("other/old"), at("same")).unwrap();
        assert_eq!(write(&at("link"), false), Err(StoreError::Taken(at("link"))));
        write(&at("link"), true).unwrap();
        assert!(at("link").is_symlink());
        assert_eq!(fs::read_to_string(at("other/old")).unwrap(), "new");
        assert_eq!(
            fs::read_to_string(at("same")).unwrap(),
            "old",
            "another name of the file before is not written through"
        );
        assert_eq!(fs::read_dir(at("other")).unwrap().count(), 1, "and nothing is left beside it");
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        symlink(at("nowhere"), at("dangling")).unwrap();
        symlink(home.path(), at("directory")).unwrap();
        for force in [false, true] {
            for name in ["dangling", "directory", "."] {
                let why = write(&at(name), force).unwrap_err();
                assert!(matches!(why, StoreError::NotWritable(..) | StoreError::Taken(_)), "{name}: {why}");
            }
        }
        assert!(at("dangling").is_symlink() && !at("nowhere").exists());
    }

    #[test]
    fn the_parts_of_others_stay_as_they_are() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::write(at("x.part"), "of somebody else").unwrap();
        let (one, _) = Part::new(&at("x"), false).unwrap();
        write(&at("x"), false).unwrap();
        drop(one);
        assert_eq!(fs::read_to_string(at("x.part")).unwrap(), "of somebody else");
        assert_eq!(fs::read_to_string(at("x")).unwrap(), "new");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    }
}
