//! Answers of a server, as JSON or as a fault in words for people.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::contract::Violation;
use crate::domain::port::Fault;
use crate::domain::run::LastChange;
use crate::domain::text::clean;

/// The most that is taken of one answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Its bytes, uncompressed.
    pub(super) bytes: usize,
    /// Time in which all of it has to come.
    pub(super) within: Duration,
}

impl Limit {
    /// JSON values in it: each takes more room here than in the answer, and what is no answer of seam may have nothing else.
    const fn values(self) -> usize {
        self.bytes / 16
    }
}

/// A snapshot: a hundred thousand open handoffs fit.
pub(super) const SNAPSHOT: Limit = Limit { bytes: 128 << 20, within: Duration::from_mins(2) };
/// The history of one run.
pub(super) const HISTORY: Limit = Limit { bytes: 48 << 20, within: Duration::from_mins(1) };
/// One contract, an answer to an act, or who the caller is.
pub(super) const ANSWER: Limit = Limit { bytes: 1 << 20, within: Duration::from_secs(30) };

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
            if let Some(fault) = untrusted(name, &reason) {
                return fault;
            }
            return Fault::Transient(format!("cannot connect to {name}: {reason}. Is `seam serve` running there?"));
        }
        if why.is_builder() {
            return Fault::Malformed(format!("cannot ask {name}: {reason}"));
        }
        Fault::Transient(format!("the connection to {name} broke: {reason}"))
    }

    /// A JSON body within a limit, from an answer of any status.
    pub(super) async fn json<T: DeserializeOwned>(&self, response: Response, limit: Limit) -> Result<T, Fault> {
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

    async fn body(&self, mut response: Response, limit: Limit) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|why| self.unreached(&why))? {
            if bytes.len() + chunk.len() > limit.bytes {
                return Err(Fault::Malformed(format!(
                    "{} answers with more than {} MiB: that is no answer of seam",
                    self.name,
                    limit.bytes >> 20
                )));
            }
            bytes.extend_from_slice(&chunk);
        }
        if values(&bytes) > limit.values() {
            return Err(Fault::Malformed(format!(
                "{} answers with more than {} values: that is no answer of seam",
                self.name,
                limit.values()
            )));
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

/// JSON values, about: what begins a list or an object, and what follows in one. Text that is no JSON has some number, too.
fn values(json: &[u8]) -> usize {
    let (mut in_text, mut escaped, mut count) = (false, false, 0);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

/// The words for a certificate that is not trusted; `None` when that is not what went wrong.
fn untrusted(name: &str, reason: &str) -> Option<Fault> {
    let (_, what) = reason.split_once("invalid peer certificate: ")?;
    let advice = if what.starts_with("UnknownIssuer") {
        "nobody this system trusts has signed it. If you do, name a file with the certificate of who signed it in SSL_CERT_FILE"
    } else {
        "check the address, the clock and the certificate there"
    };
    Some(Fault::Transient(format!("the certificate of {name} is not accepted ({what}): {advice}")))
}

/// The outer layers of an HTTP error repeat the address; the innermost says what happened.
pub(super) fn innermost(why: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = why;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    clean(&cause.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_is_told_with_what_to_do() {
        let told = |reason| untrusted("https://h.example", reason).map(|it| it.to_string());
        let unknown = told("invalid peer certificate: UnknownIssuer").unwrap();
        assert!(unknown.contains("SSL_CERT_FILE") && unknown.contains("https://h.example"), "{unknown}");
        let expired = told("invalid peer certificate: Expired").unwrap();
        assert!(expired.contains("Expired") && !expired.contains("SSL_CERT_FILE"), "{expired}");
        assert_eq!(told("Connection refused (os error 111)"), None);
    }

    #[test]
    fn values_are_counted_and_text_is_none() {
        assert_eq!(values(br#"{"a":[1,2,{"b":"[,{\",,"}],"c":0}"#), 6);
        assert_eq!(values("[0".repeat(100).as_bytes()), 100);
    }
}
