//! `$VISUAL` or `$EDITOR` on a text, in a file that only the user can read.

use std::env::VarError;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Longest text that is taken back.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Longest wait for an editor that was asked to end.
const GRACE: Duration = Duration::from_secs(1);

/// An editor that has the terminal.
pub(super) struct Editor {
    name: String,
    child: Child,
    file: Scratch,
}

impl Editor {
    /// Opens a text. The error is for the user.
    pub(super) fn open(text: &str) -> Result<Self, String> {
        let mut name = "vi".to_owned();
        for variable in ["EDITOR", "VISUAL"] {
            match std::env::var(variable) {
                Ok(text) if !text.trim().is_empty() => name = text,
                Ok(_) | Err(VarError::NotPresent) => {}
                Err(VarError::NotUnicode(_)) => return Err(format!("what {variable} holds is not UTF-8: set it anew")),
            }
        }
        let file = Scratch::new(text).map_err(|why| format!("cannot write a file to edit: {why}"))?;
        // Through a shell, because people set `code --wait` and the like; in its place, so that ending the child ends
        // the editor; with `env`, because people also set `NAME=value vim`.
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("exec env {name} \"$1\""))
            .arg("sh")
            .arg(&file.0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|why| format!("cannot start `{name}`: {why}; set EDITOR to an editor that is installed"))?;
        Ok(Self { name, child, file })
    }

    /// The text as the editor left it, once it is closed. Waiting for it can be broken off and begun again.
    pub(super) async fn closed(&mut self) -> Result<String, String> {
        let name = &self.name;
        let status = self.child.wait().await.map_err(|why| format!("cannot wait for `{name}`: {why}"))?;
        if !status.success() {
            let code = status.code().map_or_else(|| "a signal".to_owned(), |it| it.to_string());
            return Err(format!("`{name}` ended with {code}: nothing was taken over"));
        }
        let size = fs::metadata(&self.file.0).map(|it| it.len()).unwrap_or_default();
        if size > MAX_FILE_BYTES {
            return Err(format!("the file has {size} bytes, more than the {MAX_FILE_BYTES} a contract may have"));
        }
        fs::read_to_string(&self.file.0).map_err(|why| format!("cannot read the edited file: {why}"))
    }

    /// Ends the editor before it was closed: asked to, it puts the terminal right itself; by force after a moment.
    pub(super) async fn end(mut self) {
        let id = self.child.id().and_then(|it| it.try_into().ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            // One that is gone meanwhile is what was wanted.
            let _ = rustix::process::kill_process(id, Signal::TERM);
        }
        let _ = timeout(GRACE, self.child.wait()).await;
    }
}

/// A file that is removed when it is done with.
struct Scratch(PathBuf);

impl Scratch {
    fn new(text: &str) -> std::io::Result<Self> {
        let name = format!("seam-{}.json", uuid::Uuid::now_v7());
        let file = Self(std::env::temp_dir().join(name));
        let mut options = OpenOptions::new();
        let mut open = options.write(true).create_new(true).mode(0o600).open(&file.0)?;
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
