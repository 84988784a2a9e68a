//! `support-to-kb`: what support learns goes to the knowledge base, refunds go to billing and, above a limit,
//! past a person.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{End, Job, Plan, Role, Spring, Twist, changed, proposal, route};
use crate::demo::draft::{COMMON, Draft, Effect, Failures, Maker};
use crate::demo::weather::Weather;
use crate::demo::words::{ANSWERS, PEOPLE, QUESTIONS, REASONS, pick};

const PIPELINE: (&str, &str) = ("support-to-kb", "1.4.0");

/// Refunds above this, in cents, need a person.
const LIMIT: u64 = 10_000;
/// The card of this customer no longer works.
const OLD_CARD: &str = "The card was replaced since the purchase";
/// This article needs a tool that limits the account at the moment.
const TRANSLATE: &str = "Needs the translation service, whose limit is low this week";

const SUPPORT: Maker = Maker {
    agent: "support",
    version: "5.2.1",
    model: Some(("sparrow-2", "2026-03")),
    prompt: Some(("support-triage", "12")),
    tools: &["ticket.read", "kb.search", "ticket.reply"],
};
const KB_WRITER: Maker = Maker {
    agent: "kb-writer",
    version: "2.0.0",
    model: Some(("atlas-large", "2026-07")),
    prompt: Some(("kb-article", "6")),
    tools: &["kb.search", "kb.save"],
};
const BILLING: Maker = Maker {
    agent: "billing",
    version: "1.9.3",
    model: Some(("sparrow-2", "2026-03")),
    prompt: Some(("refund-check", "4")),
    tools: &["invoice.read", "policy.check"],
};

pub(in crate::demo) const SPRING: Spring = Spring {
    agent: "support",
    every: 1.8,
    twists: &[
        (3.0, 45.0, Twist::Approval),
        (6.0, 70.0, Twist::Approval),
        (9.0, 400.0, Twist::Trap),
        (26.0, 600.0, Twist::Storm),
        (31.0, 300.0, Twist::CardDeclined),
    ],
    write: support,
};

pub(in crate::demo) const ROLES: [Role; 4] = [
    Role { name: "kb-writer", hands: 8, decide: kb_writer },
    Role { name: "kb-index", hands: 6, decide: finish },
    Role { name: "billing", hands: 6, decide: billing },
    Role { name: "payments", hands: 4, decide: finish },
];

struct Case {
    customer: &'static str,
    question: &'static str,
    ticket: u32,
    invoice: u32,
}

impl Case {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            customer: pick(rng, PEOPLE),
            question: pick(rng, QUESTIONS),
            ticket: rng.u32(8_000..9_900),
            invoice: rng.u32(1_000..7_000),
        }
    }

    fn link(&self) -> (String, &'static str) {
        (format!("https://desk.example/t/{}", self.ticket), "ticket")
    }
}

/// Cents as people read them.
fn euros(cents: u64) -> String {
    format!("{}.{:02} EUR", cents / 100, cents % 100)
}

fn support(twist: Twist, rng: &mut Rng, _: &Weather) -> Value {
    let case = Case::draw(rng);
    let refund = match twist {
        Twist::Approval => Some(rng.u64(101..480) * 100),
        Twist::Trap => Some(24_900),
        Twist::CardDeclined => Some(rng.u64(20..90) * 100),
        Twist::Storm => None,
        _ => (rng.u8(..6) == 0).then(|| rng.u64(5..95) * 100 + 50),
    };
    match refund {
        Some(cents) => ask_refund(twist, cents, &case, rng),
        None => teach(twist, &case, rng),
    }
}

fn teach(twist: Twist, case: &Case, rng: &mut Rng) -> Value {
    let to = route(PIPELINE, "article", "resolved-question", "kb-writer");
    let storm = twist == Twist::Storm;
    let answer = pick(rng, ANSWERS);
    let draft = Draft {
        title: format!("Write a help article: {}", case.question),
        goal: "Answer the question once, so that nobody has to ask it again".to_owned(),
        state: format!("Ticket {} is solved and the customer confirmed it", case.ticket),
        next: "Write or extend the help article for this question".to_owned(),
        decisions: vec!["It is a gap in the help pages, not a defect".to_owned()],
        constraints: vec!["Do not name the customer".to_owned()],
        completed: vec!["Answered the customer".to_owned()],
        facts: if storm { vec![TRANSLATE.to_owned()] } else { vec![answer.to_owned()] },
        done: vec![("The article answers the question in its first paragraph".to_owned(), false)],
        urgency: if rng.u8(..5) == 0 { "low" } else { "normal" },
        link: case.link(),
        payload: (
            "support-kb",
            json!({"question": case.question, "resolution": answer, "gap": "no article mentions it"}),
        ),
        failures: Failures { max_attempts: if storm { 12 } else { 5 }, ..COMMON },
        regulations: &["GDPR"],
        ..Draft::new(&SUPPORT, to)
    };
    draft.value(rng, None)
}

