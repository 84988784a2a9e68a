//! The token for an orchestrator: from the environment, a file of its own, or a command.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};

/// Where the token is to be found; the first that is set counts.
#[derive(Clone, Default)]
pub(super) struct Token {
    pub(super) plain: Option<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) command: Option<String>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.plain.is_some() {
            "Token(set)"
        } else {
            "Token"
        })
    }
}

impl Token {
    pub(super) fn read(&self) -> anyhow::Result<Option<String>> {
        let text = if let Some(text) = &self.plain {
            text.clone()
        } else if let Some(path) = &self.file {
            ensure_private(path)?;
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the token file {}", path.display()))?
        } else if let Some(command) = &self.command {
            run(command)?
        } else {
            return Ok(None);
        };
        let token = text.trim();
        ensure!(!token.is_empty(), "the token is empty");
        ensure!(
            token.bytes().all(|it| it.is_ascii_graphic()),
            "the token contains characters that no token has; is it the right file?"
        );
        Ok(Some(token.to_owned()))
    }
}

fn run(command: &str) -> anyhow::Result<String> {
    let output = std::process::Command::new("sh")
        .args(["-c", command])
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run token_command {command:?}"))?;
    if !output.status.success() {
        bail!("token_command {command:?} failed ({})", output.status);
    }
    String::from_utf8(output.stdout).context("token_command printed something that is not text")
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
    ensure!(
        private,
        "the token file {0} can be read by others; run `chmod 600 {0}`",
        path.display()
    );
    Ok(())
}

#[cfg(not(unix))]
fn ensure_private(_path: &std::path::Path) -> anyhow::Result<()> {
    Ok(())
}
