//! `lead-to-crm`: a qualifier hands leads to sales, sales to the CRM; quotes with a discount pass a person.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{End, Job, Plan, Role, Spring, Twist, changed, proposal, route};
use crate::demo::draft::{COMMON, Draft, Failures, Maker};
use crate::demo::weather::Weather;
use crate::demo::words::{BUDGETS, COMPANIES, PEOPLE, SERVICES, pick, some};

const PIPELINE: (&str, &str) = ("lead-to-crm", "3.0.1");

/// Most attempts to enter a lead.
const ATTEMPTS: u32 = 3;
/// Text of a lead that needs a quote; the discount in percent follows.
const DISCOUNT: &str = "Asks for a discount in percent:";

const QUALIFIER: Maker = Maker {
    agent: "qualifier",
    version: "3.3.0",
    model: Some(("sparrow-2", "2026-03")),
    prompt: Some(("lead-score", "11")),
    tools: &["form.read", "company.lookup"],
};
const SALES: Maker = Maker {
    agent: "sales",
    version: "4.0.0",
    model: Some(("atlas-large", "2026-07")),
    prompt: Some(("quote-draft", "7")),
    tools: &["calendar.read", "price.list", "mail.draft"],
};

pub(in crate::demo) const SPRING: Spring = Spring {
    agent: "qualifier",
    every: 2.6,
    twists: &[(5.0, 80.0, Twist::Approval), (10.0, 300.0, Twist::Trap)],
    write: qualifier,
};

pub(in crate::demo) const ROLES: [Role; 3] = [
    Role { name: "sales", hands: 8, decide: sales },
    Role { name: "crm", hands: 6, decide: crm },
    Role { name: "quoting", hands: 4, decide: quoting },
];

struct Lead {
    company: &'static str,
    person: &'static str,
    service: &'static str,
    form: u32,
}

impl Lead {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            company: pick(rng, COMPANIES),
            person: pick(rng, PEOPLE),
            service: pick(rng, SERVICES),
            form: rng.u32(20_000..90_000),
        }
    }

    fn link(&self) -> (String, &'static str) {
        (format!("https://forms.example/{}", self.form), "form")
    }
}

fn qualifier(twist: Twist, rng: &mut Rng, _: &Weather) -> Value {
    let lead = Lead::draw(rng);
    let to = route(PIPELINE, "qualify", "lead", "sales");
    let discount = match twist {
        Twist::Approval => Some(rng.u32(8..25)),
        Twist::Trap => Some(30),
        _ => None,
    };
    let urgency = if rng.u8(..4) == 0 { "high" } else { "normal" };
    let mut facts = vec![pick(rng, BUDGETS).to_owned()];
    facts.extend(discount.map(|it| format!("{DISCOUNT} {it}")));
    if twist == Twist::Trap {
        facts.push("Hopes for 35; the price list ends at 30".to_owned());
    }
    let draft = Draft {
        title: format!("Call {} of {} about {}", lead.person, lead.company, lead.service),
        goal: format!("{} becomes a customer or says why not", lead.company),
        state: "The form is complete and the company exists".to_owned(),
        next: "Call today, confirm the need and enter the lead".to_owned(),
        decisions: vec!["Qualified: need, budget and time are stated".to_owned()],
        constraints: vec!["Do not promise a date".to_owned()],
        completed: vec!["Company looked up".to_owned(), "Receipt of the form confirmed".to_owned()],
        facts,
        done: vec![("The need is confirmed".to_owned(), false), ("The lead is in the CRM".to_owned(), false)],
        urgency,
        link: lead.link(),
        payload: (
            "lead",
            json!({
                "contact": {
                    "name": lead.person, "company": lead.company,
                    "email": format!("{}@customer.example", lead.person.to_lowercase().replace(' ', ".")),
                },
                "source": pick(rng, &["contact form", "webinar", "recommendation", "chat"]),
                "service_needed": lead.service, "urgency": urgency,
                "budget_signals": some(rng, BUDGETS, 2),
                "questions_asked": ["When do you want to start?"], "answers_given": ["Within the quarter"],
                "recommended_next_step": "Call today",
            }),
        ),
        regulations: &["GDPR"],
        ..Draft::new(&QUALIFIER, to)
    };
    draft.value(rng, None)
}

