//! Access: bearer tokens, kept as SHA-256, with scopes (protocol section 7).

use std::collections::BTreeSet;
use std::fmt::Write;

use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::rate::RATE;
use crate::domain::bearer::{Bearer, Roles};
use crate::domain::contract::{Party, PartyKind};
use crate::domain::port::Scope;
use crate::domain::text::clean;
use crate::domain::time::Time;
use crate::toml_lines::{Mistake, Reader, Table, tables};

/// Stands in a token before the name of a system, and of somebody outside, that it speaks for.
const SYSTEM: &str = "system:";
const EXTERNAL: &str = "external:";

/// Access to the server.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody who can reach a loopback address may do everything.
    Open,
    /// Holders of these tokens.
    Tokens(Vec<Token>),
}

/// One token as the file holds it: never the secret itself.
#[derive(Clone, Debug, Default)]
pub struct Token {
    subject: String,
    sha256: [u8; 32],
    scopes: BTreeSet<Scope>,
    agents: BTreeSet<String>,
    /// Roles that the holder has as an approver; `None` is every role.
    roles: Option<BTreeSet<String>>,
    expires: Option<Time>,
    /// Requests in a second, 0 for as many as it likes; `None` is [`RATE`].
    rate: Option<u32>,
}

/// The sender of a request, with the scopes and agents allowed to it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Subject of the token, or the cleaned `Seam-User` header where no tokens are needed.
    pub subject: String,
    /// `None` where no tokens are needed: everything is allowed.
    scopes: Option<BTreeSet<Scope>>,
    agents: BTreeSet<String>,
    /// Roles that the token names; `None` is every role.
    roles: Option<BTreeSet<String>>,
    /// Requests in a second, 0 for as many as it likes.
    pub rate: u32,
}

impl Access {
    /// Reads a token file.
    ///
    /// # Errors
    /// Every mistake, in the order of the file.
    pub fn read(text: &str) -> Result<Self, Vec<Mistake>> {
        let (mut reader, found) = tables(text, &["token"]);
        let tokens: Vec<Token> = found.iter().map(|it| token(it, &mut reader)).collect();
        if tokens.is_empty() && reader.count() == 0 {
            reader.note(0, "it holds no [[token]]; `seam serve --new-token NAME --scope viewer` prints one");
        }
        reader.settle(Self::Tokens(tokens))
    }

    /// The caller that sent this request.
    ///
    /// # Errors
    /// 401 without a valid token; 403 when a web page of another origin, or a proxy, speaks to an open server.
    pub fn admit(&self, headers: &HeaderMap, now: Time) -> Result<Caller, Problem> {
        match self {
            Self::Open => open(headers),
            Self::Tokens(tokens) => {
                let denied = |why: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", why);
                let secret = headers
                    .get(header::AUTHORIZATION)
                    .and_then(|it| it.to_str().ok())
                    .and_then(|it| it.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, secret)| secret.trim())
                    .ok_or_else(|| denied("send a token: Authorization: Bearer hft_..."))?;
                let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
                // Every token is compared in full, so the time taken tells nothing about any of them.
                let found =
                    tokens.iter().fold(None, |found, it| if same(&it.sha256, &hash) { Some(it) } else { found });
                let token = found.ok_or_else(|| denied("this token is not known here"))?;
                if token.expires.is_some_and(|at| at <= now) {
                    return Err(denied("this token has expired"));
                }
                Ok(Caller {
                    subject: token.subject.clone(),
                    scopes: Some(token.scopes.clone()),
                    agents: token.agents.clone(),
                    roles: token.roles.clone(),
                    rate: token.rate.unwrap_or(RATE),
                })
            }
        }
    }
}

/// Headers that a proxy adds, beside all that begin with `x-forwarded`.
const FORWARDED: [&str; 4] = ["forwarded", "via", "x-real-ip", "x-client-ip"];

