//! What the tests and benchmarks of this package take from the inside, by the paths it has there, and nothing else: what
//! neither they nor the program use, the compiler calls dead.

#![allow(missing_docs)] // each is documented where it stands

pub mod console {
    pub mod app {
        pub use crate::console::app::{
            ActTarget, Connection, Effect, Msg, Named, Place, Proposal, Reply, Screen, Size, Start, State, Ticket,
            edit_approve, propose, update,
        };
        pub mod act {
            pub use crate::console::app::act::{ActTarget, Proposal};
        }
        pub mod dead_letters {
            pub use crate::console::app::dead_letters::Row;
        }
        pub mod events {
            pub use crate::console::app::events::Events;
        }
        pub mod explain {
            pub use crate::console::app::explain::reason;
        }
        pub mod feed {
            pub use crate::console::app::feed::Feed;
        }
        pub mod msg {
            pub use crate::console::app::msg::{Effect, Gesture, Msg, PointerEvent, Reply, Ticket};
        }
        pub mod pipelines {
            pub use crate::console::app::pipelines::Node;
        }
    }
    pub mod shell {
        pub use crate::console::shell::Screen;
    }
    pub mod ui {
        pub use crate::console::ui::{Memo, draw};
    }
}
pub mod demo {
    pub use crate::demo::{Agents, Host, Story};
}
pub mod domain {
    pub mod bearer {
        pub use crate::domain::bearer::Roles;
    }
    pub mod accounting {
        pub use crate::domain::accounting::Entry;
    }
    pub mod contract {
        pub use crate::domain::contract::{Contract, MASK, Masked, RelationKind, Urgency, Violation, digest_of_bytes};
    }
    pub mod environment {
        pub use crate::domain::environment::{Color, Environment};
    }
    pub mod event {
        pub use crate::domain::event::{
            Answer, Boundary, DeadReason, DismissReason, Emission, Escalation, EscalationKind, Event, Fact, Rejection,
            Resolution, Terms, Timeout,
        };
    }
    pub mod health {
        pub use crate::domain::health::{Kind, Measured, Measures, Tally, Window};
    }
    pub mod id {
        pub use crate::domain::id::{Actor, Edge, HandoffId, RunId};
    }
    pub mod ledger {
        pub use crate::domain::ledger::{KEEP_CLOSED, Ledger};
    }
    pub mod machine {
        pub use crate::domain::machine::{Folded, evolve};
    }
    pub mod port {
        pub use crate::domain::port::{
            Act, ActKind, Batch, Begin, Body, Capabilities, Control, Cursor, Fault, Found, Object, Outcome, Replay,
            Report, Request, Revealed, Scope, SeenToken, Skipped, Snapshot, SourceId, Target, Want,
        };
    }
    pub mod run {
        pub use crate::domain::run::{Handoffs, LastChange, Run};
    }
    pub mod severity {
        pub use crate::domain::severity::Severity;
    }
    pub mod time {
        pub use crate::domain::time::{DAY, HOUR, MINUTE, Millis, SECOND, Time};
    }
}
pub mod keymap {
    pub use crate::keymap::{Action, Context, Key, Keymap};
}
pub mod orchestrator {
    pub mod api {
        pub use crate::orchestrator::api::{Access, Limits, serve, serve_within};
        pub mod auth {
            pub use crate::orchestrator::api::auth::new_token;
        }
    }
    pub mod engine {
        pub use crate::orchestrator::engine::{Engine, Settings};
    }
    pub mod policy_file {
        pub use crate::orchestrator::policy_file::read;
    }
    pub mod sweeper {
        pub use crate::orchestrator::sweeper::start;
    }
}
pub mod source {
    pub use crate::source::{Address, Options, Shared, Source, Supervised, open, supervise};
    pub mod embedded {
        pub use crate::source::embedded::Embedded;
    }
    pub mod http {
        pub use crate::source::http::Http;
    }
    pub mod observer {
        pub use crate::source::observer::{Disorder, Observation, Observer, Origin, Window};
    }
    pub mod recording {
        pub use crate::source::recording::{Recording, write_line};
    }
}
pub mod store {
    pub use crate::store::{Commit, Lock, Sqlite, Store, audit, backup};
}
pub mod theme {
    pub use crate::theme::{BUILT_IN, Theme, rgb_of};
}