fn sales(job: &Job, _: &Weather) -> Plan {
    let rng = &mut job.rng();
    let lead = Lead::draw(&mut job.first_rng());
    let asked = job.list("key_facts").iter().find_map(|it| it.strip_prefix(DISCOUNT)?.trim().parse::<u32>().ok());
    // Sent back with a quote: the discount was too much.
    let before = job.fields()["discount_percent"].as_u64().and_then(|it| u32::try_from(it).ok());
    match before.map(|it| it / 2).or(asked) {
        Some(discount) => quote(job, &lead, discount, rng),
        None => enter(job, &lead, rng),
    }
}

fn enter(job: &Job, lead: &Lead, rng: &mut Rng) -> Plan {
    let to = route(PIPELINE, "record", "confirmed-lead", "crm");
    let draft = Draft {
        title: format!("Enter the lead: {}, {}", lead.company, lead.service),
        goal: job.brief("goal"),
        state: "The need is confirmed on the phone".to_owned(),
        next: "Create or update company, person and opportunity in the CRM".to_owned(),
        decisions: vec!["One opportunity, not one per branch".to_owned()],
        constraints: vec!["Do not overwrite the owner of the account".to_owned()],
        completed: vec!["Called".to_owned(), "Meeting proposed".to_owned()],
        facts: job.list("key_facts"),
        done: vec![("The opportunity has a number".to_owned(), false)],
        urgency: if job.contract["brief"]["urgency"] == "high" { "high" } else { "normal" },
        link: lead.link(),
        payload: ("lead", job.fields().clone()),
        failures: Failures { max_attempts: ATTEMPTS, ..COMMON },
        regulations: &["GDPR"],
        ..Draft::new(&SALES, to)
    };
    Plan::on(changed(draft, job), job, rng).or_hiccup(job, rng)
}

fn quote(job: &Job, lead: &Lead, discount: u32, rng: &mut Rng) -> Plan {
    let to = route(PIPELINE, "quote", "quote", "quoting");
    let euros = rng.u32(24..180) * 100;
    let args = json!({"to": lead.company, "discount_percent": discount, "yearly_eur": euros});
    let draft = Draft {
        title: format!("Send {} the quote for {} with {discount} % discount", lead.company, lead.service),
        goal: job.brief("goal"),
        state: "The quote is written and not sent".to_owned(),
        next: "Send the quote and book a call in a week".to_owned(),
        decisions: vec![format!("{discount} % for a contract of two years")],
        constraints: vec!["Valid for 14 days, not longer".to_owned(), "Do not lower the set-up fee".to_owned()],
        completed: vec!["Quote written".to_owned(), "Margin checked".to_owned()],
        facts: job.list("key_facts"),
        done: vec![("The quote is sent".to_owned(), false), ("A call is booked".to_owned(), false)],
        approvals: vec!["Sales lead: discount".to_owned()],
        urgency: "high",
        link: lead.link(),
        payload: (
            "quote",
            json!({
                "company": lead.company, "service": lead.service, "yearly_eur": euros,
                "discount_percent": discount, "valid_days": 14,
            }),
        ),
        confidence: 0.6 + rng.f64() * 0.3,
        regulations: &["GDPR"],
        ext: Some(proposal("quote.send", &args)),
        ..Draft::new(&SALES, to)
    };
    Plan::on(changed(draft, job), job, rng)
}

/// A program that follows rules. Whatever a person has put back in the queue goes through: by then the CRM has
/// been looked at.
fn crm(job: &Job, weather: &Weather) -> Plan {
    let rng = &mut job.rng();
    if job.epoch == 0 && weather.is_crm_down(job.attempt >= ATTEMPTS.into()) {
        let words = format!("crm.upsert: no answer within {} ms", rng.u32(1_100..1_900));
        return Plan::usual(rng, End::Fail("timeout", words));
    }
    Plan::done(rng)
}

fn quoting(_: &Job, _: &Weather) -> Plan {
    Plan::done(&mut Rng::with_seed(0))
}
