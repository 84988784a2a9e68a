//! Settings: flags over environment over `config.toml` over defaults, and every value knows where it is from.
//!
//! The file is `$XDG_CONFIG_HOME/seamwatch/config.toml`. Secrets are never in it: a token comes from
//! `SEAM_TOKEN`, from a file of its own (`token_file`) or from a command (`token_command`).

use std::fmt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use thiserror::Error;

use crate::toml_lines::Mistake;

mod file;
mod token;

/// The settings cannot be used: what is wrong with them, all of it, ready to print.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Wrong(String);

/// Settings from the command line; `None` where a flag is absent.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// Configuration file instead of the usual one.
    pub config: Option<String>,
    /// Address to connect to.
    pub address: Option<String>,
    /// Theme by name or file.
    pub theme: Option<String>,
    /// Name that acts are done under.
    pub operator: Option<String>,
    /// ASCII signs only.
    pub ascii: Option<bool>,
    /// Act on nothing.
    pub readonly: Option<bool>,
    /// File of the policies of edges.
    pub policies: Option<String>,
    /// Directory of payload schemas.
    pub contracts: Option<String>,
}

/// One value and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// The place it was read from.
    pub origin: Origin,
}

/// Place that a value was read from, strongest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// A line of the configuration file.
    File(PathBuf, usize),
    /// The default, as nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Environment(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{} line {line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// All settings, each with the place it was read from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address to connect to; by default an embedded orchestrator in the data directory of the user.
    pub address: Setting<String>,
    /// Theme by built-in name, name of a file in `themes/` of the configuration directory, or path.
    pub theme: Setting<String>,
    /// Key bindings on top of the built-in ones; the file need not exist when this is the default.
    pub keys: Setting<PathBuf>,
    /// Name that acts are done under where nothing stronger, such as a token, says who acts.
    pub operator: Setting<String>,
    /// Word for the environment in the status line, such as `PROD`; empty shows none.
    pub environment: Setting<String>,
    /// ASCII signs only.
    pub ascii: Setting<bool>,
    /// Act on nothing.
    pub readonly: Setting<bool>,
    /// Policies of edges, for an orchestrator in this process.
    pub policies: Setting<Option<PathBuf>>,
    /// Directory of payload schemas, for an orchestrator in this process.
    pub contracts: Setting<Option<PathBuf>>,
    /// The directory that holds the configuration and `themes/`.
    pub directory: PathBuf,
    token: token::Token,
}

impl Settings {
    /// Reads the environment and the configuration file.
    ///
    /// # Errors
    /// Every mistake of the file at once, each with its line, or a file that
    /// was asked for and cannot be read.
    pub fn load(flags: Flags) -> Result<Self, Wrong> {
        let base = etcetera::choose_base_strategy()
            .map_err(|why| Wrong(format!("cannot find your home directory: {why}; set HOME")))?;
        let directory = base.config_dir().join("seamwatch");
        let env = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
        let asked = flags.config.clone().or_else(|| env("SEAM_CONFIG"));
        let path = asked.as_ref().map_or_else(|| directory.join("config.toml"), PathBuf::from);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound && asked.is_none() => String::new(),
            Err(why) => {
                let what = format!("cannot read the configuration {}: {why}", path.display());
                return Err(Wrong(what));
            }
        };
        let store = base.data_dir().join("seamwatch").join("seamwatch.db");
        resolve(flags, &env, &path, &text, directory, &store).map_err(|mistakes| {
            let (outside, inside): (Vec<_>, Vec<_>) = mistakes.iter().partition(|it| it.line == 0);
            let mut what: Vec<String> = outside.iter().map(|it| it.what.clone()).collect();
            if !inside.is_empty() {
                let lines = inside.iter().map(|it| format!("\n  {it}"));
                what.push(format!(
                    "{} is wrong; correct it or remove it:{}",
                    path.display(),
                    lines.collect::<String>()
                ));
            }
            Wrong(what.join("\n"))
        })
    }

    /// The token for an orchestrator, if one is set anywhere. Read late, because a command may ask for a
    /// passphrase.
    ///
    /// # Errors
    /// The file cannot be read or is open to others, or the command fails.
    pub fn token(&self) -> anyhow::Result<Option<String>> {
        self.token.read()
    }
}

/// The strongest word for each setting.
fn resolve(
    flags: Flags,
    env: &dyn Fn(&str) -> Option<String>,
    path: &Path,
    text: &str,
    directory: PathBuf,
    store: &Path,
) -> Result<Settings, Vec<Mistake>> {
    let (mut reader, file) = file::read(text);
    let from_file = |it: &file::Line| Origin::File(path.to_owned(), it.line);
    let pick = |flag: Option<String>, name: &'static str, variable: &'static str, default: &dyn Fn() -> String| {
        let written = |it: &file::Line| Setting { value: it.value.clone(), origin: from_file(it) };
        flag.map(|value| Setting { value, origin: Origin::Flag(name) })
            .or_else(|| env(variable).map(|value| Setting { value, origin: Origin::Environment(variable) }))
            .or_else(|| file.get(name).map(written))
            .unwrap_or_else(|| Setting { value: default(), origin: Origin::Default })
    };
    let mut switch = |flag: Option<bool>, name: &'static str, variable: &'static str| {
        let text = pick(flag.map(|it| it.to_string()), name, variable, &|| "false".to_owned());
        let value = match text.value.as_str() {
            "true" | "1" | "yes" => true,
            "false" | "0" | "no" => false,
            other => {
                let line = match &text.origin {
                    Origin::File(_, line) => *line,
                    _ => 0,
                };
                let named = match &text.origin {
                    Origin::Environment(variable) => variable,
                    _ => name,
                };
                let what = format!("{named} is {other:?}; it must be true or false");
                reader.note(line, what);
                false
            }
        };
        Setting { value, origin: text.origin }
    };
    let ascii = switch(flags.ascii, "ascii", "SEAM_ASCII");
    let readonly = switch(flags.readonly, "readonly", "SEAM_READONLY");
    let empty = String::new;
    let keys = pick(None, "keys", "SEAM_KEYS", &|| directory.join("keys.toml").display().to_string());
    let place = |it: Setting<String>| Setting {
        value: (!it.value.is_empty()).then(|| file::expand(&it.value, env)),
        origin: it.origin,
    };
    let user = || env("USER").or_else(|| env("LOGNAME")).unwrap_or_else(|| "operator".to_owned());
    let settings = Settings {
        address: pick(flags.address, "address", "SEAM_ADDRESS", &|| format!("sqlite:{}", store.display())),
        theme: pick(flags.theme, "theme", "SEAM_THEME", &|| "terminal".to_owned()),
        keys: Setting { value: file::expand(&keys.value, env), origin: keys.origin },
        operator: pick(flags.operator, "operator", "SEAM_OPERATOR", &user),
        environment: pick(None, "environment", "SEAM_ENVIRONMENT", &empty),
        ascii,
        readonly,
        policies: place(pick(flags.policies, "policies", "SEAM_POLICIES", &empty)),
        contracts: place(pick(flags.contracts, "contracts", "SEAM_CONTRACTS", &empty)),
        token: token::Token {
            plain: env("SEAM_TOKEN"),
            file: file.get("token_file").map(|it| file::expand(&it.value, env)),
            command: file.get("token_command").map(|it| it.value.clone()),
        },
        directory,
    };
    reader.settle(settings)
}

#[cfg(test)]
mod tests;