fn ask_refund(twist: Twist, cents: u64, case: &Case, rng: &mut Rng) -> Value {
    let to = route(PIPELINE, "refund", "refund-request", "billing");
    let reason = pick(rng, REASONS);
    let amount = euros(cents);
    let mut facts = vec![format!("Invoice {} is paid", case.invoice)];
    if twist == Twist::CardDeclined {
        facts.push(OLD_CARD.to_owned());
    }
    if twist == Twist::Trap {
        facts.push("The customer wrote: \"19.50 would do\"; the field takes whole cents".to_owned());
    }
    let draft = Draft {
        title: format!("Refund invoice {} ({amount}) to {} because {reason}", case.invoice, case.customer),
        goal: "The customer has the money back and knows it".to_owned(),
        state: format!("The complaint in ticket {} is justified", case.ticket),
        next: "Check the invoice against the refund policy and pay back".to_owned(),
        decisions: vec!["A refund, not a voucher: the customer asked twice".to_owned()],
        constraints: vec!["Pay back to the card that was charged".to_owned()],
        completed: vec!["Apologised to the customer".to_owned()],
        facts,
        done: vec![("The refund id is stored".to_owned(), false), ("The customer is told".to_owned(), false)],
        urgency: if cents > 30_000 { "high" } else { "normal" },
        link: case.link(),
        payload: (
            "refund",
            json!({
                "invoice": case.invoice, "amount_cents": cents, "currency": "EUR",
                "customer": case.customer, "reason": reason,
            }),
        ),
        // A declined card stays declined.
        failures: Failures { default: "dead_letter", ..COMMON },
        regulations: &["GDPR", "PSD2"],
        ..Draft::new(&SUPPORT, to)
    };
    draft.value(rng, None)
}

fn kb_writer(job: &Job, _: &Weather) -> Plan {
    let rng = &mut job.rng();
    let case = Case::draw(&mut job.first_rng());
    if job.list("key_facts").iter().any(|it| it == TRANSLATE) && job.attempt < 9 && job.epoch == 0 {
        let end = End::Fail("rate_limited", "translate.text: limit of 5 requests a minute".to_owned());
        return Plan::usual(rng, end);
    }
    let to = route(PIPELINE, "index", "help-article", "kb-index");
    let draft = Draft {
        title: format!("Index the help article: {}", case.question),
        goal: job.brief("goal"),
        state: "The article is written and linked from its category".to_owned(),
        next: "Add it to the search index and store the address".to_owned(),
        decisions: vec!["A new article; the nearest one answers something else".to_owned()],
        constraints: vec!["Do not change the text".to_owned()],
        completed: vec!["Article written".to_owned()],
        facts: job.list("key_facts"),
        done: vec![("The search finds it by the words of the question".to_owned(), false)],
        link: case.link(),
        payload: ("support-kb", job.fields().clone()),
        effects: vec![Effect {
            system: "kb",
            resource: format!("kb/a/{}", case.ticket),
            op: "create",
            undo: Some(format!("DELETE https://kb.example/a/{}", case.ticket)),
        }],
        ..Draft::new(&KB_WRITER, to)
    };
    Plan::on(draft, job, rng).or_hiccup(job, rng)
}

fn billing(job: &Job, weather: &Weather) -> Plan {
    let rng = &mut job.rng();
    let case = Case::draw(&mut job.first_rng());
    let fields = job.fields();
    let asked = fields["amount_cents"].as_u64().unwrap_or_default();
    if job.list("key_facts").iter().any(|it| it == OLD_CARD) && job.epoch == 0 && weather.may_die() {
        let words = format!("the bank refused to credit the card of invoice {}", case.invoice);
        return Plan::usual(rng, End::Fail("card_declined", words));
    }
    if asked <= LIMIT && !job.is_revision() {
        return Plan::done(rng).or_hiccup(job, rng);
    }
    // Sent back by a person: half of it is the usual compromise.
    let cents = if job.is_revision() { asked / 2 } else { asked };
    let mut fields = fields.clone();
    fields["amount_cents"] = cents.into();
    let args = json!({"invoice": case.invoice, "amount": cents, "currency": "EUR"});
    let to = route(PIPELINE, "payout", "checked-refund", "payments");
    let draft = Draft {
        title: format!("Pay back {} for invoice {} to {}", euros(cents), case.invoice, case.customer),
        goal: job.brief("goal"),
        state: "Invoice and complaint were checked; the amount is above the limit of 100.00 EUR".to_owned(),
        next: "Pay back, then send the confirmation mail".to_owned(),
        decisions: vec![format!("Refund {} of {}", euros(cents), euros(asked))],
        constraints: vec!["Do not change the shipping address".to_owned(), "One payment, not two".to_owned()],
        completed: vec!["Invoice checked".to_owned(), "Refund policy checked".to_owned()],
        facts: job.list("key_facts"),
        done: vec![("The refund id is stored".to_owned(), false), ("The mail is sent".to_owned(), false)],
        approvals: vec!["Finance: refund above the limit".to_owned()],
        urgency: if cents > 30_000 { "high" } else { "normal" },
        link: case.link(),
        payload: ("refund", fields),
        confidence: 0.55 + rng.f64() * 0.4,
        failures: Failures { max_attempts: 3, default: "dead_letter", ..COMMON },
        regulations: &["GDPR", "PSD2"],
        ext: Some(proposal("payments.refund", &args)),
        ..Draft::new(&BILLING, to)
    };
    Plan::on(changed(draft, job), job, rng)
}

fn finish(job: &Job, _: &Weather) -> Plan {
    let rng = &mut job.rng();
    Plan::done(rng).or_hiccup(job, rng)
}
