//! The secret of a store: bytes beside its file, for its owner only, which no copy of the file has in it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::held::OWNER_ONLY;
use super::lock::beside;
use crate::domain::key::hexadecimal;
use crate::store::StoreError;

/// What the file of the secret ends with, after the name of the store.
pub(super) const END: &str = ".key";

/// The secret of the store at `real`, made if there is none: the file holds it in 64 hexadecimal digits.
///
/// # Errors
/// The file cannot be read or made, or holds something else.
pub(super) fn secret(real: &Path) -> Result<[u8; 32], StoreError> {
    let path = beside(real, END);
    let failed = |why: &dyn ToString| StoreError::Io(path.clone(), why.to_string());
    match fs::read_to_string(&path) {
        Ok(text) => digits(&text).ok_or_else(|| {
            failed(
                &"it is not the key of a store (64 hexadecimal digits); put the right one back, or remove it, and the \
                     same values have other hashes from then on",
            )
        }),
        Err(why) if why.kind() == ErrorKind::NotFound => {
            made(&path).map_err(|why| failed(&why))?;
            // Another one may have been faster; all go by the one that is there.
            let text = fs::read_to_string(&path).map_err(|why| failed(&why))?;
            digits(&text).ok_or_else(|| failed(&"it was written over just now"))
        }
        Err(why) => Err(failed(&why)),
    }
}

/// Makes the file as a whole, unless there is one by then.
fn made(path: &Path) -> std::io::Result<()> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
    let text = hexadecimal("", &secret);
    let draft = beside(path, &format!("-{}", uuid::Uuid::new_v4().simple()));
    let written = File::options().write(true).create_new(true).mode(OWNER_ONLY).open(&draft).and_then(|mut file| {
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()?;
        fs::hard_link(&draft, path)
    });
    let _ = fs::remove_file(&draft); // it is in nobody's way if it stays
    match written {
        Err(why) if why.kind() == ErrorKind::AlreadyExists => Ok(()),
        written => written,
    }
}

fn digits(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    let mut secret = [0; 32];
    if text.len() != 2 * secret.len() || !text.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    for (nth, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * nth..2 * nth + 2)?, 16).ok()?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_for_its_owner_only_and_never_replaced() {
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("s.db");
        let first = secret(&store).unwrap();
        assert_ne!(first, [0; 32]);
        assert_eq!(secret(&store).unwrap(), first);
        let path = place.path().join("s.db.key");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, OWNER_ONLY);
        assert_eq!(place.path().read_dir().unwrap().count(), 1, "nothing is left beside it");
        assert_ne!(secret(&place.path().join("t.db")).unwrap(), first);
        fs::write(&path, "no key").unwrap();
        let wrong = secret(&store).unwrap_err().to_string();
        assert!(wrong.contains("s.db.key") && wrong.contains("put the right one back"), "{wrong}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "no key");
    }
}