/// Without tokens the caller is whoever is on this machine. A browser that was lured to speak to this server names another
/// host or another origin, or says that the page is of another site; a proxy speaks for others.
fn open(headers: &HeaderMap) -> Result<Caller, Problem> {
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or("unreadable"));
    let host = text("host");
    if headers.get_all(header::HOST).iter().any(|it| !it.to_str().is_ok_and(is_loopback)) {
        return Err(Problem::scope(
            "without tokens only this machine is served; start the server with --tokens to be reached by other names",
        ));
    }
    let own = |origin: &str| {
        let named = origin.get(..7).filter(|it| it.eq_ignore_ascii_case("http://")).map(|_| &origin[7..]);
        named.zip(host).is_some_and(|(named, host)| named.eq_ignore_ascii_case(host))
    };
    let foreign = text("origin").is_some_and(|it| !own(it));
    if foreign || text("sec-fetch-site").is_some_and(|it| it != "same-origin" && it != "none") {
        return Err(Problem::scope(
            "a web page of another origin may not use a server without tokens; start it with --tokens and send one",
        ));
    }
    let forwarded =
        headers.keys().find(|it| FORWARDED.contains(&it.as_str()) || it.as_str().starts_with("x-forwarded"));
    if let Some(name) = forwarded {
        return Err(Problem::scope(format!(
            "this request came through a proxy ({name}), so it may be from anybody, and this server asks for no token; start it \
             with --tokens FILE (`seam serve --new-token NAME --scope SCOPES` prints an entry) and send one"
        )));
    }
    let said = headers.get("seam-user").map(|it| String::from_utf8_lossy(it.as_bytes()));
    let subject = clean(said.as_deref().unwrap_or_default().trim()).chars().take(64).collect::<String>();
    Ok(Caller {
        subject: if subject.is_empty() { "anonymous".to_owned() } else { subject },
        scopes: None,
        agents: BTreeSet::new(),
        roles: None,
        rate: 0,
    })
}

/// True for `localhost`, `127.x.y.z` and `[::1]`, with or without a port.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

impl Caller {
    /// The subject is that of a token.
    pub const fn is_authenticated(&self) -> bool {
        self.scopes.is_some()
    }

    /// Whether the scope is held. Everybody but an agent may read.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.as_ref().is_none_or(|held| match scope {
            Scope::Viewer => held.iter().any(|it| *it != Scope::Agent),
            _ => held.contains(&scope),
        })
    }

    /// Whether the caller may speak as this agent.
    pub fn is_agent(&self, name: &str) -> bool {
        self.scopes.is_none() || (self.may(Scope::Agent) && self.agents.contains(name))
    }

    /// Whether the caller may speak as this party. As what is no agent only by its kind, as in `system:billing`.
    pub fn is_party(&self, party: &Party) -> bool {
        match party.kind {
            PartyKind::Agent => self.is_agent(&party.id),
            PartyKind::System => self.is_agent(&format!("{SYSTEM}{}", party.id)),
            PartyKind::External => self.is_agent(&format!("{EXTERNAL}{}", party.id)),
            PartyKind::Human | PartyKind::Team => self.scopes.is_none(),
        }
    }

    /// The names of the parties that the token is bound to, of whatever kind; empty when any will do.
    pub fn names(&self) -> Vec<String> {
        let plain = |it: &String| it.trim_start_matches(SYSTEM).trim_start_matches(EXTERNAL).to_owned();
        self.agents.iter().map(plain).collect()
    }

    /// What stands behind the caller, for what only some may decide.
    pub fn bearer(&self) -> Bearer {
        let roles = match &self.roles {
            _ if !self.may(Scope::Approver) => Roles::NONE,
            Some(named) => Roles::Only(named.clone()),
            None => Roles::All,
        };
        Bearer { subject: self.subject.as_str().into(), roles }
    }

    /// The one agent the token is bound to, which an emit without a source comes from.
    pub fn only_agent(&self) -> Option<&str> {
        let mut agents = self.agents.iter().filter(|it| !it.starts_with(SYSTEM) && !it.starts_with(EXTERNAL));
        agents.next().filter(|_| agents.next().is_none()).map(String::as_str)
    }

    /// Whose work the token takes, as a sentence for those who asked for other work.
    pub fn claims_for(&self) -> String {
        let plain = |it: &&String| !it.starts_with(SYSTEM) && !it.starts_with(EXTERNAL);
        let names: Vec<&str> = self.agents.iter().filter(plain).map(String::as_str).collect();
        if names.is_empty() {
            let why = "it lists no agent by its plain name, which is what work waits under, and so takes none";
            return why.to_owned();
        }
        format!("it may for {}", names.join(", "))
    }

    /// The agents the token is bound to; empty when any will do.
    pub fn agents(&self) -> &BTreeSet<String> {
        &self.agents
    }
}

