//! One address says what to connect to (product design, section 2).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::Url;
use thiserror::Error;

use super::embedded::Embedded;
use super::http::Http;
use super::recording::{MAX_SPEED, Recording};
use super::{Shared, Source};
use crate::domain::port::Control;
use crate::domain::time::Time;
use crate::orchestrator::api::Limits;
use crate::orchestrator::engine::Settings;

/// Address of a source, as given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An orchestrator in this process, on this SQLite file.
    Embedded(PathBuf),
    /// An orchestrator behind HTTP: scheme, host, port and perhaps a path in front of `/api`.
    Http(Url),
    /// A recording in a file.
    File(PathBuf),
}

/// The schemes of this build, as told to people.
const KNOWN_FORMS: &str = "sqlite:PATH, http://HOST:PORT, https://HOST, file:RECORDING.ndjson";

/// Reason that a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The scheme is not known.
    #[error("`{0}` is not an address that seam knows. Use one of: {KNOWN_FORMS}")]
    Unknown(String),
    /// The scheme is known, but this build has no source for it.
    #[error("`{0}` addresses are not in this build. It knows: {KNOWN_FORMS}")]
    NotInThisBuild(String),
    /// The sign that other programs read as their standard input.
    #[error("`-` is no address: for a recording on standard input write `file:/dev/stdin`")]
    StandardInput,
    /// No scheme, and it looks like a file.
    #[error("`{0}` has no scheme: to replay a recording write `file:{0}`, for a store `sqlite:{0}`")]
    NoScheme(String),
    /// No scheme, and it looks like a server.
    #[error("`{0}` has no scheme: for an orchestrator that runs there write `http://{0}`")]
    NoHttp(String),
    /// The path after the scheme means no place.
    #[error("{0}")]
    Path(String),
    /// The part after the scheme is missing.
    #[error("`{0}` names no file: write `{0}PATH`")]
    NoPath(&'static str),
    /// The text is not a URL.
    #[error("`{url}` is not a URL: {why}")]
    NotAUrl {
        /// The text as given, without credentials.
        url: String,
        /// The fault in it, as the URL parser says it.
        why: String,
    },
    /// A user or password in the address ends up in shell histories and logs.
    #[error("an address must not hold a user or password: put the token into the environment variable SEAM_TOKEN")]
    Credentials,
    /// A query or fragment, which an address must not have.
    #[error("`{0}` must end with the host, port or path: nothing after `?` or `#`")]
    Query(String),
    /// A token would go over the network in the clear.
    #[error(
        "the token would be sent unencrypted to {0}: use https://, or set no token. Plain http is for this machine only"
    )]
    Unencrypted(String),
    /// Empty text.
    #[error("the address is empty. Use one of: {KNOWN_FORMS}")]
    Empty,
    /// The speed is out of range.
    #[error("the speed {0} is not above 0 and at most {MAX_SPEED}; use max for as fast as possible")]
    Speed(String),
    /// The store or the client behind it could not be set up.
    #[error("{0}")]
    Failed(String),
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// The fault in the text and what to write instead. Credentials in it are not repeated.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if matches!(text, "-" | "file:-") {
            return Err(AddressError::StandardInput);
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(AddressError::NoScheme(text.to_owned()));
        };
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "sqlite" => path("sqlite:", rest).map(Self::Embedded),
            "file" => path("file:", rest).map(Self::File),
            "http" | "https" => url(text).map(Self::Http),
            "postgres" | "postgresql" | "redis" | "rediss" | "otlp" | "langgraph" | "langgraph+http"
            | "langgraph+https" => Err(AddressError::NotInThisBuild(scheme)),
            _ if rest.parse::<u16>().is_ok() => Err(AddressError::NoHttp(text.to_owned())),
            _ => Err(AddressError::Unknown(without_credentials(text))),
        }
    }
}

