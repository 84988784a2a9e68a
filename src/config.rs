//! Settings: flags over environment over `config.toml` over defaults, and every value knows where it is from.
//!
//! The file is `$XDG_CONFIG_HOME/seamwatch/config.toml`. Secrets are never in it: a token comes from
//! `SEAM_TOKEN`, from a file of its own (`token_file`) or from a command (`token_command`).

use std::fmt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use thiserror::Error;

use crate::domain::environment::Environment;
use crate::toml_lines::Mistake;

mod context;
mod file;
mod in_force;
mod token;

pub use context::Context;
pub use file::nearest;
use token::Token;

/// The settings cannot be used: what is wrong with them, all of it, ready to print.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Wrong(String);

/// Settings from the command line; `None` where a flag is absent.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// Configuration file instead of the usual one.
    pub config: Option<String>,
    /// Name of the context.
    pub context: Option<String>,
    /// Addresses to connect to; empty where none is given.
    pub addresses: Vec<String>,
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

impl<T> Setting<T> {
    /// The same place with another value.
    fn map<U>(self, value: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: value(self.value), origin: self.origin }
    }
}

/// Strength of an environment variable: see [`Origin::strength`].
const VARIABLE: u8 = 2;

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

impl Origin {
    /// Strength of what was said there: 3 on the command line, 2 in the environment, 1 in the file, 0 nowhere.
    const fn strength(&self) -> u8 {
        match self {
            Self::Flag(_) => 3,
            Self::Environment(_) => VARIABLE,
            Self::File(..) => 1,
            Self::Default => 0,
        }
    }
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
    /// The context in force, and where it was named; `None` when there is none.
    pub context: Option<Setting<Context>>,
    /// Every context of the file, in its order.
    pub contexts: Vec<Context>,
    /// Addresses to connect to, one at least; by default an embedded orchestrator in the data directory of the user.
    pub addresses: Setting<Vec<String>>,
    /// Theme by built-in name, name of a file in `themes/` of the configuration directory, or path.
    pub theme: Setting<String>,
    /// Key bindings on top of the built-in ones; the file need not exist when this is the default.
    pub keys: Setting<PathBuf>,
    /// Name that acts are done under where nothing stronger, such as a token, says who acts.
    pub operator: Setting<String>,
    /// Word for the environment where the context has none of its own; empty for none.
    environment: Setting<String>,
    /// ASCII signs only.
    pub ascii: Setting<bool>,
    /// Act on nothing, whatever the context says. See [`Settings::lock`].
    pub readonly: Setting<bool>,
    /// Policies of edges, for an orchestrator in this process.
    pub policies: Setting<Option<PathBuf>>,
    /// Directory of payload schemas, for an orchestrator in this process.
    pub contracts: Setting<Option<PathBuf>>,
    /// The directory that holds the configuration and `themes/`.
    pub directory: PathBuf,
    /// The configuration file, whether it is there or not.
    pub path: PathBuf,
    /// Place of the token where the context has none of its own.
    token: Option<Setting<Token>>,
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
        let path = asked.as_ref().map_or_else(|| directory.join("config.toml"), |it| file::expand(it, &env));
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
        self.place_of_token(self.in_force()).map(|it| it.value.read()).transpose()
    }

    /// Place that the token comes from with this context: the name of the setting, and where it is written. `None` when
    /// there is none.
    pub fn token_of<'a>(&'a self, context: &'a Context) -> Option<(&'static str, &'a Origin)> {
        self.place_of_token(Some(context)).map(|it| (it.value.kind(), &it.origin))
    }

    fn place_of_token<'a>(&'a self, context: Option<&'a Context>) -> Option<&'a Setting<Token>> {
        context.and_then(|it| it.token.as_ref()).or(self.token.as_ref())
    }

    /// The environment that acts are done in, with its colour.
    pub fn environment(&self) -> Environment {
        self.environment_of(self.in_force())
    }

    /// The environment with this context.
    pub fn environment_of(&self, context: Option<&Context>) -> Environment {
        let word = context.and_then(|it| it.environment.as_ref()).unwrap_or(&self.environment);
        let color = context.and_then(|it| it.color.as_ref());
        Environment::new(&word.value, color.map(|it| it.value))
    }

    fn in_force(&self) -> Option<&Context> {
        self.context.as_ref().map(|it| &it.value)
    }

    /// The reason that nothing may be acted on, on a screen and without one; `None` when nothing forbids it. A context
    /// that is read-only stays so whatever else is set.
    pub fn lock(&self) -> Option<String> {
        match self.in_force() {
            Some(it) if it.read_only.value => Some(format!("the context {} is read-only", it.name)),
            _ => self.readonly.value.then(|| format!("read-only is set by {}", self.readonly.origin)),
        }
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
    let (mut reader, file, contexts) = file::read(text);
    let in_file = |line: usize| Origin::File(path.to_owned(), line);
    let contexts = context::read(&mut reader, contexts.as_ref(), &in_file, env);
    let written = |name: &str| file.get(name).map(|it| Setting { value: it.text(), origin: in_file(it.line) });
    let set =
        |variable: &'static str| env(variable).map(|value| Setting { value, origin: Origin::Environment(variable) });
    let said = |flag: Option<String>, name: &'static str, variable: &'static str| {
        let flag = flag.map(|value| Setting { value, origin: Origin::Flag(name) });
        flag.or_else(|| set(variable)).or_else(|| written(name))
    };
    let pick = |flag: Option<String>, name: &'static str, variable: &'static str, default: &dyn Fn() -> String| {
        said(flag, name, variable).unwrap_or_else(|| Setting { value: default(), origin: Origin::Default })
    };
    let addresses = match flags.addresses {
        none if none.is_empty() => {
            pick(None, "address", "SEAM_ADDRESS", &|| format!("sqlite:{}", store.display())).map(|it| vec![it])
        }
        value => Setting { value, origin: Origin::Flag("connect") },
    };
    let named = said(flags.context, "context", "SEAM_CONTEXT");
    let named = named.and_then(|named| match in_force::find(&contexts, named) {
        Ok(found) => Some(found),
        Err((line, what)) => {
            reader.note(line, what);
            None
        }
    });
    let (context, addresses) = in_force::place(named, addresses);
    let mut switch = |flag: Option<bool>, name: &'static str, variable: &'static str| {
        let text = pick(flag.map(|it| it.to_string()), name, variable, &|| "false".to_owned());
        let value = match text.value.as_str() {
            "true" | "1" | "yes" => true,
            "false" | "0" | "no" => false,
            other => {
                let named = match &text.origin {
                    Origin::Environment(variable) => variable,
                    _ => name,
                };
                let what = format!("{named} is {other:?}; it must be true or false");
                reader.note(in_force::line_of(&text.origin), what);
                false
            }
        };
        Setting { value, origin: text.origin }
    };
    let ascii = switch(flags.ascii, "ascii", "SEAM_ASCII");
    let readonly = switch(flags.readonly, "readonly", "SEAM_READONLY");
    let empty = String::new;
    let keys = pick(None, "keys", "SEAM_KEYS", &|| directory.join("keys.toml").display().to_string());
    let file_of = |it: Setting<String>| it.map(|it| (!it.is_empty()).then(|| file::expand(&it, env)));
    let user = || env("USER").or_else(|| env("LOGNAME")).unwrap_or_else(|| "operator".to_owned());
    let token = set("SEAM_TOKEN")
        .map(|it| it.map(Token::Plain))
        .or_else(|| written("token_file").map(|it| it.map(|path| Token::File(file::expand(&path, env)))))
        .or_else(|| written("token_command").map(|it| it.map(Token::Command)));
    let settings = Settings {
        addresses,
        theme: pick(flags.theme, "theme", "SEAM_THEME", &|| "terminal".to_owned()),
        keys: keys.map(|it| file::expand(&it, env)),
        operator: pick(flags.operator, "operator", "SEAM_OPERATOR", &user),
        environment: pick(None, "environment", "SEAM_ENVIRONMENT", &empty),
        ascii,
        readonly,
        policies: file_of(pick(flags.policies, "policies", "SEAM_POLICIES", &empty)),
        contracts: file_of(pick(flags.contracts, "contracts", "SEAM_CONTRACTS", &empty)),
        token,
        context,
        contexts,
        directory,
        path: path.to_owned(),
    };
    reader.settle(settings)
}

#[cfg(test)]
mod tests;
