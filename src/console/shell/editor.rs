//! `$VISUAL` or `$EDITOR` on a text, in a file that only the user can read.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use tokio::process::Command;

/// Longest text that is taken back.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The text as the editor left it. The error is for the user.
pub(super) async fn edit(text: &str) -> Result<String, String> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|it| !it.trim().is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    let file = Scratch::new(text).map_err(|why| format!("cannot write a file to edit: {why}"))?;
    // Through a shell, because people set `code --wait` and the like.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(&file.0)
        .status()
        .await
        .map_err(|why| {
            format!("cannot start `{editor}`: {why}; set EDITOR to an editor that is installed")
        })?;
    if !status.success() {
        let code = status
            .code()
            .map_or_else(|| "a signal".to_owned(), |it| it.to_string());
        return Err(format!(
            "`{editor}` ended with {code}: nothing was taken over"
        ));
    }
    let size = fs::metadata(&file.0).map(|it| it.len()).unwrap_or_default();
    if size > LONGEST {
        return Err(format!(
            "the file has {size} bytes, more than the {LONGEST} a contract may have"
        ));
    }
    fs::read_to_string(&file.0).map_err(|why| format!("cannot read the edited file: {why}"))
}

/// A file that is removed when it is done with.
struct Scratch(PathBuf);

impl Scratch {
    fn new(text: &str) -> std::io::Result<Self> {
        let name = format!("seam-{}.json", uuid::Uuid::now_v7());
        let file = Self(std::env::temp_dir().join(name));
        let mut options = OpenOptions::new();
        let mut open = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file.0)?;
        open.write_all(text.as_bytes())?;
        open.write_all(b"\n")?;
        Ok(file)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is in the temporary directory: what cannot be removed now is removed with it.
        let _ = fs::remove_file(&self.0);
    }
}