/// `file:///x`, `file:/x` and `file:x` all name files; there is no host in them.
fn path(scheme: &'static str, rest: &str) -> Result<PathBuf, AddressError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() {
        return Err(AddressError::NoPath(scheme));
    }
    at_home(path).map_err(AddressError::Path)
}

/// A path as people write it: `~` at its beginning is the home directory, also where no shell has read it.
///
/// # Errors
/// A sentence when it is the home directory of somebody else, or nobody knows which it is.
pub fn at_home(path: &str) -> Result<PathBuf, String> {
    let Some(rest) = path.strip_prefix('~') else {
        return Ok(PathBuf::from(path));
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(format!(
            "`{path}`: only ~/ is known, your own home directory; write the path in full, or ./{path} for a file of this name"
        ));
    }
    let home = etcetera::home_dir();
    let home = home.map_err(|_| format!("`{path}`: which your home directory is, is not known: set HOME"))?;
    Ok(home.join(rest.trim_start_matches('/')))
}

fn url(text: &str) -> Result<Url, AddressError> {
    let mut url = Url::parse(text)
        .map_err(|why| AddressError::NotAUrl { url: without_credentials(text), why: why.to_string() })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(AddressError::Query(text.to_owned()));
    }
    // What people copy from a browser or from curl still names the same server.
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/api/v1").unwrap_or(path).to_owned();
    url.set_path(&path);
    Ok(url)
}

fn without_credentials(text: &str) -> String {
    match (text.find("//"), text.rfind('@')) {
        (Some(slashes), Some(at)) if slashes < at => {
            format!("{}…{}", &text[..slashes + 2], &text[at..])
        }
        _ => text.to_owned(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(path) => write!(f, "sqlite:{}", path.display()),
            Self::Http(url) => f.write_str(url.as_str().trim_end_matches('/')),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// Settings of a source beside its address.
#[derive(Clone, Default)]
pub struct Options {
    /// Settings of an orchestrator in this process.
    pub settings: Settings,
    /// Bearer token for an HTTP orchestrator.
    pub token: Option<String>,
    /// Speed of a replay, in seconds of the recording per second, above 0; `None` as fast as possible.
    pub speed: Option<f64>,
    /// Instant that a replay starts at; `None` plays from the beginning.
    pub jump: Option<Time>,
    /// What a store that is opened here is for.
    pub purpose: Purpose,
    /// A store that is run here is to be reached by the agents of this machine, within these limits; `None` where not.
    pub listen: Option<Limits>,
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To run an orchestrator on it.
    #[default]
    Run,
    /// To act on it: no lease ends and no question times out by itself.
    Act,
    /// To look at it, whoever has it and wherever it is.
    Look,
}

/// Opens the source at `address`. A server is not connected to and a recording not read yet: that is for the
/// watch, which can fail and be repeated. A store is opened, and its orchestrator runs until the source is
/// dropped, unless it is only looked at.
///
/// # Errors
/// When the address, an option or the store is wrong in a way that no repetition can mend.
pub async fn open(address: &Address, options: &Options) -> Result<Shared, AddressError> {
    match address {
        Address::File(path) => recording(path, options),
        Address::Http(base) => http(base, options),
        Address::Embedded(path) => {
            let settings = options.settings.clone();
            let opened = match options.purpose {
                Purpose::Run => match (Embedded::open(path, settings).await, options.listen) {
                    (Ok(opened), Some(limits)) => opened.listening(limits).await,
                    (opened, _) => opened,
                },
                Purpose::Act => Embedded::still(path, settings).await,
                Purpose::Look => Embedded::look(path, settings).await,
            };
            Ok(Arc::new(opened.map_err(AddressError::Failed)?))
        }
    }
}

fn http(base: &Url, options: &Options) -> Result<Shared, AddressError> {
    let token = options.token.as_deref().filter(|it| !it.is_empty());
    if token.is_some() && base.scheme() == "http" && !is_this_machine(base) {
        return Err(AddressError::Unencrypted(base.to_string()));
    }
    let http = Http::new(base.clone(), token).map_err(AddressError::Failed)?;
    Ok(Arc::new(http))
}

fn is_this_machine(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|it| it.is_loopback())
    })
}

