//! Policies: the demands and limits of each edge, as ordered rules; the first that matches an edge holds.

use semver::Version;

use super::contract::Strictness;
use super::event::Timeout;
use super::id::Edge;
use super::machine::DEFAULT_CYCLES;
use super::time::Millis;

/// The demands of one edge on contracts and its limits for agents.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgePolicy {
    /// Strictness of the check of a contract.
    pub strictness: Strictness,
    /// The least completeness of a brief on a strict edge, `0..=100`.
    pub completeness_min: u8,
    /// Ask a person before the target may begin.
    pub approval: Option<ApprovalPolicy>,
    /// A patrol or a poll: repeats are no loop.
    pub cyclic: bool,
    /// More revisions than this on the pair is a loop.
    pub max_cycles: u32,
    /// More handoffs in a row among agents than this is a loop, `1..=1_000`; `None` is the protocol's default.
    pub max_hops: Option<u32>,
    /// Attempts per budget epoch where the contract does not say, `1..=50`; `None` is the protocol's default.
    pub max_attempts: Option<u32>,
    /// The 95th percentile of emit to acknowledge must stay below this, in milliseconds.
    pub p95_max: Option<Millis>,
    /// Time a claim may stay unacknowledged where the contract does not say, in milliseconds; `None` for the default.
    pub ack_timeout: Option<Millis>,
    /// Separation of duties: nobody who emitted, edited, requeued or escalated it may decide on it.
    pub separation: bool,
    /// Show the target who handed over.
    pub expose_source: bool,
    /// The payload version the target reads; `None` when it reads whatever comes.
    pub consumer: Option<Version>,
    /// Payload members that differ between attempts and do not make work different.
    pub volatile: Vec<String>,
}

/// The approval that a handoff needs before it goes on: the role to ask, the question, and the timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// The role that is asked.
    pub role: String,
    /// The question that the approver reads.
    pub question: String,
    /// Time allowed for the answer, in milliseconds.
    pub due: Millis,
    /// The answer given by the timeout when nobody answers until then.
    pub on_timeout: Timeout,
}

impl Default for EdgePolicy {
    fn default() -> Self {
        Self {
            strictness: Strictness::default(),
            completeness_min: 80,
            approval: None,
            cyclic: false,
            max_cycles: DEFAULT_CYCLES,
            max_hops: None,
            max_attempts: None,
            p95_max: None,
            ack_timeout: None,
            separation: false,
            expose_source: false,
            consumer: None,
            volatile: Vec::new(),
        }
    }
}

/// A rule: the edges it is for, and the policy that holds there. A name that is `*` is any.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Id of the party that hands over.
    pub from: String,
    /// Id of the party that takes over.
    pub to: String,
    /// The policy of the edges it is for.
    pub policy: EdgePolicy,
}

impl Default for Rule {
    fn default() -> Self {
        let any = || "*".to_owned();
        Self { pipeline: any(), from: any(), to: any(), policy: EdgePolicy::default() }
    }
}

/// The policies of all edges; without rules, the default holds on each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    rules: Vec<Rule>,
    /// Name of a pipeline, which may be `*`, and the agents that may hand something to its runs without taking part.
    peers: Vec<(String, Vec<String>)>,
    standard: EdgePolicy,
}

impl Policies {
    /// Rules in their order.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, peers: Vec::new(), standard: EdgePolicy::default() }
    }

    /// The same with the peers of a pipeline, or of any where its name is `*`.
    #[must_use]
    pub fn with_peers(mut self, pipeline: String, peers: Vec<String>) -> Self {
        self.peers.push((pipeline, peers));
        self
    }

    /// Whether `who` may hand something to runs of a pipeline without taking part in them.
    pub fn is_peer(&self, pipeline: &str, who: &str) -> bool {
        let here = self.peers.iter().filter(|(name, _)| fits(name, pipeline));
        here.flat_map(|(_, peers)| peers).any(|it| it == who)
    }

    /// The first rule that separates duties; `None` when none does.
    pub fn separating(&self) -> Option<&Rule> {
        self.rules.iter().find(|it| it.policy.separation)
    }

    /// The policy of an edge: that of the first rule that matches it, else the default.
    pub fn of(&self, edge: &Edge) -> &EdgePolicy {
        self.rules
            .iter()
            .find(|rule| {
                fits(&rule.pipeline, &edge.pipeline) && fits(&rule.from, &edge.from) && fits(&rule.to, &edge.to)
            })
            .map_or(&self.standard, |rule| &rule.policy)
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern == "*" || pattern == name
}
