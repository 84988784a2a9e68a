//! Answers of a server, as JSON or as a fault in words for people.

use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::contract::Violation;
use crate::domain::port::Fault;
use crate::domain::run::LastChange;
use crate::domain::text::clean;

/// Largest snapshot: a million open handoffs fit.
pub(super) const SNAPSHOT: usize = 1 << 30;
/// Largest history of one run, or contract.
pub(super) const BODY: usize = 64 << 20;
/// Largest answer to an act, in bytes.
pub(super) const ANSWER: usize = 1 << 20;

/// Server that answered, for the words of a fault.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// Its address, as shown to people.
    pub(super) name: String,
    /// Whether a token was sent.
    pub(super) token: bool,
}

/// An `application/problem+json` body (RFC 9457) with the extra members of protocol section 7.
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    detail: String,
    current: Option<u64>,
    last_change: Option<LastChange>,
    #[serde(default)]
    errors: Vec<Violation>,
}

impl Server {
    /// The request did not get an answer.
    pub(super) fn unreached(&self, why: &reqwest::Error) -> Fault {
        let name = &self.name;
        if why.is_timeout() {
            return Fault::Transient(format!("{name} does not answer"));
        }
        let reason = innermost(why);
        if why.is_connect() {
            return Fault::Transient(format!("cannot connect to {name}: {reason}. Is `seam serve` running there?"));
        }
        if why.is_builder() {
            return Fault::Malformed(format!("cannot ask {name}: {reason}"));
        }
        Fault::Transient(format!("the connection to {name} broke: {reason}"))
    }

    /// A JSON body of at most `limit` bytes, from an answer of any status.
    pub(super) async fn json<T: DeserializeOwned>(&self, response: Response, limit: usize) -> Result<T, Fault> {
        let response = self.accept(response, "application/json").await?;
        let bytes = self.body(response, limit).await?;
        serde_json::from_slice(&bytes).map_err(|why| {
            Fault::Malformed(format!(
                "the answer of {} is not understood ({}): is it another version of seam?",
                self.name,
                clean(&why.to_string())
            ))
        })
    }

    /// The answer itself when it succeeded with this type of content.
    pub(super) async fn accept(&self, response: Response, wanted: &str) -> Result<Response, Fault> {
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let content = content_type(&response);
        if content.starts_with(wanted) { Ok(response) } else { Err(self.foreign(response.status(), &content)) }
    }

    async fn body(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|why| self.unreached(&why))? {
            if bytes.len() + chunk.len() > limit {
                return Err(Fault::Malformed(format!(
                    "{} answers with more than {} MiB: that is no answer of seam",
                    self.name,
                    limit >> 20
                )));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    async fn refused(&self, response: Response) -> Fault {
        let status = response.status();
        let name = &self.name;
        if status.is_redirection() {
            let to = header(&response, LOCATION);
            return Fault::Malformed(format!(
                "{name} sends elsewhere ({status}, {to}): use that address if you trust it"
            ));
        }
        let content = content_type(&response);
        let after = header(&response, RETRY_AFTER);
        let ours = content.starts_with("application/problem+json");
        let problem: Option<Problem> = if ours {
            match self.body(response, ANSWER).await {
                Ok(bytes) => serde_json::from_slice(&bytes).ok(),
                Err(fault) => return fault,
            }
        } else {
            None
        };
        self.fault(status, &content, &after, problem)
    }

    fn fault(&self, status: StatusCode, content: &str, after: &str, problem: Option<Problem>) -> Fault {
        let name = &self.name;
        let known = problem.is_some();
        let problem = problem.unwrap_or_default();
        let detail = if problem.detail.is_empty() {
            format!("{name} answered {status}")
        } else {
            clean(&problem.detail).into_owned()
        };
        match status {
            StatusCode::UNAUTHORIZED if self.token => Fault::Denied(format!(
                "{name} does not know your token ({detail}): put a valid one into SEAM_TOKEN, or where token_file or token_command of the configuration find it"
            )),
            StatusCode::UNAUTHORIZED => Fault::Denied(format!("{name} wants a token: set SEAM_TOKEN to yours")),
            StatusCode::FORBIDDEN => Fault::Denied(detail),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                let when = match after {
                    "" => String::new(),
                    seconds => format!(" (try again in {seconds} s)"),
                };
                Fault::Transient(format!("{name} is busy: {detail}{when}"))
            }
            _ if status.is_server_error() && known => Fault::Transient(format!("{name}: {detail}")),
            _ if status.is_server_error() => {
                Fault::Transient(format!("{name} answered {status}: is what it stands in front of running?"))
            }
            _ if !known => self.foreign(status, content),
            StatusCode::CONFLICT if problem.kind.ends_with("request-in-progress") => Fault::Transient(detail),
            StatusCode::PRECONDITION_FAILED if problem.current.is_some() => {
                Fault::Conflict { found: problem.current.map(Into::into).unwrap_or_default(), by: problem.last_change }
            }
            StatusCode::UNPROCESSABLE_ENTITY if !problem.errors.is_empty() => Fault::Invalid(problem.errors),
            StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED => Fault::Malformed(format!(
                "{name} does not understand the request ({detail}): is it another version of seam?"
            )),
            _ => Fault::Refused(detail),
        }
    }

    fn foreign(&self, status: StatusCode, content: &str) -> Fault {
        let what = match content {
            "" => "without content".to_owned(),
            content => format!("with {}", clean(content)),
        };
        Fault::Malformed(format!(
            "{} is no Seamwatch server: it answered {status} {what}. Check host, port and path",
            self.name
        ))
    }
}

fn content_type(response: &Response) -> String {
    header(response, CONTENT_TYPE)
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> String {
    const MAX_QUOTED: usize = 200;
    let value = response.headers().get(name);
    let text = value.map_or_else(String::new, |it| String::from_utf8_lossy(it.as_bytes()).into_owned());
    clean(&text).chars().take(MAX_QUOTED).collect()
}

/// The outer layers of an HTTP error repeat the address; the innermost says what happened.
fn innermost(why: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = why;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    clean(&cause.to_string()).into_owned()
}