fn recording(path: &Path, options: &Options) -> Result<Shared, AddressError> {
    if let Some(speed) = options.speed
        && !(speed > 0.0 && speed <= MAX_SPEED)
    {
        return Err(AddressError::Speed(speed.to_string()));
    }
    let recording = Recording::new(path, options.speed);
    if let Some(to) = options.jump {
        recording.control(Control::Jump(to)).map_err(|why| AddressError::Failed(why.to_string()))?;
    }
    Ok(Arc::new(recording))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn every_form_of_section_2_is_understood() {
        let store = |path: &str| Address::Embedded(path.into());
        assert_eq!(parsed("sqlite:run.db"), store("run.db"));
        assert_eq!(parsed("sqlite:///var/run.db"), store("/var/run.db"));
        assert_eq!(parsed("file:a b.ndjson"), Address::File("a b.ndjson".into()));
        assert_eq!(parsed("file:///x.ndjson.gz"), Address::File("/x.ndjson.gz".into()));
        for (text, shown) in [
            ("HTTP://Localhost:7600/", "http://localhost:7600"),
            ("https://seam.example/prod/", "https://seam.example/prod"),
            ("http://127.0.0.1:7600/api/v1/", "http://127.0.0.1:7600"),
        ] {
            assert_eq!(parsed(text).to_string(), shown);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        let said = |text: &str| Address::parse(text).unwrap_err().to_string();
        assert!(said(" ").contains("sqlite:PATH"));
        assert!(said("gopher://x").contains("sqlite:PATH"));
        assert!(said("postgres://db/x").contains("not in this build"));
        assert!(said("langgraph+http://x").contains("not in this build"));
        assert!(said("run.ndjson").contains("file:run.ndjson"));
        assert!(said("file:").contains("file:PATH"));
        assert!(said("-").contains("`file:/dev/stdin`"));
        assert_eq!(said("file:-"), said("-"), "no file of that name is made up");
        assert_eq!(parsed("file:./-"), Address::File("./-".into()));
        assert!(said("http://").contains("not a URL"));
        assert!(said("http://host/?a=b").contains('?'));
    }

    #[tokio::test]
    async fn a_file_that_is_no_store_is_named_and_left_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "my only copy of the novel").unwrap();
        let address = Address::Embedded(file.path().to_owned());
        let Err(AddressError::Failed(why)) = open(&address, &Options::default()).await else {
            panic!("it was opened");
        };
        assert!(why.contains(&file.path().display().to_string()), "{why}");
        let kept = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(kept, "my only copy of the novel");
    }

    #[tokio::test]
    async fn a_token_goes_over_the_network_only_encrypted() {
        let options = Options { token: Some("hft_x".into()), ..Options::default() };
        let opened = async |text: &str| open(&parsed(text), &options).await.map(|_| ());
        for fine in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "https://seam.example"] {
            assert_eq!(opened(fine).await, Ok(()), "{fine}");
        }
        let far = parsed("http://seam.example");
        let refused = open(&far, &options).await.map(|_| ());
        assert!(matches!(refused, Err(AddressError::Unencrypted(_))));
        assert!(open(&far, &Options::default()).await.is_ok());
    }

    #[test]
    fn a_password_is_refused_and_never_repeated() {
        for text in ["https://dana:hunter2@host", "ftp://dana:hunter2@host", "http://dana:hunter2@[bad"] {
            let why = Address::parse(text).unwrap_err().to_string();
            assert!(!why.contains("hunter2"), "{why}");
        }
        assert!(matches!(Address::parse("https://dana@host"), Err(AddressError::Credentials)));
    }
}
