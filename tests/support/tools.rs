//! Programs that a test needs and that the project does not bring.

use std::process::Command;

/// Whether a program is there. Without it a test leaves something out; where `CI` is set, nothing may be left out.
#[track_caller]
pub fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success());
    let strict = std::env::var_os("CI").is_some_and(|it| !it.is_empty());
    assert!(
        found || !strict,
        "{program} is missing, and CI is set: install it (Debian, Ubuntu: apt-get install {program})"
    );
    found
}
