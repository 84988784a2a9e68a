//! The token for an orchestrator: from the environment, a file of its own, or a command.

use std::io::{self, Read};
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};

use crate::domain::text::without_mark;

/// Place that holds the token.
#[derive(Clone)]
pub(super) enum Token {
    /// The environment: the token itself.
    Plain(String),
    /// A file of its own.
    File(PathBuf),
    /// A command that prints it.
    Command(String),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl Token {
    /// The setting that names the place. Neither the token nor the command, which may hold it, is told.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Plain(_) => "SEAM_TOKEN",
            Self::File(_) => "token_file",
            Self::Command(_) => "token_command",
        }
    }

    pub(super) fn read(&self) -> anyhow::Result<String> {
        let text = match self {
            Self::Plain(text) => text.clone(),
            Self::File(path) => {
                ensure_private(path)?;
                std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the token file {}", path.display()))?
            }
            Self::Command(command) => run(command, COMMAND_TIMEOUT)?,
        };
        let token = without_mark(&text).trim();
        ensure!(!token.is_empty(), "the token is empty");
        ensure!(
            token.bytes().all(|it| it.is_ascii_graphic()),
            "the token contains characters that no token has; is it the right file?"
        );
        Ok(token.to_owned())
    }
}

/// The longest a command may take to print the token.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

fn run(command: &str, patience: Duration) -> anyhow::Result<String> {
    let (mut child, told) = start(command)?;
    let Ok(read) = told.recv_timeout(patience) else {
        end(&mut child);
        bail!(
            "token_command {command:?} did not end within {} s: it must print the token and end, without asking",
            patience.as_secs()
        );
    };
    let bytes = read.with_context(|| format!("cannot read what token_command {command:?} says"))?;
    let status = child.wait()?;
    if !status.success() {
        bail!("token_command {command:?} failed ({status})");
    }
    String::from_utf8(bytes).context("token_command printed something that is not text")
}

/// A shell that runs `command`, and all that it says, once nobody is left to say more.
fn start(command: &str) -> anyhow::Result<(Child, Receiver<io::Result<Vec<u8>>>)> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell.stdin(Stdio::null()).stdout(Stdio::piped());
    // What the shell starts is to end with it.
    #[cfg(unix)]
    shell.process_group(0);
    let mut child = shell.spawn().with_context(|| format!("cannot run token_command {command:?}"))?;
    let stdout = child.stdout.take();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map_or(Ok(0), |mut it| it.read_to_end(&mut bytes));
        // Nobody listens any more when it took too long.
        let _ = tell.send(read.map(|_| bytes));
    });
    Ok((child, told))
}

/// One that ended meanwhile cannot be killed, and need not be.
fn end(child: &mut Child) {
    #[cfg(unix)]
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(unix)]
fn ensure_private(path: &std::path::Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)
        .with_context(|| format!("cannot read the token file {}", path.display()))?
        .permissions()
        .mode();
    #[allow(clippy::verbose_bit_mask)] // permission bits read as permission bits
    let private = mode & 0o077 == 0;
    ensure!(private, "the token file {0} can be read by others; run `chmod 600 {0}`", path.display());
    Ok(())
}

#[cfg(not(unix))]
fn ensure_private(_path: &std::path::Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_given_up_and_named() {
        assert_eq!(run("echo hft_x", COMMAND_TIMEOUT).unwrap(), "hft_x\n");
        let why = run("sleep 600", Duration::ZERO).unwrap_err().to_string();
        assert!(why.contains("sleep 600") && why.contains("print the token"), "{why}");
    }

    #[test]
    fn what_a_command_started_ends_with_it() {
        let (mut child, told) = start("(sleep 600); echo").unwrap();
        end(&mut child);
        let said = told.recv_timeout(COMMAND_TIMEOUT).expect("nobody holds the pipe");
        assert_eq!(said.unwrap(), b"");
    }
}
