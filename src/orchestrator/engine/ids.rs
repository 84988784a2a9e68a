//! Ids of new things. Some of them guard what they name: who knows a trace may say that work belongs to it, who knows a
//! lease may end the work. So all come from the generator of the system, and none can be guessed from others.

use uuid::{Builder, Uuid};

use crate::domain::id::HandoffId;
use crate::domain::key::TraceId;
use crate::domain::time::Time;

/// An id that sorts by time, with 74 random bits.
pub(super) fn new_id(now: Time) -> HandoffId {
    let random = Uuid::new_v4().into_bytes();
    let mut bytes = [0; 10];
    // Bytes 6 and 8 hold its version and variant, which are not random.
    bytes[..5].copy_from_slice(&random[..5]);
    bytes[5..].copy_from_slice(&random[9..14]);
    let millis = u64::try_from(now.millis()).unwrap_or_default();
    let id = Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
    HandoffId::from(id.to_string())
}

/// A fencing token: which attempt, and 122 random bits.
pub(super) fn new_lease(attempt: u32) -> String {
    format!("{attempt}.{}", Uuid::new_v4().simple())
}

/// A trace id of 122 random bits.
pub(super) fn new_trace() -> TraceId {
    let random = Uuid::new_v4().simple().to_string();
    TraceId::parse(&random).expect("a version 4 id is 32 lower-case hexadecimal digits, one of which is the 4")
}
