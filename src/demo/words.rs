//! The words the simulated agents speak with. Every name is made up; addresses end in `.example`.

use fastrand::Rng;

/// One item of a list, drawn at random.
pub(super) fn pick(rng: &mut Rng, from: &[&'static str]) -> &'static str {
    from.get(rng.usize(..from.len().max(1))).copied().unwrap_or_default()
}

/// `count` different ones of a list, in the order of the list.
pub(super) fn some(rng: &mut Rng, from: &[&'static str], count: usize) -> Vec<String> {
    let mut chosen: Vec<(usize, &str)> = from.iter().copied().enumerate().collect();
    rng.shuffle(&mut chosen);
    chosen.truncate(count);
    chosen.sort_unstable();
    chosen.into_iter().map(|(_, it)| it.to_owned()).collect()
}

pub(super) const COMPANIES: &[&str] = &[
    "Alder & Finch",
    "Brightwater Dental",
    "Cobalt Cycles",
    "Dovetail Joinery",
    "Eastgate Logistics",
    "Fjord Analytics",
    "Granary Foods",
    "Hansen Marine",
    "Ivory Lane Studio",
    "Juniper Clinics",
    "Kestrel Insurance",
    "Lowland Energy",
    "Marigold Hotels",
    "Northwind Tools",
    "Orchard Schools",
    "Pinecrest Homes",
    "Quarry Lane Legal",
    "Redwood Freight",
    "Saltmarsh Media",
    "Tidewater Labs",
];

pub(super) const PEOPLE: &[&str] = &[
    "Ana Ribeiro",
    "Bram de Wit",
    "Chidi Okafor",
    "Dana Whitlock",
    "Elif Kaya",
    "Freya Lindqvist",
    "Goran Petrov",
    "Hana Mori",
    "Imani Mwangi",
    "Jonas Weber",
    "Katja Novak",
    "Liam Byrne",
    "Mei Tanaka",
    "Noor Haddad",
    "Oscar Silva",
    "Priya Raman",
    "Rosa Jimenez",
    "Sven Halvorsen",
];

pub(super) const TOPICS: &[&str] = &[
    "pricing of five invoicing tools",
    "what changed in the spring release",
    "on-call rotas that people can live with",
    "moving a warehouse to event-driven stock",
    "the new export to spreadsheets",
    "storage costs of small video teams",
    "appointment reminders that are read",
    "how clinics cut no-shows by a third",
    "password-free sign-in for schools",
    "routing deliveries around road works",
    "a year of customer interviews",
    "choosing a first help desk",
    "energy reports for small hotels",
    "bringing paper forms online",
    "what auditors ask about access logs",
    "planning repairs by vibration data",
];

pub(super) const VENDORS: &[&str] = &["vendor A", "vendor B", "vendor C", "vendor D", "vendor E"];

pub(super) const FINDINGS: &[&str] = &[
    "The cheapest plan wins only below ten seats",
    "Two of five vendors changed their plans this quarter",
    "Readers look for migration effort before they look for price",
    "The figures of last year are no longer valid",
    "Three customers confirm the saving in their own numbers",
    "The regional price list differs by about eight percent",
    "Support hours matter more than features to small teams",
    "Nobody publishes an upper limit for storage",
    "The export is used weekly by a quarter of all accounts",
    "Half of the questions come from one settings page",
];

pub(super) const QUESTIONS: &[&str] = &[
    "How do I move an invoice to another customer?",
    "Why does the calendar show the wrong time zone?",
    "Can two people edit the same form at once?",
    "Where did the export button go?",
    "How do I give my accountant read access?",
    "Why was I charged twice this month?",
    "Can I merge two customer records?",
    "How long are deleted files kept?",
    "Why do reminders arrive at night?",
    "How do I change the sender of our emails?",
];

pub(super) const ANSWERS: &[&str] = &[
    "The setting exists but sits under a name nobody looks for; the customer found it with a screenshot",
    "It is a known limit; the agent did it for the customer by hand and wrote the steps down",
    "The time zone of the workspace was never set; setting it fixed all past entries",
    "An account role that may only read solves it; the customer confirmed that it works",
    "It was a duplicate from a retried payment and was taken back the same day",
];

pub(super) const REASONS: &[&str] = &[
    "the item arrived broken",
    "it was charged twice",
    "the course was cancelled",
    "the delivery came a week late",
    "the wrong size was sent",
];

pub(super) const CHANGES: &[&str] = &[
    "Export keeps the column order of the view",
    "Sign-in links expire after ten minutes",
    "Search finds words with accents",
    "Imports continue after a broken row",
    "Reminders respect the quiet hours of the receiver",
    "Reports can be sent to a team",
    "Webhooks are signed",
    "Old sessions end when a password changes",
];

pub(super) const FILES: &[&str] = &[
    "src/export/columns.rs",
    "src/auth/links.rs",
    "src/search/fold.rs",
    "src/import/rows.rs",
    "src/remind/quiet.rs",
    "src/report/teams.rs",
    "src/hook/sign.rs",
    "src/session/end.rs",
    "tests/export.rs",
    "tests/auth.rs",
    "docs/api.md",
];

pub(super) const SERVICES: &[&str] = &[
    "booking for four branches",
    "a help desk for 40 seats",
    "invoicing with reminders",
    "a customer portal",
    "route planning for 12 vans",
    "stock counts on tablets",
    "sign-in for 900 pupils",
];

pub(super) const BUDGETS: &[&str] = &[
    "Has signed a similar contract before",
    "Budget is released until the end of the quarter",
    "Asked twice for a yearly price",
    "Compares with two other offers",
    "Wants to start small and grow",
];

/// Sentences that fill a summary: what was done and how far it can be trusted.
pub(super) const DILIGENCE: &[&str] = &[
    "Every claim was checked against two sources, and the pages were stored with their date.",
    "Records older than a year were left out, because plans and names have changed since.",
    "Where two sources disagree, the newer one was used and the other is linked.",
    "Nothing was sent to the customer yet; the last message in the thread is theirs.",
    "The work was compared with the three most similar pieces of the last quarter.",
    "Personal data that the next step does not need was removed before handing over.",
    "Figures are rounded to whole units; the exact ones are in the linked record.",
    "The style guide was applied; two sentences deviate from it on purpose and are marked.",
    "No assumption was made about budgets; what is written was said by the customer.",
    "A search in the knowledge base found no earlier piece on exactly this subject.",
    "The open question does not block the next step; it only decides the wording of one part.",
    "Tool results are kept for a week under the trace of this run.",
    "One source answered only at the second try; its content is the same as the archived copy.",
    "What is left undone is listed in the definition of done and nowhere else.",
    "The tone is factual; nothing is promised that is not in the product today.",
    "Names and numbers were read back once against the original record.",
];

pub(super) const OPEN_QUESTIONS: &[&str] = &[
    "Is the regional price in scope?",
    "Should the old name be mentioned once?",
    "Does the customer want to be named?",
    "Is a picture needed?",
    "Who answers comments after publication?",
];

pub(super) const TRIED: &[&str] = &[
    "Asked the vendor interface first: it has no public figures",
    "Searched the archive: only pieces from before the last release",
    "Looked for a ready template: none fits",
    "Offered a replacement: out of stock",
    "Called once: no answer",
];