/// A new secret, and the lines for the token file that let it in; as an approver it has every role.
pub fn new_token(subject: &str, scopes: &[Scope], agents: &[String]) -> (String, String) {
    // Two version 4 ids are 244 bits from the generator of the system.
    let mut secret = "hft_".to_owned();
    for _ in 0..2 {
        secret.push_str(&uuid::Uuid::new_v4().simple().to_string());
    }
    let names: Vec<&str> = scopes.iter().map(|it| it.name()).collect();
    let mut lines = format!(
        "[[token]]\nsubject = {subject:?}\nsha256 = \"{}\"\nscopes = {names:?}\n",
        hex(&Sha256::digest(secret.as_bytes()))
    );
    if !agents.is_empty() {
        let _ = writeln!(lines, "agents = {agents:?}"); // writing to a String cannot fail
    }
    (secret, lines)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

/// One token of the file, as far as it can be read.
fn token(table: &Table, reader: &mut Reader<'_>) -> Token {
    let mut token = Token::default();
    for it in &table.members {
        let read = match it.name.as_str() {
            "subject" => it.take().map(|it| token.subject = it),
            "sha256" => {
                let text = it.take::<String>();
                text.and_then(|it| digest(&it)).map(|it| token.sha256 = it)
            }
            "scopes" => it.take().map(|it| token.scopes = it),
            "agents" => it.take().map(|it| token.agents = it),
            "roles" => it.take().map(|it| token.roles = Some(it)),
            "expires" => it.take().map(|it| token.expires = Some(it)),
            "rate" => it.take().map(|it| token.rate = Some(it)),
            _ => Err("is unknown; a token has subject, sha256, scopes, agents, roles, rate and expires".to_owned()),
        };
        if let Err(why) = read {
            reader.note(it.line, format!("`{}` {why}", it.name));
        }
    }
    let has = |name: &str| table.members.iter().any(|it| it.name == name);
    for name in ["subject", "sha256", "scopes"] {
        if !has(name) {
            reader.note(table.line, format!("this token has no `{name}`"));
        }
    }
    if token.scopes.contains(&Scope::Agent) && !has("agents") {
        let why = "this token has the scope agent but names no agents; add agents = [\"...\"]";
        reader.note(table.line, why);
    }
    if has("roles") && !token.scopes.contains(&Scope::Approver) {
        let why = "this token has roles but not the scope approver, which is what they are for";
        reader.note(table.line, why);
    }
    token
}

fn digest(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "must be 64 hex digits".to_owned();
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        let pair = text.get(at * 2..at * 2 + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(secret: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {secret}").parse().unwrap());
        headers
    }

    const NOW: Time = Time::from_millis(1_000);

    #[test]
    fn a_new_token_opens_what_it_says_and_nothing_else() {
        let (secret, lines) = new_token("ci \"x\"", &[Scope::Agent, Scope::Viewer], &["writer".into()]);
        let caller = Access::read(&lines).unwrap().admit(&bearer(&secret), NOW).unwrap();
        assert_eq!(caller.subject, "ci \"x\"");
        assert!(caller.may(Scope::Agent) && caller.may(Scope::Viewer));
        assert!(!caller.may(Scope::Operator) && !caller.may(Scope::Admin));
        assert!(caller.is_agent("writer") && !caller.is_agent("editor"));
        assert_eq!(caller.only_agent(), Some("writer"));
        assert!(!lines.contains(&secret));
    }

    #[test]
    fn an_approver_has_every_role_or_those_that_the_token_names() {
        let roles = |scopes: &[Scope], more: &str| {
            let (secret, lines) = new_token("dana", scopes, &[]);
            let access = Access::read(&format!("{lines}{more}")).unwrap();
            access.admit(&bearer(&secret), NOW).unwrap().bearer().roles
        };
        assert_eq!(roles(&[Scope::Approver], ""), Roles::All);
        assert_eq!(roles(&[Scope::Approver], "roles = [\"editors\"]\n"), Roles::Only(["editors".to_owned()].into()));
        assert_eq!(roles(&[Scope::Approver], "roles = []\n"), Roles::NONE);
        assert_eq!(roles(&[Scope::Operator, Scope::Admin], ""), Roles::NONE);
        assert_eq!(Access::Open.admit(&HeaderMap::new(), NOW).unwrap().bearer().roles, Roles::All);
    }

    #[test]
    fn wrong_and_expired_tokens_are_refused() {
        let (secret, lines) = new_token("dana", &[Scope::Operator], &[]);
        let access = Access::read(&lines).unwrap();
        assert_eq!(access.admit(&HeaderMap::new(), NOW).unwrap_err().status, 401);
        assert_eq!(access.admit(&bearer("hft_guess"), NOW).unwrap_err().status, 401);
        let ended = format!("{lines}expires = \"1970-01-01T00:00:01Z\"\n");
        let access = Access::read(&ended).unwrap();
        assert!(access.admit(&bearer(&secret), NOW).unwrap_err().detail.contains("expired"));
    }

    #[test]
    fn every_mistake_of_a_file_is_named_with_its_line() {
        let told =
            |text: &str| -> Vec<String> { Access::read(text).unwrap_err().iter().map(ToString::to_string).collect() };
        let text = "[[token]]\nsubject = \"x\"\nsha256 = \"12\"\nscopes = [\"viewer\", \"god\"]\n[[token]]\nname = 3\n";
        let told_of_all = told(text);
        let lines: Vec<&str> = told_of_all.iter().map(|it| &it[..7]).collect();
        assert_eq!(lines, ["line 3:", "line 4:", "line 5:", "line 5:", "line 5:", "line 6:"], "{told_of_all:?}");
        assert!(told_of_all[1].contains("god") && told_of_all[1].contains("viewer"), "{told_of_all:?}");
        assert!(told("")[0].contains("--new-token"));
        let (_, lines) = new_token("x", &[Scope::Agent], &[]);
        assert!(told(&lines)[0].contains("names no agents"));
        let (_, lines) = new_token("x", &[Scope::Operator], &[]);
        assert!(told(&format!("{lines}roles = [\"editors\"]\n"))[0].contains("scope approver"));
        let (_, lines) = new_token("x", &[Scope::Approver], &[]);
        assert!(told(&format!("{lines}roles = \"editors\"\n"))[0].starts_with("line 5: `roles` is wrong"));
    }

    #[test]
    fn without_tokens_only_this_machine_speaks() {
        let with = |sent: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                headers.append(*name, value.parse().unwrap());
            }
            Access::Open.admit(&headers, NOW)
        };
        let ours = ("host", "127.0.0.1:7600");
        for (name, value) in [
            ("x", "y"),
            ("origin", "http://127.0.0.1:7600"),
            ("origin", "HTTP://127.0.0.1:7600"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
        ] {
            assert!(with(&[ours, (name, value)]).is_ok(), "{name}: {value}");
        }
        assert!(with(&[("host", "[::1]:7600"), ("origin", "http://[::1]:7600")]).is_ok());
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "http://localhost:3000"),
            ("origin", "http://127.0.0.1"),
            ("origin", "https://127.0.0.1:7600"),
            ("origin", "null"),
            ("origin", ""),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
            ("forwarded", "for=192.0.2.1"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("via", "1.1 proxy"),
            ("x-real-ip", "192.0.2.1"),
        ] {
            assert!(with(&[ours, (name, value)]).is_err(), "{name}: {value}");
        }
        assert!(with(&[("host", "rebound.example:7600")]).is_err());
        assert!(with(&[("origin", "http://localhost")]).is_err(), "an origin, and no host that it could be");
        assert!(with(&[("via", "1.1 proxy")]).unwrap_err().detail.contains("--tokens"), "it says what to do");
        assert_eq!(with(&[("seam-user", "dana")]).unwrap().subject, "dana");
        assert_eq!(with(&[]).unwrap().subject, "anonymous");
    }
}
